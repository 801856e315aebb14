"""XNNPACK's kernels for the CPU, with threads of their own."""

from __future__ import annotations

from compbench.contracts import ExecutionProvider


class Provider(ExecutionProvider):
    """ONNX Runtime's XnnpackExecutionProvider."""

    ort_name = "XnnpackExecutionProvider"
    install = "an ONNX Runtime built with --use_xnnpack"
    options = ("intra_op_num_threads",)
    threads_option = "intra_op_num_threads"
