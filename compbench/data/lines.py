"""Files of lines, each a text and its label, by tabs or commas."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

from compbench.errors import UserError, nearest, shown

Column = str | int


class Lines(NamedTuple):
    """Texts and their labels, and the number of the line in which each ends, from 1."""

    texts: list[str]
    labels: list[str]
    numbers: list[int]


def digest(*paths: Path) -> str:
    """Of the content of some files."""
    found = hashlib.sha256()
    for path in paths:
        with _opened_bytes(path) as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def text_of(path: Path) -> str:
    """A whole file. Raises UserError where it can't be read, or is not UTF-8, with the line."""
    with _opened_bytes(path) as file:
        content = file.read()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: is not UTF-8 ({error.reason})") from error


def read(path: Path, text: Column, label: Column) -> Lines:
    """The texts and labels of a file; empty lines are passed over.

    `.csv` is by commas with quotes (RFC 4180); all else is by tabs, where quotes are letters.
    Columns are numbers from 0, or names that stand in the first line. Raises UserError with the
    line where a column is not there, or a text or label is empty.
    """
    rows = _rows(path)
    found = Lines([], [], [])
    names: list[str] | None = None
    for number, row in rows:
        if names is None and (isinstance(text, str) or isinstance(label, str)):
            names = row
            continue
        where = f"{path}, line {number}"
        wanted = ("text", text, found.texts), ("label", label, found.labels)
        for what, column, values in wanted:
            value = row[_place(path, column, names, row, where)].strip()
            if not value:
                raise UserError(f"{where}: the {what} is empty")
            values.append(value)
        found.numbers.append(number)
    if not found.texts:
        raise UserError(f"{path} has no lines{' below its first' if names else ''}")
    return found


def _place(path: Path, column: Column, names: list[str] | None, row: list[str], where: str) -> int:
    if isinstance(column, str):
        assert names is not None
        if column not in names:
            raise UserError(f"{path} has no column {shown(column)}{nearest(column, names)}")
        column = names.index(column)
    if column >= len(row):
        raise UserError(f"{where}: there is no column {column}: it has {len(row)}, counted from 0")
    return column


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    lines = io.StringIO(text_of(path), newline="")
    if path.suffix.lower() != ".csv":
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield number, line.rstrip("\r\n").split("\t")
        return
    reader = csv.reader(lines, strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from error


def _opened_bytes(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror}") from error
