"""A metric over runs: what is compared with what, and which steps are called what."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from math import exp
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from compbench.errors import UserError
from compbench.history import metrics, render
from compbench.history import runs as history_runs
from compbench.history.history import History, history, letter
from compbench.history.runs import Moment, Moments
from compbench.own_folder import LIST
from compbench.report.pictures import history as pictures_history
from compbench.report.pictures import style
from compbench.results import record
from compbench.results.folder import new_folder, write_rows
from compbench.results.row import Row
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Figure, Summaries, Summary
from tests.cli.test_main import compbench, files, refused  # noqa: F401
from tests.factory import (
    ENVIRONMENT,
    TARGET,
    VARIANTS,
    exactly,
    lineage,
    make_run,
    make_summaries,
    variant_rows,
)

WOBBLE = (0.0, 0.004, -0.003, 0.001, -0.004, 0.003)  # of log-ratios: unchanged runs
METRICS = metrics.followed()
TWO = {"teacher": lineage(), "student": lineage(model="mlp")}
OTHER = {**ENVIRONMENT, "cpu": "Another CPU"}


def around(log_ratio: float) -> Interval:
    """A speed-up with an interval of ± 1 %."""
    return Interval(exp(log_ratio), exp(log_ratio - 0.01), exp(log_ratio + 0.01))


def moment(
    day: int, *found: Summary, files: dict[str, str] | None = None, **changes: Any
) -> Moment:
    """A run of that day; `files` has the checksums of those that are not as ever."""
    run = make_run(**{"variants": TWO, "started": f"2026-01-{day + 1:02}T03:04:05+00:00"} | changes)
    checksums = dict.fromkeys(run.variants, "a") | (files or {})
    artifacts = {v: frozenset({(0, f"{v}-0", sha)}) for v, sha in checksums.items()}
    baseline = Summary(run.baseline, TARGET, speedup=exactly(1), size_bytes=100)
    control = around(0.005 * (-1) ** day)
    return Moment(f"run{day}", run, make_summaries(baseline, *found, control=control), artifacts)


def moments_of(log_ratios: Sequence[float], **of_day: Any) -> list[Moment]:
    """One run for each log-ratio of the student; `of_day` maps "day3" to what is new from it on."""
    found, changes = [], {}
    for day, log_ratio in enumerate(log_ratios):
        changes = {**changes, **of_day.get(f"day{day}", {})}
        student = Summary("student", TARGET, speedup=around(log_ratio))
        found.append(moment(day, student, **changes))
    return found


def speedups(found: Sequence[Moment]) -> History:
    return history(found, METRICS["speedup"], None)


def told(found: History, unfinished: tuple[str, ...] = ()) -> str:
    return render.render(found, Moments(found.moments, unfinished), "table", "")


def stepped(size: float, count: int = 12) -> list[float]:
    """Half of the runs at 0, the others at `size`."""
    half = count // 2
    return [*WOBBLE[:half], *(size + x for x in WOBBLE[:half])]


def test_unchanged_runs_have_one_level() -> None:
    found = speedups(moments_of([*WOBBLE, *WOBBLE]))
    (series,) = found.series  # the baseline has no speed-up over itself
    assert (series.variant, series.steps, series.short) == ("student", (), ())
    assert [p.at for p in series.points] == list(range(12))
    ((first, last, level),) = series.levels
    assert (first, last) == (0, 11)
    assert level == pytest.approx(exp(np.mean(WOBBLE)), rel=1e-12)
    assert found.floor == pytest.approx(0.005)
    assert "No steps." in told(found)
    assert "within 0.5 % of 1" in told(found)


@pytest.mark.parametrize(("size", "mark"), [(-0.05, "▼"), (0.05, "▲")])
def test_a_step_is_marked_with_its_size_and_commits(size: float, mark: str) -> None:
    new = {"environment": {**ENVIRONMENT, "git_commit": "fedcba9876-dirty"}}
    found = speedups(moments_of(stepped(size), day6=new))
    ((step,),) = [series.steps for series in found.series]
    assert (step.at, step.coincides, step.is_apart) == (6, (), False)
    assert step.after / step.before == pytest.approx(exp(size), rel=1e-9)
    text = told(found)
    row = next(line for line in text.splitlines() if line.startswith("2026-01-07"))
    assert row.split()[2:] == ["fedcba9+", f"{step.after:.2f}×".replace("0.95", "0.951"), mark]
    assert "from 2026-01-07 03:04 on, commit 0123456 → fedcba9+" in text.replace("\n  ", " ")


def test_a_step_within_the_noise_floor_is_none() -> None:
    found = moments_of(stepped(0.05))
    loud = [
        replace(m, summaries=replace(m.summaries, control={TARGET: around(0.06 * (-1) ** i)}))
        for i, m in enumerate(found)
    ]
    assert speedups(found).series[0].steps
    assert not speedups(loud).series[0].steps


CAUSES = {
    "a rebuilt file": ({"files": {"student": "b"}}, "the file was rebuilt"),
    "a rebuilt baseline": ({"files": {"teacher": "b"}}, "the baseline's file is another one"),
    "another recipe": (
        {"files": {"student": "b"}, "variants": {**TWO, "student": lineage(model="cnn")}},
        "the file is of another recipe",
    ),
    "other seeds": ({"files": {"student": "b"}, "seeds": (1,)}, "other seeds"),
    "other data": (
        {"dataset": {**make_run().dataset, "digest": "e" * 64}},
        f"another dataset (digest: {'d' * 64} became {'e' * 64})",
    ),
}


@pytest.mark.parametrize(("changes", "cause"), CAUSES.values(), ids=CAUSES.keys())
def test_what_coincides_with_a_step_is_said(changes: dict[str, Any], cause: str) -> None:
    ((step,),) = [x.steps for x in speedups(moments_of(stepped(-0.05), day6=changes)).series]
    assert (step.coincides, step.is_apart) == ((cause,), False)


TARGETS = make_run().targets
APART = {
    "machine": ({"environment": OTHER}, "another machine (CPU: Made-up CPU became Another CPU)"),
    "target": (
        {"targets": {TARGET: {**TARGETS[TARGET], "threads": 2}}},
        "another target (threads: 1 became 2)",
    ),
    "protocol": ({"protocol": 1}, "another target (protocol: 2 became 1)"),
}


@pytest.mark.parametrize(("changes", "cause"), APART.values(), ids=APART.keys())
def test_what_can_not_be_compared_is_told_apart(changes: dict[str, Any], cause: str) -> None:
    found = speedups(moments_of(stepped(-0.3), day6=changes))
    assert found.groups == (0,) * 6 + (1,) * 6
    ((step,),) = [series.steps for series in found.series]
    assert (step.at, step.coincides, step.is_apart) == (6, (cause,), True)
    text = " ".join(told(found).split())
    assert f"{cause}: no change of the model by itself" in text
    assert f"B is told apart from A: {cause}" in text
    sizes = history(found.moments, METRICS["size_bytes"], None)
    assert set(sizes.groups) == {0}  # bytes do not depend on it


def test_machines_in_turns_hide_no_step_and_make_none() -> None:
    """Runs go to and fro between two machines; the model becomes slower on both."""
    ratios = [x - 0.05 * (i >= 12) for i, x in enumerate(WOBBLE * 4)]
    days = {f"day{i}": {"environment": OTHER if i % 2 else ENVIRONMENT} for i in range(24)}
    there = [x + 0.3 * (i % 2) for i, x in enumerate(ratios)]
    found = speedups(moments_of(there, **days))
    assert found.groups == (0, 1) * 12
    steps = [step for step in found.series[0].steps if not step.is_apart]
    assert [step.at for step in steps] == [12, 13]
    assert all(step.coincides == () for step in steps)


def test_the_level_before_another_machine_is_the_one_of_then() -> None:
    """There and back again: a step on the first machine, later, is not of the change."""
    days = {"day4": {"environment": OTHER}, "day8": {"environment": ENVIRONMENT}}
    ratios = [*WOBBLE[:4], *WOBBLE[:4], *(x - 0.1 for x in WOBBLE[:4])]
    ((step,),) = [series.steps for series in speedups(moments_of(ratios, **days)).series]
    assert (step.at, step.is_apart) == (8, False)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_runs_are_too_few_for_steps(count: int) -> None:
    found = speedups(moments_of([0.5 * i for i in range(count)]))
    assert found.series[0].steps == ()
    plural = "s" * (count > 1)
    assert f"{count} run{plural}: too few to look for steps there (4 needed)" in told(found)


def test_what_so_few_runs_do_not_show_is_said() -> None:
    text = " ".join(told(speedups(moments_of([*WOBBLE, *WOBBLE]))).split())
    assert "12 runs: a step is found in 80 % of cases if it is at least 5 times as large" in text
    days = {"day6": {"environment": OTHER}}
    apart = " ".join(told(speedups(moments_of([*WOBBLE, *WOBBLE], **days))).split())
    assert "6 runs of A: a step is found in" in apart and "6 runs of B: a step is found in" in apart


def test_runs_that_drift_together_have_no_step() -> None:
    """Neighbours alike, as a machine's state lasts: a test for independent runs marked these."""
    slow = np.repeat([0.0, 0.004, 0.011, 0.006, -0.003, -0.01, -0.004, 0.003], 3)
    ratios = [x + 0.1 * w for x, w in zip(slow, WOBBLE * 4, strict=True)]
    assert speedups(moments_of(ratios)).series[0].steps == ()


def test_bytes_step_at_once() -> None:
    found = moments_of([0.0, 0.0, 0.0])
    small = [Summary("student", TARGET, size_bytes=size) for size in (1000, 1000, 1100)]
    runs = [moment(i, s, files={"student": str(s.size_bytes)}) for i, s in enumerate(small)]
    assert len(runs) == len(found)
    series = history(runs, METRICS["size_bytes"], None, ["student"]).series[0]
    ((at, before, after, causes),) = [(s.at, s.before, s.after, s.coincides) for s in series.steps]
    assert (at, before, after, causes) == (2, 1000, 1100, ("the file was rebuilt",))
    assert METRICS["size_bytes"].size_text(before, after) == "+10.00 %"


def test_accuracy_steps_only_beyond_its_interval() -> None:
    def runs(after: float) -> list[Moment]:
        values = [0.98, 0.98, 0.98, after, after]
        intervals = [Interval(x, x - 0.002, x + 0.002) for x in values]
        found = [Summary("student", TARGET, quality=interval) for interval in intervals]
        return [moment(i, summary) for i, summary in enumerate(found)]

    def steps(after: float) -> list[int]:
        return [s.at for s in history(runs(after), METRICS["accuracy"], None).series[0].steps]

    assert steps(0.975) == [3]
    assert steps(0.979) == []
    assert METRICS["accuracy"].size_text(0.98, 0.975) == "−0.50 pp"


def test_gaps_and_runs_without_the_target_or_variant() -> None:
    found = moments_of([*WOBBLE, *WOBBLE])
    found[3] = moment(3, Summary("student", TARGET, reason="failed: out of memory"))
    found[4] = moment(4, targets={"gpu": {}}, pick={})
    found[5] = moment(5, variants={"teacher": lineage()})
    made = speedups(found)
    assert made.groups[4] == -1
    assert [p.at for p in made.series[0].points] == [0, 1, 2, 6, 7, 8, 9, 10, 11]
    assert "told apart" not in told(made)


def test_all_variants_there_ever_were() -> None:
    summaries = [Summary(name, TARGET, speedup=around(1)) for name in ("student", "int8")]
    gone = moment(0, *summaries, variants={**TWO, "int8": lineage("quantize_static", "student")})
    found = speedups([gone, *moments_of(WOBBLE)[1:]])
    assert [series.variant for series in found.series] == ["student", "int8"]
    assert [len(series.points) for series in found.series] == [len(WOBBLE), 1]
    only = history(found.moments, METRICS["speedup"], TARGET, ["int8"])
    assert [series.variant for series in only.series] == ["int8"]


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_read(name: str) -> None:
    one = exactly(0.5)
    numbers: Any = dict.fromkeys(
        ("validation_quality", "size_bytes", "packed_bytes", "coded_bytes", "parameters"), 3.0
    )
    summary = Summary(
        *("student", TARGET),
        **numbers,
        nonzero_parameters=2.0,
        macs=4.0,
        parity_agreement=1.0,
        quality=one,
        change=one,
        validation_change=one,
        speedup=one,
        footprint={"rest_bytes": 5.0, "base_bytes": 1.0},
        further={"r_squared": Figure(0.9)},
    )
    found = history([moment(i, summary) for i in range(5)], METRICS[name], None, ["student"])
    assert found.series[0].steps == ()
    value = {p.interval.value for p in found.series[0].points}
    assert len(value) == 1 and METRICS[name].write(*value) in told(found)


def test_the_picture_is_the_same_for_the_same_runs() -> None:
    days = {"day6": {"environment": OTHER}, "day9": {"files": {"student": "b"}}}
    found = speedups(moments_of(stepped(-0.05), **days))
    drawn = pictures_history.picture(found)
    assert drawn.startswith(b"\x89PNG")
    assert pictures_history.picture(found) == drawn
    assert pictures_history.picture(speedups(found.moments[:6])) != drawn


@pytest.mark.parametrize("variants", [1, 2, 3, 5, 12])
def test_there_is_a_panel_for_each_variant(variants: int) -> None:
    names = [f"v{i}" for i in range(variants)]
    summaries = [Summary(name, TARGET, speedup=around(0.1)) for name in names]
    of: Any = {"variants": {"teacher": lineage()} | dict.fromkeys(names, lineage())}
    found = speedups([moment(day, *summaries, **of) for day in range(2)])
    panels = pictures_history.panels(found).axes
    assert [axes.get_title(loc="left") or axes.get_title() for axes in panels][:variants] == names
    assert not any(axes.axison for axes in panels[variants:])
    ticks = [tick.get_text() for tick in panels[variants - 1].get_xticklabels()]
    assert ticks[0] == "0123456\n01-01"


def test_the_picture_shows_steps_first() -> None:
    names = {"teacher": lineage()} | {f"v{i}": lineage() for i in range(15)}
    runs = []
    for day, x in enumerate(stepped(-0.05)):
        each = [around(x if i == 14 else WOBBLE[day % 6]) for i in range(15)]
        summaries = [Summary(f"v{i}", TARGET, speedup=s) for i, s in enumerate(each)]
        runs.append(moment(day, *summaries, variants=names))
    found = speedups(runs)
    chosen = [series.variant for series in pictures_history.shown(found)]
    assert chosen == [*(f"v{i}" for i in range(11)), "v14"]
    drawn = pictures_history.panels(found)
    assert "3 variants without steps" in drawn.get_suptitle().replace("\n", " ")
    (label,) = [note.get_text() for axes in drawn.axes for note in axes.texts]
    assert label.startswith("−4.") and label.endswith(" % worse")


def test_the_picture_s_colours_are_families_and_its_steps_have_none() -> None:
    variants = TWO | {"student": lineage("distill", "teacher")}
    students = [Summary("student", TARGET, speedup=around(x)) for x in stepped(-0.05)]
    found = speedups([moment(i, s, variants=variants) for i, s in enumerate(students)])
    (axes,) = pictures_history.panels(found).axes
    looks = style.looks(found.moments[-1].run)
    edges = np.asarray(axes.collections[1].get_edgecolor())
    assert {to_hex(tuple(c)) for c in edges} == {looks["distilled"].colour.lower()}
    (step,) = [line for line in axes.lines if np.asarray(line.get_xdata())[0] == 5.5]
    assert to_hex(step.get_color()) == style.INK


def test_csv_and_json_say_the_same() -> None:
    found = speedups(moments_of(stepped(-0.05), day6={"files": {"student": "b"}}))
    runs = Moments(found.moments, ("run99",))
    table = pd.read_csv(StringIO(render.render(found, runs, "csv", "p.png")))
    document = json.loads(render.render(found, runs, "json", "p.png"))
    assert list(table["run"]) == [f"run{i}" for i in range(12)]
    assert list(table["file"].fillna("")) == ["rebuilt" if i == 6 else "" for i in range(12)]
    assert table["step"].dropna().to_dict() == pytest.approx({6: exp(-0.05) - 1})
    assert [p["value"] for p in document["points"]] == pytest.approx(list(table["value"]))
    assert (document["unfinished"], document["picture"]) == (["run99"], "p.png")
    (step,) = document["steps"]
    assert (step["run"], step["is_apart"]) == ("run6", False)
    assert step["coincides"] == ["the file was rebuilt"]
    assert document["runs"][0]["group"] == "A"


def test_lines_fit_the_terminal() -> None:
    days = {"day6": {"environment": {**OTHER, "versions": {"numpy": "3"}}}}
    names = [*VARIANTS, "a_rather_long_name_of_a_variant", "another_long_name_of_a_variant"]
    runs = [
        moment(
            day,
            *(Summary(name, TARGET, speedup=around(x)) for name in names[1:]),
            variants=dict.fromkeys(names, lineage()),
            **days.get(f"day{day // 6 * 6}", {}),
        )
        for day, x in enumerate(stepped(-0.05))
    ]
    text = told(speedups(runs), ("20260101T000000Z",))
    assert max(map(len, text.splitlines())) <= 100
    assert "Left out, not ended: 20260101T000000Z" in text


def test_letters() -> None:
    assert [letter(i) for i in (0, 1, 25, 26, 53)] == ["A", "B", "Z", "A1", "B2"]


WRONG_METRICS = {
    "p50_ns": "times of different moments can't be compared; take speedup",
    "latency": "take speedup",
    "throughput_per_s": "take speedup",
    "samples_per_s_batch_1": "take speedup",
    "make_seconds": "take speedup",
    "spedup": "there is no history of 'spedup'; did you mean 'speedup'?",
    "memroy": "did you mean 'memory'?",
    "file": "known: accuracy, change,",
}


@pytest.mark.parametrize(("name", "said"), WRONG_METRICS.items())
def test_what_can_not_be_followed(name: str, said: str) -> None:
    with pytest.raises(UserError, match="--metric: ") as error:
        metrics.find(name)
    assert said in str(error.value)


@pytest.fixture
def stored(tmp_path: Path) -> list[Path]:
    """Five runs of one suite under `results`, the fourth of which was stopped."""
    folders = []
    for day in range(5):
        ended = None if day == 3 else f"2026-01-0{day + 1}T04:00:00+00:00"
        run = make_run(TWO, started=f"2026-01-0{day + 1}T03:04:05+00:00", finished=ended)
        folder = new_folder(tmp_path / "results", run.suite, run.started)
        record.write_run(folder, run)
        rows = [*variant_rows(run, "teacher", ns=20_000), *variant_rows(run, "student", ns=10_000)]
        write_rows(folder, "all", rows)
        folders.append(folder)
    return folders


def test_the_command_prints_a_table_and_writes_a_picture(
    compbench,  # noqa: F811
    stored: list[Path],
    tmp_path: Path,
) -> None:
    before = files(tmp_path)
    result = compbench("history", "mine")
    path = Path("results", "reports", "mine", f"history-speedup-{TARGET}.png")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"mine on {TARGET}: speed-up over the baseline\n")
    assert result.out.count(" 2.00×\n") == 4
    assert f"Left out, not ended: {stored[3].name}\n" in result.out
    assert result.out.endswith(f"picture: {path}\n")
    written = {path, path.with_name(LIST), *path.parents[:2]}
    assert files(tmp_path) - before == {*map(str, written)}


def test_levels_far_apart_have_a_picture(compbench, tmp_path: Path) -> None:  # noqa: F811
    """Their axis would reach below zero, where no speed-up is."""
    for day, ns in enumerate((20_000, 1_500)):
        run = make_run(TWO, started=f"2026-01-0{day + 1}T03:04:05+00:00")
        folder = new_folder(tmp_path / "results", run.suite, run.started)
        record.write_run(folder, run)
        rows = [*variant_rows(run, "teacher", ns=20_000), *variant_rows(run, "student", ns=ns)]
        write_rows(folder, "all", rows)
    assert compbench("history", "mine").code == 0


def test_json_is_all_of_stdout(compbench, stored: list[Path]) -> None:  # noqa: F811
    result = compbench("history", "mine", "--format", "json", "--metric", "size_bytes")
    document = json.loads(result.out)
    assert result.err == f"picture: {document['picture']}\n"
    assert document["metric"] == "size_bytes"
    assert {p["value"] for p in document["points"]} == {4000}


WRONG = {
    "suite": (("mien",), "no run of 'mien'", "did you mean 'mine'?"),
    "metric": (("mine", "--metric", "acuracy"), "did you mean 'accuracy'?"),
    "time": (("mine", "--metric", "p50_ns"), "take speedup"),
    "target": (("mine", "--target", "cpu_1thred"), "did you mean 'cpu_1thread'?"),
    "variant": (("mine", "--variant", "studnt"), "did you mean 'student'?"),
    "baseline": (("mine", "--variant", "teacher"), "'teacher' is the baseline"),
    "format": (("mine", "--format", "cvs"), "did you mean 'csv'?"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_one_line_and_nothing_is_written(
    compbench,  # noqa: F811
    stored: list[Path],
    tmp_path: Path,
    case: tuple,
) -> None:
    before = files(tmp_path)
    result = compbench("history", *case[0])
    refused(result, *case[1:])
    assert result.out == ""
    assert files(tmp_path) == before


def test_a_damaged_run_is_named(compbench, stored: list[Path]) -> None:  # noqa: F811
    for file in ("rows/all.jsonl", "run.json"):
        (stored[1] / file).write_text("{")
        found = compbench("history", "mine")
        assert found.code == 0
        assert f"Left out: results/runs/mine/{stored[1].name}/{file} is damaged" in found.out
    for folder in stored:
        (folder / "run.json").write_text("{}")
    refused(compbench("history", "mine"), "run.json is damaged")


def test_runs_that_have_not_ended_are_none(compbench, tmp_path: Path) -> None:  # noqa: F811
    run = make_run(finished=None)
    record.write_run(new_folder(tmp_path / "results", run.suite, run.started), run)
    refused(compbench("history", "mine"), "no run of 'mine' has ended", "compbench run suites/mine")


def test_a_metric_that_nothing_has() -> None:
    runs = [moment(0, Summary("student", TARGET))]
    with pytest.raises(UserError, match=f"no run of 'mine' has memory of any variant on {TARGET}"):
        history(runs, METRICS["memory"], None)
    with pytest.raises(UserError, match="has memory of 'student' on"):
        history(runs, METRICS["memory"], None, ["student"])


def test_summaries_are_read_once_and_samples_left_behind(
    stored: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    summarise = history_runs.summarise

    def count(run: record.Run, rows: list[Row]) -> Summaries:
        counted.append(run.started)
        return summarise(run, rows)

    monkeypatch.setattr(history_runs, "summarise", count)
    found = history_runs.read(
        stored[0].parents[2], str(stored[0])
    )  # a run's folder stands for its suite
    assert [m.name for m in found.finished] == [p.name for i, p in enumerate(stored) if i != 3]
    assert found.unfinished == (stored[3].name,)
    assert len(counted) == len(set(counted)) == 4
