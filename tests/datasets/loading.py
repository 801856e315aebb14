"""A dataset with options, loaded as a run does it, and what it says on the way."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from compbench.contracts import kinds
from compbench.data import progress, splits
from compbench.data.splits import Data
from compbench.errors import UserError


def loaded(name: str, folder: Path, **options: Any) -> Data:
    """The splits of a dataset whose paths are below a folder, for its own task."""
    source = kinds.dataset(name, options)
    return splits.load(source, folder, kinds.made_task(source.own_task))


def told(name: str, folder: Path, **options: Any) -> tuple[Data, str]:
    """The same, and the notes of it."""
    with progress.told_on(io.StringIO()) as _, io.StringIO() as stream, progress.told_on(stream):
        return loaded(name, folder, **options), stream.getvalue()


def refusal(name: str, folder: Path, **options: Any) -> str:
    """The one line that refuses it."""
    with pytest.raises(UserError) as caught:
        loaded(name, folder, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def real(path: str) -> Path:
    """The data folder, where it has this; else the test is left out."""
    folder = os.environ.get("COMPBENCH_DATA")
    if not folder or not (Path(folder) / path).exists():
        pytest.skip(f"real data is not here: set COMPBENCH_DATA to the folder that holds {path}")
    return Path(folder)
