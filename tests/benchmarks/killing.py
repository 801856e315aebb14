"""Kill a run at random moments, finish it, and compare it with an undisturbed run.

`python -m tests.benchmarks.killing 100` does so a hundred times for a suite of half a minute, two
hours in all, and `… killing 10 suites/quickstart.toml` for another; the tests do it a few times.
Each time the bytes of all artifacts' files and the rows must be those of the undisturbed run, all
in one run's folder, and nothing may be left of processes or temporary files: what differs is told,
and the exit code is 1. Only kills that met a living process count. `… killing training 3` kills one
training of ten minutes so often, and goes on; less than a third of it may be trained again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from compbench.errors import UserError
from compbench.files import sha256
from compbench.make.store import MANIFEST
from compbench.results.folder import read_rows_of, row_files
from compbench.results.record import read_run
from compbench.results.row import Row
from tests.benchmarks import fresh
from tests.benchmarks.bounds import Bounds

_MEASURE = """
[measure]
launches = 2
seconds_per_arm = 0.02
memory_processes = 1
"""
SUITE = (
    """
description = "All five families and a chain, as small as they go."
dataset = "digits"
seeds = [3]
[variants.teacher]
technique = "train"
model = { name = "cnn", channels = [8, 16], hidden = 32 }
epochs = 3
[variants.student]
technique = "train"
model = { name = "mlp", hidden = [16] }
epochs = 2
[variants.student_kd]
technique = "distill"
parent = "teacher"
model = { name = "mlp", hidden = [16] }
epochs = 2
[variants.pruned]
technique = "prune_channels"
parent = "teacher"
epochs = 1
[variants.low_rank]
technique = "low_rank"
parent = "pruned"
epochs = 1
[variants.int8]
technique = "quantize_static"
parent = "low_rank"
[variants.aware]
technique = "quantize_aware"
parent = "teacher"
epochs = 1
"""
    + _MEASURE
)
TRAINING = (
    """
dataset = { name = "synthetic", samples = 24000, length = 32, channels = 3, class_count = 10 }
[variants.teacher]
technique = "train"
model = "resnet8"
epochs = 25
flip = true
crop_pixels = 4
"""
    + _MEASURE
)
GROUP, MAIN, MEASURING = "the whole group", "the main process", "a process that measures"
GONE_WITHIN_S = 2.0
LONGER = 1.3  # than undisturbed, a training that was killed: else most was trained again
SAID = "said.txt"  # what a run prints
TRIES = 4  # for each kill that has to meet something
LIBRARIES = ("torchinductor_", ".ses")  # caches of torch and others, which any process leaves once


# what is measured of time and memory, which differs from run to run
TIMED = (
    *("latency_ns", "control_latency_ns", "throughput_per_s", "machine", "memory_bytes"),
    *("operators", "make_seconds", "asking_seconds"),
)
VARYING = ("made_at", "seconds", "asking_seconds", "sha256")  # of a manifest
Artifacts = dict[str, dict[str, str]]  # key -> file -> sha256 of its bytes


def start(suite: Path, folder: Path) -> subprocess.Popen[bytes]:
    """`compbench run` in a process group of its own, its results and leftovers under `folder`."""
    places = ("--results", str(folder / "results"), "--reports", str(folder / "reports"))
    temporary = folder / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    with (folder / SAID).open("w") as said:
        return subprocess.Popen(
            fresh.compbench("run", str(suite), *places),
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "TMPDIR": str(temporary)},
        )


def finish(suite: Path, folder: Path) -> str:
    """Run to the end; what it printed. Raises AssertionError where it did not end well."""
    problems = ended(start(suite, folder), folder)
    said = (folder / SAID).read_text()
    assert not problems, f"{problems}: {said}"
    return said


def ended(process: subprocess.Popen[bytes], folder: Path) -> list[str]:
    """Wait for a run; what is wrong with its end."""
    process.wait()
    problems = [] if process.returncode == 0 else [f"exit code {process.returncode}"]
    problems += left_processes(folder)
    left = {path.name for path in (folder / "temporary").iterdir()}
    left -= {name for name in left if name.startswith(LIBRARIES)}
    return problems + [f"left of temporary files: {name}" for name in sorted(left)]


def family(folder: Path) -> list[psutil.Process]:
    """All living processes that were started for a folder's run, also those without a parent."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            is_of_it = process.environ().get("TMPDIR") == str(folder / "temporary")
            if is_of_it and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def left_processes(folder: Path) -> list[str]:
    """What lives two seconds after the main process ended; it is killed."""
    _, alive = psutil.wait_procs(family(folder), GONE_WITHIN_S)
    alive = {process.pid: process for process in [*alive, *family(folder)]}.values()
    told = []
    for process in alive:
        with suppress(psutil.Error):
            told.append(f"alive after {GONE_WITHIN_S:g} s: {' '.join(process.cmdline())[:200]}")
            process.kill()
    return told


def kill_after(
    seconds: float, suite: Path, folder: Path, what: str = GROUP
) -> tuple[bool, list[str]]:
    """Start, and `kill -9`; whether it met a run under way, and what is wrong then.

    One whose report is written is over, also while its processes end: the next run is another. A
    process that measures is waited for; then the run must go on by itself, to its end.
    """
    process = start(suite, folder)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    met = process.poll() is None
    if met and what == MEASURING:
        met = _kill_last_child(process)
    elif met and what == MAIN:
        process.kill()
    elif met:
        os.killpg(process.pid, signal.SIGKILL)
    if not met or what == MEASURING:
        return met, ended(process, folder)
    process.wait()
    problems = left_processes(folder)
    return process.returncode == -signal.SIGKILL and not is_over(folder), problems


def _kill_last_child(process: subprocess.Popen[bytes]) -> bool:
    """Kill the youngest process below it, as soon as there is one; whether there was."""
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
            if children:
                children[-1].kill()
                return True
        time.sleep(0.01)
    return False


def hashes(folder: Path) -> Artifacts:
    """The sha256 of the bytes of each artifact's files; of its manifest without times."""
    found: Artifacts = {}
    for artifact in (folder / "results" / "artifacts").glob("[!.]*/"):
        files = {path.name: sha256(path) for path in artifact.iterdir() if path.name != MANIFEST}
        content = json.loads((artifact / MANIFEST).read_text())
        told = {name: value for name, value in content.items() if name not in VARYING}
        files[MANIFEST] = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
        found[artifact.name] = files
    return found


def runs(folder: Path) -> list[Path]:
    """The folders of all runs."""
    return sorted((folder / "results" / "runs").glob("*/*"))


def is_over(folder: Path) -> bool:
    """Whether the newest run has all its rows, and its report."""
    found = runs(folder)
    with suppress(UserError):  # its record was not written yet
        return bool(found) and read_run(found[-1]).is_whole
    return False


def rows(folder: Path) -> dict[str, list[str]]:
    """File -> its rows in the newest run, without times, memory and what was sampled of them."""
    newest = runs(folder)[-1]
    return {name: [_told(row) for row in read_rows_of(newest, name)] for name in row_files(newest)}


def _told(row: Row) -> str:
    values = {"value": row.value, "reason": row.reason, "samples": {}}
    if row.metric not in TIMED:
        values["samples"] = {name: np.asarray(of).tolist() for name, of in row.samples.items()}
    else:
        values |= {"value": None, "samples": sorted(row.samples)}
    where = (row.variant, row.seed, row.key, row.metric, row.target, row.batch_size, row.launch)
    return json.dumps([where, row.status, values])


def differences(folder: Path, undisturbed: Path) -> list[str]:
    """What of a finished run is not as in the undisturbed one."""
    found = []
    if len(runs(folder)) != 1:
        found.append(f"{len(runs(folder))} run folders")
    for name, of in (("artifact", hashes), ("rows", rows)):
        ours, theirs = of(folder), of(undisturbed)
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                found.append(f"{name} {key} differs")
    return found


def kill_often(suite: Path, folder: Path, times: int, seed: int) -> tuple[Artifacts, list[str]]:
    """Run undisturbed, then again with kills; the undisturbed hashes, and all that was wrong.

    The moments are spread over the time that the undisturbed run took, so that they meet making,
    evaluating and measuring alike; killed is the whole group, the main process or one that
    measures. Each kill begins with an empty store; one that met nothing is tried again. Raises
    AssertionError where too few meet anything.
    """
    started = time.monotonic()
    finish(suite, folder / "undisturbed")
    total_s = time.monotonic() - started
    moments, wrong, done = random.Random(seed), list[str](), 0
    for attempt in range(TRIES * times):
        if done == times:
            break
        seconds = moments.uniform(0, total_s)
        what, place = (GROUP, MAIN, MEASURING)[done % 3], folder / f"killed-{attempt}"
        met, problems = kill_after(seconds, suite, place, what)
        if met and what != MEASURING:
            problems += ended(start(suite, place), place)
        problems += differences(place, folder / "undisturbed")
        done += met
        met_it = "killed" if met else "NOT met, not counted"
        told = "; ".join(problems) or "as undisturbed"
        when = f"after {seconds:.1f} s of {total_s:.1f} s"
        print(f"{done} of {times}: {what} {met_it} {when}: {told}", flush=True)
        wrong += problems
        shutil.rmtree(place)
    assert done == times, f"only {done} of {times} kills met a process"
    return hashes(folder / "undisturbed"), wrong


def kill_in_training(suite: Path, folder: Path, times: int, seed: int) -> tuple[float, list[str]]:
    """Run undisturbed, then again with kills, each of what goes on from the one before.

    How often as long it took in all, and what was wrong.
    """
    started = time.monotonic()
    finish(suite, folder / "undisturbed")
    total_s = time.monotonic() - started
    print(f"undisturbed: {total_s:.0f} s", flush=True)
    moments, place, wrong = random.Random(seed), folder / "killed", list[str]()
    spent_s = 0.0
    for number in range(times):
        seconds = moments.uniform(0.5, 1) * total_s / (times + 1)
        met, problems = kill_after(seconds, suite, place)
        assert met, "it had ended before it was killed"
        wrong += problems
        spent_s += seconds
        print(f"{number + 1}: killed after {spent_s:.0f} s in all", flush=True)
    started = time.monotonic()
    wrong += ended(start(suite, place), place)
    spent_s += time.monotonic() - started
    return spent_s / total_s, wrong + differences(place, folder / "undisturbed")


def main() -> None:
    """Print a line for each kill, and what was wrong."""
    bounds = Bounds()
    with tempfile.TemporaryDirectory(prefix="compbench-kill-") as folder:
        suite = Path(folder) / "mine.toml"
        suite.write_text(SUITE)
        if sys.argv[1] == "training":
            suite.write_text(TRAINING)
            longer, wrong = kill_in_training(suite, Path(folder), int(sys.argv[2]), seed=0)
            bounds.at_most("times as long as undisturbed", longer, LONGER)
        else:
            if len(sys.argv) > 2:
                suite = Path(sys.argv[2])
            made, wrong = kill_often(suite, Path(folder), int(sys.argv[1]), seed=0)
            print(f"{sys.argv[1]} kills that met a process; {len(made)} artifacts each")
    for problem in wrong:
        print(problem)
    bounds.none_of("what was wrong after kills", len(wrong))
    bounds.end()


if __name__ == "__main__":
    main()
