"""Each gate fails exactly beyond its limit, and says why in one line."""

from __future__ import annotations

import numpy as np
import pytest

from compbench.errors import UserError
from compbench.gate import check as gate_check
from compbench.gate.check import Agreement, GateCheck, Result, Verdict
from compbench.gate.checks import accuracy, bytes, latency, logits, memory, parity
from compbench.gate.paired_timing import Comparison
from compbench.statistics.intervals import Interval
from compbench.suite import gate, read
from tests.factory import exactly

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def right(share: float, count: int = 1000) -> np.ndarray:
    return (np.arange(count) < share * count).astype(np.uint8)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_latency_has_the_engine_s_verdict(verdict: Verdict) -> None:
    found = Comparison(Interval(1.0304, 1.011, 1.0512), exactly(1.001), verdict, 10)
    result = latency.Check().judge_comparison(found)
    assert result.verdict is verdict
    assert result.line == (
        "1.030× (1.011–1.051) of the baseline's time (allowed 1.025×); "
        "A/A control 1.001× (1.001–1.001); 10 launches"
    )


@pytest.mark.parametrize(
    ("candidate", "most_drop", "expected"),
    [
        (0.9, 0, PASS),
        (1.0, 0, PASS),
        (0.899, 0, PASS),  # one sample of a thousand: within noise
        (0.89, 0, FAIL),  # ten, all in one direction
        (0.89, 0.02, PASS),
        (0.891, 0.005, PASS),  # the interval reaches into what is allowed
        (0.85, 0.02, FAIL),
    ],
)
def test_accuracy_fails_where_the_whole_interval_is_below(
    candidate: float, most_drop: float, expected: Verdict
) -> None:
    result = accuracy.Check(accuracy_drop=most_drop).judge_answers(right(0.9), right(candidate))
    assert result.verdict is expected
    assert "on 1000 test samples" in result.line and " pp (" in result.line


def test_as_many_wrong_samples_as_before_are_no_drop_though_they_are_others() -> None:
    result = accuracy.Check().judge_answers(right(0.9), right(0.9)[::-1])
    assert result.verdict is PASS
    assert result.line.startswith("90.00% became 90.00%: 0.00 pp")


@pytest.mark.parametrize(
    ("candidate", "expected"), [(500, PASS), (1000, PASS), (1500, PASS), (1501, FAIL)]
)
def test_bytes(candidate: int, expected: Verdict) -> None:
    assert bytes.Check(bytes_ratio=1.5).judge_sizes(1000, candidate).verdict is expected


@pytest.mark.parametrize(
    ("candidate", "expected"), [([100, 100, 900], PASS), ([150, 10, 150], PASS), ([151] * 3, FAIL)]
)
def test_memory_is_of_the_median_process(candidate: list[int], expected: Verdict) -> None:
    result = memory.Check(memory_ratio=1.5).judge_peaks(
        np.array([100, 99, 500]), np.array(candidate)
    )
    assert result.verdict is expected


@pytest.mark.parametrize(
    ("baseline", "candidate", "least", "expected"),
    [
        (1.0, 1.0, None, PASS),
        (1.0, 0.9901, None, PASS),
        (1.0, 0.9899, None, FAIL),
        (0.9, 0.895, None, PASS),
        (0.9, 0.95, 0.96, FAIL),
        (None, 0.97, 0.96, PASS),
        (None, 0.95, 0.96, FAIL),
        (None, 0.95, None, None),
        (0.9, None, 0.1, None),
    ],
)
def test_parity_is_to_the_baseline_s_or_to_the_limit(
    baseline: float | None, candidate: float | None, least: float | None, expected: Verdict | None
) -> None:
    ours, theirs = (Agreement(x, 1) if x is not None else None for x in (baseline, candidate))
    result = parity.Check(parity_agreement=least).judge_agreements(ours, theirs)
    assert result.verdict is expected
    assert ("not recorded" in result.line) == (expected is None)


@pytest.mark.parametrize(
    ("found", "expected"), [(1e-5, PASS), (1e-4, PASS), (1.1e-4, FAIL), (float("nan"), FAIL)]
)
def test_logits(found: float, expected: Verdict) -> None:
    result = logits.Check().judge_agreement(Agreement(1, found), 1e-4)
    assert result and result.verdict is expected
    assert logits.Check().judge_agreement(Agreement(1, found), None) is None
    assert logits.Check().judge_agreement(None, 1e-4) is None


def test_the_worst_verdict_counts_and_stands_first() -> None:
    results = [Result(str(v), v, "") for v in (None, PASS, INCONCLUSIVE, FAIL)]
    assert gate_check.overall(results) is FAIL
    assert gate_check.overall(results[:3]) is INCONCLUSIVE
    assert gate_check.overall(results[:2]) is PASS
    assert gate_check.worst_first(results) == results[::-1]
    assert str(Result("bytes", PASS, "equal")) == "PASS         bytes: equal"


@pytest.mark.parametrize("check", gate.checks(), ids=lambda check: check().name)
def test_every_check_documents_itself(check: type[GateCheck]) -> None:
    assert (
        check.__doc__ and check.figure and check.fails and {*check.efforts} < {*check.model_fields}
    )
    for name, field in check.model_fields.items():
        assert field.description, f"{name} has no description"


def test_every_check_has_a_place_of_its_own() -> None:
    order = [check.order for check in gate.checks()]
    assert order == sorted({*order})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("latency_ration = 1.1", r"\[gate\] has no option 'latency_ration'; did you mean 'latency"),
        ("latency_ratio = 0.9", r"\[gate\]: latency_ratio = 0.9 should be greater than or equal"),
        ('bytes_ratio = "2"', r"\[gate\]: bytes_ratio: '2' should be a number"),
    ],
)
def test_a_wrong_gate_table_is_explained(line: str, message: str, write_suite) -> None:
    path = write_suite(f'[gate]\n{line}\n[variants.teacher]\ntechnique = "train"\nmodel = "mlp"\n')
    with pytest.raises(UserError, match=message):
        read.load(path)
