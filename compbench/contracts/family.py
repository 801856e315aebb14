"""A family of nets: the base of the class `Model` in every file of `models/`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from compbench.contracts.inputs import Signature
from compbench.contracts.options import Options

if TYPE_CHECKING:
    from torch import nn


class ModelFamily(Options, ABC):
    """Base of the class `Model` in every file of `models/`.

    A family that `takes_names` is a door to the nets of a library: it has an option `net`, and
    "torchvision:resnet18" is `{ name = "torchvision", net = "resnet18" }`. `extra` is the extra of
    compbench that installs its libraries.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str] = ""
    takes_names: ClassVar[bool] = False

    @abstractmethod
    def build(self, signature: Signature) -> nn.Module:
        """A new module with torch's current random state, that takes the inputs that it names.

        Its `forward`'s parameters are called as the inputs are (`Signature.taken_by`), a batch
        each; it gives (N, …, outputs): logits of classes, say. Raises ValueError where it can't
        take these inputs.
        """
