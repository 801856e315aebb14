from __future__ import annotations

from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench.run.time_left import Step, TimeLeft


def step(name: str = "a", kind: str = "make", expected_s: float | None = None) -> Step:
    return Step(kind, name, f"{kind} {name}", expected_s)  # pyright: ignore[reportArgumentType]


def training(name: str, epochs: int) -> Step:
    return Step("train", name, f"make {name}", amount=epochs)


def left_s(time_left: TimeLeft, *steps: Step) -> float | None:
    time_left.plan(steps)
    return time_left.seconds()


def test_without_steps_no_time_is_left() -> None:
    assert TimeLeft().seconds() == 0


def test_nothing_is_guessed_of_what_was_never_seen() -> None:
    time_left = TimeLeft()
    assert left_s(time_left, step()) is None
    time_left.saw(step(kind="time"), 10)
    assert left_s(time_left, step()) is None
    assert time_left.guess_s(step()) == 0


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([step("a")], 3),  # as its namesakes took
        ([step("b")], 10),
        ([step("c")], (2 + 4 + 10) / 3),  # as those of its kind took
        ([step("a", expected_s=99)], 3),
        ([step("c", expected_s=99)], (2 + 4 + 10) / 3),
        ([step("a", "time", expected_s=7)], 7),
        ([step("a"), step("a", "time", expected_s=7)], 10),
        ([step("a"), step("b"), step("a", "time")], 3 + 10 + (3 + 10) / 2),
    ],
)
def test_a_step_takes_as_long_as_those_most_like_it(steps: list[Step], expected: float) -> None:
    time_left = TimeLeft()
    for name, seconds in (("a", 2), ("a", 4), ("b", 10)):
        time_left.saw(step(name), seconds)
    assert left_s(time_left, *steps) == pytest.approx(expected)


def test_trainings_take_as_long_as_they_have_epochs() -> None:
    time_left = TimeLeft()
    time_left.saw(training("teacher", 40), 400)
    time_left.saw(step("int8"), 3)
    assert left_s(time_left, training("student", 12)) == pytest.approx(120)
    assert left_s(time_left, training("student", 12), step("float16")) == pytest.approx(123)
    time_left.sees(training("student", 12), 60)
    assert left_s(time_left, training("student", 12)) == pytest.approx(60)
    assert left_s(time_left, training("other", 2)) == pytest.approx((10 + 5) / 2 * 2)


STEPS = st.builds(
    Step,
    st.sampled_from(["train", "make", "time"]),
    st.sampled_from("abc"),
    st.just(""),
    st.one_of(st.none(), st.floats(0.1, 100)),
    st.sampled_from([1.0, 2.0, 40.0]),
)


def by_all(done: list[tuple[Step, float]], left: list[Step]) -> float | None:
    """The same, from all that was seen, each time anew."""

    def guess(step: Step) -> float | None:
        kind = [(one.name, s / one.amount) for one, s in done if one.kind == step.kind]
        named = [seconds for name, seconds in kind if name == step.name]
        alike = named or [seconds for _, seconds in kind]
        return mean(alike) * step.amount if alike else step.expected_s

    guesses = [guess(step) for step in left]
    known = [g for g in guesses if g is not None]
    if not known:
        return None if left else 0.0
    return sum(mean(known) if g is None else g for g in guesses)


@given(st.lists(STEPS, max_size=12), st.data())
def test_sums_that_are_kept_say_what_all_that_was_seen_says(
    steps: list[Step], data: st.DataObject
) -> None:
    time_left, left = TimeLeft(), [*steps]
    time_left.plan(steps)
    done: list[tuple[Step, float]] = []
    while True:
        said, expected = time_left.seconds(), by_all(done, left)
        assert (said is None) == (expected is None)
        assert (said or 0) == pytest.approx(expected or 0, abs=1e-6)
        if not left:
            return
        one = left[data.draw(st.integers(0, len(left) - 1))]
        seconds = data.draw(st.floats(0, 1000))
        if data.draw(st.booleans()):
            time_left.sees(one, seconds)
            expected = by_all([*done, (one, seconds)], left)
            assert time_left.seconds() == pytest.approx(expected, abs=1e-6)
        time_left.saw(one, seconds)
        done.append((one, seconds))
        left.remove(one)
