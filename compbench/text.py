"""Numbers as people read them: units, intervals, percentage points."""

from __future__ import annotations

from math import floor, isfinite, log10

from compbench.intervals import Interval

NOTHING = "–"


def bytes_text(size: float | None) -> str:
    """Decimal units: 812 B, 105 KB, 1.69 MB."""
    if size is None:
        return NOTHING
    rounded = _rounded(size)
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if rounded >= scale:
            return f"{three_digits(rounded / scale)} {unit}"
    return f"{size:.0f} B"


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


def percent(interval: Interval | None) -> str:
    """99.31 % (99.13–99.46)."""
    if interval is None:
        return NOTHING
    value, low, high = (100 * x for x in interval)
    return f"{value:.2f} % ({low:.2f}–{high:.2f})"


def share(value: float | None, decimals: int = 1) -> str:
    """12.3 %."""
    return NOTHING if value is None else f"{100 * value:.{decimals}f} %"


def points(interval: Interval | None) -> str:
    """−0.40 pp (−0.71…−0.09): percentage points."""
    if interval is None:
        return NOTHING
    value, low, high = (signed(100 * x) for x in interval)
    return f"{value} pp ({low}…{high})"


def times(interval: Interval | None) -> str:
    """4.12× (4.02–4.22)."""
    if interval is None:
        return NOTHING
    value, low, high = map(three_digits, interval)
    return f"{value}× ({low}–{high})"


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
    """0.032, <0.001."""
    if p is None:
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _rounded(value: float) -> float:
    """To three significant digits, so that 999.9 is in the next unit."""
    return float(f"{value:.3g}")
