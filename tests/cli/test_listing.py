"""What can be listed, told from the fields of plugins, as text (golden) and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import onnxruntime
import pytest
from pydantic import Field
from rich.console import Console, RenderableType
from syrupy.assertion import SnapshotAssertion
from torch import nn

from compbench.cli import listing
from compbench.contracts import (
    LoweringTechnique,
    ModelOption,
    NullCase,
    Options,
    Trainer,
    TrainingData,
)
from compbench.errors import UserError
from compbench.registry import registry
from compbench.runtime.target import Target
from tests.golden import Text


class Shared(Options):
    """Options that several have."""

    epochs: int = Field(default=10, ge=0, lt=100, description="passes")


class Technique(Shared, LoweringTechnique):
    """Halve the file, in a line.

    And why, with [brackets] and `code`.
    """

    parents: ClassVar[tuple[int, int]] = (1, 2)
    null_case: ClassVar[NullCase] = NullCase({})

    model: ModelOption = Field(..., description="the student")
    ratio: float = Field(..., gt=0, le=1, description="what is kept")
    ways: tuple[Literal["one", "two"], ...] = Field(
        default=("one",),
        min_length=1,
        description="which ways, in a description that is so long "
        "that it must go on in another line of the table",
    )
    ranks: dict[str, Annotated[int, Field(ge=1)]] = Field(default={}, description="by layer")
    bits: Literal[4, 8] = Field(default=4, description="bits of a weight")
    limit: float | None = Field(default=None, gt=0, description="None: no limit")
    is_quick: bool = Field(default=False, description="whether to hurry")
    either: int | str = Field(default="auto", description="a number or a word")

    def lower(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> bytes:
        """Nothing."""
        return b""


def text(shown: RenderableType) -> str:
    console = Console(width=100, color_system=None)
    with console.capture() as captured:
        console.print(shown)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Text)


def test_a_technique_with_every_kind_of_option(golden: SnapshotAssertion) -> None:
    assert text(listing.render("techniques", "tests.cli.test_listing:Technique")) == golden


def test_the_targets(golden: SnapshotAssertion, monkeypatch: pytest.MonkeyPatch) -> None:
    there = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    providers, _, _ = text(listing.render("targets", None)).partition("\n\n")
    assert providers == golden
    assert text(listing.render("targets", "openvino")) == golden(name="openvino")


@pytest.mark.parametrize("kind", ["techniques", "models", "datasets"])
def test_all_of_a_kind(kind: str) -> None:
    lines = text(listing.render(kind, None)).splitlines()
    names = registry.names(listing.KINDS[kind])
    assert [line.split()[0] for line in lines if not line.startswith(" ")][1:] == [*names]
    for name in names:
        told = listing.entry(kind, name)
        if "which is not installed" in told.problem:
            continue
        plugin = registry.find(listing.KINDS[kind], name)
        assert {one.name for one in told.options} == {*plugin.model_fields}
        assert all(one.description or kind == "datasets" for one in told.options)
        assert told.summary and not told.problem


NAMES = [(kind, name) for kind in listing.KINDS for name in registry.names(listing.KINDS[kind])]
OWN = ("targets", "examples.adding.provider:Provider")


@pytest.mark.parametrize(("kind", "name"), [*NAMES, OWN])
def test_each_thing_is_described_with_all_its_options(kind: str, name: str) -> None:
    shown = text(listing.render(kind, name))
    assert shown.startswith(name)
    for option in listing.entry(kind, name).options:
        assert option.name in shown


@pytest.mark.parametrize(
    ("dataset", "files"),
    [
        ("image_folder", "Image files"),
        ("audio_folder", "WAV files"),
        ("table", "CSV or Parquet file"),
        ("text_lines", "Files with a text and its class in each line"),
        ("text_file", "One text file"),
    ],
)
def test_a_dataset_of_files_says_first_which_it_reads(dataset: str, files: str) -> None:
    found = listing.entry("datasets", dataset)
    assert files in found.summary and found.summary.endswith((".", "`."))


def test_what_an_option_is_where_nothing_is_given_is_shown() -> None:
    (ratio,) = (x for x in listing.entry("techniques", "low_rank").options if x.name == "ratio")
    assert ratio.default == "0.25"


def test_own_options_come_first() -> None:
    names = [one.name for one in listing.options(Technique)]
    assert names == [*[*Technique.__annotations__][2:], "epochs"]


def test_a_table_in_a_table_is_named_with_dots() -> None:
    names = [one.name for one in listing.options(Target)]
    assert {"threads", "loadgen.scenarios", "loadgen.seconds"} <= {*names}
    assert "loadgen" not in names


def test_a_missing_library_is_told_and_the_others_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def versions(libraries: Sequence[str]) -> dict[str, str]:
        return {name: "1" for name in libraries if name != "torch-pruning"}

    monkeypatch.setattr(registry, "versions", versions)
    found = {one.name: one for one in listing.entries("techniques")}
    assert [n for n, one in found.items() if one.problem] == ["prune_channels"]
    assert "pip install torch-pruning" in found["prune_channels"].problem
    assert "pip install torch-pruning" in " ".join(
        text(listing.render("techniques", "prune_channels")).split()
    )


def test_json() -> None:
    every = json.loads(listing.as_json("models", None))
    assert [one["name"] for one in every] == [*registry.names("model")]
    one = json.loads(listing.as_json("models", "cnn"))
    assert one == every[0]
    assert one["options"][0] == {
        "name": "channels",
        "type": "list of integers",
        "default": "[32, 64]",
        "bounds": "1 or more, each > 0",
        "description": "output channels of each convolution",
    }


WRONG = {
    ("technique", None): "there is nothing to list called 'technique'; did you mean 'techniques'?",
    ("things", None): "known: datasets, losses, models, shifts, targets, tasks, techniques",
    ("things", "mlp"): "known: datasets, losses, models, shifts, targets, tasks, techniques",
    ("things", "a:B"): "known: datasets, losses, models, shifts, targets, tasks, techniques",
    ("models", "cn"): "there is no model 'cn'; did you mean 'cnn'?",
    ("techniques", "distil"): "there is no technique 'distil'; did you mean 'distill'?",
    ("targets", "cudo"): "there is no provider 'cudo'; did you mean 'cuda'?",
    ("techniques", "no.such:Thing"): "does not import",
}


@pytest.mark.parametrize(("given", "message"), WRONG.items(), ids=str)
def test_wrong_names(given: tuple[str, str | None], message: str) -> None:
    for call in (listing.render, listing.as_json):
        with pytest.raises(UserError) as caught:
            call(*given)
        assert message in str(caught.value)


def test_every_provider_says_where_it_comes_from() -> None:
    assert [one.name for one in listing.entries("targets")] == [*registry.names("provider")]
