"""What a variant descends from, of which family it is, and how one says it; pure."""

from __future__ import annotations

from compbench.results.record import Run

CHAIN = "chains"


def steps(run: Run, variant: str) -> list[str]:
    """The families from the root to this variant along the first parents, the root's first."""
    found: list[str] = []
    name: str | None = variant
    while name is not None:
        if not run.variants[name].get("chooses"):
            found.insert(0, last_step(run, name))
        name = next(iter(run.variants[name]["parents"]), None)
    return found


def kind(run: Run, variant: str) -> str:
    """What was done, in words: 'distilled → pruned → quantized'."""
    if variant == run.baseline:
        return "baseline"
    root, *below_root = steps(run, variant)
    return " → ".join(below_root) if below_root else f"{root} alone"


def family(run: Run, variant: str) -> str:
    """Where a variant stands in a table by family; two different steps make a chain."""
    root, *done = steps(run, variant)
    if not done:
        return root
    return done[0] if len(set(done)) == 1 else CHAIN


def last_step(run: Run, variant: str) -> str:
    """What a variant's last step did: its technique's family, or that of those it is chosen of."""
    described = run.variants[variant]
    if described.get("chooses"):
        return last_step(run, described["parents"][0])
    return described["family"]


def teacher(run: Run, variant: str) -> str | None:
    """The variant that taught this one, if its technique teaches."""
    described = run.variants[variant]
    return described["parents"][0] if described["teaches"] and described["parents"] else None


def made_from(run: Run, variant: str) -> str | None:
    """The variant whose net this one was made from; None for one trained anew, taught or not."""
    described = run.variants[variant]
    return described["parents"][0] if described["parents"] and not described["teaches"] else None


def descent(run: Run, variant: str, last: str) -> str:
    """From the root on, in words: 'teacher → assistant → student'; several parents have a plus.

    What is chosen of several has the first one's parents above it, and how many there were.
    """
    parents = run.variants[variant]["parents"]
    if run.variants[variant].get("chooses"):
        return descent(run, parents[0], f"best of {len(parents)} → {last}")
    above = [descent(run, parent, parent) for parent in parents]
    if len(above) > 1:
        above = [" + ".join(f"({x})" if "→" in x else x for x in above)]
    return " → ".join([*above, last])


def ancestors(run: Run, variant: str) -> list[str]:
    """A variant's ancestors, the oldest first, each once."""
    found: list[str] = []
    for parent in run.variants[variant]["parents"]:
        found += [a for a in (*ancestors(run, parent), parent) if a not in found]
    return found
