"""The JSON schema of suite files takes what the reader takes, and refuses its structural errors."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from compbench.errors import UserError
from compbench.registry import registry
from compbench.suite import read as suites
from compbench.suite import schema
from tests.checkout import ROOT, tracked
from tests.suite.test_read import KD, TEACHER, WRONG, values

# what the reader refuses and no schema can: names of other tables, lineages, code, sums of options
SEMANTIC = """
    infinity | a class that is no model | a class that is no dataset | parent below
    its own parent
    unknown parent | torch after onnx | factorised after pruning weights
    trained after weights were shared | quantized twice | quantized after half precision
    torch after quantization-aware training | trained after quantization | unknown operator
    percentile of extremes | temperature of nothing | temperature of numbers
    types without a kernel | weights
    model and parent | neither | baseline | reference
    reference in percent | drop of another metric | drop of more than all
    import path | import class | a class that is no shift | severities twice
"""
UNCHECKED = {name.strip() for line in SEMANTIC.splitlines() for name in line.split("|")} - {""}


@cache
def validator() -> Draft202012Validator:
    return Draft202012Validator(schema.suite_schema())


def parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema.suite_schema())


def test_the_committed_one_is_this() -> None:
    committed = (ROOT / "docs" / "suite.schema.json").read_text()
    assert committed == schema.as_text(), "compbench schema > docs/suite.schema.json"


@pytest.mark.parametrize("path", tracked("suites"), ids=lambda p: p.stem)
def test_shipped_suites_are_right(path: Path) -> None:
    validator().validate(tomllib.loads(path.read_text()))


@pytest.mark.parametrize("name", [n for n, (text, _) in WRONG.items() if parsed(text) is not None])
def test_it_refuses_what_the_reader_refuses(name: str) -> None:
    assert validator().is_valid(parsed(WRONG[name][0])) == (name in UNCHECKED)


def test_all_that_is_left_to_the_reader_is_in_its_tests() -> None:
    assert {*WRONG} >= UNCHECKED


MORE_WRONG = {
    "both": TEACHER + KD + 'parents = ["teacher"]\n',
    "too many parents": TEACHER + KD.replace('parent = "teacher"', f"parents = {['teacher'] * 17}"),
    "a number for a parent": TEACHER + KD.replace('"teacher"', "3"),
    "a number for a technique": "[variants.a]\ntechnique = 3\n",
    "a list for a model": TEACHER.replace('"cnn"', '["cnn"]'),
    "a model without a name": TEACHER.replace('"cnn"', "{ hidden = 3 }"),
    "a table of tables": "[variants.a.b]\n",
    "an option of another technique": TEACHER + "temperature = 2.0\n",
    "too many threads": TEACHER + "[targets.t]\nthreads = 2000\n",
    "name of a target": TEACHER + '[targets."a b"]\n',
    "another provider's option": TEACHER + "[targets.t]\nprovider_options = { device_id = 1 }\n",
}


@pytest.mark.parametrize("text", MORE_WRONG.values(), ids=MORE_WRONG.keys())
def test_both_refuse(text: str, tmp_path: Path) -> None:
    assert not validator().is_valid(parsed(text))
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UserError):
        suites.load(tmp_path / "mine.toml")


RIGHT = {
    "import paths": '[variants.a]\ntechnique = "my.own:Thing"\nanything = [1]\nparent = "b"\n',
    "a model by import path": TEACHER.replace('"cnn"', '{ name = "my.own:Net", width = 3 }'),
    "a model's options": TEACHER.replace('"cnn"', '{ name = "cnn", channels = [3], hidden = 3 }'),
    "a list of one parent": TEACHER + KD.replace('parent = "teacher"', 'parents = ["teacher"]'),
    "a provider's option": TEACHER
    + '[targets.t]\nprovider = "cuda"\nprovider_options = { device_id = 1 }\n',
    "load": TEACHER + '[targets.t.loadgen]\nscenarios = ["server"]\nlatency_bound_ms = 3\n',
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_it_takes(text: str) -> None:
    validator().validate(parsed(text))


@pytest.mark.parametrize("name", registry.names("technique"))
def test_it_takes_every_technique_and_names_all_its_options(name: str) -> None:
    plugin = registry.find("technique", name)
    takes_parents = plugin.parents[1] > 0
    parent = {"parent": "teacher"} if takes_parents else {}
    table = {"technique": name, **parent, **plugin.null_case.options}
    suite = {"variants": {"teacher": {"technique": "train", "model": "cnn"}, "mine": table}}
    validator().validate(json.loads(json.dumps(suite)))
    known = schema.suite_schema()["$defs"][f"technique.{name}"]["properties"]
    words = {"technique", "parent", "parents"} if takes_parents else {"technique"}
    assert {*known} == {*plugin.model_fields, *words}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["temperature", "soft_weight", "epochs", "model", "optimizer"]), values)
def test_what_the_reader_takes_it_takes(
    tmp_path_factory: pytest.TempPathFactory, option: str, value: object
) -> None:
    written = json.dumps(value)
    kd = KD.replace('model = "mlp"\n', "") if option == "model" else KD
    text = f"{TEACHER}{kd}{option} = {written}\n"
    path = tmp_path_factory.mktemp("any") / "any.toml"
    path.write_text(text, encoding="utf-8")
    try:
        suites.load(path)
    except UserError:
        return
    validator().validate(parsed(text))


def test_a_missing_library_leaves_the_technique_with_any_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "versions", lambda libraries: {})
    found = Draft202012Validator(schema.suite_schema())
    pruned = found.schema["$defs"]["technique.prune_channels"]  # type: ignore[index]
    assert "pip install torch-pruning" in pruned["description"]
    found.validate({"variants": {"p": {"technique": "prune_channels", "ratio": "any"}}})


SHIFTS = {
    "noise = {}": True,
    "noise = { severities = [1, 5], seed = 3 }": True,
    'mine = { shift = "noise", severities = [2] }': True,
    'noise = { shift = "blur" }': True,
    'mine = { shift = "own:Shift", strength = 3 }': True,
    'noise = { shift = "own:Shift", strength = 3 }': True,
    "noise = { strength = 3 }": False,
    'mine = { shift = "noise", strength = 3 }': False,
    'noise = { shift = "blur", strength = 3 }': False,
    "mine = {}": False,
    '"a b" = { shift = "noise" }': False,
}


@pytest.mark.parametrize(("line", "is_right"), SHIFTS.items(), ids=SHIFTS)
def test_shifts_are_known_by_their_names_or_by_what_they_say(line: str, is_right: bool) -> None:
    assert validator().is_valid(parsed(f"{TEACHER}[shifts]\n{line}\n")) is is_right
