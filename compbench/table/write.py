"""The tidy table as CSV, Parquet or JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from compbench.own_folder import OwnFolder
from compbench.results.record import Run
from compbench.table.columns import columns


def csv(run: Run, frame: pd.DataFrame) -> bytes:
    """The table with a header; what was not measured is empty."""
    return frame.to_csv(index=False, lineterminator="\n").encode()


def parquet(run: Run, frame: pd.DataFrame) -> bytes:
    """The table with its types."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, engine="pyarrow", index=False)
    return buffer.getvalue()


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The table as JSON has it: an object for each row, null for what was not measured."""
    return json.loads(str(frame.to_json(orient="records", double_precision=15)))


def as_json(run: Run, frame: pd.DataFrame) -> bytes:
    """The table as records, with what was asked, where and when beside it."""
    document = {
        "run": run.model_dump(mode="json"),
        "columns": {
            name: {"unit": each.unit, "meaning": each.meaning}
            for name, each in columns(run.headline).items()
        },
        "records": records(frame),
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


FORMATS: dict[str, Callable[[Run, pd.DataFrame], bytes]] = {
    "csv": csv,
    "parquet": parquet,
    "json": as_json,
}


def write(
    folder: Path, run: Run, frame: pd.DataFrame, name: str, suite: Path | None = None
) -> Path:
    """Write `table.<name>`, a format of `FORMATS`, whole; return its path. It is of that suite."""
    file = f"table.{name}"
    OwnFolder(folder, "table", suite).put({file: FORMATS[name](run, frame)})
    return folder / file
