"""Knowledge distillation; a distill of a distill is teacher-assistant distillation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat, model_validator

from compbench.contracts import (
    LossOption,
    NullCase,
    StudentOption,
    Teaching,
    TorchTechnique,
    Trainer,
    TrainingData,
    describe_loss,
)
from compbench.errors import JobFailed
from compbench.training.losses import taught

if TYPE_CHECKING:
    from torch import nn

    from compbench.training.teacher import Teacher, Teachers

_STUDENT = {"model": "mlp", "epochs": 1}


class Technique(Teaching, TorchTechnique):
    """Train a new `model` on the parent's outputs and on the targets.

    loss = soft_weight · T² · KL(softmax(z_parent / T) ‖ softmax(z / T))
         + hard_weight · CE(z, label)

    These are the losses of classes and of tokens; of several labels they are those of each, yes or
    no; of numbers both are squared errors, which have no temperature. T² keeps the size of the soft
    gradients independent of the temperature T. Source: Hinton, Vinyals, Dean, "Distilling the
    Knowledge in a Neural Network", arXiv:1503.02531, section 2. With a distilled parent: Mirzadeh
    et al., "Improved Knowledge Distillation via Teacher Assistant", arXiv:1902.03393.

    With `losses` the first term is their sum, each by its own weight: `compbench list losses` has
    them. Those that compare layers read what these give in both nets, and change neither.

    With several parents the student learns what they give together. Sources: means, You et al.,
    "Learning from Multiple Teacher Networks", KDD 2017 (of probabilities; here of outputs, such as
    logits); by confidence, after Kwon et al., "Adaptive Knowledge Distillation Based on Entropy",
    ICASSP 2020; one at random, Fukuda et al., "Efficient Knowledge Distillation from an Ensemble of
    Teachers", Interspeech 2017; specialists, Hinton et al., section 5.
    """

    parents: ClassVar[tuple[int, int]] = (1, 16)
    family: ClassVar[str] = "distilled"
    teaches: ClassVar[bool] = True
    rehearses: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase(
        {**_STUDENT, "soft_weight": 0.0, "hard_weight": 1.0}, equals="train", like=_STUDENT
    )

    model: StudentOption = Field(..., description="the student")

    losses: tuple[LossOption, ...] | None = Field(
        default=None,
        min_length=1,
        description="what is learnt from the teacher, in place of `soft_weight` and `temperature`: "
        'names, or tables such as { name = "attention", weight = 1000 }',
    )

    combine: Literal["mean", "confidence", "random"] = Field(
        default="mean",
        description="what several parents give together, sample by sample: the mean of their "
        "outputs, by `teacher_weights`; the mean by weights that are divided by the perplexity of "
        "what each says (of classes and tokens); or of each batch the outputs of one, drawn by the "
        "weights",
    )
    teacher_weights: tuple[PositiveFloat, ...] | None = Field(
        default=None, description="a weight for each parent, in their order; without it all alike"
    )

    teacher_classes: tuple[tuple[str | int, ...], ...] | None = Field(
        default=None,
        min_length=1,
        description="of several parents, the classes that each knows, by name or number, in their "
        "order; [] are all. What they say together is then the distribution nearest to all, "
        "each compared on its own classes",
    )

    @model_validator(mode="after")
    def _one_way_to_say_it(self) -> Technique:
        for name in ("soft_weight", "temperature") if self.losses else ():
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f'{name} beside losses: say it there, {{ name = "soft", … }}')
        for loss in self.losses or ():
            if loss.uses_targets and self.label_share < 1:
                name = describe_loss(loss)["name"]
                raise ValueError(f"label_share hides targets, which the loss '{name}' needs")
        return self

    def problem(self, parent_count: int) -> str | None:
        """Also where options are not one a parent, or there is nothing to combine."""
        for name in ("teacher_weights", "teacher_classes"):
            given = getattr(self, name)
            if given is not None and len(given) != parent_count:
                return f"has {len(given)} {name} for {parent_count} parents: give one for each"
        if self.teacher_classes is not None and self.combine != "mean":
            return f'has combine = "{self.combine}" beside teacher_classes: keep one'
        if self.teacher_classes is not None and parent_count == 1:
            return "has teacher_classes for one parent: name several, parents = [...]"
        if parent_count == 1 and self.combine != "mean":
            return f'has combine = "{self.combine}" for one parent: name several, parents = [...]'
        return super().problem(parent_count)

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The trained student."""
        student = self.model.build(data.signature)
        if self.losses is None:
            asked = partial(self._asked, parents, data, fit)
            return fit(student, self, taught(asked, self, data, fit))
        from compbench.training.distillation import learning

        teacher = self._asked(parents, data, fit)
        with learning(teacher, student, self.losses, self, data, fit) as loss:
            return fit(student, self, loss)

    def _asked(
        self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer
    ) -> Teacher | Teachers:
        """The one teacher, or all as one."""
        from compbench.training import specialists
        from compbench.training.teacher import Teacher, Teachers

        teachers = [Teacher(parent, fit) for parent in parents]
        if len(teachers) == 1:
            return teachers[0]
        if self.combine == "confidence" and not data.task.has_distribution:
            raise JobFailed('combine = "confidence" is for classes and tokens: say "mean"')
        weights = self.teacher_weights or (1.0,) * len(teachers)
        knows = None
        if self.teacher_classes is not None:
            knows = specialists.known(data, self.teacher_classes, "teacher_classes")
        return Teachers(teachers, weights, self.combine, knows)
