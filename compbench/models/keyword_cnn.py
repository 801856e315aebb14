"""A small convolutional net for sounds, such as spoken words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from compbench.contracts import ModelFamily, Signature
from compbench.contracts.inputs import WAVEFORM

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """A log-mel spectrogram of the waveform, convolutions over it, their mean, a linear layer.

    The spectrogram is a part of the net and of its file (`toolkit/log_mel.py`), and is not learnt.
    With `depthwise` all convolutions but the first are separable: 3×3 in each channel, then 1×1.
    Source: Y. Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers", arXiv:1711.07128.
    """

    channels: tuple[PositiveInt, ...] = Field(
        default=(16, 32, 64), min_length=1, description="output channels of each convolution"
    )
    depthwise: bool = Field(default=False, description="whether they are separable")
    mels: int = Field(default=40, ge=4, description="bands of the spectrogram")
    window_ms: float = Field(default=32.0, gt=0, description="length of a frame")
    hop_ms: float = Field(default=16.0, gt=0, description="from one frame to the next")

    def build(self, signature: Signature) -> nn.Module:
        """Waveforms (N, S) -> logits (N, classes)."""
        from torch import Tensor, nn

        from compbench.toolkit.log_mel import LogMel

        rate = signature.rate(WAVEFORM)
        window, hop = (max(1, round(rate * ms / 1000)) for ms in (self.window_ms, self.hop_ms))
        (samples,) = signature.inputs[WAVEFORM].shape
        frames, halvings = (samples - window) // hop + 1, len(self.channels) - 1
        if min(frames, self.mels) < 2**halvings:
            raise ValueError(
                f"{len(self.channels)} convolutions leave nothing of {max(0, frames)} frames of "
                f"{self.mels} bands: {samples} samples at {rate} Hz"
            )

        class KeywordCNN(nn.Module):
            def __init__(self, layers: list[nn.Module]) -> None:
                super().__init__()
                self.log_mel = LogMel(rate, window, hop, family.mels)
                self.layers = nn.Sequential(*layers)

            def forward(self, waveform: Tensor) -> Tensor:
                return self.layers(self.log_mel(waveform).unsqueeze(1))

        family = self
        layers: list[nn.Module] = [nn.BatchNorm2d(1)]
        inputs = 1
        for index, outputs in enumerate(self.channels):
            separable = self.depthwise and index > 0
            layers += _separable(inputs, outputs) if separable else _convolution(inputs, outputs)
            if index < halvings:
                layers.append(nn.MaxPool2d(2))
            inputs = outputs
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, signature.outputs)]
        return KeywordCNN(layers)


def _convolution(inputs: int, outputs: int, kernel: int = 3, groups: int = 1) -> list[nn.Module]:
    from torch import nn

    return [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]


def _separable(inputs: int, outputs: int) -> list[nn.Module]:
    return [*_convolution(inputs, inputs, groups=inputs), *_convolution(inputs, outputs, 1)]
