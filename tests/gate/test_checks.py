"""Each gate fails exactly beyond its limit, and says why in one line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compbench.contracts import Options
from compbench.data.splits import Data
from compbench.errors import JobFailed, UserError
from compbench.gate import check as gate_check
from compbench.gate import pair as gate_pair
from compbench.gate.added_memory import Growth
from compbench.gate.check import (
    Agreement,
    Evidence,
    GateCheck,
    Measured,
    Pair,
    Result,
    Verdict,
)
from compbench.gate.checks import bytes, latency, logits, memory, parity, quality
from compbench.gate.paired_timing import Comparison
from compbench.gate.snapshot import Entry, Record, Snapshot
from compbench.runtime.target import Target
from compbench.statistics.intervals import Interval
from compbench.suite import gate, read
from compbench.tasks import regression
from tests.factory import TARGET, exactly, make_row
from tests.metric_runs import KINDS

PASS, FAIL, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


@pytest.mark.parametrize("verdict", list(Verdict))
def test_latency_has_the_engine_s_verdict(verdict: Verdict) -> None:
    found = Comparison(Interval(1.0304, 1.011, 1.0512), exactly(1.001), verdict, 10, "so it is")
    result = latency.Check().judge_comparison(found)
    assert result.verdict is verdict
    assert result.line == (
        "1.030× (1.011–1.051) of the baseline's time (allowed 1.025×); "
        "A/A control 1.001× (1.001–1.001); 10 launches; so it is"
    )


def answered(lost: int, won: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The baseline's answers and the candidate's, of which so many are worse and so many better."""
    baseline, candidate = np.ones(count, np.uint8), np.ones(count, np.uint8)
    candidate[:lost] = 0
    baseline[lost : lost + won] = 0
    return baseline, candidate


@pytest.mark.parametrize(
    ("lost", "won", "count", "allowed", "expected"),
    [
        (0, 0, 360, None, PASS),  # the same answers, by another file
        (0, 0, 288, None, INCONCLUSIVE),  # 1 pp more wrong would look so in 5.5 %
        (2, 2, 360, None, INCONCLUSIVE),
        (4, 0, 360, None, INCONCLUSIVE),
        (40, 0, 360, None, FAIL),
        (50, 50, 10_000, None, PASS),
        (100, 50, 10_000, None, INCONCLUSIVE),
        (150, 50, 10_000, None, FAIL),
        (150, 50, 10_000, 0.015, PASS),
        (150, 50, 10_000, "1pp", INCONCLUSIVE),
        (0, 0, 10_000, 0, INCONCLUSIVE),
        (0, 10, 10_000, 0, PASS),  # shown to be better
    ],
)
def test_accuracy_passes_only_where_a_drop_beyond_the_limit_is_excluded(
    lost: int, won: int, count: int, allowed: float | str | None, expected: Verdict
) -> None:
    check = quality.Check(quality_drop=allowed)
    result = check.judge_scores(*answered(lost, won, count))
    assert result.verdict is expected
    assert f"on {count} test samples" in result.line and " pp (" in result.line
    assert ("decide" in result.line) == (expected is INCONCLUSIVE)


def test_accuracy_states_its_limit_and_where_that_is_from() -> None:
    check = quality.Check()
    assert "(allowed: a drop of 1 pp, the default)" in check.judge_scores(*answered(0, 0, 360)).line
    many = check.judge_scores(*answered(0, 0, 10_000), 12)
    assert "a drop of 0.259 pp, what so many can resolve; 12 files judged)" in many.line
    given = quality.Check(quality_drop="2pp").judge_scores(*answered(4, 0, 360))
    assert "(allowed: a drop of 2 pp, quality_drop)" in given.line


def test_accuracy_says_how_many_samples_would_decide() -> None:
    few = quality.Check().judge_scores(*answered(2, 2, 360))
    (needed,) = re.findall(r"about ([0-9,]+) samples would decide", few.line)
    assert needed == "517"
    assert quality.Check(quality_drop="1pp").judge_scores(*answered(3, 3, 540)).verdict is PASS
    assert (
        quality.Check()
        .judge_scores(*answered(0, 0, 100))
        .line.endswith("about 304 samples would decide at this limit")
    )
    never = quality.Check(quality_drop=0).judge_scores(*answered(3, 3, 360))
    assert never.line.endswith("allow a drop, or leave quality_drop out")


def test_many_files_have_as_many_false_alarms_as_one() -> None:
    lost = next(n for n in range(100) if _fails(n, 1))
    assert not _fails(lost, 12)
    assert _fails(lost + 10, 12)


def _fails(lost: int, pairs: int) -> bool:
    return quality.Check().judge_scores(*answered(lost, 0, 360), pairs).verdict is FAIL


def test_the_same_file_is_no_worse_however_few_samples_there_are() -> None:
    few = Measured(answered(0, 0, 10), 1, {})
    same, other = (_evidence(few, sha256) for sha256 in ("a", "b"))
    assert quality.Check().judge(same).verdict is PASS
    assert quality.Check().judge(same).line == (
        "the same file, byte for byte: 100.00% of 10 test samples"
    )
    assert quality.Check().judge(other).verdict is INCONCLUSIVE


def _evidence(measured: Measured, sha256: str, agreement: float = 1.0) -> Evidence:
    """Of a candidate's file with this checksum and agreement; the baseline has a and 0.9."""
    sides = []
    for checksum, agrees in ((sha256, agreement), ("a", 0.9)):
        record = Record(variants={"net": Entry(sha256=checksum, file="net.onnx")}, saved="")
        rows = (
            make_row("net", "parity_agreement", agrees, target=TARGET),
            make_row("net", "parity_max_abs", 0.1, target=TARGET),
        )
        sides.append(Snapshot("", record, {}, rows))
    pair = Pair("net", TARGET, Target(), Path("net.onnx"), Path("net.onnx"))
    return Evidence(pair, measured, *sides)


@pytest.mark.parametrize(
    ("candidate", "expected"), [(500, PASS), (1000, PASS), (1500, PASS), (1501, FAIL)]
)
def test_bytes(candidate: int, expected: Verdict) -> None:
    assert bytes.Check(bytes_ratio=1.5).judge_sizes(1000, candidate).verdict is expected


def test_memory_is_told_with_its_limit() -> None:
    more = Interval(3.1e6, 2.9e6, 3.3e6)
    found = Growth(13.6e6, 10.5e6, more, FAIL, 6, "measured again")
    result = memory.Check().judge_growth(found)
    assert result.verdict is FAIL
    assert result.line == (
        "10.5 MB that it adds became 13.6 MB: +3.10 MB (+2.90 MB…+3.30 MB), "
        "allowed +1.55 MB (1.1× and 500 KB); 6 processes each; measured again"
    )
    assert (
        "(−1 B…+3.30 MB)"
        in memory.Check().judge_growth(replace(found, more=more._replace(low=-1))).line
    )


@pytest.mark.parametrize(
    ("baseline", "candidate", "least", "expected"),
    [
        (1.0, 1.0, None, PASS),
        (1.0, 0.998, None, PASS),
        (1.0, 0.99, None, INCONCLUSIVE),
        (1.0, 0.95, None, FAIL),
        (0.9, 0.895, None, INCONCLUSIVE),
        (0.9, 0.95, 0.96, INCONCLUSIVE),
        (0.9, 0.93, 0.96, FAIL),
        (None, 0.98, 0.96, PASS),
        (None, 0.97, 0.96, INCONCLUSIVE),
        (None, 0.0, 0.96, FAIL),
        (None, 1.0, 0.999, INCONCLUSIVE),
        (None, 1.0, 1, PASS),
        (None, 0.999, 1, FAIL),
        (None, 0.95, None, None),
        (0.9, None, 0.1, None),
    ],
)
def test_parity_is_to_the_baseline_s_or_to_the_limit(
    baseline: float | None, candidate: float | None, least: float | None, expected: Verdict | None
) -> None:
    ours, theirs = (Agreement(x, 1) if x is not None else None for x in (baseline, candidate))
    result = parity.Check(parity_agreement=least).judge_agreements(ours, theirs, 1000)
    assert result.verdict is expected
    assert ("not recorded" in result.line) == (expected is None)
    assert ("would decide" in result.line) == (expected is INCONCLUSIVE)


def test_parity_of_the_same_file_is_as_it_was() -> None:
    few = Measured(answered(0, 0, 10), 1, {})
    assert parity.Check().judge(_evidence(few, "a", 0.9)).verdict is PASS
    assert parity.Check().judge(_evidence(few, "b", 0.9)).verdict is INCONCLUSIVE
    # what it was made from is another
    assert parity.Check().judge(_evidence(few, "a", 0.8)).verdict is INCONCLUSIVE
    assert parity.Check(parity_agreement=1).judge(_evidence(few, "a", 0.9)).verdict is FAIL


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
        ("quality_drop = 1", r"\[gate\]: quality_drop: 1.0 may be 1pp or 100pp: write the one"),
        ('bytes_ratio = "2"', r"\[gate\]: bytes_ratio: '2' should be a number"),
    ],
)
def test_a_wrong_gate_table_is_explained(line: str, message: str, write_suite) -> None:
    path = write_suite(f'[gate]\n{line}\n[variants.teacher]\ntechnique = "train"\nmodel = "mlp"\n')
    with pytest.raises(UserError, match=message):
        read.load(path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("factor", "allowed", "expected"),
    [
        (1.0, None, PASS),  # as good, by another file
        (1.01, None, INCONCLUSIVE),  # at the limit itself
        (1.5, None, FAIL),
        (0.8, None, PASS),
        (1.2, "50%", PASS),
        (1.2, "2%", FAIL),
        (1.2, 0, FAIL),
    ],
)
def test_numbers_are_judged_in_the_direction_and_the_words_of_their_metric(
    kind: str, factor: float, allowed: float | str | None, expected: Verdict
) -> None:
    told = KINDS[kind]
    hard, noise = np.random.default_rng(0).random((2, 500))
    before = told.base + told.spread * hard
    after = before * factor + 0.01 * told.spread * (noise - 0.5)
    if told.headline.link == "root":
        after = before * factor**2 + 0.01 * told.spread * (noise - 0.5)
    check = quality.Check(quality_drop=allowed)
    result = check.judge_scores(before, after, headline=told.headline)
    assert result.verdict is expected, result.line
    assert result.name == told.headline.name
    assert f" {told.headline.unit} became " in result.line and "a rise of" in result.line
    assert "pp" not in result.line and "nan" not in result.line
    assert ("decide" in result.line) == (expected is INCONCLUSIVE)
    if allowed is None:
        assert f"which is 1 % of the baseline's {told.headline.label}, the default" in result.line


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_pair_is_judged_by_the_task_that_its_baseline_recorded(kind: str) -> None:
    headline = KINDS[kind].headline
    scores = np.linspace(1, 2, 50)
    found = _evidence(Measured((scores, scores), 1, {}), "b")
    task = {"headline": headline.model_dump(), "has_classes": False}
    record = found.baseline.record.model_copy(update={"task": task})
    found = replace(found, baseline=replace(found.baseline, record=record))
    assert quality.Check().judge(found).name == headline.name
    same = replace(found, candidate=found.baseline)
    line = quality.Check().judge(same).line
    assert line.startswith("the same file, byte for byte: 1.") and headline.unit in line
    assert not any(
        re.search("accura|class", check.judge(found).line)
        for check in (quality.Check(), parity.Check())
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_sample_decides_nothing(kind: str) -> None:
    told = KINDS[kind].headline
    for change in (0.5, 1.0, 2.0):
        result = quality.Check().judge_scores(np.ones(1), np.full(1, change), headline=told)
        assert result.verdict is INCONCLUSIVE
        assert result.line.endswith("; a single sample decides nothing")


@pytest.mark.parametrize("odd", ["candidate", "baseline"])
def test_outputs_without_an_end_are_told_of_the_file_that_gives_them(
    odd: str, tiny: Data, monkeypatch
) -> None:
    def outputs(side: str, *_: object) -> np.ndarray:
        found = np.zeros((len(tiny.test), 1), np.float32)
        found[3] = np.inf if side == f"the {odd}" else 0
        return found

    monkeypatch.setattr(gate_pair, "_outputs", outputs)
    data = replace(tiny, training=replace(tiny.training, task=regression.Task()))
    files = Path("new.onnx"), Path("old.onnx")
    pair = Pair("a", "cpu", Target(), *files)
    message = rf"^the {odd}, (new|old).onnx: 1 of \d+ test samples have a score .* sample 3: inf$"
    with pytest.raises(JobFailed, match=message):
        gate_pair.measure(pair, data, gate.gate_model()())


def limits(**given: str) -> Options:
    return gate.gate_model()(**given)


@pytest.mark.parametrize(("written", "said"), [("1pp", "quality_drop: '1pp' should be a number")])
def test_a_loss_that_is_none_of_the_metric_is_refused(written: str, said: str) -> None:
    with pytest.raises(UserError, match=rf"\[gate\]: {said}"):
        gate.refuse_unlike(limits(quality_drop=written), KINDS["regression"].headline)


def test_the_old_name_of_the_limit_is_still_read() -> None:
    assert limits(accuracy_drop="2pp").model_dump()["quality_drop"] == "2pp"
    assert gate.old_names() == {"accuracy_drop": "quality_drop"}
