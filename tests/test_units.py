from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench import units
from compbench.statistics.intervals import Interval


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (999, "999 B"),
        (1000, "1.00 KB"),
        (104_600, "105 KB"),
        (1_690_000, "1.69 MB"),
        (45_678_901, "45.7 MB"),
        (2.5e9, "2.50 GB"),
        (1.5e12, "1500 GB"),
    ],
)
def test_bytes_have_decimal_units(size: float, expected: str) -> None:
    assert units.bytes_text(size) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1234, "1,234"),
        (9999, "9,999"),
        (10_000, "10.0 k"),
        (52_138, "52.1 k"),
        (999_000, "999 k"),
        (4_238_000, "4.24 M"),
        (1.2e10, "12.0 G"),
    ],
)
def test_counts_are_exact_up_to_9_999(count: float, expected: str) -> None:
    assert units.count_text(count) == expected


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (120, "0.120 µs"),
        (4_980, "4.98 µs"),
        (123_456, "123 µs"),
        (1_234_567, "1.23 ms"),
        (2.5e9, "2500 ms"),
    ],
)
def test_times_are_in_micro_or_milliseconds(nanoseconds: float, expected: str) -> None:
    assert units.time_text(nanoseconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0, "0.0"), (0.44, "0.4"), (12.34, "12.3"), (345.4, "345")]
)
def test_seconds_have_a_decimal_below_100(seconds: float, expected: str) -> None:
    assert units.seconds_text(seconds) == expected


@pytest.mark.parametrize(
    ("function", "interval", "expected"),
    [
        (units.percent, Interval(0.99314, 0.99126, 0.9946), "99.31 % (99.13–99.46)"),
        (units.percent, Interval(1, 0.5, 1), "100.00 % (50.00–100.00)"),
        (units.points, Interval(-0.004, -0.0071, -0.0009), "−0.40 pp (−0.71…−0.09)"),
        (units.points, Interval(0, -0.012, 0.012), "0.00 pp (−1.20…+1.20)"),
        (units.times, Interval(4.123, 4.019, 4.2249), "4.12× (4.02–4.22)"),
        (units.times, Interval(0.5, 0.0987, 12.34), "0.500× (0.0987–12.3)"),
    ],
)
def test_intervals_stand_in_brackets(
    function: Callable[[Interval], str], interval: Interval, expected: str
) -> None:
    assert function(interval) == expected


@pytest.mark.parametrize(
    "function",
    [
        units.bytes_text,
        units.count_text,
        units.time_text,
        units.seconds_text,
        units.percent,
        units.points,
        units.times,
        units.share,
    ],
)
def test_what_is_not_known_is_a_dash(function: Callable[[Any], str]) -> None:
    assert function(None) == "–"


def test_one_is_no_plural() -> None:
    assert units.counted(1, "pair") == "1 pair"
    assert units.counted(0, "pair") == "0 pairs"
    assert units.counted(12_000, "process", "processes") == "12,000 processes"


@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (None, "–"),
        (0, "<0.001"),
        (0.00099, "<0.001"),
        (0.0625, "0.063"),
        (0.3125, "0.313"),
        (1, "1.000"),
    ],
)
def test_a_p_value_between_two_is_the_larger(p: float | None, expected: str) -> None:
    assert units.p_value(p) == expected


def test_a_share_is_a_percentage() -> None:
    assert (units.share(0.12345), units.share(0.99999, 2), units.share(0)) == (
        "12.3 %",
        "100.00 %",
        "0.0 %",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0.00"),
        (-0.0, "0.00"),
        (0.004, "0.00"),
        (-0.004, "0.00"),
        (0.006, "+0.01"),
        (-0.006, "−0.01"),
        (10.0, "+10.00"),
        (-10.001, "−10.00"),
    ],
)
def test_a_sign_is_told_except_of_zero(value: float, expected: str) -> None:
    assert units.signed(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.1234, "0.123"), (1.234, "1.23"), (12.34, "12.3"), (123.4, "123"), (1234.5, "1234")],
)
def test_three_digits_are_never_in_exponents(value: float, expected: str) -> None:
    assert units.three_digits(value) == expected


@given(st.floats(0.1, 1e6))
def test_three_digits_are_right_to_half_a_percent(value: float) -> None:
    assert float(units.three_digits(value)) == pytest.approx(value, rel=0.00501)
    assert units.three_digits(-value) == f"−{units.three_digits(value)}"


@pytest.mark.parametrize(
    ("side", "said"),
    [
        (1, "2.00× (1.60–2.50) faster"),
        (-1, "0.500× (0.400–0.625) slower"),
        (0, "not shown to differ in speed (2.00×, 1.60–2.50)"),
    ],
)
def test_a_speed_is_said_as_it_was_told_apart(side: int, said: str) -> None:
    assert units.speed((2.0, 1.6, 2.5), side) == said


@pytest.mark.parametrize(
    ("found", "is_as_fast"),
    [
        ((1.0, 0.99, 1.01), True),
        ((1.04, 1.01, 1.05), True),
        ((1.0, 0.94, 1.06), False),
        ((0.609, 0.531, 0.699), False),
    ],
)
def test_as_fast_is_what_is_nearly_so_for_sure(
    found: tuple[float, float, float], is_as_fast: bool
) -> None:
    said = units.speed(found, 0, "that")
    assert said.startswith("as fast as that, within noise" if is_as_fast else "not shown to differ")


def test_what_is_slower_is_a_number_above_one() -> None:
    assert units.speed((0.5, 0.4, 0.8), -1) == "2.00× (1.25–2.50) slower"
    assert units.speed(None, 0) == "not timed"


def test_what_a_speed_is_compared_with_is_said_behind_it() -> None:
    assert units.speed((2.0, 1.6, 2.5), 1, "in A") == "2.00× (1.60–2.50) faster than in A"
    assert units.speed((0.5, 0.4, 0.8), 0, "that") == (
        "not shown to differ in speed from that (0.500×, 0.400–0.800)"
    )


def test_a_small_difference_that_is_sure_is_not_called_1_00_times() -> None:
    assert units.speed((1.004, 1.003, 1.005), 1) == "1.004× (1.003–1.005) faster"
    assert units.speed_cell((0.997, 0.996, 0.998), -1, brief=True) == "1.003× slower"


@pytest.mark.parametrize(
    ("side", "cell", "brief"),
    [
        (1, "0.712× (0.361–1.40)", "0.712×"),
        (0, "0.712× (0.361–1.40) ≈", "0.712× ≈"),
        (-1, "1.40× (0.714–2.77) slower", "1.40× slower"),
    ],
)
def test_a_cell_says_what_a_sentence_says(side: int, cell: str, brief: str) -> None:
    assert units.speed_cell((0.712, 0.361, 1.4), side) == cell
    assert units.speed_cell((0.712, 0.361, 1.4), side, brief=True) == brief
    assert units.speed_cell(None, side) == units.NOTHING


def test_a_change_that_chance_could_explain_is_marked() -> None:
    assert units.change_cell((-0.004, -0.007, -0.001), -1) == "−0.40 pp (−0.70…−0.10)"
    assert units.change_cell((-0.004, -0.007, -0.001), 0) == "−0.40 pp (−0.70…−0.10) ≈"
    assert units.change((-0.004, -0.007, 0.001), 0) == "−0.40 pp (−0.70…+0.10), within chance"
    assert units.change((-0.004, -0.007, -0.001), -1) == "−0.40 pp (−0.70…−0.10)"
    assert units.change_cell(None, 0) == units.change(None, 0) == units.NOTHING


@pytest.mark.parametrize(
    ("ratio", "words", "cell"),
    [
        (13.9, "13.9× smaller", "13.9×"),
        (0.978, "1.02× larger", "1.02× larger"),
        (1.0001, "as large", "1.00×"),
        (None, "of unknown size", units.NOTHING),
    ],
)
def test_a_larger_file_is_never_called_smaller(ratio: float | None, words: str, cell: str) -> None:
    assert (units.smaller(ratio), units.smaller_cell(ratio)) == (words, cell)
