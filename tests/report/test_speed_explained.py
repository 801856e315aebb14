from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from compbench.report.sections import speed_explained
from compbench.report.sections.speed_explained import explanations
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.summarise import summarise
from tests.factory import (
    ENVIRONMENT,
    TARGET,
    lineage,
    make_row,
    make_run,
    status_row,
    variant_rows,
)

CONV = {"Conv": 7_500.0, "Gemm": 2_500.0}
INTEGER = {
    "QLinearConv": 6_000.0,
    "QuantizeLinear": 1_500.0,
    "DequantizeLinear": 1_400.0,
    "QGemm": 1_000.0,
    "Flatten": 100.0,
}
VARIANTS = {
    "teacher": lineage(),
    "kd": lineage("distill", "teacher"),
    "pruned": lineage("prune_channels", "teacher"),
    "int8": lineage("quantize_static", "pruned"),
}


def lines(*rows: Row, run: Run | None = None) -> list[str]:
    run = run or make_run(VARIANTS)
    return explanations(run, Rows(rows), summarise(run, rows), TARGET)


def measured(
    variant: str, ns: int, operators: Mapping[str, float] = CONV, weights: str = "float32"
) -> list[Row]:
    run = make_run(VARIANTS)
    return variant_rows(run, variant, ns=ns, operators=operators, weight_type=weights)


TEACHER, PRUNED = measured("teacher", 20_000), measured("pruned", 10_000)


def test_what_a_provider_compiled_is_not_guessed_at() -> None:
    rows = measured("int8", 20_000, {"OpenVINO-EP-subgraph_1": 900.0}, "int8")
    for row in rows:
        if row.metric == "operators":
            row.samples["provider"][:] = "OpenVINO"
    (line,) = lines(*TEACHER, *PRUNED, *rows)
    assert "its provider compiled it into kernels of its own" in line
    assert "integer" not in line.lower()


def test_a_profile_is_of_shares_the_largest_first() -> None:
    columns = {
        "operator": np.array(["QLinearConv", "Conv", "QuantizeLinear", "Conv"]),
        "provider": np.array(["CPUExecutionProvider"] * 4),
        "ns": np.array([400.0, 300.0, 200.0, 100.0]),
    }
    rows = [
        make_row("a", "operators", target=TARGET, samples=columns),
        make_row(
            "a", "operators", target=TARGET, seed=1, samples=dict.fromkeys(columns, np.ones(1))
        ),
    ]
    found = speed_explained.profile(Rows(rows), "a", TARGET)
    assert found is not None
    assert found.shares == pytest.approx({"QLinearConv": 0.4, "Conv": 0.4, "QuantizeLinear": 0.2})
    assert (found.integer, found.conversion) == pytest.approx((0.4, 0.2))


def test_without_a_profile_there_is_none() -> None:
    empty = {"operator": np.array([], np.str_), "ns": np.array([])}
    rows = Rows([make_row("a", "operators", target=TARGET, samples=empty)])
    assert speed_explained.profile(rows, "a", TARGET) is None
    assert speed_explained.profile(rows, "b", TARGET) is None
    assert speed_explained.profile(rows, "a", "elsewhere") is None


@pytest.mark.parametrize(
    ("flags", "ending"),
    [
        (
            ["avx2"],
            "has no native 8-bit dot product (VNNI), so sums may saturate and speed is lost",
        ),
        (["avx2", "avx512_vnni"], "has native 8-bit dot products"),
    ],
)
def test_a_quantized_variant_is_explained_by_its_kernels_and_the_cpu(
    flags: list[str], ending: str
) -> None:
    run = make_run(VARIANTS, environment={**ENVIRONMENT, "flags": flags})
    found = lines(*TEACHER, *PRUNED, *measured("int8", 5_000, INTEGER, "int8"), run=run)
    assert found == [
        "`int8`, 2.00× (2.00–2.00) faster than its parent `pruned`: its time goes to QLinearConv "
        "60%, QuantizeLinear 15%, DequantizeLinear 14%, QGemm 10%. Integer kernels take 70%, "
        f"changes of type and layout around them 29%; this CPU {ending}."
    ]


def test_integers_that_no_kernel_multiplies_are_told() -> None:
    found = lines(*TEACHER, *PRUNED, *measured("int8", 12_500, CONV, "uint8"))
    assert found == [
        "`int8`, 1.25× (1.25–1.25) slower than its parent `pruned`: its time goes to Conv 75%, "
        "Gemm 25%. No integer kernel ran: the integer weights are converted to floats first, so "
        "the file is smaller but computes as before."
    ]


def test_what_is_slower_than_its_parent_is_explained_but_a_student_is_not() -> None:
    slow = measured("pruned", 30_000, {"Conv": 9_900.0, "Relu": 100.0})
    assert lines(*TEACHER, *slow, *measured("kd", 90_000)) == [
        "`pruned`, 1.50× (1.50–1.50) slower than its parent `teacher`: its time goes to Conv 99%."
    ]
    assert lines(*TEACHER, *PRUNED, *measured("kd", 90_000)) == []


def test_a_variant_as_fast_as_its_parent_within_noise_is_not_slower() -> None:
    run = make_run(VARIANTS)
    noisy = variant_rows(run, "pruned", ns=(19_000, 26_000, 20_000))
    assert lines(*TEACHER, *noisy) == []


def test_without_operators_or_times_no_more_is_said_than_is_known() -> None:
    int8 = measured("int8", 5_000, weights="int8")
    blind = [row for row in int8 if row.metric != "operators"]
    assert lines(*TEACHER, *PRUNED, *blind) == [
        "`int8`, 2.00× (2.00–2.00) faster than its parent `pruned`: its operators could not be "
        "profiled."
    ]
    untimed = [row for row in int8 if row.metric != "latency_ns"]
    assert lines(*TEACHER, *PRUNED, *untimed)[0].startswith("`int8`: its time goes to Conv 75%")
    assert lines(*TEACHER, *PRUNED, *int8, status_row("int8", "no memory")) == []


OPTIONS = {"weight_type": "int8", "per_channel": True, "reduce_range": False}
NATIVE = " (the default for a CPU with native 8-bit dot products)"


@pytest.mark.parametrize(
    ("technique", "options", "flags", "scheme"),
    [
        (
            "quantize_static",
            {**OPTIONS, "activation_type": "uint8"},
            ["avx512_vnni"],
            f"quantized as uint8 activations × int8 weights per channel{NATIVE}; ",
        ),
        (
            "quantize_dynamic",
            {**OPTIONS, "reduce_range": True, "per_channel": False},
            ["avx2"],
            "quantized as uint8 activations × 7-bit int8 weights per tensor"
            f"{NATIVE.replace('with', 'without')}; ",
        ),
        (
            "quantize_static",
            {**OPTIONS, "activation_type": "int8"},
            ["avx2"],
            "quantized as int8 activations × int8 weights per channel; ",
        ),
        (
            "quantize_aware",
            {**OPTIONS, "activation_type": "uint8", "weight_type": "int4"},
            ["avx512_vnni"],
            "quantized as uint8 activations × int4 weights per channel; ",
        ),
        (
            "quantize_weights",
            {"bits": 4, "block_size": 32, "activation_type": "int8"},
            [],
            "weights in 4 bits, blocks of 32, multiplied with int8 activations; ",
        ),
        ("float16", {}, [], "in float16; "),
        ("quantize_static", {}, [], ""),
    ],
)
def test_the_scheme_is_what_the_run_recorded(
    technique: str, options: dict, flags: list[str], scheme: str
) -> None:
    int8 = lineage(technique, "pruned") | {"options": options}
    run = make_run(VARIANTS | {"int8": int8}, environment={**ENVIRONMENT, "flags": flags})
    rows = [*TEACHER, *PRUNED, *measured("int8", 5_000, INTEGER, "int8")]
    (line,) = lines(*rows, run=run)
    beside = "2.00× (2.00–2.00) faster than its parent `pruned`"
    assert line.startswith(f"`int8`, {beside}: {scheme}its time goes")


@pytest.mark.parametrize(("reduced", "weights"), [(True, "7-bit int8"), (False, "int8")])
@pytest.mark.parametrize("flags", [["avx2"], ["avx512_vnni"]])
def test_of_a_run_with_one_default_for_every_cpu_no_cpu_s_is_said(
    reduced: bool, weights: str, flags: list[str]
) -> None:
    int8 = lineage("quantize_static", "pruned") | {"options": {**OPTIONS, "reduce_range": reduced}}
    environment = {**ENVIRONMENT, "flags": flags}
    run = make_run(VARIANTS | {"int8": int8}, environment=environment, int8_bits=7)
    rows = [*TEACHER, *PRUNED, *measured("int8", 5_000, INTEGER, "int8")]
    (line,) = lines(*rows, run=run)
    assert f"uint8 activations × {weights} weights per channel; its time goes" in line


def test_of_blocks_of_weights_no_more_is_said_than_the_profile_tells() -> None:
    blocks = measured("int8", 5_000, {"Conv": 800.0, "MatMulNBits": 200.0}, "uint8")
    (line,) = lines(*TEACHER, *PRUNED, *blocks)
    assert line.endswith("its time goes to Conv 80%, MatMulNBits 20%.")
