"""A convolutional net on raw waveforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from compbench.contracts import ModelFamily, Signature
from compbench.contracts.inputs import WAVEFORM

if TYPE_CHECKING:
    from torch import nn

_POOL, _KERNEL = 4, 3


class Model(ModelFamily):
    """[Convolution, batch norm, ReLU, max pooling of 4] by `channels`, their mean, a linear layer.

    The first convolution has `kernel` samples, `stride` apart, and learns filters as a spectrogram
    has them; the others have 3. Source: Dai et al., "Very Deep Convolutional Neural Networks for
    Raw Waveforms", arXiv:1610.00087, table 1: M5, there of 128, 128, 256 and 512 channels.
    """

    channels: tuple[PositiveInt, ...] = Field(
        default=(32, 32, 64, 128), min_length=1, description="output channels of each convolution"
    )
    kernel: int = Field(default=80, ge=1, description="samples that the first one sees at once")
    stride: int = Field(default=4, ge=1, description="samples from one place to the next")

    def build(self, signature: Signature) -> nn.Module:
        """Waveforms (N, S) -> logits (N, outputs)."""
        from torch import Tensor, nn

        signature.rate(WAVEFORM)  # says so where there is no sound
        (samples,) = signature.inputs[WAVEFORM].shape
        places = (samples - self.kernel) // self.stride + 1
        if places < _POOL ** len(self.channels):
            raise ValueError(
                f"{len(self.channels)} poolings of {_POOL} leave nothing of {max(0, places)} "
                f"places in {samples:,} samples"
            )
        layers: list[nn.Module] = []
        inputs = 1
        for index, outputs in enumerate(self.channels):
            convolution = (
                nn.Conv1d(inputs, outputs, _KERNEL, padding=_KERNEL // 2, bias=False)
                if index
                else nn.Conv1d(inputs, outputs, self.kernel, self.stride, bias=False)
            )
            layers += [convolution, nn.BatchNorm1d(outputs), nn.ReLU(), nn.MaxPool1d(_POOL)]
            inputs = outputs
        layers += [nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(inputs, signature.outputs)]

        class M5(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.layers = nn.Sequential(*layers)

            def forward(self, waveform: Tensor) -> Tensor:
                return self.layers(waveform.unsqueeze(1))

        return M5()
