"""`compbench drift`: an alarm is exit code 1, what is wrong is one line and 2."""
# ruff: noqa: F811, a fixture is an argument of its own name

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compbench.make.store import MODEL, Store
from compbench.results.record import read_run, write_run
from compbench.tasks import classification
from tests.cli.test_main import Result, compbench, refused  # noqa: F401
from tests.cli.test_strangers import evil as evil
from tests.cli.test_strangers import name_evil
from tests.drift.made import data, made_run
from tests.factory import lineage, make_run

Command = Callable[..., Result]
FIGURES = ["answers", "distance", "gap", "confidence"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_run(tmp_path_factory.mktemp("drift"))


@pytest.fixture
def results(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy in the folder that one works in, with new data beside it."""
    monkeypatch.delenv("COMPBENCH_DATA", raising=False)
    shutil.copytree(made, tmp_path / "results")
    pixels = data(tmp_path).test.arrays["pixels"]
    random = np.random.default_rng(0)
    np.savez(tmp_path / "same.npz", pixels=pixels[:150])
    noise = random.integers(0, 256, (150, *pixels.shape[1:]), np.uint8)
    np.savez(tmp_path / "noise.npz", pixels=noise, labels=np.zeros(150))
    return tmp_path / "results"


def folder(results: Path) -> Path:
    (found,) = results.glob("runs/mine/*")
    return found


def changed(results: Path, **changes: Any) -> None:
    place = folder(results)
    write_run(place, read_run(place).model_copy(update=changes))


def record(said: Result) -> dict[str, Any]:
    return json.loads(said.out)


def test_the_same_data_raise_no_alarm_and_it_is_said_what_would(
    compbench: Command, results: Path
) -> None:
    said = compbench("drift", "mine", "--data", "same.npz")
    assert said.code == 0
    lines = said.out.splitlines()
    assert "150 new samples of same.npz beside 288 validation and 360 test samples" in " ".join(
        lines[:2]
    )
    assert "No alarm (false ones among all variants: 0.01 at most)" in lines
    assert "left out: lost failed" in lines
    told = " ".join(said.out.split())
    assert "student beside teacher: no alarm" in told
    assert "student_int8 beside teacher: no alarm" in told
    assert "alone beside" not in told
    assert (
        "What so many samples show in 90 % of all cases, and smaller changes more rarely: " in told
    )
    assert "Farthest apart are the new samples" in told
    assert said.err.splitlines() == [
        "  [1/2] student beside teacher",
        "  [2/2] student_int8 beside teacher",
    ]


def test_noise_raises_one(compbench: Command, results: Path) -> None:
    said = compbench("drift", "mine", "--data", "noise.npz")
    assert said.code == 1
    assert "ALARM: student, student_int8 (false ones among all variants" in said.out
    assert "student beside teacher: ALARM, unlike both held-out splits: more differing" in said.out
    assert "no input, not used: labels" in said.out


def test_a_program_gets_every_figure(compbench: Command, results: Path) -> None:
    said = compbench("drift", "mine", "--data", "noise.npz", "--format", "json")
    found = record(said)
    assert said.code == 1
    assert (found["is_alarm"], found["alpha"], found["suite"]) == (True, 0.01, "mine")
    assert found["samples"] == {"new": 150, "validation": 288, "test": 360}
    student, int8 = found["variants"]
    assert (student["variant"], student["beside"]) == ("student", "teacher")
    assert (int8["variant"], int8["beside"]) == ("student_int8", "teacher")
    assert [one["figure"] for one in student["figures"]] == FIGURES
    for one in student["figures"]:
        assert one["p_holm"] >= one["p"]
        for name in ("new", "validation", "test"):
            assert one[name]["low"] <= one[name]["value"] <= one[name]["high"]
    answers = student["figures"][0]
    assert answers["side"] == 1 and answers["smallest_is"] == "a mean"
    assert answers["validation"]["value"] < answers["smallest"] < answers["new"]["value"]
    assert len(student["farthest"]) == 10
    rows = list(csv.DictReader(io.StringIO(compbench(*_csv("noise.npz")).out)))
    assert [row["figure"] for row in rows] == FIGURES * 2
    assert float(rows[0]["new"]) == answers["new"]["value"]
    assert {row["is_alarm"] for row in rows[:1]} == {"True"}


def _csv(name: str) -> tuple[str, ...]:
    return "drift", "mine", "--data", name, "--format", "csv"


def test_the_farthest_are_those_that_differ_most(compbench: Command, results: Path) -> None:
    pixels = np.array(np.load("same.npz")["pixels"])
    found = record(compbench("drift", "mine", "--data", "same.npz", "--format", "json"))
    first = found["variants"][0]["farthest"][0]["sample"]
    order = np.roll(np.arange(150), -first)  # it comes to the front
    np.save("turned.npy", pixels[order])
    turned = record(compbench("drift", "mine", "--data", "turned.npy", "--format", "json"))
    assert turned["variants"][0]["farthest"][0]["sample"] == 0


def test_pictures_are_named(compbench: Command, results: Path, tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "pictures").mkdir()
    for number, pixels in enumerate(np.load("same.npz")["pixels"][:30]):
        Image.fromarray(pixels[0]).save(tmp_path / "pictures" / f"{number}.png")
    np.save("same.npy", np.load("same.npz")["pixels"][:30])
    arrays = record(compbench("drift", "mine", "--data", "same.npy", "--format", "json"))
    found = record(compbench("drift", "mine", "--data", "pictures", "--format", "json"))
    assert found["samples"]["new"] == 30
    assert found["variants"][0]["figures"] == arrays["variants"][0]["figures"]
    farthest = found["variants"][0]["farthest"]
    assert all(one["file"] == f"{one['sample']}.png" for one in farthest)
    shown = " ".join(compbench("drift", "mine", "--data", "pictures").out.split())
    assert f"new samples {farthest[0]['sample']} ({farthest[0]['file']})," in shown


def test_a_run_by_its_folder_or_time_and_a_variant_by_its_name(
    compbench: Command, results: Path
) -> None:
    for run in (str(folder(results)), "mine@20260102"):
        said = compbench("drift", run, "--data", "same.npz", "--variant", "alone")
        assert said.code == 0
        assert "alone beside teacher: no alarm" in said.out
        assert said.err == "  [1/1] alone beside teacher\n"


def test_without_any_teacher_all_are_beside_the_baseline(compbench: Command, results: Path) -> None:
    untaught = {
        "teacher": lineage(),
        "student": lineage(),
        "student_int8": lineage("quantize_dynamic", "student"),
        "alone": lineage(),
        "lost": lineage(),
    }
    changed(results, variants=make_run(untaught).variants)
    said = compbench("drift", "mine", "--data", "same.npz")
    told = ["student", "student_int8", "alone"]
    assert [line.split()[1:] for line in said.err.splitlines()] == [
        [v, "beside", "teacher"] for v in told
    ]


def test_with_a_larger_alpha_more_is_an_alarm(compbench: Command, results: Path) -> None:
    pixels = np.array(np.load("same.npz")["pixels"], float)
    moved = pixels + np.random.default_rng(0).normal(0, 60, pixels.shape)
    np.save("moved.npy", moved.clip(0, 255).astype(np.uint8))
    arguments = ("drift", "mine", "--data", "moved.npy", "--variant", "student", "--format", "json")
    p = min(one["p_holm"] for one in record(compbench(*arguments))["variants"][0]["figures"])
    assert 0 < p < 0.5
    assert compbench(*arguments, "--alpha", str(p * 1.01)).code == 1
    assert compbench(*arguments, "--alpha", str(p * 0.99)).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("mien", "--data", "same.npz"), "no run of 'mien' under results; did you mean 'mine'?"),
        (("mine", "--data", "none.npz"), "--data: none.npz is not there"),
        (
            ("mine", "--data", "same.npz", "--variant", "studnt"),
            "--variant: this run has no variant 'studnt'; did you mean 'student'?",
        ),
        (
            ("mine", "--data", "same.npz", "--variant", "lost"),
            "'lost' (seed 0) has no file: it did not converge",
        ),
        (
            ("mine", "--data", "same.npz", "--variant", "teacher"),
            "--variant: 'teacher' is the baseline: it has no teacher to be compared with",
        ),
        (("mine", "--data", "same.npz", "--alpha", "1"), "--alpha: 1 should be between 0 and 1"),
        (("mine", "--data", "same.npz", "--alpha", "nan"), "--alpha: nan should be between"),
        (("mine", "--data", "same.npz", "--format", "jsn"), "did you mean 'json'?"),
    ],
)
def test_what_is_wrong_is_one_line(
    compbench: Command, results: Path, arguments: tuple[str, ...], said: str
) -> None:
    result = compbench("drift", *arguments)
    refused(result, said)
    assert result.out == ""


def test_a_run_that_was_stopped_is_told_to_go_on(compbench: Command, results: Path) -> None:
    changed(results, finished=None)
    refused(
        compbench("drift", "mine", "--data", "same.npz"),
        "was stopped before its end; go on with: compbench run suites/mine.toml",
    )


def test_files_that_are_gone_or_damaged_are_told_to_be_made_again(
    compbench: Command, results: Path
) -> None:
    names = {m.variant: m.key for m in Store(results).manifests()}
    damaged = results / "artifacts" / names["student_int8"] / MODEL
    damaged.write_bytes(damaged.read_bytes()[:-1])
    refused(compbench("drift", "mine", "--data", "same.npz"), "is damaged", "compbench run")
    only = ("drift", "mine", "--data", "same.npz", "--variant", "student")
    assert compbench(*only).code == 0
    shutil.rmtree(results / "artifacts" / names["teacher"])
    refused(compbench(*only), "the artifact of 'teacher' is not in", "make it: compbench run")


def test_rows_that_are_damaged_are_told(compbench: Command, results: Path) -> None:
    (folder(results) / "rows" / "all.jsonl").write_text("{}\n")
    refused(compbench("drift", "mine", "--data", "same.npz"), "all.jsonl is damaged")


def test_another_dataset_than_the_run_s_is_refused(compbench: Command, results: Path) -> None:
    dataset = read_run(folder(results)).dataset
    changed(results, dataset={**dataset, "digest": "0" * 64})
    refused(
        compbench("drift", "mine", "--data", "same.npz"), "digits under data is not the data of"
    )
    changed(results, dataset={**dataset, "name": "mnist"})
    refused(
        compbench("drift", "mine", "--data", "same.npz"),
        "mnist, whose held-out samples new ones are compared with, is not under data; name its",
    )


def test_a_record_without_digests_of_splits_says_what_is_unsure(
    compbench: Command, results: Path
) -> None:
    dataset = {**read_run(folder(results)).dataset, "digest": "0" * 64}
    del dataset["test_digest"]
    changed(results, dataset=dataset)
    said = compbench("drift", "mine", "--data", "same.npz")
    assert said.code == 0
    assert "whether digits under data has the run's held-out samples is unknown" in said.out


def test_new_data_of_another_shape_are_refused(compbench: Command, results: Path) -> None:
    np.savez("odd.npz", pixel=np.zeros((30, 1, 8, 8), np.uint8))
    refused(compbench("drift", "mine", "--data", "odd.npz"), "did you mean 'pixel'?")
    np.savez("odd.npz", pixels=np.zeros((30, 1, 28, 29), np.uint8))
    refused(compbench("drift", "mine", "--data", "odd.npz"), "should be (N, 1, 28, 28)")


def test_outputs_without_distributions_are_compared_as_numbers(
    compbench: Command, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classification.Task, "has_distribution", False)
    said = compbench("drift", "mine", "--data", "noise.npz", "--format", "json")
    found = record(said)
    assert said.code == 1
    assert found["distance_of"] == "numbers"
    assert [one["figure"] for one in found["variants"][0]["figures"]] == ["distance"]
    shown = " ".join(compbench("drift", "mine", "--data", "noise.npz").out.split())
    assert "as a share of their spread over held-out samples" in shown
    assert "That answers differ" not in shown


def test_a_file_that_gives_no_numbers_is_one_line(
    compbench: Command, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compbench.drift import drift
    from compbench.errors import JobFailed

    def failing(*_: Any) -> None:
        raise JobFailed("ONNX Runtime can't run the file: out of memory")

    monkeypatch.setattr(drift.inference, "apart", failing)
    said = compbench("drift", "mine", "--data", "same.npz")
    assert said.code == 2
    assert said.err.splitlines()[-1] == (
        "error: student beside teacher: ONNX Runtime can't run the file: out of memory"
    )


@pytest.mark.parametrize("kind", ["dataset", "task", "technique", "model"])
def test_code_that_a_run_names_is_not_run(
    kind: str, compbench: Command, evil: Path, results: Path
) -> None:
    name_evil(folder(results), kind)
    found = compbench("drift", "mine", "--data", "same.npz")
    if kind in ("dataset", "task"):
        refused(found, "No module named 'evil'; of what a run", "mine.toml does not name it")
    else:
        assert found.code == 0
    assert not evil.exists()


def test_its_help_says_what_the_exit_codes_are(compbench: Command) -> None:
    said = " ".join(compbench("drift", "--help").out.split())
    assert "Exit code 1 for an alarm, 0 for none." in said
    assert "--alpha" in said and "--variant" in said and "--data" in said
