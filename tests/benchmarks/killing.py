"""Kill a run at random moments, finish it, and compare its artifacts with an undisturbed run's.

`python -m tests.benchmarks.killing 100` does so a hundred times for a suite of half a minute, and
`… killing 10 suites/quickstart.toml` for another; the tests do it a few times. And
`… killing training 3` kills one training of ten minutes so often, and goes on.
"""

from __future__ import annotations

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

import psutil

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
LIBRARIES = ("torchinductor_", ".ses")  # caches of torch and others, which any process leaves once


def start(suite: Path, folder: Path) -> subprocess.Popen[str]:
    """`compbench run` in a process group of its own, its results and leftovers under `folder`."""
    command = [sys.executable, "-m", "compbench", "run", str(suite)]
    command += ["--results", str(folder / "results"), "--reports", str(folder / "reports")]
    temporary = folder / "temporary"
    temporary.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


def finish(suite: Path, folder: Path) -> str:
    """Run to the end; what it printed. Raises AssertionError where it did not end well."""
    process = start(suite, folder)
    out, err = process.communicate()
    assert process.returncode == 0, f"exit code {process.returncode}: {out}{err}"
    left = {path.name for path in (folder / "temporary").iterdir()}
    left -= {name for name in left if name.startswith(LIBRARIES)}
    assert not left, f"left in the folder of temporary files: {left}"
    return out


def kill_after(seconds: float, suite: Path, folder: Path, what: str = GROUP) -> bool:
    """Start, and `kill -9`; whether there was something to kill.

    Raises AssertionError where a process is left two seconds after the main one was killed, or
    where the run does not go on after one of the others was.
    """
    process = start(suite, folder)
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        pass
    family = psutil.Process(process.pid)
    children = family.children(recursive=True)
    if what == MEASURING:
        for child in children[-1:]:
            with suppress(psutil.NoSuchProcess):
                child.kill()
        out, err = process.communicate()
        assert process.returncode == 0, f"exit code {process.returncode}: {out}{err}"
        return bool(children)
    if what == MAIN:
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, GONE_WITHIN_S)
    assert alive == [], f"alive {GONE_WITHIN_S:g} s after the main process: {alive}"
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()
    return True


def hashes(folder: Path) -> dict[str, dict[str, str]]:
    """Artifact key -> the sha256 of each of its files."""
    manifests = (folder / "results" / "artifacts").glob("[!.]*/manifest.json")
    contents = [json.loads(path.read_text()) for path in manifests]
    return {content["key"]: content["files"] for content in contents}


def row_files(folder: Path) -> list[str]:
    """The names of the row files of the newest run."""
    newest = max((folder / "results" / "runs").glob("*/*"))
    return sorted(path.name for path in (newest / "rows").iterdir())


def kill_often(suite: Path, folder: Path, times: int, seed: int) -> dict[str, dict[str, str]]:
    """Run undisturbed, then again with kills; both must hold the same hashes, which are returned.

    The moments are spread over the time that the undisturbed run took, so that they meet making,
    evaluating and measuring alike; killed is the whole group, the main process or one that
    measures. Each kill begins with an empty store.
    """
    started = time.monotonic()
    finish(suite, folder / "undisturbed")
    total_s = time.monotonic() - started
    wanted, rows = hashes(folder / "undisturbed"), row_files(folder / "undisturbed")
    moments = random.Random(seed)
    for number in range(times):
        seconds = moments.uniform(0, total_s)
        what = (GROUP, MAIN, MEASURING)[number % 3]
        place = folder / f"killed-{number}"
        killed = kill_after(seconds, suite, place, what)
        finish(suite, place)
        same = hashes(place) == wanted, row_files(place) == rows
        print(
            f"{number + 1}: {what} killed after {seconds:.1f} s of {total_s:.1f} s: {killed}; "
            f"same hashes: {same[0]}; all rows: {same[1]}",
            flush=True,
        )
        assert all(same)
        shutil.rmtree(place)
    return wanted


def kill_in_training(suite: Path, folder: Path, times: int, seed: int) -> dict[str, dict[str, str]]:
    """Run undisturbed, then again with kills, each of what goes on from the one before.

    Both must hold the same hashes, which are returned, and little may be trained twice.
    """
    started = time.monotonic()
    finish(suite, folder / "undisturbed")
    total_s = time.monotonic() - started
    print(f"undisturbed: {total_s:.0f} s", flush=True)
    moments, place = random.Random(seed), folder / "killed"
    spent_s = 0.0
    for number in range(times):
        seconds = moments.uniform(0.5, 1) * total_s / (times + 1)
        assert kill_after(seconds, suite, place)
        spent_s += seconds
        print(f"{number + 1}: killed after {spent_s:.0f} s in all", flush=True)
    started = time.monotonic()
    finish(suite, place)
    spent_s += time.monotonic() - started
    wanted = hashes(folder / "undisturbed")
    same = hashes(place) == wanted
    print(f"in all {spent_s:.0f} s, {spent_s / total_s:.2f} times; same hashes: {same}", flush=True)
    assert same
    assert spent_s < 1.3 * total_s, "most of it was trained again"
    return wanted


def main() -> None:
    """Print a line for each kill; the exit code says whether all hashes were the same."""
    with tempfile.TemporaryDirectory(prefix="compbench-kill-") as folder:
        suite = Path(folder) / "mine.toml"
        suite.write_text(SUITE)
        if sys.argv[1] == "training":
            suite.write_text(TRAINING)
            kill_in_training(suite, Path(folder), int(sys.argv[2]), seed=0)
            return
        if len(sys.argv) > 2:
            suite = Path(sys.argv[2])
        wanted = kill_often(suite, Path(folder), int(sys.argv[1]), seed=0)
    print(f"{len(wanted)} artifacts, every one as in the undisturbed run")


if __name__ == "__main__":
    main()
