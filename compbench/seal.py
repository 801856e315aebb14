"""Checksums that files carry in themselves, so that damage is told from what was measured.

A JSON object has its own among its members, a file of JSON lines has it as its last line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compbench.errors import UserError
from compbench.files import read_own

SUM = "sha256"


def json_text(content: Mapping[str, Any]) -> bytes:
    """A JSON object, indented, with its checksum as the last member."""
    whole = {**content, SUM: _of_object(content)}
    return json.dumps(whole, indent=1, allow_nan=False).encode() + b"\n"


def json_object(text: bytes, *, is_sealed: bool) -> dict[str, Any]:
    """What was written, without the checksum. One of before there were checksums has none.

    Raises ValueError where it is damaged, also where it `is_sealed` and has lost its checksum.
    """
    content = loads(text)
    if not isinstance(content, dict):
        raise ValueError("it is no JSON object")
    found = content.pop(SUM, None)
    if found is None and not is_sealed:
        return content
    _refuse(found, _of_object(content))
    return content


def read_object(path: Path, *, sealed_since: int, newest: int) -> dict[str, Any]:
    """The JSON object of a file that says its `format`: from one on there is a checksum.

    Raises UserError where the format is later than the newest that is known, FileNotFoundError, and
    ValueError where the file is damaged.
    """
    text = read_own(path)
    content = loads(text)
    version = content.get("format", 1) if isinstance(content, dict) else 1
    if type(version) is not int or version < 1:
        raise ValueError("its format is no number")
    if version > newest:
        raise UserError(f"{path} has format {version}; this compbench reads up to {newest}")
    return {"format": 1, **json_object(text, is_sealed=version >= sealed_since)}


def lines_text(lines: bytes) -> bytes:
    """JSON lines, and their checksum as a line below."""
    return lines + json.dumps({SUM: _of_bytes(lines)}).encode() + b"\n"


def json_lines(text: bytes, *, is_sealed: bool) -> list[Any]:
    """The lines without the last one. Raises ValueError as `json_object` does."""
    above, _, last = text.rstrip(b"\n").rpartition(b"\n")
    above += b"\n" if above else b""
    is_seal = last.startswith(b'{"' + SUM.encode())
    if is_sealed or is_seal:
        found = loads(last) if is_seal else None
        _refuse(found.get(SUM) if isinstance(found, dict) else None, _of_bytes(above))
        text = above
    return [loads(line) for line in text.splitlines()]


def loads(text: bytes) -> Any:
    """JSON as the standard has it: no NaN, no infinity. Raises ValueError."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _of_object(content: Mapping[str, Any]) -> str:
    return _of_bytes(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def _of_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _refuse(found: object, wanted: str) -> None:
    if found is None:
        raise ValueError("its end, with its checksum, is missing")
    if found != wanted:
        raise ValueError("its content differs from its checksum")
