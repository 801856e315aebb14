"""Suite -> jobs, each with the key that identifies its result; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from compbench.errors import UserError, told
from compbench.registry import import_path
from compbench.registry.fingerprint import Sources
from compbench.registry.location import located
from compbench.suite.key import described_model, key_of, made_by, options
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
    folders: tuple[Path, ...] = field(default=(), compare=False, repr=False)  # of files it names

    @property
    def parents(self) -> tuple[tuple[str, str], ...]:
        """Key and variant of each parent; of one that chooses, at each seed."""
        return tuple(zip(self.parent_keys, cycle(self.variant.parents), strict=False))

    @property
    def label(self) -> str:
        """How people call it."""
        return f"{self.variant.name} (seed {self.seed})"


def plan(suite: Suite, dataset_digest: str, data_dir: Path | None = None) -> tuple[Job, ...]:
    """The jobs in the order they are made: seed by seed, within a seed in file order.

    What chooses among others comes after these at all seeds, and so do its descendants. Files that
    variants name are beside the suite file, or in the data folder. Raises UserError where one is
    not.
    """
    folders = (suite.path.absolute().parent, *([data_dir.absolute()] if data_dir else []))
    sources = Sources()
    with import_path.beside(suite.path):
        makers = {
            name: made_by(v, suite.task, sources, _runs_files(v, suite))
            for name, v in suite.variants.items()
        }
        files = {name: _content(v, folders) for name, v in suite.variants.items()}
    jobs, keys = [], dict[tuple[str, int], str]()
    for variant in suite.variants.values():
        for seed in suite.seeds:
            seen = suite.seeds if variant.chooses else (seed,)
            parent_keys = tuple(keys[parent, s] for s in seen for parent in variant.parents)
            parts = {
                "technique": variant.technique_name,
                "options": options(variant),
                "model": described_model(variant),
                **({"files": files[variant.name]} if files[variant.name] else {}),
                "parents": parent_keys,
                "seed": seed,
                "dataset": dataset_digest,
                "task": {"name": suite.task_name, **suite.task.model_dump(mode="json")},
                **makers[variant.name],
            }
            key = key_of(parts)
            keys[variant.name, seed] = key
            jobs.append(Job(variant, seed, key, parent_keys, parts, folders))
    levels, seeds = _levels(suite), {seed: place for place, seed in enumerate(suite.seeds)}
    return tuple(sorted(jobs, key=lambda job: (levels[job.variant.name], seeds[job.seed])))


def _levels(suite: Suite) -> dict[str, int]:
    """How many choices lie above each variant, its own included."""
    found: dict[str, int] = {}
    for name, variant in suite.variants.items():
        above = max((found[parent] for parent in variant.parents), default=0)
        found[name] = above + variant.chooses
    return found


def _runs_files(variant: Variant, suite: Suite) -> bool:
    """Whether it is trained by what a file gives, behind which no module stands."""
    return variant.uses_torch and not all(suite.variants[p].is_torch for p in variant.parents)


def _content(variant: Variant, folders: tuple[Path, ...]) -> dict[str, str]:
    """The digests of the files that a variant's technique reads, by their names in the suite."""
    where = f"[variants.{variant.name}] '{variant.technique_name}'"
    try:
        return dict(variant.technique.content(partial(located, folders=folders)))
    except UserError as error:
        raise UserError(f"{where} {error}") from error
    except Exception as error:  # the plugin's own
        raise UserError(f"{where} can't read its files: {told(error)}") from error
