"""Raw samples as they lie in a run's files: columns of bytes, decoded when they are asked for.

A run of a thousand variants has gigabytes of samples; nobody needs all of them at once.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.errors import UserError

MOST_BYTES = 1 << 28  # of one column, unpacked: 33 million durations


@dataclass(frozen=True)
class _Packed:
    dtype: str
    content: bytes  # zlib


class _Missing(UserError, KeyError):
    """A column that every row of a metric has, and this one has not."""


class Columns(Mapping[str, NDArray[Any]]):
    """Column name -> 1-D array, decompressed anew at each access and never kept."""

    def __init__(self, encoded: Mapping[str, Mapping[str, str]], origin: str):
        """`encoded` as `encode` made it, read from the file `origin`.

        Raises ValueError or KeyError where it is damaged; an access raises UserError then.
        """
        self._origin = origin
        self._length: int | None = None  # of all of them; known when the first was asked for
        self._packed = {
            name: _Packed(column["dtype"], base64.b64decode(column["zlib"]))
            for name, column in encoded.items()
        }

    def __getitem__(self, name: str) -> NDArray[Any]:
        packed = self._packed.get(name)
        if packed is None:
            raise _Missing(f"{self._origin} is damaged: a row has no column '{name}'")
        try:
            column = _decompressed(packed.content, packed.dtype)
        except (ValueError, TypeError, zlib.error) as error:
            raise UserError(f"{self._origin} is damaged: {error}") from error
        if self._length not in (None, len(column)):
            raise UserError(f"{self._origin} is damaged: columns of a row differ in length")
        self._length = len(column)
        return column

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def encode(columns: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, str]]:
    """Each column as little-endian bytes, zlib-compressed, in base64."""
    return {name: _encode(column) for name, column in columns.items()}


def _encode(column: NDArray[Any]) -> dict[str, str]:
    return {"dtype": column.dtype.newbyteorder("<").str, "zlib": packed(column)}


def packed(column: NDArray[Any]) -> str:
    """Little-endian, zlib-compressed, in base64: a hundred thousand numbers in one line."""
    content = column.astype(column.dtype.newbyteorder("<")).tobytes()
    return base64.b64encode(zlib.compress(content, 6)).decode()


def unpacked(text: str, dtype: str = "<i8") -> NDArray[Any]:
    """What was `packed`; 64-bit integers, such as durations in ns, where no type is named."""
    return _decompressed(base64.b64decode(text), dtype)


def _decompressed(content: bytes, dtype: str) -> NDArray[Any]:
    """Raises ValueError where a few bytes would fill the memory, or there is more behind them."""
    kind = np.dtype(dtype)
    if kind.hasobject:
        raise ValueError(f"a column of {dtype} is no column of numbers or words")
    unpacker = zlib.decompressobj()
    plain = unpacker.decompress(content, MOST_BYTES + 1)
    if len(plain) > MOST_BYTES:
        raise ValueError(f"a column has more than {MOST_BYTES:,} bytes")
    if not unpacker.eof:
        raise ValueError("a column ends too early")
    return np.frombuffer(plain, kind)
