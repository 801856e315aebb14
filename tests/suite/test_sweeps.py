"""Options with several values -> a variant for each combination."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compbench.errors import UserError
from compbench.suite import plan, read
from compbench.suite.sweeps import MOST, expanded

TEACHER: dict[str, Any] = {"technique": "train", "model": "cnn"}
STUDENT: dict[str, Any] = {"technique": "distill", "parent": "teacher", "model": "mlp"}


def names(**options: Any) -> list[str]:
    return [*expanded({"s": {**STUDENT, **options}}).tables]


def test_a_table_without_sweeps_stays_as_it_is() -> None:
    tables = {"teacher": TEACHER, "student": STUDENT}
    found = expanded(tables)
    assert found.tables == tables and not found.points


def test_each_value_is_a_variant_with_a_speaking_name() -> None:
    found = expanded({"student": {**STUDENT, "temperature": {"sweep": [1, 2.5, 20]}}})
    assert found.tables == {
        "student-temperature1": {**STUDENT, "temperature": 1},
        "student-temperature2_5": {**STUDENT, "temperature": 2.5},
        "student-temperature20": {**STUDENT, "temperature": 20},
    }
    point = found.points["student-temperature2_5"]
    assert (point.sweep, point.values) == ("student", {"temperature": 2.5})


def test_several_make_a_grid_wherever_they_stand() -> None:
    model = {"name": "mlp", "hidden": {"sweep": [[16], [32, 32]]}}
    losses = [{"name": "soft", "temperature": {"sweep": [1, 4]}}]
    found = expanded({"s": {**STUDENT, "model": model, "losses": losses}})
    assert [*found.tables] == [
        "s-hidden16-temperature1",
        "s-hidden16-temperature4",
        "s-hidden32x32-temperature1",
        "s-hidden32x32-temperature4",
    ]
    last = found.tables["s-hidden32x32-temperature4"]
    assert last["model"] == {"name": "mlp", "hidden": [32, 32]}
    assert last["losses"] == [{"name": "soft", "temperature": 4}]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"flip": {"sweep": [True, False]}}, ["s-fliptrue", "s-flipfalse"]),
        ({"learning_rate": {"sweep": [0.002, 1e-05]}}, ["s-learning_rate0_002", None]),
        ({"optimizer": {"sweep": ["sgd"]}}, ["s-optimizersgd"]),
        (
            {"model": {"sweep": [{"name": "mlp", "hidden": [8]}, "cnn"]}},
            ["s-modelmlp_8", "s-modelcnn"],
        ),
        (
            {"a": {"t": {"sweep": [1]}}, "b": {"t": {"sweep": [2]}}},
            ["s-a_t1-b_t2"],
        ),
    ],
)
def test_names_are_of_letters_and_digits(options: dict[str, Any], wanted: list[Any]) -> None:
    found = names(**options)
    assert [a if b else b for a, b in zip(found, wanted, strict=True)] == wanted
    assert all(name.replace("-", "").replace("_", "").isalnum() for name in found)


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=5, unique=True),
    st.lists(
        st.floats(0.01, 9, allow_nan=False).map(lambda x: round(x, 2)), min_size=1, max_size=4
    ).map(lambda values: list(dict.fromkeys(values))),
)
def test_all_combinations_are_there_once_and_nothing_is_changed(
    epochs: list[int], temperatures: list[float]
) -> None:
    table = {**STUDENT, "epochs": {"sweep": epochs}, "temperature": {"sweep": temperatures}}
    before = copy.deepcopy(table)
    found = expanded({"s": table})
    assert table == before
    pairs = [(t["epochs"], t["temperature"]) for t in found.tables.values()]
    assert pairs == [(e, t) for e in epochs for t in temperatures]
    assert [{**STUDENT, **point.values} for point in found.points.values()] == [
        *found.tables.values()
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": {"sweep": []}}, "temperature: sweep = [] should be a list of values"),
        ({"temperature": {"sweep": 4}}, "temperature: sweep = 4 should be a list of values"),
        ({"temperature": {"sweep": [1, 4, 1]}}, "temperature: sweep has 1 twice"),
        ({"temperature": {"sweep": [1], "x": 2}}, "temperature has 'x' beside 'sweep'"),
        ({"parent": {"sweep": ["a", "b"]}}, "parent can't be swept over, only options can"),
        ({"technique": {"sweep": ["train"]}}, "technique can't be swept over"),
        ({"parents": [{"sweep": ["a"]}]}, "parents can't be swept over"),
        ({"optimizer": {"sweep": ["a b", "a_b"]}}, "would be called 's-optimizera_b'"),
        ({"a": {"sweep": [*range(101)]}, "b": {"sweep": [*range(100)]}}, "10,100 combinations"),
    ],
)
def test_what_is_no_sweep_is_told(options: dict[str, Any], message: str) -> None:
    assert MOST == 10_000
    with pytest.raises(UserError) as told:
        names(**options)
    assert str(told.value).startswith("[variants.s] ") and message in str(told.value)


TEXT = """
[variants.teacher]
technique = "train"
model = "cnn"
[variants.student]
technique = "distill"
parent = "teacher"
model = "mlp"
temperature = { sweep = [1, 2, 4] }
"""


def test_a_suite_has_its_points(write_suite: Callable[[str], Path]) -> None:
    suite = read.load(write_suite(TEXT))
    assert [*suite.variants][1:] == [f"student-temperature{t}" for t in (1, 2, 4)]
    points = [variant.point for variant in suite.variants.values()]
    assert points[0] is None and points[1] is not None and points[1].values == {"temperature": 1}
    keys = {job.key for job in plan.plan(suite, "digest")}
    assert len(keys) == 4
    by_hand = read.load(
        write_suite(TEXT.replace("{ sweep = [1, 2, 4] }", "2").replace("student", "other"))
    )
    assert {job.key for job in plan.plan(by_hand, "digest")} < keys, "a point is a variant"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            '[variants.x]\ntechnique = "float16"\nparent = "student"\n',
            "[variants.x] its parent 'student' is a sweep of 3 variants: give it "
            'select = "validation", or name one; known: '
            "student-temperature1, student-temperature2, student-temperature4",
        ),
        ('[references.student]\nvalue = 0.9\nsource = "x"\n', "there is no variant 'student'"),
    ],
)
def test_a_sweep_is_no_variant(write_suite: Callable[[str], Path], more: str, message: str) -> None:
    with pytest.raises(UserError, match=r".*") as told:
        read.load(write_suite(TEXT + more))
    assert message in str(told.value)


def test_an_option_that_is_not_there_is_told_by_its_point(
    write_suite: Callable[[str], Path],
) -> None:
    with pytest.raises(UserError, match=r"student-temprature1\] .*did you mean 'temperature'"):
        read.load(write_suite(TEXT.replace("temperature", "temprature")))


def test_names_that_are_too_long_are_told(write_suite: Callable[[str], Path]) -> None:
    text = TEXT.replace("temperature = { sweep = [1, 2, 4] }", 'optimizer = { sweep = ["A"] }')
    with pytest.raises(UserError, match="64 at most"):
        read.load(write_suite(text.replace('"A"', f'"{"a" * 60}"')))
