"""What a user can put right, and what made one job fail."""

from __future__ import annotations

import difflib
import re
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

_COLOURS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48's control sequences
_PATH = re.compile(r"(?<![\w/.])(?:/[^\s/'\"():,;]+){3,}")
_PLAIN = {"valid tuple": "list", "valid dictionary": "table", " after validation": ""}


LONGEST = 300  # characters of a message


class UserError(Exception):
    """A mistake the user can put right; the command line prints it as one line and exits with 2."""

    def __init__(self, message: str = "") -> None:
        super().__init__(shortened(printable(message)))


class JobFailed(Exception):
    """One job, launch or target failed; the others stand and the report shows the reason.

    `details` are a traceback, or what a process said before it ended, where there is such a thing.
    """

    def __init__(self, reason: str = "", details: str = ""):
        super().__init__(shortened(printable(" ".join(plain(reason).split("\n")))))
        self.details = details


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    return (plain(str(error)).strip().splitlines() or [type(error).__name__])[0]


def plain(text: str) -> str:
    """A text without the codes that colour it in a terminal."""
    return _COLOURS.sub("", text)


def told(error: BaseException) -> str:
    """What a plugin's exception says and where in its file it was raised, in one short line."""
    said, where = one_line(str(error)), place(error)
    kind = type(error).__name__
    text = f"{kind}: {said}" if said else kind
    return f"{text} ({where})" if where else text


def one_line(text: str, most: int = 120) -> str:
    """The first line of a text without control characters, cut where it is long."""
    line = printable((text.strip().splitlines() or [""])[0])
    return line if len(line) <= most else f"{line[: most - 1]}…"


def shortened(text: str, most: int = LONGEST) -> str:
    """A message of so many characters at most.

    Of the longest paths only the last two names stay; where that is not enough, its middle is cut.
    """
    for path in sorted(_PATH.findall(text), key=len, reverse=True):
        if len(text) > most:
            text = text.replace(path, "…/" + "/".join(path.split("/")[-2:]))
    if len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end - 1]}…{text[-end:]}"


def shown(value: object) -> str:
    """A value as a message shows it: its repr, cut where it is long."""
    return one_line(repr(value), 60)


def printable(text: str, *, lines: bool = False) -> str:
    """A text with control characters written out, which a terminal would obey; `lines` may stay."""
    kept = "\n" if lines else ""
    return "".join(c if c.isprintable() or c in kept else repr(c)[1:-1] for c in text)


def place(error: BaseException) -> str:
    """The last line that ran outside of compbench and of all libraries."""
    if isinstance(error, SyntaxError):  # says it itself
        return ""
    libraries = (Path(__file__).parent, *map(Path, sysconfig.get_paths().values()))
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_file() and not any(path.is_relative_to(place) for place in libraries):
            return f"{path.name}, line {frame.lineno}"
    return ""


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error message: the known word most like `word`, or all the known words."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(known)}" if known else ""


def explain(error: ValidationError, subject: str, known: Iterable[str], skip: int = 0) -> str:
    """One line for the first thing that pydantic found wrong in the options of `subject`.

    `skip` is how many parts of the place the subject names already.
    """
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"][skip:])
    if first["type"] == "missing":
        return f"{subject} needs '{place}'"
    if first["type"] == "extra_forbidden":
        return f"{subject} has no option '{place}'{nearest(place, known)}"
    message = one_line(first["msg"].removeprefix("Value error, "), 240)
    if first["type"] == "value_error":
        return f"{subject}: {place}: {message}" if place else f"{subject}: {message}"
    message = re.sub("^(Input|Tuple|List|Dictionary|String|Value) ", "", message)
    for jargon, plain in _PLAIN.items():
        message = message.replace(jargon, plain)
    value = first["input"]
    if first["type"] == "literal_error" and isinstance(value, str):
        choices = first.get("ctx", {}).get("expected", "").replace(" or ", ", ").split(", ")
        message += nearest(value, [c.strip("'") for c in choices]) if value else ""
    return f"{subject}: {place} = {shown(value)} {message}"
