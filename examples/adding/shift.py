"""Images in a mirror."""

from __future__ import annotations

from compbench.contracts import ImageShift


class Shift(ImageShift):
    """Columns from the left come to be those from the right: a fifth of them by severity.

    Text becomes unreadable so, a photograph hardly changes. Nothing published.
    """

    def images(self, images, known, severity, random):
        """At severity 5 it is a mirror, at 0 there is nothing to swap."""
        count = round(images.shape[3] * severity / 10)  # of half of the columns
        found = images.copy()
        if count:
            found[..., :count] = images[..., -count:][..., ::-1]
            found[..., -count:] = images[..., :count][..., ::-1]
        return found
