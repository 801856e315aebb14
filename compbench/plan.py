"""Suite -> jobs, each with the key that identifies its result; pure."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from compbench import import_path, registry
from compbench.contracts import describe_model
from compbench.suite import Suite
from compbench.variants import Variant

_TORCH_MAKERS = ("checkpoint", "export", "fit", "make")
_ONNX_MAKERS = ("export", "make")
_NEUTRAL = {"contracts", "errors", "registry"}  # what they say is in the options already
_TORCH_LIBRARIES = ("torch", "onnx", "onnxscript", "numpy")
_ONNX_LIBRARIES = ("onnx", "numpy")
_DATA_LIBRARIES = ("scikit-learn", "numpy")


@dataclass(frozen=True)
class Job:
    """One variant at one seed. The key is 32 hexadecimal digits of a SHA-256."""

    variant: Variant
    seed: int
    key: str
    parent_keys: tuple[str, ...]

    @property
    def label(self) -> str:
        """How people call it."""
        return f"{self.variant.name} (seed {self.seed})"


def plan(suite: Suite, dataset_digest: str) -> tuple[Job, ...]:
    """The jobs in the order they are made: seed by seed, within a seed in file order."""
    jobs = []
    for seed in suite.seeds:
        keys: dict[str, str] = {}
        for variant in suite.variants.values():
            parent_keys = tuple(keys[parent] for parent in variant.parents)
            with import_path.beside(suite.path):
                key = _key(variant, parent_keys, seed, dataset_digest)
            keys[variant.name] = key
            jobs.append(Job(variant, seed, key, parent_keys))
    return tuple(jobs)


def libraries(variant: Variant) -> dict[str, str]:
    """The libraries that make a variant, with their versions."""
    base = _TORCH_LIBRARIES if variant.uses_torch else _ONNX_LIBRARIES
    return registry.versions((*base, *variant.technique.libraries, *_DATA_LIBRARIES))


def options(variant: Variant) -> dict[str, Any]:
    """The technique's options as a suite file would write them, defaults included."""
    return variant.technique.model_dump(mode="json")


def _key(variant: Variant, parent_keys: tuple[str, ...], seed: int, dataset_digest: str) -> str:
    plugins = [type(variant.technique)]
    plugins += [type(variant.root_model)] if variant.uses_torch else []
    sources = [registry.source(plugin) for plugin in plugins]
    modules = {*(_TORCH_MAKERS if variant.uses_torch else _ONNX_MAKERS)}
    modules |= {name for source in sources for name in _imported(source)}
    sources += [_module(name).read_bytes() for name in sorted(modules)]
    content = {
        "technique": variant.technique_name,
        "options": options(variant),
        "model": describe_model(variant.root_model),
        "parents": parent_keys,
        "seed": seed,
        "dataset": dataset_digest,
        "sources": [hashlib.sha256(source).hexdigest() for source in sources],
        "libraries": {n: ".".join(v.split(".")[:2]) for n, v in libraries(variant).items()},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


@lru_cache
def _imported(source: bytes) -> frozenset[str]:
    """The modules of compbench that a plugin's source imports when it runs, and those theirs."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    names: set[str] = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").partition(".")[0] == "compbench"
        ):
            package = (node.module or "").partition(".")[2]
            names |= {package} if package else {alias.name for alias in node.names}
    names = {name for name in names - _NEUTRAL if _module(name).is_file()}
    return frozenset(names.union(*(_imported(_module(name).read_bytes()) for name in names)))


def _module(name: str) -> Path:
    return Path(__file__).parent.joinpath(*name.split(".")).with_suffix(".py")
