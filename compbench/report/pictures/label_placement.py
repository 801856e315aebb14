"""Where names go in a picture: beside their marks, over nothing else; pure arithmetic in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

_GAPS = (5, 14, 30, 50, 75, 105, 140, 180)  # pixels between a mark and its name
_ANGLES = np.deg2rad([0, 180, 90, 270, 45, 135, 315, 225, 20, 160, 340, 200, 65, 115, 295, 245])
_OF_MARK, _OF_NAME, _OUTSIDE = 1.0, 8.0, 50.0  # what a covered pixel costs
_OF_DISTANCE = 8.0  # what a pixel of distance costs


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def centre(self) -> tuple[float, float]:
        """Its middle."""
        return (self.left + self.right) / 2, (self.bottom + self.top) / 2

    def gap(self, other: Box) -> float:
        """The distance between the nearest edges; 0 where they touch."""
        across = max(self.left - other.right, other.left - self.right, 0)
        up = max(self.bottom - other.top, other.bottom - self.top, 0)
        return hypot(across, up)


def around(x: float, y: float, width: float, height: float) -> Box:
    """The box of this size about a point."""
    return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def place(
    marks: Sequence[Box], sizes: Sequence[tuple[float, float]], inside: Box, others: Sequence[Box]
) -> list[Box]:
    """A box of each size beside its mark, in turn: where it covers least and is nearest.

    `others` are what names should not cover beside the marks themselves.
    """
    obstacles = _array([*marks, *others])
    weights = [_OF_MARK] * len(obstacles)
    found: list[Box] = []
    for mark, (width, height) in zip(marks, sizes, strict=True):
        candidates = [
            _beside(mark, float(angle), gap, width, height) for gap in _GAPS for angle in _ANGLES
        ]
        boxes = _array(candidates)
        distances = np.repeat(_GAPS, len(_ANGLES))
        covered = _overlaps(boxes, obstacles) @ np.array(weights)
        lost = width * height - _overlaps(boxes, _array([inside]))[:, 0]
        costs = covered + _OUTSIDE * lost + _OF_DISTANCE * distances
        best = int(np.argmin(np.round(costs, 6)))  # the first of equals, on every CPU
        found.append(candidates[best])
        obstacles = np.vstack([obstacles, boxes[best]])
        weights.append(_OF_NAME)
    return found


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Places in the same order, each `gap` from the next, as near to where they are wanted."""
    blocks: list[tuple[float, int]] = []  # the first place of some that touch, and how many
    order = np.argsort(wanted, kind="stable")
    for rank in order:
        first, count = float(wanted[rank]), 1
        while blocks and first < blocks[-1][0] + blocks[-1][1] * gap:
            before, more = blocks.pop()
            middle = (before + gap * (more - 1) / 2) * more
            middle += (first + gap * (count - 1) / 2) * count
            count += more
            first = middle / count - gap * (count - 1) / 2
        blocks.append((first, count))
    places = [first + i * gap for first, count in blocks for i in range(count)]
    found = [0.0] * len(places)
    for rank, place in zip(order, places, strict=True):
        found[rank] = place
    return found


def _beside(mark: Box, angle: float, gap: float, width: float, height: float) -> Box:
    """The box whose nearest edge lies `gap` from the mark in this direction."""
    x, y = mark.centre
    across, up = np.cos(angle), np.sin(angle)
    reach_x = (mark.right - mark.left + width) / 2 + gap
    reach_y = (mark.top - mark.bottom + height) / 2 + gap
    # on the outline of the rectangle of centres that just touch, not on a circle
    scale = min(
        reach_x / abs(across) if abs(across) > 1e-9 else np.inf,
        reach_y / abs(up) if abs(up) > 1e-9 else np.inf,
    )
    return around(x + scale * across, y + scale * up, width, height)


def _array(boxes: Sequence[Box]) -> NDArray[np.float64]:
    return np.array([(b.left, b.bottom, b.right, b.top) for b in boxes], float).reshape(-1, 4)


def _overlaps(boxes: NDArray[np.float64], obstacles: NDArray[np.float64]) -> NDArray[np.float64]:
    """The area that each box shares with each obstacle."""
    low = np.maximum(boxes[:, None, :2], obstacles[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], obstacles[None, :, 2:])
    return np.prod(np.maximum(high - low, 0), axis=2)
