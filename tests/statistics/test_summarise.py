from __future__ import annotations

from dataclasses import fields, replace
from math import exp, isnan, log, sqrt

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from statsmodels.stats import contingency_tables
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics import intervals, latency, scores, significance
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import ancestors
from compbench.statistics.paired_proportions import Disagreement
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summary
from tests.factory import (
    RUN,
    RUN_ROWS,
    TARGET,
    accuracy_row,
    exactly,
    latency_row,
    lineage,
    make_row,
    make_run,
    status_row,
    variant_rows,
)

approx = pytest.approx
Z = scipy.stats.norm.isf(0.025)


@st.composite
def outcomes(draw: st.DrawFn, arms: int = 1) -> list[list[NDArray[np.uint8]]]:
    """For each arm, for each of one to three seeds, which of the same samples are right."""
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 60))
    arrays = hnp.arrays(np.uint8, shape, elements=st.integers(0, 1))
    return [list(draw(arrays)) for _ in range(arms)]


@given(outcomes())
def test_an_accuracy_lies_in_its_interval(arms: list[list[NDArray[np.uint8]]]) -> None:
    found = intervals.accuracy_interval(arms[0])
    assert found.value == approx(np.mean(arms[0]))
    assert 0 <= found.low <= found.value <= found.high <= 1


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_an_accuracy_is_wilsons(counts: tuple[int, int]) -> None:
    right, count = counts
    correct = (np.arange(count) < right).astype(np.uint8)
    share = right / count
    centre = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    root = sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    half = Z * root / (1 + Z**2 / count)
    found = intervals.accuracy_interval([correct])
    assert found == approx((share, centre - half, centre + half), abs=1e-12)


def test_seeds_that_share_samples_do_not_narrow_the_interval() -> None:
    correct = np.array([1, 1, 1, 0], np.uint8)
    assert intervals.accuracy_interval([correct] * 3) == intervals.accuracy_interval([correct])


@given(outcomes(arms=2))
def test_a_change_is_antisymmetric_and_lies_in_its_interval(
    arms: list[list[NDArray[np.uint8]]],
) -> None:
    ours, theirs = arms
    there, back = scores.paired_interval(ours, theirs), scores.paired_interval(theirs, ours)
    assert there == approx((-back.value, -back.high, -back.low))
    assert there.value == approx(np.mean(arms[0]) - np.mean(arms[1]))
    assert -1 <= there.low <= there.value <= there.high <= 1
    assert there.low < there.high


@given(outcomes())
def test_no_change_is_zero_but_not_certain(arms: list[list[NDArray[np.uint8]]]) -> None:
    found = scores.paired_interval(arms[0], arms[0])
    assert found.value == 0
    assert found.low == approx(-found.high) and found.low < 0


@given(st.lists(st.integers(-3000, 3000), min_size=2, max_size=9, unique=True))
def test_the_interval_of_a_ratio_is_a_t_interval_of_logarithms(thousandths: list[int]) -> None:
    logs = [x / 1000 for x in thousandths]
    reference = scipy.stats.ttest_1samp(logs, 0).confidence_interval(0.95)
    found = intervals.log_ratio_interval(logs)
    inverse = intervals.log_ratio_interval([-x for x in logs])
    assert found is not None and inverse is not None
    assert found == approx((exp(np.mean(logs)), exp(reference.low), exp(reference.high)))
    assert inverse == approx((1 / found.value, 1 / found.high, 1 / found.low))


@given(outcomes(arms=2))
def test_p_of_one_seed_is_mcnemars_exact_test(arms: list[list[NDArray[np.uint8]]]) -> None:
    ours, theirs = (arm[0] for arm in arms)
    table = [[np.sum((ours == i) & (theirs == j)) for j in (1, 0)] for i in (1, 0)]
    reference = contingency_tables.mcnemar(table, exact=True).pvalue  # pyright: ignore[reportAttributeAccessIssue]
    assert significance.mcnemar_p([ours], [theirs]) == approx(min(1.0, reference))
    assert significance.mcnemar_p([theirs], [ours]) == significance.mcnemar_p([ours], [theirs])


@given(outcomes(arms=2))
def test_the_same_seeds_again_are_no_more_evidence(arms: list[list[NDArray[np.uint8]]]) -> None:
    once = significance.mcnemar_p(*arms)
    assert significance.mcnemar_p(arms[0] * 3, arms[1] * 3) == approx(once)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 99).map(lambda x: x / 99), max_size=9))
def test_adjusted_p_values_are_holms(p_values: list[float]) -> None:
    found = significance.holm(p_values)
    assert found == (approx(multipletests(p_values, method="holm")[1]) if p_values else [])


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_an_accuracy_is_statsmodels(counts: tuple[int, int]) -> None:
    correct = (np.arange(counts[1]) < counts[0]).astype(np.uint8)
    found = intervals.accuracy_interval([correct])
    assert found[1:] == approx(proportion_confint(*counts, method="wilson"), abs=1e-9)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=9).filter(lambda x: np.std(x) > 1e-6))
def test_p_of_a_ratio_and_its_interval_agree(logs: list[float]) -> None:
    found, p = intervals.log_ratio_interval(logs), significance.log_ratio_p(logs)
    assert found is not None
    reference = scipy.stats.ttest_1samp(logs, 0)
    assert p == approx(reference.pvalue)  # pyright: ignore[reportAttributeAccessIssue]
    assert (p < intervals.ALPHA) == (intervals.side(found, 1) != 0) or p == approx(intervals.ALPHA)


@pytest.mark.parametrize(("logs", "p"), [([], 1), ([0.3], 1), ([0, 0], 1), ([0.3, 0.3], 0)])
def test_p_without_spread(logs: list[float], p: float) -> None:
    assert significance.log_ratio_p(logs) == p


def test_many_comparisons_make_a_difference_harder_to_call() -> None:
    logs = ((0.99, 1.0, 1.03), 21_000)
    few = {"teacher": lineage(), "close": lineage("prune_channels", "teacher")}
    many = few | {f"same_{i}": lineage("prune_channels", "teacher") for i in range(9)}
    called = []
    for variants in (few, many):
        run = make_run(variants)
        rows = [*variant_rows(run, "teacher", ns=20_000)]
        rows += variant_rows(run, "close", ns=[int(logs[1] * x) for x in logs[0]], right=84)
        for other in list(variants)[2:]:
            rows += variant_rows(run, other, ns=20_000)
        found = summarise(run, rows).find("close", TARGET)
        called.append((found.faster, found.better))
        assert found.speedup is not None and found.speedup.high < 1
        assert found.change is not None and found.change.high < 0
    assert called == [(-1, -1), (0, 0)]


@pytest.mark.parametrize("logs", [[], [0.5]])
def test_a_single_launch_has_no_interval(logs: list[float]) -> None:
    assert intervals.log_ratio_interval(logs) is None


def test_launches_that_agree_are_certain() -> None:
    assert intervals.log_ratio_interval([log(2)] * 5) == approx((2, 2, 2))


@pytest.mark.parametrize(
    ("speedup", "control", "expected"),
    [
        (None, exactly(1), 0),
        (exactly(2), None, 0),
        (Interval(1.5, 1.4, 1.6), Interval(1, 0.98, 1.02), 1),
        (Interval(0.7, 0.6, 0.8), Interval(1, 0.98, 1.02), -1),
        (Interval(1.5, 0.9, 2.1), Interval(1, 0.98, 1.02), 0),  # its own interval reaches 1
        (Interval(0.7, 0.4, 1.1), Interval(1, 0.98, 1.02), 0),
        (Interval(1.05, 1.04, 1.06), Interval(1, 0.98, 1.06), 0),  # within the noise floor
        (Interval(1.05, 1.04, 1.06), Interval(1, 0.94, 1.01), 0),  # of either direction
        (Interval(0.95, 0.94, 0.96), Interval(1, 0.99, 1.06), 0),
        (Interval(1.1, 1.0, 1.2), exactly(1), 0),
        (exactly(1), exactly(1), 0),
    ],
)
def test_what_noise_could_explain_is_not_called_a_difference(
    speedup: Interval | None, control: Interval | None, expected: int
) -> None:
    assert intervals.distinguishable(speedup, control) == expected


def test_medians_are_of_the_kept_runs_of_each_turn() -> None:
    row = latency_row("a", [100, 400, 200], kept=3)
    assert np.exp(latency.logs_of(row.samples).log_ns).tolist() == approx([100, 400, 200])
    row.samples["duration_ns"][2] = 900  # one of three kept runs of the first turn
    row.samples["duration_ns"][[5, 6, 7]] = [1, 300, 301]
    assert np.exp(latency.logs_of(row.samples).log_ns).tolist() == approx([100, 300, 200])


def test_a_launch_is_compared_turn_by_turn() -> None:
    drifting, baseline = latency_row("a", [200, 2000, 4000]), latency_row("b", [100, 1000, 2000])
    assert latency.launch_log_ratio(drifting.samples, baseline.samples) == approx(log(2))
    assert latency.launch_log_ratio(baseline.samples, drifting.samples) == approx(-log(2))
    disturbed = latency_row("a", [200, 90_000, 4000])
    assert latency.launch_log_ratio(disturbed.samples, baseline.samples) == approx(log(2))


def in_turns(variant: str, turns: list[int], turns_ns: list[float], launch: int = 0) -> Row:
    """An arm that was only in some turns of a launch."""
    row = latency_row(variant, turns_ns, launch=launch)
    row.samples["turn"] = np.repeat(np.array(turns, np.int32), 3)  # pyright: ignore
    return row


def test_an_arm_is_compared_in_the_turns_that_it_shares_with_the_baseline() -> None:
    baseline = in_turns("b", [0, 1, 2, 3, 4, 5], [100, 900, 100, 100, 900, 900])
    group = in_turns("a", [0, 2, 3], [200, 200, 200])
    assert latency.launch_log_ratio(group.samples, baseline.samples) == approx(log(2))
    found = latency.timings([group], latency.turn_logs([baseline]))
    assert found.log_ratios == approx((log(2),))
    assert (len(found.kept_ns), found.turns) == (6, {0: 3})
    apart = in_turns("c", [7, 8], [1, 1])
    assert latency.timings([apart], latency.turn_logs([baseline])).log_ratios == ()


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("root", []),
        ("left", ["root"]),
        ("joined", ["root", "left", "other", "right"]),
        ("last", ["root", "left", "other", "right", "joined"]),
    ],
)
def test_ancestors_come_oldest_first_and_once(variant: str, expected: list[str]) -> None:
    run = make_run(
        {
            "root": lineage(),
            "other": lineage(),
            "left": lineage("prune_channels", "root"),
            "right": lineage("average", "root", "other"),
            "joined": lineage("average", "left", "right"),
            "last": lineage("quantize_static", "joined"),
        }
    )
    assert ancestors(run, variant) == expected


def test_rows_are_found_and_averaged_over_seeds() -> None:
    rows = [
        make_row("a", "size_bytes", 10),
        make_row("a", "size_bytes", 30, seed=1),
        make_row("a", "size_bytes", seed=2),
        make_row("a", "size_bytes", 99, target=TARGET),
        make_row("b", "size_bytes", 99),
    ]
    found = Rows(rows)
    assert found.of("a", "size_bytes") == rows[:3]
    assert found.mean("a", "size_bytes") == 20
    assert found.mean("a", "size_bytes", TARGET) == 99
    assert found.mean("a", "macs") is None
    assert found.of("c", "size_bytes") == []


def figures(summary: Summary, *names: str) -> dict[str, object]:
    return {name: getattr(summary, name) for name in names}


def test_a_baseline_is_once_as_fast_as_itself() -> None:
    found = summarise(RUN, RUN_ROWS)
    teacher = found.find("teacher", TARGET)
    assert teacher.speedup == exactly(1)
    assert teacher.change is not None and teacher.change.value == 0
    assert figures(teacher, "faster", "size_ratio") == {"faster": 0, "size_ratio": 1}
    assert found.control == {TARGET: exactly(1)}


def test_all_figures_of_a_variant_are_exact() -> None:
    found = summarise(RUN, RUN_ROWS).find("student", TARGET)
    correct = np.repeat(np.array([1, 0], np.uint8), [80, 20])
    baseline = np.repeat(np.array([1, 0], np.uint8), [90, 10])
    validation = np.repeat(np.array([1, 0], np.uint8), [70, 30])
    # ten runs a launch, 10 to 14 µs; the discarded ones took a hundred times as long
    expected = Summary(
        "student",
        TARGET,
        quality=intervals.accuracy_interval([correct]),
        validation_quality=0.7,
        change=scores.paired_interval([correct], [baseline]),
        # ten lost, none won; the first of three by Holm's procedure
        change_p=approx(2 * 3 / 2**10),  # pyright: ignore[reportArgumentType]
        file_better=-1,
        change_seeds=1,
        better=-1,
        validation_change=scores.paired_interval([validation], [baseline]),
        validation_p=approx(2 * 3 / 2**20),  # pyright: ignore[reportArgumentType]
        validation=Disagreement(0, 20, 100),
        size_bytes=1000,
        size_ratio=4,
        packed_bytes=900,
        packed_ratio=4,
        coded_bytes=800,
        coded_ratio=5,
        parameters=1000,
        nonzero_parameters=1000,
        macs=50_000,
        p50_ns=12_000,
        runs=30,
        cpu_ns=24_000,
        peak_share=approx(50_000 / 12e-6 / 4e10),  # pyright: ignore[reportArgumentType]
        footprint={
            "base_bytes": 51e6,
            "create_ns": 4e6,
            "loaded_bytes": 61e6,
            "first_run_ns": 110e3,
            "first_run_bytes": 62e6,
            "rest_bytes": 63e6,
            "peak_bytes": 66e6,
        },
        speedup=approx((2, 2, 2)),  # pyright: ignore[reportArgumentType]
        speedup_p=0,
        faster=1,
        log_ratios=approx(dict.fromkeys(range(3), -log(2))),  # pyright: ignore[reportArgumentType]
        throughput_per_s=approx({1: 1e5, 32: 32e5}),  # pyright: ignore[reportArgumentType]
        throughput_ratio={size: approx((2, 2, 2)) for size in (1, 32)},  # pyright: ignore[reportArgumentType]
        more_throughput={1: 1, 32: 1},
        parity_max_abs=1e-6,
        parity_agreement=1,
        make_seconds=1,
        lineage_seconds=1,
    )
    for field in fields(Summary):
        assert getattr(found, field.name) == getattr(expected, field.name), field.name


def test_the_share_of_the_peak_is_that_of_a_whole_batch() -> None:
    run = make_run(targets={TARGET: RUN.targets[TARGET] | {"batch_sizes": [4]}})
    found = summarise(run, RUN_ROWS).find("student", TARGET)
    assert found.peak_share == approx(4 * 50_000 / 12e-6 / 4e10)


def test_speed_lineage_and_sparsity_of_the_others() -> None:
    found = summarise(RUN, RUN_ROWS)
    slow, pruned = found.find("student_kd", TARGET), found.find("pruned", TARGET)
    assert slow.speedup == approx((0.5, 0.5, 0.5))
    assert figures(slow, "faster", "make_seconds", "lineage_seconds") == {
        "faster": -1,
        "make_seconds": 2,
        "lineage_seconds": 10,
    }
    assert pruned.speedup == approx(intervals.log_ratio_interval([0, log(2), -log(2)]))
    assert figures(pruned, "faster", "nonzero_parameters", "lineage_seconds") == {
        "faster": 0,
        "nonzero_parameters": 600,
        "lineage_seconds": 12,
    }
    # the smallest is on the front; 'pruned' may be as fast as 'teacher' and is as accurate and as
    # small, and of 'student_kd' a hundred images can't tell whether it is more accurate
    assert found.on_front == {("student", TARGET)}
    maybe = {(v, TARGET) for v in ("teacher", "student_kd", "pruned")}
    assert found.may_be_on_front == maybe
    assert found.beaten_by == {}


def test_a_failed_variant_has_its_reason_and_nothing_else() -> None:
    found = summarise(RUN, RUN_ROWS)
    assert found.find("int8", TARGET) == Summary("int8", TARGET, reason="failed: out of memory")
    assert [s.variant for s in found.of(TARGET)] == list(RUN.variants)


def test_what_failed_on_one_target_stands_on_the_others() -> None:
    run = make_run(targets=dict.fromkeys(("here", "there"), RUN.targets[TARGET]))
    rows = variant_rows(run, "teacher", right=50)
    rows.append(status_row("teacher", "no GPU", status="skipped", target="there"))
    here, there = (summarise(run, rows).find("teacher", name) for name in ("here", "there"))
    assert (here.reason, there.reason) == ("", "skipped: no GPU")
    assert here.quality is not None and here.quality.value == 0.5
    assert there.quality is None


def test_a_lost_launch_costs_only_itself() -> None:
    rows = [row for row in RUN_ROWS if row.launch != 1]
    rows.append(status_row("teacher", "killed", target=TARGET, launch=1))
    found = summarise(RUN, rows)
    assert found.find("teacher", TARGET).reason == ""
    assert found.find("student", TARGET).runs == 20
    assert found.find("student", TARGET).speedup == approx((2, 2, 2))


def test_without_a_baseline_nothing_is_compared() -> None:
    found = summarise(RUN, [row for row in RUN_ROWS if row.variant != "teacher"])
    student = found.find("student", TARGET)
    ratios = ("size_ratio", "packed_ratio", "coded_ratio")
    compared = figures(student, "change", *ratios, "speedup", "faster", "peak_share")
    assert compared == dict.fromkeys(compared) | {"faster": 0}
    assert (student.quality and student.quality.value, student.p50_ns) == (0.8, 12_000)
    assert found.control == {}
    assert found.find("teacher", TARGET) == Summary("teacher", TARGET)


@pytest.mark.parametrize(
    ("control_ns", "faster"),
    [(20_000, 1), ((10_000, 20_000, 40_000), 0), ((20_000, 20_200, 19_800), 1)],
)
def test_a_noisy_control_forbids_conclusions(
    control_ns: int | tuple[int, ...], faster: int
) -> None:
    teacher = variant_rows(RUN, "teacher", ns=20_000, control_ns=control_ns)
    others = [row for row in RUN_ROWS if row.variant != "teacher"]
    assert summarise(RUN, teacher + others).find("student", TARGET).faster == faster


def reseeded(rows: list[Row], seed: int) -> list[Row]:
    return [replace(row, seed=seed) for row in rows]


def test_seeds_are_averaged_and_their_spread_is_told() -> None:
    run = make_run(seeds=(0, 1))
    rows = [
        *variant_rows(run, "teacher", ns=20_000, right=90),
        *variant_rows(RUN, "student", ns=10_000, right=80, size_bytes=1000, seconds=1),
        *reseeded(variant_rows(RUN, "student", ns=5_000, right=84, size_bytes=3000, seconds=3), 1),
    ]
    found = summarise(run, rows)
    student, teacher = found.find("student", TARGET), found.find("teacher", TARGET)
    assert student.quality is not None and student.change is not None
    assert student.quality.value == approx(0.82)
    assert student.change.value == approx(-0.08)
    assert student.seed_sd == approx(0.02 * sqrt(2))
    assert teacher.seed_sd == 0
    assert student.speedup == approx([sqrt(8)] * 3)  # the geometric mean of 2 and 4
    assert (student.size_bytes, student.make_seconds, student.runs) == (2000, 2, 60)


def test_seeds_that_the_baseline_lacks_are_not_compared() -> None:
    rows = [accuracy_row("teacher", 90), accuracy_row("student", 80)]
    rows += reseeded([accuracy_row("student", 20)], 1)
    student = summarise(make_run(seeds=(0, 1)), rows).find("student", TARGET)
    assert student.quality is not None and student.change is not None
    assert student.quality.value == approx(0.5)
    assert student.change.value == approx(-0.1)
    assert student.seed_sd is not None and not isnan(student.seed_sd)


def test_a_run_from_before_packed_sizes_has_none() -> None:
    rows = [row for row in RUN_ROWS if row.metric not in ("packed_bytes", "coded_bytes")]
    student = summarise(RUN, rows).find("student", TARGET)
    names = ("packed_bytes", "packed_ratio", "coded_bytes", "coded_ratio")
    assert figures(student, *names) == dict.fromkeys(names)
    assert (student.size_bytes, student.size_ratio) == (1000, 4)


def test_the_worst_parity_of_all_seeds_is_told() -> None:
    rows = [
        make_row("teacher", metric, value, seed=seed, target=TARGET)
        for metric, values in {"parity_max_abs": (1e-6, 3e-6), "parity_agreement": (1, 0.9)}.items()
        for seed, value in enumerate(values)
    ]
    teacher = summarise(RUN, rows).find("teacher", TARGET)
    assert (teacher.parity_max_abs, teacher.parity_agreement) == (3e-6, 0.9)
