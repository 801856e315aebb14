"""Tokens that a net writes: drawn by its distributions, or the likeliest that a beam search finds.

Nets are asked through a `Reader`, so that what remembers its past and what reads all again serve
alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from torch import device as torch_device


class Reader(Protocol):
    """What reads texts, all of them equally long, and gives logits of the token after them."""

    def begin(self, tokens: Tensor) -> Tensor:
        """Tokens (N, P) -> logits (N, V) on the CPU."""
        ...

    def further(self, rows: Tensor, tokens: Tensor) -> Tensor:
        """Of the texts read so far those in `rows` (M,), a token (M,) longer each -> (M, V)."""
        ...


class WholeReader:
    """Reads all of a text again for each token, by what gives logits (N, V) after texts (N, T)."""

    def __init__(self, after: Callable[[Tensor], Tensor]):
        self._after = after

    def begin(self, tokens: Tensor) -> Tensor:
        """See `Reader`."""
        self._tokens = tokens
        return self._after(tokens)

    def further(self, rows: Tensor, tokens: Tensor) -> Tensor:
        """See `Reader`."""
        from torch import cat

        return self.begin(cat([self._tokens[rows], tokens[:, None]], 1))


@runtime_checkable
class ReadsOn(Protocol):
    """A net that goes on reading where it was, by what it kept of the text so far."""

    def read_on(
        self, tokens: Tensor, past: Sequence[Tensor] | None
    ) -> tuple[Tensor, Sequence[Tensor]]:
        """Further tokens (N, T) -> logits (N, T, V), and what it keeps of all: tensors (N, …)."""
        ...


class PastReader:
    """Reads each token once, by a net that `ReadsOn`."""

    def __init__(self, net: ReadsOn, device: torch_device):
        self._net, self._device = net, device

    def begin(self, tokens: Tensor) -> Tensor:
        """See `Reader`."""
        return self._read(tokens, None)

    def further(self, rows: Tensor, tokens: Tensor) -> Tensor:
        """See `Reader`."""
        from torch import arange, equal

        past, count = self._past, len(self._past[0])
        if not equal(rows, arange(count)):
            past = [kept.index_select(0, rows.to(kept.device)) for kept in past]
        return self._read(tokens[:, None], past)

    def _read(self, tokens: Tensor, past: Sequence[Tensor] | None) -> Tensor:
        from torch import no_grad

        with no_grad():
            logits, self._past = self._net.read_on(tokens.to(self._device), past)
        return logits[:, -1].cpu()


def drawn(
    reader: Reader, prompts: Tensor, length: int, temperature: float, generator: Generator
) -> Tensor:
    """Texts (N, length) that begin with prompts (N, P): ancestral sampling.

    Each token is drawn from softmax(logits / temperature) of what is before it.
    """
    from torch import arange, cat, multinomial

    tokens, rows, logits = prompts, arange(len(prompts)), reader.begin(prompts)
    while True:
        chances = (logits.double() / temperature).softmax(-1)
        new = multinomial(chances, 1, generator=generator)
        tokens = cat([tokens, new], 1)
        if tokens.shape[1] == length:
            return tokens
        logits = reader.further(rows, new[:, 0])


def likeliest(reader: Reader, prompts: Tensor, length: int, beams: int) -> Tensor:
    """Texts (N, length) that begin with prompts (N, P), each the likeliest that was found.

    Beam search: of all ways to go on from the `beams` likeliest texts so far, the `beams` likeliest
    are kept (one: greedy search). All texts are equally long, so no length is favoured.
    """
    from torch import arange, cat

    count = len(prompts)
    logs = reader.begin(prompts).double().log_softmax(-1)  # (N · K, V)
    tokens, sums = prompts, logs.new_zeros(count, 1)  # (N · K, T), (N, K)
    while True:
        kept, values = sums.shape[1], logs.shape[-1]
        ways = (sums[:, :, None] + logs.view(count, kept, values)).flatten(1)
        sums, places = ways.topk(min(beams, kept * values))
        rows = (arange(count)[:, None] * kept + places // values).flatten()
        new = (places % values).flatten()
        tokens = cat([tokens[rows], new[:, None]], 1)
        if tokens.shape[1] == length:
            return tokens.view(count, sums.shape[1], length)[:, 0]
        logs = reader.further(rows, new).double().log_softmax(-1)
