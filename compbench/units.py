"""Numbers as people read and write them: units, intervals, percentage points; pure."""

from __future__ import annotations

import re
from datetime import timedelta
from math import floor, isfinite, log10

from pydantic import ByteSize, TypeAdapter, ValidationError

from compbench.errors import shown

Triple = tuple[float, float, float]  # an estimate and the ends of its interval
NOTHING = "–"
UNSURE = "≈"  # beside a difference that chance or noise could explain
TEXT_WIDTH = 100  # columns, of text for a terminal


def bytes_text(size: float | None) -> str:
    """Decimal units: 812 B, 105 KB, 1.69 MB."""
    if size is None:
        return NOTHING
    rounded = _rounded(size)
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if rounded >= scale:
            return f"{three_digits(rounded / scale)} {unit}"
    return f"{size:.0f} B"


def counted(count: int, noun: str, plural: str = "") -> str:
    """1 pair, 3 pairs; 1 process, 3 processes."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def count_text(count: float | None) -> str:
    """1,234 up to 9,999; then 52.1 k, 4.24 M."""
    if count is None:
        return NOTHING
    if round(count) < 10_000:
        return f"{count:,.0f}"
    rounded = _rounded(count)
    for unit, scale in (("G", 1e9), ("M", 1e6)):
        if rounded >= scale:
            return f"{three_digits(rounded / scale)} {unit}"
    return f"{three_digits(rounded / 1e3)} k"


def time_text(nanoseconds: float | None) -> str:
    """4.98 µs, 1.23 ms."""
    if nanoseconds is None:
        return NOTHING
    rounded = _rounded(nanoseconds)
    if rounded >= 1e6:
        return f"{three_digits(rounded / 1e6)} ms"
    return f"{three_digits(rounded / 1e3)} µs"


def seconds_text(seconds: float | None) -> str:
    """0.4, 12.3, 345: seconds without their unit."""
    if seconds is None:
        return NOTHING
    return f"{seconds:.1f}" if round(seconds, 1) < 100 else f"{seconds:.0f}"


def percent(interval: Triple | None) -> str:
    """99.31 % (99.13–99.46)."""
    if interval is None:
        return NOTHING
    value, low, high = (100 * x for x in interval)
    return f"{value:.2f} % ({low:.2f}–{high:.2f})"


def share(value: float | None, decimals: int = 1) -> str:
    """12.3 %."""
    return NOTHING if value is None else f"{100 * value:.{decimals}f} %"


def points(interval: Triple | None) -> str:
    """−0.40 pp (−0.71…−0.09): percentage points."""
    if interval is None:
        return NOTHING
    value, low, high = (signed(100 * x) for x in interval)
    return f"{value} pp ({low}…{high})"


def times(interval: Triple | None) -> str:
    """4.12× (4.02–4.22)."""
    if interval is None:
        return NOTHING
    value, low, high = map(three_digits, interval)
    return f"{value}× ({low}–{high})"


_AS_FAST = 1.05  # times: so near to 1 a whole interval is called as fast


def speed(speedup: Triple | None, side: int, than: str = "") -> str:
    """A speed-up in words: `side` is 1 where it is measurably faster, -1 slower, 0 neither.

    2.00× (1.90–2.10) faster; 1.40× (1.20–1.60) slower; as fast, within noise (0.99×, 0.97–1.01);
    not shown to differ in speed (0.90×, 0.70–1.10), where that may be far from as fast; with
    `than` what it is compared with: faster than that, as fast as that.
    """
    if speedup is None:
        return "not timed"
    if not side:
        value, low, high = map(three_digits, speedup)
        if speedup[1] >= 1 / _AS_FAST and speedup[2] <= _AS_FAST:
            return f"as fast{than and f' as {than}'}, within noise ({value}×, {low}–{high})"
        beside = than and f" from {than}"
        return f"not shown to differ in speed{beside} ({value}×, {low}–{high})"
    word = "faster" if side > 0 else "slower"
    return f"{_factor(speedup, side)} {word}{than and f' than {than}'}"


def speed_cell(speedup: Triple | None, side: int, *, brief: bool = False) -> str:
    """The same in a table of speed-ups, where faster goes without saying; `brief`: no interval.

    2.00× (1.90–2.10); 1.40× (1.20–1.60) slower; 0.97× (0.90–1.05) ≈.
    """
    if speedup is None:
        return NOTHING
    factor = _factor(speedup, side)
    word = {1: "", -1: " slower", 0: f" {UNSURE}"}[side]
    return (factor.partition(" ")[0] if brief else factor) + word


def change(change: Triple | None, side: int) -> str:
    """A change in percentage points in a sentence: `side` is 0 where chance could explain it.

    −0.40 pp (−0.71…−0.09); −0.40 pp (−0.91…+0.09), within chance.
    """
    return points(change) + (", within chance" if change is not None and not side else "")


def change_cell(change: Triple | None, side: int) -> str:
    """A change in percentage points, marked where `side` is 0: chance could explain it.

    −0.40 pp (−0.71…−0.09); −0.40 pp (−0.91…+0.09) ≈.
    """
    return points(change) + (f" {UNSURE}" if change is not None and not side else "")


def smaller(ratio: float | None) -> str:
    """How many times smaller a file is, in words: 13.9× smaller; 1.02× larger; as large."""
    if not ratio:
        return "of unknown size"
    if three_digits(ratio) == three_digits(1 / ratio) == "1.00":
        return "as large"
    return f"{three_digits(max(ratio, 1 / ratio))}× {'smaller' if ratio > 1 else 'larger'}"


def smaller_cell(ratio: float | None) -> str:
    """The same in a table of files, where smaller goes without saying: 13.9×; 1.02× larger."""
    if not ratio:
        return NOTHING
    return smaller(ratio).removesuffix(" smaller").replace("as large", "1.00×")


def _factor(speedup: Triple, side: int) -> str:
    """How many times faster or, where it is slower, slower: never below 1 beside such a word."""
    value, low, high = speedup
    if side < 0:
        value, low, high = 1 / value, 1 / high, 1 / low
    if side and three_digits(value) == "1.00":  # a small difference that is sure
        return f"{value:.3f}× ({low:.3f}–{high:.3f})"
    return times((value, low, high))


def signed(value: float) -> str:
    """Two decimals with a sign; a real minus."""
    return f"{value:+.2f}".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")


def three_digits(value: float) -> str:
    """Three significant digits, never in exponents: 0.0123, 0.123, 1.23, 12.3, 123, 1234, −1.23."""
    if value < 0:
        return f"−{three_digits(-value)}"
    rounded = _rounded(value)
    if rounded >= 100 or not isfinite(rounded):
        return f"{value:.0f}"
    if rounded == 0:
        return "0"
    return f"{rounded:.{2 - floor(log10(rounded))}f}"


def p_value(p: float | None) -> str:
    """0.032, <0.001; 0.0625, which is between two, is 0.063: never surer than it is."""
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{floor(1000 * p + 0.5) / 1000:.3f}"


def _rounded(value: float) -> float:
    """To three significant digits, so that 999.9 is in the next unit."""
    return float(f"{value:.3g}")


_LONGEST_HOURS = 1e6  # more than a hundred years
_HOURS = {"h": 1.0, "d": 24.0, "w": 168.0}
NUMBER = r"\s*([0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*"
_NANOSECONDS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9}
_LONGEST = 60  # characters of a quantity: matching takes long where there are thousands
_BYTES = TypeAdapter(ByteSize)


def quantity(pattern: str, text: str | float) -> re.Match[str] | None:
    """What a user wrote as a number with a unit, matched; longer ones are none."""
    written = str(text)
    return re.fullmatch(pattern, written, re.IGNORECASE) if len(written) <= _LONGEST else None


def parse_share(text: str | float) -> float:
    """'1pp', '1 %' and 0.01 are 0.01. Raises ValueError for what is no share from 0 to 1.

    A bare 1 is refused: it may be meant as 1pp or as 100pp.
    """
    found = quantity(NUMBER + r"(pp|%)?", text)
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if found and not found[2] and value == 1:
        raise ValueError(f"{shown(text)} may be 1pp or 100pp: write the one that is meant")
    if not 0 <= value <= 1:
        hint = f": write {text}pp" if found and not found[2] and value <= 100 else ""
        raise ValueError(f"{shown(text)} should be percentage points such as 1pp, or 0 to 1{hint}")
    return value


def parse_bytes(text: str | float) -> float:
    """'200KB', '1.5 MB', '64KiB' and 200000 in bytes. Raises ValueError for anything else."""
    try:
        value = float(_BYTES.validate_python(text)) if len(str(text)) <= _LONGEST else 0.0
    except ValidationError:
        value = 0.0
    if not value > 0:
        raise ValueError(f"{shown(text)} should be a size such as 200KB or 1.5MB")
    return value


def parse_time(text: str | float) -> float:
    """'0.5ms', '80 us' and '2s' in nanoseconds. Raises ValueError for what has no unit of time."""
    found = quantity(NUMBER + rf"({'|'.join(_NANOSECONDS)})", text)
    value = float(found[1]) * _NANOSECONDS[found[2].lower()] if found else 0.0
    if not value > 0:
        raise ValueError(f"{shown(text)} should be a time with its unit, such as 0.5ms or 80us")
    return value


def parse_age(text: str) -> timedelta:
    """'30d', '2w' and '12h'. Raises ValueError for anything else."""
    found = quantity(NUMBER + r"(h|d|w)", text)
    hours = float(found[1]) * _HOURS[found[2].lower()] if found else -1.0
    if not 0 <= hours < _LONGEST_HOURS:
        raise ValueError(f"{shown(text)} should be an age such as 30d, 2w or 12h")
    return timedelta(hours=hours)
