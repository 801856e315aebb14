"""Files of other tools: each is run rightly, or refused with one clear reason."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make import job
from compbench.measure import footprint, launch, profile
from compbench.measure.launch import Spec
from compbench.measure.turns import Turns
from compbench.onnxfile import size
from compbench.results.folder import read_rows
from compbench.results.record import read_run, write_run
from compbench.runtime import inference
from compbench.runtime.process import ProcessFailed, Worker
from compbench.runtime.target import Target
from tests.fakes import cpu_session
from tests.odd_files import LATER, REASONS, RIGHT, Made, reason

MADE = Made(4, 3)
IMAGES = np.random.default_rng(1).normal(size=(40, 1, 4, 4)).astype(np.float32)
INPUTS = {"input": IMAGES}


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return inference.outputs(cpu_session(MADE.good()), INPUTS)


@pytest.mark.parametrize("kind", RIGHT)
def test_logits_are_found_whatever_is_beside_them(kind: str, expected: np.ndarray) -> None:
    session = cpu_session(getattr(MADE, kind)())
    np.testing.assert_allclose(inference.outputs(session, INPUTS), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", REASONS)
def test_what_has_no_logits_says_what_it_has(kind: str) -> None:
    with pytest.raises(JobFailed) as raised:
        cpu_session(getattr(MADE, kind)())
    assert str(raised.value) == reason(kind, MADE)


def test_inputs_that_a_batch_lacks_are_named_with_those_that_there_are() -> None:
    session = cpu_session(MADE.two_inputs())
    wanted = r"^the model takes input .*, more tensor.*; there is input float32 "
    with pytest.raises(JobFailed, match=wanted):
        session.bind(INPUTS)


def test_weights_that_are_elsewhere_are_missed_in_one_line(tiny: Data) -> None:
    with pytest.raises(JobFailed, match=r"\AONNX Runtime can't load the file: .*weights\.bin.*\Z"):
        cpu_session(MADE.elsewhere())
    with pytest.raises(JobFailed, match=r"\Aits weights are in other files \(weights\.bin\)"):
        job._checked(MADE.elsewhere(), "'mine'", tiny.training)


def test_an_output_that_is_not_what_the_file_says_is_told() -> None:
    model = onnx.load_model_from_string(MADE.unknown_classes())
    model.graph.node[-1].output[0] = "two"
    three = [onnx.helper.make_node("Unsqueeze", ["two", "axis"], ["logits"])]
    model.graph.node.extend(three)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "axis"))
    session = cpu_session(model.SerializeToString())
    with pytest.raises(JobFailed, match=r"^for 40 samples the model.s output is \(1, 40, 3\)$"):
        inference.outputs(session, INPUTS)


SIZED = {name for name in vars(Made) if not name.startswith("_")} - {"file", "label", "elsewhere"}


@pytest.mark.parametrize("kind", sorted(SIZED))
def test_every_file_has_a_size(kind: str) -> None:
    content = getattr(MADE, kind)()
    found = size.measure(content)
    assert found.size_bytes == len(content)
    assert found.parameters == 48  # words are none; nor is the one number that a loop adds


def test_what_has_only_operators_of_other_domains_has_no_opset() -> None:
    model = onnx.load_model_from_string(MADE.good())
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("ai.onnx.ml", 3))
    assert size.measure(model.SerializeToString()).opset == 0


@pytest.fixture
def path(tmp_path: Path, request: pytest.FixtureRequest) -> str:
    file = tmp_path / "odd.onnx"
    file.write_bytes(getattr(MADE, request.param)())
    return str(file)


@pytest.mark.parametrize("path", ["words", "unknown_classes"], indirect=True)
def test_odd_files_are_measured_as_others_are(path: str) -> None:
    target = Target(batch_sizes=(2, 4))
    assert footprint.footprints(path, target, 1, INPUTS)["rest_bytes"] > 0
    assert "MatMul" in profile.profile(path, target, INPUTS)["operator"]
    taken = launch.launch(Spec({"a/0": path}, target, Turns(1e-6, most_runs=2), 0), INPUTS)
    assert set(taken["throughput"]) == {"2", "4"}


@pytest.mark.parametrize("path", ["fixed_batch"], indirect=True)
def test_a_batch_that_does_not_fit_is_blamed_on_its_arm(path: str, tmp_path: Path) -> None:
    good = tmp_path / "good.onnx"
    good.write_bytes(MADE.good())
    arms = {"good/0": str(good), "odd/0": path}
    with pytest.raises(ProcessFailed, match=r"^the model takes input \(7, 1, 4, 4\)") as raised:
        launch.launch(Spec(arms, Target(), Turns(1e-6), 0), INPUTS)
    assert raised.value.at == "odd/0"


@pytest.mark.slow
@pytest.mark.parametrize("path", ["endless"], indirect=True)
def test_a_file_that_never_ends_a_run_is_ended(path: str) -> None:
    ended = "made no progress for 2 s and was ended"
    with Worker({"images/input": IMAGES}, 2) as worker, pytest.raises(ProcessFailed, match=ended):
        inference.infer(worker, path, Target(), "images")
    with pytest.raises(ProcessFailed, match="made no progress") as raised:
        launch.launch(Spec({"odd/0": path}, Target(), Turns(1e-6), 0), INPUTS, 2)
    assert raised.value.at == "odd/0"


KINDS = (*RIGHT, *REASONS, *LATER, "other_classes", "elsewhere", "endless")
SUITE = """
dataset = "digits"
[measure]
launches = 2
seconds_per_arm = 0.01
memory_processes = 1
process_seconds = 20
[targets.cpu]
batch_sizes = [1]
[variants.teacher]
technique = "train"
model = { name = "mlp", hidden = [8] }
epochs = 1
""" + "".join(
    f'[variants.{kind}]\ntechnique = "tests.odd_files:Technique"\nparent = "teacher"\n'
    f'kind = "{kind}"\n'
    for kind in KINDS
)


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "mine.toml").write_text(SUITE)
    command = [sys.executable, "-m", "compbench", "run", str(folder / "mine.toml")]
    command += ["--results", str(folder / "results"), "--reports", str(folder / "reports")]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
def test_a_suite_of_odd_files_fails_where_it_must_and_only_there(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 1, done.stderr
    (folder,) = (tmp_path / "results" / "runs" / "mine").iterdir()
    rows = read_rows(folder)
    made = Made(28, 10)
    failed = {r.variant: r.reason for r in rows if r.status == "failed"}
    wanted = {kind: reason(kind, made) for kind in REASONS} | {
        "other_classes": "tests.odd_files:Technique gives outputs of shape (360, 20) for 360 "
        "samples, not (360, 10), the logits of 10 classes",
        "elsewhere": "its weights are in other files (weights.bin): save all in one",
        "fixed_batch": "the model takes input (7, 1, 28, 28), but is given (1, 1, 28, 28)",
        "two_inputs": "the technique 'tests.odd_files:Technique': the file takes input float32 (N, "
        "1, 28, 28), more float32 (N, 10); there is pixels",
        "maps_of_features": "the file gives outputs of shape (360, 10, 1, 1) for 360 samples, not "
        "(360, 10), the logits of 10 classes",
        "one_score": "for 256 samples the model's output is (256,)",
        "endless": "the process that ran it made no progress for 20 s and was ended",
    }
    assert failed == wanted
    whole = {"teacher", *RIGHT} - {"fixed_batch"}
    for metric, count in (("score", 1), ("memory_bytes", 1), ("latency_ns", 2)):
        found = [r.variant for r in rows if r.metric == metric and r.variant in whole]
        assert sorted(found) == sorted([*whole] * count), metric
    assert (tmp_path / "reports" / "mine" / "README.md").is_file()
    assert "Traceback" not in done.stderr

    stopped = read_run(folder).model_copy(update={"finished": None, "files": None})
    write_run(folder, stopped)
    (folder / "rows" / "launch-cpu-1.jsonl").unlink()
    again = run(tmp_path)  # goes on: measures what is missing, dies of nothing
    assert again.returncode == 1
    after = {r.variant: r.reason for r in read_rows(folder) if r.status == "failed"}
    assert after == failed
    assert "evaluate" not in again.stdout
