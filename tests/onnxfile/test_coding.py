from __future__ import annotations

from math import ceil, log2
from typing import Any

import hypothesis.extra.numpy as hnp
import ml_dtypes
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from compbench.onnxfile import coding

DTYPES = [
    *(np.float16, np.float32, np.float64, np.int8, np.uint8, np.int16, np.int32, np.int64),
    *(np.bool_, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.int4, ml_dtypes.uint4),
]
NAN_PAYLOADS = np.array([0x7FC00001, 0xFFC12345, 0x7F800001, 0x80000000, 0, 1], "<u4")


def equal(ours: NDArray, theirs: NDArray) -> bool:
    """Bit for bit, with its type and shape."""
    same = ours.dtype == theirs.dtype and ours.shape == theirs.shape
    return same and ours.tobytes() == theirs.tobytes()


def check(*arrays: NDArray) -> int:
    """Whether arrays come back; the bytes they took."""
    content = coding.encode(arrays)
    back = coding.decode(content)
    assert len(back) == len(arrays)
    assert all(map(equal, arrays, back))
    return len(content)


def entropy_bytes(array: NDArray) -> float:
    """What an ideal coder needs that knows how often each value comes."""
    _, counts = np.unique(array.view(f"u{array.itemsize}"), return_counts=True)
    return -float(np.sum(counts * np.log2(counts / array.size))) / 8


@st.composite
def any_bits(draw: st.DrawFn) -> NDArray:
    """Any type and shape, few or many distinct values, of any bits (NaN's payloads, -0.0)."""
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12))
    distinct = draw(st.integers(1, 70_000))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    most = {"int4": 16, "uint4": 16, "bool": 2}.get(dtype.name)
    if most:  # their bytes hold no others
        values = np.arange(most).astype(dtype)[:distinct]
    else:
        values = generator.bytes(min(distinct, 500) * dtype.itemsize)
        values = np.frombuffer(values, dtype)
    return values[generator.integers(len(values), size=shape)].reshape(shape)


@given(st.lists(any_bits(), max_size=4))
def test_any_weights_come_back_bit_for_bit(arrays: list[NDArray]) -> None:
    check(*arrays)


@given(st.floats(0, 1), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32))
def test_sparse_weights_come_back(density: float, rows: int, columns: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(rows, columns)).astype(np.float32)
    check(np.where(generator.random(weights.shape) < density, weights, np.float32(0)))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5), np.float32),
        np.zeros((5, 0, 2), np.int8),
        np.float32(-0.0),
        np.full((40, 30), -0.0, np.float32),
        np.array([0.0, -0.0] * 500, np.float32),
        np.tile(NAN_PAYLOADS, 300).view(np.float32),
        np.arange(12, dtype=np.float32).reshape(3, 4).T,
        np.arange(70_000, dtype=np.uint32),
    ],
    ids=str,
)
def test_special_weights_come_back(array: NDArray) -> None:
    check(np.asarray(array))


def test_a_foreign_byte_order_comes_back_as_the_same_numbers() -> None:
    array = np.arange(9, dtype=">f4")
    assert coding.decode(coding.encode([array]))[0].tolist() == array.tolist()


@given(
    st.sampled_from([np.float32, np.float16, np.int8, np.uint8]),
    st.integers(1, 64),
    st.floats(0.05, 5),
    st.integers(1, 3000),
    st.integers(0, 2**32),
)
def test_few_values_take_little_more_than_their_entropy(
    dtype: type, distinct: int, skew: float, count: int, seed: int
) -> None:
    """Beside it: a code book, a count for each value, and a few bytes."""
    generator = np.random.default_rng(seed)
    shares = generator.dirichlet(np.full(distinct, skew))
    array = np.arange(distinct).astype(dtype)[generator.choice(distinct, count, p=shares)]
    found = len(np.unique(array))
    counts = found * ceil(log2(count + 1) / 8 + 1)
    assert check(array) <= 1.002 * entropy_bytes(array) + found * array.itemsize + counts + 50


def test_a_single_value_takes_next_to_nothing() -> None:
    assert check(np.full((300, 784), 0.25, np.float32)) < 60


def test_noise_takes_no_more_than_it_is() -> None:
    noise = np.random.default_rng(0).bytes(40_000)
    assert check(np.frombuffer(noise, np.float64)) < 40_030
    assert check(np.frombuffer(noise, np.uint8)) < 40_030


def test_the_exponents_of_dense_floats_are_coded() -> None:
    weights = np.random.default_rng(0).normal(size=(300, 100)).astype(np.float32)
    assert check(weights) < 0.86 * weights.nbytes


def test_two_numbers_in_a_byte_are_coded_as_two() -> None:
    nibbles = np.random.default_rng(0).binomial(15, 0.5, 2000).astype(np.uint8)
    bytes_ = nibbles[::2] | nibbles[1::2] << 4
    assert check(bytes_) < entropy_bytes(nibbles) + 80


def test_zeros_that_fill_rows_and_columns_take_less_than_scattered_ones() -> None:
    generator = np.random.default_rng(0)
    odds = np.outer(generator.random(300), generator.random(784)) ** 2
    mask = generator.random(odds.shape) < odds
    weights = (mask * generator.integers(1, 33, odds.shape)).astype(np.float32)
    assert check(weights) < 0.9 * entropy_bytes(weights)


def test_a_pruned_and_clustered_lenet_takes_what_deep_compression_published() -> None:
    """Han et al. 2016, arXiv:1510.00149, tables 1 and 2: 27 KB at these densities and 6 bits."""
    generator = np.random.default_rng(0)
    layers = {(300, 784): 0.08, (100, 300): 0.09, (10, 100): 0.26}
    arrays, bound = [], 0.0
    for shape, density in layers.items():
        weights = generator.normal(size=shape)
        weights[np.abs(weights) < np.quantile(np.abs(weights), 1 - density)] = 0
        step = np.ptp(weights) / 32
        arrays.append((np.round(weights / step) * step).astype(np.float32))
        bound += entropy_bytes(arrays[-1])
        arrays.append(generator.normal(size=shape[0]).astype(np.float32))
    total = check(*arrays)
    biases = 4 * (300 + 100 + 10)
    assert total < 27_000
    assert total < 1.01 * bound + biases + 600


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a"]),
        np.array([None]),
        np.zeros(3, "datetime64[s]"),
        np.zeros(3, [("a", np.float32)]),
        np.zeros(3, np.complex128),
    ],
    ids=lambda array: array.dtype.name,
)
def test_what_is_no_number_is_refused(array: NDArray) -> None:
    with pytest.raises(ValueError, match="can't be coded"):
        coding.encode([array])


CONTENT = coding.encode([np.arange(60, dtype=np.float32).reshape(6, 10) % 5])


@given(st.integers(0, len(CONTENT) - 1), st.integers(1, 255))
def test_damage_is_told(position: int, change: int) -> None:
    damaged = bytearray(CONTENT)
    damaged[position] ^= change
    with pytest.raises(ValueError, match="damaged or cut off"):
        coding.decode(bytes(damaged))


@pytest.mark.parametrize("length", range(len(CONTENT)))
def test_a_missing_end_is_told(length: int) -> None:
    with pytest.raises(ValueError, match="damaged or cut off"):
        coding.decode(CONTENT[:length])


def test_a_packed_file_can_be_unpacked() -> None:
    content = b"weights " * 1000
    found = coding.packed(content)
    assert zstandard.ZstdDecompressor().decompress(found) == content
    assert len(found) < 50


@pytest.mark.parametrize("kind", ["dense", "integers", "sparse", "clustered", "dead rows", "tiled"])
def test_of_many_weights_a_sample_chooses_as_well_as_trying_all(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = np.random.default_rng(0).normal(size=(256, 300)).astype(np.float32)
    if kind == "integers":
        weights = np.clip(np.round(np.tile(weights, (1, 4)) * 20), -64, 63).astype(np.int8)
    if kind == "sparse":
        weights[np.abs(weights) < 1.3] = 0
    if kind == "clustered":
        weights = np.round(weights * 4) / np.float32(4)
    if kind == "dead rows":
        weights[::3] = 0
    if kind == "tiled":
        weights[64:] = np.tile(weights[:64], (3, 1))
    chosen, packed = check(weights), len(coding.packed(weights.tobytes()))
    monkeypatch.setattr(coding, "_LARGE", 1 << 40)
    assert chosen <= 1.01 * check(weights)
    assert packed <= 1.01 * len(coding.packed(weights.tobytes()))


def test_huge_files_are_packed_nearly_as_small_in_less_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weights = np.random.default_rng(0).normal(size=(512, 300)).astype(np.float32)
    weights[np.abs(weights) < 1.3] = 0
    content = weights.tobytes()
    slow = coding.packed(content)
    monkeypatch.setattr(coding, "_HUGE", len(content) - 1)
    quick = coding.packed(content)
    assert zstandard.ZstdDecompressor().decompress(quick) == content
    assert len(slow) < len(quick) < 1.15 * len(slow)


def test_the_slow_level_is_left_out_where_it_saves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.random.default_rng(0).normal(size=(256, 300)).astype(np.float32)
    slow: list[int] = []
    plain = zstandard.ZstdCompressor

    def made(level: int = 3, **more: Any) -> Any:
        own = plain(level=level, **more) if not more else plain(**more)

        class Noting:
            def compress(self, content: bytes) -> bytes:
                slow.extend([len(content)] * (level == coding.LEVEL))
                return own.compress(content)

        return Noting()

    monkeypatch.setattr(zstandard, "ZstdCompressor", made)
    coding.encode([weights])
    assert max(slow) < weights.nbytes / 2
