"""What fresh processes measure: how they are started, and what they bring back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.errors import JobFailed
from compbench.measure import footprint, launch, peak, profile
from compbench.measure.launch import Spec
from compbench.measure.turns import Turns
from compbench.runtime import process
from compbench.runtime.target import Target
from tests.benchmarks import nets

IMAGES = np.random.default_rng(0).normal(size=(5, 10)).astype(np.float32)
KILLED = "the measuring process was killed twice"


class Processes:
    """Stands for `worker._process`: processes that end as told, one after the other."""

    def __init__(self, *codes: int, stderr: str = ""):
        self.codes, self.stderr = list(codes), stderr
        self.folders: list[Path] = []

    def __call__(self, folder: Path) -> subprocess.CompletedProcess[str]:
        self.folders.append(folder)
        self.task = json.loads((folder / "task.json").read_text())
        code = self.codes.pop(0)
        if code == 0:
            images = np.load(folder / "images.npy")
            np.savez(folder / "result.npz", images=images, names=np.array(["a", "bc"]))
        return subprocess.CompletedProcess([], code, "", self.stderr)


@pytest.fixture
def net(tmp_path: Path) -> str:
    path = tmp_path / "net.onnx"
    path.write_bytes(nets.identity())
    return str(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A file with 16 MiB of weights."""
    path = tmp_path_factory.mktemp("large") / "net.onnx"
    path.write_bytes(peak.product(2048))
    yield str(path)
    path.unlink()


@pytest.mark.parametrize("codes", [(0,), (-9, 0), (-15, 0)])
def test_a_process_that_was_killed_once_is_started_again(
    codes: tuple[int, ...], monkeypatch
) -> None:
    processes = Processes(*codes)
    monkeypatch.setattr(process, "_process", processes)
    found = process.call("anything", {"file": "x"}, IMAGES)
    np.testing.assert_array_equal(found["images"], IMAGES)
    assert found["names"].tolist() == ["a", "bc"]
    assert processes.task == {"module": "anything", "spec": {"file": "x"}}
    assert len(processes.folders) == len(codes)
    assert not any(folder.exists() for folder in processes.folders)


@pytest.mark.parametrize(
    ("codes", "stderr", "message"),
    [
        ((-9, -9), "", f"{KILLED} (SIGKILL)"),
        ((-9, -6), "noise", f"{KILLED} (SIGABRT)"),
        (
            (1,),
            "Traceback:\n  x\nValueError: no\n\n",
            "the measuring process failed: ValueError: no",
        ),
        ((-9, 1), "out of memory", "the measuring process failed: out of memory"),
        ((3,), " \n", "the measuring process ended with exit code 3"),
    ],
)
def test_a_process_that_fails_or_is_killed_twice_fails_the_job(
    codes: tuple[int, ...], stderr: str, message: str, monkeypatch
) -> None:
    processes = Processes(*codes, stderr=stderr)
    monkeypatch.setattr(process, "_process", processes)
    with pytest.raises(JobFailed) as raised:
        process.call("anything", {}, IMAGES)
    assert str(raised.value) == message
    assert processes.codes == []
    assert not any(folder.exists() for folder in processes.folders)


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands for Python")
@pytest.mark.parametrize("kills", [1, 2])
def test_a_real_kill_is_told_from_a_failure(
    kills: int, net: str, tmp_path: Path, monkeypatch
) -> None:
    script, count = tmp_path / "python", tmp_path / "count"
    script.write_text(
        f"#!/bin/sh\necho >>{count}\n"
        f'[ $(wc -l <{count}) -le {kills} ] && kill -9 $$\nexec {sys.executable} "$@"\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    spec = {"file": net, "target": Target().model_dump(mode="json")}
    if kills == 1:
        assert process.call("measure.footprint", spec, IMAGES)["rest_bytes"] > 0
    else:
        with pytest.raises(JobFailed, match=rf"{KILLED} \(SIGKILL\)$"):
            process.call("measure.footprint", spec, IMAGES)
    assert count.read_text() == "\n" * 2


def test_a_job_that_fails_in_its_process_says_the_same_here(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no model")
    with pytest.raises(JobFailed, match=r"^the measuring process failed: ONNX Runtime can't load"):
        footprint.footprints(str(tmp_path / "net.onnx"), Target(), 1, IMAGES)


def test_what_runs_in_fresh_processes_imports_neither_torch_nor_pandas() -> None:
    modules = ", ".join(
        f"compbench.{name}"
        for name in (
            "runtime.process",
            "measure.launch",
            "measure.footprint",
            "measure.profile",
            "measure.loadgen",
        )
    )
    code = f"import sys, {modules}; print(sorted({{'torch', 'pandas'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_memory_grows_by_the_weights_and_never_beyond_its_peak(large: str) -> None:
    images = np.ones((5, 2048), np.float32)
    taken = footprint.footprints(large, Target(batch_sizes=(3, 1)), 2, images)
    stages = ("base_bytes", "loaded_bytes", "first_run_bytes", "rest_bytes", "peak_bytes")
    assert set(taken) == {*stages, "create_ns", "first_run_ns"}
    assert {(column.shape, column.dtype.name) for column in taken.values()} == {((2,), "int64")}
    assert all((column > 0).all() for column in taken.values())
    weights = 4 * 2048**2
    assert (taken["loaded_bytes"] - taken["base_bytes"] >= weights).all()
    for stage in stages:
        assert (taken[stage] <= taken["peak_bytes"]).all()
    assert (taken["rest_bytes"] - taken["base_bytes"] >= weights).all()


def test_the_peak_is_of_this_process_and_not_less_than_what_it_holds() -> None:
    held = np.ones(1 << 20)
    assert held.nbytes < footprint._resident() <= footprint._peak()


def event(operator: str, node: int, microseconds: float, reads: str = "float") -> dict[str, Any]:
    arguments = {
        "op_name": operator,
        "node_index": str(node),
        "provider": "CPUExecutionProvider",
        "input_type_shape": [{reads: [1, 4]}, {"int8": [4]}],
    }
    return {"cat": "Node", "name": f"n{node}_kernel_time", "dur": microseconds, "args": arguments}


def runs(*events: dict[str, Any]) -> list[dict[str, Any]]:
    """A warm-up a hundred times too slow, then runs that take 2 µs more every other time."""
    warm = [{**e, "dur": 100 * e["dur"]} for _ in range(profile.WARM_RUNS) for e in events]
    timed = [{**e, "dur": e["dur"] + 2 * (i % 2)} for i in range(profile.RUNS) for e in events]
    return warm + timed


def test_operators_are_summed_by_type_without_the_warm_up() -> None:
    events = runs(
        event("Conv", 0, 10),
        event("Relu", 1, 3),
        event("Conv", 2, 20),
        event("QLinearConv", 3, 39, "uint8"),
        event("Relu", 4, 5, "int8"),
    )
    found = profile.by_type(events)
    assert {name: column.tolist() for name, column in found.items()} == {
        "operator": ["QLinearConv", "Conv", "Relu", "Relu"],
        "provider": ["CPUExecutionProvider"] * 4,
        "int8": [1, 0, 1, 0],
        "nodes": [1, 2, 1, 1],
        "ns": [40_000, 11_000 + 21_000, 6_000, 4_000],
    }


def test_events_without_inputs_or_provider_are_told_all_the_same() -> None:
    bare = {"dur": 7, "args": {"op_name": "Constant", "node_index": "0"}}
    found = profile.by_type([bare])
    assert [column.tolist() for column in found.values()] == [["Constant"], [""], [0], [1], [7000]]
    assert [len(column) for column in profile.by_type([]).values()] == [0] * 5


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [("Node", "a_kernel_time", True), ("Node", "a_fence_before", False), ("Session", "x", False)],
)
def test_only_a_kernel_s_time_is_a_node_s(kind: str, name: str, expected: bool) -> None:
    assert profile._is_node({"cat": kind, "name": name}) is expected


def test_a_profile_names_the_operators_of_the_file(net: str) -> None:
    found = profile.profile(net, Target(), IMAGES)
    assert found["operator"].tolist() == ["Identity"]
    assert found["provider"].tolist() == ["CPUExecutionProvider"]
    assert (found["nodes"].tolist(), found["int8"].tolist()) == ([1], [0])
    assert found["ns"][0] > 0


def test_the_arithmetic_peak_is_that_of_the_fastest_product() -> None:
    durations = [2_000_000] * (peak.RUNS - 1) + [500_000]
    readings = iter([0, *np.cumsum(durations)])
    times = [reading for reading in readings for _ in range(2)][1:-1]
    found = peak.macs_per_s(Target(), iter(times).__next__)
    assert found == peak.SIDE**3 * 1e9 / 500_000


def test_a_product_is_what_its_name_says() -> None:
    from compbench.runtime.session import cpu_session

    session = cpu_session(peak.product(4))
    session.bind(np.eye(4, dtype=np.float32))
    session.run()
    matrix = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    np.testing.assert_allclose(session.logits(), matrix, rtol=1e-6)


def test_a_launch_takes_all_columns_of_all_arms(net: str, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(peak.product(10))
    arms = {"a/0": net, "b/0": str(other), "control": net}
    target = Target(batch_sizes=(2, 4))
    taken = launch.launch(Spec(arms, target, Turns(1e-6, discarded=1, most_runs=2), 0), IMAGES)
    assert set(taken) == {"latency", "throughput", "machine"}
    columns = {"duration_ns", "turn", "order", "kept", "cpu_ns"}
    assert {name: set(arm) for name, arm in taken["latency"].items()} == dict.fromkeys(
        arms, columns
    )
    for arm in taken["latency"].values():
        assert arm["kept"].tolist() == [0, 1, 1] * (len(arm["kept"]) // 3)
        assert (arm["duration_ns"] > 0).all()
    assert set(taken["throughput"]) == {"2", "4"}
    for rates in taken["throughput"].values():
        assert set(rates) == set(arms)
        assert all(len(rate) == 2 and (rate > 0).all() for rate in rates.values())
    machine = taken["machine"][""]
    assert set(machine) == {"other_load", "steal", "involuntary_switches", "peak_macs_per_s"}
    assert machine["peak_macs_per_s"][0] > 0
    assert machine["other_load"][0] >= 0


def test_a_launch_sends_only_the_images_that_it_needs(monkeypatch) -> None:
    sent: dict[str, Any] = {}

    def call(module: str, spec: dict[str, Any], images: np.ndarray) -> process.Arrays:
        sent.update(spec, module=module, images=len(images))
        return {"latency|a/0|kept": np.ones(1), "machine||steal": np.zeros(1)}

    monkeypatch.setattr(process, "call", call)
    spec = Spec({"a/0": "f"}, Target(batch_sizes=(2, 50)), Turns(0.1), 7, throughput=False)
    taken = launch.launch(spec, np.zeros((1000, 10), np.float32))
    assert sent["images"] == 2 * launch.BATCHES + 50
    assert json.loads(json.dumps(sent))["turns"] == {
        "seconds_per_arm": 0.1,
        "discarded": 1,
        "most_runs": 32,
    }
    assert (sent["module"], sent["seed"], sent["throughput"]) == ("measure.launch", 7, False)
    assert taken["throughput"] == {}
    assert taken["latency"] == {"a/0": {"kept": np.ones(1)}}
    assert taken["machine"] == {"": {"steal": np.zeros(1)}}


@pytest.mark.parametrize(
    ("start", "size", "expected"),
    [
        (0, 2, [0, 1]),
        (3, 2, [3, 4]),
        (4, 3, [4, 0, 1]),
        (62, 4, [2, 3, 4, 0]),
        (1, 5, [1, 2, 3, 4, 0]),
    ],
)
def test_batches_begin_again_where_there_are_too_few_images(
    start: int, size: int, expected: list[int]
) -> None:
    found = launch._batch(IMAGES, start, size)
    np.testing.assert_array_equal(found, IMAGES[expected])
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    ("own_s", "other_load"),
    [(2.0, 0.25), (6.0, 0.05), (9.0, 0.0)],
    ids=["busy", "quiet", "rounded"],
)
def test_other_load_is_a_share_of_all_cores_without_our_own(
    own_s: float, other_load: float, monkeypatch
) -> None:
    names = ("wall_s", "own_cpu_s", "busy_cpu_s", "steal_s", "involuntary_switches")
    before: dict[str, float] = dict(zip(names, (100, 10, 50, 1, 7), strict=True))
    after: dict[str, float] = dict(zip(names, (105, 10 + own_s, 57, 3, 19), strict=True))
    monkeypatch.setattr(launch, "_load", lambda: after)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    found = launch._since(before)
    assert found == pytest.approx(
        {"other_load": other_load, "steal": 0.1, "involuntary_switches": 12}
    )
