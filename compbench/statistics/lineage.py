"""What a variant descends from, of which family it is, and how one says it; pure."""

from __future__ import annotations

from compbench.results.record import Run

# by the first word of a technique's name; a technique of another name is a family of its own
_FAMILIES = {
    "train": "trained",
    "distill": "distilled",
    "prune": "pruned",
    "low": "low rank",
    "cluster": "shared weights",
    "quantize": "quantized",
    "float16": "half precision",
}
OTHER = "other"
FAMILIES = (*_FAMILIES.values(), OTHER)
CHAIN = "chains"


def steps(run: Run, variant: str) -> list[str]:
    """The techniques from the root to this variant along the first parents, the root's first."""
    found: list[str] = []
    name: str | None = variant
    while name is not None:
        found.insert(0, run.variants[name]["technique"])
        name = next(iter(run.variants[name]["parents"]), None)
    return found


def word(technique: str) -> str:
    """'pruned' for prune_channels; a technique that is not compbench's own says its name."""
    name = technique.rpartition(":")[0].rpartition(".")[2] or technique
    return _FAMILIES.get(name.partition("_")[0], name)


def kind(run: Run, variant: str) -> str:
    """What was done, in words: 'distilled → pruned → quantized'."""
    if variant == run.baseline:
        return "baseline"
    below_root = steps(run, variant)[1:]
    return " → ".join(map(word, below_root)) if below_root else "trained alone"


def family(run: Run, variant: str) -> str:
    """Where a variant stands in a table by family; two different steps make a chain."""
    done = [word(technique) for technique in steps(run, variant)[1:]]
    if not done:
        return _FAMILIES["train"]
    return done[0] if len(set(done)) == 1 else CHAIN


def last_step(run: Run, variant: str) -> str:
    """What a variant's last step did: one of `FAMILIES`."""
    done = word(run.variants[variant]["technique"])
    return done if done in FAMILIES else OTHER


def ancestors(run: Run, variant: str) -> list[str]:
    """A variant's ancestors, the oldest first, each once."""
    found: list[str] = []
    for parent in run.variants[variant]["parents"]:
        found += [a for a in (*ancestors(run, parent), parent) if a not in found]
    return found
