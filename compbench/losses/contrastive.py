"""What the teacher knows of a sample, told from what it knows of others."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from compbench.contracts import Compared, Glimpse, Net, TrainingData
from compbench.contracts.arguments import embedded
from compbench.toolkit.layer_pairs import LayerLoss, Pairs, embeddings


class Loss(LayerLoss):
    """A sample's embedding in the student is told to be of one sample with the teacher's, or not.

    Both layers are mapped to `width` numbers of norm 1, by maps that are learnt. Each net's
    embedding of a sample is set beside the other's of the same sample and of `negatives` others,
    which a memory of the training split keeps from when it last met them: noise-contrastive
    estimation, softened by `temperature`. Others of the same class are no negatives. Without
    `layers` they are those before the last; of images and sequences the mean over places is taken.
    Source: Tian et al., "Contrastive Representation Distillation", arXiv:1910.10699, section 3,
    whose weight is 0.8; here all samples of a batch share the negatives that are drawn, of which
    the paper has 16,384 for each.
    """

    least: ClassVar[float | None] = None
    uses_targets: ClassVar[bool] = True

    weight: float = Field(default=0.8, gt=0, description="what its value is multiplied with")
    width: int = Field(default=128, ge=1, description="numbers of an embedding")
    negatives: int = Field(default=4096, ge=1, description="samples that are drawn for each batch")
    temperature: float = Field(default=0.07, gt=0, description="divides the cosines")
    momentum: float = Field(
        default=0.5, ge=0, lt=1, description="what the memory keeps where a sample is met again"
    )

    def found(self, teacher: Net, student: Net) -> Pairs:
        """The layers before the last ones."""
        return embeddings(teacher, student)

    def begin(self, first: Glimpse, nets: tuple[Net, Net], data: TrainingData) -> Compared:
        """With a memory of the whole training split for each net. Of one pair of layers.

        Raises ValueError where there are more.
        """
        from compbench.toolkit.contrast import Contrast

        if len(first.layers) != 1:
            raise ValueError("it compares one pair of layers")
        teacher, student = (embedded(layer).shape[1] for layer in first.layers[0])
        labels = data.train.targets if data.task.has_classes else None
        contrast = Contrast((teacher, student), self.width, len(data.train), labels)
        contrast.negatives = self.negatives
        contrast.temperature, contrast.momentum = self.temperature, self.momentum
        return contrast
