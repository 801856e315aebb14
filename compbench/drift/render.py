"""What was found of drift on the terminal, and for programs as CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterator
from typing import Any

from compbench import units
from compbench.drift.drift import NEW, SPLITS, Drift
from compbench.statistics.drift import (
    ANSWERS,
    CONFIDENCE,
    DISTANCE,
    GAP,
    Evidence,
    Verdict,
)
from compbench.statistics.intervals import Interval
from compbench.statistics.two_samples import FOUND
from compbench.text_table import grid

FORMATS = ("table", "csv", "json")
_FIGURES = {
    ANSWERS: "differing answers",
    DISTANCE: "distance",
    GAP: "gap in sureness",
    CONFIDENCE: "confidence",
}
_DISTANCES = {
    "distributions": "Jensen and Shannon's, of both outputs' distributions: 0 is the same, 1 is "
    "that they share nothing",
    "numbers": "the root mean square difference of both outputs, as a share of their spread over "
    "held-out samples",
}


def render(found: Drift, form: str) -> str:
    """The whole in one of `FORMATS`."""
    texts = {"table": table, "csv": csv_text, "json": json_text}
    return texts[form](found)


def table(found: Drift) -> str:
    """The answer first, then each variant's figures, then how they are to be read."""
    parts = ["\n".join(map(_wrapped, _head(found)))]
    for verdict in found.verdicts:
        lines = [_wrapped(_sentence(verdict)), "", grid(_rows(found, verdict)), ""]
        lines += [_wrapped(line) for line in (_could_have_seen(verdict), _told(found, verdict))]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, "\n".join(map(_wrapped, _legend(found)))]) + "\n"


def _head(found: Drift) -> Iterator[str]:
    counts = found.samples
    held_out = " and ".join(f"{counts[split]:,} {split}" for split in SPLITS)
    seed = found.run.seeds[0]
    yield (
        f"{found.run.suite} of {found.run.started}, seed {seed}: {counts[NEW]:,} new samples of "
        f"{found.data} beside {held_out} samples"
    )
    alarmed = [verdict.variant for verdict in found.verdicts if verdict.is_alarm]
    named = f"ALARM: {', '.join(alarmed)}" if alarmed else "No alarm"
    yield f"{named} (false ones among all variants: {found.alpha:g} at most)"
    yield from found.notes


def _sentence(verdict: Verdict) -> str:
    of = f"{verdict.variant} beside {verdict.beside}"
    if not verdict.is_alarm:
        return f"{of}: no alarm. Nothing was shown to differ from the held-out samples."
    changed = "; ".join(map(_change, verdict.changed))
    said = f"{of}: ALARM, unlike both held-out splits: {changed}."
    unchanged = {one.name for one in verdict.evidence} - {one.name for one in verdict.changed}
    return f"{said} That answers differ more often was not shown." if ANSWERS in unchanged else said


def _change(one: Evidence) -> str:
    """More differing answers (p 0.002)."""
    words = ("more", "fewer") if one.name == ANSWERS else ("larger", "smaller")
    return f"{words[one.side < 0]} {_FIGURES[one.name]} (p {units.p_value(one.adjusted)})"


def _rows(found: Drift, verdict: Verdict) -> list[dict[str, str]]:
    return [
        {
            "": _FIGURES[one.name],
            NEW: _figure(found, one, one.now),
            **{split: _figure(found, one, one.then[split]) for split in SPLITS},
            "larger in": _larger(one),
            "p": units.p_value(one.adjusted),
        }
        for one in verdict.evidence
    ]


def _figure(found: Drift, one: Evidence, value: Interval) -> str:
    if one.name in (DISTANCE, GAP):
        middle, low, high = map(units.three_digits, value)
        return f"{middle} ({low}–{high})"
    return units.percent(value)


def _larger(one: Evidence) -> str:
    """The share of pairs, beside the split that the new samples are less unlike."""
    nearest = min(one.larger.values(), key=lambda found: abs(found.value - 0.5))
    value, low, high = (100 * end for end in nearest)
    return f"{value:.1f} % ({low:.1f}–{high:.1f})"


def _could_have_seen(verdict: Verdict) -> str:
    """What changes so many samples would have shown, most times."""
    parts = []
    for one in verdict.evidence:
        at = units.share(one.smallest)
        if one.smallest is None:
            parts.append(f"no number of {_FIGURES[one.name]}")
        elif one.is_counted:
            parts.append(f"{at} {_FIGURES[one.name]}")
        else:
            parts.append(f"a {_FIGURES[one.name]} larger, or smaller, in {at} of pairs")
    return (
        f"What so many samples show in {units.share(FOUND, 0)} of all cases, and smaller changes "
        f"more rarely: {'; '.join(parts)}."
    )


def _told(found: Drift, verdict: Verdict) -> str:
    places = (
        f"{place} ({found.names[place]})" if found.names else str(place)
        for place in verdict.farthest
    )
    return f"Farthest apart are the new samples {', '.join(places)}."


def _legend(found: Drift) -> Iterator[str]:
    yield (
        "Answers are means, other figures medians, with 95 % intervals. The distance is "
        f"{_DISTANCES[found.distance]}. 'larger in': of all pairs of a new and a held-out sample "
        "the share in which the new one's figure is the larger, beside the nearer split; 50 % is "
        "no change. p is the larger of the tests against both splits (Fisher's exact of counts, "
        "Mann and Whitney's of ranks), adjusted by Holm for all figures of all variants; it is 1 "
        "where new samples lie between the splits."
    )
    if found.distance == "distributions":
        yield (
            "The gap in sureness is the variant's lead of its likeliest outcome over the next, "
            "less that of the model it is beside, in nats; confidence is the probability of the "
            "variant's likeliest outcome."
        )


def csv_text(found: Drift) -> str:
    """A row for each figure of each variant; shares are 0 to 1."""
    rows = [_record(verdict, one) for verdict in found.verdicts for one in verdict.evidence]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _record(verdict: Verdict, one: Evidence) -> dict[str, Any]:
    intervals = {NEW: one.now, **one.then}
    intervals |= {f"larger_than_{split}": found for split, found in one.larger.items()}
    return {
        "variant": verdict.variant,
        "beside": verdict.beside,
        "figure": one.name,
        "is_alarm": one.adjusted <= verdict.alpha,
        **{
            f"{name}{end}": value
            for name, interval in intervals.items()
            for end, value in zip(("", "_low", "_high"), interval, strict=True)
        },
        "side": one.side,
        "p": one.p,
        "p_holm": one.adjusted,
        "smallest": one.smallest,
    }


def json_text(found: Drift) -> str:
    """The run, the samples, and for each variant its verdict, figures and farthest samples."""
    content = {
        "run": str(found.folder),
        "suite": found.run.suite,
        "seed": found.run.seeds[0],
        "data": str(found.data),
        "samples": found.samples,
        "alpha": found.alpha,
        "is_alarm": found.is_alarm,
        "distance_of": found.distance,
        "notes": list(found.notes),
        "variants": [_verdict(found, verdict) for verdict in found.verdicts],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _verdict(found: Drift, verdict: Verdict) -> dict[str, Any]:
    farthest = [
        {"sample": place, **({"file": found.names[place]} if found.names else {})}
        for place in verdict.farthest
    ]
    return {
        "variant": verdict.variant,
        "beside": verdict.beside,
        "is_alarm": verdict.is_alarm,
        "figures": [_figure_record(one) for one in verdict.evidence],
        "farthest": farthest,
    }


def _figure_record(one: Evidence) -> dict[str, Any]:
    return {
        "figure": one.name,
        NEW: one.now._asdict(),
        **{split: interval._asdict() for split, interval in one.then.items()},
        "larger": {split: interval._asdict() for split, interval in one.larger.items()},
        "side": one.side,
        "p": one.p,
        "p_holm": one.adjusted,
        "smallest": one.smallest,
        "smallest_is": "a mean" if one.is_counted else "a share of pairs",
    }


def _wrapped(line: str) -> str:
    return textwrap.fill(line, units.TEXT_WIDTH, break_long_words=False, break_on_hyphens=False)
