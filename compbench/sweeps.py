"""Distillations that differ in nothing but the temperature, and their control; pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from compbench.results import Run

_FEWEST = 3  # temperatures that make a sweep


@dataclass(frozen=True)
class Sweep:
    """Distilled variants by rising temperature; the same net without a teacher, if there is one."""

    points: tuple[tuple[float, str], ...]  # (temperature, variant)
    control: str | None

    @property
    def label(self) -> str:
        """Its first and last variant."""
        return f"{self.points[0][1]} … {self.points[-1][1]}"


def sweeps(run: Run) -> list[Sweep]:
    """Groups of at least three `distill` variants equal in all but `temperature`."""
    groups: dict[str, dict[float, str]] = {}
    for name, variant in run.variants.items():
        if variant["technique"] != "distill" or "temperature" not in variant["options"]:
            continue
        others = {k: v for k, v in variant["options"].items() if k != "temperature"}
        same = json.dumps([variant["parents"], variant["model"], others], sort_keys=True)
        groups.setdefault(same, {}).setdefault(float(variant["options"]["temperature"]), name)
    return [
        Sweep(tuple(sorted(points.items())), untaught(run, next(iter(points.values()))))
        for points in groups.values()
        if len(points) >= _FEWEST
    ]


def untaught(run: Run, student: str) -> str | None:
    """The first variant that trains the same net from scratch, without a teacher."""
    for name, variant in run.variants.items():
        alone = variant["technique"] == "train" and not variant["parents"]
        if alone and variant["model"] == run.variants[student]["model"]:
            return name
    return None
