"""What any technique must keep to; each check raises JobFailed. And: one technique on one net."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from compbench.contracts import (
    LoweringTechnique,
    OnnxTechnique,
    Predictor,
    PredictorTechnique,
    TechniqueBase,
    TorchTechnique,
    model_options,
    own_model,
)
from compbench.doctor.subject import Outputs, Subject, refuse_difference, state
from compbench.errors import JobFailed, first_line, told
from compbench.make import checkpoint, module_check
from compbench.onnxfile.export import settled, to_onnx
from compbench.onnxfile.parity import distance, parity
from compbench.registry import registry
from compbench.runtime import inference
from compbench.training.loop import Fit

Status = Literal["works", "changed nothing", "deviates", "refuses", "fails"]
MOST_DEVIATION = 0.75  # of the outputs' spread: 8 bits come to 0.6 on untaught nets, others less
Options = Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """What came of a technique on a net: `said` is why not, or what it left as it was.

    It "changed nothing" where it says so itself (else it "fails"); it "deviates" where it rewrites
    a file without training, and outputs are further from the parent's than most of their spread.
    """

    status: Status
    said: str = ""


def options(plugin: type[TechniqueBase], net: Any, wanted: Options) -> dict[str, Any]:
    """What a technique needs to run, at least: a net where it has to make one of its own.

    One that does not train has no epochs, so none are wanted of it.
    """
    own = {name: net for name in model_options(plugin) if plugin.parents[0] > 0}
    return own | {n: v for n, v in wanted.items() if n != "epochs" or n in plugin.model_fields}


Made = nn.Module | Predictor | bytes


def made(
    technique: TechniqueBase, parents: list[nn.Module], subject: Subject
) -> tuple[Made, list[str]]:
    """What a technique makes of parents (their file is the subject's), and what it said."""
    torch.manual_seed(3)
    training = subject.data.training
    if isinstance(technique, OnnxTechnique):
        return technique.rewrite(subject.file, training), []
    fit = Fit(training, 3, lambda *_: None)
    if isinstance(technique, LoweringTechnique):
        return technique.lower(parents, training, fit), fit.notes
    if isinstance(technique, PredictorTechnique):
        return technique.learn(parents, training, fit), fit.notes
    assert isinstance(technique, TorchTechnique)
    return technique.build(parents, training, fit), fit.notes


def _parents(plugin: type[TechniqueBase], net: nn.Module) -> list[nn.Module]:
    """One net as often as a technique needs parents; none where it takes none."""
    return [net] * min(max(1, plugin.parents[0]), plugin.parents[1])


def _result(
    plugin: type[TechniqueBase], subject: Subject, given: Options, is_root: bool = False
) -> Any:
    parents = [] if is_root else _parents(plugin, subject.net)
    return made(plugin(**given), parents, subject)[0]


def null_case(plugin: type[TechniqueBase], subject: Subject, net: Any) -> None:
    """With the options of its null case it does nothing, or just what it says."""
    null = plugin.null_case
    result = _result(plugin, subject, options(plugin, net, null.options))
    if null.equals == "parent":
        reference = subject.outputs(subject.net)
        file = _file(result)
        found = subject.outputs(result) if file is None else subject.run(file)
        complaint = parity(reference, found, subject.data.task).complaint("the CPU")
        if complaint:
            raise JobFailed(f"its null case does something: {complaint}")
        return
    other = registry.find("technique", null.equals)
    is_root = other.parents[0] == 0
    like = _result(other, subject, options(other, net, null.like or {}), is_root)
    if _content(result) != _content(like):
        raise JobFailed(f"its null case is not what '{null.equals}' makes")


def repeats(plugin: type[TechniqueBase], subject: Subject, net: Any) -> None:
    """It makes the same twice, something else than its parent, and leaves that alone."""
    given = options(plugin, net, {"epochs": 1})
    before = copy.deepcopy(subject.net)
    first, again = (_result(plugin, subject, given) for _ in range(2))
    if _content(first) != _content(again):
        raise JobFailed("made twice with one seed it is not the same")
    if state(subject.net) != state(before) or _types(subject.net) != _types(before):
        raise JobFailed("it changes its parent")
    if _is_unchanged(first, before, subject):
        raise JobFailed("it changes nothing")


def survives(plugin: type[TechniqueBase], subject: Subject, net: Any) -> None:
    """What it makes is exported with the same outputs, and comes back from a checkpoint."""
    technique = plugin(**options(plugin, net, {"epochs": 1}))
    result, _ = made(technique, _parents(plugin, subject.net), subject)
    _judge(result, technique, subject)


CHECKS: dict[str, Callable[[type[TechniqueBase], Subject, Any], None]] = {
    "does nothing in its null case": null_case,
    "makes the same twice, and leaves its parent alone": repeats,
    "survives export and checkpoint": survives,
}


def attempt(technique: TechniqueBase, subject: Subject) -> Attempt:
    """A technique on a net. A reason of its own is a refusal; all else that goes wrong, a fault.

    The net comes from a checkpoint, as in a run: nothing is in it that another attempt left there.
    """
    parent = checkpoint.from_bytes(checkpoint.to_bytes(subject.net), subject.build())
    before, types = state(parent), _types(parent)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            result, notes = made(technique, _parents(type(technique), parent), subject)
        except (JobFailed, ValueError) as error:
            return Attempt("refuses", first_line(error))
        except Exception as error:
            return Attempt("fails", told(error))
        try:
            found = _judge(result, technique, subject)
        except Exception as error:
            said = first_line(error) if isinstance(error, JobFailed) else told(error)
            return Attempt("fails", said)
    if (state(parent), _types(parent)) != (before, types):
        return Attempt("fails", "it changes its parent")
    said = [*notes, *(str(one.message) for one in warned if one.category is UserWarning)]
    if _is_unchanged(result, parent, subject):
        if not said:
            return Attempt("fails", "it changes nothing, and does not say so")
        return Attempt("changed nothing", "; ".join(said))
    if isinstance(technique, OnnxTechnique):
        apart = distance(subject.outputs(parent), found)
        if apart > MOST_DEVIATION:
            said.insert(0, f"its outputs are {apart:.0%} of their spread from its parent's")
            return Attempt("deviates", "; ".join(said))
    return Attempt("works", "; ".join(said))


def _judge(result: Made, technique: TechniqueBase, subject: Subject) -> Outputs:
    """The outputs of its file. Raises JobFailed where a result can't be used, as a job would."""
    training = subject.data.training
    wanted = training.task.output_shape(subject.data.test.targets, training.signature.outputs)
    if isinstance(result, bytes):
        found = subject.run(result)
    elif isinstance(result, Predictor):
        found = subject.run(result.file)
        given = [result.outputs(raw) for raw in subject.data.test.batches(inference.BATCH)]
        refuse_difference(np.concatenate(given), found, training.task)
    else:
        net = module_check.checked(result, "it", training)
        reference = subject.outputs(settled(net))
        model = own_model(technique)
        fresh = subject.build() if model is None else model.build(training.signature)
        checkpoint.refuse_drift(checkpoint.to_bytes(net), fresh, net, training)
        found = subject.run(to_onnx(net, training.signature))
        if found.shape == reference.shape:
            refuse_difference(reference, found, training.task)
    if tuple(found.shape) != wanted:
        raise JobFailed(f"its file gives outputs of shape {found.shape}, not {wanted}")
    if not np.isfinite(found).all():
        raise JobFailed("its file gives outputs that are no numbers")
    return found


def _is_unchanged(result: Made, parent: nn.Module, subject: Subject) -> bool:
    """Whether what is deployed would be what its parent is, whatever else a file says."""
    file = _file(result)
    if file is not None:
        return _parts(file) == _parts(subject.file)
    assert isinstance(result, nn.Module)
    if state(result) != state(parent):
        return False
    return np.array_equal(subject.outputs(result), subject.outputs(parent))


def _file(result: Made) -> bytes | None:
    """What it is written as already; None of a module."""
    if isinstance(result, nn.Module):
        return None
    return result.file if isinstance(result, Predictor) else result


def _content(result: Made) -> bytes | list[bytes]:
    return state(result) if isinstance(result, nn.Module) else _file(result) or b""


def _parts(file: bytes) -> list[bytes]:
    """A file's operators and weights in their order, without names and metadata."""
    graph = onnx.load_from_string(file).graph
    nodes = [
        b" ".join([node.op_type.encode(), *(one.SerializeToString() for one in node.attribute)])
        for node in graph.node
    ]
    return nodes + [numpy_helper.to_array(one).tobytes() for one in graph.initializer]


def _types(net: nn.Module) -> list[type]:
    return [type(module) for module in net.modules()]
