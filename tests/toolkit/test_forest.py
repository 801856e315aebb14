"""Trees, their files, and scikit-learn's own answers, on inputs that sit on thresholds."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper
from sklearn.ensemble import RandomForestRegressor

from compbench.contracts import Input, Signature
from compbench.onnxfile import size
from compbench.runtime import inference
from compbench.tasks import classification, multi_label, next_token, regression
from compbench.toolkit.forest import growth, means, trees
from compbench.toolkit.forest.file import to_file
from compbench.toolkit.forest.options import ForestOptions
from tests.fakes import cpu_session

KINDS = get_args(ForestOptions.model_fields["kind"].annotation)
FEATURES = 4
FLOATS = Signature({"features": Input("float32", (FEATURES,))}, 3)
TASKS = {
    "distribution": classification.Task(),
    "labels": multi_label.Task(),
    "values": regression.Task(),
}


def told(text: str, share: float) -> None:
    """Nobody listens."""


def grown(sample: growth.Sample, kind: str, threads: int = 1, **more: Any) -> growth.Grown:
    given = {"kind": kind, "trees": 12, "min_samples_leaf": 1, "depth": 6, **more}
    by = ForestOptions.model_validate(given)
    return growth.grown(sample, by, 1.0 if by.is_boosting else 0.7, 5, threads, told)


def sample(rows: NDArray[np.float32], of: str, outputs: int = 3, seed: int = 0) -> growth.Sample:
    random = np.random.default_rng(seed)
    if of == "distribution":
        wanted = random.dirichlet(np.full(outputs, 0.4), len(rows))
        wanted[::3] = np.eye(outputs)[np.arange(len(wanted[::3])) % outputs]
    elif of == "labels":
        wanted = (random.random((len(rows), outputs)) < 0.3).astype(float)
    else:
        wanted = random.normal(3, 20, (len(rows), outputs))
    return growth.Sample(rows, wanted)


def outputs(file: bytes, inputs: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    return inference.outputs(cpu_session(file), inputs)


def on_thresholds(found: growth.Grown, random: np.random.Generator) -> NDArray[np.float32]:
    """Rows of which each number is a threshold of its feature, or one of the two floats beside."""
    rows = np.zeros((400, FEATURES), np.float32)
    for feature in range(FEATURES):
        known = [
            tree.threshold[~tree.is_leaf & (tree.feature == feature)]
            for tree in found.ensemble.trees
        ]
        every = np.concatenate([*known, np.zeros(1, np.float32)])
        every = every[np.isfinite(every)]
        beside = [np.nextafter(every, np.float32(side)) for side in (-np.inf, np.inf)]
        rows[:, feature] = random.choice(np.concatenate([every, *beside]), len(rows))
    return rows


@pytest.mark.parametrize("of", TASKS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_gives_what_scikit_learn_gives(kind: str, of: str) -> None:
    """Also where float32 numbers lie on thresholds, which are means of two of them in float64."""
    random = np.random.default_rng(3)
    near = np.float32(1) + np.float32(2**-23) * random.integers(0, 200, (300, FEATURES))
    found = grown(sample(near.astype(np.float32), of), kind)
    link = means.link(TASKS[of], 3, temperature=2.0)
    file = to_file(found.ensemble, link, FLOATS)
    for rows in (near.astype(np.float32), on_thresholds(found, random)):
        wanted = link.outputs(found.predict(rows))
        given = outputs(file, {"features": rows})
        np.testing.assert_allclose(given, wanted, atol=1e-5 * max(1, wanted.std()), rtol=0)
        assert (given.argmax(1) == wanted.argmax(1)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_absent_numbers_go_where_scikit_learn_sends_them(kind: str) -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(300, FEATURES)).astype(np.float32)
    rows[random.random(rows.shape) < 0.2] = np.nan
    found = grown(sample(rows, "distribution"), kind)
    assert any((~tree.is_leaf & tree.absent_goes_left).any() for tree in found.ensemble.trees)
    link = means.link(TASKS["distribution"], 3)
    given = outputs(to_file(found.ensemble, link, FLOATS), {"features": rows})
    np.testing.assert_allclose(given, link.outputs(found.predict(rows)), atol=1e-5)


@given(
    thresholds=st.lists(st.floats(allow_nan=False, width=64, min_value=-3e38, max_value=3e38)),
    steps=st.lists(st.integers(-3, 3), min_size=1),
)
def test_a_rounded_threshold_parts_float32_numbers_alike(
    thresholds: list[float], steps: list[int]
) -> None:
    exact = np.array(thresholds, np.float64)
    rounded = trees.below(exact)
    for step in steps:
        near = exact.astype(np.float32)
        for _ in range(abs(step)):
            near = np.nextafter(near, np.float32(np.inf * step))
        assert ((near.astype(np.float64) <= exact) == (near <= rounded)).all()


@given(seed=st.integers(0, 10_000), kind=st.sampled_from(KINDS), leaf=st.integers(1, 9))
@settings(max_examples=15)
def test_any_forest_of_pixels_is_exact(seed: int, kind: str, leaf: int) -> None:
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 256, (60, 1, 2, 2)).astype(np.uint8)
    signature = Signature({"pixels": Input("uint8", (1, 2, 2))}, 3)
    taught = sample(trees.table({"pixels": pixels}), "distribution", seed=seed)
    found = grown(taught, kind, min_samples_leaf=leaf)
    link = means.link(TASKS["distribution"], 3)
    unseen = random.integers(0, 256, (200, 1, 2, 2)).astype(np.uint8)
    given = outputs(to_file(found.ensemble, link, signature), {"pixels": unseen})
    wanted = link.outputs(found.predict(trees.table({"pixels": unseen})))
    np.testing.assert_allclose(given, wanted, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_threads_change_nothing(kind: str) -> None:
    rows = np.random.default_rng(0).normal(size=(400, FEATURES)).astype(np.float32)
    link = means.link(TASKS["distribution"], 3)
    files = {
        to_file(grown(sample(rows, "distribution"), kind, threads).ensemble, link, FLOATS)
        for threads in (1, 1, 2, 3)
    }
    assert len(files) == 1


@pytest.mark.parametrize("kind", ["random_forest", "extra_trees"])
def test_a_forest_grown_in_parts_is_one_grown_at_once(kind: str) -> None:
    rows = np.random.default_rng(0).normal(size=(200, FEATURES)).astype(np.float32)
    taught = sample(rows, "distribution")
    found = grown(taught, kind, trees=50)
    model = type(RandomForestRegressor())  # the same, all trees together
    if kind == "extra_trees":
        from sklearn.ensemble import ExtraTreesRegressor as model
    whole = model(50, max_depth=6, max_features=0.7, random_state=5).fit(rows, taught.wanted)
    np.testing.assert_array_equal(found.predict(rows), whole.predict(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_how_far_it_is_is_told(kind: str) -> None:
    rows = np.random.default_rng(0).normal(size=(60, FEATURES)).astype(np.float32)
    said: list[tuple[str, float]] = []
    by = ForestOptions.model_validate({"kind": kind, "trees": 40})
    growth.grown(sample(rows, "values"), by, 0.5, 5, 1, lambda *news: said.append(news))
    shares = [share for _, share in said]
    assert shares == sorted(shares) and shares[-1] == 1
    assert len(shares) == (3 if by.is_boosting else 20)
    assert said[0][0] == ("trees of output 1/3" if by.is_boosting else "tree 2/40")


def test_weights_are_samples_taken_several_times() -> None:
    """A weight of 2 is the sample twice, where no sample is drawn."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(80, FEATURES)).astype(np.float32)
    wanted = random.dirichlet(np.ones(3), 80)
    twice = np.concatenate([rows, rows[:40]]), np.concatenate([wanted, wanted[:40]])
    weights = np.where(np.arange(80) < 40, 2.0, 1.0)
    a = grown(growth.Sample(rows, wanted, weights), "gradient_boosting", depth=2)
    b = grown(growth.Sample(*twice), "gradient_boosting", depth=2)
    np.testing.assert_allclose(a.predict(rows), b.predict(rows), atol=1e-6)


def test_one_output_and_several_inputs() -> None:
    random = np.random.default_rng(0)
    inputs = {
        "a": random.normal(size=(90, 2)).astype(np.float64),
        "b": random.integers(-9, 9, (90, 1, 2)).astype(np.int16),
    }
    signature = Signature({"a": Input("float64", (2,)), "b": Input("int16", (1, 2))}, 1, "output")
    rows = trees.table(inputs)
    for kind in KINDS:
        found = grown(sample(rows, "values", outputs=1), kind)
        link = means.link(regression.Task(), 1)
        file = to_file(found.ensemble, link, signature)
        given = outputs(file, inputs)
        np.testing.assert_allclose(given, found.predict(rows), rtol=1e-5, atol=1e-4)
        assert given.shape == (90, 1)


def test_a_constant_is_learnt() -> None:
    """A class that no sample has: trees of a single leaf, all zero."""
    rows = np.random.default_rng(0).normal(size=(60, FEATURES)).astype(np.float32)
    wanted = np.tile([1.0, 0.0, 0.0], (60, 1))
    link = means.link(TASKS["distribution"], 3)
    for kind in KINDS:
        found = grown(growth.Sample(rows, wanted), kind)
        given = outputs(to_file(found.ensemble, link, FLOATS), {"features": rows})
        np.testing.assert_allclose(given, np.tile(np.log([1, 0.01, 0.01]), (60, 1)), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_all_sizes_of_its_file_are_told(kind: str) -> None:
    rows = np.random.default_rng(0).normal(size=(200, FEATURES)).astype(np.float32)
    found = grown(sample(rows, "distribution"), kind)
    link = means.link(TASKS["distribution"], 3, temperature=4.0)
    measured = size.measure(to_file(found.ensemble, link, FLOATS))
    splits = sum(int((~tree.is_leaf).sum()) for tree in found.ensemble.trees)
    told_numbers = sum(
        max(1, np.count_nonzero(values))
        for tree in found.ensemble.trees
        for values in tree.values[tree.is_leaf].astype(np.float32)
    )
    base = 0 if found.ensemble.base is None else len(found.ensemble.base)
    assert measured.parameters == splits + told_numbers + base
    assert measured.macs == 0
    assert measured.weight_types == {"float32": measured.parameters}
    assert measured.coded_bytes and measured.coded_bytes < measured.size_bytes


def test_skl2onnx_writes_the_same_forest() -> None:
    """Where it can: forests, with no number absent."""
    skl2onnx = pytest.importorskip("skl2onnx")
    rows = np.random.default_rng(0).normal(size=(200, FEATURES)).astype(np.float32)
    taught = sample(rows, "values")
    model = RandomForestRegressor(12, max_depth=6, max_features=0.7, random_state=5)
    model.fit(rows, taught.wanted)
    theirs = skl2onnx.to_onnx(model, rows[:1], target_opset={"": 18, "ai.onnx.ml": 3})
    (node,) = (one for one in theirs.graph.node if one.op_type == "TreeEnsembleRegressor")
    link = means.link(TASKS["values"], 3)
    own = onnx.load_model_from_string(
        to_file(grown(taught, "random_forest").ensemble, link, FLOATS)
    )
    (mine,) = (one for one in own.graph.node if one.op_type == "TreeEnsembleRegressor")
    same = ("nodes_featureids", "nodes_values", "nodes_truenodeids", "nodes_modes", "target_ids")
    for name in (*same, "nodes_treeids", "target_nodeids"):
        a, b = (
            next(helper.get_attribute_value(x) for x in n.attribute if x.name == name)
            for n in (node, mine)
        )
        assert list(a) == list(b), name


def test_shares_count_for_something() -> None:
    """Of many classes less than 1 % each."""
    assert means.link(classification.Task(), 10).least == 0.01
    assert means.link(classification.Task(), 1000).least == 1e-4
    told_means = np.full((1, 1000), 0.9e-3)
    told_means[0, 7] = 2e-3
    assert means.link(classification.Task(), 1000).outputs(told_means).argmax() == 7


def test_a_teacher_comes_back_from_what_is_learnt() -> None:
    """T · log softmax(z / T) are logits again; the same of labels; numbers are themselves."""
    logits = np.random.default_rng(0).normal(0, 3, (50, 3)).astype(np.float32)
    for of, task in TASKS.items():
        link = means.link(task, 3, temperature=4.0)
        soft = means.softened(logits, task.means, link.temperature)
        back = link.outputs(soft)
        if of == "distribution":
            np.testing.assert_allclose(soft.sum(1), 1)
            back, logits_now = (x - x.mean(1, keepdims=True) for x in (back, logits))
        else:
            logits_now = logits
        np.testing.assert_allclose(back, logits_now, atol=1e-4)


def test_what_has_no_means_is_refused() -> None:
    with pytest.raises(ValueError, match="trees learn means of samples: of one class, of labels"):
        means.link(next_token.Task(), 50)


def test_targets_as_numbers() -> None:
    smooth = classification.Task(label_smoothing=0.1)
    np.testing.assert_allclose(smooth.numbers(np.array([1, 0]), 2), [[0.05, 0.95], [0.95, 0.05]])
    np.testing.assert_array_equal(regression.Task().numbers(np.array([1.5, 2]), 1), [[1.5], [2]])
    labels = np.array([[0, 1], [1, 1]])
    np.testing.assert_array_equal(multi_label.Task().numbers(labels, 2), labels)


def test_a_file_that_would_be_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    from compbench.toolkit.forest import file

    monkeypatch.setattr(file, "_MOST_NUMBERS", 100)
    rows = np.random.default_rng(0).normal(size=(200, FEATURES)).astype(np.float32)
    found = grown(sample(rows, "values"), "random_forest")
    with pytest.raises(ValueError, match=r"numbers in leaves are more than a file holds \(100\)"):
        to_file(found.ensemble, means.link(TASKS["values"], 3), FLOATS)
