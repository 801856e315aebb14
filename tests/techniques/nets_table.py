"""Writes the table of nets × techniques into docs/nets.md: what works, what is refused, and why.

`python -m tests.techniques.nets_table` tries all, which takes a while; with names of nets only
those, and leaves the other rows as they are. It ends with 1 where something fails.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from compbench.contracts import (
    ChoosingTechnique,
    ModelFamily,
    Split,
    TechniqueBase,
    TrainingData,
    kinds,
)
from compbench.contracts.inputs import PIXELS
from compbench.contracts.model import made_model
from compbench.data.splits import Data
from compbench.doctor import nets, techniques
from compbench.doctor.examination import subject_on
from compbench.doctor.techniques import Attempt
from compbench.errors import JobFailed, UserError
from compbench.registry import registry
from compbench.tasks import classification
from tests import conftest, transformer
from tests.nets import image_signature
from tests.nets_of_all_kinds import NETS, Kind

PAGE = Path(__file__).parents[2] / "docs" / "nets.md"
BEGIN, END = "<!-- begin: nets × techniques -->", "<!-- end: nets × techniques -->"
NOT_TRIED = "·"
ITSELF = "itself"  # what stands for a technique where the net alone is refused
WANTED = {
    "prune_channels": {"round_to": 1},  # small nets have few channels
    "quantize_aware": {"batch_size": 8},  # after a single step answers are ties, which CPUs break
}
SMALL = {"stem": "small"}
IMAGE_NETS: dict[str, ModelFamily] = {
    "resnet8 of 78 k weights": made_model("resnet8"),
    "torchvision:resnet18": made_model({"name": "torchvision:resnet18", **SMALL}),
    "torchvision:mobilenet_v3_small": made_model(
        {"name": "torchvision:mobilenet_v3_small", **SMALL}
    ),
    "vision transformer": transformer.Model(),
}
GROUPS = {  # how a kind's name begins -> its heading; the first that fits
    "conv-": "Convolutions",
    "conv1d": "Convolutions",
    "conv3d": "Convolutions",
    "grouped": "Convolutions",
    "depthwise": "Convolutions",
    "standardised": "Convolutions",
    "batch-norm": "Normalisations",
    "group-norm": "Normalisations",
    "layer-norm": "Normalisations",
    "rms-norm": "Normalisations",
    "instance-norm": "Normalisations",
    "local-response": "Normalisations",
    "normed": "Normalisations",
    "weight-norm": "Normalisations",
    "spectral-norm": "Normalisations",
    "lstm": "Recurrent nets and attention",
    "gru": "Recurrent nets and attention",
    "attention": "Recurrent nets and attention",
    "encoder": "Recurrent nets and attention",
    "vit": "Recurrent nets and attention",
    "head-": "Heads",
    "raw-head": "Heads",
    "convolutional": "Heads",
    "resnet": "Whole nets, very small",
    "mobilenet": "Whole nets, very small",
}
OTHERS = "Activations, pooling, own weights and ways through the net"
IMAGES = "Nets for images of 32×32"


def groups() -> dict[str, tuple[str, ...]]:
    """Heading -> the nets under it; every net of `nets_of_all_kinds` once."""
    found: dict[str, tuple[str, ...]] = {IMAGES: tuple(IMAGE_NETS)}
    for heading in (*dict.fromkeys(GROUPS.values()), OTHERS):
        found[heading] = tuple(name for name in NETS if _group(name) == heading)
    return found


def _group(name: str) -> str:
    return next((said for start, said in GROUPS.items() if name.startswith(start)), OTHERS)


def tried_techniques() -> tuple[str, ...]:
    """Those that work on a parent, and on images."""
    return tuple(n for n in registry.names("technique") if _is_for_images(kinds.technique(n)))


def _is_for_images(plugin: type[TechniqueBase]) -> bool:
    if plugin.parents[1] == 0 or issubclass(plugin, ChoosingTechnique):
        return False
    technique = plugin(**techniques.options(plugin, "mlp", {}))
    return technique.problem_on(classification.Task()) is None


@dataclass
class Row:
    """A net's cells by technique, and the reasons of refusals and what was left as it was."""

    cells: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def tried(name: str, wanted: Iterable[str] = ()) -> Row:
    """These techniques on a net, or all; none on one that can't be exported or stored as it is."""
    heading = next(said for said, under in groups().items() if name in under)
    names = [n for n in tried_techniques() if n in wanted] or tried_techniques()
    family = IMAGE_NETS[name] if heading == IMAGES else Kind(kind=name)
    row = Row()
    with subject_on(family, colour() if heading == IMAGES else grey()) as subject:
        try:
            for check in nets.CHECKS.values():
                check(subject)
        except JobFailed as error:
            cells = dict.fromkeys(names, "refuses")
            return Row(cells, {ITSELF: str(error).replace("\n", " ")})
        for technique in names:
            plugin = kinds.technique(technique)
            asked = {"epochs": 1, **WANTED.get(technique, {})}
            try:
                given = kinds.made_technique(technique, techniques.options(plugin, family, asked))
                found = techniques.attempt(given, subject)
            except UserError as error:
                found = Attempt("refuses", str(error))
            row.cells[technique] = found.status
            if found.status != "works":
                row.reasons[technique] = found.said.replace("\n", " ")
    return row


def grey() -> Data:
    """Images of (1, 12, 12) in three classes."""
    train, validation, test = (conftest.split(n, i) for i, n in enumerate((96, 48, 60)))
    training = TrainingData(train, validation, classification.Task(), conftest.SIGNATURE)
    return Data(training, test)


def colour() -> Data:
    """Images of (3, 32, 32) in ten classes: a bright stripe in noise."""

    def split(count: int, seed: int) -> Split:
        labels = np.arange(count) % 10
        images = np.random.default_rng(seed).integers(0, 200, (count, 3, 32, 32), np.uint8)
        for index, label in enumerate(labels):
            images[index, :, 3 * label : 3 * label + 3] += 50
        return Split({PIXELS: images}, labels)

    training = TrainingData(
        split(64, 0), split(32, 1), classification.Task(), image_signature(3, 32, 32, 10)
    )
    return Data(training, split(32, 2))


def lines(rows: dict[str, Row]) -> Iterator[str]:
    """What stands between the markers."""
    names = tried_techniques()
    for heading, every in groups().items():
        yield from ("", f"### {heading}", "")
        yield f"| net | {' | '.join(names)} |"
        yield f"|---{'|---' * len(names)}|"
        for net in every:
            cells = rows.get(net, Row()).cells
            yield f"| {net} | {' | '.join(cells.get(name, NOT_TRIED) for name in names)} |"
        alike: dict[tuple[str, str], list[str]] = {}  # technique and reason -> nets
        for net in every:
            for said in rows.get(net, Row()).reasons.items():
                alike.setdefault(said, []).append(net)
        yield from [""] * bool(alike)
        yield from (f"- {of} of {', '.join(nets)}: {why}" for (of, why), nets in alike.items())
    yield ""


def read() -> dict[str, Row]:
    """The rows that the page has."""
    rows: dict[str, Row] = {}
    names: list[str] = []
    for line in _between()[1].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| net |"):
            names = cells[1:]
        elif line.startswith("| "):
            pairs = zip(names, cells[1:], strict=True)
            rows[cells[0]] = Row({k: v for k, v in pairs if v != NOT_TRIED})
        elif found := re.fullmatch(r"- (\w+) of (.+?): (.+)", line):
            for net in found[2].split(", "):
                rows[net].reasons[found[1]] = found[3]
    return rows


def _between() -> tuple[str, str, str]:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, _, after = rest.partition(END)
    return before, table, after


def write(rows: dict[str, Row]) -> None:
    """Put the rows between the page's markers."""
    before, _, after = _between()
    text = "\n".join(lines(rows))
    PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main(wanted: Iterable[str]) -> int:
    """Try these nets, or all; write the page after each."""
    rows, chosen = read(), {*wanted}
    every = [net for under in groups().values() for net in under]
    unknown = chosen - {*every}
    if unknown:
        print(f"there are no nets {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    for net in every:
        if not chosen or net in chosen:
            rows[net] = tried(net)
            write(rows)
            print(net, rows[net].cells, rows[net].reasons, flush=True)
    return int(bool(failing(rows)))


def failing(rows: dict[str, Row]) -> set[tuple[str, str]]:
    """The nets and techniques that fail without a reason of their own."""
    return {
        (net, t) for net, row in rows.items() for t, cell in row.cells.items() if cell == "fails"
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
