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
@pytest.mark.parametrize("net", ["group-norm", "lstm", "depthwise"])
def test_the_page_says_what_is_so(net: str) -> None:
    assert nets_table.tried(net) == nets_table.read()[net]


LARGE = ("torchvision:resnet18", "torchvision:mobilenet_v3_small")  # all take half an hour
OF_LARGE = ("prune_channels", "quantize_static")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "technique"),
    [
        (net, technique)
        for net in nets_table.IMAGE_NETS
        for technique in (OF_LARGE if net in LARGE else nets_table.tried_techniques())
    ],
)
def test_the_page_says_what_is_so_of_nets_that_people_have(net: str, technique: str) -> None:
    """A technique at a time: all of them take minutes on the larger ones."""
    found, kept = nets_table.tried(net, [technique]), nets_table.read()[net]
    assert found.cells == {technique: kept.cells[technique]}
    assert found.reasons == {k: v for k, v in kept.reasons.items() if k in (technique, "itself")}
