"""The stages of a run, with everything slow replaced: what fails, what goes on, what is resumed."""

from __future__ import annotations

import errno
import importlib.util
import io
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from compbench.contracts.inputs import Inputs
from compbench.data import digest, splits
from compbench.data.splits import Data
from compbench.errors import JobFailed, UserError
from compbench.make import job as make_job
from compbench.make import module_check
from compbench.make.store import LOGITS, MODEL, Manifest, Store
from compbench.measure import evaluate, footprint, launch
from compbench.measure import loadgen as measure_loadgen
from compbench.measure import profile as measure_profile
from compbench.models import cnn
from compbench.onnxfile import metadata
from compbench.results import record
from compbench.results.find import latest_run
from compbench.results.folder import read_rows, read_rows_of
from compbench.results.row import Row
from compbench.run import run as runs
from compbench.run.progress import Progress
from compbench.run.stages import Work
from compbench.run.steps import rows_name
from compbench.runtime import inference
from compbench.runtime.target import Target
from compbench.suite import plan
from compbench.suite import read as suite_read
from compbench.suite.plan import Job
from compbench.tasks import classification
from compbench.techniques import distill
from tests.conftest import SIGNATURE
from tests.factory import ENVIRONMENT, MEMORY, make_run

CPU, PIXELS, CLASSES = "cpu_1thread", 144, 3
SUITE = """
baseline = "alone"
[measure]
launches = 3
memory_processes = 1
[variants.teacher]
technique = "train"
model = "mlp"
[variants.kd]
technique = "distill"
parent = "teacher"
model = "mlp"
[variants.q]
technique = "quantize_static"
parent = "kd"
[variants.alone]
technique = "train"
model = "cnn"
"""
ALL = ("teacher", "kd", "q", "alone")
MATRIX = np.random.default_rng(0).normal(size=(PIXELS, CLASSES)).astype(np.float32) / PIXELS


def linear(name: str) -> bytes:
    """A file of other bytes for each artifact: images (batch, 1, 12, 12) -> pixels times MATRIX."""
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("MatMul", ["flat", "matrix"], ["logits"]),
        ],
        name,
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 1, 12, 12])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES])],
        [numpy_helper.from_array(MATRIX, "matrix")],
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=9)
    return metadata.fed(model.SerializeToString(), SIGNATURE.feeds())


def flat(data: Data) -> np.ndarray:
    """The prepared pixels of the test split (N, 144)."""
    prepared = data.training.prepared(data.test.arrays)["pixels"]
    return prepared.reshape(len(prepared), -1)


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@dataclass
class Lab:
    """Replaces what is slow, remembers what was asked of it, and fails where it is told to."""

    root: Path
    data: Data
    write_suite: Callable[[str], Path]
    console: Console = field(default_factory=lambda: Console(file=io.StringIO(), width=200))
    broken: dict[str, BaseException] = field(default_factory=dict)  # variant, or "launch 1"
    wrong: set[str] = field(default_factory=set)  # variants whose torch module differs
    log: list[str] = field(default_factory=list)

    def work(self, text: str = SUITE) -> Work:
        read = suite_read.load(self.write_suite(text))
        store, folder = Store(self.root / "results"), self.root / "run"
        store.root.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        self.log.clear()
        progress = Progress(self.console)
        jobs = plan.plan(read, "d")
        record = runs._describe(read, jobs, {"name": "tiny"}, store.root)
        return Work(read, jobs, self.data, store, folder, record, progress)

    def run(self, text: str = SUITE) -> Work:
        work = self.work(text)
        work.run()
        return work

    @property
    def rows(self) -> list[Row]:
        return read_rows(self.root / "run")

    @property
    def notes(self) -> str:
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue()

    def having(self, metric: str, **fields: Any) -> list[str]:
        """The variants that have a metric, sorted."""
        rows = [row for row in self.rows if row.metric == metric and row.status == "ok"]
        return sorted({r.variant for r in rows if fields.items() <= vars(r).items()})

    def reasons(self, status: str = "failed") -> dict[tuple[str, str, int], str]:
        rows = [row for row in self.rows if row.status == status]
        return {(row.variant, row.target, row.launch): row.reason for row in rows}

    def make(
        self, job: Job, parents: Sequence[make_job.Parent], data: Data, on_epoch: Any, *_: Any
    ) -> tuple[Manifest, dict[str, bytes]]:
        self._ask(f"make {job.variant.name}", job.variant.name)
        assert tuple(parent.artifact.manifest.key for parent in parents) == job.parent_keys
        files = {MODEL: linear(job.variant.name)}
        if job.variant.is_torch:
            logits = flat(data) @ MATRIX
            files[LOGITS] = npy(logits + (0.5 if job.variant.name in self.wrong else 0))
        manifest = Manifest(
            key=job.key,
            variant=job.variant.name,
            technique=job.variant.technique_name,
            seed=job.seed,
            parents=job.parent_keys,
            files={},
            versions={},
            made_at="2026-01-01T00:00:00+00:00",
            seconds=1.0,
            samples_seen=0,
            chosen_epoch=None,
            notes=("left as they are: 0 (LSTM)",) if job.variant.name == "kd" else (),
        )
        return manifest, files

    def launch(self, spec: launch.Spec, inputs: Inputs, silent_s: float) -> dict[str, Any]:
        self._ask(f"launch {spec.seed}: {' '.join(spec.arms)}", f"launch {spec.seed}")
        assert all(Path(file).is_file() for file in spec.arms.values())
        assert inputs["pixels"].dtype == np.uint8
        baseline, _, _ = spec.beside["control"].partition("/")
        seeds = {arm: 0 if arm == "control" else int(arm[-1]) for arm in spec.arms}
        assert {arm: spec.beside[arm] for arm in seeds} == {
            arm: f"{baseline}/{seed}" for arm, seed in seeds.items()
        }
        return {
            "latency": {arm: {"duration_ns": np.ones(3, np.int64)} for arm in spec.arms},
            "throughput": {"1": dict.fromkeys(spec.arms, np.ones(2))},
            "machine": {"": {"steal": np.zeros(1)}},
        }

    def footprints(self, file: str, *_: Any) -> dict[str, np.ndarray]:
        self._ask(f"footprint {self._variant(file)}", f"footprint {self._variant(file)}")
        return MEMORY

    def profile(self, file: str, *_: Any) -> dict[str, np.ndarray]:
        return {"operator": np.array(["MatMul"]), "ns": np.ones(1)}

    def scenario(self, kind: str, file: str, *_: Any) -> dict[str, np.ndarray]:
        self._ask(f"{kind} {self._variant(file)}", f"{kind} {self._variant(file)}")
        return {"name": np.array(["x"]), "value": np.ones(1), "reasons": np.array(["why", "not"])}

    def _variant(self, file: str) -> str:
        manifest = Path(file).with_name("manifest.json").read_bytes()
        return Manifest.model_validate_json(manifest).variant

    def _ask(self, line: str, name: str) -> None:
        self.log.append(line)
        if name in self.broken:
            raise self.broken[name]


@pytest.fixture
def lab(tmp_path: Path, tiny: Data, write_suite: Callable[[str], Path], monkeypatch) -> Lab:
    lab = Lab(tmp_path, tiny, write_suite)
    monkeypatch.setattr(make_job, "make", lab.make)
    monkeypatch.setattr(launch, "launch", lab.launch)
    monkeypatch.setattr(footprint, "footprints", lab.footprints)
    monkeypatch.setattr(measure_profile, "profile", lab.profile)
    monkeypatch.setattr(measure_loadgen, "scenario", lab.scenario)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: "mlperf" in name or find(name))
    return lab


def arms(*variants: str) -> str:
    return " ".join([*(f"{variant}/0" for variant in variants), "control"])


def test_a_whole_run_makes_evaluates_weighs_and_times(lab: Lab) -> None:
    work = lab.run()
    weighed = [f"footprint {variant}" for variant in ALL]
    timed = [f"launch {i}: {arms(*ALL)}" for i in range(3)]
    assert lab.log == [*(f"make {variant}" for variant in ALL), *weighed, *timed]
    assert work.failures == []
    for metric in ("size_bytes", "score", "memory_bytes", "operators", "latency_ns"):
        assert lab.having(metric) == sorted(ALL)
    assert lab.having("machine") == lab.having("control_latency_ns") == ["alone"]
    assert lab.having("status") == []
    assert work.left() == []
    assert lab.notes.count("[15/15]") == 1
    assert lab.notes.count("kd (seed 0): left as they are: 0 (LSTM)\n") == 1
    (said,) = (row for row in lab.rows if row.metric == "notes")
    assert (said.variant, [*said.samples["text"]]) == ("kd", ["left as they are: 0 (LSTM)"])


def test_a_net_that_will_fail_is_told_before_others_are_trained(lab: Lab, monkeypatch) -> None:
    def refuse(net: Any, data: Any) -> None:
        lab.log.append(f"try {type(net).__module__}")
        if isinstance(net, cnn.Model):
            raise JobFailed("the model 'cnn': too small an image")

    monkeypatch.setattr(module_check, "refuse_misfit", refuse)
    lab.run()
    tried = ["try compbench.models.mlp", "try compbench.models.cnn"]
    assert lab.log[:3] == [*tried, "make teacher"], "kd's net once, before all"
    assert lab.notes.count("alone (seed 0) will fail: the model 'cnn': too small an image\n") == 1
    assert lab.having("score"), "it fails at its turn, if it does"
    lab.run()
    assert not any(line.startswith("try") for line in lab.log), "nothing is left to be made"


def test_a_layer_that_is_not_there_is_told_before_the_teacher_is_trained(lab: Lab) -> None:
    losses = """losses = [{ name = "hints", layers = [["1", "17"]] }]"""
    before = 'technique = "distill"\n'
    lab.run(SUITE.replace(before, f"{before}{losses}\n"))
    said = lab.notes.index("kd (seed 0) will fail: the student: there is no layer '17'")
    assert said < lab.notes.index("make teacher")


def test_data_that_a_technique_can_t_take_are_told_before_others_are_trained(
    lab: Lab, monkeypatch
) -> None:
    def problem_with(self: Any, data: Any) -> str:
        lab.log.append(f"look at {len(data.train)}")
        return "too few samples"

    monkeypatch.setattr(distill.Technique, "problem_with", problem_with)
    lab.run()
    assert lab.log[:2] == ["look at 96", "make teacher"]
    assert lab.notes.count("kd (seed 0) will fail: too few samples\n") == 1


def test_each_file_is_run_once_on_a_target(lab: Lab, monkeypatch) -> None:
    """Also the parent's, with whose logits those of an ONNX technique are compared."""
    ran, infer = list[str](), inference.infer

    def counted(worker: Any, file: str, *given: Any, **asked: Any) -> inference.Inferred:
        ran.append(lab._variant(file))
        return infer(worker, file, *given, **asked)

    monkeypatch.setattr(inference, "infer", counted)
    lab.run(SUITE + '[variants.q2]\ntechnique = "quantize_static"\nparent = "kd"\n')
    assert sorted(ran) == sorted(ALL)  # q2 is the same file as q


def test_what_a_file_gives_alone_is_compared_with_what_it_gives_in_a_batch(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    infer = inference.infer

    def inferred(worker: Any, file: str, *given: Any, **asked: Any) -> inference.Inferred:
        found = infer(worker, file, *given, **asked)
        assert found.alone is not None
        assert found.alone.shape == (evaluate.ALONE, CLASSES)
        if lab._variant(file) == "q":
            found.alone[:8] = -found.outputs["test"][:8]
        return found

    monkeypatch.setattr(inference, "infer", inferred)
    lab.run()
    found = {r.variant: r.value for r in lab.rows if r.metric == "batch_agreement"}
    assert found == dict.fromkeys(ALL, 1.0) | {"q": 0.75}


def test_logits_are_kept_as_long_as_there_is_room(lab: Lab, monkeypatch) -> None:
    work = lab.run()
    ran = list[str]()

    def given(_: Any, file: str, __: Any, *splits: str, alone: int) -> inference.Inferred:
        ran.append(lab._variant(file))
        return inference.Inferred(dict.fromkeys(splits, np.zeros((5, 2), np.float32)), {})

    monkeypatch.setattr(inference, "infer", given)
    first, second, third = list(work.artifacts.values())[:3]
    kept = evaluate.Inferences(work.worker, most_bytes=100)
    for artifact in (first, second, first, third, first, second):
        kept.of(artifact, CPU, Target(), "test")
    kept.of(second, CPU, Target(), "test", "validation")  # more of it than is kept
    kept.of(second, "other", Target(), "test")
    assert ran == ["teacher", "kd", "q", "kd", "kd", "kd"]


def test_a_failed_job_fails_its_children_and_the_others_go_on(lab: Lab) -> None:
    lab.broken["teacher"] = JobFailed("the loss is nan")
    work = lab.run()
    assert lab.reasons() == {
        ("teacher", "", -1): "the loss is nan",
        ("kd", "", -1): "its parent teacher failed",
        ("q", "", -1): "its parent kd failed",
    }
    assert work.failures == [
        "teacher (seed 0): the loss is nan",
        "kd (seed 0): its parent teacher failed",
        "q (seed 0): its parent kd failed",
    ]
    assert lab.log[:2] == ["make teacher", "make alone"]
    assert lab.log[-1] == f"launch 2: {arms('alone')}"
    assert lab.having("latency_ns") == ["alone"]


def test_a_mistake_in_a_technique_fails_its_job_with_a_traceback(lab: Lab) -> None:
    lab.broken["kd"] = ZeroDivisionError("division\nby zero")
    lab.run()
    path = lab.root / "run" / "error-make-kd-0.txt"
    reason = f"ZeroDivisionError: division (traceback: {path})"
    assert lab.reasons()["kd", "", -1] == reason
    assert "FAILED: ZeroDivisionError" in lab.notes
    text = path.read_text()
    assert text.startswith("Traceback") and text.endswith("ZeroDivisionError: division\nby zero\n")
    assert lab.having("score") == ["alone", "teacher"]


def test_a_full_disk_stops_the_run(lab: Lab) -> None:
    lab.broken["kd"] = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space"):
        lab.run()
    assert lab.log == ["make teacher", "make kd"]
    assert lab.rows == []


def test_what_failed_is_tried_again_and_its_old_rows_are_gone(lab: Lab) -> None:
    lab.broken["teacher"] = JobFailed("it was killed")
    lab.run()
    lab.broken.clear()
    work = lab.run()
    assert lab.log[:4] == ["make teacher", "make kd", "make q", "footprint teacher"]
    assert lab.reasons() == {}
    assert work.failures == []
    assert lab.having("score") == sorted(ALL)


@pytest.mark.parametrize(
    ("name", "again"),
    [
        (f"launch-{CPU}-1", [f"launch 1: {' '.join(f'{v}/0' for v in ALL)} control"]),
        (f"footprint.{CPU}.kd.0", ["footprint kd"]),
        ("artifact-kd-0", []),  # evaluated, which the lab does not write down
    ],
)
def test_a_damaged_row_file_alone_is_measured_again(lab: Lab, name: str, again: list[str]) -> None:
    lab.run()
    path = lab.root / "run" / "rows" / f"{name}.jsonl"
    whole = path.read_bytes()
    others = {each: each.read_bytes() for each in path.parent.iterdir() if each != path}
    path.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    work = lab.work()
    assert len(work.left()) == 1
    assert f"{name}.jsonl is damaged" in " ".join(lab.notes.split())
    assert "it is measured again" in lab.notes
    work.run()
    assert lab.log == again
    assert {row.metric for row in read_rows_of(path.parents[1], name)}
    assert {each: each.read_bytes() for each in others} == others


def test_no_two_things_that_are_measured_share_a_file_of_rows(lab: Lab) -> None:
    """Names with a - in them make the same text in other ways."""
    text = "[measure]\nlaunches = 2\n"
    for name in ("b", "2t-b", "b-0"):
        text += f'[variants.{name}]\ntechnique = "train"\nmodel = "mlp"\n'
    for name in ("cpu", "cpu-2t", "cpu-2t-b", "0-cpu"):
        text += f"[targets.{name}]\n"
    steps = lab.work(text).steps
    names = [rows_name(job) for job in steps.jobs]
    names += [one.rows for one in (*steps.weighings(), *steps.launches())]
    assert len(names) == len({*names}) == len(steps.row_names()) - 1  # the dataset's
    assert "footprint.cpu.2t-b.0" in names and "footprint.cpu-2t.b.0" in names


def test_a_target_without_its_provider_is_skipped_and_says_so(lab: Lab, monkeypatch) -> None:
    there = ["CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)
    loadgen = 'loadgen = { scenarios = ["server"] }'
    work = lab.run(f'{SUITE}[targets.gpu]\nprovider = "cuda"\n{loadgen}\n[targets.cpu]\n')
    skipped = lab.reasons("skipped")
    assert set(skipped) == {(variant, "gpu", -1) for variant in ALL}
    (reason,) = set(skipped.values())
    assert reason.startswith("this ONNX Runtime has no CUDAExecutionProvider")
    assert f"skipped gpu: {reason}" in lab.notes
    assert {row.target for row in lab.rows if row.status == "ok"} == {"", "cpu"}
    assert [line for line in lab.log if line.startswith("launch")] == [
        f"launch {i}: {arms(*ALL)}" for i in range(3)
    ]
    assert (work.failures, work.left()) == ([], [])


def test_a_file_that_differs_from_its_torch_module_is_not_measured(lab: Lab) -> None:
    lab.wrong.add("teacher")
    work = lab.run()
    ((where, reason),) = lab.reasons().items()
    assert where == ("teacher", CPU, -1)
    assert reason.startswith(f"on {CPU} the ONNX file's outputs are up to 0.5 from torch's")
    assert work.failures == [f"teacher (seed 0) on {CPU}: {reason}"]
    assert lab.having("size_bytes") == sorted(ALL)
    assert lab.having("score") == lab.having("memory_bytes") == ["alone", "kd", "q"]
    assert lab.log[-1] == f"launch 2: {arms('kd', 'q', 'alone')}"


def test_without_its_baseline_a_target_is_not_timed(lab: Lab) -> None:
    lab.wrong.add("alone")
    lab.run()
    assert not [line for line in lab.log if line.startswith("launch")]
    assert lab.having("memory_bytes") == ["kd", "q", "teacher"]


def test_what_can_not_be_weighed_takes_no_part_in_launches(lab: Lab) -> None:
    lab.broken["footprint kd"] = JobFailed("it was killed twice (SIGKILL)")
    work = lab.run()
    assert lab.reasons() == {("kd", CPU, -1): "it was killed twice (SIGKILL)"}
    assert lab.log[-1] == f"launch 2: {arms('teacher', 'q', 'alone')}"
    assert work.failures == [f"kd (seed 0) on {CPU}: it was killed twice (SIGKILL)"]
    again = lab.work()
    assert (again.failures, again.left(), again.unfit) == (work.failures, [], work.unfit)


def test_a_lost_launch_is_told_and_the_others_stand(lab: Lab) -> None:
    lab.broken["launch 1"] = JobFailed("it was killed twice (SIGKILL)")
    work = lab.run()
    assert lab.reasons() == {("alone", CPU, 1): "it was killed twice (SIGKILL)"}
    assert work.failures == [f"launch 2 on {CPU}: it was killed twice (SIGKILL)"]
    for launched, variants in ((0, sorted(ALL)), (1, []), (2, sorted(ALL))):
        assert lab.having("latency_ns", launch=launched) == variants
    again = lab.run()
    assert lab.log == []
    assert again.failures == work.failures


@pytest.mark.parametrize(
    ("stopped", "left"),
    [
        ("kd", ["make kd", "make q", "make alone", *(f"footprint {v}" for v in ALL)]),
        ("footprint q", ["footprint q", "footprint alone"]),
        ("launch 1", []),
    ],
)
def test_a_stopped_run_goes_on_where_it_was(lab: Lab, stopped: str, left: list[str]) -> None:
    lab.broken[stopped] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        lab.run()
    lab.broken.clear()
    work = lab.run()
    first = 1 if stopped == "launch 1" else 0
    assert lab.log == [*left, *(f"launch {i}: {arms(*ALL)}" for i in range(first, 3))]
    assert work.failures == []
    rows = [(r.variant, r.metric, r.target, r.launch, r.batch_size) for r in lab.rows]
    assert len(rows) == len(set(rows))
    assert lab.having("score") == sorted(ALL)


def test_variants_with_equal_options_are_made_once_and_measured_each(lab: Lab) -> None:
    twin = '[variants.twin]\ntechnique = "train"\nmodel = { name = "mlp", hidden = [128] }\n'
    work = lab.run(SUITE + twin)
    keys = {job.variant.name: job.key for job in work.jobs}
    assert keys["twin"] == keys["teacher"]
    assert [line for line in lab.log if line.startswith("make")] == [f"make {v}" for v in ALL]
    assert lab.having("score") == lab.having("latency_ns") == sorted((*ALL, "twin"))
    assert lab.log[-1] == f"launch 2: {arms(*ALL, 'twin')}"


def test_load_scenarios_have_rows_and_one_that_fails_leaves_the_rest(lab: Lab) -> None:
    lab.broken["offline kd"] = JobFailed("out of memory")
    loadgen = 'loadgen = { scenarios = ["offline", "server"] }'
    work = lab.run(f"{SUITE}[targets.{CPU}]\nbatch_sizes = [1, 16]\n{loadgen}\n")
    assert lab.having("loadgen_server", batch_size=1, reason="why not") == sorted(ALL)
    assert lab.having("loadgen_offline", batch_size=16) == ["alone", "q", "teacher"]
    assert lab.reasons() == {("kd", CPU, -1): "out of memory"}
    assert lab.log[-1] == f"launch 2: {arms(*ALL)}"
    assert work.left() == []


def test_without_loadgen_its_scenarios_are_skipped_with_what_to_install(
    lab: Lab, monkeypatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    lab.run(f'{SUITE}[targets.{CPU}]\nloadgen = {{ scenarios = ["server"] }}\n')
    (reason,) = set(lab.reasons("skipped").values())
    assert "pip install 'compbench[loadgen]'" in reason
    assert lab.log[-1] == f"launch 2: {arms(*ALL)}"


@pytest.mark.parametrize(
    ("changes", "goes_on", "note"),
    [
        ({"started": "2026-05-05T05:05:05+00:00"}, True, ""),
        ({"environment": {**ENVIRONMENT, "load_1min": 3.0, "git_commit": "f"}}, True, ""),
        (
            {"environment": {**ENVIRONMENT, "cpu": "Other CPU"}},
            False,
            "which is of another machine: CPU: Made-up CPU became Other CPU",
        ),
        (
            {"environment": {**ENVIRONMENT, "cores": 4, "gpu": "H200"}},
            False,
            "which is of another machine: cores: 2 became 4; GPU: None became H200",
        ),
        ({"keys": ("other",)}, False, ""),
        ({"measure": {"launches": 5}}, False, ""),
        ({"suite": "other"}, False, ""),
    ],
)
def test_only_the_same_run_on_the_same_machine_is_continued(
    changes: dict[str, Any], goes_on: bool, note: str, tmp_path: Path
) -> None:
    console = Console(file=io.StringIO(), width=200)
    old, _ = runs._open(make_run(finished=None), tmp_path, Progress(console))
    new = make_run(**{"finished": None, **changes})
    found, _ = runs._open(new, tmp_path, Progress(console))
    assert (found == old) is goes_on
    assert record.read_run(old) == make_run(finished=None)
    assert record.read_run(found) == (make_run(finished=None) if goes_on else new)
    assert isinstance(console.file, io.StringIO)
    expected = f"not going on with {old}, {note}\n" if note else ""
    assert console.file.getvalue() == expected


def test_a_finished_run_is_not_continued(tmp_path: Path) -> None:
    progress = Progress(Console(file=io.StringIO()))
    old = runs._open(make_run(), tmp_path, progress)
    new = make_run(finished=None)
    found = runs._open(new, tmp_path, progress)
    assert found != old
    assert latest_run(tmp_path, "mine") == found[0]
    assert runs._open(new, tmp_path, progress) == found


@pytest.mark.parametrize("odd", [np.inf, -np.inf])
def test_outputs_that_are_infinite_fail_their_variant_alone(
    odd: float, lab: Lab, monkeypatch
) -> None:
    """Their scores may be finite: one class is the likeliest all the same."""
    infer = inference.infer

    def inferred(worker: Any, file: str, *given: Any, **asked: Any) -> inference.Inferred:
        found = infer(worker, file, *given, **asked)
        if lab._variant(file) == "q":
            found.outputs["test"][7] = odd
        return found

    monkeypatch.setattr(inference, "infer", inferred)
    lab.run()
    (reason,) = lab.reasons().values()
    assert "its outputs are infinite where those that it is compared with are not" in reason
    assert lab.having("latency_ns") == ["alone", "kd", "teacher"]


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_scores_that_are_no_finite_numbers_fail_their_variant_alone(
    odd: float, lab: Lab, monkeypatch
) -> None:
    """Of whichever task: here of outputs of one file that are all too large."""
    scores, infer = classification.Task.scores, inference.infer

    def inferred(worker: Any, file: str, *given: Any, **asked: Any) -> inference.Inferred:
        found = infer(worker, file, *given, **asked)
        if lab._variant(file) == "kd":
            found.outputs["test"][7] = 1e9
        return found

    def scored(task: Any, outputs: Any, targets: Any) -> Any:
        found = scores(task, outputs, targets).astype(np.float64)
        found[outputs.max(1) == np.float32(1e9)] = odd
        return found

    monkeypatch.setattr(inference, "infer", inferred)
    monkeypatch.setattr(classification.Task, "scores", scored)
    lab.run()
    assert lab.reasons() == {
        ("kd", CPU, -1): "1 of 60 test samples have a score that is not a finite number, the first "
        f"is sample 7: {odd}"
    }
    assert lab.having("score") == sorted({*ALL} - {"kd"}) == lab.having("latency_ns")


def test_a_further_figure_that_is_no_finite_number_fails_alone(lab: Lab, monkeypatch) -> None:
    monkeypatch.setattr(
        classification.Task, "further_scores", lambda *_: {"r_squared": float("nan")}
    )
    lab.run()
    assert {row.reason for row in lab.rows if row.metric == "r_squared"} == {
        "it is nan, not a finite number"
    }
    assert lab.having("score") == lab.having("latency_ns") == sorted(ALL)


@pytest.mark.parametrize("dataset", ['"digits"', '{ name = "synthetic", kind = "tokens" }'])
def test_a_run_that_is_read_again_is_what_was_written(
    write_suite: Callable[[str], Path], tmp_path: Path, dataset: str
) -> None:
    """Else a stopped run would never be known again: it would begin anew."""
    suite = suite_read.load(write_suite(f"dataset = {dataset}\n{SUITE}"))
    described = digest.record("mine", splits.load(suite.dataset, tmp_path, suite.task))
    run = runs._describe(suite, (), described, tmp_path)
    record.write_run(tmp_path, run)
    assert record.read_run(tmp_path) == run


@pytest.mark.parametrize("damage", ["replaced", "removed", "linked"])
def test_a_file_that_is_changed_while_it_is_measured_gives_no_figures(
    lab: Lab, damage: str
) -> None:
    work = lab.run()
    assert work.drop_changed() == []
    job = next(job for job in work.jobs if job.variant.name == "q")
    path = work.artifacts[job.key].path(MODEL)
    content = path.read_bytes()
    path.unlink()
    if damage == "replaced":
        path.write_bytes(content + b" ")
    if damage == "linked":
        (lab.root / "elsewhere").write_bytes(content)
        path.symlink_to(lab.root / "elsewhere")
    with pytest.raises(UserError, match="changed after the run had begun; what was measured"):
        runs._carry_out(work, lab.root / "run")
    assert "q" not in {row.variant for row in lab.rows}
    assert lab.having("size_bytes") == sorted({*ALL} - {"q"})
    with pytest.warns(UserWarning, match="will be made again"):
        again = lab.run()
    assert again.drop_changed() == []
    assert lab.having("size_bytes") == sorted(ALL)


@pytest.mark.parametrize("gone", ["run", "results"])
def test_a_folder_that_is_removed_during_a_run_is_one_line(
    lab: Lab, gone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, weigh = lab.work(), Work.weigh

    def removed(self: Work) -> None:
        shutil.rmtree(lab.root / gone)
        weigh(self)

    monkeypatch.setattr(Work, "weigh", removed)
    with pytest.raises(UserError, match=rf"{gone}.* was removed while the run used it"):
        runs._carry_out(work, lab.root / "run")


@pytest.mark.parametrize("kind", ["a file", "a folder", "a folder of ours", "a copy of ours"])
def test_what_a_stranger_put_among_the_rows_is_told_and_stays(lab: Lab, kind: str) -> None:
    lab.run()
    name = "notes" if kind != "a folder of ours" else "artifact-kd-0"
    path = lab.root / "run" / "rows" / f"{name}.jsonl"
    path.unlink(missing_ok=True)
    if kind == "a file":
        path.write_text("to do: buy milk\n")
    elif kind == "a copy of ours":
        shutil.copy(path.with_name("artifact-kd-0.jsonl"), path)
    else:
        path.mkdir()
    with pytest.raises(UserError, match=rf"rows/{name}\.jsonl.* none (of|that).*: remove it"):
        lab.work()
    assert path.exists()


def test_no_two_jobs_error_files_have_one_name(lab: Lab) -> None:
    train = 'technique = "train"\nmodel = "mlp"\nepochs = 1\n'
    work = lab.work(f"seeds = [1, 2]\n[variants.b]\n{train}[variants.b-1]\n{train}")
    targets = ("", "1", "2", "x", "2-x")
    paths = [work._error_file("evaluate", job, name) for job in work.jobs for name in targets]
    assert len({*paths}) == len(work.jobs) * len(targets) == 20
