"""Fresh processes that need not import anything: forked from one that has.

To start Python and import ONNX Runtime takes ten times as long as to read a file's memory. A forked
process first makes its memory its own (see `resident_pages`), so that its figures are those of one
that was started; where that can't be (not Linux, an old kernel), each process is started instead.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Any, Self

from compbench.files import PLACES
from compbench.runtime import process, resident_pages
from compbench.runtime.child import Child, die_with_parent, spawned

_MOST_BYTES = 1 << 16  # of a message
_READY = b"ready"


class ForkServer:
    """Starts processes that have imported some modules; its own process starts with the first."""

    def __init__(self, modules: Sequence[str], note: Callable[[str], None]):
        """`note` is told where Linux does not let processes be forked, or the server is lost."""
        self._modules, self._note = tuple(modules), note
        self._server: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._is_possible = sys.platform == "linux"

    def start(self, folder: str, journal: IO[bytes]) -> Child:
        """A process as `spawned` starts one."""
        if self._is_possible and self._server is None:
            self._is_possible = self._begin()
        if self._socket is None:
            return spawned(folder, journal)
        try:
            return _Forked(self._socket, folder, journal)
        except OSError:  # it was killed: the next process begins another
            self.close()
            self._note("the process that others are forked from was lost: one is started instead")
            return spawned(folder, journal)

    def close(self) -> None:
        """End the server, and with it what it started."""
        if self._socket is not None:
            self._socket.close()
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        self._server = self._socket = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin(self) -> bool:
        """Whether it could be started."""
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            run = f"serve({its.fileno()}, {self._modules!r}, {os.getpid()})"
            code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; {run}"
            self._server = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-c", code],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )
        self._socket = ours
        if _received(ours) == _READY:
            return True
        self.close()
        self._note("no process can be forked here: each is started, which takes longer")
        return False


class _Forked:
    """The parent's side of a forked process, as that of `subprocess.Popen`."""

    def __init__(self, server: socket.socket, folder: str, journal: IO[bytes]):
        self._server, self._code = server, None
        (its_tasks, tasks), (answers, its_answers) = os.pipe(), os.pipe()
        self.stdin, self.stdout = os.fdopen(tasks, "wb"), os.fdopen(answers, "rb")
        try:
            given = [its_tasks, its_answers, journal.fileno()]
            socket.send_fds(server, [json.dumps({"folder": folder}).encode()], given)
            self.pid = json.loads(_received(server) or b"null")
            if self.pid is None:
                raise BrokenPipeError
        except OSError:
            self.stdin.close()
            self.stdout.close()
            raise
        finally:
            os.close(its_tasks)
            os.close(its_answers)

    def kill(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, or minus the signal that ended it; the server's end is its end too."""
        if self._code is None:
            try:
                self._server.send(json.dumps({"wait": self.pid}).encode())
                self._code = json.loads(_received(self._server) or b"null")
            except OSError:
                pass
            self._code = -signal.SIGKILL if self._code is None else self._code
        return self._code


def _received(from_socket: socket.socket) -> bytes:
    """A message; empty where the other side is gone."""
    try:
        return from_socket.recv(_MOST_BYTES)
    except OSError:
        return b""


def serve(place: int, modules: Sequence[str], parent: int) -> None:
    """The server: imports, then forks as often as it is asked; it ends with its parent."""
    die_with_parent(parent)
    own = os.getpid()
    for module in modules:
        importlib.import_module(module)
    orders = socket.socket(fileno=place)
    pages = resident_pages.present()
    resident_pages.take(pages)  # all are there: it changes nothing, but fails where it is unknown
    orders.send(_READY)
    while True:
        message, given, *_ = socket.recv_fds(orders, _MOST_BYTES, 3)
        if not message:
            return
        order: dict[str, Any] = json.loads(message)
        if "wait" in order:
            _, status = os.waitpid(order["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            with warnings.catch_warnings():  # of threads, which a library's import has started
                warnings.simplefilter("ignore")
                answer = os.fork()
            if answer == 0:
                orders.close()
                _work(order["folder"], given, pages, own)
            with suppress(PermissionError, ProcessLookupError):  # it was quicker, or is gone
                os.setpgid(answer, answer)  # so that its group can be killed from now on
        for each in given:
            os.close(each)
        orders.send(json.dumps(answer).encode())


def _work(
    folder: str, given: Sequence[int], pages: list[resident_pages.Range], parent: int
) -> None:
    """What a forked process does; it never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        for place, each in enumerate(given):
            os.dup2(each, place)
            os.close(each)
        os.environ.update(dict.fromkeys(PLACES, folder))
        tempfile.tempdir = None
        resident_pages.take(pages)
        process.main(parent)
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
