from __future__ import annotations

from collections.abc import Callable

import pytest

from compbench import quantities


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (quantities.share, "1pp", 0.01),
        (quantities.share, "0.5 pp", 0.005),
        (quantities.share, "2%", 0.02),
        (quantities.share, "0.01", 0.01),
        (quantities.share, 0.01, 0.01),
        (quantities.share, 0, 0),
        (quantities.share, "1", 1),
        (quantities.share, 1e-5, 1e-5),
        (quantities.size_bytes, "200KB", 200e3),
        (quantities.size_bytes, "1.5 MB", 1.5e6),
        (quantities.size_bytes, "64KiB", 65536),
        (quantities.size_bytes, "1234", 1234),
        (quantities.size_bytes, 1234, 1234),
        (quantities.time_ns, "0.5ms", 5e5),
        (quantities.time_ns, "80 us", 8e4),
        (quantities.time_ns, "80µs", 8e4),
        (quantities.time_ns, "2S", 2e9),
        (quantities.time_ns, "7ns", 7),
    ],
)
def test_quantities_are_read_as_people_write_them(
    read: Callable[[str | float], float], text: str | float, expected: float
) -> None:
    assert read(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (quantities.share, "2", "write 2pp"),
        (quantities.share, "1.5", "write 1.5pp"),
        (quantities.share, "120pp", "0 to 1"),
        (quantities.share, "-1pp", "0 to 1"),
        (quantities.share, "little", "such as 1pp"),
        (quantities.share, "", "such as 1pp"),
        (quantities.size_bytes, "small", "such as 200KB"),
        (quantities.size_bytes, "0", "such as 200KB"),
        (quantities.size_bytes, -5, "such as 200KB"),
        (quantities.size_bytes, "5 ms", "such as 200KB"),
        (quantities.time_ns, "5", "with its unit"),
        (quantities.time_ns, 5, "with its unit"),
        (quantities.time_ns, "0ms", "with its unit"),
        (quantities.time_ns, "5 KB", "with its unit"),
    ],
)
def test_what_is_no_quantity_is_refused_with_an_example(
    read: Callable[[str | float], float], text: str | float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        read(text)
