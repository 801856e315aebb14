"""Two files are run on the same samples, and what can't be compared is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from compbench.contracts import Split
from compbench.drift.figures import Comparison, figures
from compbench.drift.inference import apart, spread
from compbench.errors import JobFailed
from compbench.runtime.inference import BATCH, packed
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.statistics.drift import DISTANCE

RANDOM = np.random.default_rng(0)
SAMPLES = RANDOM.normal(0, 1, (BATCH + 44, 3)).astype(np.float32)
ONE, OTHER = (RANDOM.normal(0, 1, (3, 4)).astype(np.float32) for _ in range(2))


def linear(path: Path, weights: np.ndarray, batch: int | str = "batch") -> str:
    """A file that multiplies its input by these weights."""
    shapes = [batch, weights.shape[0]], [batch, weights.shape[1]]
    given, gives = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(("x", "y"), shapes, strict=True)
    )
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    held = [numpy_helper.from_array(weights, "w")]
    graph = helper.make_graph(nodes, "net", [given], [gives], held)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return str(path)


@pytest.fixture
def worker():
    split = Split({"x": SAMPLES}, np.zeros(len(SAMPLES)))
    with Worker({**packed("new", split), **packed("test", split)}) as made:
        yield made


@pytest.mark.parametrize("batch", ["batch", 7])
def test_figures_are_those_of_all_outputs(worker: Worker, tmp_path: Path, batch: int | str) -> None:
    files = linear(tmp_path / "one", ONE), linear(tmp_path / "other", OTHER, batch)
    comparison = Comparison(has_distribution=True)
    found = apart(worker, files, "new", comparison, Target())
    expected = figures(SAMPLES @ ONE, SAMPLES @ OTHER, comparison)
    assert len(found) == len(SAMPLES)
    for name, values in expected.items():
        assert found.figures[name] == pytest.approx(values, abs=1e-5)


def test_numbers_are_measured_by_the_teacher_s_spread(worker: Worker, tmp_path: Path) -> None:
    weights = ONE * np.array([1, 100, 1, 0], np.float32)  # of the last nothing comes
    file = linear(tmp_path / "one", weights)
    found = spread(worker, file, ("test", "new"), Target())
    assert found[:3] == pytest.approx((SAMPLES @ weights).std(0)[:3], rel=1e-5)
    assert found[3] == 1
    moved = linear(tmp_path / "other", weights + np.eye(3, 4, dtype=np.float32))
    comparison = Comparison(False, spread=found)
    distance = apart(worker, (file, moved), "new", comparison, Target()).figures[DISTANCE]
    apart_by = (SAMPLES @ np.eye(3, 4)) / np.array(found)
    assert distance == pytest.approx(np.sqrt(np.square(apart_by).mean(1)), rel=1e-4)


def test_outputs_of_other_shapes_can_t_be_compared(worker: Worker, tmp_path: Path) -> None:
    files = linear(tmp_path / "one", ONE), linear(tmp_path / "other", OTHER[:, :3])
    with pytest.raises(JobFailed, match=r"can't be compared: they are \(256, 4\) and \(256, 3\)"):
        apart(worker, files, "new", Comparison(True), Target())


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_outputs_that_are_no_numbers_can_t_be_compared(
    worker: Worker, tmp_path: Path, odd: float
) -> None:
    files = linear(tmp_path / "one", ONE), linear(tmp_path / "other", np.full_like(OTHER, odd))
    with pytest.raises(JobFailed, match=r"outputs for sample 0 \(new\) can't be compared"):
        apart(worker, files, "new", Comparison(True), Target())
