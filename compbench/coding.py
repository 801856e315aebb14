"""Bytes packed for a download, and weights as small as an entropy coder makes them, without loss.

Every tensor is coded in several ways and the smallest is kept. What the decoder has to know
(shapes, types, code books, counts) lies in the coded bytes and is counted with them.

Sources: ANS, Duda 2013, arXiv:1311.2540; its coder, Bamler 2022, arXiv:2201.01741 (constriction);
zstd, RFC 8878; a code book and an entropy code for pruned weights, Han et al. 2016,
arXiv:1510.00149.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from math import prod
from typing import Any

import ml_dtypes  # tells numpy the names int4, bfloat16, float8_e4m3fn, ... as well
import numpy as np
from numpy.typing import NDArray

from compbench import blocks
from compbench.blocks import packed, read_varint, varint

__all__ = ["decode", "encode", "packed"]

CHECKSUM_BYTES = 4


def encode(arrays: Sequence[NDArray[Any]]) -> bytes:
    """Arrays of any shape, of numpy's and ONNX's numbers; `decode` gives back the same bits.

    Raises ValueError for elements that are no numbers of 1, 2, 4 or 8 bytes.
    """
    body = varint(len(arrays)) + b"".join(_tensor(np.asarray(array)) for array in arrays)
    return body + zlib.crc32(body).to_bytes(CHECKSUM_BYTES, "little")


def decode(content: bytes) -> list[NDArray[Any]]:
    """The arrays that were encoded. Raises ValueError where the bytes are damaged or cut off."""
    body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:]
    if not body or zlib.crc32(body).to_bytes(CHECKSUM_BYTES, "little") != checksum:
        raise ValueError("coded weights are damaged or cut off: their checksum differs")
    stream = io.BytesIO(body)
    return [_read_tensor(stream) for _ in range(read_varint(stream))]


def _tensor(array: NDArray[Any]) -> bytes:
    if array.itemsize not in (1, 2, 4, 8) or not _is_number(array.dtype):
        raise ValueError(f"weights of type {array.dtype} can't be coded")
    array = np.ascontiguousarray(array, array.dtype.newbyteorder("=")).reshape(array.shape)
    name = array.dtype.name.encode()
    rows = array.shape[0] if array.ndim > 1 else 1
    words = array.reshape(-1).view(f"u{array.itemsize}").reshape(rows, array.size // max(rows, 1))
    head = varint(len(name)) + name + varint(array.ndim)
    return head + b"".join(map(varint, array.shape)) + blocks.write(words)


def _is_number(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "biufc" or hasattr(ml_dtypes, dtype.name)


def _read_tensor(stream: io.BytesIO) -> NDArray[Any]:
    dtype = np.dtype(stream.read(read_varint(stream)).decode())
    shape = tuple(read_varint(stream) for _ in range(read_varint(stream)))
    rows = shape[0] if len(shape) > 1 else 1
    words = blocks.read(stream, dtype.itemsize, (rows, prod(shape) // max(rows, 1)))
    return words.reshape(-1).view(dtype).reshape(shape)
