"""Fashion-MNIST, through torchvision."""

from __future__ import annotations

from typing import ClassVar

from compbench.datasets import mnist


class Dataset(mnist.Dataset):
    """70,000 pictures of clothes in ten classes, 28×28, with a test split of 10,000.

    Source: H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST", arXiv:1708.07747, 2017.
    """

    name: ClassVar[str] = "FashionMNIST"
    class_names: ClassVar[tuple[str, ...]] = (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
