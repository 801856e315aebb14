"""Suite -> jobs, each with the key that identifies its result; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from compbench.contracts import describe_model
from compbench.registry import import_path
from compbench.registry.fingerprint import Sources
from compbench.suite.key import key_of, made_by, options
from compbench.suite.read import Suite
from compbench.suite.variants import Variant


@dataclass(frozen=True)
class Job:
    """One variant at one seed. The key is 32 hexadecimal digits of the SHA-256 of its parts."""

    variant: Variant
    seed: int
    key: str
    parent_keys: tuple[str, ...]
    parts: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def label(self) -> str:
        """How people call it."""
        return f"{self.variant.name} (seed {self.seed})"


def plan(suite: Suite, dataset_digest: str) -> tuple[Job, ...]:
    """The jobs in the order they are made: seed by seed, within a seed in file order."""
    sources = Sources()
    with import_path.beside(suite.path):
        makers = {name: made_by(v, suite.task, sources) for name, v in suite.variants.items()}
    jobs = []
    for seed in suite.seeds:
        keys: dict[str, str] = {}
        for variant in suite.variants.values():
            parent_keys = tuple(keys[parent] for parent in variant.parents)
            parts = {
                "technique": variant.technique_name,
                "options": options(variant),
                "model": describe_model(variant.root_model),
                "parents": parent_keys,
                "seed": seed,
                "dataset": dataset_digest,
                "task": {"name": suite.task_name, **suite.task.model_dump(mode="json")},
                **makers[variant.name],
            }
            key = key_of(parts)
            keys[variant.name] = key
            jobs.append(Job(variant, seed, key, parent_keys, parts))
    return tuple(jobs)
