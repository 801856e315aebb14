from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from compbench.run.progress import Progress
from compbench.run.time_left import Step


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def step(name: str = "a", kind: str = "make", expected_s: float | None = None) -> Step:
    return Step(kind, name, f"{kind} {name}", expected_s)  # pyright: ignore[reportArgumentType]


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shown(terminal: bool = False) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)


def written(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_a_step_that_tells_its_end_twice_goes_on(clock: Clock) -> None:
    """Pruning in rounds of one epoch: all is done, and then there is another round."""
    progress = Progress(shown(), clock)
    with progress.plan([step("a", "train"), step("b", "train")]):
        with progress.step(step("a", "train")) as tell:
            for share, seconds in ((1.0, 10), (1.0, 10), (0.75, 10), (1.0, 10)):
                clock.now += seconds
                tell("an epoch", share)
        assert progress._time_left.seconds() == pytest.approx(40)


def training(name: str, epochs: int) -> Step:
    return Step("train", name, f"make {name}", amount=epochs)


@pytest.mark.parametrize("resumed_after", [0, 30])
def test_a_training_under_way_says_how_long_all_will_still_take(
    clock: Clock, resumed_after: int
) -> None:
    console = shown()
    progress = Progress(console, clock)
    steps = [training("a", 40), training("b", 10)]
    with progress.plan(steps), progress.step(steps[0]) as tell:
        for epoch in range(resumed_after + 1, 41):
            clock.now += 10
            tell(f"epoch {epoch}", epoch / 40)
    told = [line for line in written(console) if "epoch 36," in line]
    after = 10 * (36 - resumed_after)
    assert told == [f"          make a: epoch 36, after {after // 60}:00; about 2:20 left"]
    assert written(console)[-1].endswith("about 1:40 left")


def test_a_step_that_takes_longer_than_was_guessed_leaves_no_negative_time(clock: Clock) -> None:
    console = shown()
    progress = Progress(console, clock)
    steps = [step("a", "time", 10), step("b", "time", 10)]
    with progress.plan(steps), progress.step(steps[0]) as tell:
        clock.now += 90
        tell("still at it")
    assert written(console)[0] == "          time a: still at it, after 1:30; about 0:10 left"


def test_in_a_pipe_every_step_is_a_line(clock: Clock) -> None:
    console = shown()
    progress = Progress(console, clock)
    steps = [step("a"), step("b"), step("c", "time", 90)]
    with progress.plan(steps):
        assert written(console) == []
        for each, seconds in zip(steps, (2, 65.25, 100), strict=True):
            with progress.step(each) as tell:
                clock.now += seconds
                if each.name == "b":
                    tell("epoch 1/2")
                    tell("epoch 2/2")
    assert written(console) == [
        "    [1/3] make a in 2.0 s; about 1:32 left",
        "          make b: epoch 1/2, after 1:05; about 1:30 left",
        "    [2/3] make b in 65.2 s (epoch 2/2); about 1:30 left",
        "    [3/3] time c in 100.0 s",
    ]


def test_nothing_is_said_of_time_left_that_can_not_be_known(clock: Clock) -> None:
    console = shown()
    progress = Progress(console, clock)
    with progress.plan([step("a", "evaluate"), step("b", "evaluate")]), progress.step(step("z")):
        pass
    assert written(console) == ["    [1/2] make z in 0.0 s"]


def test_news_of_a_step_are_not_those_of_the_next(clock: Clock) -> None:
    console = shown()
    progress = Progress(console, clock)
    with progress.plan([step("a"), step("b")]):
        with progress.step(step("a")) as tell:
            tell("FAILED: no memory")
        with progress.step(step("b")):
            pass
    first, second = written(console)
    assert "(FAILED: no memory)" in first
    assert second == "    [2/2] make b in 0.0 s"


def test_a_second_plan_counts_anew(clock: Clock) -> None:
    console = shown()
    progress = Progress(console, clock)
    for _ in range(2):
        with progress.plan([step()]), progress.step(step()):
            clock.now += 1
    assert written(console) == ["    [1/1] make a in 1.0 s"] * 2


def test_a_step_that_raises_is_not_done(clock: Clock) -> None:
    console = shown()
    progress = Progress(console, clock)
    with pytest.raises(ValueError, match="x"), progress.plan([step()]), progress.step(step()):
        raise ValueError("x")
    assert written(console) == []


def test_long_notes_are_not_broken(clock: Clock) -> None:
    console = shown()
    Progress(console, clock).note("word " * 100 + "12.5")
    assert written(console) == ["word " * 100 + "12.5"]


def test_a_terminal_shows_the_step_under_way(clock: Clock) -> None:
    console = shown(terminal=True)
    progress = Progress(console, clock)
    with progress.plan([step("a"), step("b")]), progress.step(step("a")):
        clock.now += 61
    note, bar = "\n".join(written(console)).split("; about 1:01 left", 1)
    assert note.endswith("[1/2] make a in 61.0 s")
    assert re.search("1/2 +make b +about 1:01 left", bar)


def test_a_terminal_shows_news_of_the_step_under_way(clock: Clock) -> None:
    console = shown(terminal=True)
    progress = Progress(console, clock)

    def stopped() -> None:
        with progress.plan([step("a"), step("b")]), progress.step(step("a")) as tell:
            tell("epoch 3/9")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert re.search("0/2 +make a +epoch 3/9", "\n".join(written(console)))


@pytest.mark.parametrize("terminal", [False, True])
def test_a_step_that_goes_on_tells_its_news_each_minute_in_a_pipe(
    clock: Clock, terminal: bool
) -> None:
    console = shown(terminal)
    progress = Progress(console, clock)
    with progress.plan([step()]), progress.step(step()) as tell:
        for epoch in range(1, 8):
            clock.now += 25
            tell(f"epoch {epoch}/7")
    lines = [line.strip() for line in written(console) if ", after " in line]
    assert lines == (
        [] if terminal else ["make a: epoch 3/7, after 1:15", "make a: epoch 6/7, after 2:30"]
    )
