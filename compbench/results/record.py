"""What a run was asked, of what, where and when: `run.json`; and how two records differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from compbench import seal
from compbench.errors import UserError, explain, one_line, printable
from compbench.file_name import FileName, PlainName
from compbench.files import at_end_of, write_whole
from compbench.headline import Headline
from compbench.results import record_check, upgrade

FORMAT = 2
SEALED = 2  # the first in which files carry checksums
PROTOCOL = 2  # the version of measurement that rows were made with
GROUPS = 2  # the first in which not all arms share every turn
RUN = "run.json"
ROWS = "rows"


class Run(BaseModel):
    """All that a report needs beside the rows: what was asked, of what, where and when."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    protocol: int = PROTOCOL
    suite: FileName
    suite_path: str  # as it was given
    suite_from_results: str = ""  # the real file, seen from the results; empty in older runs
    is_fast: bool = False
    description: str
    dataset: dict[str, Any]
    task: dict[str, Any] = Field(default_factory=lambda: {**upgrade.CLASSIFICATION})
    seeds: tuple[int, ...]
    baseline: str
    variants: dict[PlainName, dict[str, Any]]
    targets: dict[PlainName, dict[str, Any]]
    shifts: dict[PlainName, dict[str, Any]] = Field(default_factory=dict)
    references: dict[str, dict[str, Any]]
    measure: dict[str, Any]
    pick: dict[str, Any]
    gate: dict[str, Any] | None = None  # None in runs of before there were gates
    int8_bits: int | None = None  # by default; None in runs where the CPU that made it decided
    keys: tuple[FileName, ...]
    environment: dict[str, Any]
    started: str
    finished: str | None = None  # when all was measured
    files: tuple[FileName, ...] | None = None  # the names of its rows' files, once it is finished
    is_reported: bool = True  # False from when it is finished until its report is written

    def real_suite(self, results: Path) -> Path:
        """The suite file, wherever one is; as it was given where that is all one knows."""
        if not self.suite_from_results:
            return Path(self.suite_path)
        return at_end_of(results, self.suite_from_results)

    @property
    def headline(self) -> Headline:
        """The metric that all is judged by."""
        return Headline(**self.task["headline"])

    @property
    def conditions(self) -> tuple[tuple[str, int], ...]:
        """What is done to test samples: each shift at each of its severities, in suite order."""
        return tuple((n, int(s)) for n, one in self.shifts.items() for s in one["severities"])

    def reference(self, variant: str) -> str | None:
        """Whom a variant's answers to shifted samples stand beside: its teacher, else the baseline.

        None for the baseline itself.
        """
        described = self.variants[variant]
        if variant == self.baseline:
            return None
        return (
            described["parents"][0]
            if described["teaches"] and described["parents"]
            else self.baseline
        )

    @property
    def is_sealed(self) -> bool:
        """Whether its files have checksums."""
        return self.format >= SEALED

    @property
    def is_whole(self) -> bool:
        """Whether it has come to its end, its report included."""
        return self.finished is not None and self.is_reported

    @property
    def noun(self) -> str:
        """What a sample is called: an image where each has one, which is pixels (C, H, W)."""
        inputs = self.dataset.get("inputs", {}).values()
        is_image = any(i["dtype"] == "uint8" and len(i["shape"]) == 3 for i in inputs)
        return "image" if is_image or not inputs else "sample"

    @property
    def has_classes(self) -> bool:
        """Whether one class is right of each sample: then there are confusions and soft labels."""
        return bool(self.task["has_classes"])


def write_run(folder: Path, run: Run) -> None:
    """Write `run.json`, whole."""
    write_whole(folder / RUN, seal.json_text(run.model_dump(mode="json")))


def read_run(folder: Path) -> Run:
    """Read `run.json`. Raises UserError where it is absent or of a later format."""
    path = folder / RUN
    if not path.is_file():
        raise UserError(f"{folder} is not a run: it has no {RUN}")
    try:
        found = Run(**_readable(seal.read_object(path, sealed_since=SEALED, newest=FORMAT)))
        updates: dict[str, Any] = {
            "variants": {name: upgrade.variant(v) for name, v in found.variants.items()},
            "references": {name: upgrade.reference(r) for name, r in found.references.items()},
            "dataset": upgrade.dataset(found.dataset),
        }
        whole = found.model_copy(update=updates)
        record_check.refuse_wrong(vars(whole))
        return whole
    except ValidationError as error:
        raise UserError(f"{path} is damaged: {explain(error, 'it', Run.model_fields)}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {one_line(str(error), 160)}") from error


def readable(run: Run) -> Run:
    """The same as it is read again once it is written."""
    return Run(**_readable(run.model_dump(mode="json")))


def _readable(content: dict[str, Any]) -> dict[str, Any]:
    """A record of words that a terminal can show, but for what a dataset and a task are made of."""
    kept = {n: content[n] for n in ("dataset", "task") if isinstance(content.get(n), dict)}
    made_of = {n: {"options": t["options"]} for n, t in kept.items() if "options" in t}
    shown = {name: _shown(each) for name, each in content.items()}
    return shown | {name: shown[name] | raw for name, raw in made_of.items()}


def _shown(content: Any) -> Any:
    if isinstance(content, str):
        return printable(content, lines=True)
    if isinstance(content, list | tuple):
        return [_shown(each) for each in content]
    if isinstance(content, dict):
        return {name: _shown(each) for name, each in content.items()}
    return content


def became(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """`name: old became new` for each value that differs, tables inside tables by their path."""
    one, other = dict(_flat(a)), dict(_flat(b))
    names = [*one, *(name for name in other if name not in one)]
    return [
        f"{name}: {_plain(one.get(name))} became {_plain(other.get(name))}"
        for name in names
        if one.get(name) != other.get(name)
    ]


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _plain(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else printable(str(value))
