"""Texts and their classes, a line each, in files by tabs or commas."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from compbench.contracts import Samples, Split
from compbench.contracts.inputs import MASK, TOKENS
from compbench.data import lines, progress, tokens
from compbench.data.parts import DividedSource, class_names, refuse_wrong_classes
from compbench.errors import UserError, nearest, shown

Column = str | Annotated[int, Field(ge=0)]


class Dataset(DividedSource):
    """Files with a text and its class in each line: .csv by commas, all others by tabs.

    Inputs "tokens" and "mask", int64 (N, length); the mask is 1 where a token is, else 0. Texts are
    filled up at their end, and cut where they are longer. A tokenizer that is trained here learns
    from the training split alone. Needs the extra `text`.
    """

    train: str = Field(description="file of the training texts, or of all texts")
    validation: str | None = Field(default=None, description="file of the validation texts")
    test: str | None = Field(default=None, description="file of the test texts")
    text: Column = Field(
        default=0,
        description="column of the text: its number from 0, or its name in line 1",
    )
    label: Column = Field(default=1, description="column of the class, in the same way")
    label_names: dict[str, str] = Field(
        default={}, description='names of classes by what stands in the file: { 0 = "negative" }'
    )
    tokenizer: str = Field(
        default="wordpiece",
        min_length=1,
        description='"wordpiece" or "bpe", trained on the training split; or the path of a '
        "tokenizer.json",
    )
    vocabulary: int = Field(
        default=8000, ge=3, description="most tokens that a trained tokenizer knows"
    )
    lowercase: bool = Field(
        default=True, description="whether a trained tokenizer takes capital letters for small ones"
    )
    length: int = Field(default=64, ge=2, description="tokens of a sample")
    any_length: bool = Field(
        default=False, description="whether files take texts of any length up to that"
    )

    @model_validator(mode="after")
    def _has_its_library(self) -> Dataset:
        missing = tokens.missing_library()
        if missing:
            raise ValueError(missing)
        return self

    def fingerprint(self, data_dir: Path) -> str:
        """A digest of all files, and of the tokenizer's where it is one."""
        own = () if self.tokenizer in tokens.KINDS else (self._own_tokenizer(data_dir),)
        return lines.digest(*self._paths(data_dir).values(), *own)

    def load(self, data_dir: Path) -> Samples:
        """Read, divide where splits are not named, train the tokenizer, encode."""
        splits = self._splits(data_dir)
        names = class_names(splits["train"].labels)
        for name in self.label_names:
            if name not in names:
                raise UserError(
                    f"label_names: there is no class {shown(name)}{nearest(name, names)}"
                )
        if self.tokenizer in tokens.KINDS:
            texts = splits["train"].texts
            vocabulary = tokens.trained(self.tokenizer, texts, self.vocabulary, self.lowercase)
        else:
            vocabulary = tokens.own(self._own_tokenizer(data_dir))
        encoded = {s: self._encoded(s, own, names, vocabulary) for s, own in splits.items()}
        return Samples(
            encoded["train"],
            encoded["test"],
            encoded["validation"],
            outputs=len(names),
            class_names=tuple(self.label_names.get(name, name) for name in names),
            values={TOKENS: vocabulary.size, MASK: 2},
            free_axes={TOKENS: (0,), MASK: (0,)} if self.any_length else {},
            companions={tokens.FILE: vocabulary.companion(self.length)},
        )

    def _paths(self, data_dir: Path) -> dict[str, Path]:
        named = {"train": self.train, "validation": self.validation, "test": self.test}
        return {s: self.located(path, data_dir, s) for s, path in named.items() if path is not None}

    def _own_tokenizer(self, data_dir: Path) -> Path:
        try:
            return self.located(self.tokenizer, data_dir, "tokenizer")
        except UserError as error:
            trained = nearest(self.tokenizer, tokens.KINDS)
            raise UserError(f"{error}{trained if 'did you mean' in trained else ''}") from error

    def _splits(self, data_dir: Path) -> dict[str, lines.Lines]:
        read = {
            split: lines.read(path, self.text, self.label)
            for split, path in self._paths(data_dir).items()
        }
        whole = read["train"]
        self._refuse_heading(whole)
        labels_of = {split: own.labels for split, own in read.items()}
        refuse_wrong_classes(f"train = '{self.train}'", labels_of)
        order = {name: index for index, name in enumerate(class_names(whole.labels))}
        labels = np.array([order[label] for label in whole.labels])
        every = {s: np.arange(len(own.texts)) for s, own in read.items()}
        rows = self.divided(every, labels)
        return {s: _chosen(read.get(s, whole), own) for s, own in rows.items()}

    def _refuse_heading(self, whole: lines.Lines) -> None:
        """Raises UserError where the first line has a class of its own, as names of columns do."""
        first = whole.labels[0]
        if not isinstance(self.text, str) and whole.labels.count(first) == 1:
            raise UserError(
                f"train = '{self.train}': the class {shown(first)} has one sample, in line "
                f"{whole.numbers[0]}; if columns are named there, write text and label as they "
                f"are called: label = {shown(first)}"
            )

    def _encoded(
        self, split: str, own: lines.Lines, names: Sequence[str], vocabulary: tokens.Vocabulary
    ) -> Split:
        found = vocabulary.encoded(own.texts)
        for number, one in zip(own.numbers, found, strict=True):
            if not one:
                raise UserError(f"the text of line {number} for {split} has no token")
        cut = sum(len(one) > self.length for one in found)
        if cut:
            progress.note(
                f"{split}: {cut:,} of {len(found):,} texts have more than {self.length} tokens: "
                "they are cut"
            )
            found = vocabulary.encoded(own.texts, self.length)
        padded, mask = tokens.filled(found, self.length, vocabulary.padding)
        order = {name: index for index, name in enumerate(names)}
        labels = np.array([order[label] for label in own.labels], np.int64)
        return Split({TOKENS: padded, MASK: mask}, labels)


def _chosen(whole: lines.Lines, rows: np.ndarray) -> lines.Lines:
    return lines.Lines(*([column[row] for row in rows] for column in whole))
