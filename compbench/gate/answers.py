"""Scores of test samples against a limit: how sure is it that they keep to it? Pure."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from compbench.gate.check import Verdict, against
from compbench.headline import ACCURACY, Headline

if TYPE_CHECKING:
    from compbench.statistics.scores import Paired

# what is just beyond a limit passes in 5 % at most, and a whole gate of which nothing is beyond one
# fails in 1 %: on few samples Tango's level is up to a third above its nominal one (from 288 on, 1
# to 20 % of them answered otherwise), so these are a fifth below
SURE, FALSE_ALARMS = 0.04, 0.008
Ends = tuple[float, float]
_SINGLE = "a single sample decides nothing"
_NEVER = "it is at the limit itself, which no number of samples would decide"


def judge_drop(
    found: Paired, most: float, pairs: int, headline: Headline = ACCURACY
) -> tuple[Verdict, Ends]:
    """A loss of at most so much, in the metric's unit: the verdict, and the ends that it rests on.

    The worse end tells whether it passes, the better one whether it fails.
    """
    sure, alarms = found.bounds(2 * SURE), found.bounds(2 * _alarms(pairs))
    if headline.better == "higher":
        low, high = sure[0], alarms[1]
        return against(-high, -low, most), (low, high)
    low, high = alarms[0], sure[1]
    return against(low, high, most), (low, high)


def drop_to_decide(found: Paired, most: float, pairs: int, headline: Headline = ACCURACY) -> str:
    """How many samples would be enough, were all shares, or the spread, the same."""
    if found.samples < 2:
        return _SINGLE
    level = SURE if headline.gain(found.change) > -most else _alarms(pairs)
    needed = found.samples_to_decide(headline.gain(-most), 2 * level)
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
