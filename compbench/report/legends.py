"""What a report says below its tables, so that a stranger can read them."""

from __future__ import annotations

from compbench.results.record import Run
from compbench.statistics.intervals import ALPHA

ACROSS = (
    "Each target was timed in processes of its own, some minutes apart: read these as a hint, not "
    "as a ratio with an interval."
)
LATENCY = (
    "Percentiles are of all kept runs; – where there are too few (p90 needs 64, p99 662). CPU time "
    "counts all threads. The peak is what large float32 matrix products reached in the same "
    "processes; 8-bit arithmetic can exceed it."
)
MEMORY = (
    "Resident memory of a process that holds ONNX Runtime and this one model: medians of {} fresh "
    "processes. The model's is what it adds at rest to the runtime alone."
)
LOAD = (
    "Measured and judged by MLPerf LoadGen, each variant alone in its process: for tails and "
    "throughput under load, not for ratios of small models (LoadGen adds 2 to 3 µs to a query, and "
    "about 90 µs in `server`, whose queries come at random times). INVALID figures decide nothing."
)
SIZES = (
    "Sizes are the same on every target. File: what ONNX Runtime loads, as it lies on disk, where "
    "a zero takes as much as any other number. Packed: the same file through zstd (level 19), as a "
    "download or an update would be sent. Weights, coded: the weights alone behind an entropy "
    "coder with all that decoding needs, which was done and gave the same bits; it is what they "
    "hold, not a file that ONNX Runtime loads. ×: how many times smaller than the file of `{0}`, "
    "for packed files than its packed one."
)
COSTS = (
    "Wall time on this machine. A lineage counts each ancestor once, so variants that share a "
    "teacher share its cost."
)
FAMILIES = (
    "Without the baseline. The limit is the drop in accuracy on validation that [pick] allows; "
    "two kinds of step after each other make a chain."
)
TEACHERS = (
    "Paired on the same test images, means over seeds; each verdict is by its own 95 % interval, "
    "so of twenty without any effect one would be called one."
)
ASSISTANTS = (
    "Both students have the same net and the same options; the difference is paired on the same "
    "test images, means over seeds."
)
CONFUSIONS = (
    "Test images, mean over seeds, that a variant on the Pareto front takes for another class "
    "more often than the baseline does."
)
SOFT_LABELS = (
    "The test images that the baseline doubts most (its two likeliest classes are closest), and "
    "what each net says of them, first seed."
)


def main(run: Run, target: str) -> str:
    """Below the main table."""
    batch = run.targets[target]["batch_sizes"][0]
    seeds = len(run.seeds)
    return (
        f"In brackets: 95 % intervals; pp: percentage points. Accuracy: mean of {seeds} "
        f"seed{'s' * (seeds > 1)}; its interval (Wilson's) is for these trained weights on other "
        f"images like the {run.dataset['samples']['test']:,} of the test split; the change is "
        "paired on the same images. × after bytes: how many times smaller. MACs: "
        "multiply-accumulates of one image. p50: the median time of an inference at batch "
        f"{batch}, as the speed-up. ≈ marks a difference that chance or noise could explain. Cost: "
        "seconds to make the variant, with all its ancestors in brackets. In bold: the Pareto "
        "front of accuracy, speed and bytes; what is not on it is beaten by another that is at "
        "least as good in all three and measurably better in one."
    )


def chance(run: Run) -> str:
    """Below the table of p-values."""
    return (
        "p: the chance of a difference as large if there were none, of McNemar's exact test on "
        "the same test images and of a t-test over launches, adjusted by Holm's procedure for "
        f"the {len(run.variants) - 1} variants compared here; a difference is called one below "
        f"{ALPHA:.2f}, and for speed only beyond the noise floor. Intervals are each of one "
        "comparison, not adjusted. The interval of an accuracy is about other test images; the "
        "spread over seeds, about training again, stands beside it and is in no interval."
    )
