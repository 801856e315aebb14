"""Is damage ever shown as a measurement? Flips bits of a run's, a store's and a baseline's files.

`python -m tests.benchmarks.flips 10000 1000 5000` flips a bit and cuts a file off so often, one at
a time, and runs the commands that read it. Counted is what came of it; none may be wrong. The third
number is how often a value in a run's files is replaced by an odd one and the checksum made anew,
as a stranger could: what is shown then is the stranger's, but no command may end in a traceback.
"""

from __future__ import annotations

import io
import json
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from compbench import seal
from compbench.cli import main
from compbench.results.folder import write_rows
from compbench.results.record import write_run
from tests.factory import RUN, RUN_ROWS, with_keys
from tests.kept import write_run as write_whole_run

SAME, ERROR, LACKS, WRONG, TRACEBACK = "without effect", "an error", "lacks", "WRONG", "TRACEBACK"


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
    """A command's exit code, and all that it printed; -1 for a traceback."""
    out = io.StringIO()
    places = ["--results", str(root / "results")]
    if arguments[0] == "baseline":
        places += ["--baselines", str(root / "baselines")]
    with (
        redirect_stdout(out),
        redirect_stderr(out),
        warnings.catch_warnings(record=True) as told,
        patch.object(sys, "argv", ["compbench", *arguments, *places]),
    ):
        warnings.simplefilter("always")
        try:
            main.main()
        except SystemExit as stopped:
            code = stopped.code
        except BaseException as error:
            return -1, f"{type(error).__name__}: {error}"
        else:
            code = 0
    said = "".join(f"warning: {each.message}\n" for each in told)
    return code if isinstance(code, int) else 0, said + out.getvalue()


def tables(root: Path) -> list[tuple[int, str]]:
    """What is shown of the run, picked and compared, and what is said of the baseline."""
    return [
        called(root, "show", "mine", "--json"),
        called(root, "pick", "mine", "--json"),
        called(root, "compare", "mine", "kept", "--format", "json"),
        called(root, "baseline", "diff", "main", "kept"),
    ]


def judged(found: list[tuple[int, str]], wanted: list[tuple[int, str]]) -> str:
    """The worst of what came of one damage."""
    kinds = [_judged(*pair) for pair in zip(found, wanted, strict=True)]
    return next(kind for kind in (TRACEBACK, WRONG, ERROR, LACKS, SAME) if kind in kinds)


def _judged(found: tuple[int, str], wanted: tuple[int, str]) -> str:
    code, text = found
    if code == -1:
        return TRACEBACK
    if found == wanted:
        return SAME
    if code == 2 and text.startswith("error: ") and text.count("\n") == 1 and len(text) <= 308:
        return ERROR
    said = "is damaged" in text or "is missing" in text
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
        for _ in range(count):
            path = draw.choice(files)
            content = path.read_bytes()
            path.write_bytes(forged(path, draw))
            found = [*tables(root), called(root, "history", "mine", "--format", "json")]
            bad = [said for code, said in found if code == -1]
            for said in bad:
                tell(f"{TRACEBACK}: {path.relative_to(root)}: {said[-600:]}")
            is_refused = any(code == 2 for code, _ in found)
            counts[TRACEBACK if bad else ERROR if is_refused else SAME] += 1
            path.write_bytes(content)
    return counts


def count(flips: int, cuts: int, tell: Callable[[str], None] = print) -> Counter[str]:
    """What came of so many flipped bits and cut files."""
    draw = random.Random(0)
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made(root)
        wanted = tables(root)
        assert all(code in (0, 1) for code, _ in wanted), wanted
        files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.stat().st_size]
        for number in range(flips + cuts):
            path = draw.choice(files)
            content = path.read_bytes()
            path.write_bytes(damaged(content, draw, number >= flips))
            found = tables(root)
            path.write_bytes(content)
            kind = judged(found, wanted)
            counts[kind] += 1
            if kind in (WRONG, TRACEBACK):
                bad = next(f for f, w in zip(found, wanted, strict=True) if _judged(f, w) == kind)
                tell(f"{kind}: {path.relative_to(root)}: {bad[1][-600:]}")
    return counts


if __name__ == "__main__":
    flipped, cut, forgeries = (*map(int, sys.argv[1:]), 0)[:3]
    found = {"damaged": count(flipped, cut), "forged": forge(forgeries)}
    print(json.dumps(found, indent=1))
    raise SystemExit(any(counts[kind] for counts in found.values() for kind in (WRONG, TRACEBACK)))
