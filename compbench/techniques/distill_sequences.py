"""Sequence-level distillation: a student learns from texts that its teacher wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from compbench.contracts import (
    NullCase,
    Split,
    StudentOption,
    TaskBase,
    Teaching,
    TorchTechnique,
    Trainer,
    TrainingData,
)
from compbench.errors import JobFailed
from compbench.training.losses import taught
from compbench.units import counted, share

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.toolkit.decoding import Reader
    from compbench.training.teacher import Teacher

_AT_ONCE, _BYTES = 128, 1 << 28  # texts that are read together at most, and of what a net gives
_ROUNDING = 0.05  # of outputs' spread: more is no rounding, not even that of integers
_STUDENT = {
    "model": {"name": "gpt", "width": 8, "heads": 1, "layers": 1},
    "epochs": 1,
}


class Technique(Teaching, TorchTechnique):
    """Train a new `model` on sequences that the parent wrote, in place of those of the text.

    Each sequence of the training split that is learnt from keeps its first `prompt_tokens` tokens,
    and the parent writes the others: drawn one by one from its distributions, as is usual for
    language models, or at `sampling_temperature = 0` the likeliest that a beam search finds. All
    places of a sequence are learnt, those of its prompt too, as by `train`. Validation is on the
    text.

    loss = hard_weight · CE(z, written token)
         + soft_weight · T² · KL(softmax(z_parent / T) ‖ softmax(z / T))

    Source: Kim & Rush, "Sequence-Level Knowledge Distillation", arXiv:1606.07947: section 3.2
    (the likeliest sequences of the teacher in place of its distribution over all); section 3.3,
    first equation (`mixed_with_originals` is its 1 - α; there is no search for the sequence that is
    most like the original); the second term is their word-level distillation, section 3.1, here on
    the written sequences. Their teachers translate: each sentence is a prompt, of which nothing is
    learnt.

    A net that remembers what it read (`toolkit.decoding.ReadsOn`, as `gpt` does) writes about as
    fast as it is trained; any other, and a file, reads all again for each token.

    Likeliest sequences have much less variety than a text, so a student of them is surer than it
    should be, and its bits per token are far worse: they are for students that are to write.
    """

    family: ClassVar[str] = "distilled"
    teaches: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase(
        {**_STUDENT, "mixed_with_originals": 1.0}, equals="train", like=_STUDENT
    )

    soft_weight: float = Field(
        default=0.0, ge=0, description="weight of the parent's outputs on what is learnt"
    )
    hard_weight: float = Field(default=1.0, ge=0, description="weight of the tokens themselves")

    model: StudentOption = Field(..., description="the student")

    sequences: int | None = Field(
        default=None,
        ge=1,
        description="how many are learnt from in an epoch; as many as the training split has where "
        "nothing is said. With more of them each prompt is used again; a student that sees more "
        "than its control trains longer",
    )
    prompt_tokens: int | None = Field(
        default=None,
        ge=1,
        description="tokens at the beginning of a sequence that stay as they are, and that the "
        "parent goes on from; an eighth of a sequence where nothing is said",
    )
    sampling_temperature: float = Field(
        default=1.0,
        ge=0,
        description="softens what tokens are drawn from: 1 is the parent's own distribution, less "
        "is surer; 0: nothing is drawn, the likeliest are searched for",
    )
    beams: int = Field(
        default=1,
        ge=1,
        le=8,
        description="texts that a search keeps beside each other, with sampling_temperature = 0; "
        "1: greedy search",
    )
    mixed_with_originals: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="the part of the sequences that stay as the text has them, chosen at random",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Technique:
        if self.beams > 1 and self.sampling_temperature > 0:
            raise ValueError(
                f"beams = {self.beams} are of a search, and sampling_temperature = "
                f"{self.sampling_temperature:g} draws: set it to 0"
            )
        if self.label_share < 1:
            raise ValueError("label_share hides targets, and here the parent writes them")
        return self

    def problem_on(self, task: TaskBase) -> str | None:
        """It is for tasks whose nets can write."""
        if task.has_next_tokens:
            return None
        return "needs a task whose outputs tell the next token, as those of 'next_token'"

    def problem_with(self, data: TrainingData) -> str | None:
        """Its inputs, and the length of its sequences."""
        try:
            _Form.of(data, self.prompt_tokens)
            return None
        except JobFailed as error:
            return str(error)

    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """The trained student; what its teacher writes depends on the seed, not on the student."""
        import torch

        from compbench.training.teacher import Teacher

        problem = self.problem_on(data.task)
        if problem:
            raise JobFailed(problem)
        form = _Form.of(data, self.prompt_tokens)
        with torch.random.fork_rng(devices=[]):  # the student begins as that of any technique
            seed = int(torch.randint(1 << 62, ()))
        student = self.model.build(data.signature)
        author = _Author(Teacher(parents[0], fit), form, fit)
        learnt = self._learnt(author, data, seed)
        recipe = self.model_copy(update={"data_share": 1.0, "without_classes": ()})
        loss = taught(lambda: author.teacher, recipe, replace(data, train=learnt), fit)
        return fit(student, recipe, loss, samples=learnt)

    def _learnt(self, author: _Author, data: TrainingData, seed: int) -> Split:
        """The sequences that are learnt from: prompts with what was written, and originals."""
        import torch

        from compbench.training.share import rows

        here = rows(data, self)
        known = np.arange(len(data.train)) if here is None else here.numpy()
        places, stays = self._chosen(known, seed)
        texts = author.form.texts(data.train.part(places))
        if len(places) != len(known):
            ratio = len(places) / len(known)
            author.fit.note(f"an epoch has {ratio:.3g} times the sequences of the training split")
        if stays.all():
            author.fit.note("nothing was written: all sequences stay as the text has them")
        else:
            texts[torch.from_numpy(~stays)] = self._written(
                author, texts[torch.from_numpy(~stays)], seed
            )
        tokens = texts.numpy()
        return Split({author.form.name: tokens[:, :-1].copy()}, tokens[:, 1:].copy())

    def _chosen(
        self, known: NDArray[np.int64], seed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The places (n,) of the sequences that are learnt from; which stay as they are."""
        random = np.random.default_rng(seed)
        count = self.sequences or len(known)
        whole, rest = divmod(count, len(known))
        more = np.sort(random.permutation(known)[:rest])
        stays = random.permutation(count) < round(self.mixed_with_originals * count)
        return np.concatenate([*[known] * whole, more]), stays

    def _written(self, author: _Author, texts: Tensor, seed: int) -> Tensor:
        """Texts (n, L + 1) that begin as these do; what was written is told."""
        from torch import Generator, cat

        from compbench.toolkit.decoding import drawn, likeliest

        form, fit = author.form, author.fit
        author.refuse_unfit(texts)
        batches = texts[:, : form.prompt].split(max(1, form.at_once // self.beams))

        def write(number: int) -> Tensor:
            given = (author.reader(), batches[number], form.length + 1)
            if self.sampling_temperature == 0:
                return likeliest(*given, self.beams)
            own = Generator().manual_seed(seed + number)
            return drawn(*given, self.sampling_temperature, own)

        parts = fit.in_parts("the teacher writes, batch", len(batches), write)
        found = cat(parts)
        length = form.length + 1 - form.prompt
        fit.note(
            f"wrote {counted(len(found), 'sequence')} of {counted(length, 'token')}, each after "
            f"{form.prompt} of the text: "
            f"{counted(len(found) * length, 'token')}"
        )
        distinct = len(np.unique(found.numpy(), axis=0)) / len(found)
        fit.note(
            f"{share(distinct)} of the written sequences are distinct; the teacher gives a written "
            f"token {author.bits(found):.2f} bits, and a token of the text in its place "
            f"{author.bits(texts):.2f}"
        )
        return found


@dataclass(frozen=True)
class _Form:
    """Sequences of a dataset: the input that has them, and of how many tokens they are."""

    name: str
    length: int  # of the input; a whole sequence has one more, the last target
    outputs: int  # tokens that can be written
    prompt: int  # tokens that stay
    is_free: bool  # whether nets take any length
    dtype: str

    @property
    def at_once(self) -> int:
        """How many of them a net reads together."""
        return max(1, min(_AT_ONCE, _BYTES // (4 * self.length * self.outputs)))

    @classmethod
    def of(cls, data: TrainingData, prompt: int | None) -> _Form:
        """Raises JobFailed where a net can't write such sequences, or nothing is left to write."""
        inputs, outputs = data.signature.inputs, data.signature.outputs
        (name, one), *others = inputs.items()
        if others or len(one.shape) != 1 or one.values is None or one.normalisation:
            raise JobFailed(
                f"to write it takes one input of tokens (N, L), not {data.signature.listed}"
            )
        if one.values < outputs:
            raise JobFailed(f"of {outputs} tokens that a net tells it reads only {one.values}")
        (length,) = one.shape
        if prompt is not None and prompt > length:
            raise JobFailed(
                f"prompt_tokens = {prompt} leaves nothing to write: sequences have {length + 1} "
                f"tokens, so at most {length}"
            )
        kept = prompt or max(1, (length + 1) // 8)
        return cls(name, length, outputs, kept, 0 in one.free_axes, one.dtype)

    def texts(self, split: Split) -> Tensor:
        """Whole sequences (N, L + 1). Raises JobFailed where targets are not the next tokens."""
        import torch

        tokens, targets = split.arrays[self.name].astype(np.int64), split.targets
        if (tokens[:, 1:] != targets[:, :-1]).any() or (targets[:, -1] < 0).any():
            raise JobFailed(
                "the targets are not each the token after its place: nothing to go on from"
            )
        return torch.from_numpy(np.concatenate([tokens, targets[:, -1:]], 1))


@dataclass(frozen=True)
class _Author:
    """A teacher that writes."""

    teacher: Teacher
    form: _Form
    fit: Trainer

    def reader(self) -> Reader:
        """By what the teacher kept of the text, if it can; else by all of it for each token."""
        from compbench.toolkit.decoding import PastReader, ReadsOn, WholeReader

        net = self.teacher.module
        if isinstance(net, ReadsOn):
            return PastReader(net, next(net.parameters()).device)
        return WholeReader(self._after)

    def refuse_unfit(self, texts: Tensor) -> None:
        """Raises JobFailed where the teacher gives no logits, or sees what comes later."""
        from torch import cat

        length, half = self.form.length, self.form.length // 2
        first = texts[:2, :length]
        later = (first[:, half:] + 1) % self.form.outputs
        given = self.outputs(cat([first, cat([first[:, :half], later], 1)]))
        wanted = (2 * len(first), length, self.form.outputs)
        if given.shape != wanted:
            raise JobFailed(f"the teacher gives {tuple(given.shape)}, not the logits {wanted}")
        if not given.isfinite().all():
            raise JobFailed("the teacher gives logits that are no numbers")
        one, other = given[:, :half].chunk(2)
        if _are_apart(one, other):
            raise JobFailed(
                "what the teacher tells depends on tokens that come later: it can't write"
            )
        self._refuse_forgetful(first, given[: len(first)])

    def _refuse_forgetful(self, tokens: Tensor, given: Tensor) -> None:
        """Raises JobFailed where reading on gives something else than reading it all."""
        from torch import arange, stack

        reader, (count, length) = self.reader(), tokens.shape
        found = [reader.begin(tokens[:, :1])]
        found += [reader.further(arange(count), tokens[:, n]) for n in range(1, min(4, length))]
        if _are_apart(given[:, : len(found)], stack(found, 1)):
            raise JobFailed("the teacher's read_on does not give what its forward gives")

    def bits(self, texts: Tensor) -> float:
        """Of a token after the prompts of texts (N, L + 1), by the teacher, the mean."""
        from torch import cat

        nats, prompt = [], self.form.prompt
        for part in texts.split(self.form.at_once):
            logs = self.outputs(part[:, :-1])[:, prompt - 1 :].log_softmax(-1)
            nats.append(-logs.gather(-1, part[:, prompt:, None]).double())
        return float(cat(nats).mean()) / log(2)

    def outputs(self, tokens: Tensor) -> Tensor:
        """Tokens (N, L) -> logits (N, L, V) on the CPU."""
        raw = {self.form.name: tokens.numpy().astype(self.form.dtype)}
        return self.fit.outputs(self.teacher.module, Split(raw, tokens.numpy())).cpu()

    def _after(self, tokens: Tensor) -> Tensor:
        """Tokens (N, T) -> logits (N, V) of the next; what is not written yet is 0."""
        from torch.nn.functional import pad

        count = tokens.shape[1]
        whole = tokens if self.form.is_free else pad(tokens, (0, self.form.length - count))
        return self.outputs(whole)[:, count - 1]


def _are_apart(one: Tensor, other: Tensor) -> bool:
    """Whether outputs differ by more than rounding, in the mean and beside their spread."""
    if not one.numel():
        return False
    return bool((one - other).abs().mean() > _ROUNDING * one.std())
