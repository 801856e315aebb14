"""The page of nets × techniques has a line for each net, and a reason for each refusal."""

from __future__ import annotations

import pytest

from tests.nets_of_all_kinds import NETS
from tests.techniques import nets_table


def test_each_net_has_a_line_and_each_refusal_a_reason() -> None:
    rows = nets_table.read()
    grouped = [net for nets in nets_table.groups().values() for net in nets]
    assert [*rows] == grouped
    assert sorted(grouped[len(nets_table.IMAGE_NETS) :]) == sorted(NETS)
    assert not nets_table.failing(rows)
    for net, row in rows.items():
        assert {*row.cells} <= {*nets_table.tried_techniques()}
        refused = {technique for technique, cell in row.cells.items() if cell != "works"}
        itself = nets_table.ITSELF in row.reasons
        assert refused == ({*row.cells} if itself else {*row.reasons}), net


def test_a_net_was_tried_with_every_technique() -> None:
    for net, row in nets_table.read().items():
        assert [*row.cells] == [*nets_table.tried_techniques()], net


def test_what_is_written_is_what_was_read() -> None:
    text = nets_table.PAGE.read_text(encoding="utf-8")
    assert "\n".join(nets_table.lines(nets_table.read())) in text


@pytest.mark.slow
@pytest.mark.parametrize("net", ["group-norm", "lstm"])
def test_the_page_says_what_is_so(net: str) -> None:
    (heading,) = (h for h, nets in nets_table.groups().items() if net in nets)
    assert nets_table.tried(heading, net) == nets_table.read()[net]
