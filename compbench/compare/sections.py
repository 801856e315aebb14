"""A comparison of two runs as sections of lines and tables, for people; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from compbench import units
from compbench.compare.compare import Comparison
from compbench.compare.lines import Figures, Line, Status
from compbench.compare.match import Side
from compbench.headline import Headline
from compbench.runtime.machine import differences as other_machine
from compbench.statistics.changes import Change
from compbench.statistics.intervals import ALPHA

_STATUS: dict[Status, str] = {"same": "same file", "changed": "other recipe"}
_BASIS = {"denominator": units.NOTHING, "": units.NOTHING}
_STORED = (
    "STORED TIMES OF DIFFERENT MOMENTS are compared: each run's speed-up over {0}, measured within "
    "that run, and the ratio of the two. Its interval knows the spread of launches, not what else "
    "changed between the moments. With --remeasure, files that differ and are in the store are "
    "measured side by side now."
)
_REMEASURED = (
    "Files that differ were measured side by side now, on this machine, at the first seed that is "
    "in both runs. The column 'based on' says where there was nothing to measure, and where stored "
    "times of different moments had to be compared."
)
_JUDGED = {
    "FAIL": "is slower side by side than the gate allows, twice",
    "INCONCLUSIVE": "is undecided side by side: slower than allowed, or not",
}
_NOT_EQUAL = (
    "What is not significant need not be equal: its interval says how large a change may hide."
)
_LUCK = (
    "{} of rebuilt files, and of single seeds, are of these files: one that was made anew "
    "also has the luck of its training. Of another recipe with two seeds or more they are of the "
    "recipe, over samples and trainings."
)
_SAMPLES = {
    "paired": "of these files, on the same {} test samples",
    "paired over seeds": "of the recipes, over seeds and the same {} test samples",
    "unpaired": "unpaired (the test samples or the seeds may differ)",
}


@dataclass(frozen=True)
class Section:
    """A title, lines of text, and a table whose rows have equal keys, with a caption."""

    title: str = ""
    lines: tuple[str, ...] = ()
    table: tuple[dict[str, str], ...] = ()
    caption: str = ""


def sections(found: Comparison) -> Iterator[Section]:
    """First what else differs, then what changed, then the figures of each target."""
    yield Section(lines=(_run_line("A", found.a), _run_line("B", found.b)))
    same = "nothing: commit, settings, dataset, targets, machine and libraries agree"
    yield Section("What differs between the runs", found.differences or (same,))
    yield Section("How speed is compared", tuple(_bases(found)))
    answers = [answer for target in found.targets for answer in _answers(found, target)]
    if any(line.quality and line.status in ("rebuilt", "changed") for line in found.lines):
        plural = found.headline.plural
        answers.append(_LUCK.format(plural[0].upper() + plural[1:]))
    yield Section("What changed", (*answers, _NOT_EQUAL))
    for target in found.targets:
        lines = found.of(target)
        yield _qualities(found, target, lines)
        timed = [x for x in lines if x.speed or x.a.p50_ns or x.b.p50_ns]
        if timed:
            yield _speeds(found, target, timed)
        notes = _grouped((note, line.variant) for line in lines for note in line.notes)
        if notes:
            told = tuple(f"{', '.join(names)}: {note}" for note, names in notes.items())
            yield Section(f"{target}: notes", told)


def _run_line(name: str, side: Side) -> str:
    commit = side.run.environment.get("git_commit") or "unknown"
    return f"{name}: {side.run.suite} of {side.run.started}, git commit {commit} ({side.label})"


def _bases(found: Comparison) -> Iterator[str]:
    over = found.denominator
    if found.is_remeasured:
        yield _REMEASURED
    elif over:
        yield _STORED.format(over)
    if not over:
        yield "Neither run's baseline is in both runs: stored speed-ups have nothing in common."
    if any(x.variant == over and x.status in ("rebuilt", "changed") for x in found.lines):
        yield f"{over} was made anew: a change of stored speed-ups may be a change of {over}."
    if other_machine(found.a.run.environment, found.b.run.environment):
        yield "Machine or libraries differ: a change of stored speed-ups may be theirs."


def _answers(found: Comparison, target: str) -> Iterator[str]:
    lines, metric = found.of(target), found.headline
    tested = sum(bool(change) for line in lines for change in (line.quality, line.speed))
    for line in lines:
        changes = []
        if line.speed and line.speed.is_significant:
            changes.append(units.speed(line.speed.interval, line.speed.side(1), "in A"))
        if line.quality and line.quality.is_significant:
            changes.append(f"{metric.label} {metric.change_text(line.quality.interval)}")
        if changes:
            yield f"{target}: {line.variant} changed significantly: {' and '.join(changes)}"
        if line.verdict in _JUDGED:
            yield f"{target}: {line.variant} {_JUDGED[line.verdict]}"
    if not tested:
        yield f"{target}: there is nothing that can have changed, or nothing to compare"
    elif not any(line.is_significant or line.verdict == "FAIL" for line in lines):
        of = f"{units.counted(tested, 'comparison')} of {metric.label} and speed"
        yield f"{target}: no significant change ({of})"
    names = _grouped((_STATUS.get(line.status, line.status), line.variant) for line in lines)
    same = len(names.pop("same file", []))
    are = "is" if len(lines) == 1 else "are"
    counts = [f"{same} of {units.counted(len(lines), 'variant')} {are} the same file"]
    counts += [f"{status}: {', '.join(which)}" for status, which in names.items()]
    yield f"{target}: {'; '.join(counts)}"


def _qualities(found: Comparison, target: str, lines: Sequence[Line]) -> Section:
    metric = found.headline
    rows = tuple(
        {
            "variant": line.variant,
            "artifact": _STATUS.get(line.status, line.status),
            f"{metric.label} A": found.a.run.headline.text(line.a.quality and line.a.quality.value),
            f"{metric.label} B": metric.text(line.b.quality and line.b.quality.value),
            "B − A": _quality_text(line, metric),
            "bytes A": units.bytes_text(line.a.size_bytes),
            "bytes B": _bytes_text(line.a.size_bytes, line.b.size_bytes),
        }
        for line in lines
    )
    count = found.b.run.dataset["samples"]["test"]
    bases = {line.quality_basis for line in lines}
    how = [words.format(count) for basis, words in _SAMPLES.items() if basis in bases]
    intervals = f"B − A {' or '.join(how)}, with its 95 % interval. " if how else ""
    return Section(f"{target}: {metric.label} and size", (), rows, intervals + _holm_text(found))


def _speeds(found: Comparison, target: str, lines: Sequence[Line]) -> Section:
    rows = tuple(
        {
            "variant": line.variant,
            "A": _speedup(line.a),
            "B": _speedup(line.b),
            "B beside A": _speed_text(line.speed),
            "based on": _BASIS.get(line.speed_basis, line.speed_basis)
            + (f": {line.verdict}" if line.verdict else ""),
            "p50 A": units.time_text(line.a.p50_ns),
            "p50 B": units.time_text(line.b.p50_ns),
        }
        for line in lines
    )
    over = f"A, B: speed-ups over {found.denominator} in the same run. "
    caption = (
        f"{over if found.denominator else ''}B beside A: how many times faster or slower B is than "
        f"A, with its 95 % interval; {units.UNSURE}: chance or noise could explain it. "
        "p50: stored times of different moments, to look at and not to compare."
    )
    if any(line.verdict for line in lines):
        caption += " PASS: not slower than A by more than the gate allows; FAIL: slower, twice."
    return Section(f"{target}: speed", (), rows, caption)


def _quality_text(line: Line, metric: Headline) -> str:
    if line.quality_basis == "same answers":
        return "same answers"
    change = line.quality
    if change is None:
        return units.NOTHING
    return _marked(metric.change_cell(change.interval, change.side(0)), change)


def _marked(words: str, change: Change | None) -> str:
    return f"{words} *" if change and change.is_significant else words


def _holm_text(found: Comparison) -> str:
    where = "on all targets" if len(found.targets) > 1 else "here"
    return (
        f"* significant: p below {ALPHA:.2f} after Holm's correction for the "
        f"{units.counted(found.tested, 'comparison')} of {found.headline.label} and speed {where}, "
        "and for speed beyond what the A/A control shows as noise."
    )


def _bytes_text(a: float | None, b: float | None) -> str:
    if a is None or b is None:
        return units.bytes_text(b)
    if a == b:
        return "equal"
    return f"{units.bytes_text(b)} ({100 * (b / a - 1):+.1f} %)".replace("-", "−")


def _grouped(named: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Words -> the variants that they are about."""
    found: dict[str, list[str]] = defaultdict(list)
    for words, variant in named:
        found[words].append(variant)
    return found


def _speedup(side: Figures) -> str:
    """A run's own speed-up, in the words of its report."""
    if side.speedup is None:
        return units.NOTHING
    if side.faster is None:
        return f"{units.three_digits(side.speedup.value)}×"
    return units.speed_cell(side.speedup, side.faster, brief=True)


def _speed_text(change: Change | None) -> str:
    if change is None:
        return units.NOTHING
    side = change.side(1)
    word = " faster" if side > 0 else ""
    return _marked(units.speed_cell(change.interval, side) + word, change)
