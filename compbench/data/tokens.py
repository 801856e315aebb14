"""Texts -> tokens: a tokenizer trained on the training split, or one of the user's own.

Through Hugging Face's `tokenizers`, an extra. The same texts train the same tokenizer, byte for
byte.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from compbench import environment_variable
from compbench.contracts import Companion
from compbench.errors import UserError, first_line

if TYPE_CHECKING:
    from tokenizers import Tokenizer

FILE = "tokenizer.json"
PADDING, UNKNOWN = "[PAD]", "[UNK]"
_PADDINGS = (PADDING, "<pad>", "<PAD>", "[pad]")
KINDS = ("wordpiece", "bpe")  # those that are trained here; any other word is a file's path


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer, the number of tokens that it can give, and the one that fills up."""

    tokenizer: Tokenizer
    size: int
    padding: int

    def encoded(self, texts: Sequence[str], length: int | None = None) -> list[list[int]]:
        """The tokens of each text; no more than `length` of them, special ones included."""
        if length is None:
            self.tokenizer.no_truncation()
        else:
            self.tokenizer.enable_truncation(length)
        self.tokenizer.no_padding()
        with _one_thread():
            return [self.tokenizer.encode(text).ids for text in texts]

    def companion(self, length: int | None = None) -> Companion:
        """The tokenizer as a file that encodes as the dataset does, up to a length."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_str(self.tokenizer.to_str())
        tokenizer.no_truncation()
        tokenizer.no_padding()
        code = f'tokenizers.Tokenizer.from_file("{FILE}").encode(text).ids are tokens'
        if length is not None:
            tokenizer.enable_truncation(length)
            tokenizer.enable_padding(length=length, pad_id=self.padding)
            code += ", its attention_mask is the mask"
        return Companion(tokenizer.to_str(pretty=True).encode(), code)


def missing_library() -> str | None:
    """What to say where `tokenizers` is not installed; None where it is."""
    if importlib.util.find_spec("tokenizers") is not None:
        return None
    return "a tokenizer needs the library tokenizers: pip install 'compbench[text]'"


def trained(kind: str, texts: Sequence[str], size: int, lowercase: bool) -> Vocabulary:
    """A tokenizer of one of `KINDS` with at most `size` tokens, learnt from these texts.

    WordPiece (Schuster & Nakajima 2012) over words as BERT splits them; or byte-pair encoding
    (Sennrich et al., arXiv:1508.07909) over bytes, which knows every text.
    """
    from tokenizers import Tokenizer, models

    if kind == "bpe":
        tokenizer = _byte_pairs(texts, size, lowercase)
    else:
        tokens = _word_pieces(texts, size, lowercase)
        tokenizer = Tokenizer(models.WordPiece(tokens, unk_token=UNKNOWN))
        tokenizer.normalizer, tokenizer.pre_tokenizer = _as_bert(lowercase)
    padding = tokenizer.token_to_id(PADDING)
    assert padding is not None  # it was trained with it
    return Vocabulary(tokenizer, tokenizer.get_vocab_size(), padding)


def own(path: Path) -> Vocabulary:
    """A `tokenizer.json` as the library writes it. Raises UserError for what it lacks."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise UserError(f"{path} is no tokenizer.json: {first_line(error)}") from error
    content = json.loads(tokenizer.to_str())
    if not _knows_all(content):
        raise UserError(
            f"the tokenizer {path} has no unknown token: texts with what it does not know would "
            'lose it; set "unk_token" of its model'
        )
    given = content.get("padding") or {}
    padding = next(
        (found for name in _PADDINGS if (found := tokenizer.token_to_id(name)) is not None),
        given.get("pad_id"),
    )
    if padding is None:
        raise UserError(f"the tokenizer {path} has no token to fill up with: add {PADDING}")
    largest = max(tokenizer.get_vocab().values())
    return Vocabulary(tokenizer, largest + 1, padding)


def filled(
    tokens: Sequence[Sequence[int]], length: int, padding: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tokens (N, length), filled up at their end, and a mask (N, length): 1 where a token is."""
    found = np.full((len(tokens), length), padding, np.int64)
    mask = np.zeros((len(tokens), length), np.int64)
    for row, own_tokens in enumerate(tokens):
        found[row, : len(own_tokens)] = own_tokens
        mask[row, : len(own_tokens)] = 1
    return found, mask


def _knows_all(content: dict[str, Any]) -> bool:
    """Whether every text becomes tokens, as it stands in a tokenizer.json."""
    model = content["model"]
    if model["type"] == "Unigram":
        return model.get("unk_id") is not None or bool(model.get("byte_fallback"))
    if model["type"] == "BPE" and (model.get("byte_fallback") or _is_of_bytes(content)):
        return True
    unknown = model.get("unk_token")
    return unknown is not None and unknown in model.get("vocab", {})


def _is_of_bytes(content: dict[str, Any]) -> bool:
    """Whether texts become bytes first, all of which a tokenizer knows."""
    first = content.get("pre_tokenizer") or {}
    kinds = {first.get("type"), *(one.get("type") for one in first.get("pretokenizers", ()))}
    return "ByteLevel" in kinds


def _word_pieces(texts: Sequence[str], size: int, lowercase: bool) -> dict[str, int]:
    """Token -> number.

    The trainer numbers pieces within words in an order that changes from process to process, and
    breaks ties by these numbers; given beforehand, in order, they are the same every time.
    """
    from tokenizers import Tokenizer, models, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer, tokenizer.pre_tokenizer = _as_bert(lowercase)
    normalised = (tokenizer.normalizer.normalize_str(text) for text in texts)
    letters = sorted({letter for text in normalised for letter in text if not letter.isspace()})
    first = [PADDING, UNKNOWN, *letters, *(f"##{letter}" for letter in letters)]
    if len(first) > size:
        raise UserError(
            f"vocabulary = {size} has no room for the {len(letters)} letters of the texts: "
            f"{len(first)} or more"
        )
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=first, show_progress=False)
    with _one_thread():
        tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.get_vocab()


def _byte_pairs(texts: Sequence[str], size: int, lowercase: bool) -> Tokenizer:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PADDING],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    if size < 257:
        raise UserError(f"vocabulary = {size} has no room for the 256 bytes: 257 or more")
    with _one_thread():
        tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _as_bert(lowercase: bool) -> tuple[Any, Any]:
    from tokenizers import normalizers, pre_tokenizers

    return (
        normalizers.BertNormalizer(lowercase=lowercase),
        pre_tokenizers.BertPreTokenizer(),
    )


def _one_thread() -> AbstractContextManager[None]:
    """The library's own threads would not survive the forks of a run, and it warns in each.

    It reads this variable at every call (`tokenizers/src/utils/parallelism.rs`).
    """
    return environment_variable.held("TOKENIZERS_PARALLELISM", "false")
