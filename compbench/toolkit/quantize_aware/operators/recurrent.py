"""Recurrent layers, one step after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State, Tensor, Tensor, Tensor, Tensor], State]


def _run(step: Step, states: int, plain: int, x: Tensor, w: Tensor, r: Tensor, **given: Any) -> Any:
    """All directions of a layer: x (L, N, I) -> (L, D, N, H), and the last states (D, N, H)."""
    size, batch = r.shape[2], x.shape[1]
    bias = given["bias"]
    every, ends = [], []
    backward = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
    for place, is_backward in enumerate(backward[given["direction"]]):
        both = bias[place] if bias is not None else x.new_zeros(2 * plain * size)
        state = tuple(
            first[place] if first is not None else x.new_zeros(batch, size)
            for first in given["first"][:states]
        )
        found = []
        for one in x.flip(0) if is_backward else x:
            state = step(one, state, w[place], r[place], *both.chunk(2))
            found.append(state[0])
        every.append(torch.stack(found[::-1] if is_backward else found))
        ends.append(state)
    return (torch.stack(every, 1), *(torch.stack(parts) for parts in zip(*ends, strict=True)))


def _lstm_step(x: Tensor, state: State, w: Tensor, r: Tensor, wb: Tensor, rb: Tensor) -> State:
    hidden, cell = state
    gates = functional.linear(x, w, wb) + functional.linear(hidden, r, rb)
    taken, given, kept, new = gates.chunk(4, -1)
    cell = kept.sigmoid() * cell + taken.sigmoid() * new.tanh()
    return given.sigmoid() * cell.tanh(), cell


def _gru_step(x: Tensor, state: State, w: Tensor, r: Tensor, wb: Tensor, rb: Tensor) -> State:
    (hidden,) = state
    from_x, from_h = functional.linear(x, w, wb), functional.linear(hidden, r, rb)
    (zx, rx, hx), (zh, rh, hh) = from_x.chunk(3, -1), from_h.chunk(3, -1)
    update = (zx + zh).sigmoid()
    new = (hx + (rx + rh).sigmoid() * hh).tanh()
    return ((1 - update) * new + update * hidden,)


def _rnn_step(x: Tensor, state: State, w: Tensor, r: Tensor, wb: Tensor, rb: Tensor) -> State:
    return ((functional.linear(x, w, wb) + functional.linear(state[0], r, rb)).tanh(),)


def _layer(step: Step, states: int, plain: int) -> Callable[..., Any]:
    """Raises NotImplementedError, when it runs, for what exporters of torch don't write."""

    def layer(
        x: Tensor,
        w: Tensor,
        r: Tensor,
        bias: Tensor | None = None,
        lengths: Any = None,
        *first: Tensor | None,
        hidden_size: int = 0,
        direction: str = "forward",
        linear_before_reset: int = 0,
        **others: Any,
    ) -> Any:
        odd = [name for name, value in others.items() if value]  # zeros are the defaults
        odd += ["linear_before_reset"] * (plain == 3 and not linear_before_reset)
        odd += ["peepholes"] * any(one is not None for one in first[states:])
        odd += ["sequence_lens"] * (lengths is not None)
        if odd:
            raise NotImplementedError(", ".join(odd))
        start = (*first[:states], *[None] * (states - len(first[:states])))
        return _run(
            step,
            states,
            plain,
            x,
            w,
            r,
            bias=bias,
            first=start,
            direction=direction,
        )

    return layer


KNOWN: dict[str, Callable[..., Any]] = {
    "GRU": _layer(_gru_step, 1, 3),
    "LSTM": _layer(_lstm_step, 2, 4),
    "RNN": _layer(_rnn_step, 1, 1),
}
