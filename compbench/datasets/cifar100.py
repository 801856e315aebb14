"""CIFAR-100, through torchvision."""

from __future__ import annotations

from typing import ClassVar

from compbench.datasets import cifar10


class Dataset(cifar10.Dataset):
    """60,000 photographs in a hundred classes, 32×32, with a test split of 10,000.

    Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    """

    classes: ClassVar[int] = 100
    name: ClassVar[str] = "CIFAR100"
    folder: ClassVar[str] = "cifar-100-python"
    files: ClassVar[tuple[str, ...]] = ("train", "test", "meta")
