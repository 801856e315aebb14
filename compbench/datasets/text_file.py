"""One plain text, cut into blocks whose next tokens are to be told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import Field, model_validator

from compbench.contracts import Companion, Samples, Split
from compbench.contracts.inputs import TOKENS
from compbench.data import lines, tokens
from compbench.data.file_source import FileSource
from compbench.errors import UserError

CHARACTERS = "characters"
_LETTERS = "letters.json"


class Dataset(FileSource):
    """One text file, of which each next character or token is to be told.

    Input "tokens" int64 (N, block); targets (N, block) are the tokens after each of them. The
    splits are parts of the text in its order: training, validation, test. No token of one is in
    another, nor the target of one. Of characters, those of the training part have a number each,
    and all others share number 0. Other tokens than characters need the extra `text`.
    """

    task: ClassVar[str] = "next_token"

    path: str = Field(description="a text file, UTF-8")
    block: int = Field(default=128, ge=2, description="tokens of a sample")
    step: int | None = Field(
        default=None,
        ge=1,
        description="tokens between the beginnings of two training samples; a block where nothing "
        "is said, so that each token is in one",
    )
    validation_share: float = Field(default=0.1, gt=0, lt=1, description="part of the text")
    test_share: float = Field(default=0.1, gt=0, lt=1, description="part of the text, at its end")
    tokenizer: str = Field(
        default=CHARACTERS,
        min_length=1,
        description='"characters", "wordpiece" or "bpe", which are learnt from the training part; '
        "or the path of a tokenizer.json",
    )
    vocabulary: int = Field(
        default=1000, ge=3, description="most tokens that a trained tokenizer knows"
    )
    lowercase: bool = Field(
        default=False,
        description="whether a trained tokenizer takes capitals for small letters",
    )
    any_length: bool = Field(
        default=False, description="whether files take texts of any length up to a block"
    )

    @model_validator(mode="after")
    def _can_be_read(self) -> Dataset:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share leave nothing to learn from")
        missing = tokens.missing_library()
        if self.tokenizer != CHARACTERS and missing:
            raise ValueError(missing)
        return self

    def fingerprint(self, data_dir: Path) -> str:
        """A digest of the text, and of the tokenizer's file where it is one."""
        is_file = self.tokenizer not in (CHARACTERS, *tokens.KINDS)
        own = (self.located(self.tokenizer, data_dir, "tokenizer"),) if is_file else ()
        return lines.digest(self.located(self.path, data_dir), *own)

    def load(self, data_dir: Path) -> Samples:
        """Cut by position, learn the tokens from the training part, encode."""
        path = self.located(self.path, data_dir)
        text = lines.text_of(path)
        if not text.strip():
            raise UserError(f"{path} has no text")
        learnt = 1 - self.validation_share - self.test_share
        ends = [round(len(text) * share) for share in (learnt, 1 - self.test_share)]
        parts = {
            "train": text[: ends[0]],
            "validation": text[ends[0] : ends[1]],
            "test": text[ends[1] :],
        }
        encoded, size, companions = self._encoded(parts, data_dir)
        steps = {"train": self.step}
        train, validation, test = (
            self._blocks(path, split, encoded[split], steps.get(split) or self.block)
            for split in parts
        )
        free = {TOKENS: (0,)} if self.any_length else {}
        values = {TOKENS: size}
        return Samples(
            train,
            test,
            validation,
            outputs=size,
            values=values,
            free_axes=free,
            companions=companions,
        )

    def _encoded(
        self, parts: dict[str, str], data_dir: Path
    ) -> tuple[dict[str, np.ndarray], int, dict[str, Companion]]:
        """The tokens of each part, how many different ones there are, and what made them."""
        if self.tokenizer == CHARACTERS:
            numbers = {letter: n for n, letter in enumerate(sorted({*parts["train"]}), 1)}
            of_letters = {s: [numbers.get(letter, 0) for letter in t] for s, t in parts.items()}
            encoded = {s: np.array(own, np.int64) for s, own in of_letters.items()}
            file = json.dumps(numbers, indent=1).encode()
            companion = Companion(file, "each letter's number, its token; that of others is 0")
            return encoded, len(numbers) + 1, {_LETTERS: companion}
        if self.tokenizer in tokens.KINDS:
            texts = parts["train"].splitlines()
            vocabulary = tokens.trained(self.tokenizer, texts, self.vocabulary, self.lowercase)
        else:
            vocabulary = tokens.own(self.located(self.tokenizer, data_dir, "tokenizer"))
        found = {s: vocabulary.encoded([text])[0] for s, text in parts.items()}
        encoded = {s: np.array(own, np.int64) for s, own in found.items()}
        return encoded, vocabulary.size, {tokens.FILE: vocabulary.companion()}

    def _blocks(self, path: Path, split: str, text: np.ndarray, step: int) -> Split:
        starts = np.arange(0, len(text) - self.block, step)
        if not starts.size:
            raise UserError(
                f"{path}: the part for {split} has {len(text)} tokens, one block needs "
                f"{self.block + 1}"
            )
        windows = sliding_window_view(text, self.block + 1)[::step]  # of the one text: no copies
        return Split({TOKENS: windows[:, :-1]}, windows[:, 1:])
