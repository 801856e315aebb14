"""What an author of a plugin can get wrong: one line that says so, before anything is trained."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from pydantic import Field

import compbench as package
from compbench.cli import main
from compbench.contracts import Companion, DatasetSource, Samples, Split, describe_model
from compbench.data import digest
from compbench.data import splits as data_splits
from compbench.data.splits import Data
from compbench.errors import JobFailed, UserError
from compbench.make import checkpoint
from compbench.make import job as make_job
from compbench.make.store import Store
from compbench.suite import plan, read
from compbench.suite.variants import Variant

HEAD = """
from pathlib import Path
from typing import Any, ClassVar
import numpy as np
from pydantic import Field, field_validator, model_validator
from compbench.contracts import *
from compbench.contracts import DatasetSource, LoweringTechnique, ModelFamily, ModelOption
from compbench.contracts import NullCase, OnnxTechnique, Samples, TorchTechnique
"""
TECHNIQUE = """
class Technique(TorchTechnique):
    null_case = NullCase({})

    def build(self, parents, data, fit):
        return parents[0]
"""
MODEL = """
class Model(ModelFamily):
    width: int = 3

    def build(self, signature):
        from torch import nn
        _, height, width = signature.image
        return nn.Sequential(nn.Flatten(), nn.Linear(height * width, signature.outputs))
"""
DATASET = """
class Dataset(DatasetSource):
    classes = 2

    def fingerprint(self, data_dir):
        return "mine"

    def load(self, data_dir):
        images = np.random.default_rng(0).integers(0, 256, (40, 1, 12, 12), np.uint8)
        return Samples.of_images(images, np.arange(40) % 2)
"""
PLUGINS = {"technique": TECHNIQUE, "model": MODEL, "dataset": DATASET}
CLASSES = {"technique": "Technique", "model": "Model", "dataset": "Dataset"}
TEACHER = '[variants.teacher]\ntechnique = "train"\nmodel = "mlp"\nepochs = 1\n'
SUITES = {
    "technique": TEACHER + '[variants.mine]\ntechnique = "{0}"\nparent = "teacher"\n',
    "model": '[variants.mine]\ntechnique = "train"\nmodel = "{0}"\n',
    "dataset": 'dataset = "{0}"\n' + TEACHER,
}
KINDS = [*PLUGINS]
Line = Callable[..., str]


pytestmark = pytest.mark.usefixtures("own_modules_forgotten")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """A suite that names one plugin, and the plugin's file beside it."""

    def call(kind: str, body: str, name: str = "", more: str = "", end: str = "\n") -> Path:
        (tmp_path / "own_plugin.py").write_text((HEAD + body).rstrip() + end)
        path = tmp_path / "mine.toml"
        path.write_text(SUITES[kind].format(name or f"own_plugin:{CLASSES[kind]}") + more)
        return path

    return call


@pytest.fixture
def line(write: Callable[..., Path], capsys: pytest.CaptureFixture[str], monkeypatch) -> Line:
    """What `compbench run` says of a plugin, in one line; nothing was trained by then."""

    def call(kind: str, body: str, name: str = "", more: str = "") -> str:
        path = write(kind, body, name, more)
        monkeypatch.chdir(path.parent)
        monkeypatch.setattr(make_job, "make", lambda *_: pytest.fail("something was trained"))
        monkeypatch.setattr(sys, "argv", ["compbench", "run", "mine.toml"])
        with pytest.raises(SystemExit) as stopped:
            main.main()
        said = capsys.readouterr().err
        assert stopped.value.code == 2, said
        assert said.startswith("error: ")
        assert said.count("\n") == 1 and said.strip().isprintable()
        assert len(said) <= 300 + len(str(path)), said
        assert "Traceback" not in said
        return said.removeprefix("error: ").strip()

    return call


RAISES = {
    "an unknown name": (
        "x = unknown\n",
        "NameError: name 'unknown' is not defined (own_plugin.py,",
    ),
    "a division": ("1 / 0\n", "ZeroDivisionError: division by zero (own_plugin.py, line 9)"),
    "an exit": ("raise SystemExit(3)\n", "SystemExit: 3"),
    "a missing module": ("import no_such_module\n", "No module named 'no_such_module'"),
    "a missing name": ("from pathlib import Pth\n", "cannot import name 'Pth'"),
    "no Python": ("def f(:\n", "SyntaxError: invalid syntax"),
    "a deep recursion": ("def f(): f()\nf()\n", "RecursionError"),
    "an assertion": ("assert not True\n", "AssertionError (own_plugin.py, line 9)"),
    "a warning": ("import warnings\nwarnings.warn('old')\n", "UserWarning: old"),
    "a text of many lines": (
        "raise ValueError('a\\x1b[31m' + 'b' * 999 + '\\nc')\n",
        "ValueError: a\\x1b",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("body", "message"), RAISES.values(), ids=RAISES)
def test_a_plugin_that_does_not_import(line: Line, kind: str, body: str, message: str) -> None:
    said = line(kind, body + PLUGINS[kind])
    assert f"the {kind} 'own_plugin' does not import: " in said
    assert message in said


NAMES = {
    "own_plugn:{0}": "No module named 'own_plugn'; did you mean 'own_plugin'?",
    "own_plugin:{0}s": "has no class '{0}s'; did you mean '{0}'?",
    "own_plugin:HEAD": "has no class 'HEAD'",
    "own_plugin.py:{0}": "No module named 'own_plugin.py'",
    "own_plugin:": "can't be imported: an import path is 'mymodule:Class'",
    ":{0}": "can't be imported: an import path is",
    "./own_plugin:{0}": "can't be imported: an import path is",
    "own_plugin:{0}:x": "can't be imported: an import path is",
    ".own_plugin:{0}": "can't be imported: an import path is",
    "own\\nplugin": "there is no",
    "own_plugin:Path": "'own_plugin:Path' is not a",
    "own_package:{0}": "has no class '{0}'; did you mean 'own_package.inner:{0}'?",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "message"), NAMES.items(), ids=NAMES)
def test_a_wrong_import_path(
    line: Line, tmp_path: Path, kind: str, name: str, message: str
) -> None:
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package/__init__.py").touch()
    (tmp_path / "own_package/inner.py").write_text(HEAD + PLUGINS[kind])
    said = line(kind, PLUGINS[kind], name.format(CLASSES[kind]))
    said = said.replace("no class or function", "no class")  # a net may be either
    assert message.format(CLASSES[kind]) in said


@pytest.mark.parametrize("kind", KINDS)
def test_a_class_of_another_kind(line: Line, kind: str) -> None:
    other = KINDS[KINDS.index(kind) - 1]
    said = line(kind, PLUGINS[kind] + PLUGINS[other], f"own_plugin:{CLASSES[other]}")
    assert f"'own_plugin:{CLASSES[other]}' is not a " in said
    assert f"; did you mean '{CLASSES[kind]}'?" in said


METHODS = {"technique": "build", "model": "build", "dataset": "load"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_method_is_missing(line: Line, kind: str) -> None:
    method = METHODS[kind]
    body = PLUGINS[kind].replace(f"def {method}(", f"def {method}_it(")
    assert f"the {kind} 'own_plugin:{CLASSES[kind]}' lacks the method {method}" in line(kind, body)


ATTRIBUTES = {
    "libraries in a text": ('    libraries = "numpy"\n', "libraries = 'numpy' should be a tuple"),
    "libraries in a list": ('    libraries = ["numpy"]\n', "libraries = ['numpy'] should be a tu"),
    "libraries of numbers": ("    libraries = (1,)\n", "libraries = (1,) should be a tuple"),
    "libraries as an option": ("    libraries: tuple = ()\n", "libraries"),
    "a wrong default": ('    size: int = "x"\n', "size"),
    "a default out of bounds": ("    size: int = Field(default=0, ge=1)\n", "size = 0"),
    "a default that raises": (
        "    size: int = Field(default_factory=lambda: 1 / 0)\n",
        "fails on its defaults: ZeroDivisionError",
    ),
    "a check that raises": (
        '    size: int = 1\n    @field_validator("size")\n    def f(cls, v): return v.no\n',
        "fails on its defaults: AttributeError",
    ),
}


@pytest.mark.filterwarnings("ignore:Field name .* shadows an attribute")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("body", "message"), ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_what_any_class_says_of_itself(line: Line, kind: str, body: str, message: str) -> None:
    head, _, rest = PLUGINS[kind].partition(":\n")
    said = line(kind, f"{head}:\n{body}{rest}")
    assert f"the {kind} 'own_plugin" in said
    assert message in said


TECHNIQUES = {
    "no parents of its own": ("parents = (0, 0)", "has no net of its own to begin from"),
    "the least beyond the most": ("parents = (2, 1)", "(2, 1): the least is more than the most"),
    "a text": ('parents = "1"', "says parents = '1', which should be the least and the most"),
    "none": ("parents = None", "says parents = None, which should be"),
    "negative": ("parents = (-1, 1)", "says parents = (-1, 1), which should be"),
    "one number": ("parents = 1", "says parents = 1, which should be"),
    "three": ("parents = (1, 2, 3)", "says parents = (1, 2, 3), which should be"),
    "truth": ("parents = (True, True)", "says parents = (True, True), which should be"),
    "a list": ("parents = [1, 1]", "says parents = [1, 1], which should be"),
    "an option": ("parents: tuple[int, int] = (1, 1)", "has an option 'parents', a word with"),
    "a reserved word": ("parent: int = 1", "has an option 'parent', a word with a meaning"),
    "another": ("technique: int = 1", "has an option 'technique', a word with a meaning"),
    "quantizes": ('quantizes = "yes"', "says quantizes = 'yes', which should be True or False"),
    "teaches": ("teaches = 1", "says teaches = 1, which should be True or False"),
    "leaves": ("leaves = 1", "says leaves = 1, which should be a text"),
    "family": ("family = 1", "says family = 1, which should be a text"),
    "scheme": ("scheme = None", "says scheme = None, which should be a text"),
    "undoes": ('undoes = "zeros"', "says undoes = 'zeros', which should be a tuple of texts"),
    "a table": ("null_case = {}", "says null_case = {}, which should be the options"),
    "of no option": (
        'size: int = 1\n    null_case = NullCase({"siz": 0})',
        "has no option 'siz' of its null_case; did you mean 'size'?",
    ),
    "two nets": (
        'one: ModelOption = "mlp"\n    two: ModelOption = "mlp"',
        "has 2 options of type ModelOption (one, two)",
    ),
    "a list of nets": ("nets: tuple[ModelOption, ...] = ()", "'nets' of several nets"),
    "a default that is no net": ('net: ModelOption = "mpl"', "there is no model 'mpl'"),
    "what can't be written": (
        "f: Any = Field(default_factory=lambda: object())",
        "fails on these options: PydanticSerializationError",
    ),
    "problem raises": (
        "def problem(self, count): return count.no",
        "fails on 1 parents: AttributeError: 'int' object has no attribute 'no' (own_plugin.py",
    ),
    "problem gives no text": ("def problem(self, count): return 3", "'own_plugin:Technique' 3"),
    "an option's check raises": (
        "size: Any = None\n    @model_validator(mode='after')\n"
        "    def f(self): return self.size.no",
        "fails on its defaults: AttributeError",
    ),
}


@pytest.mark.filterwarnings("ignore:Field name .* shadows an attribute")
@pytest.mark.parametrize(("body", "message"), TECHNIQUES.values(), ids=TECHNIQUES)
def test_what_a_technique_says_of_itself(line: Line, body: str, message: str) -> None:
    said = line("technique", TECHNIQUE.replace("    def build", f"    {body}\n\n    def build"))
    assert said.startswith("mine.toml: [variants.mine] ")
    assert message in said


def test_a_technique_without_null_case(line: Line) -> None:
    said = line("technique", TECHNIQUE.replace("null_case = NullCase({})", "pass"))
    assert "says null_case = None, which should be the options with which it does nothing" in said


FILES = {
    "OnnxTechnique": ("rewrite(self, parent, data)", ["(0, 0)", "(0, 1)", "(1, 2)", "(2, 2)"]),
    "LoweringTechnique": ("lower(self, parents, data, fit)", ["(0, 0)", "(0, 1)"]),
}


@pytest.mark.parametrize(
    ("base", "parents"), [(base, one) for base, (_, every) in FILES.items() for one in every]
)
def test_techniques_that_make_files_need_parents(line: Line, base: str, parents: str) -> None:
    said = line(
        "technique",
        f"class Technique({base}):\n    null_case = NullCase({{}})\n    parents = {parents}\n"
        f"    net: ModelOption = None\n    def {FILES[base][0]}: return b''\n",
    )
    assert f"says parents = {parents}, but " in said


PREDICTORS = {
    "no learner": ("", "says learner = '', which should be a word: \"forest\""),
    "no library": ('learner = "x"', "says library = '', which should be a word: \"scikit-learn\""),
    "parents that it does not listen to": (
        'learner = library = "x"',
        "has parents, of which a PredictorTechnique can only learn: say teaches = True",
    ),
    "a net": (
        'learner = library = "x"\n    parents = (0, 0)\n    net: ModelOption = None',
        "has an option 'net', a net, but a PredictorTechnique makes none",
    ),
}


@pytest.mark.parametrize(("said", "message"), PREDICTORS.values(), ids=PREDICTORS)
def test_a_technique_of_another_library_says_what_others_must_know(
    line: Line, said: str, message: str
) -> None:
    told = line(
        "technique",
        "class Technique(PredictorTechnique):\n    null_case = NullCase({})\n"
        f"    {said or 'pass'}\n    def learn(self, parents, data, fit): ...\n",
    )
    assert message in told


def test_a_model_s_option_called_name(line: Line) -> None:
    said = line("model", MODEL.replace("width: int = 3", 'name: str = "x"'))
    assert "the model 'own_plugin:Model' has an option 'name', a word with a meaning" in said


SOURCES = {
    "a required option": ("size: int\n    classes = 2", "own_plugin:Dataset' needs 'size'"),
    "no classes": ("", "outputs = None should be how many classes, values or tokens"),
    "no such task": ('classes = 2\n    task = "clasification"', "did you mean 'classification'"),
    "one class": ("classes = 1", "classes = 1 should be"),
    "classes in a text": ('classes = "2"', "classes = '2' should be"),
    "half a class": ("classes = 2.0", "classes = 2.0 should be"),
    "truth": ("classes = True", "classes = True should be"),
    "an option": ("classes: int = 2", "has an option 'classes', a word with a meaning"),
}


@pytest.mark.filterwarnings("ignore:Field name .* shadows an attribute")
@pytest.mark.parametrize(("body", "message"), SOURCES.values(), ids=SOURCES)
def test_what_a_dataset_says_of_itself(line: Line, body: str, message: str) -> None:
    assert message in line("dataset", DATASET.replace("classes = 2", body or "pass"))


LOADS = {
    "fingerprint raises": ("fingerprint", "1 / 0", "fingerprint fails: ZeroDivisionError"),
    "fingerprint exits": ("fingerprint", "raise SystemExit", "fingerprint fails: SystemExit"),
    "fingerprint is bytes": ("fingerprint", "return b'x'", "fingerprint gave b'x', which should"),
    "load raises": ("load", "1 / 0", "load fails: ZeroDivisionError: division by zero (own_plugin"),
    "load finds no file": ("load", "open('no.such')", "load fails: FileNotFoundError"),
    "load gives nothing": (
        "load",
        "return None",
        "load gave NoneType, which should be Samples(...)",
    ),
    "load gives a pair": ("load", "return (1, 2)", "load gave tuple, which should be Samples"),
}


@pytest.mark.parametrize(("method", "body", "message"), LOADS.values(), ids=LOADS)
def test_a_dataset_that_does_not_load(line: Line, method: str, body: str, message: str) -> None:
    text = DATASET.replace(
        f"def {method}(self, data_dir):", f"def {method}(self, d):\n        {body}"
    )
    assert f"the dataset 'own_plugin:Dataset': {message}" in line("dataset", text)


def images(count: int = 40, *shape: int, dtype: type = np.uint8) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.integers(0, 256, (count, *(shape or (1, 12, 12)))).astype(dtype)


LABELS = np.arange(40) % 2
WRONG = {
    "no channels": (
        (images(40, 12, 12), LABELS),
        "(N, C, H, W); for grey pictures: images[:, None]",
    ),
    "wide floats": ((images(dtype=np.float64), LABELS), "pixels of float64 should be float32"),
    "nan": ((images(dtype=np.float32) * np.nan, LABELS), "sample 0 of pixels is not a finite"),
    "wide integers": ((images(dtype=np.int64), LABELS), "pixels of int64 should be pixels, uint8"),
    "channels last": ((images(40, 12, 12, 3), LABELS), "look like (N, H, W, C), but should be (N"),
    "no array": ((images().tolist(), LABELS), "pixels should be a numpy array, not list"),
    "labels (N, 1)": (
        (images(), LABELS[:, None]),
        "labels of shape (40, 1) should be (N,): labels",
    ),
    "one-hot labels": ((images(), np.eye(2)[LABELS]), "labels of shape (40, 2) should be (N,)"),
    "float labels": ((images(), LABELS.astype(float)), "labels of float64 should be integers"),
    "truth labels": ((images(), LABELS.astype(bool)), "labels of bool should be integers"),
    "text labels": ((images(), LABELS.astype(str)), "should be integers, 0 to classes - 1"),
    "more images": ((images(41), LABELS), "it has 41 samples of pixels but 40 targets"),
    "fewer images": ((images(39), LABELS), "it has 39 samples of pixels but 40 targets"),
    "labels from 1": ((images(), LABELS + 1), "labels are not all in 0 to 1"),
    "labels from -1": ((images(), LABELS - 1), "labels are not all in 0 to 1"),
    "huge labels": ((images(), LABELS.astype(np.uint64) + 2**63), "labels are not all in 0 to 1"),
    "an absent class": ((images(), LABELS * 0), "class 1 has no sample to learn from: classes = 2"),
    "one sample of a class": (
        (images(), np.arange(40) // 39),
        "class 1 has 1, and about 5 are",
    ),
    "two of a class": (
        (images(), (np.arange(40) > 37) * 1),
        "class 1 has 2, and about 5 are",
    ),
    "few samples": ((images(3), LABELS[:3]), "class 1 has 1, and about 5 are"),
    "empty": ((images(0), LABELS[:0]), "pixels of shape (0, 1, 12, 12) are empty"),
    "no height": ((images(40, 1, 0, 12), LABELS), "pixels of shape (40, 1, 0, 12) are empty"),
    "one grey": (
        (images() * 0 + 7, LABELS),
        "training split's pixels is 7: there is",
    ),
    "one grey in float32": (
        (np.full((40, 1, 12, 12), 0.5, np.float32), LABELS),
        "training split's pixels is 0.5: there is",
    ),
    "half a test split": (
        (images(), LABELS, images()),
        "of test_images and test_labels one is None",
    ),
    "an odd test split": (
        (images(), LABELS, images(40, 1, 13, 12), LABELS),
        "its test inputs are pixels uint8 (1, 13, 12), those to learn from pixels uint8 (1,",
    ),
    "a flat test split": (
        (images(), LABELS, images(40, 12, 12), LABELS),
        "test_pixels of shape (40, 12, 12) should be (N, C, H, W)",
    ),
    "a test split's labels": (
        (images(), LABELS, images(), LABELS + 1),
        "test_labels are not all in 0 to 1",
    ),
    "an empty test split": (
        (images(), LABELS, images(0), LABELS[:0]),
        "test_pixels of shape (0, 1, 12, 12) are empty",
    ),
    "one of a class beside a test split": (
        (images(), np.arange(40) // 39, images(), LABELS),
        "class 1 has 1, and about 5 are",
    ),
}


class Source(DatasetSource):
    """Gives what a test says."""

    classes = 2
    given: Any = Field(default=None, exclude=True)
    more: Any = Field(default={}, exclude=True)

    def fingerprint(self, data_dir: Path) -> str:
        return "x"

    def load(self, data_dir: Path) -> Samples:
        return Samples.of_images(*self.given, **self.more)


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_samples_that_can_t_be_used(given: tuple, message: str) -> None:
    refused(Source(given=given), message)


DESCRIBED = [
    (
        {"normalise": {"pixel": "all"}},
        "normalise: there is no input 'pixel'; did you mean 'pixels'?",
    ),
    ({"normalise": {"pixels": "chanel"}}, "'chanel' should be one of channel, all, none; did you"),
    ({"free_axes": {"pixls": (0,)}}, "free_axes: there is no input 'pixls'; did you mean"),
    ({"free_axes": {"pixels": (3,)}}, "free_axes: pixels = (3,) should be of its 3 axes, from 0"),
    ({"values": {"tokens": 3}}, "values: there is no input 'tokens'"),
    ({"values": {"pixels": 3}}, "of pixels is not all in 0 to 2, of which values = {'pixels': 3}"),
    ({"rates": {"sound": 3}}, "rates: there is no input 'sound'"),
]


@pytest.mark.parametrize(("more", "message"), DESCRIBED)
def test_what_is_said_of_inputs_that_can_t_be(more: Any, message: str) -> None:
    refused(Source(given=(images(), LABELS), more=more), message)


@pytest.mark.parametrize("values", [["ab", "c"], [b"ab", b"c"], [None, 3]])
def test_inputs_that_are_no_numbers(values: Any) -> None:
    class Texts(Source):
        def load(self, data_dir: Path) -> Samples:
            return Samples(Split({"text": np.array(values * 20)}, LABELS))

    with pytest.raises(UserError, match=r"text of \w+ should be float32, integers, or pixels"):
        data_splits.load(Texts(), Path())


def test_bytes_that_are_not_normalised_are_as_they_are() -> None:
    class Bytes(Source):
        def load(self, data_dir: Path) -> Samples:
            tokens = np.arange(200, dtype=np.uint8).reshape(40, 5)
            return Samples(Split({"bytes": tokens}, LABELS))

    found = data_splits.load(Bytes(), Path())
    assert found.signature.inputs["bytes"].normalisation is None


COMPANIONS = [
    (["a"], "companions are list, which should be by file name"),
    ({"a/b": Companion(b"", "x")}, "companions: 'a/b' should be a file's name"),
    ({"..": Companion(b"", "x")}, "companions: '..' should be a file's name"),
    ({"": Companion(b"", "x")}, "companions: '' should be a file's name"),
    ({3: Companion(b"", "x")}, "companions: 3 should be a file's name"),
    ({"a": b"x"}, "companions: 'a' should be a file's name, for a Companion(bytes, use)"),
    ({"a": Companion(cast(Any, "text"), "x")}, "for a Companion(bytes, use)"),
]


@pytest.mark.parametrize(("companions", "message"), COMPANIONS)
def test_companions_that_are_no_files(companions: Any, message: str) -> None:
    refused(Source(given=(images(), LABELS), more={"companions": companions}), message)


def refused(source: Source, message: str) -> None:
    """The dataset is refused by one line that names it."""
    with pytest.raises(UserError) as caught:
        data_splits.load(source, Path())
    said = str(caught.value)
    assert message in said
    assert said.startswith("the dataset 'tests.contracts.test_plugin_mistakes:Source'")
    assert said.isprintable() and len(said) <= 300


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, np.int64])
def test_labels_of_any_integer_type_become_int64(dtype: type) -> None:
    loaded = data_splits.load(Source(given=(images(), LABELS.astype(dtype))), Path())
    splits = (loaded.training.train, loaded.training.validation, loaded.test)
    assert {split.targets.dtype for split in splits} == {np.dtype(np.int64)}
    assert all(set(split.targets) == {0, 1} for split in splits)


def test_a_test_split_may_lack_a_class() -> None:
    loaded = data_splits.load(Source(given=(images(), LABELS, images(9), LABELS[:9] * 0)), Path())
    assert set(loaded.test.targets) == {0}


def test_wrong_samples_stop_the_command(line: Line) -> None:
    body = DATASET.replace("(40, 1, 12, 12)", "(40, 12, 12)")
    assert "the dataset 'own_plugin:Dataset': pixels of shape (40, 12, 12)" in line("dataset", body)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_without_a_final_newline(
    write: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    base = HEAD + PLUGINS[kind].replace(f"class {CLASSES[kind]}", "class Shared")
    (tmp_path / "own_base.py").write_text(base.rstrip())
    body = f"from own_base import Shared\n\nclass {CLASSES[kind]}(Shared): pass"
    loaded = read.load(write(kind, body, end=""))
    found = digest.record(loaded.dataset_name, data_splits.load(loaded.dataset, tmp_path))
    assert len(plan.plan(loaded, found["digest"])) == len(loaded.variants)


OWN_NET = """
class Technique(TorchTechnique):
    parents = {parents}
    null_case = NullCase({{}})
    student: {type} = Field(default=None)
    model: str = "a word that is no net"

    def build(self, parents, data, fit):
        return self.student.build(data.signature)
"""
STUDENT = 'student = {name = "mlp", hidden = [5]}\n'
TYPES = ["ModelOption", "ModelOption | None"]


@pytest.mark.parametrize("type_", TYPES)
def test_the_net_is_known_by_its_type_not_by_its_option_s_name(
    write: Callable[..., Path], type_: str
) -> None:
    body = OWN_NET.format(parents="(1, 1)", type=type_)
    after = '[variants.after]\ntechnique = "train"\nparent = "mine"\n'
    loaded = read.load(write("technique", body, more=STUDENT + after))
    for name in ("mine", "after"):
        model = loaded.variants[name].root_model
        assert model is not None
        found = describe_model(model)
        assert found == {"name": "mlp", "hidden": [5]}


def made(variant: Variant, tiny: Data, parents: list[make_job.Parent] = []) -> Any:  # noqa: B006
    parent_keys = tuple("1" * 32 for _ in parents)
    job = plan.Job(variant, 0, "0" * 32, parent_keys, {"threads": 1, "libraries": {}})
    return make_job.make(job, parents, tiny, lambda *_: None)


@pytest.mark.parametrize("type_", TYPES)
def test_a_root_of_one_s_own_works(
    write: Callable[..., Path], tiny: Data, tmp_path: Path, type_: str
) -> None:
    path = write("technique", OWN_NET.format(parents="(0, 0)", type=type_), more=STUDENT)
    path.write_text(path.read_text().removeprefix(TEACHER).replace('parent = "teacher"\n', ""))
    loaded = read.load(path)
    assert loaded.baseline == "mine"
    variant = loaded.variants["mine"]
    _, files = made(variant, tiny)
    (tmp_path / "c").write_bytes(files["checkpoint.safetensors"])
    assert variant.root_model is not None
    net = variant.root_model.build(tiny.signature)
    checkpoint.load(str(tmp_path / "c"), net)
    path.write_text(path.read_text().replace(STUDENT, ""))
    with pytest.raises(UserError, match=r"has no parent, so it needs a net: 'student'"):
        read.load(path)


NETS = {
    "raises": ("1 / 0", "the model 'own_plugin:Model' can't be built: ZeroDivisionError"),
    "refuses": ("raise ValueError('too small')", "the model 'own_plugin:Model': too small"),
    "gives nothing": (
        "return None",
        "the model 'own_plugin:Model' gave NoneType, not a torch module",
    ),
    "gives a class": ("from torch import nn; return nn.Flatten", "gave type, not a torch module"),
    "is too narrow": (
        "from torch import nn; return nn.Sequential(nn.Flatten(), nn.Linear(9, signature.outputs))",
        "the model 'own_plugin:Model' gave a net that fails on inputs (2, 1, 12, 12): RuntimeError",
    ),
    "has one class too few": (
        "from torch import nn; return nn.Sequential(nn.Flatten(), nn.Linear(144, 2))",
        "the model 'own_plugin:Model' gave a net whose logits are (2, 2), not (2, 3)",
    ),
    "gives a picture": (
        "from torch import nn; return nn.Identity()",
        "gave a net whose logits are (2, 1, 12, 12), not (2, 3)",
    ),
}


@pytest.mark.parametrize(("body", "message"), NETS.values(), ids=NETS)
def test_a_model_that_does_not_fit_fails_before_it_is_trained(
    write: Callable[..., Path], tiny: Data, monkeypatch, body: str, message: str
) -> None:
    text = MODEL.replace(
        "def build(self, signature):", f"def build(self, signature):\n        {body}"
    )
    variant = read.load(write("model", text)).variants["mine"]
    monkeypatch.setattr(make_job.Fit, "__call__", lambda *_: pytest.fail("it was trained"))
    with pytest.raises(JobFailed) as caught:
        made(variant, tiny)
    assert message in str(caught.value)
    assert str(caught.value).isprintable() and len(str(caught.value)) <= 300


@pytest.fixture
def teacher(tmp_path: Path, tiny: Data) -> Callable[[read.Suite], make_job.Parent]:
    def call(loaded: read.Suite) -> make_job.Parent:
        variant = loaded.variants["teacher"]
        store = Store(tmp_path / "results")
        store.root.mkdir(parents=True)
        return make_job.Parent(store.put(*made(variant, tiny)), variant.root_model)

    return call


RESULTS = {
    "TorchTechnique": (
        "build(self, parents, data, fit)",
        {
            "pass": "gave NoneType, not a torch module",
            "return parents": "gave list, not a torch module",
            "return b'x'": "gave bytes, not a torch module",
            "return parents[0][1]": "gave a net that fails on inputs (2, 1, 12, 12)",
            "return parents[0][:2]": "gave a net whose logits are (2, 128), not (2, 3)",
        },
    ),
    "OnnxTechnique": (
        "rewrite(self, parent, data)",
        {
            "pass": "gave NoneType, not the bytes of an ONNX file",
            "return 'x'": "gave str, not the bytes of an ONNX file",
            "return b'x'": "gave no valid ONNX file: DecodeError",
            "return b''": "gave no valid ONNX file: ValidationError",
        },
    ),
    "LoweringTechnique": (
        "lower(self, parents, data, fit)",
        {
            "return parents[0]": "gave Sequential, not the bytes of an ONNX file",
        },
    ),
}
CASES = [  # of each base the first is fast enough for every day
    pytest.param(base, signature, body, message, marks=[pytest.mark.slow] if number else [])
    for base, (signature, bodies) in RESULTS.items()
    for number, (body, message) in enumerate(bodies.items())
]


def test_a_predictor_is_wanted(write: Callable[..., Path], tiny: Data, teacher) -> None:
    text = (
        "class Technique(PredictorTechnique):\n    null_case = NullCase({})\n    teaches = True\n"
        '    learner = library = "x"\n'
        "    def learn(self, parents, data, fit): return parents[0]\n"
    )
    loaded = read.load(write("technique", text))
    with pytest.raises(JobFailed, match="gave Sequential, not a Predictor"):
        made(loaded.variants["mine"], tiny, [teacher(loaded)])


@pytest.mark.parametrize(("base", "signature", "body", "message"), CASES)
def test_what_a_technique_gives_must_be_what_its_base_promises(
    write: Callable[..., Path],
    tiny: Data,
    teacher,
    base: str,
    signature: str,
    body: str,
    message: str,
) -> None:
    text = (
        f"class Technique({base}):\n    null_case = NullCase({{}})\n    def {signature}: {body}\n"
    )
    loaded = read.load(write("technique", text))
    with pytest.raises(JobFailed) as caught:
        made(loaded.variants["mine"], tiny, [teacher(loaded)])
    said = str(caught.value)
    assert said.startswith("the technique 'own_plugin:Technique' gave ")
    assert message in said
    assert said.isprintable() and len(said) <= 300


@pytest.mark.parametrize("kind", KINDS)
def test_describing_a_wrong_plugin_is_one_line(write: Callable[..., Path], kind: str) -> None:
    path = write(kind, "1 / 0\n")
    where = Path(package.__file__).parents[1]
    result = subprocess.run(
        [sys.executable, "-m", "compbench", "list", f"{kind}s", f"own_plugin:{CLASSES[kind]}"],
        cwd=path.parent,
        env=os.environ | {"PYTHONPATH": str(where)},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1 and "ZeroDivisionError" in result.stderr
