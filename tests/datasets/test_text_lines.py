"""Texts of lines: splits, tokenizers, and one line for everything that is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from compbench.contracts import kinds
from compbench.data import tokens
from compbench.errors import UserError
from tests.datasets.loading import loaded, real, refusal, told

tokenizers = pytest.importorskip("tokenizers")

GOOD, BAD = ["great", "fine", "lovely", "moving"], ["dull", "bad", "boring", "awful"]


def sentences(count: int = 80) -> list[tuple[str, str]]:
    random = np.random.default_rng(0)
    found = []
    for index in range(count):
        words = (GOOD, BAD)[index % 2]
        chosen = [words[i] for i in random.integers(0, 4, 2)]
        found.append((f'a {chosen[0]} film and {chosen[1]} "to" see', "10"[index % 2]))
    return found


def write(folder: Path, lines: list[tuple[str, str]], name: str = "all.tsv") -> Path:
    (folder / name).write_text("".join(f"{text}\t{label}\n" for text, label in lines))
    return folder


ASKED = {"train": "all.tsv", "length": 12, "vocabulary": 120}


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_lines_become_tokens_with_a_mask(tmp_path: Path, kind: str) -> None:
    size = {"wordpiece": 120, "bpe": 300}[kind]
    asked = {**ASKED, "tokenizer": kind, "vocabulary": size, "length": 24}
    found = loaded("text_lines", write(tmp_path, sentences()), **asked)
    train = found.training.train
    assert train.kinds == {"tokens": ("int64", (24,)), "mask": ("int64", (24,))}
    assert [len(s) for s in (train, found.training.validation, found.test)] == [57, 7, 16]
    rows, mask = train.arrays["tokens"], train.arrays["mask"]
    lengths = mask.sum(1)
    assert (lengths > 0).all() and (np.diff(mask, axis=1) <= 0).all()
    assert (rows[mask == 0] == 0).all()
    one = found.signature.inputs["tokens"]
    assert one.values and rows.max() < one.values <= size
    assert (found.class_names, found.signature.outputs) == (("0", "1"), 2)


def test_the_tokenizer_learns_of_the_training_split_alone(tmp_path: Path) -> None:
    write(tmp_path, sentences(), "train.tsv")
    write(tmp_path, sentences(10), "dev.tsv")
    asked = {"train": "train.tsv", "validation": "dev.tsv", "length": 12, "vocabulary": 150}
    write(tmp_path, sentences(10), "test.tsv")
    before = loaded("text_lines", tmp_path, **asked, test="test.tsv")
    write(tmp_path, [("zyzzyva quux great", "1"), *sentences(9)], "test.tsv")
    after = loaded("text_lines", tmp_path, **asked, test="test.tsv")
    assert np.array_equal(
        before.training.train.arrays["tokens"], after.training.train.arrays["tokens"]
    )
    assert before.signature == after.signature


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_the_same_texts_train_the_same_tokenizer_in_every_process(kind: str) -> None:
    """The library's WordPiece trainer numbers pieces otherwise in each process, left to itself."""
    code = (
        "import hashlib, random\n"
        "from compbench.data import tokens\n"
        "draw = random.Random(0)\n"
        "texts = [' '.join(''.join(draw.choices('abcdefgh', k=5)) for _ in range(9))"
        " for _ in range(200)]\n"
        f"found = tokens.trained('{kind}', texts, 400, True)\n"
        "print(hashlib.sha256(found.tokenizer.to_str().encode()).hexdigest(), found.size)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(3)
    }
    assert len(said) == 1
    assert said.pop().split()[1] == "400"


def test_long_texts_are_cut_and_counted(tmp_path: Path) -> None:
    write(tmp_path, [("great " * 30, "1"), *sentences()])
    found, notes = told("text_lines", tmp_path, **ASKED)
    splits = (found.training.train, found.training.validation, found.test)
    assert max(split.arrays["mask"].sum(1).max() for split in splits) == 12
    assert "1 of " in notes and "more than 12 tokens: they are cut" in notes


def test_columns_have_names_or_numbers(tmp_path: Path) -> None:
    plain = loaded("text_lines", write(tmp_path, sentences()), **ASKED)
    rows = "".join(
        f'{n},"{text.replace(chr(34), chr(34) * 2)}",{label}\n'
        for n, (text, label) in enumerate(sentences())
    )
    (tmp_path / "all.csv").write_text("id,sentence,label\n" + rows)
    for names in ({"text": "sentence", "label": "label"}, {"text": "sentence", "label": 2}):
        named = loaded("text_lines", tmp_path, **{**ASKED, "train": "all.csv", **names})
        assert np.array_equal(named.test.arrays["tokens"], plain.test.arrays["tokens"])
        assert np.array_equal(named.test.targets, plain.test.targets)


def test_classes_can_be_named(tmp_path: Path) -> None:
    names = {"0": "negative", "1": "positive"}
    found = loaded("text_lines", write(tmp_path, sentences()), **ASKED, label_names=names)
    assert found.class_names == ("negative", "positive")
    said = refusal("text_lines", tmp_path, **ASKED, label_names={"2": "x"})
    assert "label_names: there is no class '2'" in said


def own_tokenizer(folder: Path, model: object, *special: str, bytes_first: bool = False) -> str:
    found = tokenizers.Tokenizer(model)
    if bytes_first:
        found.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel()
    else:
        found.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    found.add_special_tokens(list(special))
    found.save(str(folder / "tokenizer.json"))
    return "tokenizer.json"


def test_a_tokenizer_of_ones_own(tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "a", "film", "great"]
    model = tokenizers.models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="[UNK]")
    path = own_tokenizer(tmp_path, model)
    asked = {**ASKED, "tokenizer": path}
    found = loaded("text_lines", write(tmp_path, sentences()), **asked)
    assert found.signature.inputs["tokens"].values == 5
    row = found.training.train.arrays["tokens"][0]
    assert row[0] == 2 and row[2] == 3  # "a … film"
    source = kinds.dataset("text_lines", asked)
    before = source.fingerprint(tmp_path)
    content = json.loads((tmp_path / path).read_text())
    content["model"]["vocab"]["new"] = 5
    (tmp_path / path).write_text(json.dumps(content))
    assert source.fingerprint(tmp_path) != before


def test_a_tokenizer_without_an_unknown_token_is_refused(tmp_path: Path) -> None:
    write(tmp_path, sentences())
    vocabulary = {"[PAD]": 0, "a": 1}
    models = tokenizers.models
    for model in (models.WordLevel(vocabulary), models.BPE(vocabulary, [])):
        own_tokenizer(tmp_path, model, "[PAD]")
        said = refusal("text_lines", tmp_path, **ASKED, tokenizer="tokenizer.json")
        assert "has no unknown token" in said
    own_tokenizer(tmp_path, models.Unigram([("a", 0.0)]), "[PAD]")
    said = refusal("text_lines", tmp_path, **ASKED, tokenizer="tokenizer.json")
    assert "has no unknown token" in said
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    of_bytes = models.BPE({letter: n for n, letter in enumerate(sorted(alphabet))}, [])
    own_tokenizer(tmp_path, of_bytes, "<pad>", bytes_first=True)
    found = loaded("text_lines", tmp_path, **{**ASKED, "length": 60}, tokenizer="tokenizer.json")
    assert found.signature.inputs["tokens"].values == 257
    own_tokenizer(tmp_path, of_bytes, bytes_first=True)
    said = refusal("text_lines", tmp_path, **ASKED, tokenizer="tokenizer.json")
    assert "has no token to fill up with" in said


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        ([*sentences(), ("  ", "1")], {}, "line 81: the text is empty"),
        ([("great", ""), *sentences()], {}, "line 1: the label is empty"),
        ([(f"{text}", "1") for text, _ in sentences()], {}, "has one class, '1'"),
        ([("sentence", "label"), *sentences()], {}, "label = 'label'"),
        (sentences(), {"label": 2}, "line 1: there is no column 2: it has 2, counted from 0"),
        (
            [("text", "label"), *sentences()],
            {"text": "txt"},
            "no column 'txt'; did you mean",
        ),
        (sentences(), {"train": "al.tsv"}, "train = 'al.tsv'"),
        (sentences(), {"train": "al.tsv"}, "did you mean 'all.tsv'?"),
        (sentences(), {"tokenizer": "wordpeice"}, "did you mean 'wordpiece'?"),
        (sentences(), {"tokenizer": "all.tsv"}, "is no tokenizer.json"),
        (sentences(), {"vocabulary": 10}, "vocabulary = 10 has no room"),
        (sentences(), {"vocabulary": 10, "tokenizer": "bpe"}, "vocabulary = 10 has no room"),
        ([("\u200b", "1"), *sentences()], {}, "has no token"),
        ([], {}, "has no lines"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, lines: list[tuple[str, str]], options: dict, said: str
) -> None:
    assert said in refusal("text_lines", write(tmp_path, lines), **{**ASKED, **options})


def test_a_class_in_test_only(tmp_path: Path) -> None:
    write(tmp_path, sentences())
    write(tmp_path, [("great", "1"), ("so so", "2")], "test.tsv")
    said = refusal("text_lines", tmp_path, **ASKED, test="test.tsv")
    assert "the class '2' is in test, but not in train" in said


def test_what_is_not_utf8_is_refused_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "all.tsv").write_bytes(b"great\t1\nd\xe9j\xe0\t0\n")
    assert "line 2: is not UTF-8" in refusal("text_lines", tmp_path, **ASKED)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'compbench\[text\]'"):
        kinds.dataset("text_lines", ASKED)


def test_sst2() -> None:
    files = {"train": "sst2/train.tsv", "validation": "sst2/dev.tsv", "test": "sst2/test.tsv"}
    found = loaded("text_lines", real("sst2"), **files, vocabulary=2000)
    splits = (found.training.train, found.training.validation, found.test)
    assert [len(split) for split in splits] == [6920, 872, 1821]
    assert found.signature.inputs["tokens"].values == 2000


@pytest.mark.parametrize("kind", tokens.KINDS)
def test_the_tokenizer_that_goes_with_a_model_encodes_as_the_dataset(
    tmp_path: Path, kind: str
) -> None:
    asked = {**ASKED, "tokenizer": kind, "vocabulary": 300, "test": "test.tsv"}
    write(tmp_path, sentences())
    write(tmp_path, [("a great and " + "moving " * 20, "1"), ("dull", "0")], "test.tsv")
    found, _ = told("text_lines", tmp_path, **asked)
    (tmp_path / tokens.FILE).write_bytes(found.companions[tokens.FILE].content)
    tokenizer = tokenizers.Tokenizer.from_file(str(tmp_path / tokens.FILE))
    texts = [line.split("\t")[0] for line in (tmp_path / "test.tsv").read_text().splitlines()]
    encoded = tokenizer.encode_batch(texts)
    assert np.array_equal([one.ids for one in encoded], found.test.arrays["tokens"])
    assert np.array_equal([one.attention_mask for one in encoded], found.test.arrays["mask"])
