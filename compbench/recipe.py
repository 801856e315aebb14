"""The training options shared by every technique that trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from compbench.contracts import Options


class Recipe(Options):
    """How `fit.py` trains: the fields are options of every technique that trains."""

    epochs: int = Field(default=10, ge=0, description="passes over the training split")
    batch_size: int = Field(default=128, ge=1, description="samples in one optimiser step")
    optimizer: Literal["adamw", "sgd"] = Field(
        default="adamw",
        description="AdamW (Loshchilov & Hutter 2019), or SGD with Nesterov momentum 0.9",
    )
    learning_rate: float = Field(
        default=2e-3, gt=0, description="peak learning rate of the schedule"
    )
    weight_decay: float = Field(
        default=1e-2, ge=0, description="decay of weights with two or more axes"
    )
    schedule: Literal["one_cycle", "cosine", "constant"] = Field(
        default="one_cycle", description="learning rate by step (one-cycle: Smith & Topin 2018)"
    )
    shift_pixels: int = Field(
        default=0,
        ge=0,
        le=8,
        description="augmentation: random shift of each image by up to this many pixels",
    )
