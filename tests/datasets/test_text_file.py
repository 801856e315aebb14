"""A text in blocks: next tokens as targets, and splits that share none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from compbench.contracts import kinds
from compbench.errors import UserError
from tests.datasets.loading import loaded, refusal

TEXT = "".join(chr(ord("a") + n * n % 26) for n in range(1000))
ASKED = {"path": "text.txt", "block": 16}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    return tmp_path


def test_targets_are_the_tokens_after_each(folder: Path) -> None:
    found = loaded("text_file", folder, **ASKED)
    assert found.task.headline.name == "bits_per_token"
    letters = " " + "".join(sorted(set(TEXT[:800])))
    train = found.training.train
    assert found.signature.outputs == found.signature.inputs["tokens"].values == len(letters)
    assert train.kinds == {"tokens": ("int64", (16,))}
    for row, (tokens, targets) in enumerate(
        zip(train.arrays["tokens"], train.targets, strict=True)
    ):
        start = 16 * row
        assert "".join(letters[n] for n in tokens) == TEXT[start : start + 16]
        assert "".join(letters[n] for n in targets) == TEXT[start + 1 : start + 17]


def test_no_split_has_a_token_or_a_target_of_another(tmp_path: Path) -> None:
    text = "".join(chr(0x4E00 + n) for n in range(1000))  # each letter once
    (tmp_path / "text.txt").write_text(text, encoding="utf-8")
    for step in (None, 5):
        found = loaded("text_file", tmp_path, **ASKED, step=step)
        train = found.training.train
        assert train.targets.max() == (800 - 1) // 16 * 16 + 1 if step is None else 797
        for split in (found.training.validation, found.test):
            assert not split.arrays["tokens"].any()  # unknown, all of them
            assert not split.targets.any()
            assert len(split) == 6


def test_a_step_makes_more_of_the_training_part(folder: Path) -> None:
    assert len(loaded("text_file", folder, **ASKED, step=4).training.train) == 196
    assert len(loaded("text_file", folder, **ASKED).training.train) == 49


def test_blocks_that_overlap_are_no_copies(folder: Path) -> None:
    source = kinds.dataset("text_file", {**ASKED, "step": 1})
    train = source.load(folder).train
    assert len(train) == 784
    for array in (*train.arrays.values(), train.targets):
        assert array.strides == (8, 8), "each begins one token further on, in one text"


def test_a_tokenizer_learns_from_the_training_part(folder: Path) -> None:
    pytest.importorskip("tokenizers")
    words = " ".join(f"word{n * n % 17} and" for n in range(400))
    (folder / "text.txt").write_text(words)
    found = loaded("text_file", folder, **ASKED, tokenizer="bpe", vocabulary=300)
    assert found.signature.outputs == found.signature.inputs["tokens"].values
    assert found.signature.outputs <= 300
    train = found.training.train
    assert np.array_equal(train.arrays["tokens"][:, 1:], train.targets[:, :-1])


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b" \n", {}, "has no text"),
        (b"short", {}, "the part for train has 4 tokens, one block needs 17"),
        (b"ok\n\xff\n", {}, "line 2: is not UTF-8"),
        (b"abc" * 99, {"path": "txt.text"}, "path = 'txt.text': there is no"),
    ],
)
def test_what_is_wrong_is_one_line(folder: Path, content: bytes, options: dict, said: str) -> None:
    (folder / "text.txt").write_bytes(content)
    assert said in refusal("text_file", folder, **{**ASKED, **options})


def test_shares_leave_something_to_learn_from() -> None:
    with pytest.raises(UserError, match="leave nothing to learn from"):
        kinds.dataset("text_file", {**ASKED, "validation_share": 0.5, "test_share": 0.5})


def test_the_letters_go_with_a_model(folder: Path) -> None:
    found = loaded("text_file", folder, **ASKED)
    numbers = json.loads(found.companions["letters.json"].content)
    text = (folder / "text.txt").read_text()
    first = found.training.train.arrays["tokens"][0]
    assert [numbers.get(letter, 0) for letter in text[: len(first)]] == first.tolist()


def test_the_tokenizer_goes_with_a_model(folder: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    text = " ".join(f"word{n * n % 17} and" for n in range(400))
    (folder / "text.txt").write_text(text)
    found = loaded("text_file", folder, **ASKED, tokenizer="bpe", vocabulary=300)
    tokenizer = tokenizers.Tokenizer.from_str(found.companions["tokenizer.json"].content.decode())
    first = found.training.train.arrays["tokens"][0].tolist()
    assert tokenizer.encode(text).ids[: len(first)] == first
