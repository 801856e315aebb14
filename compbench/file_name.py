"""Names that become part of a path: each is one part of it, and stays in its folder."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

MOST_BYTES = 200  # a file system takes 255, and compbench puts words before and behind a name


def problem(name: str) -> str | None:
    """What is wrong with a name that would be that of a file or a folder; None where nothing is."""
    if not name.strip(". "):
        return "has no letter or digit"
    if name.startswith("."):
        return "begins with a dot"
    if len(name.encode(errors="replace")) > MOST_BYTES:
        return f"has more than {MOST_BYTES} bytes"
    odd = next((c for c in name if c in "/\\" or not c.isprintable()), None)
    return None if odd is None else f"has {odd!r} in it, which no file's name may have"


def _checked(name: str) -> str:
    wrong = problem(name)
    if wrong:
        raise ValueError(f"{name[:40]!r} {wrong}")
    return name


FileName = Annotated[str, AfterValidator(_checked)]
# of a variant or a target: a part of a file's name, and a word in any table, page or command
PlainName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$"), FileName]
