"""A classifier's own labels beside the dataset's names: another order would be wrong in silence."""

from __future__ import annotations

from collections.abc import Sequence

import onnx
import pytest
from onnx import helper

from compbench.onnxfile.foreign import refuse_other_classes


def classifier(labels: Sequence[str] | Sequence[int]) -> onnx.ModelProto:
    """As skl2onnx writes one: the labels are an attribute of a node."""
    kind = "strings" if isinstance(labels[0], str) else "int64s"
    node = helper.make_node(
        "LinearClassifier", ["x"], ["label", "scores"], domain="ai.onnx.ml", coefficients=[0.0]
    )
    node.attribute.append(helper.make_attribute(f"classlabels_{kind}", list(labels)))
    return helper.make_model(helper.make_graph([node], "net", [], []))


def noted(labels: Sequence[str] | Sequence[int], names: Sequence[str]) -> list[str]:
    notes = list[str]()
    refuse_other_classes(classifier(labels), names, notes.append)
    return notes


NAMES = ("1", "2", "10")  # as people count, and folders are sorted


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("cat", "dog"), ("cat", "dog")),
        ((0, 1), ("cat", "dog")),
        ((0, 1), ("0", "1")),
        ((1, 2, 10), NAMES),
        (("1", "2", "10"), NAMES),
    ],
)
def test_the_same_classes_in_the_same_order(
    labels: Sequence[str] | Sequence[int], names: Sequence[str]
) -> None:
    assert noted(labels, names) == []


@pytest.mark.parametrize(
    ("labels", "names", "message"),
    [
        (
            ("dog", "cat"),
            ("cat", "dog"),
            "its classes are dog, cat; the dataset's are cat, dog, in",
        ),
        (("1", "10", "2"), NAMES, "its classes are 1, 10, 2; the dataset's are 1, 2, 10, in that"),
        (("cat", "cow"), ("cat", "dog"), "its classes are cat, cow; the dataset's are cat, dog"),
        ((1, 2), ("0", "1"), "its classes are 1, 2; the dataset's are 0 to 1, in that order"),
        ((1, 0), ("cat", "dog"), "its classes are 1, 0; the dataset's are cat, dog, in that order"),
    ],
)
def test_others_and_another_order_are_refused(
    labels: Sequence[str] | Sequence[int], names: Sequence[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        noted(labels, names)


def test_words_for_what_has_other_names_are_told() -> None:
    (note,) = noted(("cat", "dog"), ("0", "1"))
    assert note == "its classes are called cat, dog: they are taken in that order as 0, 1, …"


def test_classifiers_that_others_are_made_of_have_labels_of_their_own() -> None:
    """One against the rest, for each class: of the file are the labels at its end."""
    made = [
        helper.make_node(
            "LinearClassifier",
            ["x"],
            [f"label{n}", f"scores{n}"],
            domain="ai.onnx.ml",
            coefficients=[0.0],
            classlabels_ints=[0, 1],
        )
        for n in range(3)
    ]
    joined = helper.make_node("Concat", [f"scores{n}" for n in range(3)], ["scores"], axis=1)
    for labels in ((0, 1, 2), (2, 1, 0)):
        end = helper.make_node(
            "ZipMap", ["scores"], ["maps"], domain="ai.onnx.ml", classlabels_int64s=labels
        )
        model = helper.make_model(helper.make_graph([*made, joined, end], "net", [], []))
        if labels == (0, 1, 2):
            refuse_other_classes(model, ("a", "b", "c"), print)
        else:
            with pytest.raises(ValueError, match="its classes are 2, 1, 0"):
                refuse_other_classes(model, ("a", "b", "c"), print)
