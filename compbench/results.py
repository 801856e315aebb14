"""Row, the table of metrics, and a run's folder: `run.json` and `rows/*.jsonl`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from compbench.columns import Columns, encode
from compbench.errors import UserError, nearest
from compbench.store import write_whole

FORMAT = 1
PROTOCOL = 1  # the version of measurement that rows were made with
RUN, ROWS = "run.json", "rows"
INT8_BITS = 7  # of int8 weights where `reduce_range` is not given


@dataclass(frozen=True)
class Metric:
    """What a metric is: its label, its unit, which direction is better, what it means."""

    label: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    meaning: str


METRICS: dict[str, Metric] = {
    "size_bytes": Metric("size", "B", "lower", "bytes of the ONNX file on disk"),
    "packed_bytes": Metric("packed", "B", "lower", "bytes of the file packed with zstd"),
    "coded_bytes": Metric("coded", "B", "lower", "bytes of its weights alone, entropy-coded"),
    "parameters": Metric("parameters", "", "lower", "elements of weights and biases"),
    "nonzero_parameters": Metric("non-zeros", "", "lower", "parameters that are not zero"),
    "macs": Metric("MACs", "", "lower", "multiply-accumulates of one image"),
    "make_seconds": Metric("cost", "s", "lower", "wall time of making this artifact alone"),
    "history": Metric("history", "", "neither", "training loss and validation accuracy by epoch"),
    "accuracy": Metric("accuracy", "", "higher", "1 for each test sample classified rightly"),
    "validation_accuracy": Metric("validation", "", "higher", "the same on the validation split"),
    "errors": Metric("errors", "", "neither", "test images classified wrongly, and as what"),
    "soft_labels": Metric("soft labels", "", "neither", "logits of the example images"),
    "labels": Metric("labels", "", "neither", "the test split's classes, once a run"),
    "examples": Metric("examples", "", "neither", "the test images that are shown"),
    "parity_max_abs": Metric("logits", "", "lower", "largest difference of a logit on test data"),
    "parity_agreement": Metric("classes", "", "higher", "share of test samples with equal class"),
    "latency_ns": Metric("latency", "ns", "lower", "one inference of a batch"),
    "control_latency_ns": Metric("A/A", "ns", "lower", "the baseline's second arm"),
    "throughput_per_s": Metric("throughput", "images/s", "higher", "images in a block of runs"),
    "memory_bytes": Metric("memory", "B", "lower", "resident memory of a process with the model"),
    "file": Metric("file", "", "neither", "sha256 and opset"),
    "weights": Metric("weights", "", "neither", "parameters by type"),
    "operators": Metric("operators", "", "neither", "time by operator type, from a profile"),
    "placement": Metric("placement", "", "neither", "nodes on the provider, and elsewhere"),
    "machine": Metric("machine", "", "neither", "arithmetic peak and disturbance in a launch"),
    "loadgen_single_stream": Metric("single_stream", "", "neither", "one query after the other"),
    "loadgen_multi_stream": Metric("multi_stream", "", "neither", "queries of several images"),
    "loadgen_server": Metric("server", "", "neither", "queries at random times"),
    "loadgen_offline": Metric("offline", "", "neither", "all images at once"),
    "status": Metric("status", "", "neither", "only where something was skipped or failed"),
}


@dataclass(frozen=True)
class Row:
    """One measured metric of one artifact on one target, with its raw samples.

    `target` is empty where the metric is a property of the artifact itself; `batch_size` and
    `launch` are 0 and -1 where they mean nothing. `samples` are columns of equal length.
    """

    variant: str
    seed: int
    key: str
    metric: str
    target: str = ""
    batch_size: int = 0
    launch: int = -1
    value: float | None = None
    samples: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    status: Literal["ok", "skipped", "failed"] = "ok"
    reason: str = ""


class Run(BaseModel):
    """All that a report needs beside the rows: what was asked, of what, where and when."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    protocol: int = PROTOCOL
    suite: str
    suite_path: str
    is_fast: bool = False
    description: str
    dataset: dict[str, Any]
    seeds: tuple[int, ...]
    baseline: str
    variants: dict[str, dict[str, Any]]
    targets: dict[str, dict[str, Any]]
    references: dict[str, dict[str, Any]]
    measure: dict[str, Any]
    pick: dict[str, Any]
    gate: dict[str, Any] | None = None  # None in runs of before there were gates
    int8_bits: int | None = None  # by default; None in runs where the CPU that made it decided
    keys: tuple[str, ...]
    environment: dict[str, Any]
    started: str
    finished: str | None = None


def write_run(folder: Path, run: Run) -> None:
    """Write `run.json`, whole."""
    write_whole(folder / RUN, run.model_dump_json(indent=1).encode() + b"\n")


def read_run(folder: Path) -> Run:
    """Read `run.json`. Raises UserError where it is absent or of a later format."""
    path = folder / RUN
    if not path.is_file():
        raise UserError(f"{folder} is not a run: it has no {RUN}")
    try:
        content = json.loads(path.read_bytes())
        version = content.get("format", FORMAT)
        if version > FORMAT:
            raise UserError(f"{path} has format {version}; this compbench reads up to {FORMAT}")
        return Run(**content)
    except ValidationError as error:
        raise UserError(f"{path} is damaged: {error.errors()[0]['msg']}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {error}") from error


def latest_run(results: Path, suite: str) -> Path | None:
    """The newest run of a suite; run folders are called by their time."""
    runs = sorted((results / "runs" / suite).glob(f"*/{RUN}"))
    return runs[-1].parent if runs else None


def new_folder(results: Path, suite: str, started: str) -> Path:
    """Make the folder of a new run, called by its time (ISO 8601, UTC)."""
    runs = results / "runs" / suite
    stamp = started.replace("-", "").replace(":", "").replace("+0000", "Z")
    path = runs / stamp
    while path.exists():
        path = path.with_name(f"{path.name}+")  # sorts after its namesake of the same second
    path.mkdir(parents=True)
    return path


def find_run(results: Path, name: str) -> Path:
    """A run by its folder, by a suite's name or by a suite file's path (the newest of that suite).

    Raises UserError with the nearest suite that has a run.
    """
    if (Path(name) / RUN).is_file():
        return Path(name)
    is_file = name.endswith(".toml")
    suite = Path(name).stem if is_file else Path(name).name
    found = latest_run(results, suite)
    if found is None:
        known = [path.name for path in (results / "runs").glob("*") if path.is_dir()]
        raise UserError(f"no run of '{suite}' under {results}{nearest(suite, known)}")
    ran = read_run(found).suite_path
    if is_file and os.path.abspath(name) not in map(os.path.abspath, _seen_from(ran, found)):
        raise UserError(f"the newest run of '{suite}' is of {ran}; to report it, name it: {found}")
    return found


def suite_file(suite_path: str, folder: Path) -> Path | None:
    """The suite file that a run or a baseline recorded, seen from here or from above its folder.

    A relative path was one from where the run was started, which is mostly a folder above the run.
    """
    if not suite_path:
        return None
    there = (path for path in _seen_from(suite_path, folder) if path.is_file())
    return next(there, Path(suite_path))


def _seen_from(suite_path: str, folder: Path) -> list[Path]:
    return [place / suite_path for place in (Path(), *folder.absolute().parents)]


def write_rows(folder: Path, name: str, rows: Iterable[Row]) -> None:
    """Write `rows/<name>.jsonl`, whole: it is there with all its rows, or not at all."""
    (folder / ROWS).mkdir(exist_ok=True)
    lines = (json.dumps(_to_json(row)) for row in rows)
    write_whole(folder / ROWS / f"{name}.jsonl", "".join(f"{x}\n" for x in lines).encode())


def has_rows(folder: Path, name: str) -> bool:
    """Whether `rows/<name>.jsonl` has been written."""
    return (folder / ROWS / f"{name}.jsonl").is_file()


def drop_rows(folder: Path, name: str) -> None:
    """Remove `rows/<name>.jsonl` if it is there."""
    (folder / ROWS / f"{name}.jsonl").unlink(missing_ok=True)


def read_rows(folder: Path) -> list[Row]:
    """All rows of a run, in the order of their files' names; samples are decoded when asked for."""
    return [row for path in sorted((folder / ROWS).glob("*.jsonl")) for row in _read(path)]


def read_rows_of(folder: Path, name: str) -> list[Row]:
    """The rows of `rows/<name>.jsonl`."""
    return _read(folder / ROWS / f"{name}.jsonl")


def _read(path: Path) -> list[Row]:
    try:
        with path.open(encoding="utf-8") as lines:
            return [_from_json(json.loads(line), str(path)) for line in lines]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {error}") from error


def _to_json(row: Row) -> dict[str, Any]:
    content = {name: getattr(row, name) for name in _DEFAULTS}
    content = {name: value for name, value in content.items() if value != _DEFAULTS[name]}
    content |= {"variant": row.variant, "seed": row.seed, "key": row.key, "metric": row.metric}
    return content | ({"samples": encode(row.samples)} if row.samples else {})


def _from_json(content: dict[str, Any], origin: str) -> Row:
    samples = content.pop("samples", None)
    return Row(**content, samples=Columns(samples, origin) if samples else {})


_DEFAULTS = {f.name: f.default for f in fields(Row) if f.name != "samples"}
