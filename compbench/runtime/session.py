"""A Session runs one artifact on one target: ONNX Runtime's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compbench.contracts.inputs import Feed, Inputs, fed
from compbench.errors import JobFailed, first_line
from compbench.runtime.placement import placement, refuse_fallback
from compbench.runtime.target import Target, provider_of

FEEDS, OUTPUT = "compbench.feeds", "compbench.output"  # what a file's metadata says
_FLOATS = "tensor(float)"  # ONNX Runtime's word for float32
_OTHERS = {"tensor(double)": "float64", "tensor(bool)": "bool"}


class Session(Protocol):
    """What the measurement needs of a runtime."""

    def bind(self, inputs: Inputs) -> None:
        """Make these raw inputs (B, …) those of the runs that follow."""
        ...

    def run(self) -> None:
        """One inference of the bound batch; the output stays in its preallocated buffer."""
        ...

    def outputs(self) -> NDArray[np.float32]:
        """The output (B, …) of the last run."""
        ...


class OrtSession:
    """An ONNX Runtime session as the protocol wants it: pinned threads, no spinning.

    `model` is a file's path or its bytes. Inputs and outputs are bound where the provider computes.
    What the file is fed is made of raw inputs as its metadata says; a file that says nothing gets
    them as they are.

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
        self._inputs = {one.name: one for one in _inputs(self._session)}
        said = self._session.get_modelmeta().custom_metadata_map
        self._feeds = tuple(map(Feed.from_json, json.loads(said.get(FEEDS, "[]"))))
        self._output = _output(self._session, said.get(OUTPUT))
        self._binding = self._session.io_binding()
        self._buffers: dict[int, onnxruntime.OrtValue] = {}

    def bind(self, inputs: Inputs) -> None:
        """Bind a batch, and an output buffer that is reused for every batch of this size."""
        arrays = self._arrays(inputs)
        self._count = len(next(iter(arrays.values())))
        self._refuse_misfit(arrays)
        shape: list[Any] = list(self._output.shape or [None])[1:]
        if shape and all(isinstance(x, int) for x in shape) and self._count not in self._buffers:
            self._buffers[self._count] = self._values.ortvalue_from_shape_and_type(
                [self._count, *shape], np.float32, *self._device
            )
        self._bound_inputs = {
            name: self._values.ortvalue_from_numpy(array, *self._device)
            for name, array in arrays.items()
        }
        for name, value in self._bound_inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        self._bound = self._buffers.get(self._count)
        if self._bound is not None:
            self._binding.bind_ortvalue_output(self._output.name, self._bound)
        else:  # the file does not say its shape
            self._binding.bind_output(self._output.name, *self._device)
        self._binding.synchronize_inputs()

    @property
    def batch_size(self) -> int | None:
        """The only batch that the file takes; None where it takes any."""
        sizes = (one.shape[0] for one in self._inputs.values() if one.shape)
        return next((size for size in sizes if isinstance(size, int)), None)

    def _arrays(self, inputs: Inputs) -> dict[str, NDArray[Any]]:
        """What the file gets, by its inputs' names. Raises JobFailed where that is not clear."""
        absent = [feed.source for feed in self._feeds if feed.source not in inputs]
        if absent:
            raise JobFailed(f"the model is fed from {', '.join(absent)}; there is {_told(inputs)}")
        if self._feeds:
            return fed(self._feeds, inputs)
        if len(inputs) == len(self._inputs) == 1:
            inputs = dict(zip(self._inputs, inputs.values(), strict=True))
        missing = [name for name in self._inputs if name not in inputs]
        if missing:
            listed = _listed(list(self._inputs.values()))
            raise JobFailed(f"the model takes {listed}; there is {_told(inputs)}")
        return {name: np.ascontiguousarray(inputs[name]) for name in self._inputs}

    def _refuse_misfit(self, arrays: Inputs) -> None:
        for name, given in arrays.items():
            wanted = self._inputs[name]
            fits = len(wanted.shape) == given.ndim and all(
                not isinstance(w, int) or w == g
                for w, g in zip(wanted.shape, given.shape, strict=True)
            )
            if not fits:
                shape = tuple(wanted.shape)
                raise JobFailed(f"the model takes {name} {shape}, but is given {given.shape}")
            if _dtype(wanted) not in (None, given.dtype.name):
                raise JobFailed(
                    f"the model takes {_listed([wanted])}, but is given {given.dtype}, and does "
                    "not say how the one becomes the other"
                )

    def run(self) -> None:
        """One inference of the bound batch; on a GPU it has ended when this returns."""
        self._session.run_with_iobinding(self._binding)
        if self._device[0] != "cpu":
            self._binding.synchronize_outputs()

    def outputs(self) -> NDArray[np.float32]:
        """A copy of the output (B, …) of the last run. Raises JobFailed where it is no such."""
        bound = self._bound or self._binding.get_outputs()[0]
        found = bound.numpy()
        if found.ndim < 2 or len(found) != self._count:
            raise JobFailed(f"for {self._count} samples the model's output is {found.shape}")
        return found.copy()

    def end_profile(self) -> str:
        """Stop profiling; the path of ONNX Runtime's trace."""
        return self._session.end_profiling()


def _inputs(session: Any) -> Sequence[Any]:
    """All that the file takes. Raises JobFailed where that is nothing, or no tensor."""
    inputs = session.get_inputs()
    if not inputs:
        raise JobFailed("the model has no inputs")
    odd = [one for one in inputs if not one.type.startswith("tensor(")]
    if odd:
        raise JobFailed(f"the model takes {_listed(odd)}, which is no array")
    return inputs


def _output(session: Any, name: str | None) -> Any:
    """The output so called, or the first that can be what models give: float32 (B, …).

    Raises JobFailed where there is none.
    """
    outputs = session.get_outputs()
    floats = [one for one in outputs if one.type == _FLOATS]
    fitting = [one for one in floats if one.name == name]
    fitting = fitting or [one for one in floats if len(one.shape) == 2]
    fitting = fitting or [one for one in floats if len(one.shape) > 2 or not one.shape]
    if not fitting:
        raise JobFailed(
            f"none of the model's outputs is float32 (samples, …): {_listed(outputs)}"
            + ("; convert it with zipmap=False" if "map(" in _listed(outputs) else "")
        )
    return fitting[0]


def _dtype(value: Any) -> str | None:
    """numpy's name of an input's type; None for one that numpy has not."""
    kind = value.type
    name = _OTHERS.get(kind) or kind.removeprefix("tensor(").removesuffix(")")
    name = {"float": "float32"}.get(name, name)
    return name if name in np.sctypeDict else None


def _told(inputs: Inputs) -> str:
    return ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in inputs.items())


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
