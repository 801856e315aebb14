"""What any net must do before techniques can work on it; each check raises JobFailed."""

from __future__ import annotations

from collections.abc import Callable

import torch

from compbench.contracts import Recipe
from compbench.doctor.subject import Subject, refuse_difference, state
from compbench.errors import JobFailed
from compbench.make import checkpoint, module_check
from compbench.onnxfile.export import to_onnx
from compbench.training.loop import Fit


def gives_outputs(subject: Subject) -> None:
    """It takes the dataset's inputs, and gives what the task asks."""
    module_check.checked(subject.net, "the model", subject.data.training)


def is_built_the_same(subject: Subject) -> None:
    """The same seed gives the same weights, and the same net the same outputs."""
    nets = []
    for _ in range(2):
        torch.manual_seed(1)
        nets.append(subject.build().eval())
    first, again = (subject.outputs(net).tobytes() for net in nets)
    if state(nets[0]) != state(nets[1]) or first != again:
        raise JobFailed(
            "built twice with one seed it is not the same net: draw its numbers from torch's "
            "generator, in lazy layers too"
        )


def comes_back(subject: Subject) -> None:
    """A checkpoint gives it back, bit for bit."""
    torch.manual_seed(2)
    fresh = subject.build()
    training = subject.data.training
    checkpoint.refuse_drift(checkpoint.to_bytes(subject.net), fresh, subject.net, training)


def exports(subject: Subject) -> None:
    """It becomes an ONNX file, always the same one, whose outputs are the net's."""
    reference, found = subject.outputs(subject.net), subject.run(subject.file)
    if reference.shape != found.shape:
        raise JobFailed(f"its file gives outputs of shape {found.shape}, not {reference.shape}")
    refuse_difference(reference, found, subject.data.task)
    if to_onnx(subject.net, subject.data.signature) != subject.file:
        raise JobFailed("exported twice it gives different files")


def trains(subject: Subject) -> None:
    """One epoch changes its weights, and two of them alike."""
    trained = []
    for _ in range(2):
        torch.manual_seed(3)
        net = subject.build()
        Fit(subject.data.training, 3, lambda *_: None)(net, Recipe(epochs=1))
        trained.append(state(net))
    if trained[0] != trained[1]:
        raise JobFailed("trained twice with one seed it has other weights")
    torch.manual_seed(3)
    if trained[0] == state(subject.build()):
        raise JobFailed("training leaves every weight as it was")


CHECKS: dict[str, Callable[[Subject], None]] = {
    "takes the inputs and gives the outputs": gives_outputs,
    "is the same for the same seed": is_built_the_same,
    "comes back from a checkpoint": comes_back,
    "exports, with the same outputs": exports,
    "trains": trains,
}
