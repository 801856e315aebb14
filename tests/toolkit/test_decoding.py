"""What a net writes: by the law that it says, the likeliest there is, by any reader the same."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Generator, Tensor

from compbench.models import gpt
from compbench.toolkit.decoding import PastReader, ReadsOn, WholeReader, drawn, likeliest
from tests import texts


def of_chain(chances: np.ndarray) -> WholeReader:
    """A net that tells the next token by the last one alone."""
    logs = torch.from_numpy(chances).log().float()
    return WholeReader(lambda tokens: logs[tokens[:, -1]])


def of_pairs(values: int, seed: int) -> WholeReader:
    """One that looks at the last two tokens, with chances far from each other."""
    logits = 3 * torch.randn(values, values, values, generator=Generator().manual_seed(seed))
    return WholeReader(lambda tokens: logits[tokens[:, -2], tokens[:, -1]])


def transitions(found: Tensor, values: int) -> np.ndarray:
    counts = np.zeros((values, values))
    np.add.at(counts, (found[:, :-1].flatten().numpy(), found[:, 1:].flatten().numpy()), 1)
    return counts


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_what_is_drawn_follows_the_law_of_the_net(temperature: float) -> None:
    """Chances to the power of 1 / T: p of chi-square tests of next tokens are uniform."""
    values, chances = 5, texts.chain(5)
    softened = chances ** (1 / temperature)
    softened /= softened.sum(1, keepdims=True)
    prompts, p, plain = torch.arange(1000)[:, None] % values, [], []
    for seed in range(20):
        generator = Generator().manual_seed(seed)
        found = drawn(of_chain(chances), prompts, 11, temperature, generator)
        assert torch.equal(found[:, :1], prompts)
        counts = transitions(found, values)
        p += chi_squares(counts, softened)
        plain += chi_squares(counts, chances)
    assert stats.kstest(p, "uniform").pvalue > 0.01
    if temperature != 1:  # it is told apart from the law at T = 1
        assert max(plain) < 1e-6


def chi_squares(counts: np.ndarray, law: np.ndarray) -> list[float]:
    return [
        float(stats.chisquare(one, chances * one.sum()).pvalue)
        for one, chances in zip(counts, law, strict=True)
    ]


def test_the_last_token_is_drawn_as_often_as_the_net_says() -> None:
    """And what it says is impossible is never drawn."""
    chances = np.array([[0.0, 0.7, 0.3, 0.0]] * 4)
    with np.errstate(divide="ignore"):
        found = drawn(of_chain(chances), torch.zeros(3000, 1).long(), 2, 1.0, Generator())
    counts = np.bincount(found[:, 1].numpy(), minlength=4)
    assert counts[0] == counts[3] == 0
    assert stats.binomtest(int(counts[1]), 3000, 0.7).pvalue > 0.001


def test_greedy_search_of_a_sure_net_gives_its_one_text() -> None:
    after = torch.tensor([2, 3, 4, 1, 0])
    logits = 50 * torch.nn.functional.one_hot(after, 5).float()
    prompts = torch.tensor([[1, 0], [0, 1]])
    reader = WholeReader(lambda tokens: logits[tokens[:, -1]])
    found = likeliest(reader, prompts, 6, 1)
    assert found.tolist() == [[1, 0, 2, 4, 0, 2], [0, 1, 3, 1, 3, 1]]
    again = drawn(reader, prompts, 6, 1.0, Generator().manual_seed(0))
    assert torch.equal(found, again)


@given(seed=st.integers(0, 10_000), further=st.integers(1, 4))
def test_beams_enough_find_the_likeliest_of_all(seed: int, further: int) -> None:
    """Against all ways to go on, of two tokens: before the last of four there are eight."""
    reader, prompt = of_pairs(2, seed), torch.tensor([[0, 1], [1, 1]])
    found = likeliest(reader, prompt, 2 + further, 8)
    for begun, text in zip(prompt, found, strict=True):
        ways = [torch.tensor([*begun, *way]) for way in product(range(2), repeat=further)]
        best = max(ways, key=lambda way: chance(reader, way))
        assert torch.equal(text, best)


@given(seed=st.integers(0, 10_000), beams=st.integers(1, 8))
def test_beams_are_those_of_a_search_written_plainly(seed: int, beams: int) -> None:
    reader, prompt, values = of_pairs(4, seed), torch.tensor([[3, 1]]), 4
    kept = [(0.0, [3, 1])]
    for _ in range(5):
        ways = [
            (chance(reader, torch.tensor([*text, new])), [*text, new])
            for _, text in kept
            for new in range(values)
        ]
        kept = sorted(ways, key=lambda way: -way[0])[:beams]
    assert likeliest(reader, prompt, 7, beams)[0].tolist() == kept[0][1]


def chance(reader: WholeReader, text: Tensor) -> float:
    """The logarithm of a whole text's chance, after its first two tokens."""
    return sum(
        float(reader.begin(text[None, :place]).double().log_softmax(-1)[0, text[place]])
        for place in range(2, len(text))
    )


def test_a_net_that_reads_on_writes_what_it_writes_by_reading_all_again() -> None:
    torch.manual_seed(0)
    net = gpt.Model(width=16, heads=2, layers=2).build(texts.data(6, 12).signature).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(3)  # surer than at the beginning
    assert isinstance(net, ReadsOn)

    def after(tokens: Tensor) -> Tensor:
        with torch.no_grad():
            return net(tokens)[:, -1]

    prompts = torch.randint(0, 6, (20, 3), generator=Generator().manual_seed(1))
    readers = PastReader(net, torch.device("cpu")), WholeReader(after)
    for beams in (1, 3):
        one, other = (likeliest(reader, prompts, 12, beams) for reader in readers)
        assert torch.equal(one, other)
    one, other = (drawn(reader, prompts, 12, 1.0, Generator().manual_seed(2)) for reader in readers)
    assert torch.equal(one, other)
    with torch.no_grad():
        whole, (pieces, past) = net(one), net.read_on(one[:, :5], None)
        rest, _ = net.read_on(one[:, 5:], past)
    torch.testing.assert_close(torch.cat([pieces, rest], 1), whole, rtol=1e-5, atol=1e-5)
