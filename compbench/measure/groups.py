"""Which arms share a turn: few enough that it is over before the noise changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np

TURN_NS = 100_000_000  # noise lasts about so long: no turn of two arms or more should
SHORT_TURN_NS = TURN_NS // 2  # what is aimed at: half of it leaves as much of the noise in common
BASELINE_SHARE = 1 / 5  # of a turn's time; where it takes more, the turn is longer for it
SLOW_NS = SHORT_TURN_NS // 5  # an arm that takes more than this ...
SLOWER = 4  # ... and so many times the quickest is timed among its like


def grouped(
    turn_ns: Mapping[str, float], beside: Mapping[str, str], random: np.random.Generator
) -> list[list[str]]:
    """Arms by group, at random; each is in one, but for a baseline, which is in all of its own.

    `turn_ns` is how long each arm takes in a turn, `beside` the arm that it is compared with. All
    of one group where nothing is compared; an arm without its baseline is put beside another.
    """
    baselines = [name for name in turn_ns if name in beside.values()]
    if not baselines:
        return [list(turn_ns)]
    groups: list[list[str]] = []
    for baseline in baselines:
        others = [
            name
            for name in turn_ns
            if name not in baselines and _beside(name, beside, baselines) == baseline
        ]
        room_ns = _longest(turn_ns[baseline]) - turn_ns[baseline]
        split = [
            group
            for alike in _by_pace(others, turn_ns)
            for group in _packed(alike, turn_ns, room_ns, random)
        ]
        groups += [[baseline, *group] for group in split or [[]]]
    return groups


def _beside(name: str, beside: Mapping[str, str], baselines: Sequence[str]) -> str:
    found = beside.get(name, "")
    return found if found in baselines else baselines[0]


def _longest(baseline_ns: float) -> float:
    """A turn of a group, in ns; a slow baseline takes half of it, even beyond the noise's time."""
    return max(min(TURN_NS, max(SHORT_TURN_NS, baseline_ns / BASELINE_SHARE)), 2 * baseline_ns)


def _by_pace(names: list[str], turn_ns: Mapping[str, float]) -> tuple[list[str], list[str]]:
    """The quick and the slow: one slow arm would make the turns of quick ones beside it rare."""
    limit = max(SLOW_NS, SLOWER * min((turn_ns[name] for name in names), default=0))
    slow = [name for name in names if turn_ns[name] > limit]
    return [name for name in names if name not in slow], slow


def _packed(
    names: list[str], turn_ns: Mapping[str, float], room_ns: float, random: np.random.Generator
) -> list[list[str]]:
    """As few groups as have room for all, of about the same length; who meets whom is random.

    An arm that no group has room for is alone.
    """
    alone = [[name] for name in names if turn_ns[name] > room_ns]
    others = [name for name in names if turn_ns[name] <= room_ns]
    shuffled = [others[i] for i in random.permutation(len(others))]
    fewest = ceil(sum(turn_ns[name] for name in others) / room_ns)
    for groups in range(fewest, len(others)):
        found: list[list[str]] = [[] for _ in range(groups)]
        taken_ns = np.zeros(groups)
        for name in shuffled:
            least = int(np.argmin(taken_ns))
            found[least].append(name)
            taken_ns[least] += turn_ns[name]
        if taken_ns.max() <= room_ns:
            return alone + found
    return alone + [[name] for name in shuffled]
