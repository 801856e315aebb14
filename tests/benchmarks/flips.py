"""Is damage ever shown as a measurement? Flips bits of a run's, a store's and a baseline's files.

`python -m tests.benchmarks.flips 10000 1000 5000` flips a bit and cuts a file off so often, one at
a time, and runs the commands that read it; each tenth time also those that write whole pages, which
take ten times as long. Counted is what came of it; none may be wrong: a command
says what it says of whole files, or ends with an error in a line, or says by name which file is
damaged. The third number is how often a value in a run's files is replaced by an odd one and the
checksum made anew, as a stranger could: what is shown then is the stranger's, but no command may
end in a traceback. Two hours.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from compbench import seal
from compbench.report.pictures import draw, history
from compbench.report.pictures.draw import Drawn
from compbench.report.section import Picture
from compbench.results.folder import write_rows
from compbench.results.record import write_run
from tests.benchmarks import commands
from tests.benchmarks.bounds import Bounds
from tests.factory import RUN, RUN_ROWS, with_keys
from tests.kept import write_run as write_whole_run

UNNAMED = "AN ERROR THAT NAMES NO FILE"
SAME, ERROR, LACKS, WRONG, TRACEBACK = "without effect", "an error", "lacks", "WRONG", "TRACEBACK"
BAD = (UNNAMED, WRONG, TRACEBACK)
QUICK = (
    ("show", "mine", "--json"),
    ("pick", "mine", "--json"),
    ("compare", "mine", "kept", "--format", "json"),
    ("baseline", "diff", "main", "kept"),
)
COMMANDS = (*QUICK, ("report", "mine"), ("history", "mine", "--format", "json"))
ALL_EACH = 10  # how often all commands are run


def made(root: Path) -> None:
    """A run with rows in several files; and another with artifacts, and a baseline of it."""
    write_whole_run(root / "results", suite="kept")
    run = root / "results" / "runs" / "mine" / "20260102T030405Z"
    run.mkdir(parents=True)
    names = []
    for variant in ("", *RUN.variants):
        rows = [row for row in RUN_ROWS if row.variant == variant]
        if rows:
            names.append(f"artifact-{variant or 'all'}-0")
            write_rows(run, names[-1], rows)
    files = tuple(sorted(names))
    write_run(run, with_keys(RUN, RUN_ROWS).model_copy(update={"files": files}))
    code, said = called(root, "baseline", "save", "kept")
    assert code == 0, said


def called(root: Path, *arguments: str) -> tuple[int, str]:
    """A command's exit code, and all that it printed and wrote as text; -1 for a traceback."""
    places = ["--results", str(root / "results")]
    if arguments[0] == "baseline":
        places += ["--baselines", str(root / "baselines")]
    reports = root / "results" / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    code, out, err = commands.called(*arguments, *places)
    written = sorted(reports.rglob("*.md"))
    return code, err + out + "".join(path.read_text("utf-8") for path in written)


def tried(number: int) -> tuple[tuple[str, ...], ...]:
    """The commands that are run after so many damages."""
    return QUICK if number % ALL_EACH else COMMANDS


def tables(root: Path, number: int = 0) -> list[tuple[int, str]]:
    """What is shown of the run, picked, compared and reported, and what is said of the baseline.

    Pictures are not drawn, which takes longest: they are of the same rows as the words.
    """
    with patch.object(draw, "pictures", _undrawn), patch.object(history, "picture", lambda _: b""):
        return [called(root, *each) for each in tried(number)]


def _undrawn(found: Iterable[Picture]) -> Drawn:
    return Drawn({picture.name: b"" for picture in found}, {})


def judged(found: tuple[int, str], wanted: tuple[int, str], path: Path) -> str:
    """What came of a damaged file in a command, by what it says of whole ones."""
    code, text = found
    if code == commands.TRACEBACK:
        return TRACEBACK
    if found == wanted:
        return SAME
    names = [path.name]
    if path.parents[1].name == "artifacts":
        names.append(path.parent.name)  # its key: an artifact is made again as a whole
    if code == 2 and text.startswith("error: ") and text.count("\n") == 1 and len(text) <= 308:
        return ERROR if any(name in text for name in names) else UNNAMED
    lines = [line for line in text.splitlines() if any(name in line for name in names)]
    said = any("damaged" in line or "missing" in line for line in lines)
    return LACKS if said else WRONG


def damaged(content: bytes, draw: random.Random, is_cut: bool) -> bytes:
    """One bit flipped, or cut off anywhere."""
    place = draw.randrange(len(content))
    if is_cut:
        return content[:place]
    flipped = bytearray(content)
    flipped[place] ^= 1 << draw.randrange(8)
    return bytes(flipped)


_ODD: tuple[Any, ...] = (None, True, "", "x" * 40, -1, 0, 1e308, 2**70, [], {}, [[]], {"a": None})


def forged(path: Path, draw: random.Random) -> bytes:
    """A file of a run with an odd value somewhere, and a checksum that fits."""
    text = path.read_bytes()
    if path.suffix == ".json":
        content = seal.json_object(text, is_sealed=True)
        _spoil(content, draw)
        return seal.json_text(content)
    lines = seal.json_lines(text, is_sealed=True)
    _spoil(draw.choice(lines), draw)
    return seal.lines_text("".join(f"{json.dumps(line)}\n" for line in lines).encode())


def _spoil(content: Any, draw: random.Random) -> None:
    """Replace, or take away, something at any depth."""
    places = range(len(content)) if isinstance(content, list) else [*content]
    place = draw.choice(places)
    inner = content[place]
    if isinstance(inner, dict | list) and inner and draw.random() < 0.8:
        _spoil(inner, draw)
    elif draw.random() < 0.3:
        del content[place]
    else:
        content[place] = draw.choice(_ODD)


def forge(count: int, tell: Callable[[str], None] = print) -> Counter[str]:
    """What came of so many odd values with a checksum that fits: a traceback, or not."""
    draw = random.Random(0)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made(root)
        files = [*(root / "results" / "runs" / "mine").rglob("*.json*")]
        for number in range(count):
            path = draw.choice(files)
            content = path.read_bytes()
            path.write_bytes(forged(path, draw))
            found = tables(root, number)
            bad = [said for code, said in found if code == commands.TRACEBACK]
            for said in bad:
                tell(f"{TRACEBACK}: {path.relative_to(root)}: {said[-600:]}")
            is_refused = any(code == 2 for code, _ in found)
            counts[TRACEBACK if bad else ERROR if is_refused else SAME] += 1
            path.write_bytes(content)
    return counts


def count(flips: int, cuts: int, tell: Callable[[str], None] = print) -> Counter[str]:
    """What came of so many flipped bits and cut files, in each command."""
    draw = random.Random(0)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made(root)
        wanted = tables(root)
        assert all(code in (0, 1) for code, _ in wanted), wanted
        shutil.rmtree(root / "results" / "reports")  # no command reads another's
        files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.stat().st_size]
        for number in range(flips + cuts):
            path = draw.choice(files)
            content = path.read_bytes()
            path.write_bytes(damaged(content, draw, number >= flips))
            found = tables(root, number)
            path.write_bytes(content)
            for command, one, whole in zip(tried(number), found, wanted, strict=False):
                kind = judged(one, whole, path)
                counts[kind] += 1
                if kind in BAD:
                    said = one[1][-600:]
                    tell(f"{kind}: {path.relative_to(root)}: {' '.join(command)}: {said}")
    return counts


if __name__ == "__main__":
    flipped, cut, forgeries = (*map(int, sys.argv[1:]), 0)[:3]
    bounds = Bounds()
    for what, counts in {"damaged": count(flipped, cut), "forged": forge(forgeries)}.items():
        print(f"{what}: {json.dumps(counts)}")
        for kind in BAD:
            bounds.none_of(f"{what}, {kind}", counts[kind])
    bounds.end()
