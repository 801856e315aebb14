"""Snapshot: the files of one seed and the rows that a gate needs, of a run or of bare files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from compbench.errors import UserError, one_line
from compbench.file_name import FileName, PlainName
from compbench.files import sha256
from compbench.headline import Headline
from compbench.make.store import MODEL, store_of
from compbench.results import upgrade
from compbench.results.folder import examine
from compbench.results.record import Run, read_run
from compbench.results.row import Row
from compbench.suite import read as suites

FORMAT = 2
SEALED = 2  # the first in which its record has a checksum
# what is kept of a run; times are not, since they are only ever compared side by side
METRICS = {
    "size_bytes",
    "packed_bytes",
    "parameters",
    "nonzero_parameters",
    "macs",
    "score",
    "parity_max_abs",
    "parity_relative",
    "parity_agreement",
    "memory_bytes",
    "file",
    "status",
}


class Entry(BaseModel):
    """One variant's file, and how it was made."""

    model_config = ConfigDict(frozen=True)

    key: str = ""  # empty for a bare file
    sha256: str
    file: FileName
    technique: str = ""
    parents: tuple[str, ...] = ()
    is_torch: bool = False
    library: str = ""  # another one that its model is of


class Record(BaseModel):
    """What `baseline.json` holds. `gate` is the suite's table when it was written, None where the
    suite file was gone; `lost` says why variants have no file."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    suite: str = ""
    suite_path: str = ""
    dataset: dict[str, Any] = {}
    task: dict[str, Any] = {}
    seed: int = 0
    targets: dict[str, dict[str, Any]] = {}
    gate: dict[str, Any] | None = None
    variants: dict[PlainName, Entry]
    lost: dict[str, str] = {}
    environment: dict[str, Any] = {}
    git_commit: str | None = None
    measured: str | None = None  # when its run began; UTC, ISO 8601
    saved: str
    rows_sha256: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A record with the files (variant -> path) and rows that belong to it."""

    label: str
    record: Record
    files: dict[str, Path]
    rows: tuple[Row, ...] = ()

    def row(self, variant: str, metric: str, target: str = "") -> Row | None:
        """The row of a metric, if it was recorded."""
        wanted = (variant, metric, target)
        return next((r for r in self.rows if (r.variant, r.metric, r.target) == wanted), None)

    def failure(self, variant: str, target: str) -> str | None:
        """Why the run has no figures of a variant on a target, where it failed."""
        if variant in self.record.lost:
            return self.record.lost[variant]
        wanted = (variant, "status", target, "failed")
        rows = (r for r in self.rows if (r.variant, r.metric, r.target, r.status) == wanted)
        return next((r.reason for r in rows if r.launch < 0), None)  # a lost launch is only fewer


def of_run(folder: Path, results: Path) -> Snapshot:
    """The first seed of a finished run. Its artifacts lie beside it, or else under `results`.

    Raises UserError where the run is not finished, or an artifact is gone or damaged.
    """
    run = read_run(folder)
    again = f"compbench run {run.suite_path}"
    if run.finished is None:
        raise UserError(f"{folder} was stopped before its end; go on with: {again}")
    seed = run.seeds[0]
    found = examine(folder, run)
    for problem in found.problems.values():
        raise UserError(f"{problem}; measure it again: {again}")
    rows = tuple(r for r in found.rows if r.seed == seed and r.metric in METRICS)
    lost = {r.variant: r.reason for r in rows if r.metric == "status" and not r.target}
    keys = {r.variant: r.key for r in rows}
    store = store_of(folder, results)
    files = {}
    variants = {}
    for name in (name for name in run.variants if name not in lost):
        if name not in keys:
            raise UserError(f"{folder} has no rows of '{name}'; run again: {again}")
        artifact = store.need(keys[name], f"'{name}'", again)
        files[name] = artifact.path(MODEL)
        variants[name] = _entry(run, name, keys[name], artifact.manifest.files[MODEL])
    if not variants:
        raise UserError(f"{folder} has no artifact: all its variants failed")
    return Snapshot(str(folder), _record(run, variants, lost), files, rows)


def of_files(folder: Path) -> Snapshot:
    """Bare ONNX files, each named after its variant. Raises UserError where there is none."""
    files = {path.stem: path for path in sorted(folder.glob("*.onnx"))}
    if not files:
        raise UserError(f"{folder} has no ONNX files; name them after variants: student.onnx")
    for path in files.values():
        _refuse_parts(path)
    entries = {n: Entry(sha256=sha256(path), file=path.name) for n, path in files.items()}
    return Snapshot(str(folder), Record(variants=entries, saved=now()), files)


def _refuse_parts(path: Path) -> None:
    """Raises UserError where weights lie in other files, whose sizes and sums nobody would see."""
    import onnx  # which few commands need
    from google.protobuf.message import DecodeError

    from compbench.onnxfile import foreign

    try:
        others = foreign.elsewhere(onnx.load_model(path, load_external_data=False))
    except DecodeError:
        return  # what is wrong with it is said when it is run
    if others:
        raise UserError(
            f"{path} has weights in other files ({one_line(', '.join(others))}): save all in one, "
            "onnx.save(onnx.load(path), path)"
        )


def headline(found: Snapshot) -> Headline:
    """Its task's metric; of before there were tasks, accuracy."""
    return Headline(**(found.record.task or upgrade.CLASSIFICATION)["headline"])


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def gate_table(suite_path: str) -> dict[str, Any] | None:
    """The suite file's `[gate]`; None where there is no such file. Raises UserError."""
    if not suite_path or not Path(suite_path).is_file():
        return None
    return suites.gate(Path(suite_path)).model_dump()


def _entry(run: Run, name: str, key: str, checksum: str) -> Entry:
    described = run.variants[name]
    return Entry(
        key=key,
        sha256=checksum,
        file=f"{name}.onnx",
        technique=described["technique"],
        parents=tuple(described["parents"]),
        is_torch=described["torch"],
        library=described.get("library", ""),
    )


def _record(run: Run, variants: dict[str, Entry], lost: dict[str, str]) -> Record:
    return Record(
        suite=run.suite,
        suite_path=run.suite_path,
        dataset=run.dataset,
        task=run.task,
        seed=run.seeds[0],
        targets=run.targets,
        gate=run.gate if run.gate is not None else gate_table(run.suite_path),
        variants=variants,
        lost=lost,
        environment=run.environment,
        git_commit=run.environment.get("git_commit"),
        measured=run.started,
        saved=now(),
    )
