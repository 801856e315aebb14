"""What the files hold."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.report.wording import size_text
from compbench.results.record import Run
from compbench.statistics.sizes import contradiction
from compbench.statistics.summary import Summaries, Summary


def sizes(run: Run, summaries: Summaries) -> Table:
    """What each file holds and what it takes packed or coded: the same on every target."""
    measured = {s.variant: s for s in reversed(summaries.all) if s.size_bytes}
    return [_size_row(run, measured[variant]) for variant in run.variants if variant in measured]


def _size_row(run: Run, s: Summary) -> dict[str, str]:
    nonzero = units.count_text(s.nonzero_parameters)
    if s.parameters and s.nonzero_parameters is not None:
        nonzero += f" ({units.share(s.nonzero_parameters / s.parameters)})"
    is_baseline = s.variant == run.baseline
    coded = size_text(s.coded_bytes, s.coded_ratio)
    return {
        "variant": s.variant,
        "parameters": units.count_text(s.parameters),
        "non-zero": nonzero,
        "file": size_text(s.size_bytes, None if is_baseline else s.size_ratio),
        "packed (zstd)": size_text(s.packed_bytes, None if is_baseline else s.packed_ratio),
        "weights, coded": f"{units.bytes_text(s.coded_bytes)} (!)" if contradiction(s) else coded,
    }


class Section(SectionBase):
    """Sizes by several measures, which zeros and codings can't deceive."""

    order = 310
    title = "Sizes that can't deceive"
    level = 2

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant."""
        legend = _LEGEND.format(page.run.baseline)
        shown = {s.variant: s for s in page.summaries.all if s.size_bytes}.values()
        if any(s.parameters is None for s in shown):
            legend += _UNKNOWN
        odd = [f"(!) {said}." for said in map(contradiction, shown) if said]
        return [*with_legend(sizes(page.run, page.summaries), legend), *odd]


_LEGEND = (
    "Sizes are the same on every target. File: what ONNX Runtime loads, as it lies on disk, where "
    "a zero takes as much as any other number. Packed: the same file through zstd, as a "
    "download or an update would be sent. Weights, coded: the weights alone behind an entropy "
    "coder with all that decoding needs, which was done and gave the same bits; it is what they "
    "hold, not a file that ONNX Runtime loads. ×: how many times smaller than the file of `{0}`, "
    "for packed files than its packed one."
)
_UNKNOWN = (
    f" {units.NOTHING}: unknown, since an operator of the file is not known, and may hold weights "
    "in a way of its own."
)
