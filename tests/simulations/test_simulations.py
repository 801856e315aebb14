"""Every promise is kept in simulation, and the page has a line of each."""

from __future__ import annotations

import pytest

from tests.simulations.rate import PAGE, Rate, in_page, simulated, written

FEW = 40


@pytest.mark.parametrize("name", simulated())
def test_every_promise_is_kept(name):
    rates = simulated()[name](FEW)
    assert rates
    assert [rate.line() for rate in rates if rate.is_broken()] == []


@pytest.mark.parametrize("name", simulated())
def test_the_page_has_each_simulation(name):
    page = in_page(PAGE.read_text("utf-8"))
    for rate in simulated()[name](2):
        assert f"| {rate.verdict} | {rate.condition} |" in page


def test_a_rate_is_broken_only_beyond_chance():
    assert not Rate("", "", 4, 40, 0.05).is_broken()
    assert Rate("", "", 20, 40, 0.05).is_broken()
    assert Rate("", "", 20, 40, 0.95, at_least=True).is_broken()
    assert not Rate("", "", 40, 40, 0.95, at_least=True).is_broken()


def test_a_page_written_twice_is_the_same():
    page = PAGE.read_text("utf-8")
    rates = [Rate("said", "where", 1, 10, 0.2)]
    assert written(written(page, rates), rates) == written(page, rates)
    assert in_page(written(page, rates)).count("\n") == 3
