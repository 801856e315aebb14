"""The plugin as its users meet it: outcomes, exit codes, lines; only the measuring is made up."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from compbench.contracts import Split
from compbench.contracts.inputs import Feed, Normalisation
from compbench.data import digest
from compbench.data.splits import Data
from compbench.errors import JobFailed, UserError
from compbench.gate import baseline, paired_timing, pytest_fixtures
from compbench.gate import pair as gate_pair
from compbench.gate import prepare as gate_prepare
from compbench.gate.added_memory import Growth
from compbench.gate.baseline import Places
from compbench.gate.check import Measured, Pair, Verdict
from compbench.gate.paired_timing import Comparison, Timing
from compbench.gate.snapshot import Snapshot
from compbench.onnxfile import metadata
from compbench.results.columns import unpacked
from compbench.runtime import machine
from tests.factory import ENVIRONMENT, exactly, make_run
from tests.gate.test_paired_timing import launched
from tests.kept import FILES, write_run

pytest_plugins = ["pytester"]

Run = Callable[..., pytest.RunResult]
TESTS = "baselines/main/baseline.json::"


def measured(verdict: Verdict = Verdict.PASS, drop: int = 0, ratio: float = 1) -> Measured:
    right = np.ones(400, np.uint8)
    wrong = (np.arange(400) >= drop).astype(np.uint8)
    taken = tuple(launched(ratio) for _ in range(5))
    comparison = Comparison(exactly(ratio), exactly(1), verdict, 5)
    growth = Growth(100, 100, exactly(0), Verdict.PASS, 3)
    own = {"latency": Timing(comparison, taken), "memory": growth}
    return Measured((wrong, right), 0.875, own)


@pytest.fixture
def measurements(monkeypatch) -> dict[str, Measured | Exception]:
    """What will be measured of a variant, where a test says so; all else passes."""
    found: dict[str, Measured | Exception] = {}

    def measure(pair: Pair, *_: Any) -> Measured:
        result = found.get(pair.variant, measured())
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setattr(gate_pair, "measure", measure)
    return found


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch, tiny: Data, measurements: dict[str, Any]) -> Run:
    """pytest in a folder with the runs of a suite called "mine" and its baseline "main"."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # else there are no benchmarks in it
    monkeypatch.setattr(gate_prepare, "loaded", lambda *_: (tiny, []))
    monkeypatch.setattr(machine, "record", lambda: ENVIRONMENT)
    write_run(pytester.path / "results")
    baseline.save("mine", "main", Places())
    is_installed = any(entry.name == "compbench" for entry in entry_points(group="pytest11"))
    plugin = () if is_installed else ("-p", "compbench.pytest_plugin")

    def call(*arguments: str, candidate: str | None = "mine") -> pytest.RunResult:
        asked = ("--compbench", candidate, "--compbench-baseline", "main") if candidate else ()
        alone = ("-p", "no:cacheprovider", "-p", "no:syrupy", "-p", "no:hypothesispytest")
        return pytester.runpytest_inprocess(*plugin, *alone, *asked, *arguments)

    return call


def lines(result: pytest.RunResult, *wanted: str) -> None:
    result.stdout.fnmatch_lines([line.replace("[", "[[]") for line in wanted])


def test_one_test_for_every_variant_and_target(run: Run) -> None:
    result = run("--collect-only", "-q")
    lines(result, f"{TESTS}teacher[cpu_1thread]", f"{TESTS}student[cpu_1thread]")
    assert result.ret == 0


def test_what_passes_and_against_what_is_told(run: Run) -> None:
    result = run()
    assert result.ret == 0
    result.assert_outcomes(passed=2)
    lines(
        result,
        "compbench: *mine/20260102T030405Z against baselines/main (suite mine, commit 0123*",
        "compbench: limits from compbench's defaults: latency_ratio 1.025, bytes_ratio 1.01,*",
        "PASS teacher[cpu_1thread]: latency: 1.000× (1.000–1.000) of the baseline's time*",
    )
    assert "another machine" not in result.stdout.str()


def test_a_failure_gives_every_gate_s_line_the_failing_ones_first(
    run: Run, pytester: pytest.Pytester, measurements: dict[str, Any]
) -> None:
    other = {"teacher": FILES["teacher"], "student": b"x" * 100}
    write_run(pytester.path / "results", other, started="2026-02-02T03:04:05+00:00")
    measurements["student"] = measured(drop=200)
    result = run()
    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    lines(
        result,
        "student[cpu_1thread]",
        "  FAIL         accuracy: 100.00% became 50.00%: −50.00 pp*",
        "  PASS         latency: *",
        "  PASS         bytes: *",
        "  PASS         memory: *",
        "  PASS         parity: *",
        "  PASS         logits: *",
        "FAIL student[cpu_1thread]: FAIL*accuracy*",
    )
    assert "Traceback" not in result.stdout.str()


def test_a_percentage_may_be_allowed_in_points_and_a_gate_is_corrected_for_all_its_files(
    run: Run, pytester: pytest.Pytester, measurements: dict[str, Any]
) -> None:
    other = {"teacher": FILES["teacher"], "student": b"x" * 100}
    write_run(pytester.path / "results", other, started="2026-02-02T03:04:05+00:00")
    measurements["student"] = measured(drop=100)
    pytester.makeini("[pytest]\ncompbench_accuracy_drop = 2pp\n")
    result = run()
    assert result.ret == 1
    lines(
        result,
        "compbench: limits from*: latency_ratio 1.025, quality_drop 2pp, bytes_ratio*",
        "  FAIL         accuracy:*(allowed: a drop of 2 pp, quality_drop; 2 files judged)",
    )


def test_what_the_same_file_loses_is_no_drop(run: Run, measurements: dict[str, Any]) -> None:
    measurements["student"] = measured(drop=1)
    run().assert_outcomes(passed=2)


def test_a_drop_of_0_that_was_recorded_as_the_default_is_the_default(
    run: Run, pytester: pytest.Pytester
) -> None:
    folder = pytester.path / "results"
    old = {"accuracy_drop": 0.0, "memory_ratio": 1.2}
    write_run(folder, gate=old, started="2026-02-02T03:04:05+00:00")
    lines(run(), "*limits from*: latency_ratio 1.025, bytes_ratio 1.01, memory_ratio 1.2")
    now = {**old, "latency_launches": 5}
    write_run(folder, gate=now, started="2026-03-02T03:04:05+00:00")
    lines(run(), "*limits from*: latency_ratio 1.025, quality_drop 0, bytes_ratio*")


def test_inconclusive_is_an_outcome_of_its_own(run: Run, measurements: dict[str, Any]) -> None:
    measurements["student"] = measured(Verdict.INCONCLUSIVE)
    result = run()
    assert result.ret == 0
    lines(
        result,
        f"{TESTS[:-2]} .I *",
        "INCONCLUSIVE student[cpu_1thread]: latency: *",
        "*1 passed, 1 inconclusive in *",
    )
    strict = run("--compbench-strict")
    assert strict.ret == 1
    strict.assert_outcomes(passed=1, failed=1)


def test_a_variant_that_vanished_fails_and_a_new_one_is_called_new(
    run: Run, pytester: pytest.Pytester
) -> None:
    new = {"student": FILES["student"], "tiny": b"x"}
    write_run(pytester.path / "results", new, started="2026-02-02T03:04:05+00:00")
    result = run()
    assert result.ret == 1
    result.assert_outcomes(passed=1, failed=1)
    lines(
        result,
        f"{TESTS[:-2]} F.N *",
        "*the baseline has this variant, the candidate * no longer has it",
        "NEW tiny[cpu_1thread]: the baseline has no such variant: nothing to compare with",
        "*1 failed, 1 passed, 1 new in *",
    )


@pytest.mark.parametrize("is_known", [True, False])
def test_what_the_candidate_s_run_could_not_make_fails(
    is_known: bool, run: Run, pytester: pytest.Pytester
) -> None:
    lost = {"student" if is_known else "tiny": "out of memory"}
    files = {name: FILES[name] for name in FILES if name not in lost}
    write_run(pytester.path / "results", files, lost, started="2026-02-02T03:04:05+00:00")
    result = run()
    result.assert_outcomes(passed=len(files), failed=1)
    lines(result, "*the candidate's run failed: out of memory")


def test_what_can_t_be_measured_fails(run: Run, measurements: dict[str, Any]) -> None:
    measurements["teacher"] = JobFailed("the candidate, x.onnx: no model")
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    lines(result, "  it can't be measured: the candidate, x.onnx: no model")


def test_a_full_disk_is_a_line(run: Run, measurements: dict[str, Any]) -> None:
    measurements["teacher"] = OSError(errno.ENOSPC, "No space left on device", "/tmp/x")
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    lines(result, "  it can't be measured: /tmp/x: No space left on device")
    assert "Traceback" not in result.stdout.str()


def test_what_a_target_lacks_is_a_visible_skip(run: Run, pytester: pytest.Pytester) -> None:
    target = {"provider": "xnnpack", "threads": 1, "batch_sizes": [1]}
    write_run(pytester.path / "results", targets={"x": target}, started="2026-02-02T03:04:05+00:00")
    result = run("-q")
    result.assert_outcomes(passed=2, skipped=2)  # the baseline's target is there as well
    lines(result, "SKIPPED teacher[x]: this ONNX Runtime has no XnnpackExecutionProvider *")


def test_another_machine_is_allowed_and_said(run: Run, monkeypatch) -> None:
    monkeypatch.setattr(machine, "record", lambda: ENVIRONMENT | {"cpu": "New CPU"})
    result = run()
    result.assert_outcomes(passed=2)
    lines(result, "*both sides are measured again here*CPU: Made-up CPU became New CPU*")


@pytest.mark.parametrize("candidate", ["baselines/main", "files", "results/runs/mine/*"])
def test_a_candidate_can_be_a_run_a_baseline_or_bare_files(
    candidate: str, run: Run, pytester: pytest.Pytester
) -> None:
    (pytester.path / "files").mkdir()
    for name, content in FILES.items():
        (pytester.path / "files" / f"{name}.onnx").write_bytes(content)
    (path,) = map(str, pytester.path.glob(candidate))
    result = run("-v", candidate=path)
    assert result.ret == 0
    result.assert_outcomes(passed=2)


def test_limits_in_pytest_s_configuration_go_before_the_suite_s(
    run: Run, pytester: pytest.Pytester
) -> None:
    suite = pytester.path / "mine.toml"
    suite.write_text(
        '[gate]\nlatency_ratio = 2\nbytes_ratio = 2\n[variants.a]\ntechnique = "train"\n'
        'model = "mlp"\n'
    )
    write_run(pytester.path / "results", suite_path=str(suite), started="2026-02-02T03:04:05+00:00")
    pytester.makeini("[pytest]\ncompbench_bytes_ratio = 3\ncompbench_memory_processes = 7\n")
    result = run()
    lines(
        result,
        f"compbench: limits from {suite} and pytest's configuration: latency_ratio 2, "
        "bytes_ratio 3, memory_ratio 1.1*",
    )


def test_pytest_benchmark_s_table_and_json_have_the_candidate(
    run: Run, pytester: pytest.Pytester, measurements: dict[str, Any]
) -> None:
    measurements["student"] = measured(Verdict.FAIL, ratio=1.5)
    result = run("--benchmark-json", "b.json", "--benchmark-autosave")
    assert result.ret == 1
    lines(result, "*benchmark 'cpu_1thread': 2 tests*", "student[cpu_1thread] *1.5000 (1.5*")
    content = json.loads((pytester.path / "b.json").read_text())
    found = {one["params"]["variant"]: one for one in content["benchmarks"]}
    assert found["student"]["stats"]["median"] == 1.5e-3
    assert found["student"]["stats"]["rounds"] == 5 * 8  # the discarded ones are not in it
    info = found["student"]["extra_info"]
    assert (info["verdict"], info["launches"], info["agreement"]) == ("FAIL", 5, 0.875)
    assert info["ratio"] == {"value": 1.5, "low": 1.5, "high": 1.5}
    assert info["gates"]["bytes"]["verdict"] == "PASS" and "100 B" in info["gates"]["bytes"]["line"]
    assert info["sha256"]["candidate"] == info["sha256"]["baseline"] != ""
    assert info["environment"] == ENVIRONMENT and info["limits"]["latency_ratio"] == 1.025
    for arm, ns in (("candidate", 1_500_000), ("baseline", 1_000_000)):
        assert [set(unpacked(x)) for x in info["raw_ns"][arm]] == [{ns}] * 5
    assert list(pytester.path.glob(".benchmarks/*/0001_*.json"))


@pytest.mark.parametrize(
    ("option", "outcomes"),
    [
        ("--benchmark-only", {"passed": 2}),
        ("--benchmark-skip", {"skipped": 2}),
        ("--benchmark-disable", {"passed": 2}),
    ],
)
def test_pytest_benchmark_s_switches_work(option: str, outcomes: dict[str, int], run: Run) -> None:
    result = run(option)
    result.assert_outcomes(**outcomes)
    has_table = "benchmark 'cpu_1thread'" in result.stdout.str()
    assert has_table == (option == "--benchmark-only")


def test_without_pytest_benchmark_the_verdicts_stand(run: Run) -> None:
    result = run("-p", "no:benchmark")
    result.assert_outcomes(passed=2)
    lines(result, "compbench: pytest-benchmark is not there, so no table or JSON of times")


def test_in_a_worker_of_xdist_the_missing_table_is_told(run: Run, monkeypatch) -> None:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    result = run("--benchmark-json", "b.json", "-W", "ignore")
    result.assert_outcomes(passed=2)
    lines(result, "*pytest-benchmark is switched off in a worker of pytest-xdist, so no table*")


def test_gates_run_alone_or_beside_the_tests_that_are_named(
    run: Run, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_own="def test_own(): pass")
    run().assert_outcomes(passed=2)
    run("test_own.py").assert_outcomes(passed=3)
    run(f"{TESTS}student[cpu_1thread]").assert_outcomes(passed=1)
    run("-k", "student").assert_outcomes(passed=1, deselected=1)
    run(candidate=None).assert_outcomes(passed=1)


def _save_other(path: Path, **changes: Any) -> None:
    """A baseline "other" whose run was like the candidate's but for these changes."""
    write_run(path / "results", started="2026-02-02T03:04:05+00:00", **changes)
    baseline.save(changes.get("suite", "mine"), "other", Places())
    shutil.rmtree(path / "results/runs/mine/20260202T030405Z", ignore_errors=True)


OTHER = ("--compbench", "mine", "--compbench-baseline", "other")


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (None, ("--compbench", "mine"), "*needs --compbench-baseline BASELINE; known: main"),
        (None, OTHER, "*no baseline 'other' under baselines*"),
        (None, ("--compbench-baseline", "main"), "*--compbench-baseline needs --compbench RUN*"),
        (None, ("--compbench-strict",), "*--compbench-strict needs --compbench RUN*"),
        (
            None,
            ("--compbench", "mina", "--compbench-baseline", "main"),
            "*there is no run of 'mina' under results*did you mean 'mine'?",
        ),
        (
            lambda path: _save_other(path, suite="else"),
            OTHER,
            "*mine/* is of suite 'mine', the baseline baselines/other of 'else'",
        ),
        (
            lambda path: _save_other(path, files={"net": b"n"}),
            OTHER,
            "*have no variant in common: teacher, student; net",
        ),
        (
            lambda path: _save_other(path, dataset={**make_run().dataset, "digest": "e" * 64}),
            OTHER,
            "*the dataset's digest is dddddddddddd…, the baseline baselines/other has eeeeeeee*",
        ),
        (
            lambda path: (path / "baselines/main/student.onnx").write_bytes(b"x"),
            ("--compbench", "mine", "--compbench-baseline", "main"),
            "*baselines/main/student.onnx is damaged: its sha256 is *",
        ),
        (
            lambda path: (path / "pytest.ini").write_text(
                "[pytest]\ncompbench_bytes_ratio = lots\n"
            ),
            ("--compbench", "mine", "--compbench-baseline", "main"),
            "*pytest.ini: bytes_ratio: 'lots' should be a number",
        ),
        (
            lambda path: (path / "pytest.ini").write_text(
                "[pytest]\ncompbench_accuracy_drop = 1\n"
            ),
            ("--compbench", "mine", "--compbench-baseline", "main"),
            "*[[]gate]: quality_drop: 1.0 may be 1pp or 100pp: write the one that is meant",
        ),
        (
            lambda path: (path / "pytest.ini").write_text(
                "[pytest]\ncompbench_latency_ratio = 0.5\n"
            ),
            ("--compbench", "mine", "--compbench-baseline", "main"),
            "*latency_ratio = 0.5 should be greater than or equal to 1",
        ),
        (
            None,
            ("--compbench", "mine", "--compbench-baseline", "main", "-n", "2"),
            "*pytest-xdist: leave out -n",
        ),
    ],
)
def test_wrong_input_ends_pytest_with_one_line(
    prepare: Callable[[Path], Any] | None,
    arguments: tuple[str, ...],
    message: str,
    run: Run,
    pytester: pytest.Pytester,
) -> None:
    if prepare:
        prepare(pytester.path)
    result = run(*arguments, candidate=None)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {message}"])
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_dataset_that_is_not_the_baseline_s_is_refused(
    pytester: pytest.Pytester, monkeypatch, tiny: Data
) -> None:
    write_run(pytester.path / "results")
    ours = baseline.load(baseline.save("mine", "main", Places()))
    monkeypatch.setattr(gate_prepare.splits, "load", lambda *_: tiny)
    with pytest.raises(
        gate_prepare.UserError, match=r"digits under x: .* has d{12}…: other test samples"
    ):
        gate_prepare.loaded(ours, Path("x"))

    def saved(**changes: Any) -> Snapshot:
        record = {**digest.record("digits", tiny), **changes}
        kept = {name: value for name, value in record.items() if value is not None}
        return replace(ours, record=ours.record.model_copy(update={"dataset": kept}))

    assert gate_prepare.loaded(saved(), Path("x")) == (tiny, [])
    assert gate_prepare.loaded(saved(digest="e" * 64, samples={}), Path("x")) == (tiny, [])
    with pytest.raises(gate_prepare.UserError, match=r"has e{12}…"):
        gate_prepare.loaded(saved(digest="d" * 64, test_digest="e" * 64), Path("x"))
    old = saved(digest="d" * 64, test_digest=None)
    (line,) = gate_prepare.loaded(old, Path("x"))[1]
    assert "whether digits under x has the baseline's test samples is unknown" in line
    with pytest.raises(gate_prepare.UserError, match=r"has d{12}…"):
        gate_prepare.loaded(saved(digest="d" * 64, test_digest=None, outputs=4), Path("x"))


def write_model(path: Path, batch: int | str = "n", width: int = 4) -> str:
    """y = x of (batch, 4)."""
    node = helper.make_node("Identity", ["x"], ["y"])
    inputs, outputs = (
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, [batch, width])] for n in "xy"
    )
    graph = helper.make_graph([node], "identity", inputs, outputs)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
    return str(path)


OWN = """
import pytest
from compbench.errors import UserError

def test_mine(compbench_session, benchmark):
    session = compbench_session("net.onnx")
    benchmark(session.run)
    assert session.outputs().shape == (1, 4)

def test_compared(compbench_compare):
    assert compbench_compare("net.onnx", "net.onnx").verdict == "PASS"

def test_unknown(compbench_session):
    with pytest.raises(UserError, match="no ONNX file 'nte.onnx'; did you mean 'net.onnx'?"):
        compbench_session("nte.onnx")
    with pytest.raises(UserError, match="no target 'cpuu'; did you mean 'cpu'?"):
        compbench_session("net.onnx", target="cpuu")
"""


def test_the_fixtures_work_without_gates(run: Run, pytester: pytest.Pytester, monkeypatch) -> None:
    write_model(pytester.path / "net.onnx")
    pytester.makepyfile(OWN)
    monkeypatch.setattr(paired_timing, "timed", lambda *_: launched(1))
    result = run("--benchmark-max-time=0.01", candidate=None)
    result.assert_outcomes(passed=3)
    lines(result, "test_mine *")


def test_a_variant_s_session_is_bound_to_the_test_images(
    tmp_path: Path, monkeypatch, tiny: Data
) -> None:
    monkeypatch.chdir(tmp_path)
    content = Path(write_model(tmp_path / "net.onnx", 1)).read_bytes()
    write_run(tmp_path / "results", {"net": content})
    ours = baseline.load(baseline.save("mine", "main", Places()))
    images, training = np.arange(12, dtype=np.float32).reshape(3, 4), tiny.training
    monkeypatch.setattr(
        gate_prepare,
        "loaded",
        lambda *_: (Data(training, Split({"x": images}, np.zeros(3, np.int64))), []),
    )
    monkeypatch.setattr(machine, "record", lambda: ENVIRONMENT)
    files = pytest_fixtures.Files(gate_prepare.prepare(ours, ours, Path("x"), {}))
    session = files.session("net", "cpu_1thread")
    session.run()
    np.testing.assert_array_equal(session.outputs(), images[:1])


@pytest.mark.parametrize(("batch", "shape"), [("n", (0, 4)), (3, (3, 4))])
def test_noise_has_the_shape_that_a_file_takes(
    batch: int | str, shape: tuple[int, ...], tmp_path: Path
) -> None:
    path = Path(write_model(tmp_path / "net.onnx", batch))
    assert pytest_fixtures.noise_shapes(path) == {"x": shape}


FEEDS = {
    "none": [],
    "renamed": [Feed("x", "pixels", normalisation=Normalisation((0.0,), (1.0,), 4.0))],
    "flat": [Feed("x", "pixels", layout="flat")],
}


@pytest.mark.parametrize("feeds", FEEDS)
def test_a_file_takes_an_array_without_a_name(feeds: str, tmp_path: Path) -> None:
    path = Path(write_model(tmp_path / "net.onnx"))
    path.write_bytes(metadata.fed(path.read_bytes(), FEEDS[feeds]))
    given = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    given = given if feeds == "flat" else given.reshape(2, 4)
    session = pytest_fixtures.Files(None).session(path, inputs=given)
    session.run()
    scale = 4 if feeds == "renamed" else 1
    np.testing.assert_allclose(session.outputs(), given[:1].reshape(1, 4) / scale)
    if feeds == "flat":
        with pytest.raises(UserError, match="give inputs="):
            pytest_fixtures.Files(None).session(path)
    else:
        pytest_fixtures.Files(None).session(path).run()


UNGATED = """
import sys
import pytest

def test_it(pytestconfig):
    is_read = "compbench.suite.gate" in sys.modules
    assert is_read == {configured} == ("pydantic" in sys.modules)
    if is_read:
        assert pytestconfig.getini("compbench_bytes_ratio") == "3"
"""


@pytest.mark.parametrize("configured", [False, True])
def test_where_nothing_is_gated_the_checks_are_read_only_if_a_limit_is_configured(
    configured: bool, pytester: pytest.Pytester, monkeypatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(UNGATED.format(configured=configured))
    pytester.makeini("[pytest]\n" + "compbench_bytes_ratio = 3\n" * configured)
    arguments = ("-p", "compbench.pytest_plugin", "--strict-config", "-W", "error")
    result = pytester.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=1)


def test_the_plugin_costs_nothing_where_it_is_not_asked_for() -> None:
    code = (
        "import sys, compbench.pytest_plugin\n"
        "print(sorted({'numpy', 'onnx', 'onnxruntime', 'pydantic', 'torch'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")
