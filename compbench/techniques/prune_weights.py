"""Unstructured pruning: single weights become zero."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from compbench.contracts import FineTuning, NullCase, TorchTechnique, Trainer, TrainingData
from compbench.toolkit import layers, masks
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.contracts import Loss

_UPDATES = 100  # of the masks while they grow, as Zhu & Gupta update them every 100 to 1000 steps
_OF_A_RATIO = ("ratio", "scope", "method", "steps", "least_kept")
_RAMP = 0.7  # share of gradual pruning's steps in which the zeros grow; the rest heals


class Technique(FineTuning, TorchTechnique):
    """Set the weights of smallest magnitude to zero and fine-tune the others.

    `one_shot`: all at once. `iterative` (Han et al. 2015, arXiv:1506.02626): in `steps` rounds,
    each fine-tuned, of which round k leaves (1 - ratio)^(k / steps) of the weights. `gradual` (Zhu
    & Gupta 2017, arXiv:1710.01878): while fine-tuning, the share of zeros after the share t of the
    growing phase is s(t) = ratio · (1 - (1 - t)³); that phase is the first 70 % of the steps, and
    the zeros grow in 100 updates; without epochs it is `one_shot`. A `pattern` "2:4" keeps the 2
    largest of each 4 neighbouring inputs (arXiv:2104.08378); a layer whose inputs are no multiple
    of 4 is left. Weights are those of linear, bilinear, convolutional, recurrent and attention
    layers; where layers share one it is pruned once, and what is left is said by name. The zeros
    are exact, and stay so in techniques that follow. They make the file compressible, not smaller,
    and ONNX Runtime's kernels no faster.
    """

    family: ClassVar[str] = "pruned"
    leaves: ClassVar[str] = "zeros"
    undoes: ClassVar[tuple[str, ...]] = ("shared weights",)
    null_case: ClassVar[NullCase] = NullCase({"ratio": 0.0, "epochs": 0})

    ratio: float = Field(
        default=0.9, ge=0, lt=1, description="share of the weights to remove (0 to 1)"
    )
    pattern: str | None = Field(
        default=None,
        description='N:M, such as "2:4": N of M neighbouring inputs stay, all at once; then there '
        "is no ratio, scope, method, steps or least_kept",
    )
    scope: Literal["layer", "global"] = Field(
        default="global",
        description="the ratio is that of each layer, or of all taken together, which spares small "
        "layers: on MNIST the net cnn lost 0.4 pp at 90 % of each layer, 0.0 pp at 90 % of all",
    )
    method: Literal["one_shot", "iterative", "gradual"] = Field(
        default="gradual", description="all at once, in rounds, or while fine-tuning"
    )
    steps: int = Field(
        default=3, ge=1, description="rounds of `iterative`, each of `epochs` epochs"
    )
    least_kept: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="of each layer stays at least this share of what the ratio leaves of all: with "
        "0.1 and a ratio of 0.9 that is 1 % of it, the largest. 0: none, 1: as scope = 'layer'",
    )
    keep: tuple[str, ...] = Field(
        default=(), description="layers to leave as they are, or blocks of them"
    )
    embeddings: bool = Field(
        default=False,
        description="prune embeddings too: their rows are looked up, nothing is multiplied with "
        "them, and their magnitudes are of another scale",
    )

    @field_validator("pattern")
    @classmethod
    def _is_a_pattern(cls, value: str | None) -> str | None:
        found = re.fullmatch(r"([1-9]\d*):([1-9]\d*)", value or "1:2")
        if not found or int(found[1]) >= int(found[2]):
            raise ValueError(f"{value!r} is no pattern N:M with N < M, such as '2:4'")
        return value

    @model_validator(mode="after")
    def _one_measure(self) -> Technique:
        given = [name for name in _OF_A_RATIO if name in self.model_fields_set]
        if self.pattern and given:
            raise ValueError(f"a pattern says which weights go, at once: remove {', '.join(given)}")
        if "steps" in given and self.method != "iterative":
            raise ValueError(
                f"steps are the rounds of method = 'iterative', not of '{self.method}': remove it"
            )
        return self

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The sparse module, fine-tuned; what it takes and gives is the parent's."""
        model = copy.deepcopy(parents[0])
        weights = self._weights(model)
        pattern = {}
        others = layers.unprunable(model, layers.prunable(model, embeddings=self.embeddings))
        if self.pattern:
            kept, of = map(int, self.pattern.split(":"))
            pattern, refused = masks.pattern(model, weights, kept, of)
            others |= refused
        could = len(pattern if self.pattern else weights)
        layers.say_what_was_left(fit, "pruned", could, others | self._kept(model, not could))
        loss = taught(parents[0], self, data, fit)
        if self.pattern:
            masks.apply(weights, pattern)
            fit(model, self, loss, masks.keeping_zeros(model))
        elif self.method == "gradual" and self.epochs:
            fit(model, self, loss, self._growing(model))
        else:
            self._in_rounds(model, loss, fit)
        zeros, whole = masks.count(model)
        if zeros == masks.count(parents[0])[0]:
            fit.note(
                f"nothing was pruned: {zeros:,} of {whole:,} weights are zero, as in its parent"
            )
        return model

    def _in_rounds(self, model: nn.Module, loss: Loss | None, fit: Trainer) -> None:
        rounds = self.steps if self.method == "iterative" else 1
        for step in range(1, rounds + 1):
            self._prune(model, 1 - (1 - self.ratio) ** (step / rounds))
            fit(model, self, loss, masks.keeping_zeros(model))

    def _weights(self, model: nn.Module) -> dict[str, nn.Parameter]:
        return layers.prunable(model, self.keep, self.embeddings)

    def _kept(self, model: nn.Module, all_of_them: bool) -> dict[str, str]:
        """What `keep` names, where it is worth saying: nothing else could be pruned."""
        return dict.fromkeys(self.keep, "keep") if all_of_them else {}

    def _prune(self, model: nn.Module, ratio: float) -> None:
        weights = self._weights(model)
        masks.apply(weights, masks.smallest(weights, ratio, self.scope, self.least_kept))

    def _growing(self, model: nn.Module) -> _Growing:
        return _Growing(model, partial(self._prune, model), self.ratio)


class _Growing:
    """Zhu & Gupta's schedule: the masks grow in steps, and are kept in between."""

    def __init__(self, model: nn.Module, prune: Callable[[float], None], ratio: float):
        self.model, self.prune, self.ratio = model, prune, ratio
        self.updates, self.keep = 0, masks.keeping_zeros(model)

    def __call__(self, share_done: float) -> bool:
        """After a step: whether all zeros are there."""
        self.keep(share_done)
        due = min(int(_UPDATES * share_done / _RAMP), _UPDATES)
        if due > self.updates:
            self.updates = due
            self.prune(self.ratio * (1 - (1 - due / _UPDATES) ** 3))
            self.keep = masks.keeping_zeros(self.model)
        return due == _UPDATES

    def state_dict(self) -> dict[str, Tensor]:
        """How often the masks have grown, and the masks."""
        from torch import tensor

        grown = tensor(self.updates)
        return {"updates": grown} | {f"mask {n}": m for n, m in self.keep.state_dict().items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from there."""
        found = {n.removeprefix("mask "): m for n, m in state.items() if n != "updates"}
        self.keep.load_state_dict(found)
        self.updates = int(state["updates"])
