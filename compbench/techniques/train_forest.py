"""Trees that learn the targets: the control of those that learn from a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from compbench.contracts import (
    NullCase,
    Predictor,
    PredictorTechnique,
    SampleShare,
    Trainer,
    TrainingData,
)
from compbench.toolkit.forest.options import LIBRARIES, ForestOptions

if TYPE_CHECKING:
    from torch import nn


class Technique(SampleShare, ForestOptions, PredictorTechnique):
    """Grow decision trees on the targets, with scikit-learn.

    They see raw values (pixels of 0 to 255, say), and minimise squared errors: of classes against 1
    for a sample's own and 0 for others, so that a leaf has the shares of its samples' classes.
    Outputs are the logarithms of the shares that all trees tell together, of labels the logits, of
    numbers the numbers; shares below 1 % (with more than ten classes a tenth of a class's) count as
    that. Sources: Breiman, "Random Forests", Machine Learning 45, 2001; Geurts, Ernst, Wehenkel,
    "Extremely randomized trees", Machine Learning 63, 2006; Friedman, "Greedy Function
    Approximation: A Gradient Boosting Machine", Annals of Statistics 29, 2001.

    The file is a `TreeEnsembleRegressor`: ONNX Runtime has it on the CPU alone.
    """

    parents: ClassVar[tuple[int, int]] = (0, 0)
    family: ClassVar[str] = "trained"
    learner: ClassVar[str] = "forest"
    library: ClassVar[str] = "scikit-learn"
    libraries: ClassVar[tuple[str, ...]] = LIBRARIES
    null_case: ClassVar[NullCase] = NullCase(
        {"trees": 3},
        equals="distill_forest",
        like={"trees": 3, "soft_weight": 0.0, "hard_weight": 1.0},
    )

    def learn(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> Predictor:
        """The trees."""
        from compbench.toolkit.forest import means
        from compbench.toolkit.forest.predictor import predictor, refuse_inputs
        from compbench.training.share import rows

        refuse_inputs(data.signature)
        link = means.link(data.task, data.signature.outputs)
        here = rows(data, self)
        seen = data.train if here is None else data.train.part(here.numpy())
        wanted = data.task.numbers(seen.targets, data.signature.outputs), None
        return predictor(seen, wanted, self, link, data.signature, fit)
