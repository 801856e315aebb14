"""A teacher and a student that see different inputs of the same samples."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Input, Signature, Split, TrainingData
from compbench.errors import JobFailed
from compbench.make import module_check
from compbench.models import cnn, m5, mlp, resnet8
from compbench.onnxfile import metadata
from compbench.onnxfile.export import to_onnx
from compbench.tasks import classification
from compbench.techniques import distill
from compbench.training.loop import Fit
from tests.fakes import cpu_session

CLASSES, SAMPLES = 3, 256
BOTH = Signature(
    {
        "waveform": Input("float32", (SAMPLES,), rate=800),
        "spectrogram": Input("float32", (1, 8, 8)),
    },
    CLASSES,
)


def data(count: int = 96) -> TrainingData:
    """Both show a sample's class; the spectrogram with noise, the waveform as a tone."""
    random = np.random.default_rng(0)
    labels = random.integers(CLASSES, size=count)
    tones = np.sin(np.outer(labels + 1, np.arange(SAMPLES)) / 3)
    spectrograms = random.normal(0, 0.3, (count, 1, 8, 8))
    spectrograms[np.arange(count), 0, labels] += 1
    inputs = {"waveform": tones, "spectrogram": spectrograms}
    split = Split({name: x.astype(np.float32) for name, x in inputs.items()}, labels)
    return TrainingData(split, split.part(np.arange(32)), classification.Task(), BOTH)


def fit(given: TrainingData) -> Fit:
    return Fit(given, 0, lambda epoch, total: None)


@pytest.mark.parametrize("family", [cnn.Model(channels=(4,)), mlp.Model(), resnet8.Model(width=4)])
@pytest.mark.parametrize("losses", [None, ["soft", "relations"], ["contrastive"]])
def test_a_net_that_hears_learns_from_one_that_sees(family: cnn.Model, losses: list[str]) -> None:
    given = data()
    torch.manual_seed(0)
    teacher = family.build(BOTH).eval()
    assert BOTH.taken_by(teacher) == ("spectrogram",)
    student = m5.Model(channels=(4, 8), kernel=16)
    options = {"hard_weight": 0} if losses is None else {"losses": losses, "hard_weight": 0}
    technique = distill.Technique(model=student, epochs=3, **options)  # type: ignore[arg-type]
    made = technique.build([teacher], given, fit(given))
    assert BOTH.taken_by(made) == ("waveform",)
    assert BOTH.taken_by(teacher) == ("spectrogram",)


def test_what_is_learnt_is_what_the_teacher_says_of_its_own_input() -> None:
    """Without targets: what the student knows it has from the teacher."""
    given = data()

    class Seeing(nn.Module):
        def forward(self, spectrogram: Tensor) -> Tensor:
            return 8 * spectrogram[:, 0, :CLASSES].mean(2)

    student = m5.Model(channels=(8, 8), kernel=16)
    technique = distill.Technique(
        model=student,
        epochs=100,
        batch_size=16,
        soft_weight=1,
        hard_weight=0,
        temperature=1,
    )
    torch.manual_seed(0)
    made = technique.build([Seeing()], given, fit(given))
    heard = torch.from_numpy(given.train.arrays["waveform"])
    assert (made(heard).argmax(1).numpy() == given.train.targets).mean() > 0.95


def test_a_file_takes_only_what_its_net_does() -> None:
    given = data()
    for family, name in ((m5.Model(channels=(4,)), "waveform"), (cnn.Model(), "spectrogram")):
        file = to_onnx(family.build(BOTH).eval(), BOTH)
        session = cpu_session(file)
        session.bind(given.train.first(4))
        session.run()
        assert session.outputs().shape == (4, CLASSES)
        assert [feed.name for feed in metadata.feeds(file)] == [name]


def plain() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, CLASSES))


def test_a_net_without_named_parameters_says_what_it_takes() -> None:
    given = data()
    with pytest.raises(JobFailed, match="names none of the inputs waveform float32"):
        module_check.checked(plain(), "it", given)
    said = plain()
    said.takes_inputs = ("spectrogram",)  # type: ignore[assignment]
    assert module_check.checked(said, "it", given) is said


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("spektrogram",), "it takes spektrogram, but the inputs are waveform float32 (N, 256), "),
        ("spectrogram", "takes_inputs = 'spectrogram' should be a tuple of inputs' names"),
        ((), "takes_inputs = () should be"),
        ((3,), "it takes 3, but the inputs are"),
    ],
)
def test_inputs_that_are_not_there_are_told(names: object, message: str) -> None:
    net = plain()
    net.takes_inputs = names  # type: ignore[assignment]
    with pytest.raises(JobFailed, match=re.escape(message)):
        module_check.checked(net, "it", data())
