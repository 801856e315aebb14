"""Students that are no nets, from the suite file to the artifact."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from compbench.contracts import (
    Input,
    Predictor,
    Signature,
    Split,
    TaskBase,
    Trainer,
    TrainingData,
    kinds,
)
from compbench.data.splits import Data
from compbench.errors import JobFailed, UserError
from compbench.make import job as make_job
from compbench.make.store import CHECKPOINT, HISTORY, LOGITS, MODEL, Artifact, Store
from compbench.onnxfile import metadata
from compbench.statistics.teaching import untaught
from compbench.suite import plan, read
from compbench.suite.key import described_model, options
from compbench.tasks import classification, multi_label, next_token, regression
from compbench.techniques import distill_forest, train_forest
from compbench.toolkit.forest import predictor as predictors
from compbench.training.loop import Fit
from tests.factory import make_run
from tests.nets import file_outputs, parity

HEAD = """
dataset = "digits"
[variants.teacher]
technique = "train"
model = "mlp"
epochs = 2
batch_size = 16
"""


def table(name: str, technique: str, parent: str = "", **given: Any) -> str:
    lines = [f"[variants.{name}]", f'technique = "{technique}"']
    lines += [f'parent = "{parent}"'] if parent else []
    lines += [f"{key} = {value!r}".replace("True", "true") for key, value in given.items()]
    return "\n".join([*lines, ""])


FOREST = table("forest", "distill_forest", "teacher", trees=8)


@pytest.fixture
def made(
    tiny: Data, tmp_path: Path, write_suite: Callable[[str], Path]
) -> Callable[..., dict[str, Artifact]]:
    """The artifacts of a suite on the tiny dataset."""

    def make(text: str, **more: Any) -> dict[str, Artifact]:
        store = Store(tmp_path / "results")
        store.root.mkdir(parents=True, exist_ok=True)
        found: dict[str, Artifact] = {}
        roots = {}
        for job in plan.plan(read.load(write_suite(text)), "d"):
            roots[job.variant.name] = job.variant.root_model
            parents = [make_job.Parent(found[name], roots[name]) for name in job.variant.parents]
            files = make_job.make(job, parents, tiny, lambda *_: None, **more)
            found[job.variant.name] = store.put(*files)
        return found

    return make


def reference(artifact: Artifact) -> np.ndarray:
    return np.load(io.BytesIO(artifact.read(LOGITS)))


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees", "gradient_boosting"])
def test_a_run_holds_the_file_to_scikit_learn(kind: str, made: Any, tiny: Data) -> None:
    news: list[tuple[str, float]] = []
    text = HEAD + table("forest", "distill_forest", "teacher", trees=8, kind=kind)
    found = made(text, on_news=lambda *said: news.append(said))["forest"]
    assert {*found.manifest.files} == {MODEL, LOGITS}
    file = found.read(MODEL)
    same = parity(reference(found), file_outputs(file, tiny))
    assert same.max_abs_difference < 1e-5 and same.agreement == 1
    assert news[-1][1] == 1
    said = metadata.read(file)
    assert said["key"] == found.manifest.key
    assert '"technique": "distill_forest"' in said["lineage"] and '"train"' in said["lineage"]
    (feed,) = metadata.feeds(file)
    assert (feed.name, feed.source, feed.dtype, feed.normalisation) == (
        *("pixels", "pixels", "uint8"),
        None,
    )
    model = onnx.load_model_from_string(file)
    assert [one.name for one in model.graph.input] == ["pixels"]
    assert [one.name for one in model.graph.output] == ["logits"]
    assert (reference(found).argmax(1) == tiny.test.targets).mean() > 0.9


def test_what_scikit_learn_does_not_give_is_no_artifact(made: Any, monkeypatch: Any) -> None:
    real = predictors.to_file

    def off(ensemble: Any, *more: Any) -> bytes:
        first = replace(ensemble.trees[0], values=0.9 * ensemble.trees[0].values)
        return real(replace(ensemble, trees=(first, *ensemble.trees[1:])), *more)

    monkeypatch.setattr(predictors, "to_file", off)
    with pytest.raises(JobFailed, match=r"file's outputs are up to .* from scikit-learn's \(allow"):
        made('dataset = "digits"\n' + table("forest", "train_forest", trees=3))


def test_teachers_are_files_and_a_forest_teaches(made: Any, tiny: Data) -> None:
    """Whatever stands behind a parent: a net, trees, a quantized file."""
    text = (
        HEAD
        + FOREST
        + table("net", "distill", "forest", model="mlp", epochs=20, batch_size=8, hard_weight=0.0)
        + table("int8", "quantize_static", "teacher", calibration_samples=32)
        + table("again", "distill_forest", "forest", trees=8)
        + table("of_int8", "distill_forest", "int8", trees=8)
    )
    found = made(text)
    assert CHECKPOINT in found["net"].manifest.files and HISTORY in found["net"].manifest.files
    wanted = reference(found["forest"]).argmax(1)
    for name in ("net", "again", "of_int8"):
        assert (reference(found[name]).argmax(1) == wanted).mean() > 0.9, name


def test_the_same_again_and_by_the_seed(made: Any, tmp_path: Path) -> None:
    text = HEAD + FOREST
    first, again = (made(text)["forest"].manifest.files for _ in range(2))
    assert first == again
    other = made(text.replace("[variants.teacher]", "seeds = [1]\n[variants.teacher]", 1))
    assert other["forest"].manifest.files != first


def test_a_student_without_soft_weight_is_its_control(made: Any) -> None:
    same = {"trees": 5, "kind": "extra_trees", "depth": 4}
    text = HEAD + table("control", "train_forest", **same)
    text += table("hard", "distill_forest", "teacher", soft_weight=0.0, **same)
    found = made(text)
    assert np.array_equal(reference(found["control"]), reference(found["hard"]))
    files = [metadata.net_sha256(found[name].read(MODEL)) for name in ("control", "hard")]
    assert files[0] == files[1]


class Said(nn.Module):
    """A teacher whose logits are the same for all: 3, 1, 0."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[3.0, 1.0, 0.0]]).repeat(len(pixels), 1)


def learnt(data: Data, teacher: nn.Module | None = None, **given: Any) -> Predictor:
    torch.manual_seed(0)
    fit: Trainer = Fit(data.training, 0, lambda *_: None)
    plugin = distill_forest if teacher else train_forest
    parents = [teacher.eval()] if teacher else []
    return plugin.Technique.model_validate(given).learn(parents, data.training, fit)


def test_a_pure_student_says_what_its_teacher_says(tiny: Data) -> None:
    """Whatever the temperature: its outputs are the teacher's logits again."""
    for temperature in (1.0, 5.0):
        given = {"temperature": temperature, "soft_weight": 1.0, "hard_weight": 0.0, "trees": 3}
        found = learnt(tiny, Said(), **given).outputs(tiny.test.arrays)
        np.testing.assert_allclose(found - found[:, 2:], [[3, 1, 0]] * 60, atol=1e-4)


def test_both_weights_mix_teacher_and_targets(tiny: Data) -> None:
    """A tree of one leaf has the mean of both."""
    given = {"temperature": 1.0, "soft_weight": 3.0, "hard_weight": 1.0, "trees": 1}
    kind = {"kind": "gradient_boosting", "depth": 1, "min_samples_leaf": 90}
    found = learnt(tiny, Said(), **given, **kind).outputs(tiny.test.arrays)
    said = np.exp([3, 1, 0]) / np.exp([3, 1, 0]).sum()
    np.testing.assert_allclose(np.exp(found[0]), 0.75 * said + 0.25 / 3, atol=1e-6)


def test_samples_without_a_known_target_are_learnt_from_the_teacher_alone(tiny: Data) -> None:
    """The mean over all has a label's share only of the half that is known, by weight."""
    given = {"temperature": 1.0, "soft_weight": 1.0, "hard_weight": 1.0, "trees": 1}
    kind = {"kind": "gradient_boosting", "depth": 1, "min_samples_leaf": 90}
    found = learnt(tiny, Said(), **given, **kind, label_share=0.5).outputs(tiny.test.arrays)
    said = np.exp([3, 1, 0]) / np.exp([3, 1, 0]).sum()
    known, unknown = 2 * (said + 1 / 3) / 2, said  # of weight 2 and 1
    np.testing.assert_allclose(np.exp(found[0]), (known + unknown) / 3, atol=1e-6)


def test_a_share_of_the_samples_and_fewer_classes(tiny: Data) -> None:
    few = learnt(tiny, trees=20, without_classes=[2]).outputs(tiny.test.arrays)
    assert (few[:, 2] == few[:, 2].min()).all() and {*few.argmax(1)} == {0, 1}
    part, whole = (learnt(tiny, trees=3, data_share=s).outputs(tiny.test.arrays) for s in (0.2, 1))
    assert not np.array_equal(part, whole)


def of_task(task: TaskBase, targets: np.ndarray, outputs: int) -> Data:
    random = np.random.default_rng(0)
    rows = random.normal(size=(len(targets), 5)).astype(np.float32)
    rows[:, 0] = targets.reshape(len(targets), -1)[:, 0]
    split = Split({"features": rows}, targets)
    signature = Signature({"features": Input("float32", (5,))}, outputs, task.output)
    return Data(TrainingData(split, split, task, signature), split)


class Linear(nn.Module):
    def __init__(self, outputs: int):
        super().__init__()
        torch.manual_seed(2)
        self.layer = nn.Linear(5, outputs)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layer(features)


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees", "gradient_boosting"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_numbers_are_learnt(kind: str, outputs: int) -> None:
    targets = np.random.default_rng(1).normal(3, 5, (200, outputs)).astype(np.float32)
    data = of_task(regression.Task(), targets[:, 0] if outputs == 1 else targets, outputs)
    for teacher in (None, Linear(outputs)):
        found = learnt(data, teacher, kind=kind, min_samples_leaf=2)
        given = found.outputs(data.test.arrays)
        np.testing.assert_allclose(file_outputs(found.file, data), given, atol=1e-4)
        assert given.shape == (200, outputs)
        if teacher is None:
            assert np.corrcoef(given[:, 0], targets[:, 0])[0, 1] > 0.9


@pytest.mark.parametrize("kind", ["random_forest", "gradient_boosting"])
def test_labels_are_learnt(kind: str) -> None:
    targets = (np.random.default_rng(1).random((200, 3)) < 0.4).astype(np.int64)
    data = of_task(multi_label.Task(), targets, 3)
    for teacher in (None, Linear(3)):
        found = learnt(data, teacher, kind=kind)
        given = found.outputs(data.test.arrays)
        np.testing.assert_allclose(file_outputs(found.file, data), given, atol=1e-3)
        if teacher is None:
            assert ((given[:, 0] > 0) == (targets[:, 0] > 0)).mean() > 0.95


def test_what_trees_can_not_learn_is_said_in_a_line(tiny: Data) -> None:
    tokens = Split({"tokens": np.ones((30, 4), np.int64)}, np.ones((30, 4), np.int64))
    texts = {
        "stands for words or categories": (classification.Task(), Input("int64", (4,), values=9)),
        "has samples of any length": (
            classification.Task(),
            Input("float32", (4,), free_axes=(0,)),
        ),
        "trees learn means of samples": (next_token.Task(), Input("int64", (4,))),
    }
    for message, (task, one) in texts.items():
        signature = Signature({"tokens": one}, 9)
        data = Data(TrainingData(tokens, tokens, task, signature), tokens)
        for teacher in (None, Said()):
            with pytest.raises(ValueError, match=message):
                learnt(data, teacher)


OPTIONS = {
    'kind = "forest"': "should be 'random_forest', 'extra_trees' or 'gradient_boosting'",
    "trees = 0": "should be greater than or equal to 1",
    "learning_rate = 0.1": 'learning_rate is of kind = "gradient_boosting"',
    "soft_weight = 0\nhard_weight = 0": "there is nothing to learn",
    "soft_weight = 0\ntemperature = 3": "temperature is for what a parent says",
    "depht = 3": "did you mean 'depth'?",
    'model = "mlp"': "model",
}


@pytest.mark.parametrize("given", OPTIONS)
def test_wrong_options(given: str, write_suite: Callable[[str], Path]) -> None:
    with pytest.raises(UserError) as caught:
        read.load(write_suite(HEAD + table("forest", "distill_forest", "teacher") + given))
    assert OPTIONS[given] in str(caught.value)
    assert str(caught.value).count("\n") == 0


FOLLOWERS = {
    "train": "distill from it into a net of its own",
    "prune_weights": "distill from it into a net of its own",
    "low_rank": "distill from it into a net of its own",
    "quantize_aware": "distill from it into a net of its own",
    "train_forest": "needs 0 parents, got 1",
}


@pytest.mark.parametrize("technique", FOLLOWERS)
def test_what_can_not_follow_trees(technique: str, write_suite: Callable[[str], Path]) -> None:
    with pytest.raises(UserError) as caught:
        read.load(write_suite(HEAD + FOREST + table("next", technique, "forest")))
    said = str(caught.value)
    assert said.startswith(f"{caught.value}") and "[variants.next]" in said
    assert FOLLOWERS[technique] in said and "before the quantization" not in said


@pytest.mark.parametrize(
    "technique", ["quantize_static", "quantize_dynamic", "quantize_weights", "float16"]
)
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_trees_have_no_weights_to_quantize(technique: str, temperature: float, tiny: Data) -> None:
    found = learnt(tiny, Said(), trees=3, temperature=temperature)
    quantizer: Any = kinds.made_technique(technique)
    with pytest.raises(JobFailed, match=r"nothing (was quantized|is in half precision): "):
        quantizer.rewrite(found.file, tiny.training)


def test_a_forest_of_a_quantized_teacher_is_not_quantized(
    write_suite: Callable[[str], Path],
) -> None:
    """Its teacher is no step of its own lineage."""
    int8 = table("int8", "quantize_static", "teacher")
    forest = table("forest", "distill_forest", "int8") + table("half", "float16", "forest")
    loaded = read.load(write_suite(HEAD + int8 + forest))
    assert loaded.variants["forest"].root_model is None
    assert not loaded.variants["forest"].is_torch and loaded.variants["forest"].has_reference


def described(loaded: Any) -> dict[str, dict[str, Any]]:
    """Variants as a run records them."""
    return {
        name: {
            "technique": variant.technique_name,
            **variant.technique.says(),
            "parents": list(variant.parents),
            "torch": variant.is_torch,
            "model": described_model(variant),
            "options": options(variant),
        }
        for name, variant in loaded.variants.items()
    }


CONTROLS = {
    "": "same",
    "depth = 3": None,
    "trees = 9": None,
    "data_share = 0.5": "half",
    "label_share = 0.5": "half",
    "temperature = 3": "same",
}


@pytest.mark.parametrize("more", CONTROLS)
def test_the_control_of_trees_is_the_same_trees(
    more: str, write_suite: Callable[[str], Path]
) -> None:
    """No net, no loaded file, and no other trees are one."""
    text = (
        HEAD
        + table("loaded", "load", path="mine.onnx")
        + table("net", "train", model="mlp")
        + table("other", "train_forest", kind="extra_trees")
        + table("half", "train_forest", data_share=0.5, min_samples_leaf=6)
        + table("same", "train_forest", min_samples_leaf=6)
        + table("taught", "distill_forest", "teacher", min_samples_leaf=6)
        + more
    )
    run = make_run(described(read.load(write_suite(text))))
    assert untaught(run, "taught") == CONTROLS[more]


def test_an_import_for_a_list_needs_no_scikit_learn() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from compbench.techniques import distill_forest, train_forest\n"
        "assert not {'sklearn', 'onnx', 'torch'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
