from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from compbench.contracts.inputs import Inputs
from compbench.errors import JobFailed
from compbench.providers import cuda
from compbench.runtime import placement as runtime_placement
from compbench.runtime import session
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target
from tests.benchmarks import nets
from tests.fakes import cpu_session

CPU, GPU = "CPUExecutionProvider", "CUDAExecutionProvider"


def conv() -> bytes:
    """(batch, 1, 4, 4) -> (batch, 2): the sum of all pixels, and twice that."""
    kernels = np.ones((2, 1, 4, 4), np.float32) * np.array([[[[1]]], [[[2]]]], np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["input", "kernels"], ["sums"]),
            helper.make_node("Flatten", ["sums"], ["logits"]),
        ],
        "conv",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 1, 4, 4])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(kernels, "kernels")],
    )
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=9).SerializeToString()


def images(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((count, 1, 4, 4), np.float32)


def given(array: NDArray[Any]) -> Inputs:
    return {"input": array}


@dataclass
class Node:
    op_type: str


@dataclass
class Part:
    ep_name: str
    operators: str

    def get_nodes(self) -> list[Node]:
        return [Node(name) for name in self.operators.split()]


class Silent:
    """ONNX Runtime's session before 1.24: it can't say where nodes run."""

    def __init__(self, *providers: str):
        self.providers = list(providers)

    def get_providers(self) -> list[str]:
        return self.providers


class Telling(Silent):
    def __init__(self, *parts: tuple[str, str], providers: tuple[str, ...] = (GPU, CPU)):
        super().__init__(*providers)
        self.parts = [Part(*part) for part in parts]

    def get_provider_graph_assignment_info(self) -> list[Part]:
        return self.parts


@pytest.mark.parametrize("graph_optimization", ["all", "extended", "basic", "disabled"])
def test_a_file_computes_what_it_says(graph_optimization) -> None:
    one, some = OrtSession(conv(), Target(graph_optimization=graph_optimization)), images(3)
    one.bind(given(some))
    one.run()
    sums = some.sum(axis=(1, 2, 3))
    np.testing.assert_allclose(one.outputs(), np.stack([sums, 2 * sums], 1), rtol=1e-5)
    assert one.placement == {CPU: ("Conv", "Flatten")}


def test_a_path_and_its_bytes_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "identity.onnx"
    path.write_bytes(nets.identity())
    some = np.arange(20, dtype=np.float32).reshape(2, 10)
    for one in (OrtSession(str(path), Target()), cpu_session(nets.identity())):
        one.bind(given(some))
        one.run()
        np.testing.assert_array_equal(one.outputs(), some)


def test_batches_of_a_size_share_a_buffer_and_logits_are_copies() -> None:
    one = cpu_session(conv())
    buffers, taken = [], []
    for count, seed in ((2, 1), (3, 2), (2, 3)):
        one.bind(given(images(count, seed)))
        one.run()
        buffers.append(one._bound)
        taken.append(one.outputs())
    assert buffers[0] is buffers[2] is not buffers[1]
    for (count, seed), logits in zip(((2, 1), (3, 2), (2, 3)), taken, strict=True):
        np.testing.assert_allclose(logits[:, 0], images(count, seed).sum(axis=(1, 2, 3)), rtol=1e-5)


def test_a_run_is_of_the_images_bound_last() -> None:
    one = cpu_session(conv())
    one.bind(given(images(1, 1)))
    one.bind(given(images(1, 2)))
    one.run()
    assert one.outputs()[0, 0] == pytest.approx(images(1, 2).sum(), rel=1e-5)


@pytest.mark.parametrize("file", [b"", conv()[:-7], conv()[:60], b"no model", "/no/such/file.onnx"])
def test_a_file_that_does_not_load_fails_the_job_in_one_line(file: str | bytes) -> None:
    with pytest.raises(JobFailed, match=r"^ONNX Runtime can't load the file: \S.*\Z") as raised:
        OrtSession(file, Target())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("shape", [(2, 1, 4, 5), (2, 3, 4, 4), (2, 16), (2, 1, 1, 4, 4)])
def test_images_that_do_not_fit_are_named_with_what_would(shape: tuple[int, ...]) -> None:
    with pytest.raises(JobFailed) as raised:
        cpu_session(conv()).bind(given(np.zeros(shape, np.float32)))
    told = f"the model takes input ('batch', 1, 4, 4), but is given {shape}"
    assert str(raised.value) == told


def test_without_the_provider_the_job_fails_with_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CPU])
    with pytest.raises(JobFailed, match=r"no OpenVINO.* comes with onnxruntime-openvino$"):
        OrtSession(conv(), Target(provider="openvino"))


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Telling((GPU, "Conv Relu")), {GPU: ("Conv", "Relu")}),
        (
            Telling((GPU, "Conv"), (CPU, "Shape"), (GPU, "Gemm Relu")),
            {GPU: ("Conv", "Gemm", "Relu"), CPU: ("Shape",)},
        ),
        (Silent(GPU), {GPU: ()}),
    ],
)
def test_nodes_are_told_by_the_provider_that_runs_them(told, expected) -> None:
    assert runtime_placement.placement(told, GPU) == expected


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (Silent(CPU), f"asked for {GPU}, ONNX Runtime took {CPU}"),
        (
            Silent(GPU, CPU),
            f"this ONNX Runtime can't say which nodes run on {GPU}; 1.24 and later can",
        ),
        (
            Telling((CPU, "Conv Relu")),
            f"none of the nodes runs on {GPU}: all fell back to {CPU}",
        ),
    ],
)
def test_a_provider_that_does_nothing_is_refused(told: Silent, complaint: str) -> None:
    with pytest.raises(JobFailed) as raised:
        runtime_placement.placement(told, GPU)
    assert str(raised.value) == complaint


def test_nodes_that_fell_back_are_counted_and_named() -> None:
    runtime_placement.refuse_fallback(GPU, {GPU: ("Conv", "Relu")})
    placement = {GPU: ("Conv",), CPU: ("Shape", "Gemm", "Shape"), "Other": ("Add",)}
    with pytest.raises(JobFailed) as raised:
        runtime_placement.refuse_fallback(GPU, placement)
    assert str(raised.value).startswith(
        f"4 of 5 nodes (Add, Gemm, Shape) fell back from {GPU} to {CPU}, Other; set allow_fallback"
    )


def test_a_mixture_is_measured_only_where_the_target_allows_it(monkeypatch) -> None:
    mixture = {CPU: ("Conv",), "Other": ("Flatten",)}
    monkeypatch.setattr("compbench.runtime.session.placement", lambda *_: mixture)
    with pytest.raises(JobFailed, match="1 of 2 nodes"):
        OrtSession(conv(), Target())
    assert OrtSession(conv(), Target(allow_fallback=True)).placement == mixture


def test_a_profile_has_every_run(tmp_path: Path) -> None:
    one = OrtSession(nets.identity(), Target(), profile=str(tmp_path / "trace"))
    one.bind(given(np.zeros((1, 10), np.float32)))
    for _ in range(4):
        one.run()
    path = Path(one.end_profile())
    assert path.parent == tmp_path
    events = [e for e in json.loads(path.read_text()) if e["name"].endswith("_kernel_time")]
    assert [event["args"]["op_name"] for event in events] == ["Identity"] * 4


def test_threads_reach_the_session_and_none_spins() -> None:
    options = session._session_options(Target(threads=3), None)
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert not options.enable_profiling


@pytest.mark.parametrize(
    ("options", "device_id"), [({}, 0), ({"device_id": 3}, 3), ({"device_id": "1"}, 1)]
)
def test_buffers_are_bound_on_the_device_that_computes(monkeypatch, options, device_id) -> None:
    monkeypatch.setattr(cuda.Provider, "ort_name", CPU)
    monkeypatch.setattr(cuda.Provider, "defaults", {})
    places: list[tuple] = []
    values = onnxruntime.OrtValue

    class Values:
        """ONNX Runtime's values on the CPU, whatever device they are asked for on."""

        @staticmethod
        def ortvalue_from_numpy(array, *place):
            places.append(place)
            return values.ortvalue_from_numpy(array)

        @staticmethod
        def ortvalue_from_shape_and_type(shape, kind, *place):
            places.append(place)
            return values.ortvalue_from_shape_and_type(shape, kind)

    monkeypatch.setattr(onnxruntime, "OrtValue", Values)
    one = OrtSession(conv(), Target(provider="cuda", provider_options=options))
    one.bind(given(images(2)))
    one.run()
    assert one.outputs()[0, 0] == pytest.approx(images(2)[0].sum(), rel=1e-5)
    assert places == [("cuda", device_id)] * 2


def test_a_device_id_that_is_none_is_refused() -> None:
    target = Target(provider="cuda", provider_options={"device_id": "first"})
    with pytest.raises(JobFailed, match="device_id = 'first' is no number of a device"):
        session._device_id(target)
    named = Target(provider="openvino", provider_options={"device_id": "GPU.1"})
    assert session._device_id(named) == 0, "it binds on the CPU"
