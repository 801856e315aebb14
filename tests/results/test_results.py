from __future__ import annotations

import json
import re
from collections.abc import Callable
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
from compbench.results import columns, find, record, row_check
from compbench.results.folder import (
    drop_rows,
    examine,
    has_rows,
    new_folder,
    read_rows,
    remove_leftovers,
    write_rows,
)
from compbench.results.row import Row
from tests.factory import RUN_ROWS, make_row, make_run, with_keys

DTYPES = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.unicode_string_dtypes(endianness="?", max_len=5),
)
COLUMNS = st.integers(0, 20).flatmap(
    lambda length: st.dictionaries(
        st.text(max_size=5), DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, length)), max_size=3
    )
)
FULL = Row(
    *("a", 3, "k", "latency_ns", "cpu", 32, 0, 1.5, {"n": np.array([1, 2])}),
    *("failed", "it — broke\n", "noise", 5),
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
@given(samples=COLUMNS)
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
    rest |= {"shift", "severity"}
    assert [set(line) for line in lines(tmp_path)] == [
        least,
        least | {"value", "launch"},
        least | rest,
    ]


def test_rows_are_read_in_the_order_of_their_files(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write_rows(tmp_path, name, [make_row(name, "macs", 1), make_row(name, "macs", 2)])
    assert [row.variant for row in read_rows(tmp_path)] == ["a", "a", "b", "b", "c", "c"]


@pytest.mark.parametrize("seeds", [(7, 42), (1, 0), (2, 10)])
def test_a_run_s_rows_are_in_the_order_of_its_seeds(seeds: tuple[int, ...], tmp_path: Path) -> None:
    """Of its first seed are the files that are exported, guarded and shown with their checksum."""
    run = make_run(seeds=seeds, finished=None)
    for seed in seeds:
        row = make_row("teacher", "macs", seed, seed=seed)
        write_rows(tmp_path, f"artifact-teacher-{seed}", [row])
    found = examine(tmp_path, with_keys(run, read_rows(tmp_path))).rows
    assert [row.seed for row in found] == [*seeds]


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


def test_columns_of_unequal_length_are_damage(tmp_path: Path) -> None:
    unequal = {"turn": np.arange(3), "duration_ns": np.arange(4)}
    write_rows(tmp_path, "odd", [make_row("a", "latency_ns", samples=unequal)])
    (row,) = read_rows(tmp_path)
    assert row.samples["turn"].tolist() == [0, 1, 2]
    with pytest.raises(
        UserError, match=r"odd\.jsonl is damaged: columns of a row differ in length"
    ):
        row.samples["duration_ns"]
    with pytest.raises(UserError, match=r"odd\.jsonl is damaged: a row has no column 'order'"):
        row.samples["order"]


def test_a_few_bytes_do_not_fill_the_memory(tmp_path: Path, monkeypatch) -> None:
    write_rows(tmp_path, "zeros", [make_row("a", "score", samples={"score": np.zeros(10_000)})])
    monkeypatch.setattr(columns, "MOST_BYTES", 50_000)
    with pytest.raises(
        UserError, match=r"zeros\.jsonl is damaged: a column has more than 50,000 b"
    ):
        read_rows(tmp_path)[0].samples["score"]


WRONG_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "no variant of the run": ({"variant": "../../x"}, "variant = '../../x' is none of its run's"),
    "no seed of the run": ({"seed": 7}, "seed = 7 is none of its run's"),
    "no artifact of the run": ({"key": "other"}, "key = 'other' is none of its run's"),
    "no target of the run": ({"target": "gpu"}, "target = 'gpu' is none of its run's"),
    "a number for a name": ({"metric": 3}, "metric = 3 is no str"),
    "a truth for a number": ({"launch": True}, "launch = True is no int"),
    "no state": ({"status": "fine"}, "status = 'fine' is none of ok, skipped, failed"),
    "no shift of the run": (
        {"shift": "fog", "severity": 1},
        "shift and severity = ('fog', 1) is none of its run's",
    ),
    "no severity of the run": (
        {"shift": "noise", "severity": 2},
        "shift and severity = ('noise', 2) is none of its run's",
    ),
    "a severity of nothing": (
        {"severity": 1},
        "shift and severity = ('', 1) is none of its run's",
    ),
    "a severity in words": ({"severity": "1"}, "severity = '1' is no int"),
    "words for a value": ({"value": "1.5"}, "value = '1.5' is no finite number"),
    "a value without end": ({"value": 1e999}, "value = inf is no finite number"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG_ROWS.values(), ids=WRONG_ROWS)
def test_a_row_that_its_run_can_not_have_is_told(changes: dict[str, Any], message: str) -> None:
    row = make_row("teacher", "score", 0.5, target="cpu_1thread")
    shifts = {"noise": {"shift": "noise", "severities": [1, 3]}}
    known = row_check.Names.of(make_run(keys=(row.key,), shifts=shifts))
    row_check.refuse_wrong(row, known)
    row_check.refuse_wrong(replace(row, shift="noise", severity=3), known)
    with pytest.raises(ValueError, match=re.escape(message)):
        row_check.refuse_wrong(replace(row, **changes), known)


def _without(*path: str) -> Callable[[dict[str, Any]], object]:
    def change(content: dict[str, Any]) -> object:
        for name in path[:-1]:
            content = content[name]
        return content.pop(path[-1])

    return change


def _with(value: Any, *path: str) -> Callable[[dict[str, Any]], object]:
    def change(content: dict[str, Any]) -> object:
        for name in path[:-1]:
            content = content[name]
        return content.update({path[-1]: value})

    return change


WRONG_RECORDS = {
    "no launches": (_without("measure", "launches"), "measure has no 'launches'"),
    "launches in words": (_with("3", "measure", "launches"), "measure.launches = '3' is not what"),
    "launches that are true": (
        _with(True, "measure", "launches"),
        "measure.launches = True is not",
    ),
    "no samples": (_without("dataset", "samples"), "dataset has no 'samples'"),
    "memory in a list": (_with([1], "environment", "memory_bytes"), "memory_bytes = [1] is not"),
    "no system": (_without("environment", "system"), "environment has no 'system'"),
    "no options": (_without("variants", "int8", "options"), "variants.int8 has no 'options'"),
    "no threads": (_without("targets", "cpu_1thread", "threads"), "cpu_1thread has no 'threads'"),
    "no batch size": (_with([], "targets", "cpu_1thread", "batch_sizes"), "[] are no batch sizes"),
    "half a batch": (_with([0.5], "targets", "cpu_1thread", "batch_sizes"), "are no batch sizes"),
    "another baseline": (_with("big", "baseline"), "baseline: 'big' is no variant of the run"),
    "a lost parent": (
        _with(["big"], "variants", "int8", "parents"),
        "parents: 'big' is no variant",
    ),
    "its own parent": (_with(["int8"], "variants", "pruned", "parents"), "descends from itself"),
    "a figure of nothing": (
        _with({"value": 1, "source": "x"}, "references", "big"),
        "references: 'big' is no variant of the run",
    ),
    "no severities": (
        _with({"shift": "noise", "severities": []}, "shifts", "noise"),
        "shifts.noise.severities = [] are no severities",
    ),
    "a severity in words": (
        _with({"shift": "noise", "severities": ["1"]}, "shifts", "noise"),
        "shifts.noise.severities = ['1'] are no severities",
    ),
    "a shift without severities": (
        _with({"shift": "noise"}, "shifts", "noise"),
        "shifts.noise has no 'severities'",
    ),
    "a figure in words": (
        _with({"value": "1", "source": "x"}, "references", "int8"),
        "references.int8.value = '1' is not what it should be",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG_RECORDS.values(), ids=WRONG_RECORDS)
def test_a_record_without_what_all_rely_on_is_damage(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    content = make_run().model_dump(mode="json")
    change(content)
    (tmp_path / "run.json").write_bytes(seal.json_text(content))
    with pytest.raises(UserError, match=rf"run\.json is damaged: .*{re.escape(message)}"):
        record.read_run(tmp_path)


def test_what_a_kill_left_of_a_write_is_no_row_and_goes(tmp_path: Path) -> None:
    write_rows(tmp_path, "good", [FULL])
    left = tmp_path / "rows" / ".tmp-half.jsonl"
    left.write_text('{"variant": "a", "se')
    assert len(read_rows(tmp_path)) == 1
    remove_leftovers(tmp_path)
    assert not left.exists() and has_rows(tmp_path, "good")


def test_a_link_in_place_of_the_rows_is_followed_by_nothing(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".tmp-x.jsonl").write_text("not compbench's")
    run = tmp_path / "run"
    run.mkdir()
    (run / "rows").symlink_to(elsewhere)
    for touch in (read_rows, remove_leftovers, lambda folder: write_rows(folder, "x", [FULL])):
        with pytest.raises(UserError, match="rows is a link to elsewhere"):
            touch(run)
    assert [path.name for path in elsewhere.iterdir()] == [".tmp-x.jsonl"]
