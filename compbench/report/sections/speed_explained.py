"""Rows -> why a variant is as fast as it is: which operators its time goes to; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compbench.report.section import Page, SectionBase, bullets
from compbench.report.wording import beside_parent
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.runtime import machine
from compbench.statistics.lineage import made_from
from compbench.statistics.summary import Summaries, Summary

_INTEGER = {
    "QGemm",
    "ConvInteger",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
}
_CONVERSIONS = {
    "QuantizeLinear",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "Cast",
    "Transpose",
    "ReorderInput",
    "ReorderOutput",
}
_NARROW = {"int8", "uint8", "int4", "uint4"}
_MATTERS = 0.02  # operators with less of the time are not named


@dataclass(frozen=True)
class Profile:
    """Shares of the profiled time by operator, the largest first, and of two kinds of them.

    `integer` is arithmetic on 8-bit integers, `conversion` changes of type or layout in between.
    `is_seen` is False where a provider compiled nodes into kernels of its own.
    """

    shares: dict[str, float]
    integer: float
    conversion: float
    is_seen: bool


def profile(rows: Rows, variant: str, target: str) -> Profile | None:
    """The profile of a variant's first seed; None where there is none."""
    found = rows.of(variant, "operators", target)
    if not found or not len(found[0].samples["ns"]):
        return None
    names, times = found[0].samples["operator"], found[0].samples["ns"]
    shares: dict[str, float] = {}
    for name, ns in zip(names, times, strict=True):
        shares[str(name)] = shares.get(str(name), 0.0) + float(ns / times.sum())
    return Profile(
        dict(sorted(shares.items(), key=lambda item: -item[1])),
        sum(s for n, s in shares.items() if n in _INTEGER or n.startswith("QLinear")),
        sum(s for n, s in shares.items() if n in _CONVERSIONS),
        {str(name) for name in found[0].samples["provider"]} == {"CPUExecutionProvider"},
    )


def explanations(run: Run, rows: Rows, summaries: Summaries, target: str) -> list[str]:
    """A line for each quantized variant, and each one slower than its parent."""
    found = []
    for s in summaries.of(target):
        parents = run.variants[s.variant]["parents"]
        if s.reason or not parents:
            continue
        parent = summaries.find(parents[0], target)
        quantized = _is_quantized(rows, s.variant)
        slower = s.faster_than_parent < 0 and made_from(run, s.variant) is not None
        if quantized or slower:
            found.append(_line(run, rows, s, parent, quantized))
    return found


def _line(run: Run, rows: Rows, s: Summary, parent: Summary, quantized: bool) -> str:
    beside = f", {beside_parent(s, parent.variant)}" if s.parent_speedup else ""
    begin = f"`{s.variant}`{beside}: "
    own = profile(rows, s.variant, s.target)
    if own is None:
        return f"{begin}its operators could not be profiled."
    if not own.is_seen:
        return (
            f"{begin}its provider compiled it into kernels of its own, which ONNX Runtime's "
            "profile can't look into."
        )
    named = [f"{name} {share:.0%}" for name, share in own.shares.items() if share >= _MATTERS]
    line = f"{begin}{_scheme(run, s.variant)}its time goes to {', '.join(named)}."
    is_of_blocks = "MatMulNBits" in own.shares  # its name does not say in which type it multiplies
    return f"{line} {_integers(run, own)}" if quantized and not is_of_blocks else line


def _scheme(run: Run, variant: str) -> str:
    """How a variant was quantized, by the options that the run recorded; empty where it was not."""
    options = run.variants[variant]["options"]
    said = run.variants[variant]["scheme"]
    if said:
        return f"{said.format(**options)}; "
    if not {"weight_type", "per_channel", "reduce_range"} <= set(options):
        return ""
    activations = options.get("activation_type", "uint8")  # dynamic quantization has uint8 alone
    weights = "7-bit int8" if options["reduce_range"] else options["weight_type"]
    shared = "per channel" if options["per_channel"] else "per tensor"
    scheme = f"quantized as {activations} activations × {weights} weights {shared}"
    native = machine.has_vnni(run.environment)
    was_default = run.int8_bits is None and options["reduce_range"] != native
    if options["weight_type"] == "int8" and was_default:
        scheme += (
            f" (the default for a CPU with{'' if native else 'out'} native 8-bit dot products)"
        )
    return f"{scheme}; "


def _integers(run: Run, own: Profile) -> str:
    if own.integer == 0:
        return (
            "No integer kernel ran: the integer weights are converted to floats first, "
            "so the file is smaller but computes as before."
        )
    native = "has native 8-bit dot products"
    if not machine.has_vnni(run.environment):
        native = "has no native 8-bit dot product (VNNI), so sums may saturate and speed is lost"
    return (
        f"Integer kernels take {own.integer:.0%}, changes of type and layout around them "
        f"{own.conversion:.0%}; this CPU {native}."
    )


def _is_quantized(rows: Rows, variant: str) -> bool:
    found = rows.of(variant, "weights")
    return bool(found) and bool(_NARROW & set(found[0].samples["type"].tolist()))


class Section(SectionBase):
    """Where the time goes, of those whose speed surprises."""

    order = 140
    per_target = True
    title = "Why it is as fast as it is"

    def content(self, page: Page) -> Sequence[str]:
        """A sentence each."""
        return [bullets(explanations(page.run, page.rows, page.summaries, page.target))]
