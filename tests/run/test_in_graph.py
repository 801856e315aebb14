"""`preprocess = "in_graph"` from the suite to the file's user: raw pixels go into every file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import compbench
from compbench.contracts import kinds
from compbench.contracts.inputs import PIXELS
from compbench.data import splits
from tests.benchmarks.killing import SUITE, finish

pytestmark = pytest.mark.slow

RAW = (
    SUITE.replace('"digits"', '{ name = "digits", preprocess = "in_graph" }')
    + """
[variants.dynamic]
technique = "quantize_dynamic"
parent = "teacher"
[variants.half]
technique = "float16"
parent = "teacher"
"""
)


def test_every_file_takes_raw_pixels_and_is_as_good_as_its_report_says(tmp_path: Path) -> None:
    suite = tmp_path / "raw.toml"
    suite.write_text(RAW)
    finish(suite, tmp_path)
    report = (tmp_path / "reports" / "raw" / "README.md").read_text()
    assert "raw `pixels` uint8 (N, 1, 28, 28), which the graph makes (pixel / 255 − " in report
    results = tmp_path / "results"
    table = compbench.load_run("raw", results).table().set_index("variant")
    source = kinds.dataset("digits", {"preprocess": "in_graph"})
    test = splits.load(source, tmp_path, None).test
    manifests = [*(results / "artifacts").glob("[!.]*/manifest.json")]
    assert len(manifests) == RAW.count("[variants.")
    for manifest in manifests:
        name = json.loads(manifest.read_text())["variant"]
        path = manifest.with_name("model.onnx")
        (given,) = onnx.load(path).graph.input
        assert given.type.tensor_type.elem_type == onnx.TensorProto.UINT8, name
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (logits,) = session.run(None, {PIXELS: test.arrays[PIXELS]})
        right = float(np.mean(np.asarray(logits).argmax(1) == test.targets))
        assert right == pytest.approx(table.loc[name, "accuracy"], abs=0.005), name
        assert right > 0.2, f"{name} is hardly better than chance"
