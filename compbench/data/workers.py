"""Work on many files, spread over processes, with its progress told."""

from __future__ import annotations

import itertools
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from compbench.data import progress
from compbench.data.stores import File, Store, opened
from compbench.errors import UserError

Found = TypeVar("Found")
Part = tuple[int, Sequence[File]]  # the index of the first file, and some files
Task = Callable[[Store, int, Sequence[File]], Found]  # what is done with a part of a store

_PART = 256  # files that are worked on together
_FEW = 2000  # files for which no process is worth its start
_MOST = 16  # processes


def spread(task: Task[Found], path: Path, files: Sequence[File], what: str) -> Iterator[Found]:
    """What a task finds in each part of the files of a folder or zip, in their order.

    `task` is called in other processes, so it is a module's function, or a `partial` of one. Raises
    what it raises, and UserError where a process crashes.
    """
    starts = range(0, len(files), _PART)
    parts = [(start, files[start : start + _PART]) for start in starts]
    count = min(_processors(), _MOST, len(files) // _FEW + 1)
    found = _here(task, path, parts) if count == 1 else _there(task, path, parts, count)
    with progress.reading(what, len(files)) as tell:
        for (_, part), one in zip(parts, found, strict=True):
            tell(len(part))
            yield one


def main() -> None:
    """What a worker runs: parts come in by stdin and what was found goes out; with it, it ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints, prints no answer
    with (
        suppress(EOFError, BrokenPipeError),
        closing(opened(pickle.load(sys.stdin.buffer))) as store,
    ):
        while True:
            task, start, files = pickle.load(sys.stdin.buffer)
            try:
                answer = True, task(store, start, files)
            except Exception as error:
                answer = False, error
            pickle.dump(answer, answers)
            answers.flush()


def _here(task: Task[Found], path: Path, parts: Sequence[Part]) -> Iterator[Found]:
    with closing(opened(path)) as store:
        for part in parts:
            yield task(store, *part)


def _there(task: Task[Found], path: Path, parts: Sequence[Part], count: int) -> Iterator[Found]:
    """In processes that are started anew: a fork of one with threads, such as torch's, may hang.

    `multiprocessing` would run the program that was started again in each of them.
    """
    free: SimpleQueue[_Worker] = SimpleQueue()

    def ask(part: Part) -> Found:
        worker = free.get()
        try:
            return worker.ask(task, part)
        finally:
            free.put(worker)

    with ExitStack() as stack:
        for _ in range(count):
            free.put(stack.enter_context(closing(_Worker(path))))
        pool = stack.enter_context(ThreadPoolExecutor(count))
        left = iter(parts)
        waiting = deque(pool.submit(ask, part) for part in itertools.islice(left, 4 * count))
        try:
            while waiting:
                yield waiting.popleft().result()
                waiting.extend(pool.submit(ask, part) for part in itertools.islice(left, 1))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _Worker:
    """A process that works on parts, one after the other."""

    def __init__(self, path: Path):
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import main; main()"
        self._path = path
        self._process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # decoders print what they think of odd files
            start_new_session=True,  # Ctrl-C is its parent's
        )
        self._is_new = True

    def ask(self, task: Task[Any], part: Part) -> Any:
        """What the task finds in a part."""
        ways = self._process.stdin, self._process.stdout
        assert ways[0] and ways[1]
        start, files = part
        try:
            if self._is_new:
                pickle.dump(self._path, ways[0])
                self._is_new = False
            pickle.dump((task, start, files), ways[0])
            ways[0].flush()
            is_found, found = pickle.load(ways[1])
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise UserError(
                f"{self._path}: a process crashed that read {files[0].name} or one of the "
                f"{len(files) - 1} after it (exit code {self._process.wait()})"
            ) from error
        if not is_found:
            raise found
        return found

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for way in (self._process.stdin, self._process.stdout):
            if way is not None:
                with suppress(OSError):
                    way.close()


def _processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
