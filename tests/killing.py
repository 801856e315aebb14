"""Kill a run at random moments, finish it, and compare its artifacts with an undisturbed run's.

`python -m tests.killing suites/quickstart.toml 10` does so ten times; the tests do it for a
smaller suite.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def start(suite: Path, folder: Path) -> subprocess.Popen[str]:
    """`compbench run` in a process group of its own, its results under `folder`."""
    command = [sys.executable, "-m", "compbench", "run", str(suite)]
    command += ["--results", str(folder / "results"), "--reports", str(folder / "reports")]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(suite: Path, folder: Path) -> str:
    """Run to the end; what it printed. Raises AssertionError where it did not end well."""
    process = start(suite, folder)
    out, err = process.communicate()
    assert process.returncode == 0, f"exit code {process.returncode}: {out}{err}"
    return out


def kill_after(seconds: float, suite: Path, folder: Path) -> bool:
    """Start, and `kill -9` the whole process group; False where it had ended before."""
    process = start(suite, folder)
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True


def hashes(folder: Path) -> dict[str, dict[str, str]]:
    """Artifact key -> the sha256 of each of its files."""
    manifests = (folder / "results" / "artifacts").glob("[!.]*/manifest.json")
    contents = [json.loads(path.read_text()) for path in manifests]
    return {content["key"]: content["files"] for content in contents}


def kill_often(suite: Path, folder: Path, times: int, seed: int) -> dict[str, dict[str, str]]:
    """Run undisturbed, then again with kills; both must hold the same hashes, which are returned.

    The moments are spread over the time that the undisturbed run took, so that they meet making,
    evaluating and measuring alike. Each kill begins with an empty store.
    """
    started = time.monotonic()
    finish(suite, folder / "undisturbed")
    total_s = time.monotonic() - started
    wanted = hashes(folder / "undisturbed")
    moments = random.Random(seed)
    for number in range(times):
        seconds = moments.uniform(0, total_s)
        place = folder / f"killed-{number}"
        killed = kill_after(seconds, suite, place)
        finish(suite, place)
        same = hashes(place) == wanted
        print(f"killed after {seconds:.1f} s of {total_s:.1f} s: {killed}; same hashes: {same}")
        assert same
    return wanted


def main() -> None:
    """Print a line for each kill; the exit code says whether all hashes were the same."""
    with tempfile.TemporaryDirectory(prefix="compbench-kill-") as folder:
        wanted = kill_often(Path(sys.argv[1]), Path(folder), int(sys.argv[2]), seed=0)
    print(f"{len(wanted)} artifacts, every one as in the undisturbed run")


if __name__ == "__main__":
    main()
