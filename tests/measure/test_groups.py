"""Arms in groups around their baseline: no long turn, no rare one, and never the same company."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench.measure import groups as measure_groups
from compbench.measure import turns as measure_turns
from compbench.measure.groups import TURN_NS, grouped
from compbench.measure.turns import Clocks, Latencies, Turns
from tests.fakes import FakeClock, FakeSession

MS = 1_000_000
BATCHES = [{"x": np.zeros((1, 1), np.float32)}]


def timed(durations_ns: Mapping[str, int], seed: int = 0, seconds: float = 0.02,
          beside: Mapping[str, str] | None = None) -> dict[str, Latencies]:  # fmt: skip
    clock = FakeClock()
    arms = {name: FakeSession(clock, [ns]) for name, ns in durations_ns.items()}
    beside = dict.fromkeys(arms, "base") if beside is None else beside
    random = np.random.default_rng(seed)
    clocks = Clocks(clock, clock)
    return measure_turns.latencies(arms, BATCHES, random, Turns(seconds), clocks, beside)


def many(count: int, ns: int = MS // 2) -> dict[str, int]:
    return {"base": ns, "control": ns, **{f"arm{i}": ns for i in range(count)}}


def company(taken: Mapping[str, Latencies], name: str) -> set[str]:
    turns = set(taken[name].turn.tolist())
    return {other for other, t in taken.items() if turns & set(t.turn.tolist())} - {name, "base"}


@pytest.mark.parametrize("count", [1, 30, 124, 400])
def test_no_turn_is_longer_than_the_noise_however_many_arms(count: int) -> None:
    taken = timed(many(count))
    turns = np.concatenate([t.turn for t in taken.values()])
    lengths = np.bincount(turns, np.concatenate([t.duration_ns for t in taken.values()]))
    assert lengths.max() < TURN_NS
    if count >= 30:
        assert lengths.min() > TURN_NS / 8  # nor of a few arms only, which would waste baselines


def test_few_arms_share_every_turn() -> None:
    taken = timed(many(6))
    assert len({tuple(sorted(set(t.turn.tolist()))) for t in taken.values()}) == 1


def test_the_baseline_stands_in_every_turn_and_the_control_in_one_group() -> None:
    taken = timed(many(124))
    every = {turn for t in taken.values() for turn in t.turn.tolist()}
    assert set(taken["base"].turn.tolist()) == every == set(range(len(every)))
    assert len(set(taken["control"].turn.tolist())) == len(set(taken["arm0"].turn.tolist()))


def test_no_arm_is_always_beside_the_same_others() -> None:
    first, second = (company(timed(many(124), seed), "arm0") for seed in (0, 1))
    assert first != second
    assert len(first & second) < len(first) / 2


def test_turns_of_all_groups_are_spread_over_the_launch() -> None:
    taken = timed(many(124), seconds=0.1)
    last = int(taken["base"].turn.max())
    for t in taken.values():
        assert t.turn.min() < 0.1 * last and t.turn.max() > 0.9 * last
        assert np.abs(np.median(t.turn) / last - 0.5) < 0.1


def test_a_slow_arm_makes_no_turn_of_the_others_rare() -> None:
    quick = timed({"base": MS, "a": MS, "b": MS}, seconds=0.4)
    beside = timed({"base": MS, "a": MS, "b": MS, "slow": 100 * MS}, seconds=0.4)
    for name in "ab":
        assert len(beside[name].turn) == len(quick[name].turn)
    assert company(beside, "slow") == set()


def test_arms_that_take_long_have_fewer_turns_but_five() -> None:
    taken = timed({"base": 100 * MS, **{f"a{i}": 100 * MS for i in range(5)}}, seconds=0.4)
    for t in taken.values():
        assert int(t.kept.sum()) >= 5 * 3
    assert sum(int(t.duration_ns.sum()) for t in taken.values()) < 6 * 5e9
    giant = timed({"base": MS, "a": 3_000 * MS}, seconds=0.4)
    assert int(giant["a"].kept.sum()) == 5 * 3


def test_each_seed_has_its_own_baseline() -> None:
    names = [f"{v}/{s}" for v in ("base", "a", "b") for s in (0, 1)]
    beside = {name: f"base/{name[-1]}" for name in names} | {"control": "base/0"}
    taken = timed(dict.fromkeys([*names, "control"], MS), beside=beside)
    for name, baseline in beside.items():
        assert set(taken[name].turn.tolist()) <= set(taken[baseline].turn.tolist())


def test_an_arm_without_its_baseline_is_timed_all_the_same() -> None:
    beside = {"base/0": "base/0", "a/0": "base/0", "a/1": "base/1"}
    taken = timed(dict.fromkeys(beside, MS), beside=beside)
    assert len(taken["a/1"].turn) == len(taken["a/0"].turn)


def test_without_comparisons_all_share_every_turn() -> None:
    assert grouped({"a": 9e8, "b": 9e8}, {}, np.random.default_rng(0)) == [["a", "b"]]


@given(st.floats(1e5, 3e8), st.lists(st.floats(1e5, 3e8), max_size=40), st.integers(0, 2**32 - 1))
def test_groups_hold_everyone_once_and_are_short(
    baseline_ns: float, others: list[float], seed: int
) -> None:
    turn_ns = {"base": baseline_ns} | {f"arm{i}": ns for i, ns in enumerate(others)}
    found = grouped(turn_ns, dict.fromkeys(turn_ns, "base"), np.random.default_rng(seed))
    assert all(group[0] == "base" for group in found)
    assert sorted(name for group in found for name in group[1:]) == sorted(set(turn_ns) - {"base"})
    assert len(found) == 1 or all(len(group) > 1 for group in found)  # no baseline alone
    for group in found:
        length = sum(turn_ns[name] for name in group)
        assert len(group) <= 2 or length <= max(TURN_NS, 2 * baseline_ns) * (1 + 1e-9)


def test_one_giant_does_not_part_the_others() -> None:
    turn_ns = {"base": 4e6, "giant": 4e8, **{f"arm{i}": 12e6 for i in range(9)}}
    found = grouped(turn_ns, dict.fromkeys(turn_ns, "base"), np.random.default_rng(0))
    assert ["base", "giant"] in found
    assert sorted(map(len, found)) == [2, 4, 4, 4]


def test_a_slow_baseline_takes_no_more_than_half_of_the_time() -> None:
    turn_ns = {"base": 4e8, **{f"arm{i}": 4e6 for i in range(124)}}
    found = grouped(turn_ns, dict.fromkeys(turn_ns, "base"), np.random.default_rng(0))
    assert len(found) == 2
    assert measure_groups.TURN_NS < 4e8
