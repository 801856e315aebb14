"""What is random or shared in a process is the same for every job, and afterwards as it was."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def seed(number: int) -> None:
    """Seed all global random states: torch's (all devices), NumPy's legacy one and Python's."""
    torch.manual_seed(number)
    np.random.seed(number % 2**32)
    random.seed(number)


@contextmanager
def held(threads: int) -> Iterator[None]:
    """A number of threads and plain float32 while a job is made.

    Afterwards threads and all random states are what they were, and floats are plain again,
    whatever a plugin did to them.
    """
    before = torch.get_num_threads()
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    try:
        torch.set_num_threads(threads)
        compute_in_float32()
        yield
    finally:
        torch.set_num_threads(before)
        compute_in_float32()
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])
        if gpus:
            torch.cuda.set_rng_state_all(gpus)


def compute_in_float32() -> None:
    """No TF32 on a GPU (torch allows it for convolutions), no bfloat16 on a CPU."""
    torch.set_default_dtype(torch.float32)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    backends: Any = torch.backends
    for part in (backends, backends.mkldnn.conv, backends.mkldnn.rnn):
        part.fp32_precision = "none"  # of their own
