"""Adding a thing is adding one file: each example, put into its folder, is found and tested."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from torch import nn

from compbench.cli import listing
from compbench.contracts import (
    DatasetSource,
    ExecutionProvider,
    LossBase,
    ModelFamily,
    ShiftBase,
    TaskBase,
    TechniqueBase,
)
from compbench.data import splits
from compbench.data.splits import Data
from compbench.doctor import techniques
from compbench.errors import UserError
from compbench.gate import documentation
from compbench.gate import pair as gate_pair
from compbench.gate.added_memory import Growth
from compbench.gate.check import Evidence, GateCheck, Measured, Pair, Result
from compbench.gate.paired_timing import Comparison, Timing, Verdict
from compbench.gate.snapshot import Entry, Record, Snapshot
from compbench.registry import registry
from compbench.runtime.target import Target
from compbench.suite import read, schema
from compbench.suite.gate import gate_model, old_names
from tests.contracts import test_contracts as contracts
from tests.factory import exactly
from tests.losses import test_losses as losses
from tests.shifts import test_shifts as shifts
from tests.tasks import test_tasks as tasks

pytest_plugins = ["pytester"]

EXAMPLES = Path(__file__).parents[2] / "examples" / "adding"
FILES: dict[registry.Kind, str] = {
    "technique": "technique.py",
    "model": "model.py",
    "dataset": "dataset.py",
    "task": "task.py",
    "loss": "loss.py",
    "shift": "shift.py",
    "provider": "provider.py",
    "check": "gate_check.py",
}
PACKAGES: dict[registry.Kind, str] = {
    "technique": "compbench.techniques",
    "model": "compbench.models",
    "dataset": "compbench.datasets",
    "task": "compbench.tasks",
    "loss": "compbench.losses",
    "shift": "compbench.shifts",
    "provider": "compbench.providers",
    "check": "compbench.gate.checks",
}
NAME = "added"
SUITE = '[variants.a]\ntechnique = "train"\nmodel = "mlp"\n'


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts an example into the folder of its kind, as a file called `NAME`."""
    modules = []

    def put(kind: registry.Kind) -> None:
        package = importlib.import_module(PACKAGES[kind])
        folder = tmp_path / kind
        folder.mkdir()
        shutil.copy(EXAMPLES / FILES[kind], folder / f"{NAME}.py")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        modules.append(f"{PACKAGES[kind]}.{NAME}")

    yield put
    for module in modules:
        if sys.modules.pop(module, None):
            delattr(sys.modules[module.rpartition(".")[0]], NAME)


@pytest.mark.parametrize("kind", FILES)
def test_one_file_is_found_by_its_name(kind: registry.Kind, add: Callable[..., None]) -> None:
    bases = {
        "technique": TechniqueBase,
        "model": ModelFamily,
        "dataset": DatasetSource,
        "task": TaskBase,
        "loss": LossBase,
        "shift": ShiftBase,
        "provider": ExecutionProvider,
        "check": GateCheck,
    }
    with pytest.raises(UserError, match=f"there is no {kind} 'added'"):
        registry.find(kind, NAME)
    add(kind)
    assert NAME in registry.names(kind)
    plugin = registry.find(kind, NAME)
    assert issubclass(plugin, bases[kind]) and plugin.__doc__


@pytest.mark.parametrize(
    "kind", ["technique", "model", "dataset", "task", "loss", "shift", "provider"]
)
def test_it_is_listed_and_in_the_schema(kind: registry.Kind, add: Callable[..., None]) -> None:
    add(kind)
    (table,) = (name for name, its_kind in listing.KINDS.items() if its_kind == kind)
    assert NAME in [one.name for one in listing.entries(table)]
    assert f'"{NAME}"' in json.dumps(schema.suite_schema())


def test_each_example_is_named_where_it_is_told_how_to_add_one() -> None:
    page = (EXAMPLES.parent.parent / "CONTRIBUTING.md").read_text()
    named = re.findall(r"\(examples/adding/(\w+\.py)\)", page)
    assert sorted(named) == sorted(path.name for path in EXAMPLES.glob("*.py"))


def test_the_readme_s_technique_is_the_example() -> None:
    readme = (EXAMPLES.parent.parent / "README.md").read_text()
    assert (EXAMPLES / "technique.py").read_text() in readme


def test_a_technique_passes_the_contract_tests(add: Callable[..., None], tiny: Data) -> None:
    add("technique")
    contracts.test_the_null_case_does_nothing(NAME, tiny)
    contracts.test_a_technique_repeats_itself_and_leaves_its_parent_alone(NAME, tiny)
    contracts.test_what_a_technique_makes_survives_export_and_checkpoint(NAME, tiny)
    plugin = registry.find("technique", NAME)
    parent = contracts.parent()
    made, _ = techniques.made(plugin(), [parent], contracts.subject(tiny))
    assert isinstance(made, nn.Module)
    for before, after in zip(parent.parameters(), made.parameters(), strict=True):
        assert np.array_equal(after.detach().numpy(), before.detach().numpy() / 2)


def test_a_model_passes_the_contract_test(add: Callable[..., None]) -> None:
    add("model")
    contracts.test_models_give_logits_export_and_come_back_from_a_checkpoint(NAME)


def test_a_dataset_passes_the_contract_test_and_has_its_splits(
    add: Callable[..., None], tmp_path: Path
) -> None:
    add("dataset")
    contracts.test_a_dataset_that_is_here_loads_the_same_twice(NAME)
    found = splits.load(registry.find("dataset", NAME)(), tmp_path)
    assert found.signature.outputs == 2 and found.signature.image == (1, 8, 8)


def test_a_task_keeps_every_promise_and_its_suite_can_be_read(
    add: Callable[..., None], write_suite: Callable[[str], Path]
) -> None:
    add("task")
    plugin = registry.find("task", NAME)
    targets = np.arange(tasks.SAMPLES) % tasks.OUTPUTS
    one = tasks.Example(plugin(), targets, lambda wanted: 50 * np.eye(tasks.OUTPUTS)[wanted])
    tasks.test_targets_and_scores_have_the_shapes_that_are_promised(one)
    tasks.test_nothing_is_better_than_a_perfect_answer(one)
    tasks.test_a_student_that_says_what_its_teacher_says_has_nothing_to_learn(one, 4.0)
    tasks.test_the_loss_has_gradients_and_a_perfect_answer_the_least(one)
    assert one.task.wrong_targets(targets, 3) == "targets are not all in 0 to 2"
    suite = read.load(write_suite(f'task = "{NAME}"\n[pick]\nmax_drop = "0.1"\n{SUITE}'))
    assert suite.task.headline.name == "levels_off"


def test_a_loss_keeps_every_promise_and_its_suite_can_be_read(
    add: Callable[..., None], write_suite: Callable[[str], Path], tiny: Data
) -> None:
    add("loss")
    teacher, student = losses.net(0).eval(), losses.net(1, (4, 8))
    one = losses.Subject(losses.made(NAME), tiny, teacher, student)
    losses.test_a_student_that_is_its_teacher_has_the_least_loss(one)
    losses.test_another_net_has_more_and_learns_alone(one)
    losses.test_the_order_of_a_batch_is_of_no_matter(one)
    losses.test_one_sample_gives_a_number(one, [0])
    text = f'[variants.b]\ntechnique = "distill"\nparent = "a"\nmodel = "mlp"\nlosses = ["{NAME}"]'
    suite = read.load(write_suite(f"{SUITE}{text}\n"))
    (loss,) = suite.variants["b"].technique.losses  # type: ignore[attr-defined]
    assert loss.weight == 1


def test_a_shift_keeps_every_promise_and_its_suite_can_be_read(
    add: Callable[..., None], write_suite: Callable[[str], Path]
) -> None:
    add("shift")
    for name in ("image", "photograph"):
        one = shifts.Subject(NAME, name)
        shifts.test_nothing_is_changed_at_severity_0(one)
        shifts.test_names_types_and_shapes_stay(one)
        shifts.test_the_same_generator_gives_the_same(one)
        shifts.test_a_higher_severity_is_farther_from_the_original(one)
    suite = read.load(write_suite(f"{SUITE}[shifts]\n{NAME} = {{ severities = [5] }}\n"))
    assert suite.shifts[NAME].shift.severities == (5,)


def test_a_provider_is_a_target_of_suites(
    add: Callable[..., None],
    write_suite: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add("provider")
    options = 'provider_options = { backend_path = "x" }\n'
    text = f'[targets.npu]\nprovider = "{NAME}"\n{options}{SUITE}'
    target = read.load(write_suite(text)).targets["npu"]
    assert target.ort_options() == {"backend_path": "x"}
    assert "no QNNExecutionProvider" in (target.unavailable() or "")
    there = ["QNNExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    assert target.unavailable() is None
    with pytest.raises(UserError, match="'added' has no provider option 'backend'"):
        read.load(write_suite(text.replace("backend_path", "backend")))


def test_a_check_s_limit_is_one_of_suites_schema_and_documentation(
    add: Callable[..., None], write_suite: Callable[[str], Path]
) -> None:
    limit = "same_class_share"
    with pytest.raises(UserError, match=f"has no option '{limit}'"):
        read.load(write_suite(f"[gate]\n{limit} = 0.9\n{SUITE}"))
    add("check")
    suite = read.load(write_suite(f"[gate]\n{limit} = 0.9\n{SUITE}"))
    assert suite.gate.model_dump()[limit] == 0.9
    with pytest.raises(UserError, match=rf"\[gate\]: {limit} = 2 should be less than or equal"):
        read.load(write_suite(f"[gate]\n{limit} = 2\n{SUITE}"))
    assert limit in schema.suite_schema()["$defs"]["Gate"]["properties"]
    last = documentation.checks_table().splitlines()[-1]
    assert last.startswith(f"| {NAME} |") and last.endswith(f"| less than 0.5 | `{limit}` |")


def test_a_check_is_an_option_of_pytest_s_configuration(
    add: Callable[..., None], pytester: pytest.Pytester
) -> None:
    add("check")
    help_ = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--help").stdout.str()
    assert "compbench_same_class_share" in help_
    assert {*re.findall(r"(?<=compbench_)\w+(?= \(string\))", help_)} == {
        *gate_model().model_fields,
        *old_names(),
    }


@pytest.mark.parametrize(("share", "verdict"), [(0.4, Verdict.FAIL), (0.6, Verdict.PASS)])
def test_a_check_judges(
    share: float, verdict: Verdict, add: Callable[..., None], tmp_path: Path
) -> None:
    def results() -> dict[str, Result]:
        found = gate_pair.judge(evidence, gate_model()())
        return {result.name: result for result in found}

    file = tmp_path / "a.onnx"
    file.write_bytes(b"a")
    side = Snapshot("mine", Record(variants={"a": Entry(sha256="", file="a")}, saved=""), {})
    growth = Growth(1, 1, exactly(0), Verdict.PASS, 3)
    timing = Timing(Comparison(exactly(1), exactly(1), Verdict.PASS, 5), ())
    own = {"latency": timing, "memory": growth, NAME: None}
    right = np.ones(9, np.uint8)
    pair = Pair("a", "cpu", Target(), file, file)
    evidence = Evidence(pair, Measured((right, right), share, own), side, side)
    assert NAME not in results()
    add("check")
    assert results()[NAME].verdict is verdict
    assert results()[NAME].line == f"alike on {share:.2%} (at least 50.00%)"


def test_two_checks_with_a_limit_of_one_name_are_told_apart(
    add: Callable[..., None], tmp_path: Path
) -> None:
    add("check")
    file = tmp_path / "check" / f"{NAME}.py"
    file.write_text(file.read_text().replace("same_class_share", "bytes_ratio"))
    with pytest.raises(UserError, match="two gate checks have a limit 'bytes_ratio'"):
        gate_model()
