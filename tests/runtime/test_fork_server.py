"""Forked processes are as good as started ones: what they measure, how they fail, what is left."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from compbench.measure import footprint, peak, profile
from compbench.runtime import fork_server, resident_pages
from compbench.runtime.fork_server import ForkServer
from compbench.runtime.process import ProcessFailed, Worker, call
from compbench.runtime.target import Target
from tests import crashing
from tests.benchmarks import nets
from tests.runtime.test_process import CRASHED, is_alive, wait_until

IMAGES = np.random.default_rng(0).normal(size=(5, 10)).astype(np.float32)
INPUTS = {"images": IMAGES}
MB = 1e6
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere each process is started instead"
)


def _silent(note: str) -> None:
    raise AssertionError(note)


@pytest.fixture(scope="module")
def forks() -> Iterator[ForkServer]:
    with ForkServer(footprint.MODULES, _silent) as server:
        yield server


@pytest.mark.parametrize("side", [32, 2048], ids=["small", "large"])
def test_memory_is_that_of_a_process_that_was_started(
    side: int, forks: ForkServer, tmp_path: Path
) -> None:
    """What the file adds, and the runtime's own; none of this process's memory is in it."""
    held = np.ones(1 << 24)  # 128 MiB of the parent
    path = tmp_path / "net.onnx"
    path.write_bytes(peak.product(side))
    given = (str(path), Target(batch_sizes=(3,)), 1, {"a": np.ones((5, side), np.float32)})
    started, forked = footprint.footprints(*given), footprint.footprints(*given, start=forks.start)
    base = forked["base_bytes"]
    assert abs(base - started["base_bytes"]) < 3 * MB
    for stage in ("loaded_bytes", "first_run_bytes", "rest_bytes", "peak_bytes"):
        assert abs((forked[stage] - base) - (started[stage] - started["base_bytes"])) < 1.5 * MB
    assert forked["peak_bytes"] - base < held.nbytes


def test_a_forked_process_that_does_not_take_its_pages_measures_something_else(
    tmp_path: Path, monkeypatch
) -> None:
    """The reason for `resident_pages`: the libraries' pages would count as the file's."""
    code = (
        "import sys\nfrom compbench.measure import footprint\n"
        "from compbench.runtime import resident_pages\n"
        "resident_pages.take = lambda _: None\n"
    )
    (tmp_path / "without.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "net.onnx"
    path.write_bytes(peak.product(32))
    given = (str(path), Target(), 1, {"a": np.ones((5, 32), np.float32)})
    started = footprint.footprints(*given)
    with ForkServer((*footprint.MODULES, "without"), _silent) as server:
        forked = footprint.footprints(*given, start=server.start)
    assert started["base_bytes"] - forked["base_bytes"] > 10 * MB


def test_operators_are_profiled_in_it(forks: ForkServer, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(nets.identity())
    found = profile.profile(str(path), Target(), INPUTS, start=forks.start)
    assert found["operator"].tolist() == ["Identity"]


def test_it_is_another_process_each_time_with_a_folder_of_its_own(
    forks: ForkServer, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = [call(crashing.tell, {}, INPUTS, start=forks.start) for _ in range(2)]
    assert len({one["pid"].item() for one in told}) == 2
    assert len({one["folder"].item() for one in told}) == 2
    assert {Path(one["folder"].item()).parent for one in told} == {tmp_path}
    assert list(tmp_path.iterdir()) == []
    assert not any(is_alive(str(one["pid"].item())) for one in told)


def test_what_ends_it_is_told(forks: ForkServer, capfd) -> None:
    with Worker({"a": IMAGES}, start=forks.start) as worker:
        with pytest.raises(ProcessFailed) as raised:
            worker.call(crashing.segfault, {"at": "arm/0"})
        assert str(raised.value) == CRASHED
        assert "in segfault" in raised.value.details
        assert raised.value.at == "arm/0"
        with pytest.raises(ProcessFailed, match="ended with exit code 3: last words"):
            worker.call(crashing.leave, {})
        with pytest.raises(ProcessFailed, match="it does not fit"):
            worker.call(crashing.fail, {"kind": "job"})
        found = worker.call(crashing.print_much, {}, {}, ("a",))
        np.testing.assert_array_equal(found["a"], IMAGES)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("times", [1, 2])
def test_who_was_killed_from_outside_may_try_once_more(
    times: int, forks: ForkServer, tmp_path: Path
) -> None:
    spec = {"count": str(tmp_path / "count"), "times": times}
    if times < 2:
        found = call(crashing.killed, spec, INPUTS, start=forks.start)
        np.testing.assert_array_equal(found["images"], IMAGES)
    else:
        with pytest.raises(ProcessFailed, match=re.escape("(SIGKILL) twice")):
            call(crashing.killed, spec, INPUTS, start=forks.start)


def test_one_that_hangs_is_ended_with_all_that_it_started(
    forks: ForkServer, tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(ProcessFailed, match="no progress for 1 s"):
        call(crashing.hang, {"pids": str(pids)}, INPUTS, 1, forks.start)
    wait_until(lambda: not any(map(is_alive, pids.read_text().split())))


def test_where_its_server_is_killed_the_next_process_is_started_and_that_is_said() -> None:
    said: list[str] = []
    with ForkServer(("tests.crashing",), said.append) as server:
        assert call(crashing.tell, {}, INPUTS, start=server.start)["pid"] > 0
        assert server._server is not None
        os.kill(server._server.pid, signal.SIGKILL)
        server._server.wait()
        assert call(crashing.tell, {}, INPUTS, start=server.start)["pid"] > 0
    assert len(said) == 1 and "was lost" in said[0]


def test_a_process_dies_with_its_server(tmp_path: Path) -> None:
    with (
        ForkServer(("tests.crashing",), _silent) as server,
        Worker(silent_s=0, start=server.start) as worker,
    ):
        pid = worker.call(crashing.tell, {})["pid"].item()
        server.close()
        wait_until(lambda: not is_alive(str(pid)))


@pytest.mark.parametrize("what", ["module", "kernel"])
def test_where_nothing_can_be_forked_each_process_is_started(what: str, monkeypatch) -> None:
    modules = ("tests.no_such_module",) if what == "module" else ()
    if what == "kernel":
        monkeypatch.setattr(fork_server.sys, "platform", "darwin")
    said: list[str] = []
    with ForkServer(modules, said.append) as server:
        call(crashing.give_back, {}, INPUTS, start=server.start)
        found = call(crashing.give_back, {}, INPUTS, start=server.start)
        assert server._server is None
    assert len(said) == (what == "module")  # once; elsewhere than on Linux it is as documented
    np.testing.assert_array_equal(found["images"], IMAGES)


def test_the_pages_of_a_process_are_a_part_of_its_memory() -> None:
    held = np.ones(1 << 20)
    pages = resident_pages.present()
    resident_pages.take(pages)
    address = held.ctypes.data + held.nbytes // 2
    assert any(start <= address < start + size for start, size, _ in pages)
    resident = sum(size for _, size, _ in pages)
    assert held.nbytes < resident < 1.1 * footprint._resident()
