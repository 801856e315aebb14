"""Is every suite file read, or refused in one short line? Mutates suites and checks them.

`python -m tests.benchmarks.suite_fuzz 20000` calls `compbench check` on each and counts what came
of it: exit code 0 with nothing on stderr, or 2 with an error of one line. None may be a traceback,
another exit code, a line over 300 characters or with control characters, or slower than a second.
A process that checks one of the repository's suites may hold 500 MB; the mutated ones, all checked
in one process, may add 100 MB to what the libraries hold that they name. Half an hour.
"""

from __future__ import annotations

import importlib
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from compbench.data.torchvision import torchvision
from compbench.errors import LONGEST
from tests.benchmarks import commands, fresh
from tests.benchmarks.bounds import Bounds

READ, REFUSED = "read", "refused in a line"
LONG, ODD, RAISED, SLOW = "LONG LINE", "NO LINE, OR CONTROL CHARACTERS", "RAISED", "SLOW"
ODD_CODE, WARNED = "ANOTHER EXIT CODE", "WARNED"
BAD = (LONG, ODD, RAISED, SLOW, ODD_CODE, WARNED)
SLOWEST_S = 1.0
MOST_BYTES, MORE_BYTES = 500e6, 100e6
ROOT = Path(__file__).parents[2]

VALUES = [
    '""',
    '"x"',
    "0",
    "-1",
    "1e308",
    "1e999",
    "nan",
    "inf",
    "-inf",
    "true",
    "9223372036854775808",
    "1" * 5000,
    "0x" + "f" * 5000,
    "1." + "0" * 5000,
    '"' + "a" * 100_000 + '"',
    '"\\u001b[31mred\\u0007"',
    '"\\u0000"',
    '"\\u202e"',
    '"<img src=x onerror=alert(1)>"',
    '"[x](javascript:alert(1))"',
    '"a | b"',
    '"../../x"',
    '"/etc/passwd"',
    '"~"',
    '"."',
    '".."',
    '":"',
    '"a:"',
    '":b"',
    '"a.b:c.d:e"',
    '".a:b"',
    '"..:b"',
    '"os:system"',
    '"compbench.contracts:TechniqueBase"',
    '"compbench.contracts:ModelFamily"',
    '"abc:ABC"',
    '"builtins:object"',
    '"torch.nn:Module"',
    '"timm:"',
    '"timm:no_such_net"',
    '"torchvision:resnet18"',
    '"transformers:nowhere"',
    "[]",
    "[[]]",
    "{}",
    "[" * 3000 + "]" * 3000,
    "{a=" * 500 + "1" + "}" * 500,
    '{ name = "" }',
    "{ name = 1 }",
    '{ name = "digits", path = "x" }',
    '["teacher"]',
    '["a", "b"]',
    "1979-05-27T07:32:00Z",
    "07:32:00",
    '"1pp"',
    '"1%"',
    '"200KB"',
    '"0.5ms"',
    "[1, 2, 3]",
    "[0.5]",
    "[true]",
    '"""\nlines\nof\ntext"""',
]


def suites() -> list[Path]:
    """All suites of the repository."""
    return sorted([*ROOT.glob("suites/*.toml"), *ROOT.glob("examples/*/*.toml")])


def corpus() -> list[tuple[Path, str]]:
    """Their texts, with the folders in which their plugins are found."""
    return [(path.parent, path.read_text(encoding="utf-8")) for path in suites()]


def _value(text: str, draw: random.Random) -> str:
    """Another value for one key."""
    lines = text.split("\n")
    places = [i for i, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    if places:
        place = draw.choice(places)
        lines[place] = f"{lines[place].split(' = ')[0]} = {draw.choice(VALUES)}"
    return "\n".join(lines)


def _key(text: str, draw: random.Random) -> str:
    """A key more in some table, taken from another."""
    lines = text.split("\n")
    keys = [line for line in lines if " = " in line and not line.startswith("#")]
    if keys:
        lines.insert(draw.randrange(len(lines)), draw.choice(keys))
    return "\n".join(lines)


def _line(text: str, draw: random.Random) -> str:
    """A line less, or twice, or in another place."""
    lines = text.split("\n")
    line = lines.pop(draw.randrange(len(lines)))
    for _ in range(draw.randrange(3)):
        lines.insert(draw.randrange(len(lines) + 1), line)
    return "\n".join(lines)


def _word(text: str, draw: random.Random) -> str:
    """One word for another of the file."""
    words = [word for word in text.split() if word]
    old, new = draw.choice(words), draw.choice(words)
    place = draw.choice([i for i in range(len(text)) if text.startswith(old, i)])
    return text[:place] + new + text[place + len(old) :]


def _character(text: str, draw: random.Random) -> str:
    """A character more, or another one."""
    place = draw.randrange(len(text) + 1)
    new = draw.choice("\"'[]{}=.,:#\n\t\\\x00\x1b\x7f\u2028\ufeff|<>é0")
    return text[:place] + new + text[place + draw.randrange(2) :]


def _table(text: str, draw: random.Random) -> str:
    """Another name for a table, or one more."""
    names = ["", "variants", "variants.a", "variants.'../../x'", 'variants."\\u001b[1m"', "pick"]
    names += ["targets.x", "targets.'a b'", "gate", "measure", "references.x", "variants.a.b.c.d"]
    names += [f"variants.{'n' * 300}", "variants." + ".".join("abcdefgh" * 40)]
    lines = text.split("\n")
    heads = [i for i, line in enumerate(lines) if line.startswith("[")]
    new = f"[{draw.choice(names)}]"
    if heads and draw.random() < 0.5:
        lines[draw.choice(heads)] = new
    else:
        lines.insert(draw.randrange(len(lines) + 1), new)
    return "\n".join(lines)


MUTATIONS: Sequence[Callable[[str, random.Random], str]] = (
    _value,
    _value,
    _key,
    _line,
    _word,
    _character,
    _table,
)


def mutated(text: str, draw: random.Random) -> bytes:
    """One to four mutations, and now and then bytes that are no text at all."""
    for _ in range(draw.randint(1, 4)):
        text = draw.choice(MUTATIONS)(text, draw) or "\n"
    content = text.encode("utf-8", "surrogatepass")
    if draw.random() < 0.02:
        return text.encode("utf-16")
    if draw.random() < 0.05:
        flipped = bytearray(content)
        flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        return bytes(flipped)
    return content


def outcome(path: Path) -> tuple[str, str]:
    """What came of checking a suite, and the words that say more of it."""
    started = time.perf_counter()
    empty = path.parent / "empty"
    said = commands.called("check", str(path), "--results", str(empty), "--data-dir", str(empty))
    seconds = time.perf_counter() - started
    kind, words = judged(said)
    if kind in (READ, REFUSED) and seconds > SLOWEST_S:
        return SLOW, f"{seconds:.1f} s, {kind}: {words}"
    return kind, words


def judged(said: commands.Said) -> tuple[str, str]:
    """What kind of answer it is, and its words."""
    if said.code == commands.TRACEBACK:
        return RAISED, said.err
    if said.code not in (0, 2):
        return ODD_CODE, f"exit code {said.code}: {said.err}"
    if said.code == 0:
        return (WARNED, said.err) if said.err else (READ, "")
    message = said.err.removeprefix("error: ").removesuffix("\n")
    if len(message) > LONGEST:
        return LONG, message
    is_line = said.err == f"error: {message}\n" and not said.out
    return (REFUSED if is_line and message.isprintable() else ODD), message


def warm_up() -> None:
    """What is slow the first time: imports of all that suites name."""
    for folder in {folder for folder, _ in corpus()}:
        for path in folder.glob("*.toml"):
            outcome(path)
    torchvision("models")
    for library in ("timm", "transformers"):
        with suppress(ImportError):
            importlib.import_module(library)


def count(mutations: int, tell: Callable[[str], None] = print, seed: int = 0) -> Counter[str]:
    """What came of so many mutated suites; the bad ones are told of, each kind of words once."""
    draw = random.Random(seed)
    texts, counts, told = corpus(), Counter[str](), set[str]()
    warm_up()
    with tempfile.TemporaryDirectory() as beside:
        for number in range(mutations):
            folder, text = draw.choice(texts)
            content = mutated(text, draw)
            path = Path(beside) / "mutated.toml"
            path.write_bytes(content)
            for module in folder.glob("*.py"):
                target = path.with_name(module.name)
                if not target.exists():
                    target.write_bytes(module.read_bytes())
            kind, said = outcome(path)
            counts[kind] += 1
            if kind in BAD and said[:80] not in told:
                told.add(said[:80])
                tell(f"{number}: {kind}: {said[:600]}")
    return counts


def most_bytes() -> int:
    """The largest memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Print what came of the mutated suites, and the most memory."""
    number, seed = (*map(int, sys.argv[1:]), 0)[:2]
    bounds = Bounds()
    with tempfile.TemporaryDirectory() as empty:
        places = ("--results", empty, "--data-dir", empty)
        for path in suites():
            cost = fresh.timed(fresh.compbench("check", str(path), *places), (0, 2))  # no data
            what = f"memory of a check of {path.relative_to(ROOT)}"
            bounds.at_most(what, cost.peak_gb * 1e3, MOST_BYTES / 1e6, "MB")
    warm_up()
    before = most_bytes()
    found = count(number, seed=seed)
    print(f"of {number} suites: {READ} {found[READ]}, {REFUSED} {found[REFUSED]}")
    for bad in BAD:
        bounds.none_of(bad, found[bad])
    print(f"memory of the libraries: {before / 1e6:.0f} MB")
    more = most_bytes() - before
    bounds.at_most("memory that the suites add", more / 1e6, MORE_BYTES / 1e6, "MB")
    bounds.end()


if __name__ == "__main__":
    main()
