"""Tables: what becomes of columns, and one line for everything that is wrong in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from compbench.contracts import kinds
from compbench.errors import UserError
from tests.datasets.loading import loaded, refusal, told


def people(count: int = 60) -> pandas.DataFrame:
    """A number, a whole number, a category, a truth value; the class follows from the first."""
    random = np.random.default_rng(0)
    return pandas.DataFrame(
        {
            "height": random.normal(170, 10, count).round(2),
            "age": random.integers(18, 90, count),
            "colour": np.array(["red", "green", "blue"])[np.arange(count) % 3],
            "member": np.arange(count) % 2 == 0,
            "kind": np.where(np.arange(count) % 4 < 2, "tall", "small"),
            "price": random.normal(size=count),
        }
    )


def write(folder: Path, table: pandas.DataFrame, name: str = "people.csv") -> Path:
    if name.endswith(".parquet"):
        table.to_parquet(folder / name)
    else:
        table.to_csv(folder / name, index=False, sep="\t" if name.endswith(".tsv") else ",")
    return folder


ASKED = {"path": "people.csv", "target": "kind"}


@pytest.mark.parametrize("name", ["people.csv", "people.tsv", "people.parquet"])
def test_columns_become_features_in_their_order(tmp_path: Path, name: str) -> None:
    table = people()
    found = loaded("table", write(tmp_path, table, name), path=name, target="kind", split_seed=3)
    splits = (found.training.train, found.training.validation, found.test)
    assert [len(split) for split in splits] == [43, 5, 12]
    assert found.class_names == ("small", "tall")
    assert found.training.train.kinds == {"features": ("float32", (8,))}
    rows = np.concatenate([split.arrays["features"] for split in splits])
    answers = np.concatenate([split.targets for split in splits])
    assert len({row.tobytes() for row in rows}) == 60
    columns = {name: table[name].to_numpy() for name in table}
    for row, answer in zip(rows, answers, strict=True):
        (origin,) = np.flatnonzero(np.isclose(columns["price"], row[7]))
        assert answer == (columns["kind"][origin] == "tall")
        assert row[0] == np.float32(columns["height"][origin])
        assert row[1] == columns["age"][origin]
        assert [*row[2:5]] == [c == columns["colour"][origin] for c in ("blue", "green", "red")]
        assert [*row[5:7]] == [not columns["member"][origin], columns["member"][origin]]


def test_features_are_normalised_by_the_training_split_alone(tmp_path: Path) -> None:
    found = loaded("table", write(tmp_path, people()), **ASKED)
    one = found.signature.inputs["features"]
    train = found.training.train.arrays
    prepared = found.training.prepared(train)["features"]
    assert prepared.dtype == np.float32
    np.testing.assert_allclose(prepared.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(prepared.std(0), 1, atol=1e-5)
    assert one.normalisation
    np.testing.assert_allclose(one.normalisation.mean, train["features"].mean(0), rtol=1e-5)
    raw = loaded("table", tmp_path, **ASKED, normalise=False)
    assert raw.signature.inputs["features"].normalisation is None


def test_a_category_that_training_does_not_have_is_zero_and_is_counted(tmp_path: Path) -> None:
    table = people()
    table["part"] = ["train"] * 40 + ["validation"] * 10 + ["test"] * 10
    table.loc[[55, 57], "colour"] = "violet"
    asked = {**ASKED, "split": "part", "features": ["height", "colour"]}
    found, notes = told("table", write(tmp_path, table), **asked)
    assert not found.test.arrays["features"][[5, 7], 1:].any()
    assert found.test.arrays["features"][:5, 1:].sum() == 5
    assert "2 of 10 rows for test have a category in 'colour' that the training split has" in notes
    numbers = loaded("table", tmp_path, **asked, encoding="number")
    assert [*numbers.test.arrays["features"][4:8, 1]] == [3, 0, 1, 0]  # blue, green, red from 1


def test_a_column_says_the_split(tmp_path: Path) -> None:
    table = people()
    table["part"] = ["Train"] * 20 + ["dev"] * 20 + ["test"] * 20
    found = loaded("table", write(tmp_path, table), **ASKED, split="part")
    np.testing.assert_allclose(found.test.arrays["features"][:, 1], table["age"][40:])
    assert found.training.train.kinds["features"][1] == (8,)  # the column itself is no feature
    table.loc[7, "part"] = "tset"
    said = refusal("table", write(tmp_path, table), **ASKED, split="part")
    assert "row 8: 'tset' in 'part' should be one of train, validation, test" in said


def test_numbers_are_a_regression(tmp_path: Path) -> None:
    asked = {"path": "people.csv", "predict": "number", "target": "price"}
    found = loaded("table", write(tmp_path, people()), **asked)
    assert found.task.headline.name == "rmse"
    assert found.signature.outputs == 1
    assert found.test.targets.dtype == np.float32
    assert found.class_names == ()
    scaled = loaded("table", tmp_path, **asked, scale_target=True).training.train.targets
    assert (scaled.mean(), scaled.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1))
    both = loaded("table", tmp_path, **{**asked, "target": ["price", "age"]})
    assert both.test.targets.shape == (12, 2)


def test_several_labels_may_be_right(tmp_path: Path) -> None:
    table = people().assign(a=lambda t: (t["age"] > 50).astype(int), b=lambda t: t["price"] > 0)
    table["b"] = table["b"].astype(int)
    asked = {"path": "people.csv", "predict": "labels", "target": ["a", "b"]}
    found = loaded("table", write(tmp_path, table), **asked)
    assert found.task.headline.name == "average_precision"
    assert found.class_names == ("a", "b")
    table.loc[3, "b"] = 2
    assert "row 4: 2 in 'b' should be 0 or 1" in refusal("table", write(tmp_path, table), **asked)


def test_missing_fields_are_refused_dropped_or_filled(tmp_path: Path) -> None:
    table = people().astype({"age": float})
    table.loc[[4, 9], "age"] = np.nan
    table.loc[20, "colour"] = None
    said = refusal("table", write(tmp_path, table), **ASKED)
    assert "people.csv, row 5: 'age' is empty or no number; missing = \"drop\"" in said
    dropped, notes = told("table", tmp_path, **ASKED, missing="drop")
    splits = (dropped.training.train, dropped.training.validation, dropped.test)
    assert sum(map(len, splits)) == 57
    assert "3 of 60 rows lack a field: left out" in notes
    table["part"] = ["train"] * 40 + ["validation", "test"] * 10
    filled = loaded("table", write(tmp_path, table), **ASKED, split="part", missing="mean")
    ages = filled.training.train.arrays["features"][:, 1]
    assert ages[4] == ages[9] == pytest.approx(table["age"][:40].mean())
    assert not filled.training.train.arrays["features"][20, 2:5].any()


WORDS = """height,kind,colour
1.5,NA,None
NA,EU,red
2.5,NA,null
3.5,EU,red
"""


def test_words_for_nothing_are_nothing_among_numbers_alone(tmp_path: Path) -> None:
    """`NA` may be North America, and None a colour's name."""
    rows = WORDS.splitlines()
    (tmp_path / "people.csv").write_text("\n".join([rows[0], *rows[1:] * 15]) + "\n")
    found = loaded("table", tmp_path, **ASKED, missing="mean")
    assert found.class_names == ("EU", "NA")
    assert found.training.train.kinds == {"features": ("float32", (4,))}
    said = refusal("table", tmp_path, **ASKED)
    assert "row 2: 'height' is empty or no number" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("kind,a,kind\nx,1,x\ny,2,y\n", "has two columns 'kind'"),
        ("a,a,kind\n1,2,x\n2,3,y\n", "has two columns 'a'"),
        ("a,kind\n1,x,5\n2,y,6\n", "more fields than the first line has names"),
    ],
)
def test_a_first_line_that_does_not_say_which_column_is_which(
    tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "people.csv").write_text(content)
    assert said in refusal("table", tmp_path, **ASKED)


def test_whole_numbers_may_be_classes(tmp_path: Path) -> None:
    table = people(600)
    table["level"] = np.arange(600) % 12
    found = loaded("table", write(tmp_path, table), path="people.csv", target="level")
    assert found.class_names == tuple(map(str, range(12)))


def _changed(column: str, row: int, value: object) -> pandas.DataFrame:
    table = people().astype({column: object})
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (people(), {"target": "kinds"}, "no column 'kinds' (target); did you mean 'kind'?"),
        (people(), {"features": ["hight"]}, "no column 'hight' (features); did you mean 'height'?"),
        (people(), {"split": "colours"}, "no column 'colours' (split); did you mean 'colour'?"),
        (people(), {"categories": ["x"]}, "no column 'x' (categories)"),
        (people(), {"path": "poeple.csv"}, "did you mean 'people.csv'?"),
        (_changed("height", 6, "NaN"), {}, "row 7: 'height' is empty or no number"),
        (_changed("height", 6, "inf"), {}, "row 7: inf in 'height' is beyond float32"),
        (_changed("height", 6, 1e300), {}, "row 7: 1e+300 in 'height' is beyond float32"),
        (_changed("age", 6, "12x"), {}, "row 7: '12x' in 'age' is no number"),
        (_changed("kind", 6, None), {}, "row 7: 'kind' is empty"),
        (people(), {"target": "price"}, "has numbers such as"),
        (people().assign(kind="tall"), {}, "one class, 'tall'"),
        (_changed("kind", 6, "large"), {}, "with every class in each part"),
        (people(), {"target": "kind", "predict": "number"}, "row 1: 'tall' in 'kind' is no number"),
        (people()[["kind"]], {}, "no column beside the target"),
        (
            people().assign(name=[f"n{n}" for n in range(60)]),
            {"path": "long.csv"},
            "different",
        ),
        (people().head(0), {}, "no rows"),
    ],
)
def test_what_is_wrong_is_one_line(
    tmp_path: Path, table: pandas.DataFrame, options: dict, said: str
) -> None:
    write(tmp_path, table)
    if options.get("path") == "long.csv":
        many = pandas.concat([table] * 3, ignore_index=True)
        many["name"] = [f"n{n}" for n in range(180)]
        write(tmp_path, many, "long.csv")
    assert said in refusal("table", tmp_path, **{**ASKED, **options})


def test_a_class_in_test_only(tmp_path: Path) -> None:
    table = people()
    table["part"] = ["train"] * 40 + ["validation", "test"] * 10
    table.loc[59, "kind"] = "smal"
    said = refusal("table", write(tmp_path, table), **ASKED, split="part")
    assert "the class 'smal' is in test, but not in train; did you mean 'small'?" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2,3,4\n5,6,7,8,9\n", "is no table that can be read"),
        (b"", "is no table that can be read"),
        (b"a,kind\n\xff\xfe,1\n", "is no table that can be read"),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "people.csv").write_bytes(content)
    assert said in refusal("table", tmp_path, **ASKED)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"features": ["kind"]}, "it would tell the answer"),
        ({"target": ["a", "b"]}, "several targets"),
        ({"predict": "labels"}, "needs several targets"),
        ({"scale_target": True}, "scale_target is for"),
        ({"target": ""}, "should be a column"),
    ],
)
def test_options_that_do_not_go_together(options: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        kinds.dataset("table", {**ASKED, **options})


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    source = kinds.dataset("table", ASKED)
    before = source.fingerprint(write(tmp_path, people()))
    other = tmp_path / "elsewhere"
    other.mkdir()
    assert source.fingerprint(write(other, people())) == before
    assert source.fingerprint(write(tmp_path, people(61))) != before
