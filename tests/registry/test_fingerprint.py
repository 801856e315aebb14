"""What a foreign plugin's fingerprint covers: its own code through any import, and libraries."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from compbench.contracts import DatasetSource
from compbench.data import digest, splits
from compbench.errors import UserError
from compbench.registry import fingerprint, registry
from compbench.registry.fingerprint import Sources
from compbench.suite import plan
from compbench.suite import read as suite_read
from compbench.tasks import classification, regression

TECHNIQUE = """
from compbench.contracts import NullCase, TorchTechnique
{imports}

class Technique(TorchTechnique):
    null_case = NullCase({{}})

    def build(self, parents, data, fit):
        {body}
        return parents[0]
"""
MODEL = """
from compbench.contracts import ModelFamily
from mine.net import net

class Model(ModelFamily):
    def build(self, shape, classes):
        return net(shape, classes)
"""
NET = """
def net(shape, classes):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[1] * shape[2], classes))
"""
SUITE = """
[variants.teacher]
technique = "train"
model = "{model}"
[variants.mine]
technique = "{technique}"
parent = "teacher"
"""
TAUGHT_BY_A_FILE = """
[variants.teacher]
technique = "train"
model = "cnn"
[variants.int8]
technique = "quantize_static"
parent = "teacher"
[variants.student]
technique = "distill"
parent = "int8"
model = "mlp"
"""
TASK = classification.Task()
HELPER = "SCALE = 2\n"


class Folder:
    """Foreign code in a folder of its own, which is imported from."""

    def __init__(self, root: Path, write_suite: Callable[[str], Path]):
        self.root, self.write_suite = root, write_suite

    def write(self, **files: str) -> None:
        """`mine__helper` is mine/helper.py."""
        for name, text in files.items():
            *folders, last = name.split("__")
            file = "__init__" if last == "init" else last
            path = self.root.joinpath(*folders, f"{file}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    def keys(self, technique: str = "mine.tech:Technique", model: str = "cnn") -> dict[str, str]:
        path = self.write_suite(SUITE.format(technique=technique, model=model))
        return {job.variant.name: job.key for job in plan.plan(suite_read.load(path), "d")}

    def changed(self, before: dict[str, str], **arguments: str) -> set[str]:
        after = self.keys(**arguments)
        return {name for name, key in after.items() if key != before[name]}


@pytest.fixture
def folder(
    tmp_path: Path, write_suite: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Folder]:
    root, known = tmp_path / "code", set(sys.modules)
    root.mkdir()
    monkeypatch.syspath_prepend(str(root))
    forget()
    yield Folder(root, write_suite)
    for name in set(sys.modules) - known:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(root)) or name.partition(".")[0] in ("mine", "theirs"):
            del sys.modules[name]


FORMS = {
    "from module import name": ("from mine.helper import SCALE", "pass"),
    "import module": ("import mine.helper", "pass"),
    "import module as": ("import mine.helper as h", "pass"),
    "from package import module": ("from mine import helper", "pass"),
    "from . import module": ("from . import helper", "pass"),
    "from .module import name": ("from .helper import SCALE", "pass"),
    "in a function": ("", "from mine.helper import SCALE"),
    "relative, in a function": ("", "from .helper import SCALE"),
    "import_module": ("import importlib", 'importlib.import_module("mine.helper")'),
    "relative import_module": (
        "from importlib import import_module",
        'import_module(".helper", __package__)',
    ),
    "star": ("from mine import *", "pass"),
    "in try": ("try:\n    from mine.helper import SCALE\nexcept ImportError:\n    pass", "pass"),
    "where types are not checked": (
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\nelse:\n"
        "    from mine import helper",
        "pass",
    ),
}


@pytest.mark.parametrize(("imports", "body"), FORMS.values(), ids=FORMS.keys())
def test_a_helper_is_found_through_every_form_of_import(
    imports: str, body: str, folder: Folder
) -> None:
    folder.write(mine__init="", mine__helper=HELPER)
    folder.write(mine__tech=TECHNIQUE.format(imports=imports, body=body))
    before = folder.keys()
    folder.write(mine__helper="SCALE = 3\n")
    assert folder.changed(before) == {"mine"}


def test_helpers_of_helpers_and_packages_on_the_way(folder: Folder) -> None:
    folder.write(
        mine__init="",
        mine__inner__init="from .first import A\n",
        mine__inner__first="from ..second import B as A\n",
        mine__second="def f():\n    from mine.third import B\nB = 1\n",
        mine__third="import mine.second\nB = 1\n",
        mine__unused="X = 1\n",
        mine__tech=TECHNIQUE.format(imports="import mine.inner.deep", body="pass"),
        mine__inner__deep="",
    )
    before = folder.keys()
    for name in ("init", "inner__init", "inner__first", "second", "third", "inner__deep"):
        file = folder.root / f"mine/{name.replace('__', '/').replace('init', '__init__')}.py"
        old = file.read_text()
        file.write_text(old + "\nMORE = 1\n")
        assert folder.changed(before) == {"mine"}, name
        file.write_text(old)
    folder.write(mine__unused="X = 2\n")
    assert folder.changed(before) == set()


def test_the_packages_that_a_plugin_lies_in_run_when_it_is_imported(folder: Folder) -> None:
    folder.write(mine__init="", mine__inner__init="")
    folder.write(mine__inner__tech=TECHNIQUE.format(imports="", body="pass"))
    technique = "mine.inner.tech:Technique"
    for name in ("mine__init", "mine__inner__init"):
        before = folder.keys(technique)
        folder.write(**{name: "import torch\ntorch.set_default_dtype(torch.float64)\n"})
        assert folder.changed(before, technique=technique) == {"mine"}


def test_what_computes_among_the_contracts_counts(folder: Folder) -> None:
    """How batches are drawn and prepared, say; it is reached through the package itself."""
    folder.write(mine__tech=TECHNIQUE.format(imports="", body="pass"))
    found = Sources().of([registry.find("technique", "mine.tech:Technique")]).modules
    assert {f"compbench.contracts.{x}" for x in ("data", "inputs")} <= found.keys()
    assert not {"compbench.contracts", "compbench.contracts.options"} & found.keys()


def test_what_builds_an_own_net_counts(folder: Folder, write_suite: Callable[[str], Path]) -> None:
    folder.write(mine="from torch import nn\n\n\nclass Net(nn.Flatten):\n    pass\n")
    path = write_suite('[variants.t]\ntechnique = "train"\nmodel = "mine:Net"\n')
    (job,) = plan.plan(suite_read.load(path), "d")
    code = job.parts["code"]
    assert {"mine", *(f"compbench.contracts.{x}" for x in ("own_net", "arguments"))} <= code.keys()


def test_what_runs_a_file_counts_where_one_teaches(write_suite: Callable[[str], Path]) -> None:
    suite = suite_read.load(write_suite(TAUGHT_BY_A_FILE))
    first, second, _ = plan.plan(suite, "d")
    assert "compbench.runtime.session" not in first.parts["code"]
    assert "compbench.runtime.session" not in second.parts["code"]
    assert "compbench.runtime.session" in plan.plan(suite, "d")[2].parts["code"]


def test_files_beside_the_plugin_s_without_a_package(folder: Folder) -> None:
    folder.write(
        mine=TECHNIQUE.format(imports="from mine_helper import SCALE", body="pass"),
        mine_helper="from mine_other import *\n",
        mine_other="SCALE = 1\n",
    )
    before = folder.keys("mine:Technique")
    folder.write(mine_other="SCALE = 2\n")
    assert folder.changed(before, technique="mine:Technique") == {"mine"}


def test_a_folder_without_init_is_a_package(folder: Folder) -> None:
    folder.write(
        mine__deep__tech=TECHNIQUE.format(imports="from ..helper import SCALE", body="pass"),
        mine__helper=HELPER,
    )
    before = folder.keys("mine.deep.tech:Technique")
    folder.write(mine__helper="SCALE = 3\n")
    assert folder.changed(before, technique="mine.deep.tech:Technique") == {"mine"}


@pytest.mark.parametrize(
    "imports",
    [
        "from compbench.techniques import prune_weights",
        "import compbench.techniques.prune_weights",
        "from compbench.techniques.prune_weights import Technique as Other",
        "from compbench.toolkit import masks",
        "import compbench.toolkit.masks",
    ],
)
def test_modules_of_compbench_are_followed(
    imports: str, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(mine__tech=TECHNIQUE.format(imports=imports, body="pass"))
    # `train`, the parent, has masks too: its own key is no matter here
    read = Path.read_bytes
    before = Sources().of([registry.find("technique", "mine.tech:Technique")])
    monkeypatch.setattr(
        Path, "read_bytes", lambda f: read(f) + (b"\nX = 1\n" if f.name == "masks.py" else b"")
    )
    after = Sources().of([registry.find("technique", "mine.tech:Technique")])
    assert before.modules["compbench.toolkit.masks"] != after.modules["compbench.toolkit.masks"]


def test_a_base_class_in_another_file(folder: Folder) -> None:
    base = TECHNIQUE.format(imports="", body="FACTOR = 1").replace("Technique(T", "Base(T")
    folder.write(mine__base=base)
    folder.write(mine__tech="from mine.base import Base\n\nclass Technique(Base):\n    pass\n")
    before = folder.keys()
    folder.write(mine__base=base.replace("FACTOR = 1", "FACTOR = 2"))
    assert folder.changed(before) == {"mine"}


def test_a_net_in_another_file_than_its_model(folder: Folder) -> None:
    folder.write(mine__init="", mine__family=MODEL, mine__net=NET)
    arguments = {"technique": "prune_weights", "model": "mine.family:Model"}
    before = folder.keys(**arguments)
    folder.write(mine__net=NET.replace("nn.Flatten()", "nn.Flatten(), nn.ReLU()"))
    assert folder.changed(before, **arguments) == {"teacher", "mine"}


def test_a_model_in_an_option_of_another_name(folder: Folder) -> None:
    folder.write(mine__family=MODEL, mine__net=NET)
    text = TECHNIQUE.format(imports="from compbench.contracts import ModelOption", body="pass")
    field = "    null_case = NullCase({})\n    helper: ModelOption = None\n"
    folder.write(mine__tech=text.replace("    null_case = NullCase({})\n", field))
    given = 'mine.tech:Technique"\nhelper = "mine.family:Model'
    before = folder.keys(given)
    folder.write(mine__net=NET.replace("nn.Flatten()", "nn.Flatten(), nn.ReLU()"))
    assert folder.changed(before, technique=given) == {"mine"}


@pytest.mark.parametrize(
    "same",
    [
        "# a comment\nSCALE = 2\n",
        '"""A docstring."""\n\n\nSCALE = 2  # two\n"""Another below."""\n',
        "SCALE = (\n    2\n)\n",
        "SCALE=2",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import mine.other\nSCALE = 2\n",
    ],
)
def test_comments_docstrings_formatting_and_types_do_not_count(same: str, folder: Folder) -> None:
    imported = "from typing import TYPE_CHECKING\n" if "TYPE_CHECKING" in same else ""
    folder.write(mine__helper=imported + HELPER, mine__other="X = 1\n")
    folder.write(mine__tech=TECHNIQUE.format(imports="from mine.helper import SCALE", body="pass"))
    before = folder.keys()
    folder.write(mine__helper=same)
    assert folder.changed(before) == set()
    folder.write(mine__other="X = 2\n")
    assert folder.changed(before) == set()
    folder.write(mine__helper=same.replace("2", "3"))
    assert folder.changed(before) == {"mine"}


def installed(folder: Folder, version: str, code: str = "X = 1\n") -> None:
    """A library `theirs`, of the distribution `their-dist`, as an installer leaves it."""
    folder.write(theirs__init=code, theirs__version=f'__version__ = "{version}"\n')
    info = folder.root / "their_dist.dist-info"
    info.mkdir(exist_ok=True)
    plain = version.partition("+")[0]
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: their_dist\nVersion: {plain}\n")
    (info / "RECORD").write_text("theirs/__init__.py,,\ntheir_dist.dist-info/METADATA,,\n")


@pytest.mark.parametrize("version", ["1.0.1", "1.0+cu130"])
def test_a_library_s_version_and_build_count_not_its_files(version: str, folder: Folder) -> None:
    folder.write(mine__tech=TECHNIQUE.format(imports="", body="from theirs import X"))
    installed(folder, "1.0")
    before = folder.keys()
    job = next(
        j
        for j in plan.plan(suite_read.load(folder.root.parent / "mine.toml"), "d")
        if j.seed == 0 and j.variant.name == "mine"
    )
    assert job.parts["libraries"]["their-dist"] == "1.0"
    folder.write(theirs__init="X = 2\n")
    assert folder.changed(before) == set()
    forget()
    installed(folder, version)
    assert folder.changed(before) == {"mine"}


def forget() -> None:
    """What was installed can't change while a process lives; here it does."""
    fingerprint._installed.cache_clear()
    fingerprint._listed.cache_clear()


def test_a_class_of_a_library_is_taken_by_its_version() -> None:
    """A net may be named from torch itself: nobody reads its two thousand files."""
    found = Sources().of([torch.nn.Linear])
    assert found.modules == {}
    assert found.libraries["torch"] == torch.__version__


def test_what_no_distribution_brought_is_the_user_s_code(folder: Folder) -> None:
    folder.write(mine__tech=TECHNIQUE.format(imports="import theirs", body="pass"))
    folder.write(theirs__init="X = 1\n")
    before = folder.keys()
    folder.write(theirs__init="X = 2\n")
    assert folder.changed(before) == {"mine"}


def test_what_cannot_be_parsed_or_found_is_no_error(folder: Folder) -> None:
    folder.write(
        mine__init="",
        mine__old='print "of Python 2"\n',
        mine__tech=TECHNIQUE.format(imports="", body="import mine.old, mine.absent, nowhere"),
    )
    before = folder.keys()
    folder.write(mine__old='print "changed"\n')
    assert folder.changed(before) == {"mine"}


def test_a_class_without_a_file_is_refused() -> None:
    plugin = type("Technique", (), {"__module__": "made_up_by_hand"})
    with pytest.raises(UserError, match="the plugin made_up_by_hand has no source file"):
        Sources().of([plugin])


def test_nothing_is_imported_to_take_a_fingerprint() -> None:
    code = (
        "import sys\n"
        "from compbench.suite import plan, read\n"
        "from pathlib import Path\n"
        "plan.plan(read.load(Path('suites/compression.toml')), 'd')\n"
        "heavy = {'torch', 'onnx', 'onnxruntime', 'sklearn', 'compbench.make.job'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


DATASET = """
import numpy as np
from compbench.contracts import DatasetSource, Samples
from mine.reader import pixels

class Dataset(DatasetSource):
    classes = 2
    def fingerprint(self, data_dir):
        return "always the same"
    def load(self, data_dir):
        labels = np.arange(60, dtype=np.int64) % 2
        return Samples.of_images(pixels(60), labels)
"""
READER = """
import numpy as np
def pixels(count):
    random = np.random.default_rng(0)
    return random.integers(0, 256, (count, 1, 4, 4), dtype=np.uint8)
"""


def test_a_dataset_s_digest_is_remembered_until_its_reader_changes(
    folder: Folder, tmp_path: Path
) -> None:
    folder.write(mine__init="", mine__images=DATASET, mine__reader=READER)
    source: DatasetSource = registry.find("dataset", "mine.images:Dataset")()
    found: dict[str, Any] = digest.record("mine", splits.load(source, tmp_path))
    assert digest.known(source, TASK, "same", tmp_path) is None
    digest.remember(found, source, TASK, "same", tmp_path)
    assert digest.known(source, TASK, "same", tmp_path) == found["digest"]
    assert digest.known(source, regression.Task(), "same", tmp_path) is None, "it has no classes"
    folder.write(mine__reader=f'"""Another docstring."""\n{READER}# and a comment\n')
    assert digest.known(source, TASK, "same", tmp_path) == found["digest"]
    folder.write(mine__reader=READER.replace("default_rng(0)", "default_rng(1)"))
    assert digest.known(source, TASK, "same", tmp_path) is None, "it has to be loaded again"
