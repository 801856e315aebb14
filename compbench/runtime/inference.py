"""Session + images -> logits, and which samples were right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Split
from compbench.errors import JobFailed, first_line
from compbench.runtime.session import Images, Session

BATCH = 256


def logits(session: Session, images: Images) -> NDArray[np.float32]:
    """The deployed file's logits (N, K)."""
    parts = []
    for start in range(0, len(images), BATCH):
        session.bind(images[start : start + BATCH])
        try:
            session.run()
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            raise JobFailed(f"ONNX Runtime can't run the file: {first_line(error)}") from error
        parts.append(session.logits())
    return np.concatenate(parts)


def correct(logits: NDArray[np.float32], split: Split) -> NDArray[np.uint8]:
    """1 for each sample whose largest logit is at its label, else 0; (N,)."""
    return (logits.argmax(1) == split.labels).astype(np.uint8)
