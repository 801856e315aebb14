"""What a student learns from: prompts of the training split, and what its teacher wrote on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from compbench.contracts import Epoch, Split, TrainingData, kinds
from compbench.contracts.inputs import MASK, TOKENS, Input, Signature
from compbench.data.splits import Data
from compbench.doctor import examination
from compbench.errors import JobFailed, UserError
from compbench.make.file_module import FileModule
from compbench.models import gpt
from compbench.onnxfile.export import to_onnx
from compbench.statistics.teaching import untaught
from compbench.suite import key as keys
from compbench.suite import read as suites
from compbench.tasks import next_token
from compbench.techniques import distill, distill_sequences, train
from compbench.training import unfinished
from compbench.training.loop import Fit
from tests import texts
from tests.factory import make_run

VALUES, LENGTH = 6, 12
SMALL = {"name": "gpt", "width": 8, "heads": 2, "layers": 1}  # with dropout


class Chain(nn.Module):
    """Tells the next token by the one before it alone; as a net it is learnt as fast as can be."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.logits = nn.Embedding(num_classes, num_classes)
        nn.init.zeros_(self.logits.weight)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.logits(tokens)


class Watched(Fit):
    """Keeps what is learnt from."""

    learnt: Split | None = None

    def __call__(self, *args: Any, samples: Split | None = None, **more: Any) -> nn.Module:
        self.learnt = samples
        return super().__call__(*args, samples=samples, **more)

    def sequences(self) -> np.ndarray:
        """Whole ones (N, L + 1)."""
        assert self.learnt is not None
        tokens, targets = self.learnt.arrays[TOKENS], self.learnt.targets
        assert np.array_equal(tokens[:, 1:], targets[:, :-1])
        return np.concatenate([tokens, targets[:, -1:]], 1)


def chain_net(chances: np.ndarray) -> nn.Module:
    net = Chain(len(chances)).eval()
    with torch.no_grad():
        net.logits.weight.copy_(torch.from_numpy(chances).log())
    return net


def small_net(data: Data) -> nn.Module:
    torch.manual_seed(0)
    net = gpt.Model(width=16, heads=2, layers=2).build(data.signature).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(2)
    return net


def built(
    options: dict[str, Any], teacher: nn.Module, data: Data, seed: int = 3, **more: Any
) -> tuple[nn.Module, Watched]:
    technique = distill_sequences.Technique(**{"model": SMALL, "epochs": 1, **options})
    fit = Watched(data.training, seed, more.pop("on_epoch", lambda *_: None), **more)
    torch.manual_seed(seed)
    return technique.build([teacher], data.training, fit), fit


def whole(split: Split) -> np.ndarray:
    return np.concatenate([split.arrays[TOKENS], split.targets[:, -1:]], 1)


def same(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_a_student_learns_its_teacher_s_law_and_not_the_text_s() -> None:
    """A Markov chain of another law than the text's is recovered, row by row."""
    data = texts.data(VALUES, LENGTH, 4000)
    law = texts.chain(VALUES, seed=9)
    options = {
        "model": {"name": "tests.techniques.test_distill_sequences:Chain"},
        "epochs": 8,
        "learning_rate": 0.1,
        "weight_decay": 0,
        "prompt_tokens": 1,
    }
    # the validation split is the teacher's, or the epoch that is nearest to the text would be kept
    own = texts.split(texts.written(law, 500, LENGTH + 1, 5))
    training = TrainingData(data.training.train, own, data.training.task, data.signature)
    student, _ = built(options, chain_net(law), Data(training, data.test))
    with torch.no_grad():
        found = student(torch.arange(VALUES)[None])[0].softmax(-1).numpy()
    assert np.abs(found - law).max() < 0.03
    assert np.abs(texts.chain(VALUES) - law).max() > 0.3


def test_what_a_sure_teacher_writes_is_known() -> None:
    """Greedy search: the one text that a cycle gives; prompts are those of the training split."""
    after = np.array([2, 3, 4, 5, 1, 0])
    data = texts.data(VALUES, LENGTH, 30)
    sure = chain_net(np.eye(VALUES)[after] * 0.99 + 0.01 / VALUES)
    _, fit = built({"sampling_temperature": 0, "prompt_tokens": 3}, sure, data)
    expected = whole(data.training.train)
    for place in range(3, LENGTH + 1):
        expected[:, place] = after[expected[:, place - 1]]
    assert np.array_equal(fit.sequences(), expected)


@pytest.mark.parametrize("free", [False, True])
def test_all_ways_to_read_write_the_same(free: bool) -> None:
    """A net that reads on, one that can't, and an ONNX file, whose texts are of a fixed length."""
    data = texts.data(VALUES, LENGTH, free=free)
    net = small_net(data)
    plain = _Wrapped(net).eval()
    file = FileModule(to_onnx(net, data.signature), data.training)
    for options in ({"sampling_temperature": 0, "beams": 3}, {}):
        one, other, third = (
            built(options, teacher, data)[1].sequences() for teacher in (net, plain, file)
        )
        assert np.array_equal(one, other)
        assert np.array_equal(one, third)


class _Wrapped(nn.Module):
    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, tokens: Tensor) -> Tensor:
        return self.net(tokens)


@pytest.mark.parametrize("share", [1.0, 0.4])
def test_with_originals_alone_it_is_train_or_distill(share: float) -> None:
    """Bit for bit, with dropout, which draws from the same random numbers."""
    data, teacher = texts.data(), small_net(texts.data())
    shared: dict[str, Any] = {"model": SMALL, "epochs": 3, "data_share": share}
    soft: dict[str, Any] = {"soft_weight": 0.6, "temperature": 2.0}
    plain = train.Technique(**shared)
    others = (
        ({}, plain, []),
        (soft, distill.Technique(**shared, **soft, hard_weight=1.0), [teacher]),
    )
    for options, other, parents in others:
        torch.manual_seed(3)
        like = other.build(parents, data.training, Fit(data.training, 3, lambda *_: None))
        student, fit = built({**shared, **options, "mixed_with_originals": 1.0}, teacher, data)
        assert same(student, like)
        assert "nothing was written: all sequences stay as the text has them" in fit.notes


@pytest.mark.parametrize(
    ("sequences", "mixed", "share"),
    [(None, 0.0, 1.0), (None, 0.5, 1.0), (15, 0.2, 1.0), (100, 0.3, 1.0), (None, 0.25, 0.5)],
)
def test_prompts_and_originals_are_of_the_training_split_alone(
    sequences: int | None, mixed: float, share: float
) -> None:
    data, prompt = texts.data(30, 20, 40), 6
    options = {"sequences": sequences, "mixed_with_originals": mixed, "data_share": share}
    _, fit = built({**options, "prompt_tokens": prompt}, small_net(data), data)
    found, known = fit.sequences(), whole(data.training.train)
    wanted = sequences or round(40 * share)
    assert len(found) == wanted
    rows = {tuple(row) for row in known}
    stay = sum(tuple(row) in rows for row in found)
    assert stay == round(mixed * wanted)
    prompts = [tuple(row) for row in found[:, :prompt]]
    assert {*prompts} <= {tuple(row) for row in known[:, :prompt]}
    used = [prompts.count(one) for one in {*prompts}]
    assert max(used) - min(used) <= 1
    assert len({*prompts}) == min(wanted, round(40 * share))


def test_one_seed_one_text_for_all_students() -> None:
    data = texts.data(30, 20)
    teacher = small_net(data)
    before = [p.clone() for p in teacher.parameters()]
    first, fit = built({"soft_weight": 0.5}, teacher, data)
    again, repeated = built({"soft_weight": 0.5}, teacher, data)
    assert same(first, again)
    assert np.array_equal(fit.sequences(), repeated.sequences())
    _, other = built({"model": {**SMALL, "width": 16}, "learning_rate": 0.01}, teacher, data)
    assert np.array_equal(fit.sequences(), other.sequences())
    _, later = built({"soft_weight": 0.5}, teacher, data, seed=4)
    assert not np.array_equal(fit.sequences(), later.sequences())
    assert all(p.grad is None for p in teacher.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, teacher.parameters(), strict=True))


def test_notes_tell_what_was_written() -> None:
    """Bits are those of the chains: a text of the chain itself, and what another one would say."""
    data, law = texts.data(VALUES, LENGTH, 400), texts.chain(VALUES, seed=9)
    _, fit = built({"sequences": 800, "prompt_tokens": 5}, chain_net(law), data)
    found, known = fit.sequences(), whole(data.training.train)
    more, wrote, said = fit.notes
    assert more == "an epoch has 2 times the sequences of the training split"
    assert wrote == "wrote 800 sequences of 8 tokens, each after 5 of the text: 6,400 tokens"
    distinct = len({tuple(row) for row in found}) / 800
    bits = [-np.log2(law[t[:, 4:-1], t[:, 5:]]).mean() for t in (found, known)]
    assert said == (
        f"{100 * distinct:.1f} % of the written sequences are distinct; the teacher gives a "
        f"written token {bits[0]:.2f} bits, and a token of the text in its place {bits[1]:.2f}"
    )
    assert bits[0] < bits[1] - 0.3


@pytest.mark.parametrize("at", [1, 3])
def test_what_was_written_before_a_stop_is_not_written_again(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after a batch, then in the training that follows; the same weights in the end."""
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)
    monkeypatch.setattr(distill_sequences, "_AT_ONCE", 10)
    data, options = texts.data(), {"epochs": 2}
    teacher, folder = small_net(data), tmp_path / "unfinished"
    expected, _ = built(options, teacher, data)
    told: list[str] = []

    def stop_writing(news: str, share: float | None = None) -> None:
        told.append(news)
        if len(told) == at:
            raise KeyboardInterrupt

    def hear(news: str, share: float | None = None) -> None:
        told.append(news)

    def stop_training(epoch: Epoch, total: int) -> None:
        if epoch.epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        built(options, teacher, data, unfinished=folder, on_news=stop_writing)
    with pytest.raises(KeyboardInterrupt):
        built(options, teacher, data, unfinished=folder, on_news=hear, on_epoch=stop_training)
    assert [news.split(",")[1] for news in told[:at]] == [f" batch {n + 1}/4" for n in range(at)]
    assert len(told) == 4 + 1  # of the batch after which it was stopped nothing was kept yet
    later: list[str] = []
    found, fit = built(
        options,
        teacher,
        data,
        unfinished=folder,
        on_news=lambda news, share=None: later.append(news),
    )
    assert not later
    assert same(found, expected)
    assert len(fit.history) == 2
    assert fit.earlier_seconds > 0


def test_another_text_does_not_go_on_from_a_stopped_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is learnt from is a part of a training's beginning."""
    monkeypatch.setattr(unfinished, "EVERY_S", 0.0)
    data = texts.data()

    def learnt(count: int, folder: Path | None, stop: bool) -> nn.Module:
        def on_epoch(epoch: Epoch, total: int) -> None:
            if stop:
                raise KeyboardInterrupt

        torch.manual_seed(0)
        fit = Fit(data.training, 0, on_epoch, folder)
        samples = data.training.validation.part(np.arange(count, 20 + count))
        recipe = train.Technique(model=SMALL, epochs=2)
        return fit(gpt.Model(width=8, heads=2).build(data.signature), recipe, samples=samples)

    with pytest.raises(KeyboardInterrupt):
        learnt(0, tmp_path, stop=True)
    assert same(learnt(1, tmp_path, stop=False), learnt(1, None, stop=False))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sequences": 0}, "greater than or equal to 1"),
        ({"prompt_tokens": 0}, "greater than or equal to 1"),
        ({"sampling_temperature": -0.1}, "greater than or equal to 0"),
        ({"beams": 9, "sampling_temperature": 0}, "less than or equal to 8"),
        ({"beams": 4}, "beams = 4 are of a search, and sampling_temperature = 1 draws: set it"),
        ({"mixed_with_originals": 1.1}, "less than or equal to 1"),
        ({"label_share": 0.5, "soft_weight": 0.5}, "here the parent writes them"),
        ({"hard_weight": 0}, "nothing to learn"),
        ({"model": None}, "the student must be named"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        distill_sequences.Technique(**{"model": SMALL, **options})


def test_a_prompt_leaves_something_to_write() -> None:
    data = texts.data()
    _, fit = built({"prompt_tokens": LENGTH}, small_net(data), data)
    assert np.array_equal(fit.sequences()[:, :-1], whole(data.training.train)[:, :-1])
    with pytest.raises(JobFailed, match=r"prompt_tokens = 13 leaves nothing .* at most 12"):
        built({"prompt_tokens": LENGTH + 1}, small_net(data), data)
    for prompt, is_told in ((LENGTH, False), (LENGTH + 1, True)):
        technique = distill_sequences.Technique(model=SMALL, prompt_tokens=prompt)
        said = technique.problem_with(data.training) or ""
        assert ("leaves nothing to write" in said) == is_told, "before a teacher is trained"


class Ahead(nn.Module):
    """Sees the token that it should tell."""

    def forward(self, tokens: Tensor) -> Tensor:
        return 9 * nn.functional.one_hot(tokens.roll(-1, 1), VALUES).float()


class Classes(nn.Module):
    """One row of logits for a whole text."""

    def forward(self, tokens: Tensor) -> Tensor:
        return nn.functional.one_hot(tokens[:, 0], VALUES).float()


class Endless(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        return torch.full((*tokens.shape, VALUES), torch.inf)


class Forgetful(Chain):
    """Goes on reading otherwise than it reads."""

    def read_on(self, tokens: Tensor, past: Any) -> tuple[Tensor, list[Tensor]]:
        return 5 + self(tokens).flip(-1), [tokens]


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (Ahead(), "depends on tokens that come later: it can't write"),
        (Classes(), r"gives \(4, 6\), not the logits \(4, 12, 6\)"),
        (Endless(), "no numbers"),
        (Forgetful(VALUES), "read_on does not give what its forward gives"),
    ],
)
def test_a_teacher_that_can_t_write_is_refused(teacher: nn.Module, message: str) -> None:
    if isinstance(teacher, Chain):
        nn.init.normal_(teacher.logits.weight)
    with pytest.raises(JobFailed, match=message):
        built({}, teacher, texts.data())


def test_other_inputs_than_tokens_alone_are_refused() -> None:
    data = texts.data()
    one = data.signature.inputs[TOKENS]
    raw = data.training.train.arrays[TOKENS]
    for inputs, outputs, message in (
        ({TOKENS: one, MASK: Input("int64", (LENGTH,))}, VALUES, "one input of tokens"),
        ({TOKENS: Input("int64", (LENGTH,))}, VALUES, "one input of tokens"),
        ({TOKENS: one}, VALUES + 1, "of 7 tokens that a net tells it reads only 6"),
    ):
        split = Split(dict.fromkeys(inputs, raw), data.training.train.targets)
        training = TrainingData(split, split, data.training.task, Signature(inputs, outputs))
        with pytest.raises(JobFailed, match=message):
            built({}, small_net(data), Data(training, split))


def test_targets_that_are_not_the_next_tokens_are_refused() -> None:
    data = texts.data()
    targets = data.training.train.targets.copy()
    targets[3, -1] = -100
    split = data.training.train.with_targets(targets)
    training = TrainingData(split, split, data.training.task, data.signature)
    with pytest.raises(JobFailed, match="not each the token after its place"):
        built({}, small_net(data), Data(training, split))


SUITE = """
dataset = "{dataset}"
[variants.teacher]
technique = "train"
model = "cnn"
[variants.student]
technique = "distill_sequences"
parent = "teacher"
model = "mlp"
"""


def test_another_task_is_refused_when_the_suite_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SUITE.format(dataset="digits"))
    with pytest.raises(UserError) as refused:
        suites.load(path)
    assert str(refused.value) == (
        f"{path}: [variants.student] 'distill_sequences' needs a task whose outputs tell the next "
        "token, as those of 'next_token'; the suite's is 'classification'"
    )


TAUGHT = """
dataset = { name = "text_file", path = "a.txt" }
[variants.teacher]
technique = "train"
model = { name = "gpt", width = 64 }
[variants.longer]
technique = "train"
model = "gpt"
epochs = 11
[variants.control]
technique = "train"
model = "gpt"
[variants.student]
technique = "distill_sequences"
parent = "teacher"
model = "gpt"
mixed_with_originals = 0.5
"""


def test_a_report_pairs_the_student_with_the_same_net_without_a_teacher(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TAUGHT)
    variants = {
        v.name: {
            "technique": v.technique_name,
            **v.technique.says(),
            "parents": [*v.parents],
            "model": keys.described_model(v),
            "options": keys.options(v),
        }
        for v in suites.load(path).variants.values()
    }
    assert untaught(make_run(variants), "student") == "control"
    assert variants["student"]["family"] == "distilled"


def test_another_task_is_refused_by_the_doctor_and_by_itself(tiny: Data, tmp_path: Path) -> None:
    with pytest.raises(JobFailed, match="needs a task whose outputs tell the next token"):
        built({"model": "mlp"}, nn.Identity(), tiny)
    given = ({"name": "distill_sequences"}, kinds.dataset("digits", {}), tmp_path)
    with pytest.raises(UserError, match=r"needs a task .*; that of the data is 'classification'"):
        list(examination.examined(*given, dict(examination.PLAIN_NET)))


class Seen(Chain):
    """Remembers what it read last."""

    tokens: Tensor

    def forward(self, tokens: Tensor) -> Tensor:
        type(self).tokens = tokens
        return super().forward(tokens)


class Listening(next_token.Task):
    """Remembers what a teacher said of what a student read."""

    told: ClassVar[list[tuple[Tensor, Tensor]]] = []

    def imitation(self, teacher: Tensor, outputs: Tensor, temperature: float) -> Tensor:
        self.told.append((Seen.tokens, teacher))
        return super().imitation(teacher, outputs, temperature)


def test_the_teacher_is_asked_of_what_was_written() -> None:
    data, teacher = texts.data(VALUES, LENGTH, 60), chain_net(texts.chain(VALUES, seed=9))
    train, validation = data.training.train, data.training.validation
    training = TrainingData(train, validation, Listening(), data.signature)
    options = {
        "model": {"name": "tests.techniques.test_distill_sequences:Seen"},
        "soft_weight": 1.0,
        "hard_weight": 0.0,
    }
    Listening.told.clear()
    _, fit = built(options, teacher, Data(training, data.test))
    rows = {tuple(row) for row in fit.sequences()[:, :-1]}
    assert len(Listening.told) == 1
    for tokens, said in Listening.told:
        assert {tuple(row) for row in tokens.numpy()} == rows
        torch.testing.assert_close(said, teacher(tokens).detach())
