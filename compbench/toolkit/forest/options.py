"""The options of techniques that grow decision trees."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from compbench.contracts import Options

LIBRARIES = ("scikit-learn", "scipy", "numpy", "onnx")  # that grow trees and write their files
_FOREST_DEPTH, _BOOSTING_DEPTH = 12, 5
_LEARNING_RATE = 0.1


class ForestOptions(Options):
    """Which trees are grown, how many, and how far."""

    kind: Literal["random_forest", "extra_trees", "gradient_boosting"] = Field(
        default="random_forest",
        description="random_forest: the mean of trees on samples drawn with replacement (Breiman "
        "2001). extra_trees: the mean of trees on all samples, at thresholds drawn at random "
        "(Geurts et al. 2006). gradient_boosting: for each output a sum of trees, each on what "
        "those before it leave (Friedman 2001), on features in 255 bins",
    )
    trees: int = Field(
        default=100, ge=1, le=10_000, description="how many; of boosting for each output"
    )
    depth: int | None = Field(
        default=None,
        ge=1,
        le=32,
        description=f"most questions from a tree's root to a leaf; without a value "
        f"{_FOREST_DEPTH}, of boosting {_BOOSTING_DEPTH}",
    )
    min_samples_leaf: int = Field(
        default=5, ge=1, description="fewest samples of the training split in a leaf"
    )
    feature_share: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="the part of all features that each question is chosen from, drawn anew; "
        "without a value the root of their number, a third where numbers are told, all of boosting",
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="of boosting: the part of each tree's answer that is added; without a value "
        f"{_LEARNING_RATE:g}",
    )

    @model_validator(mode="after")
    def _fits_the_kind(self) -> ForestOptions:
        if self.learning_rate is not None and not self.is_boosting:
            raise ValueError(
                f'learning_rate is of kind = "gradient_boosting": the trees of "{self.kind}" do '
                "not follow each other"
            )
        return self

    @property
    def is_boosting(self) -> bool:
        """Whether trees follow each other, and each gives one output."""
        return self.kind == "gradient_boosting"

    @property
    def most_depth(self) -> int:
        """The depth, by kind where none is given."""
        return self.depth or (_BOOSTING_DEPTH if self.is_boosting else _FOREST_DEPTH)

    @property
    def step(self) -> float:
        """Boosting's learning rate."""
        return self.learning_rate or _LEARNING_RATE
