"""Pretrained encoders of transformers with a new head: `model = "transformers:PATH"`."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from compbench.contracts import ModelFamily, Signature
from compbench.contracts.inputs import MASK, TOKENS
from compbench.data.torchvision import torchvision
from compbench.errors import one_line
from compbench.registry import import_path
from compbench.toolkit import blocks

if TYPE_CHECKING:
    from torch import Tensor, nn

_CONTENT = ("*.json", "*.safetensors")  # what decides the net and its weights; never pickles


class Model(ModelFamily):
    """A sequence classifier from a folder, or from the Hugging Face hub, with its weights.

    A head that is not in the folder, or is for other classes, is new. The inputs are `tokens`
    (N, L) and, where the dataset has it, `mask` (N, L).
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    extra: ClassVar[str] = "transformers"
    takes_names: ClassVar[bool] = True

    net: str = Field(
        description="a folder with config.json and model.safetensors, from the suite file's folder "
        "on, or else a model's name on the hub"
    )
    layers: blocks.Kept | None = Field(
        default=None,
        description="the encoder's layers that are kept, counted from 0: a student that starts "
        "from every other layer; without it all",
    )
    digest: str = Field(
        default="",
        description="SHA-256 of the folder's files, part of the key; found where it is not set, "
        "and files of another one are refused",
    )

    @model_validator(mode="before")
    @classmethod
    def _content_is_known(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("net"), str):
            return given
        found = _digest(_folder(given["net"]))
        wanted = given.get("digest") or found
        if wanted != found:
            raise ValueError(f"{given['net']} has the digest {found}, not {one_line(str(wanted))}")
        return {**given, "digest": found}

    def build(self, signature: Signature) -> nn.Module:
        """Tokens (N, L), mask (N, L) -> logits (N, classes)."""
        torchvision("models")  # transformers imports it: through its door
        transformers = importlib.import_module("transformers")
        logging = importlib.import_module("transformers.utils.logging")
        if TOKENS not in signature.inputs:
            raise ValueError(f"it takes tokens (N, L), but the inputs are {signature.listed}")
        said = logging.get_verbosity()
        logging.set_verbosity_error()  # that the head is new is what is wanted
        bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()
        try:
            encoder = transformers.AutoModelForSequenceClassification.from_pretrained(
                _folder(self.net),
                num_labels=signature.outputs,
                use_safetensors=True,
                attn_implementation="eager",
                ignore_mismatched_sizes=True,
                local_files_only=True,
            )
        finally:
            logging.set_verbosity(said)
            if bars:
                logging.enable_progress_bar()
        if self.layers is not None:
            _keep(encoder, self.layers)
        return _classifier(encoder, MASK in signature.inputs)


def _folder(net: str) -> Path:
    """Where the files are; those of the hub are downloaded once. Raises ValueError without any."""
    beside = import_path.folder()
    place = (Path(beside) if beside else Path()) / Path(net).expanduser()
    if place.is_dir():
        if not (place / "config.json").is_file():
            raise ValueError(f"the folder {place} has no config.json")
        if not [*place.glob("*.safetensors")]:
            raise ValueError(f"the folder {place} has no weights as safetensors")
        return place
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(net, allow_patterns=[*_CONTENT]))
    except Exception as error:
        raise ValueError(
            f"there is no folder {place}, and the hub gives no such model: {one_line(str(error))}"
        ) from error


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(found for pattern in _CONTENT for found in folder.glob(pattern)):
        with path.open("rb") as file:
            digest.update(f"{path.name}\0".encode())
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _keep(encoder: nn.Module, layers: tuple[int, ...]) -> None:
    try:
        blocks.keep(encoder, blocks.found(encoder), layers)
    except ValueError as error:
        raise ValueError(f"layers = {[*layers]}: {error}") from error


def _classifier(encoder: nn.Module, has_mask: bool) -> nn.Module:
    from torch import nn

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

    class Masked(Classifier):
        def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
            return self.encoder(input_ids=tokens, attention_mask=mask).logits

    class Unmasked(Classifier):
        def forward(self, tokens: Tensor) -> Tensor:
            return self.encoder(input_ids=tokens).logits

    return Masked() if has_mask else Unmasked()
