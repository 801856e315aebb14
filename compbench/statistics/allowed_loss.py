"""How much of the metric a run allows to be lost, by its [pick]; pure."""

from __future__ import annotations

from compbench.headline import Headline, Loss
from compbench.results.record import Run


def allowed_loss(run: Run) -> Loss:
    """[pick]'s `max_drop`."""
    recorded = run.pick.get("max_drop")
    if recorded is None and run.headline.is_share:
        return Loss(0.0)  # what runs without one always meant
    return _read(run.headline, recorded)


def front_margin(run: Run) -> Loss:
    """[pick]'s `margin`: by how much less good is no worse; without it half of `max_drop`."""
    margin = run.pick.get("margin")
    if margin is not None:
        return _read(run.headline, margin)
    allowed = allowed_loss(run)
    return Loss(allowed.most / 2, allowed.is_relative)


def _read(headline: Headline, recorded: float | str | None) -> Loss:
    """Numbers are in the metric's unit; they were checked when they were written."""
    return Loss(recorded) if isinstance(recorded, int | float) else headline.loss(recorded)
