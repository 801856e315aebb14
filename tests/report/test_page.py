"""Reports whole, as golden files (`pytest --snapshot-update` writes them anew: read the diff)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion

from compbench.report import page
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.runtime.target import LoadGen, Target
from compbench.statistics.summarise import summarise
from tests.factory import (
    RUN,
    RUN_ROWS,
    TARGET,
    lineage,
    make_row,
    make_run,
    status_row,
    variant_rows,
)
from tests.golden import Markdown
from tests.picture_rows import dataset_rows, errors_row, soft_row


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(Markdown)


def target(**options: Any) -> dict[str, Any]:
    return Target(**options).model_dump(mode="json")


def render(run: Run, rows: list[Row]) -> str:
    return page.render(run, rows, summarise(run, rows)).text


def loadgen(variant: str, kind: str, figures: dict[str, float], **fields: Any) -> Row:
    samples = {"name": np.array(list(figures)), "value": np.array(list(figures.values()))}
    return make_row(variant, f"loadgen_{kind}", target="cpu", samples=samples, **fields)


SERVER = {
    "result_query_count": 5000,
    "result_completed_samples_per_sec": 2500.0,
    "result_50.00_percentile_latency_ns": 100_000,
    "result_90.00_percentile_latency_ns": 200_000,
    "result_99.00_percentile_latency_ns": 900_000,
}


def test_one_seed_a_failed_variant_and_one_that_noise_could_explain(golden) -> None:
    assert render(RUN, RUN_ROWS) == golden


def test_several_seeds_references_and_a_lost_launch(golden) -> None:
    run = make_run(
        {"teacher": lineage(), "small": lineage("distill", "teacher", model="mlp")},
        seeds=(0, 1),
        references={"small": {"value": 0.9, "source": "Somebody 2015"}},
    )
    rows = [
        *variant_rows(run, "teacher", ns=20_000, right=90),
        *variant_rows(run, "small", ns=5_000, right=90, size_bytes=500, macs=5_000),
        status_row("teacher", "it was killed twice (SIGKILL)", target="cpu_1thread", launch=3),
    ]
    assert render(run, rows) == golden


def test_several_targets_one_skipped_one_with_too_many_threads_and_load(golden) -> None:
    variants = {"teacher": lineage(), "int8": lineage("quantize_static", "teacher")}
    kinds = ("server", "offline", "single_stream")
    targets = {
        "cpu": target(threads=4, loadgen=LoadGen(scenarios=kinds)),
        "gpu": target(provider="cuda", provider_options={"device_id": 1}),
    }
    run = make_run(variants, targets=targets)
    only_cpu = run.model_copy(update={"targets": {"cpu": targets["cpu"]}})
    integers = {"QLinearConv": 8_000.0, "QuantizeLinear": 1_500.0, "DequantizeLinear": 500.0}
    rows = [
        *variant_rows(only_cpu, "teacher", ns=10_000),
        *variant_rows(
            only_cpu, "int8", ns=15_000, size_bytes=1_100, weight_type="int8", operators=integers
        ),
        *(
            make_row(v, "status", target="gpu", status="skipped", reason="no CUDA here")
            for v in variants
        ),
        loadgen("teacher", "server", SERVER),
        loadgen("int8", "server", SERVER, reason="Reduce target QPS to improve latency."),
        loadgen("teacher", "offline", {"result_samples_per_second": 9e4, "result_query_count": 1}),
        make_row("int8", "loadgen_offline", target="cpu", status="failed", reason="it was killed"),
        make_row("int8", "loadgen_single_stream", target="cpu", status="skipped", reason="absent"),
    ]
    assert render(run, rows) == golden


def test_int8_weights_that_are_converted_before_use(golden) -> None:
    run = make_run({"teacher": lineage(), "int8": lineage("quantize_static", "teacher")})
    rows = [
        *variant_rows(run, "teacher"),
        *variant_rows(run, "int8", size_bytes=1_100, weight_type="int8"),
    ]
    text = render(run, rows)
    assert "No integer kernel ran" in text
    assert text == golden


def test_a_suite_with_everything(golden) -> None:
    """An assistant, a sweep, families and a chain, under constraints, of three seeds."""

    def taught(parent: str, temperature: float, model: str = "mlp") -> dict[str, Any]:
        options = {"temperature": temperature, "soft_weight": 0.7}
        return lineage("distill", parent, model=model) | {"options": options}

    variants = {
        "teacher": lineage(),
        "student": lineage(model="mlp"),
        "taught_1": taught("teacher", 1.0),
        "taught_4": taught("teacher", 4.0),
        "taught_9": taught("teacher", 9.0),
        "assistant": taught("teacher", 4.0, "small"),
        "assisted": taught("assistant", 4.0),
        "pruned": lineage("prune_channels", "teacher"),
        "pruned_int8": lineage("quantize_static", "pruned"),
    }
    run = make_run(
        variants,
        seeds=(0, 1, 2),
        pick={"max_drop": 0.05, "max_bytes": 3000.0, "max_latency": 15_000.0, "target": TARGET},
    )
    sizes = {"teacher": 4_000, "pruned": 2_000, "pruned_int8": 600, "assistant": 1_500}
    rows = dataset_rows()
    for index, variant in enumerate(variants):
        size = sizes.get(variant, 1_000)
        right = 90 - index
        rows += variant_rows(
            run, variant, ns=4 * size, right=right, validation=right, size_bytes=size
        )
        for seed in run.seeds:
            rows += [soft_row(variant, seed)]
            rows += [errors_row(variant, [(i, 9 - i % 3) for i in range(right, 100)], seed)]
    text = render(run, rows)
    titles = ("By family", "Did an assistant help?", "At which temperature?", "newly confused")
    assert all(title in text for title in titles)
    assert text == golden


def test_a_single_variant(golden) -> None:
    run = make_run({"teacher": lineage()})
    text = render(run, variant_rows(run, "teacher"))
    assert not re.search(r"[:(] *[.)]", text), "a list of nothing"
    assert text == golden


def test_a_sparse_variant_that_is_neither_smaller_nor_faster(golden) -> None:
    run = make_run({"teacher": lineage(), "pruned": lineage("prune_channels", "teacher")})
    rows = [*variant_rows(run, "teacher"), *variant_rows(run, "pruned", nonzero=100)]
    assert render(run, rows) == golden


def test_the_baseline_failed(golden) -> None:
    run = make_run({"teacher": lineage(), "small": lineage("distill", "teacher")})
    rows = [status_row("teacher", "the loss is nan"), status_row("small", "its parent failed")]
    assert render(run, rows) == golden
