"""Summaries -> tables of variants beside each other: families, assistants, costs, chance; pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from compbench import text
from compbench.families import CHAIN, family
from compbench.findings import distilled_pairs, spread_text, verdict
from compbench.intervals import Interval
from compbench.pick import Constraints
from compbench.results import Run
from compbench.stats import Rows, ancestors, change_between
from compbench.summaries import Summaries, Summary
from compbench.tables import Table


def by_family(run: Run, summaries: Summaries, target: str) -> Table:
    """Each family's range, and its fastest and smallest within the limit of accuracy."""
    groups: dict[str, list[Summary]] = defaultdict(list)
    for s in summaries.of(target):
        if s.variant != run.baseline and s.speedup and s.change:
            groups[family(run, s.variant)].append(s)
    names = [*(name for name in groups if name != CHAIN), *(n for n in groups if n == CHAIN)]
    if len(names) < 2:
        return []
    base = summaries.find(run.baseline, target)
    return [_family_row(run, name, groups[name], base) for name in names]


def _family_row(run: Run, name: str, group: list[Summary], base: Summary) -> dict[str, str]:
    changes = [s.change.value for s in group if s.change]
    low, high = (text.signed(100 * x) for x in (min(changes), max(changes)))
    limit = Constraints.of(run)
    within = [s for s in group if limit.keeps_accuracy(s, base)]
    fastest = max(within, key=lambda s: s.speedup or (0,), default=None)
    smallest = min(within, key=lambda s: s.size_bytes or 0, default=None)
    return {
        "family": name,
        "variants": str(len(group)),
        "within the limit": str(len(within)),
        "accuracy change (pp)": low if low == high else f"{low} to {high}",
        "fastest within it": f"`{fastest.variant}` {text.times(fastest.speedup)}"
        if fastest
        else text.NOTHING,
        "smallest within it": f"`{smallest.variant}` {text.bytes_text(smallest.size_bytes)}"
        if smallest
        else text.NOTHING,
    }


def distillations(run: Run, rows: Rows, target: str) -> Table:
    """Each distilled student beside the same net trained without a teacher."""
    return [
        {
            "student": p.student,
            "taught by": p.parent,
            "same net, no teacher": p.control,
            "accuracy change": text.points(p.change),
            "verdict": verdict(p.change),
        }
        for p in distilled_pairs(run, rows, target)
    ]


@dataclass(frozen=True)
class Assisted:
    """A student taught by an assistant, and the same net taught by the teacher itself."""

    teacher: str
    assistant: str
    student: str
    direct: str | None
    change: Interval | None  # the student's accuracy less that of `direct`


def assisted(run: Run, rows: Rows, target: str) -> list[Assisted]:
    """Every distill of a distill; `direct` where the suite has that comparison."""
    found = []
    for name, variant in run.variants.items():
        parent = variant["parents"][0] if variant["technique"] == "distill" else None
        if parent is None or run.variants[parent]["technique"] != "distill":
            continue
        teacher = run.variants[parent]["parents"][0]
        direct = _taught_alike(run, name, teacher)
        change = change_between(rows, name, direct, target) if direct else None
        found.append(Assisted(teacher, parent, name, direct, change))
    return found


def _taught_alike(run: Run, student: str, teacher: str) -> str | None:
    wanted = run.variants[student]
    for name, variant in run.variants.items():
        same = all(variant[field] == wanted[field] for field in ("technique", "model", "options"))
        if same and variant["parents"] == [teacher]:
            return name
    return None


def assistants(run: Run, rows: Rows, summaries: Summaries, target: str) -> Table:
    """Teacher → assistant → student: sizes, and what the assistant was worth."""

    def sized(variant: str) -> str:
        return f"{variant} ({text.bytes_text(summaries.find(variant, target).size_bytes)})"

    return [
        {
            "teacher": sized(chain.teacher),
            "assistant": sized(chain.assistant),
            "student": sized(chain.student),
            "with the assistant": text.percent(summaries.find(chain.student, target).accuracy),
            "straight from the teacher": text.percent(
                summaries.find(chain.direct, target).accuracy if chain.direct else None
            ),
            "difference": text.points(chain.change),
            "verdict": verdict(chain.change) if chain.change else "not in this suite",
        }
        for chain in assisted(run, rows, target)
    ]


def chance(run: Run, summaries: Summaries, target: str) -> Table:
    """Which differences to the baseline chance could explain; seeds apart from test images."""
    return [
        {
            "variant": s.variant,
            "accuracy change": text.points(s.change),
            "p (McNemar)": text.p_value(s.change_p),
            "accuracy is": _SIDES[s.more_accurate] if s.change_p is not None else text.NOTHING,
            "seeds' sd (pp)": spread_text(s),
            "speed-up": text.times(s.speedup),
            "p (t over launches)": text.p_value(s.speedup_p),
            "it is": _SPEEDS[s.faster] if s.speedup_p is not None else text.NOTHING,
        }
        for s in summaries.of(target)
        if s.variant != run.baseline and (s.change or s.speedup)
    ]


_SIDES = {1: "higher", -1: "lower", 0: "not distinguishable"}
_SPEEDS = {1: "faster", -1: "slower", 0: "not distinguishable"}


def costs(run: Run, summaries: Summaries) -> Table:
    """What making each variant took, with all its ancestors, beside the baseline."""
    made = {s.variant: s for s in reversed(summaries.all) if s.make_seconds is not None}
    teacher = made[run.baseline].lineage_seconds if run.baseline in made else None
    return [
        {
            "variant": variant,
            "lineage": " → ".join([*ancestors(run, variant), variant]),
            "own (s)": text.seconds_text(made[variant].make_seconds),
            "with ancestors (s)": text.seconds_text(made[variant].lineage_seconds),
            f"own / {run.baseline}": _over(made[variant].make_seconds, teacher),
            f"lineage / {run.baseline}": _over(made[variant].lineage_seconds, teacher),
        }
        for variant in run.variants
        if variant in made
    ]


def _over(seconds: float | None, teacher: float | None) -> str:
    return f"{100 * seconds / teacher:.0f} %" if seconds is not None and teacher else text.NOTHING


def absent(run: Run, rows: Rows, summaries: Summaries) -> Table:
    """Everything that was asked for and has no figures: skipped or failed, and why."""
    found = [
        {"variant": s.variant, "target": s.target, "what": "all figures", **_status(s.reason)}
        for s in summaries.all
        if s.reason
    ]
    for target in run.targets:
        for row in rows.of(run.baseline, "status", target):
            if row.launch >= 0:
                what = f"launch {row.launch + 1}"
                found.append(
                    {"variant": "all", "target": target, "what": what}
                    | _status(f"{row.status}: {row.reason}")
                )
    return found


def _status(reason: str) -> dict[str, str]:
    status, _, why = reason.partition(": ")
    return {"status": status, "why": why}
