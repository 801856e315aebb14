"""What fails, at any stage and in any way, fails one row; the run goes on, and so does the next."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compbench.contracts.inputs import Inputs
from compbench.errors import JobFailed, UserError
from compbench.failure_boundary import boundary
from compbench.make import job
from compbench.make.store import MODEL, Manifest
from compbench.measure import footprint, launch, loadgen
from compbench.onnxfile import size
from compbench.runtime import inference, process
from compbench.runtime.process import ProcessFailed, Worker
from compbench.suite import read
from tests import crashing
from tests.run.test_stages import ALL, CPU, SUITE, Lab, arms
from tests.run.test_stages import lab as lab

CRASH = "the process that ran it was ended by signal 11 (SIGSEGV)"
LOADGEN = f'{SUITE}[targets.{CPU}]\nloadgen = {{ scenarios = ["server"] }}\n'


def name_of(file: str) -> str:
    manifest = Path(file).with_name("manifest.json").read_bytes()
    return Manifest.model_validate_json(manifest).variant


def crash(*_: Any) -> Any:
    """A real process that really ends so."""
    return process.call(crashing.segfault, {}, {})


def raises(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any) -> Any:
        raise error

    return fail


class _Panic(BaseException):
    """As libraries in Rust raise: no Exception."""


WAYS = {
    "crash": (crash, CRASH),
    "mistake": (raises(IndexError("list index\nout of range")), "IndexError: list index"),
    "coloured": (raises(ValueError("\x1b[31mred\x1b[0m")), "ValueError: red"),
    "exit": (raises(SystemExit(3)), "SystemExit: 3"),
    "panic": (raises(_Panic("no")), "_Panic: no"),
    "file": (raises(FileNotFoundError(errno.ENOENT, "No such file", "x")), "FileNotFoundError: "),
}


def replaced(module: Any, name: str, stage: str, fail: Callable[..., Any], monkeypatch) -> None:
    """A function of a module fails for the variant kd, whose file is among its arguments."""
    real = getattr(module, name)

    def function(*given: Any, **named: Any) -> Any:
        files = [x for x in given if isinstance(x, str) and x.endswith(MODEL)]
        files += [x["file"] for x in given if isinstance(x, dict) and "file" in x]
        if stage == "make":
            is_kd = given[0].variant.name == "kd"
        else:
            is_kd = "kd" in map(name_of, files)
        return fail() if is_kd else real(*given, **named)

    monkeypatch.setattr(module, name, function)


STAGES = {
    "make": (job, "make", ""),
    "evaluate": (inference, "infer", CPU),
    "size": (Worker, "call", ""),
    "footprint": (footprint, "footprints", CPU),
    "server": (loadgen, "scenario", CPU),
}


@pytest.mark.parametrize(
    ("stage", "way"),
    [
        *((stage, way) for stage in STAGES for way in ("crash", "mistake")),
        *(("footprint", way) for way in WAYS if way not in ("crash", "mistake")),
    ],
)
def test_a_failure_fails_its_row_and_all_else_goes_on(
    stage: str, way: str, lab: Lab, monkeypatch
) -> None:
    module, name, target = STAGES[stage]
    fail, reason = WAYS[way]
    with monkeypatch.context() as patched:
        if stage == "size":
            real = Worker.call

            def call(own: Worker, function: Any, spec: dict[str, Any], *given: Any, **named: Any):
                if function is size.measured and name_of(spec["file"]) == "kd":
                    return fail()
                return real(own, function, spec, *given, **named)

            patched.setattr(Worker, "call", call)
        else:
            replaced(module, name, stage, fail, patched)
        work = lab.run(LOADGEN)
        again = lab.work(LOADGEN)
    path = lab.root / "run" / f"error-{stage if stage != 'size' else 'evaluate'}-kd-0"
    path = path.with_name(f"{path.name}{f'.{target}' if target else ''}.txt")
    reasons = lab.reasons()
    assert reasons["kd", target, -1].startswith(reason)
    assert reasons["kd", target, -1].endswith(f"(traceback: {path})")
    assert "\n" not in reasons["kd", target, -1] and "\x1b" not in path.read_text()
    assert ("Segmentation fault" if way == "crash" else "Traceback") in path.read_text()
    others = {variant for variant, *_ in reasons} - {"kd"}
    assert others == ({"q"} if stage in ("make", "evaluate") else set())  # its child
    whole = sorted({*ALL} - {"kd"} - others)
    for metric in ("size_bytes", "score", "memory_bytes", "loadgen_server", "latency_ns"):
        assert set(lab.having(metric)) >= {*whole}, metric
    timed = [v for v in ALL if v in whole or (v == "kd" and stage == "server")]
    assert lab.log == [] or lab.log[-1] == f"launch 2: {arms(*timed)}"
    if stage == "server":
        assert len(work.failures) == 1 and "loadgen_server: " in work.failures[0]
    if stage != "make":  # what was measured is not measured again within this run
        assert again.failures == work.failures
        if stage != "evaluate":
            assert not [step for step in again.left() if step.kind != "weigh"]


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "size"])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), OSError(errno.EDQUOT, "full"), UserError("no")]
)
def test_what_ends_a_run_ends_it_at_every_stage(
    stage: str, error: Exception, lab: Lab, monkeypatch
) -> None:
    module, name, _ = STAGES[stage]
    replaced(module, name, stage, raises(error), monkeypatch)
    with pytest.raises(type(error)):
        lab.run(LOADGEN)


def crashes_with(*culprits: str, lab: Lab, marks: bool = True) -> Callable[..., Any]:
    """Launches that really crash where one of these variants is in them."""

    def fake(spec: launch.Spec, inputs: Inputs, silent_s: float) -> dict[str, Any]:
        there = [arm for arm in spec.arms if arm.partition("/")[0] in culprits]
        if there:
            lab.log.append(f"crash {spec.seed}: {' '.join(spec.arms)}")
            at = there[0] if marks else ""
            process.call(crashing.segfault, {"at": at}, inputs)
        return lab.launch(spec, inputs, silent_s)

    return fake


@pytest.mark.parametrize("marks", [True, False], ids=["marked", "unknown"])
@pytest.mark.parametrize("culprits", [("kd",), ("kd", "q")])
def test_an_arm_that_crashes_a_launch_loses_only_itself(
    marks: bool, culprits: tuple[str, ...], lab: Lab, monkeypatch
) -> None:
    monkeypatch.setattr(launch, "launch", crashes_with(*culprits, lab=lab, marks=marks))
    work = lab.run()
    expected = {(name, CPU, -1): f"in launch 1: {CRASH}" for name in culprits}
    reasons = {where: reason.partition(" (traceback")[0] for where, reason in lab.reasons().items()}
    assert reasons == expected
    rest = [variant for variant in ALL if variant not in culprits]
    for index in range(3):
        assert lab.having("latency_ns", launch=index) == sorted(rest)
        assert lab.having("control_latency_ns", launch=index) == ["alone"]
    crashes = [line for line in lab.log if line.startswith("crash") and "control" in line]
    assert len(crashes) == (len(culprits) if marks else 1)  # later launches leave them out
    again = lab.work()
    assert (again.failures, again.left(), again.unfit) == (work.failures, [], work.unfit)


def test_a_baseline_that_crashes_its_launch_is_told_for_the_target(lab: Lab, monkeypatch) -> None:
    monkeypatch.setattr(launch, "launch", crashes_with("alone", lab=lab))
    work = lab.run()
    (reason,) = lab.reasons().values()
    assert reason.startswith(f"in launch 1: {CRASH}")
    assert reason.endswith(f"without the baseline nothing is timed on {CPU}")
    assert lab.having("latency_ns") == []
    assert lab.having("score") == lab.having("memory_bytes") == sorted(ALL)
    assert len(work.failures) == 1


def test_a_twin_of_what_crashes_has_its_row_too(lab: Lab, monkeypatch) -> None:
    twin = '[variants.twin]\ntechnique = "train"\nmodel = { name = "mlp", hidden = [128] }\n'
    monkeypatch.setattr(launch, "launch", crashes_with("teacher", lab=lab))
    lab.run(SUITE + twin)
    assert {variant for variant, *_ in lab.reasons()} == {"teacher", "twin"}


def test_a_twin_of_what_cannot_be_weighed_has_its_row_too(lab: Lab, monkeypatch) -> None:
    twin = '[variants.twin]\ntechnique = "distill"\nparent = "teacher"\nmodel = "mlp"\n'
    replaced(footprint, "footprints", "footprint", raises(JobFailed("no room")), monkeypatch)
    work = lab.run(SUITE + twin)
    assert {where: "no room" in why for where, why in lab.reasons().items()} == {
        ("kd", CPU, -1): True,
        ("twin", CPU, -1): True,
    }
    assert lab.work(SUITE + twin).failures == work.failures
    assert len(work.failures) == 2


def test_a_figure_of_the_task_that_is_no_number_is_a_failure(lab: Lab, monkeypatch) -> None:
    monkeypatch.setattr(type(lab.data.task), "further_scores", lambda *_: {"odd": float("nan")})
    work = lab.run()
    assert work.failures == [
        f"{name} (seed 0) on {CPU}: odd: it is nan, not a finite number" for name in ALL
    ]
    assert sorted(lab.work().failures) == sorted(work.failures)
    assert lab.having("latency_ns") == sorted(ALL), "all else stands"


def test_a_launch_that_crashes_by_nobody_s_fault_is_lost_alone(lab: Lab, monkeypatch) -> None:
    def fake(spec: launch.Spec, inputs: Inputs, silent_s: float) -> dict[str, Any]:
        if spec.seed == 1 and len(spec.arms) > 1:
            crash()
        return lab.launch(spec, inputs, silent_s)

    monkeypatch.setattr(launch, "launch", fake)
    lab.run()
    assert list(lab.reasons()) == [("alone", CPU, 1)]
    assert lab.having("latency_ns", launch=2) == sorted(ALL)


def test_the_limit_of_a_suite_reaches_all_its_processes(lab: Lab, monkeypatch) -> None:
    seen: dict[str, float] = {}
    for module, name, place in (
        (launch, "launch", 2),
        (footprint, "footprints", 4),
        (loadgen, "scenario", 4),
    ):
        real = getattr(module, name)

        def spy(*given: Any, real=real, name=name, place=place) -> Any:
            seen[name] = given[place]
            return real(*given)

        monkeypatch.setattr(module, name, spy)
    text = LOADGEN.replace("[measure]", "[measure]\nprocess_seconds = 77")
    work = lab.run(text)
    assert seen == {"launch": 77, "footprints": 77, "scenario": 77}
    assert work.worker._silent_s == 77


def test_fast_keeps_the_limit(write_suite: Callable[[str], Path]) -> None:
    text = SUITE.replace("[measure]", "[measure]\nprocess_seconds = 3000")
    assert read.fast(read.load(write_suite(text))).measure.process_seconds == 3000


@pytest.mark.parametrize(("given", "word"), [("0", "greater than 0"), ('"10"', "number")])
def test_a_limit_that_is_none_is_refused(
    given: str, word: str, write_suite: Callable[[str], Path]
) -> None:
    text = SUITE.replace("[measure]", f"[measure]\nprocess_seconds = {given}")
    with pytest.raises(UserError, match=rf"\[measure\].*process_seconds.*{word}"):
        read.load(write_suite(text))


def test_what_went_well_leaves_no_file(tmp_path: Path) -> None:
    with boundary(lambda _: tmp_path / "x"):
        pass
    with pytest.raises(JobFailed, match=r"^plainly$"), boundary(lambda _: tmp_path / "x"):
        raise JobFailed("plainly")
    with pytest.raises(KeyboardInterrupt), boundary(lambda _: tmp_path / "x"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_baseline_without_a_torch_module_is_no_reason_to_stop(lab: Lab) -> None:
    work = lab.run(SUITE.replace('baseline = "alone"', 'baseline = "q"'))
    assert work.failures == []
    assert lab.having("control_latency_ns") == ["q"]


def test_sides_of_a_gate_are_named_where_one_crashes(monkeypatch, tmp_path: Path) -> None:
    from compbench.gate import paired_timing
    from compbench.runtime.target import Target

    def fake(*_: Any) -> Any:
        raise ProcessFailed(CRASH, at="control")

    monkeypatch.setattr(paired_timing, "launch", fake)
    with pytest.raises(JobFailed) as raised:
        paired_timing.timed(("new.onnx", "old.onnx"), Target(), {}, 0)
    assert str(raised.value) == f"the baseline, old.onnx: {CRASH}"
