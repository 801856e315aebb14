"""What fresh processes measure: how they are started, and what they bring back."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest

from compbench.contracts.inputs import Inputs, size
from compbench.errors import JobFailed, UserError
from compbench.measure import footprint, launch, peak, profile
from compbench.measure.launch import Spec
from compbench.measure.turns import Turns
from compbench.runtime import process as worker_module
from compbench.runtime.process import ProcessFailed, Worker
from compbench.runtime.target import Target
from tests import crashing
from tests.benchmarks import nets

IMAGES = np.random.default_rng(0).normal(size=(5, 10)).astype(np.float32)
INPUTS = {"images": IMAGES}
CRASHED = "the process that ran it was ended by signal 11 (SIGSEGV)"


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


def test_what_was_asked_comes_back_bit_for_bit() -> None:
    arrays = {
        "floats": IMAGES[:, ::2],  # not contiguous
        "words": np.array(["a", "bc", ""]),
        "nothing": np.zeros((0, 3), np.float32),
        "one": np.array(7),
        "nan": np.array([np.nan, -0.0]),
    }
    with Worker() as worker:
        found = worker.call(crashing.give_back, {}, arrays)
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == np.ascontiguousarray(array).tobytes()


def test_one_process_does_all_tasks_and_is_sent_an_array_once(monkeypatch) -> None:
    sent: list[list[str]] = []
    write = worker_module._write
    monkeypatch.setattr(
        worker_module, "_write", lambda s, h, arrays: (sent.append([*arrays]), write(s, h, arrays))
    )
    with Worker({"a": IMAGES, "b": IMAGES + 1}) as worker:
        pids = {worker.call(crashing.tell, {})["pid"].item() for _ in range(2)}
        for uses, own in ((("a",), {}), (("a", "b"), {"c": IMAGES}), (("b",), {})):
            found = worker.call(crashing.give_back, {}, own, uses)
            assert {*uses, *own} <= found.keys()
            assert "c" not in found or "c" in own
    assert sent[2:] == [["a"], ["b", "c"], []]
    assert len(pids) == 1


def test_a_crash_fails_its_task_and_the_next_one_has_a_process_again() -> None:
    with Worker({"a": IMAGES}) as worker:
        worker.call(crashing.give_back, {}, {}, ("a",))
        with pytest.raises(ProcessFailed) as raised:
            worker.call(crashing.segfault, {"at": "arm/0"})
        assert str(raised.value) == CRASHED
        assert "Segmentation fault" in raised.value.details  # and where: Python's own traceback
        assert "in segfault" in raised.value.details
        assert raised.value.at == "arm/0"
        np.testing.assert_array_equal(worker.call(crashing.give_back, {}, {}, ("a",))["a"], IMAGES)


@pytest.mark.skipif(os.name == "nt", reason="there are no signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("times", [0, 1, 2])
def test_who_was_killed_from_outside_may_try_once_more(
    times: int, number: signal.Signals, tmp_path: Path
) -> None:
    spec = {"count": str(tmp_path / "count"), "times": times, "signal": int(number)}
    if times < 2:
        found = worker_module.call(crashing.killed, spec, INPUTS)
        np.testing.assert_array_equal(found["images"], IMAGES)
    else:
        ended = f"ended by signal {int(number)} ({number.name}) twice"
        with pytest.raises(ProcessFailed, match=re.escape(ended)):
            worker_module.call(crashing.killed, spec, INPUTS)
    assert len((tmp_path / "count").read_text()) == min(2, times + 1)


def test_a_process_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with Worker(silent_s=1) as worker, pytest.raises(ProcessFailed) as raised:
        worker.call(crashing.hang, {"pids": str(pids)})
    assert str(raised.value) == "the process that ran it made no progress for 1 s and was ended"
    assert raised.value.at == "the slow one"
    wait_until(lambda: not any(map(is_alive, pids.read_text().split())))


def test_a_process_that_makes_progress_may_take_its_time() -> None:
    with Worker(silent_s=0.8) as worker:
        assert worker.call(crashing.work_slowly, {"steps": 6, "seconds": 0.25}) == {}
        assert worker.call(crashing.work_slowly, {"steps": 1, "seconds": 1.5}, silent_s=0) == {}


def test_what_libraries_print_is_no_answer(capfd) -> None:
    found = worker_module.call(crashing.print_much, {}, INPUTS)
    np.testing.assert_array_equal(found["images"], IMAGES)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("kind", "reason", "details"),
    [
        ("job", "it does not fit", "with details"),
        ("plain", "ValueError: red", "Traceback"),
        ("exit", "SystemExit: 5", "Traceback"),
        ("panic", "_Panic: a library in Rust", "Traceback"),
        ("file", "FileNotFoundError: [Errno 2] No such file: 'x'", "Traceback"),
    ],
)
def test_what_a_task_raises_fails_it_and_the_process_lives(
    kind: str, reason: str, details: str
) -> None:
    with Worker() as worker:
        before = worker.call(crashing.tell, {})["pid"]
        with pytest.raises(ProcessFailed) as raised:
            worker.call(crashing.fail, {"kind": kind})
        assert str(raised.value) == reason
        assert raised.value.details.startswith(details)
        assert raised.value.at == "someone"
        assert worker.call(crashing.tell, {})["pid"] == before


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [("disk", OSError, "No space left on device"), ("user", UserError, "^write it otherwise$")],
)
def test_what_ends_a_run_ends_it_from_a_process_too(
    kind: str, error: type[Exception], message: str
) -> None:
    with Worker() as worker, pytest.raises(error, match=message):
        worker.call(crashing.fail, {"kind": kind})


@pytest.mark.parametrize("folder", ["its own", "another"])
def test_a_full_disk_is_named(folder: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spec = {"kind": "disk"} | ({"file": "/else/where"} if folder == "another" else {})
    with Worker() as worker, pytest.raises(OSError, match="No space left") as raised:
        worker.call(crashing.fail, spec)
    assert raised.value.filename == ("/else/where" if folder == "another" else str(tmp_path))


class _CutOff:
    """A session whose profile does not fit on the disk."""

    def __init__(self, file: str, target: Target, profile: str):
        self.profile = profile

    def bind(self, inputs: object) -> None: ...

    def run(self) -> None: ...

    def end_profile(self) -> str:
        path = Path(self.profile)
        path.write_bytes('[{"cat": "Node", "name": "é'.encode()[:-1])
        return str(path)


@pytest.mark.parametrize("free", [0, 1 << 30])
def test_a_profile_that_is_cut_off_is_a_full_disk_where_it_is_full(free: int, monkeypatch) -> None:
    monkeypatch.setattr(profile, "OrtSession", _CutOff)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    spec = {"file": "x.onnx", "target": Target().model_dump(mode="json")}
    if free:
        with pytest.raises(JobFailed, match="the profile that ONNX Runtime wrote can't be read"):
            profile.measured(spec, INPUTS)
    else:
        with pytest.raises(OSError, match="No space left") as raised:
            profile.measured(spec, INPUTS)
        assert "compbench-profile-" in raised.value.filename


def test_a_process_that_leaves_is_told_with_its_last_words() -> None:
    with pytest.raises(ProcessFailed) as raised:
        worker_module.call(crashing.leave, {}, INPUTS)
    assert str(raised.value) == "the process that ran it ended with exit code 3: last words"
    assert raised.value.details == "first words\nlast words"


def test_nothing_is_left_of_processes_however_they_end(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folders = []
    with Worker(silent_s=1) as worker:
        folders.append(worker.call(crashing.tell, {})["folder"].item())
        for function in (crashing.segfault, crashing.leave):
            with pytest.raises(ProcessFailed):
                worker.call(function, {})
            folders.append(worker.call(crashing.tell, {})["folder"].item())
    assert len({*folders}) == 3
    assert {Path(folder).parent for folder in folders} == {tmp_path}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends after its task")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_process_dies_with_its_parent(number: signal.Signals, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "from compbench.runtime.process import Worker\nfrom tests import crashing\n"
        f"with Worker() as w: w.call(crashing.hang, {{'pids': {str(pids)!r}}})"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    wait_until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    parent.send_signal(number)
    parent.wait()
    wait_until(lambda: not is_alive(pids.read_text().split()[0]))
    started = int(pids.read_text().split()[1])
    if is_alive(str(started)):  # what it started in its turn knows nothing of that
        os.kill(started, signal.SIGKILL)


def is_alive(pid: str) -> bool:
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_job_that_fails_in_its_process_says_the_same_here(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no model")
    with pytest.raises(JobFailed, match=r"^ONNX Runtime can't load the file: "):
        footprint.footprints(str(tmp_path / "net.onnx"), Target(), 1, INPUTS)


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
    images = {"images": np.ones((5, 2048), np.float32)}
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
    found = profile.profile(net, Target(), INPUTS)
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
    from tests.fakes import cpu_session

    session = cpu_session(peak.product(4))
    session.bind({"a": np.eye(4, dtype=np.float32)})
    session.run()
    matrix = np.random.default_rng(0).normal(size=(4, 4)).astype(np.float32)
    np.testing.assert_allclose(session.outputs(), matrix, rtol=1e-6)


def test_a_launch_takes_all_columns_of_all_arms(net: str, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(peak.product(10))
    arms = {"a/0": net, "b/0": str(other), "control": net}
    target = Target(batch_sizes=(2, 4))
    taken = launch.launch(Spec(arms, target, Turns(1e-6, discarded=1, most_runs=2), 0), INPUTS)
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


def test_a_launch_times_arms_in_groups_around_what_they_are_compared_with(net: str) -> None:
    arms = {"base/0": net, "a/0": net, "base/1": net, "a/1": net}
    beside = {name: f"base/{name[-1]}" for name in arms}
    spec = Spec(arms, Target(), Turns(1e-6, most_runs=2), 0, throughput=False, beside=beside)
    taken = launch.launch(spec, INPUTS)["latency"]
    turns = {name: set(taken[name]["turn"].tolist()) for name in arms}
    assert turns["a/0"] == turns["base/0"] and turns["a/1"] == turns["base/1"]
    assert not turns["a/0"] & turns["a/1"]


def test_a_launch_sends_only_the_images_that_it_needs(monkeypatch) -> None:
    sent: dict[str, Any] = {}

    def call(
        function: worker_module.Function, spec: dict[str, Any], given: Inputs, silent_s: float
    ) -> worker_module.Arrays:
        sent.update(spec, function=function.__module__, images=size(given))
        return {"latency|a/0|kept": np.ones(1), "machine||steal": np.zeros(1)}

    monkeypatch.setattr(worker_module, "call", call)
    spec = Spec({"a/0": "f"}, Target(batch_sizes=(2, 50)), Turns(0.1), 7, throughput=False)
    taken = launch.launch(spec, {"x": np.zeros((1000, 10), np.float32)})
    assert sent["images"] == 2 * launch.BATCHES + 50
    assert json.loads(json.dumps(sent))["turns"] == {
        "seconds_per_arm": 0.1,
        "discarded": 1,
        "most_runs": 32,
    }
    assert sent["beside"] == {}
    assert (sent["function"], sent["seed"]) == ("compbench.measure.launch", 7)
    assert sent["throughput"] is False
    assert taken["throughput"] == {}
    assert taken["latency"] == {"a/0": {"kept": np.ones(1)}}
    assert taken["machine"] == {"": {"steal": np.zeros(1)}}


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        (0, 2, [0, 1]),
        (3, 2, [3, 4]),
        (4, 3, [4, 0, 1]),
        (62, 4, [2, 3, 4, 0]),
        (1, 5, [1, 2, 3, 4, 0]),
    ],
)
def test_batches_begin_again_where_there_are_too_few_images(
    start: int, count: int, expected: list[int]
) -> None:
    found = launch._batch(INPUTS, start, count)["images"]
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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends with its input")
def test_a_process_whose_parent_ended_while_it_started_does_not_begin() -> None:
    """Its task may lie in the pipe already, and would be done for nobody."""
    code = "from compbench.runtime.process import main; main({})"
    for parent, ended in ((os.getpid(), 0), (1, 1)):
        with tempfile.TemporaryFile() as journal:
            journal.truncate(4096)
            done = subprocess.run(
                [sys.executable, "-c", code.format(parent)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=journal,
            )
        assert done.returncode == ended
