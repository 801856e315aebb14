"""Shares of test samples against a limit: how sure is it that they keep to it? Pure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from compbench.gate.check import Verdict, against

if TYPE_CHECKING:
    from compbench.statistics.paired_proportions import Disagreement

# what is just beyond a limit passes in 5 % at most, and a whole gate of which nothing is beyond one
# fails in 1 %: on few samples Tango's level is up to a third above its nominal one (from 288 on, 1
# to 20 % of them answered otherwise), so these are a fifth below
SURE, FALSE_ALARMS = 0.04, 0.008
Ends = tuple[float, float]
_NEVER = "it is at the limit itself, which no number of samples would decide"


def judge_drop(found: Disagreement, most: float, pairs: int) -> tuple[Verdict, Ends]:
    """A drop of at most so much, 0 to 1: the verdict, and the ends of the change it rests on."""
    low = found.bounds(2 * SURE)[0]
    high = found.bounds(2 * _alarms(pairs))[1]
    return against(-high, -low, most), (low, high)


def drop_to_decide(found: Disagreement, most: float, pairs: int) -> str:
    """How many samples would be enough, were all shares the same."""
    level = SURE if found.score(-most) > 0 else _alarms(pairs)
    needed = found.samples_to_decide(-most, 2 * level)
    return _NEVER if needed is None else f"about {needed:,} samples would decide at this limit"


def judge_share(share: float, samples: int, least: float, pairs: int) -> tuple[Verdict, Ends]:
    """A share of at least so much, and its ends after Clopper and Pearson, Biometrika 26, 1934."""
    from scipy import stats

    count = round(share * samples)
    low = float(stats.beta.ppf(SURE, count, samples - count + 1)) if count else 0.0
    is_all = count == samples
    high = 1.0 if is_all else float(stats.beta.isf(_alarms(pairs), count + 1, samples - count))
    return against(1 - high, 1 - low, 1 - least), (low, high)


def share_to_decide(share: float, least: float, pairs: int) -> str:
    """How many samples would be enough, were the share the same."""
    from scipy import stats

    if share == least:
        return _NEVER
    z = float(stats.norm.isf(SURE if share > least else _alarms(pairs)))
    needed = ceil(z**2 * least * (1 - least) / (share - least) ** 2)
    return f"about {needed:,} samples would decide at this limit"


def _alarms(pairs: int) -> float:
    """How often one of so many pairs may fail, so that all together keep to it (Bonferroni)."""
    return FALSE_ALARMS / pairs
