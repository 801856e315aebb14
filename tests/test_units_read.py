from __future__ import annotations

from collections.abc import Callable

import pytest

from compbench import units


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (units.parse_share, "1pp", 0.01),
        (units.parse_share, "0.5 pp", 0.005),
        (units.parse_share, "2%", 0.02),
        (units.parse_share, "0.01", 0.01),
        (units.parse_share, 0.01, 0.01),
        (units.parse_share, 0, 0),
        (units.parse_share, "100pp", 1),
        (units.parse_share, 1e-5, 1e-5),
        (units.parse_bytes, "200KB", 200e3),
        (units.parse_bytes, "1.5 MB", 1.5e6),
        (units.parse_bytes, "64KiB", 65536),
        (units.parse_bytes, "1234", 1234),
        (units.parse_bytes, 1234, 1234),
        (units.parse_time, "0.5ms", 5e5),
        (units.parse_time, "80 us", 8e4),
        (units.parse_time, "80µs", 8e4),
        (units.parse_time, "2S", 2e9),
        (units.parse_time, "7ns", 7),
    ],
)
def test_quantities_are_read_as_people_write_them(
    read: Callable[[str | float], float], text: str | float, expected: float
) -> None:
    assert read(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (units.parse_share, "1", "1pp or 100pp"),
        (units.parse_share, 1.0, "1pp or 100pp"),
        (units.parse_share, "2", "write 2pp"),
        (units.parse_share, "1.5", "write 1.5pp"),
        (units.parse_share, "120pp", "0 to 1"),
        (units.parse_share, "-1pp", "0 to 1"),
        (units.parse_share, "little", "such as 1pp"),
        (units.parse_share, "", "such as 1pp"),
        (units.parse_bytes, "small", "such as 200KB"),
        (units.parse_bytes, "0", "such as 200KB"),
        (units.parse_bytes, -5, "such as 200KB"),
        (units.parse_bytes, "5 ms", "such as 200KB"),
        (units.parse_time, "5", "with its unit"),
        (units.parse_time, 5, "with its unit"),
        (units.parse_time, "0ms", "with its unit"),
        (units.parse_time, "5 KB", "with its unit"),
    ],
)
def test_what_is_no_quantity_is_refused_with_an_example(
    read: Callable[[str | float], float], text: str | float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read(text)
