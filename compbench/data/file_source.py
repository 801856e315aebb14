"""Datasets in files that their options name."""

from __future__ import annotations

from abc import ABC
from pathlib import Path

from pydantic import PrivateAttr

from compbench.contracts import DatasetSource
from compbench.registry import import_path
from compbench.registry.location import located


class FileSource(DatasetSource, ABC):
    """Base of datasets whose files lie beside the suite file or under the data folder."""

    _beside: str | None = PrivateAttr(default_factory=import_path.folder)

    def located(self, path: str, data_dir: Path, option: str = "path") -> Path:
        """Where a file or folder is. Raises UserError where it is not, with the nearest name."""
        beside = [Path(self._beside)] if self._beside else []
        return located(path, [*beside, data_dir], option)
