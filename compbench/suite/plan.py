"""Suite -> jobs, each with the key that identifies its result; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
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
    def label(self) -> str:
        """How people call it."""
        return f"{self.variant.name} (seed {self.seed})"


def plan(suite: Suite, dataset_digest: str, data_dir: Path | None = None) -> tuple[Job, ...]:
    """The jobs in the order they are made: seed by seed, within a seed in file order.

    Files that variants name are beside the suite file, or in the data folder. Raises UserError
    where one is not.
    """
    folders = (suite.path.absolute().parent, *([data_dir.absolute()] if data_dir else []))
    sources = Sources()
    with import_path.beside(suite.path):
        makers = {
            name: made_by(v, suite.task, sources, _runs_files(v, suite))
            for name, v in suite.variants.items()
        }
        files = {name: _content(v, folders) for name, v in suite.variants.items()}
    jobs = []
    for seed in suite.seeds:
        keys: dict[str, str] = {}
        for variant in suite.variants.values():
            parent_keys = tuple(keys[parent] for parent in variant.parents)
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
            keys[variant.name] = key
            jobs.append(Job(variant, seed, key, parent_keys, parts, folders))
    return tuple(jobs)


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
