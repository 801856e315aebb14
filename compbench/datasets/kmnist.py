"""Kuzushiji-MNIST, through torchvision."""

from __future__ import annotations

from typing import ClassVar

from compbench.datasets import mnist


class Dataset(mnist.Dataset):
    """70,000 handwritten Japanese characters in ten classes, 28×28, with a test split of 10,000.

    Source: T. Clanuwat et al., "Deep Learning for Classical Japanese Literature",
    arXiv:1812.01718, 2018.
    """

    name: ClassVar[str] = "KMNIST"
    class_names: ClassVar[tuple[str, ...]] = (
        *("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    )
