"""A measurement in a fresh process, which imports neither torch nor pandas.

`python -m compbench.runtime.process FOLDER` reads `task.json` and `images.npy` there and writes
`result.npz`: the samples that the function named in the task returned.
"""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from compbench.errors import JobFailed, first_line
from compbench.runtime.session import Images

Arrays = dict[str, np.ndarray]


def call(module: str, spec: dict[str, Any], images: Images) -> Arrays:
    """What `compbench.<module>.measured(spec, images)` returns in a fresh process.

    Raises JobFailed where the function did, or where the process was killed twice.
    """
    with tempfile.TemporaryDirectory(prefix="compbench-") as name:
        folder = Path(name)
        (folder / "task.json").write_text(json.dumps({"module": module, "spec": spec}))
        np.save(folder / "images.npy", images)
        process = _process(folder)
        if process.returncode < 0:  # killed, perhaps for want of memory: once more
            process = _process(folder)
        if process.returncode != 0:
            raise JobFailed(f"the measuring process {_ending(process)}")
        with np.load(folder / "result.npz") as file:
            return dict(file)


def _process(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "compbench.runtime.process", str(folder)]
    return subprocess.run(command, capture_output=True, text=True)


def _ending(process: subprocess.CompletedProcess[str]) -> str:
    if process.returncode < 0:
        number = -process.returncode
        names = {each.value: each.name for each in signal.Signals}
        killer = names.get(number, f"signal {number}")
        return f"was killed twice ({killer})"
    words = process.stderr.strip().splitlines()
    return f"failed: {words[-1]}" if words else f"ended with exit code {process.returncode}"


def main(folder: Path) -> None:
    """The fresh process; what stopped it is the last line of its standard error."""
    task = json.loads((folder / "task.json").read_text())
    measured = importlib.import_module(f"compbench.{task['module']}").measured
    try:
        arrays = measured(task["spec"], np.load(folder / "images.npy"))
    except JobFailed as error:
        sys.exit(str(error))
    except Exception as error:  # ONNX Runtime's are of many lines: the first says most
        sys.exit(f"{type(error).__name__}: {first_line(error)}")
    np.savez(folder / "result.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
