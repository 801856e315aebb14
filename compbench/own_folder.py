"""A folder that compbench writes into and people may too: it touches what is its own, no more.

A list beside the files says which it wrote, for whom, with their checksums, and which suite file
they are of. No other is ever removed, and none is written over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from compbench.errors import UserError
from compbench.file_name import FileName
from compbench.files import at_end_of, is_another, sha256, way, write_whole

LIST = ".written.json"
AGAIN = "this page again"  # what pages say of the command that writes them, since before the list


class _List(BaseModel):
    written: dict[str, dict[FileName, str]] = {}  # whose -> name -> sha256
    suite: str | None = None  # the way to the suite file that all of it is of

    def names(self) -> set[str]:
        return {name for files in self.written.values() for name in files}


class OwnFolder:
    """A folder of a suite file's pages, and in it what one of several writers owns."""

    def __init__(self, path: Path, owner: str, suite: Path | None = None):
        self.path = path
        self._owner, self._suite = owner, suite

    def refuse_namesake(self) -> None:
        """Raises UserError where what is there is of another suite file of this name."""
        self._refuse_namesake(self._read())

    def _refuse_namesake(self, known: _List) -> None:
        place = at_end_of(self.path, known.suite) if known.suite else None
        if place and self._suite and is_another(place, self._suite):
            raise UserError(
                f"{self.path} is of another suite file of this name, {place}: rename one of them, "
                "or name another folder with --reports"
            )

    def put(self, files: Mapping[str, bytes], *, all_of_it: bool = False) -> None:
        """Write files, each whole; with `all_of_it`, what this owner wrote before and no more goes.

        Raises UserError, before anything is written, where one would be written over a stranger's
        or another suite's.
        """
        known = self._read()
        self._refuse_namesake(known)
        before = known.written.get(self._owner, {})
        for name in files:
            self._refuse_strangers(name, known)
        self.path.mkdir(parents=True, exist_ok=True)
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        suite = self._place() or known.suite
        self._write({**known.written, self._owner: {**before, **sums}}, suite)
        for name, content in files.items():
            write_whole(self.path / name, content)
        if all_of_it:
            for name in before.keys() - files.keys():
                self._remove(name, before[name])
            self._write({**known.written, self._owner: sums}, suite)

    def _place(self) -> str | None:
        return way(self.path, self._suite) if self._suite and self._suite.is_file() else None

    def _remove(self, name: str, checksum: str) -> None:
        path = self.path / name
        if path.is_file() and not path.is_symlink() and sha256(path) == checksum:
            path.unlink()

    def _refuse_strangers(self, name: str, known: _List) -> None:
        path = self.path / name
        if name in known.names() or not (path.exists() or path.is_symlink()):
            return
        if path.is_symlink() or not path.is_file() or not self._is_of_before(path, known):
            raise UserError(
                f"{path} was not written by compbench: move it, or name another folder with "
                "--reports"
            )

    def _is_of_before(self, path: Path, known: _List) -> bool:
        """Whether it was written before there were lists: a page says so, of itself and others."""
        if known.written:
            return False
        pages = [path, *self.path.glob("*.md")]
        return any(page.is_file() and AGAIN.encode() in page.read_bytes() for page in pages)

    def _read(self) -> _List:
        path = self.path / LIST
        try:
            return _List.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return _List()
        except ValidationError as error:
            raise UserError(
                f"{path} is damaged: {error.errors()[0]['msg']}; remove it together with what "
                "compbench wrote beside it"
            ) from error

    def _write(self, written: dict[str, dict[str, str]], suite: str | None) -> None:
        found = _List(written=written, suite=suite)
        content = found.model_dump_json(indent=1, exclude_none=True).encode() + b"\n"
        write_whole(self.path / LIST, content)
