"""The digest of a dataset's split arrays, remembered so that one knows it without loading them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from compbench import seal
from compbench.contracts import DatasetSource, Split, TaskBase
from compbench.data import splits
from compbench.data.splits import Data
from compbench.files import write_whole
from compbench.registry import registry
from compbench.registry.fingerprint import Sources

_FOLDER = "digests"


def record(name: str, loaded: Data) -> dict[str, Any]:
    """What a run and a baseline keep of a dataset.

    Digests are SHA-256 of the raw arrays and of how they are prepared: of all splits, and of the
    test split alone.
    """
    training, signature = loaded.training, loaded.signature
    splits = {"train": training.train, "validation": training.validation, "test": loaded.test}
    # lists for tuples, as a run that is read again has them
    inputs = json.loads(json.dumps({n: asdict(one) for n, one in signature.inputs.items()}))
    manner = [inputs, signature.outputs, signature.in_graph, list(loaded.class_names)]
    prepared = json.dumps(manner, sort_keys=True)
    uses = {name: one.use for name, one in loaded.companions.items()}
    digests = {split: _of_split(samples, prepared) for split, samples in splits.items()}
    return {
        "name": name,
        "options": dict(loaded.options),
        "digest": hashlib.sha256(" ".join(digests.values()).encode()).hexdigest(),
        "test_digest": digests["test"],
        "inputs": inputs,
        "outputs": signature.outputs,
        "class_names": list(loaded.class_names),
        "in_graph": signature.in_graph,
        "samples": {split: len(samples) for split, samples in splits.items()},
        **({"companions": uses} if uses else {}),
    }


def known(source: DatasetSource, task: TaskBase, content: str, results: Path) -> str | None:
    """The digest of what the same code loaded before from the same content; else None.

    `content` is the source's own fingerprint of its files, which is cheap.
    """
    found = known_record(source, task, content, results)
    return found["digest"] if found else None


def known_record(
    source: DatasetSource, task: TaskBase, content: str, results: Path
) -> dict[str, Any] | None:
    """The whole record that was kept of it."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        text = _path(source, task, content, results).read_bytes()
        found = seal.json_object(text, is_sealed=True)
        return found if isinstance(found["digest"], str) else None
    return None


def remember(
    found: Mapping[str, Any], source: DatasetSource, task: TaskBase, content: str, results: Path
) -> None:
    """Keep a dataset's record under `results`; a folder that can't be written is no matter."""
    path = _path(source, task, content, results)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, seal.json_text(found))


def _path(source: DatasetSource, task: TaskBase, content: str, results: Path) -> Path:
    """Named by what decides the arrays: files, options, task (its classes), code, libraries."""
    code = Sources().of([type(source), type(task)], modules=[splits.__name__])
    parts = {
        "content": content,
        "plugins": [f"{type(x).__module__}:{type(x).__qualname__}" for x in (source, task)],
        "options": [x.model_dump(mode="json") for x in (source, task)],
        "code": dict(code.modules),
        "libraries": {**registry.versions(tuple(source.libraries)), **code.libraries},
    }
    name = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
    return results / _FOLDER / f"{name}.json"


def _of_split(split: Split, prepared: str) -> str:
    digest = hashlib.sha256(prepared.encode())
    kinds = {name: [dtype, [len(split), *shape]] for name, (dtype, shape) in split.kinds.items()}
    digest.update(json.dumps(kinds).encode())
    for batch in split.chunks():
        for array in batch.values():
            digest.update(np.ascontiguousarray(array).data.cast("B"))
    digest.update(f"{split.targets.dtype.str}{split.targets.shape}".encode())
    digest.update(np.ascontiguousarray(split.targets).data.cast("B"))
    return digest.hexdigest()
