"""What identifies the splits of a dataset."""

from __future__ import annotations

import hashlib
from pathlib import Path

from compbench.contracts import DatasetSource
from compbench.data import splits
from compbench.registry import registry


def digest(source: DatasetSource, data_dir: Path) -> str | None:
    """Identifies the splits: the source's content, its and the splits' code; None where absent."""
    content = source.fingerprint(data_dir)
    if content is None:
        return None
    code = registry.source(type(source)) + Path(splits.__file__).read_bytes()
    options = source.model_dump_json()
    return hashlib.sha256(f"{content}{options}".encode() + code).hexdigest()
