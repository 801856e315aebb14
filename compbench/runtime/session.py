"""A Session runs one artifact on one target: ONNX Runtime's."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compbench.errors import JobFailed, first_line
from compbench.runtime.placement import placement, refuse_fallback
from compbench.runtime.target import Target, provider_of

Images = NDArray[np.float32]
_FLOATS = "tensor(float)"  # ONNX Runtime's word for float32


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
        self._device = (provider.device, _device_id(target))
        self._values = onnxruntime.OrtValue
        self._input, self._output = _input(self._session), _output(self._session)
        self._binding = self._session.io_binding()
        self._buffers: dict[int, onnxruntime.OrtValue] = {}

    def bind(self, images: Images) -> None:
        """Bind the images and an output buffer that is reused for every batch of this size."""
        count = len(images)
        self._refuse_misfit(images)
        classes = self._output.shape[1] if self._output.shape else None
        if isinstance(classes, int) and count not in self._buffers:
            self._buffers[count] = self._values.ortvalue_from_shape_and_type(
                [count, classes], np.float32, *self._device
            )
        self._images = self._values.ortvalue_from_numpy(images, *self._device)
        self._binding.bind_ortvalue_input(self._input.name, self._images)
        self._bound = self._buffers.get(count)
        if self._bound is not None:
            self._binding.bind_ortvalue_output(self._output.name, self._bound)
        else:  # how many classes is not said in the file
            self._binding.bind_output(self._output.name, *self._device)
        self._binding.synchronize_inputs()

    @property
    def batch_size(self) -> int | None:
        """The only batch that the file takes; None where it takes any."""
        size = self._input.shape[0]
        return size if isinstance(size, int) else None

    def _refuse_misfit(self, images: Images) -> None:
        wanted, given = self._input.shape, images.shape
        fits = len(wanted) == len(given) and all(
            not isinstance(w, int) or w == g for w, g in zip(wanted, given, strict=True)
        )
        if not fits:
            raise JobFailed(f"the model takes {tuple(wanted)}, the images are {given}")

    def run(self) -> None:
        """One inference of the bound images; on a GPU it has ended when this returns."""
        self._session.run_with_iobinding(self._binding)
        if self._device[0] != "cpu":
            self._binding.synchronize_outputs()

    def logits(self) -> NDArray[np.float32]:
        """A copy of the output (B, K) of the last run. Raises JobFailed where it is no such."""
        bound = self._bound or self._binding.get_outputs()[0]
        found = bound.numpy()
        if found.ndim != 2 or len(found) != self._images.shape()[0]:
            given = tuple(self._images.shape())
            raise JobFailed(f"for images {given} the model's output is {found.shape}")
        return found.copy()

    def end_profile(self) -> str:
        """Stop profiling; the path of ONNX Runtime's trace."""
        return self._session.end_profiling()


def _input(session: Any) -> Any:
    """What the images go into. Raises JobFailed where that is not clear."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        told = f": {_listed(inputs)}" if inputs else ""
        raise JobFailed(f"the model has {len(inputs)} inputs instead of one, the images{told}")
    if inputs[0].type != _FLOATS:
        raise JobFailed(f"the model takes {_listed(inputs)}; the images are float32")
    return inputs[0]


def _output(session: Any) -> Any:
    """The first output that can be logits. Raises JobFailed where there is none."""
    outputs = session.get_outputs()
    floats = [one for one in outputs if one.type == _FLOATS]
    fitting = [one for one in floats if len(one.shape) == 2]
    fitting = fitting or [one for one in floats if not one.shape]  # which may just be unsaid
    if not fitting:
        raise JobFailed(
            f"none of the model's outputs is float32 (images, classes): {_listed(outputs)}"
            + ("; convert it with zipmap=False" if "map(" in _listed(outputs) else "")
        )
    return fitting[0]


def _listed(values: Any) -> str:
    """Inputs or outputs with their types; of a sequence or a map there is no shape."""
    tensors = {one.name for one in values if one.type.startswith("tensor(")}
    return ", ".join(
        f"{one.name} {one.type} {tuple(one.shape)}"
        if one.name in tensors
        else f"{one.name} {one.type}"
        for one in values
    )


def _device_id(target: Target) -> int:
    """The device of its kind that inputs and outputs are bound on: the one that computes."""
    if provider_of(target.provider).device == "cpu":
        return 0
    given = target.ort_options().get("device_id", "0")
    if not given.isdecimal():
        raise JobFailed(f"provider_options: device_id = {given!r} is no number of a device")
    return int(given)


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
