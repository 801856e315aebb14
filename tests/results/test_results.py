from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from compbench import metrics, seal
from compbench.errors import UserError
from compbench.results import find, record
from compbench.results.folder import drop_rows, has_rows, new_folder, read_rows, write_rows
from compbench.results.row import Row
from tests.factory import RUN_ROWS, make_row, make_run

DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.unicode_string_dtypes(endianness="?", max_len=5),
)
COLUMNS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, st.integers(0, 20)))
FULL = Row(
    "a", 3, "k", "latency_ns", "cpu", 32, 0, 1.5, {"n": np.array([1, 2])}, "failed", "it — broke\n"
)


def assert_same(found: Row, expected: Row) -> None:
    assert replace(found, samples={}) == replace(expected, samples={})
    assert list(found.samples) == list(expected.samples)
    for name, column in expected.samples.items():
        assert found.samples[name].dtype == column.dtype.newbyteorder("<")
        np.testing.assert_array_equal(found.samples[name], column)


def lines(folder: Path, name: str = "x") -> list[dict[str, Any]]:
    text = (folder / "rows" / f"{name}.jsonl").read_text(encoding="ascii")
    return [json.loads(line) for line in text.splitlines()[:-1]]  # the last is their checksum


@settings(max_examples=60, deadline=None)
@given(samples=st.dictionaries(st.text(max_size=5), COLUMNS, max_size=3))
def test_columns_of_every_type_come_back(
    tmp_path_factory: pytest.TempPathFactory, samples: dict[str, NDArray[Any]]
) -> None:
    folder = tmp_path_factory.mktemp("run")
    row = make_row("a", "latency_ns", samples=samples)
    write_rows(folder, "x", [row])
    assert_same(read_rows(folder)[0], row)


@pytest.mark.parametrize(
    "row",
    [
        FULL,
        make_row("a", "score"),
        make_row("a", "size_bytes", 0.0),
        make_row("ü", "size_bytes", 123_456_789),
        make_row("a", "machine", 1e308, batch_size=0, launch=-1, target=""),
        make_row("a", "status", status="skipped", reason='a "quoted" ¦ reason'),
    ],
)
def test_rows_come_back(tmp_path: Path, row: Row) -> None:
    write_rows(tmp_path, "x", [row, FULL])
    found = read_rows(tmp_path)
    assert len(found) == 2
    assert_same(found[0], row)
    assert_same(found[1], FULL)


def test_a_whole_synthetic_run_comes_back(tmp_path: Path) -> None:
    rows = RUN_ROWS
    write_rows(tmp_path, "x", rows)
    for found, expected in zip(read_rows(tmp_path), rows, strict=True):
        assert_same(found, expected)
    assert {row.metric for row in rows} <= {*metrics.names()}


def test_defaults_are_left_out(tmp_path: Path) -> None:
    write_rows(tmp_path, "x", [Row("", 0, "", ""), make_row("a", "macs", 1, launch=0), FULL])
    least = {"variant", "seed", "key", "metric"}
    rest = {"target", "batch_size", "launch", "value", "samples", "status", "reason"}
    assert [set(line) for line in lines(tmp_path)] == [
        least,
        least | {"value", "launch"},
        least | rest,
    ]


def test_rows_are_read_in_the_order_of_their_files(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write_rows(tmp_path, name, [make_row(name, "macs", 1), make_row(name, "macs", 2)])
    assert [row.variant for row in read_rows(tmp_path)] == ["a", "a", "b", "b", "c", "c"]


def test_rows_are_there_until_they_are_dropped(tmp_path: Path) -> None:
    assert read_rows(tmp_path) == []
    drop_rows(tmp_path, "x")
    assert not has_rows(tmp_path, "x")
    write_rows(tmp_path, "x", [])
    assert has_rows(tmp_path, "x")
    assert read_rows(tmp_path) == []
    write_rows(tmp_path, "x", [FULL])
    assert len(read_rows(tmp_path)) == 1
    drop_rows(tmp_path, "x")
    assert not has_rows(tmp_path, "x")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace('"variant"', '"varient"'),
        lambda text: text.replace('"seed": 3, ', ""),
        lambda text: text.replace('"zlib": "', '"zlib": "AAAA'),
        lambda text: text.replace('"zlib": "', '"zlib": "é'),
        lambda text: text.replace("<i8", "<i3"),
        lambda text: text.replace('"dtype"', '"type"'),
        lambda text: text.replace("{", "["),
        lambda text: f"{text}\0",
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, damage: Any) -> None:
    write_rows(tmp_path, "good", [FULL])
    write_rows(tmp_path, "half", [FULL])
    path = tmp_path / "rows" / "half.jsonl"
    text = path.read_text()
    assert damage(text) != text
    path.write_text(damage(text), encoding="utf-8")
    with pytest.raises(UserError, match=r"half\.jsonl is damaged: ."):
        [list(row.samples.values()) for row in read_rows(tmp_path)]


def test_a_run_comes_back(tmp_path: Path) -> None:
    run = make_run(description="déjà", finished=None)
    record.write_run(tmp_path, run)
    assert record.read_run(tmp_path) == run


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"is not a run: it has no run\.json"),
        ("", r"run\.json is damaged"),
        ("{}", r"run\.json is damaged: it needs 'suite'"),
        ('{"suite":', r"run\.json is damaged"),
    ],
)
def test_a_folder_without_a_readable_run_is_refused(
    tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(UserError, match=message):
        record.read_run(tmp_path)


def test_a_later_format_is_refused_and_additions_are_not(tmp_path: Path) -> None:
    record.write_run(tmp_path, make_run())
    path = tmp_path / "run.json"
    content = json.loads(path.read_text())
    path.write_bytes(seal.json_text({n: x for n, x in content.items() if n != seal.SUM} | {"a": 1}))
    assert record.read_run(tmp_path) == make_run()
    path.write_text(json.dumps(content | {"format": record.FORMAT + 1}))
    with pytest.raises(UserError, match=r"has format 3; this compbench reads up to 2"):
        record.read_run(tmp_path)


def put_run(root: Path, suite: str, started: str) -> Path:
    folder = new_folder(root, suite, started)
    record.write_run(folder, make_run(suite=suite, started=started))
    return folder


def test_a_folder_is_called_by_its_time(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, "mine", "2026-01-02T03:04:05+00:00")
    assert folder == tmp_path / "runs" / "mine" / "20260102T030405Z"
    assert folder.is_dir()


def test_runs_sort_by_time_even_in_the_same_second(tmp_path: Path) -> None:
    times = ["2025-12-31T23:59:59", "2026-01-02T03:04:05", "2026-01-02T03:04:05"]
    times += ["2026-01-02T03:04:05", "2026-01-02T03:04:06", "2026-01-02T03:10:00"]
    made = []
    for time in times:
        made.append(put_run(tmp_path, "mine", f"{time}+00:00"))
        assert find.latest_run(tmp_path, "mine") == made[-1]
    assert made == sorted(set(made))


def test_the_latest_run_has_begun_and_is_of_its_suite(tmp_path: Path) -> None:
    assert find.latest_run(tmp_path, "mine") is None
    mine = put_run(tmp_path, "mine", "2026-01-02T03:04:05+00:00")
    put_run(tmp_path, "other", "2027-01-01T00:00:00+00:00")
    new_folder(tmp_path, "mine", "2027-01-01T00:00:00+00:00")  # without run.json
    assert find.latest_run(tmp_path, "mine") == mine


def test_a_run_is_found_by_folder_suite_or_file(tmp_path: Path) -> None:
    old = put_run(tmp_path, "mine", "2026-01-02T03:04:05+00:00")
    new = put_run(tmp_path, "mine", "2026-01-02T03:04:06+00:00")
    assert find.find_run(tmp_path, str(old)) == old
    assert find.find_run(tmp_path, "mine") == new
    assert find.find_run(tmp_path, "suites/mine.toml") == new


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("quikstart", r"no run of 'quikstart' under .*; did you mean 'quickstart'\?"),
        ("zzz", r"no run of 'zzz' under .*; known: mnist, quickstart"),
    ],
)
def test_an_unknown_run_comes_with_the_nearest_suite(
    tmp_path: Path, name: str, ending: str
) -> None:
    for suite in ("quickstart", "mnist"):
        put_run(tmp_path, suite, "2026-01-02T03:04:05+00:00")
    with pytest.raises(UserError, match=f"{ending}$"):
        find.find_run(tmp_path, name)
