"""A Session runs one artifact on one target: ONNX Runtime's."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compbench.errors import JobFailed, first_line
from compbench.runtime.placement import placement, refuse_fallback
from compbench.runtime.target import Target, provider_of

Images = NDArray[np.float32]


class Session(Protocol):
    """What the measurement needs of a runtime."""

    def bind(self, images: Images) -> None:
        """Make these images (B, C, H, W) the input of the runs that follow."""
        ...

    def run(self) -> None:
        """One inference of the bound images; the output stays in its preallocated buffer."""
        ...

    def logits(self) -> NDArray[np.float32]:
        """The output (B, K) of the last run."""
        ...


class OrtSession:
    """An ONNX Runtime session as the protocol wants it: pinned threads, no spinning.

    `model` is a file's path or its bytes. Inputs and outputs are bound where the provider computes.
    Raises JobFailed where the file does not load, or nodes run elsewhere than on the provider asked
    for (ONNX Runtime moves what a provider can't do to the CPU without a word).
    """

    def __init__(self, model: str | bytes, target: Target, profile: str | None = None):
        provider = provider_of(target.provider)
        reason = target.unavailable()
        if reason:
            raise JobFailed(reason)
        import onnxruntime

        try:
            self._session = onnxruntime.InferenceSession(
                model,
                _session_options(target, profile),
                providers=[(provider.ort_name, target.ort_options())],
                enable_fallback=0,
            )
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            raise JobFailed(f"ONNX Runtime can't load the file: {first_line(error)}") from error
        self.placement = placement(self._session, provider.ort_name)
        if not target.allow_fallback:
            refuse_fallback(provider.ort_name, self.placement)
        self._device, self._values = provider.device, onnxruntime.OrtValue
        self._input = self._session.get_inputs()[0].name
        self._output = self._session.get_outputs()[0]
        self._binding = self._session.io_binding()
        self._buffers: dict[int, onnxruntime.OrtValue] = {}

    def bind(self, images: Images) -> None:
        """Bind the images and an output buffer that is reused for every batch of this size."""
        count = len(images)
        self._refuse_misfit(images)
        if count not in self._buffers:
            shape = [count, self._output.shape[1]]
            self._buffers[count] = self._values.ortvalue_from_shape_and_type(
                shape, np.float32, self._device
            )
        self._bound = self._buffers[count]
        self._images = self._values.ortvalue_from_numpy(images, self._device)
        self._binding.bind_ortvalue_input(self._input, self._images)
        self._binding.bind_ortvalue_output(self._output.name, self._bound)
        self._binding.synchronize_inputs()

    def _refuse_misfit(self, images: Images) -> None:
        wanted, given = self._session.get_inputs()[0].shape, images.shape
        fits = len(wanted) == len(given) and all(
            not isinstance(w, int) or w == g for w, g in zip(wanted, given, strict=True)
        )
        if not fits:
            raise JobFailed(f"the model takes {tuple(wanted)}, the images are {given}")

    def run(self) -> None:
        """One inference of the bound images; on a GPU it has ended when this returns."""
        self._session.run_with_iobinding(self._binding)
        if self._device != "cpu":
            self._binding.synchronize_outputs()

    def logits(self) -> NDArray[np.float32]:
        """A copy of the output (B, K) of the last run."""
        return self._bound.numpy().copy()

    def end_profile(self) -> str:
        """Stop profiling; the path of ONNX Runtime's trace."""
        return self._session.end_profiling()


def cpu_session(model: bytes) -> OrtSession:
    """A session on the CPU with one thread: the check of what was just made."""
    return OrtSession(model, Target())


def _session_options(target: Target, profile: str | None) -> Any:
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = target.threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = {
        "all": levels.ORT_ENABLE_ALL,
        "extended": levels.ORT_ENABLE_EXTENDED,
        "basic": levels.ORT_ENABLE_BASIC,
        "disabled": levels.ORT_DISABLE_ALL,
    }[target.graph_optimization]
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    options.log_severity_level = 4  # what matters of it becomes a JobFailed
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    return options
