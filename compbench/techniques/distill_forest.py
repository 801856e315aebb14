"""Distillation into trees: a student that is no net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from compbench.contracts import (
    Listening,
    NullCase,
    Predictor,
    PredictorTechnique,
    SampleShare,
    Split,
    Trainer,
    TrainingData,
)
from compbench.toolkit.forest.options import LIBRARIES, ForestOptions

if TYPE_CHECKING:
    from torch import nn


class Technique(Listening, SampleShare, ForestOptions, PredictorTechnique):
    """Grow decision trees on what the parent says, and on the targets, with scikit-learn.

    loss = soft_weight · ‖softmax(z_parent / T) - p‖² + hard_weight · ‖label - p‖²

    where p is the mean that a leaf has, and all trees together; outputs are T · log p, whose
    softmax at T is p again. Of labels, softmax and logarithm are sigmoid and logit of each; numbers
    are learnt as they are, without a temperature. A tree is the best for both squared errors where
    it is the best for one against their mean, which it learns. `train_forest` is the control, with
    the same trees and without a parent.

    Sources: Bucilă, Caruana, Niculescu-Mizil, "Model Compression", KDD 2006, the other way round;
    Che, Purushotham, Khemani, Liu, "Distilling Knowledge from Deep Networks with Applications to
    Healthcare Domain", arXiv:1512.03542: boosted trees on a net's soft labels. Softened as by
    Hinton et al., arXiv:1503.02531.
    """

    parents: ClassVar[tuple[int, int]] = (1, 1)
    family: ClassVar[str] = "distilled"
    teaches: ClassVar[bool] = True
    learner: ClassVar[str] = "forest"
    library: ClassVar[str] = "scikit-learn"
    libraries: ClassVar[tuple[str, ...]] = LIBRARIES
    null_case: ClassVar[NullCase] = NullCase(
        {"trees": 3, "soft_weight": 0.0, "hard_weight": 1.0},
        equals="train_forest",
        like={"trees": 3},
    )

    temperature: float = Field(
        default=2.0, gt=0, description="T, which softens what the parent says; numbers have none"
    )

    def learn(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> Predictor:
        """The trees."""
        from compbench.toolkit.forest import means
        from compbench.toolkit.forest.predictor import predictor, refuse_inputs
        from compbench.training.share import rows

        refuse_inputs(data.signature)
        outputs = data.signature.outputs
        temperature = self.temperature if self.soft_weight else 1.0
        link = means.link(data.task, outputs, temperature)
        here = rows(data, self)
        places = np.arange(len(data.train)) if here is None else here.numpy()
        seen = data.train if here is None else data.train.part(places)
        wanted = data.task.numbers(seen.targets, outputs), None
        if self.soft_weight:
            said = self._said(parents[0], seen, fit)
            soft = means.softened(said, link.means, temperature)
            wanted = means.mixed(wanted[0], soft, self._known(data)[places], self)
        return predictor(seen, wanted, self, link, data.signature, fit)

    def _said(self, parent: nn.Module, seen: Split, fit: Trainer) -> NDArray[np.float32]:
        """What the parent gives (N, K), asked once."""
        from compbench.training.teacher import Teacher

        return fit.outputs(Teacher(parent, fit).module, seen).cpu().numpy()

    def _known(self, data: TrainingData) -> NDArray[np.bool_]:
        """Of which training samples the target is known (N,)."""
        from compbench.training.share import share

        known = np.full(len(data.train), self.label_share == 1)
        if self.label_share < 1:
            known[share(data, self.label_share)] = True
        return known
