"""A process of its own for what must be measured fresh, or may crash: it loads ONNX files.

Tasks go into its standard input, answers come out of its standard output; nothing lies on disk. It
imports neither torch nor pandas. A native crash ends it, and fails one task of its parent.
"""

from __future__ import annotations

import importlib
import io
import json
import mmap
import os
import signal
import struct
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from compbench.errors import JobFailed, UserError, first_line
from compbench.files import FULL_DISK
from compbench.runtime.child import Start, die_with_parent, spawned
from compbench.runtime.temporary import Temporary

Arrays = dict[str, NDArray[Any]]
Function = Callable[[dict[str, Any], Arrays], Arrays]

SILENT_S = 600.0  # a task that makes no progress for so long hangs; suites say otherwise
_MARKED = 4096  # bytes at the head of a process's journal that tell what it is at
_COUNT = struct.Struct("<QH")  # marks so far, bytes of the last one's name
_TOLD = 20_000  # bytes of what a process said at its end
# who kills from outside (for want of memory, say) may not do it again; a crash will
_KILLED = ("SIGKILL", "SIGTERM")


class ProcessFailed(JobFailed):
    """A task failed in its process.

    `at` is what the process had marked last, `ended` whether it is no more, `signal` what ended it.
    """

    def __init__(self, reason: str, details: str = "", at: str = "", **fate: Any):
        super().__init__(reason, details)
        self.at = at
        self.ended: bool = fate.get("ended", False)
        self.signal: str = fate.get("signal", "")


def call(
    function: Function,
    spec: dict[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    silent_s: float = SILENT_S,
    start: Start = spawned,
) -> Arrays:
    """What `function(spec, arrays)` returns in a fresh process.

    Raises ProcessFailed where the function failed, crashed, was killed twice, or made no progress.
    """
    with Worker(silent_s=silent_s, start=start) as worker:
        return worker.call(function, spec, arrays)


def mark(what: str = "") -> None:
    """In such a process: a sign of progress, and who is to blame if this is its last one."""
    if _marks is not None:
        name = what.encode()[: _MARKED - _COUNT.size]
        count, _ = _COUNT.unpack_from(_marks)
        _marks[_COUNT.size : _COUNT.size + len(name)] = name
        _COUNT.pack_into(_marks, 0, count + 1, len(name))


_marks: mmap.mmap | None = None  # of the process that this module runs in


class Worker:
    """A process that does one task after the other; where one ends it, the next starts another.

    `arrays` are sent once to a process, when a task uses them first.
    """

    def __init__(
        self,
        arrays: Mapping[str, NDArray[Any]] = {},
        silent_s: float = SILENT_S,
        start: Start = spawned,
    ):
        self._arrays, self._silent_s, self._start = arrays, silent_s, start
        self._process: _Process | None = None
        self._sent: set[str] = set()

    def call(
        self,
        function: Function,
        spec: dict[str, Any],
        arrays: Mapping[str, NDArray[Any]] = {},
        uses: tuple[str, ...] = (),
        silent_s: float | None = None,
    ) -> Arrays:
        """What a module's function returns for `spec`, and `arrays` and those that it `uses`.

        `silent_s` seconds without progress end the process; 0: it may take as long as it wants.
        Raises ProcessFailed.
        """
        limit = self._silent_s if silent_s is None else silent_s
        try:
            return self._call(function, spec, arrays, uses, limit)
        except ProcessFailed as error:
            if error.signal not in _KILLED:
                raise
        try:
            return self._call(function, spec, arrays, uses, limit)
        except ProcessFailed as error:
            if error.signal in _KILLED:
                error.args = (f"{error} twice",)
            raise

    def names(self, prefix: str) -> tuple[str, ...]:
        """The arrays it can send that are called so."""
        return tuple(name for name in self._arrays if name.startswith(prefix))

    def close(self) -> None:
        """End the process, if there is one; the next task starts another."""
        if self._process is not None:
            self._process.close()
        self._process, self._sent = None, set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(
        self,
        function: Function,
        spec: dict[str, Any],
        arrays: Mapping[str, NDArray[Any]],
        uses: tuple[str, ...],
        silent_s: float,
    ) -> Arrays:
        if self._process is None:
            self._process = _Process(self._start)
        new = {name: self._arrays[name] for name in uses if name not in self._sent}
        task = {
            "function": f"{function.__module__}:{function.__qualname__}",
            "spec": spec,
            "keep": list(new),
        }
        try:
            found = self._process.ask(task, {**new, **arrays}, silent_s)
        except ProcessFailed as error:
            if error.ended:
                self.close()
            else:
                self._sent |= new.keys()
            raise
        except BaseException:  # stopped in between: question and answer are out of step
            self._process.kill()
            self.close()
            raise
        self._sent |= new.keys()
        return found


class _Process:
    """The parent's side of one process."""

    def __init__(self, start: Start) -> None:
        self._folder = Temporary()
        self._journal = tempfile.TemporaryFile()  # noqa: SIM115, closed with the process
        self._journal.write(bytes(_MARKED))
        self._journal.flush()
        self._marks = mmap.mmap(self._journal.fileno(), _MARKED)
        self._process = start(self._folder.path, self._journal)
        self._tasks, self._answers = self._process.stdin, self._process.stdout

    def ask(self, task: dict[str, Any], arrays: Mapping[str, Any], silent_s: float) -> Arrays:
        """The answer to a task. Raises ProcessFailed; and OSError where a disk is full."""
        with self._watched(silent_s) as hung:
            try:
                _write(self._tasks, task, arrays)
                answer, found = _read(self._answers)
            except (BrokenPipeError, EOFError):
                raise self._end(hung) from None
        if "failed" not in answer:
            return found
        if answer["errno"] in FULL_DISK:
            raise OSError(answer["errno"], os.strerror(answer["errno"]), self._full(answer["file"]))
        if answer["is_user_s"]:
            raise UserError(answer["failed"])
        raise ProcessFailed(answer["failed"], answer["details"], self._at())

    def _full(self, file: str | None) -> str:
        """What there was no room in: of a process's own folder, which goes with it, the place."""
        own = self._folder.path
        return str(Path(own).parent) if file is None or file.startswith(own) else file

    def kill(self) -> None:
        """End it and all that it started, now."""
        if os.name == "nt":
            self._process.kill()
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, and take away what it left; it has answered, so nothing of it is needed more."""
        self.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._tasks.close()
        self._answers.close()
        self._marks.close()
        self._journal.close()
        self._folder.close()

    @contextmanager
    def _watched(self, silent_s: float) -> Iterator[list[float]]:
        """Kill it where it marks nothing for so long; then the list holds that limit."""
        hung: list[float] = []
        done = threading.Event()

        def watch() -> None:
            seen, since = self._count(), time.monotonic()
            while not done.wait(min(1.0, silent_s / 4)):
                count, now = self._count(), time.monotonic()
                if count != seen:
                    seen, since = count, now
                elif now - since > silent_s:
                    hung.append(silent_s)
                    self.kill()
                    return

        thread = threading.Thread(target=watch, daemon=True)
        if silent_s:
            thread.start()
        try:
            yield hung
        finally:
            done.set()
            if silent_s:
                thread.join()

    def _end(self, hung: list[float]) -> ProcessFailed:
        """Why there was no answer."""
        self.kill()
        code = self._process.wait()
        at = self._at()
        self._journal.seek(_MARKED)
        told = self._journal.read()[-_TOLD:].decode(errors="replace").strip()
        if hung:
            reason = f"the process that ran it made no progress for {hung[0]:g} s and was ended"
            return ProcessFailed(reason, told, at, ended=True)
        if code < 0:
            name = {each.value: each.name for each in signal.Signals}.get(-code, "")
            reason = f"the process that ran it was ended by signal {-code}"
            reason += f" ({name})" if name else ""
            return ProcessFailed(reason, told, at, ended=True, signal=name)
        last = f": {told.splitlines()[-1]}" if told else ""
        reason = f"the process that ran it ended with exit code {code}{last}"
        return ProcessFailed(reason, told, at, ended=True)

    def _count(self) -> int:
        return _COUNT.unpack_from(self._marks)[0]

    def _at(self) -> str:
        _, size = _COUNT.unpack_from(self._marks)
        return bytes(self._marks[_COUNT.size : _COUNT.size + size]).decode(errors="replace")


def main(parent: int) -> None:
    """The process: answers tasks until there are no more, or its `parent` is gone."""
    global _marks
    die_with_parent(parent)
    _marks = mmap.mmap(2, _MARKED)
    tasks, kept = sys.stdin.buffer, {}
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)  # what libraries print is no answer
        while True:
            try:
                task, arrays = _read(tasks)
            except EOFError:
                return
            kept |= {name: arrays[name] for name in task["keep"]}
            answer = io.BytesIO()
            _write(answer, *_answer(task, {**kept, **arrays}))
            answers.write(answer.getbuffer())
            answers.flush()


def _answer(task: dict[str, Any], arrays: Arrays) -> tuple[dict[str, Any], Arrays]:
    module, _, name = task["function"].partition(":")
    mark()
    try:
        return {}, getattr(importlib.import_module(module), name)(task["spec"], arrays)
    except JobFailed as error:
        reason, number, file, details = str(error), None, None, error.details
        is_user_s = False
    except BaseException as error:  # a plugin's SystemExit, a panic of a library in Rust
        is_user_s = isinstance(error, UserError)
        reason = str(error) if is_user_s else f"{type(error).__name__}: {first_line(error)}"
        number, details = getattr(error, "errno", None), traceback.format_exc()
        file = getattr(error, "filename", None)
    told = {"failed": reason, "details": details, "errno": number, "is_user_s": is_user_s}
    return {**told, "file": None if file is None else str(file)}, {}


def _write(stream: Any, header: dict[str, Any], arrays: Mapping[str, Any]) -> None:
    """A line of JSON, then arrays; numpy would seek in a real file, which a pipe can't."""
    stream.write(json.dumps(header | {"arrays": list(arrays)}).encode() + b"\n")
    plain = SimpleNamespace(write=stream.write)
    for array in arrays.values():
        npy.write_array(plain, np.asarray(array), allow_pickle=False)  # pyright: ignore[reportArgumentType]
    stream.flush()


def _read(stream: Any) -> tuple[dict[str, Any], Arrays]:
    line = stream.readline()
    if not line.endswith(b"\n"):
        raise EOFError

    def read(size: int) -> bytes:
        content = stream.read(size)
        if len(content) < size:
            raise EOFError
        return content

    plain: Any = SimpleNamespace(read=read)
    header = json.loads(line)
    return header, {n: npy.read_array(plain, allow_pickle=False) for n in header["arrays"]}
