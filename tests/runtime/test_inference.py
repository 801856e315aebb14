"""Files run in a process of their own, on splits that it is sent, or that it maps into memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from compbench.contracts import Split
from compbench.contracts.inputs import PIXELS
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make import rewrite
from compbench.onnxfile.export import to_onnx
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.toolkit.sample import sample
from tests.data.test_samples import mapped
from tests.techniques.test_families import net


def test_what_is_mapped_into_memory_is_mapped_again_and_not_sent(
    tiny: Data, tmp_path: Path
) -> None:
    train = mapped(tiny.training.train, tmp_path)
    part = Split(train.part(np.arange(5, 90, 3)).stored, train.targets, np.arange(5, 90, 3))
    sliced = Split({PIXELS: train.stored[PIXELS][7:40]}, train.targets[7:40])
    for split in (train, part, sliced, sample(train, 24)):
        sent = inference.packed_whole("train", split)
        assert sum(array.nbytes for array in sent.values()) < 3000
        found = inference.split_of("train", sent)
        assert not found.is_in_memory
        assert np.array_equal(found.arrays[PIXELS], split.arrays[PIXELS])
        assert np.array_equal(found.targets, split.targets)
    backwards = Split({PIXELS: train.stored[PIXELS][::-2, :, ::3]}, train.targets[::-2])
    flipped = Split({PIXELS: np.moveaxis(train.stored[PIXELS], 1, 3)}, train.targets)
    for split in (backwards, flipped):
        found = inference.split_of("train", inference.packed_whole("train", split))
        assert not found.is_in_memory
        assert np.array_equal(found.arrays[PIXELS], split.arrays[PIXELS])
    own = np.load(tmp_path / "pixels.npy", mmap_mode="c")
    own[:] = 0  # in memory alone
    found = inference.split_of("train", inference.packed_whole("train", Split({PIXELS: own}, own)))
    assert not found.arrays[PIXELS].any()
    (tmp_path / "pixels.npy").write_bytes(b"")
    with pytest.raises(JobFailed, match=r"pixels.npy was changed while it was in use"):
        inference.split_of("train", sent)


def test_files_run_on_what_is_mapped_as_on_what_is_in_memory(tiny: Data, tmp_path: Path) -> None:
    file = to_onnx(net(), tiny.training.signature)
    data = replace(tiny, test=mapped(tiny.test, tmp_path).part(np.arange(50)[::-1]))
    whole = replace(tiny, test=tiny.test.part(np.arange(50)[::-1]))
    found = []
    for one in (data, whole):
        with Worker(rewrite.arrays(one)) as worker:
            found.append(inference.infer(worker, file, Target(), "test", alone=3))
    assert np.array_equal(found[0].outputs["test"], found[1].outputs["test"])
    assert found[0].alone is not None and len(found[0].alone) == 3


def test_a_file_that_gives_what_is_no_number_is_refused(tiny: Data) -> None:
    """Also where the likeliest class is one: of the first sample it would be the first."""
    last = nn.Linear(144, 3)
    model = nn.Sequential(nn.Flatten(), last).eval()
    with torch.no_grad():
        last.bias[1] = torch.nan
    file = to_onnx(model, tiny.training.signature)
    said = r"its outputs are no numbers \(NaN\) for 60 of 60 test samples, the first is sample 0"
    with Worker(rewrite.arrays(tiny)) as worker, pytest.raises(JobFailed, match=said):
        inference.infer(worker, file, Target(), "test")
