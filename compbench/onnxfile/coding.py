"""Arrays -> the fewest bytes that hold them, by lossless codings, and back."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import constriction
import ml_dtypes
import numpy as np
import zstandard
from numpy.typing import NDArray

LEVEL = 19  # of zstd: the highest that needs no more memory to unpack
_QUICK_LEVEL, _WINDOW_LOG = 9, 23  # of what level 19 hardly packs better; both see as far back
_QUICK_LOSES = 0.005  # the share that level 19 must save on a sample for all to be packed so
_HUGE, _HUGE_LEVEL = 8 << 20, 12  # bytes that level 19 would pack for minutes
_LARGE = 1 << 18  # bytes of which a sample says what is worth doing with them
_PIECES, _PIECE = 8, 1 << 14  # of a sample, and the bytes of each
MOST_SYMBOLS = 1 << 16  # of a code book
Words = NDArray[Any]  # 2-d, unsigned: the bits of a tensor's elements, its first axis as rows
_STREAM: Any = constriction.stream  # pyright: ignore[reportAttributeAccessIssue]
_Bernoulli = _STREAM.model.Bernoulli
_Categorical = _STREAM.model.Categorical
_Ans = _STREAM.stack.AnsCoder


def packed(content: bytes) -> bytes:
    """Bytes packed with zstd (RFC 8878) at level 19; more than 8 MiB at level 12.

    Level 19 packs a pruned ResNet-18 8 % smaller than level 12, in fifteen times the time. Much
    that level 9 packs as well is packed at that, faster still: what a sample says, of which level
    19 would save less than 0.5 %. Weights as training leaves them are such.
    """
    slow = zstandard.ZstdCompressor(level=LEVEL)
    if len(content) < _LARGE:
        return slow.compress(content)
    quick = zstandard.ZstdCompressor(level=_QUICK_LEVEL)
    starts = np.linspace(0, len(content) - _PIECE, _PIECES, dtype=int)
    pieces = [content[start : start + _PIECE] for start in starts]
    small, smaller = (sum(len(one.compress(p)) for p in pieces) for one in (quick, slow))
    if smaller > (1 - _QUICK_LOSES) * small:
        return _wide(_QUICK_LEVEL).compress(content)
    return (_wide(_HUGE_LEVEL) if len(content) > _HUGE else slow).compress(content)


def _wide(level: int) -> zstandard.ZstdCompressor:
    """A quick level that sees as far back as level 19."""
    far = {"window_log": _WINDOW_LOG, "enable_ldm": True}
    wide = zstandard.ZstdCompressionParameters.from_level(level, **far)
    return zstandard.ZstdCompressor(compression_params=wide)


def write(words: Words) -> bytes:
    """The smallest of all codings of some words."""
    return _block(words, _ALL)


def read(stream: io.BytesIO, itemsize: int, shape: tuple[int, int]) -> Words:
    """The words, of `itemsize` bytes each, of the block at a stream's position."""
    return _CODINGS[stream.read(1)[0]][1](stream, itemsize, shape)


def _block(words: Words, tags: bytes) -> bytes:
    """The smallest of some codings, behind its tag.

    Of many words a sample says which of the slow codings are worth trying.
    """
    sample = _sample(words)
    found: dict[int, bytes] = {}
    for tag in sorted(tags if words.size else _RAW, key=_QUICK_FIRST.index):
        slack = _SLACK.get(tag)
        if sample is not None and slack and found:
            coded = _CODINGS[tag][0](sample) or b""
            if len(coded) * words.size > slack * sample.size * min(map(len, found.values())):
                continue
        coded = _CODINGS[tag][0](words)
        if coded is not None:
            found[tag] = coded
    best = min(sorted(found), key=lambda tag: len(found[tag]))
    return bytes([best]) + found[best]


def _sample(words: Words) -> Words | None:
    """Pieces from all over many words, whole rows where there are enough; None of few words."""
    if words.nbytes < _LARGE:
        return None
    axis = 0 if len(words) >= 4 * _PIECES else 1
    width = max(1, _PIECE * words.shape[axis] // words.nbytes)
    starts = np.linspace(0, words.shape[axis] - width, _PIECES, dtype=int)
    places = np.unique(starts[:, None] + np.arange(width))
    return words.take(places, axis)


def _raw(words: Words) -> bytes:
    return words.astype(words.dtype.newbyteorder("<")).tobytes()


def _read_raw(stream: io.BytesIO, itemsize: int, shape: tuple[int, int]) -> Words:
    content = stream.read(itemsize * prod(shape))
    return np.frombuffer(content, f"<u{itemsize}").astype(f"u{itemsize}").reshape(shape)


def _zstd(words: Words) -> bytes:
    return _sized(packed(_raw(words)))


def _read_zstd(stream: io.BytesIO, itemsize: int, shape: tuple[int, int]) -> Words:
    content = zstandard.ZstdDecompressor().decompress(_read_sized(stream))
    return _read_raw(io.BytesIO(content), itemsize, shape)


def _book(words: Words) -> bytes | None:
    """Distinct values, how often each occurs, and a symbol for each word by these frequencies."""
    values, symbols, counts = _distinct(words)
    if len(values) > min(MOST_SYMBOLS, words.size):
        return None
    steps = np.diff(values, prepend=values.dtype.type(0))
    coded = _ans(symbols.reshape(-1), _categorical(counts))
    return varint(len(values)) + _block(steps[None], _SIMPLE) + _counts(counts) + coded


def _distinct(words: Words) -> tuple[Words, NDArray[Any], NDArray[Any]]:
    """What values there are, which of them each word is, and how often each occurs."""
    if words.itemsize > 1:
        return np.unique(words, return_inverse=True, return_counts=True)
    counts = np.bincount(words.reshape(-1), minlength=256)
    values = np.flatnonzero(counts)
    places = np.zeros(256, np.int32)
    places[values] = np.arange(len(values))
    return values.astype(words.dtype), places[words], counts[values]


def _read_book(stream: io.BytesIO, itemsize: int, shape: tuple[int, int]) -> Words:
    size = read_varint(stream)
    values = np.cumsum(read(stream, itemsize, (1, size)), dtype=f"u{itemsize}")
    model = _categorical(_read_counts(stream, size))
    return values[_read_ans(stream).decode(model, prod(shape))].reshape(shape)


def _planes(words: Words) -> bytes | None:
    """The first bytes of all words, then all second bytes: exponents code well, mantissas don't."""
    if words.itemsize == 1:
        return None
    columns = np.frombuffer(_raw(words), np.uint8).reshape(words.size, words.itemsize)
    return b"".join(_block(columns[:, i][None], _FLAT) for i in range(words.itemsize))


def _read_planes(stream: io.BytesIO, itemsize: int, shape: tuple[int, int]) -> Words:
    planes = [read(stream, 1, (1, prod(shape))).reshape(-1) for _ in range(itemsize)]
    return _read_raw(io.BytesIO(np.stack(planes, axis=1).tobytes()), itemsize, shape)


def _halves(words: Words) -> bytes | None:
    """Two numbers of 4 bits in each byte, the lower first, as MatMulNBits has them."""
    if words.itemsize > 1:
        return None
    return _block(np.stack([words & 15, words >> 4], axis=-1).reshape(1, -1), _ONLY_BOOK)


def _read_halves(stream: io.BytesIO, itemsize: int, shape: tuple[int, int]) -> Words:
    halves = read(stream, itemsize, (1, 2 * prod(shape))).reshape(-1, 2)
    return (halves[:, 0] | halves[:, 1] << 4).reshape(shape)


def _mask(words: Words) -> bytes | None:
    """Where the zeros are, by how many each row and each column has; then the other words."""
    there = words != 0
    if min(words.shape) < 2 or there.all() or not there.any():
        return None
    rows, columns = there.sum(axis=1), there.sum(axis=0)
    where = _ans(there.reshape(-1), _Bernoulli(perfect=False), _chances(rows, columns))
    return _counts(rows) + _counts(columns) + where + _block(words[there][None], _DENSE)


def _read_mask(stream: io.BytesIO, itemsize: int, shape: tuple[int, int]) -> Words:
    rows, columns = (_read_counts(stream, size) for size in shape)
    where = _read_ans(stream).decode(_Bernoulli(perfect=False), _chances(rows, columns))
    words = np.zeros(prod(shape), f"u{itemsize}")
    words[where == 1] = read(stream, itemsize, (1, int(rows.sum()))).reshape(-1)
    return words.reshape(shape)


def _chances(rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
    """How likely each element is non-zero if rows and columns are independent, row by row."""
    expected = np.outer(rows.astype(np.float64), columns.astype(np.float64)) / float(rows.sum())
    return np.clip(expected, 0, 1).reshape(-1)


def _categorical(counts: NDArray[Any]) -> Any:
    """Frequencies as a model; a second symbol that never comes stands by a single one."""
    return _Categorical(np.append(counts, [0] * (len(counts) < 2)).astype(float), perfect=False)


def _ans(symbols: NDArray[Any], model: Any, *parameters: NDArray[Any]) -> bytes:
    coder = _Ans()
    coder.encode_reverse(symbols.astype(np.int32), model, *parameters)
    return _sized(coder.get_compressed().astype("<u4").tobytes())


def _read_ans(stream: io.BytesIO) -> Any:
    return _Ans(np.frombuffer(_read_sized(stream), "<u4").astype(np.uint32))


def _counts(counts: NDArray[Any]) -> bytes:
    """Numbers from 0, in as few bytes as the largest needs."""
    words = counts.astype(np.min_scalar_type(int(counts.max())))
    return bytes([words.itemsize]) + _block(words[None], _SIMPLE)


def _read_counts(stream: io.BytesIO, size: int) -> NDArray[Any]:
    return read(stream, stream.read(1)[0], (1, size)).reshape(-1)


def varint(number: int) -> bytes:
    """A number from 0: seven bits a byte, the lowest first; the eighth says that more follow."""
    low, high = number & 127, number >> 7
    return bytes([low | 128]) + varint(high) if high else bytes([low])


def read_varint(stream: io.BytesIO) -> int:
    """The number at a stream's position."""
    byte = stream.read(1)[0]
    return byte if byte < 128 else (byte & 127) | read_varint(stream) << 7


def _sized(content: bytes) -> bytes:
    return varint(len(content)) + content


def _read_sized(stream: io.BytesIO) -> bytes:
    return stream.read(read_varint(stream))


_Write = Callable[[Words], bytes | None]
_Read = Callable[[io.BytesIO, int, tuple[int, int]], Words]
# tag -> how to code and how to read; a tag never changes its meaning
_CODINGS: dict[int, tuple[_Write, _Read]] = {
    0: (_raw, _read_raw),
    1: (_zstd, _read_zstd),
    2: (_book, _read_book),
    3: (_planes, _read_planes),
    4: (_halves, _read_halves),
    5: (_mask, _read_mask),
}
# which are tried; those within a coding are simpler ones, so that it comes to an end
_RAW = bytes([0])
_SIMPLE = bytes([0, 1])
_FLAT = bytes([0, 1, 2])
_DENSE = bytes([0, 1, 2, 3])
_ONLY_BOOK = bytes([2])
_ALL = bytes([0, 1, 2, 3, 4, 5])
_QUICK_FIRST = bytes([0, 2, 5, 4, 3, 1])
# slow coding -> how much larger than the smallest a sample of it may be; counts of columns, which
# codings of zeros have, weigh more in a sample than in all
_SLACK = {1: 1.005, 3: 1.03, 4: 1.03, 5: 1.15}
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
    return head + b"".join(map(varint, array.shape)) + write(words)


def _is_number(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "biufc" or hasattr(ml_dtypes, dtype.name)


def _read_tensor(stream: io.BytesIO) -> NDArray[Any]:
    dtype = np.dtype(stream.read(read_varint(stream)).decode())
    shape = tuple(read_varint(stream) for _ in range(read_varint(stream)))
    rows = shape[0] if len(shape) > 1 else 1
    words = read(stream, dtype.itemsize, (rows, prod(shape) // max(rows, 1)))
    return words.reshape(-1).view(dtype).reshape(shape)
