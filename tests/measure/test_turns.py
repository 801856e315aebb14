from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compbench.contracts.inputs import size
from compbench.measure import turns as measure_turns
from compbench.measure.turns import Clocks, Latencies, Turns
from tests.fakes import FakeClock, FakeSession

MS = 1_000_000
BATCHES = [{"pixels": np.full((2, 1, 4, 4), i, np.uint8)} for i in range(3)]
SHORT = Turns(seconds_per_arm=1e-6)


@dataclass
class Logged(FakeSession):
    """Also remembers, in a log that all arms share, who ran, and whether garbage was collected."""

    name: str = ""
    log: list[str] = field(default_factory=list)
    collected: list[bool] = field(default_factory=list)

    def run(self) -> None:
        super().run()
        self.log.append(self.name)
        self.collected.append(gc.isenabled())


class Broken(FakeSession):
    def run(self) -> None:
        raise RuntimeError("broken")


def arms(clock: FakeClock, **durations_ns: int | list[int]) -> dict[str, Logged]:
    log: list[str] = []
    return {
        name: Logged(clock, d if isinstance(d, list) else [d], name=name, log=log)
        for name, d in durations_ns.items()
    }


def latencies(
    turns: Turns = SHORT, cpu: int = 1, **durations: Any
) -> tuple[dict[str, Latencies], dict[str, Logged]]:
    clock = FakeClock()
    sessions = arms(clock, **durations)
    clocks = Clocks(clock, lambda: cpu * clock.now_ns)
    random = np.random.default_rng(0)
    return measure_turns.latencies(sessions, BATCHES, random, turns, clocks), sessions


@pytest.fixture
def restore_collection() -> Iterator[None]:
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


def warm_up_runs(taken: dict[str, Latencies], sessions: dict[str, Logged], name: str = "a") -> int:
    return sessions[name].runs - len(taken[name].duration_ns)


@pytest.mark.parametrize(
    ("duration_ns", "runs"),
    [(MS // 10, 100), (MS, 10), (3 * MS, 10), (30 * MS, 10), (100 * MS, 10)],
)
def test_what_is_steady_at_once_is_warmed_up_for_10_ms_and_10_runs(
    duration_ns: int, runs: int
) -> None:
    assert warm_up_runs(*latencies(a=duration_ns)) == runs


@pytest.mark.parametrize("first_ns", [3 * MS // 2, 2 * MS, 5 * MS])
def test_what_becomes_faster_for_200_ms_is_waited_for(first_ns: int) -> None:
    durations, elapsed = [], 0
    while elapsed < 200 * MS:
        durations.append(int(first_ns + (MS - first_ns) * elapsed / (200 * MS)))
        elapsed += durations[-1]
    taken, _ = latencies(a=[*durations, *[MS] * 1000])
    assert set(taken["a"].duration_ns) == {MS}


def test_what_never_becomes_steady_is_timed_after_300_ms() -> None:
    taken, sessions = latencies(a=[MS, MS, 2 * MS, 2 * MS])
    assert warm_up_runs(taken, sessions) == 200


def test_what_is_slow_and_not_steady_has_ten_runs() -> None:
    taken, sessions = latencies(a=[50 * MS, 90 * MS])
    assert warm_up_runs(taken, sessions) == 10


def test_the_first_slow_runs_do_not_count() -> None:
    taken, sessions = latencies(a=[60 * MS] * 2 + [MS // 10] * 1000)
    assert warm_up_runs(taken, sessions) == 2 + 100
    assert taken["a"].kept.sum() == 15 * measure_turns.LEAST_TURNS
    assert set(taken["a"].duration_ns) == {MS // 10}


def test_every_arm_is_warmed_up_for_itself() -> None:
    _, sessions = latencies(a=MS, b=20 * MS)
    assert sessions["a"].log[:20] == ["a"] * 10 + ["b"] * 10


@pytest.mark.parametrize(
    ("duration_ns", "most", "kept"),
    [
        (MS, 32, 3),
        (5 * MS, 32, 3),
        (MS // 2, 32, 3),
        (MS, 2, 2),
        (400_000, 32, 4),
        (MS // 10, 32, 15),
        (MS // 10, 8, 8),
        (40_000, 32, 32),
        (MS, 1, 1),
    ],
)
def test_a_turn_lasts_1_5_ms_but_at_least_three_and_at_most_so_many_runs(
    duration_ns: int, most: int, kept: int
) -> None:
    taken, _ = latencies(Turns(1e-6, most_runs=most), a=duration_ns)
    assert taken["a"].kept.tolist() == ([0] + [1] * kept) * measure_turns.LEAST_TURNS


def test_turns_fill_the_time_that_was_asked_for() -> None:
    taken, _ = latencies(Turns(seconds_per_arm=0.4), a=MS, b=MS // 10)
    turn_ns = 4 * MS + 16 * MS // 10
    turns = ceil(2 * 400 * MS / turn_ns)
    assert turns == 143
    assert {name: len(t.turn) for name, t in taken.items()} == {"a": 4 * turns, "b": 16 * turns}


@pytest.mark.parametrize("discarded", [0, 1, 3])
def test_the_first_runs_of_each_turn_are_discarded(discarded: int) -> None:
    taken, _ = latencies(Turns(1e-6, discarded=discarded), a=MS, b=2 * MS)
    for arm in taken.values():
        by_turn = arm.kept.reshape(measure_turns.LEAST_TURNS, -1)
        assert by_turn.tolist() == [[0] * discarded + [1, 1, 1]] * measure_turns.LEAST_TURNS


def test_durations_are_those_of_the_runs_in_their_order() -> None:
    warm_up, timed = [MS] * 10, [MS + i for i in range(4 * measure_turns.LEAST_TURNS)]
    taken, _ = latencies(a=warm_up + timed)
    assert taken["a"].duration_ns.tolist() == timed


def test_cpu_time_is_that_of_the_kept_runs_at_the_last_of_their_turn() -> None:
    taken, _ = latencies(cpu=3, a=MS // 2)
    assert taken["a"].cpu_ns.tolist() == [0, 0, 0, 3 * 3 * MS // 2] * measure_turns.LEAST_TURNS


def test_arms_alternate_in_the_order_that_is_told() -> None:
    names = "abc"
    taken, sessions = latencies(Turns(seconds_per_arm=0.1), a=MS, b=MS, c=MS)
    timed = sessions["a"].log[3 * 10 :]
    turns = len(timed) // 12
    blocks = np.array(timed).reshape(turns, 3, 4)
    assert (blocks == blocks[:, :, :1]).all()  # an arm's four runs of a turn follow each other
    assert turns > measure_turns.LEAST_TURNS
    for turn, by_place in enumerate(blocks[:, :, 0]):
        told = {name: set(taken[name].order[taken[name].turn == turn]) for name in names}
        assert told == {name: {place} for place, name in enumerate(by_place)}
    assert len({tuple(order) for order in blocks[:, :, 0].tolist()}) == 6


def test_turns_of_nets_that_take_no_time_are_bounded() -> None:
    taken, _ = latencies(Turns(0.15, discarded=0, most_runs=1), a=MS // 50, b=MS // 50)
    assert int(taken["a"].turn[-1]) + 1 == measure_turns.MOST_TURNS


def test_another_seed_another_order() -> None:
    def orders(seed: int) -> list[int]:
        clock = FakeClock()
        random = np.random.default_rng(seed)
        sessions = arms(clock, a=MS, b=MS)
        return measure_turns.latencies(sessions, BATCHES, random, SHORT, Clocks(clock, clock))[
            "a"
        ].order.tolist()

    assert orders(0) == orders(0) != orders(1)


def test_turns_go_through_the_batches_alike_for_all_arms() -> None:
    _, sessions = latencies(a=MS, b=MS)
    for session in sessions.values():
        seen = [int(bound["pixels"][0, 0, 0, 0]) for bound in session.bound]
        assert seen == [0] + [turn % 3 for turn in range(measure_turns.LEAST_TURNS)]


@settings(max_examples=15, deadline=None)
@given(
    durations=st.lists(st.integers(300_000, 20 * MS), min_size=1, max_size=4),
    discarded=st.integers(0, 2),
    most=st.integers(1, 40),
    seconds=st.floats(1e-6, 0.05),
)
def test_columns_hold_whole_turns_of_all_arms(
    durations: list[int], discarded: int, most: int, seconds: float
) -> None:
    names = [f"arm{i}" for i in range(len(durations))]
    turns = Turns(seconds, discarded, most)
    arms_ns: dict[str, Any] = dict(zip(names, durations, strict=True))
    taken, _ = latencies(turns, **arms_ns)
    count = int(taken["arm0"].turn[-1]) + 1
    kept = {name: int(arm.kept.sum()) // count for name, arm in taken.items()}
    asked_ns = seconds * 1e9 * len(names)
    turn_ns = sum((discarded + kept[n]) * d for n, d in zip(names, durations, strict=True))
    assert count >= measure_turns.LEAST_TURNS
    assert count * turn_ns >= asked_ns * (1 - 1e-9)
    assert count == measure_turns.LEAST_TURNS or (count - 1) * turn_ns < asked_ns
    for name, duration in zip(names, durations, strict=True):
        assert min(most, 3) <= kept[name] <= min(most, 5)  # 1.5 ms of runs of at least 0.3 ms
        assert (taken[name].duration_ns == duration).all()
        runs = discarded + kept[name]
        assert taken[name].turn.tolist() == np.repeat(np.arange(count), runs).tolist()
    orders = np.array([taken[n].order.reshape(count, -1)[:, 0] for n in names])
    assert (np.sort(orders, axis=0) == np.arange(len(names))[:, None]).all()


@pytest.mark.parametrize(
    ("duration_ns", "images", "expected", "runs"),
    [
        (MS, 1, 1_000, 50),
        (MS // 4, 32, 128_000, 200),
        (80 * MS, 32, 400, 1),
        (30 * MS, 3, 100, 2),
    ],
)
def test_throughput_is_images_over_time(
    duration_ns: int, images: int, expected: float, runs: int
) -> None:
    clock = FakeClock()
    sessions = arms(clock, a=duration_ns, b=2 * duration_ns)
    shapes = {"pixels": (images, 1, 2, 2), "mask": (images,)}  # samples are counted once
    batch = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    taken = measure_turns.throughputs(
        sessions, batch, np.random.default_rng(0), Clocks(clock, lambda: 0)
    )
    assert taken["a"].tolist() == [expected] * measure_turns.BLOCKS
    assert taken["b"].tolist() == [expected / 2] * measure_turns.BLOCKS
    assert sessions["a"].runs == measure_turns.BLOCKS * (5 + runs)
    assert [size(bound) for bound in sessions["a"].bound] == [images] * measure_turns.BLOCKS


def test_throughput_counts_slow_runs_of_a_block_too() -> None:
    clock = FakeClock()
    block = [MS] * 5 + [MS] * 49 + [51 * MS]
    taken = measure_turns.throughputs(
        arms(clock, a=block), BATCHES[0], np.random.default_rng(0), Clocks(clock, clock)
    )
    assert taken["a"].tolist() == [50 * 2 * 1e9 / (100 * MS)] * measure_turns.BLOCKS


def _latencies(session: FakeSession) -> None:
    clocks = Clocks(session.clock, session.clock)
    measure_turns.latencies({"a": session}, BATCHES, np.random.default_rng(0), SHORT, clocks)


def _throughputs(session: FakeSession) -> None:
    clocks = Clocks(session.clock, session.clock)
    measure_turns.throughputs({"a": session}, BATCHES[0], np.random.default_rng(0), clocks)


@pytest.mark.usefixtures("restore_collection")
@pytest.mark.parametrize("timed", [_latencies, _throughputs])
@pytest.mark.parametrize("on", [True, False])
def test_garbage_is_not_collected_meanwhile_and_again_as_before(
    timed: Callable[[FakeSession], None], on: bool
) -> None:
    (gc.enable if on else gc.disable)()
    session = Logged(FakeClock(), [MS])
    timed(session)
    assert set(session.collected) == {False}
    assert gc.isenabled() is on
    with pytest.raises(RuntimeError, match="broken"):
        timed(Broken(FakeClock(), [MS]))
    assert gc.isenabled() is on
