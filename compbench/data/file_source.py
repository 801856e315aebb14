"""Datasets in files that their options name."""

from __future__ import annotations

from abc import ABC
from pathlib import Path

from pydantic import PrivateAttr

from compbench.contracts import DatasetSource
from compbench.data import location


class FileSource(DatasetSource, ABC):
    """Base of datasets whose files lie beside the suite file or under the data folder."""

    _beside: str | None = PrivateAttr(default_factory=location.suite_folder)

    def located(self, path: str, data_dir: Path, option: str = "path") -> Path:
        """Where a file or folder is. Raises UserError where it is not, with the nearest name."""
        return location.located(path, data_dir, self._beside, option)
