from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from compbench.statistics.intervals import Interval
from compbench.statistics.pareto_front import beaten
from compbench.statistics.summary import Summary
from tests.factory import TARGET, exactly

TENTHS = st.integers(-5, 5).map(lambda x: x / 10)


@st.composite
def around(draw: st.DrawFn, value: st.SearchStrategy[float]) -> Interval:
    middle, half = draw(value), draw(st.integers(0, 3)) / 10
    return Interval(middle, middle - half, middle + half)


@st.composite
def measured(draw: st.DrawFn) -> list[Summary]:
    return [
        Summary(
            str(i),
            TARGET,
            change=draw(around(TENTHS)),
            speedup=draw(around(st.integers(1, 9).map(float))),
            size_bytes=draw(st.integers(1, 4)),
        )
        for i in range(draw(st.integers(1, 8)))
    ]


def leads(a: Summary, b: Summary) -> tuple[bool, bool]:
    """At least as good in all by the estimates; measurably better in one."""
    assert a.change and b.change and a.speedup and b.speedup and a.size_bytes and b.size_bytes
    at_least = (
        a.change.value >= b.change.value
        and a.speedup.value >= b.speedup.value
        and a.size_bytes <= b.size_bytes
    )
    better = (
        a.change.low > b.change.high
        or a.speedup.low > b.speedup.high
        or a.size_bytes < b.size_bytes
    )
    return at_least, better


@given(measured())
def test_what_is_beaten_is_beaten_by_something_better_and_the_front_by_nothing(
    summaries: list[Summary],
) -> None:
    found = beaten(summaries)
    by_name = {s.variant: s for s in summaries}
    for loser, winner in found.items():
        assert leads(by_name[winner], by_name[loser]) == (True, True)
    front = [s for s in summaries if s.variant not in found]
    assert front
    for s in front:
        assert not any(all(leads(other, s)) for other in summaries)


def test_a_lead_that_chance_could_explain_throws_nobody_off() -> None:
    better = Summary(
        "better", TARGET, change=Interval(0.1, -0.1, 0.3), speedup=exactly(1), size_bytes=9
    )
    worse = Summary(
        "worse", TARGET, change=Interval(0.0, -0.2, 0.2), speedup=exactly(1), size_bytes=9
    )
    assert beaten([better, worse]) == {}
    sure = Summary("sure", TARGET, change=Interval(0.5, 0.4, 0.6), speedup=exactly(1), size_bytes=9)
    assert beaten([better, worse, sure]) == {"better": "sure", "worse": "sure"}


def test_what_was_not_measured_neither_beats_nor_is_beaten() -> None:
    good = Summary("good", TARGET, change=exactly(0), speedup=exactly(2), size_bytes=1)
    others = [
        Summary("a", TARGET, change=None, speedup=exactly(9), size_bytes=1),
        Summary("b", TARGET, change=exactly(1), speedup=None, size_bytes=1),
        Summary("c", TARGET, reason="failed: no memory"),
    ]
    assert beaten([good, *others]) == {}
    assert beaten(others) == {}
