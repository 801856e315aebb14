"""What a dataset's own code gives -> samples that can be relied on, or a line on what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import DatasetSource, Samples
from compbench.errors import UserError, shown, told
from compbench.registry import registry


def fingerprint(source: DatasetSource, data_dir: Path) -> str | None:
    """The digest of the source's content, None where it is absent. Raises UserError."""
    found = _called(source, "fingerprint", data_dir)
    if found is not None and not isinstance(found, str):
        raise _wrong(source, f"fingerprint gave {shown(found)}, which should be a text or None")
    return found


def load(source: DatasetSource, data_dir: Path) -> Samples:
    """The source's samples, with labels as int64.

    Raises UserError where they can't be read, or are not as `Samples` says.
    """
    found = _called(source, "load", data_dir)
    if not isinstance(found, Samples):
        raise _wrong(source, f"load gave {type(found).__name__}, which should be Samples(...)")
    if (found.test_images is None) != (found.test_labels is None):
        raise _wrong(source, "of test_images and test_labels one is None: give both or none")
    names = source.class_names
    if names and (len({*names}) != source.classes or len(names) != source.classes):
        raise _wrong(
            source,
            f"class_names are {len(names)}, which should be one for each of {source.classes}",
        )
    images, labels = _split(source, "", found.images, found.labels)
    missing = np.setdiff1d(np.arange(source.classes), labels)
    if missing.size:
        raise _wrong(
            source,
            f"class {missing[0]} has no sample to learn from: classes = {source.classes} means "
            f"labels of 0 to {source.classes - 1}",
        )
    if found.test_images is None:
        return Samples(images, labels)
    test_images, test_labels = _split(source, "test_", found.test_images, found.test_labels)
    if test_images.shape[1:] != images.shape[1:]:
        raise _wrong(
            source,
            f"test_images are of shape {test_images.shape[1:]}, images of {images.shape[1:]}",
        )
    return Samples(images, labels, test_images, test_labels)


def _split(
    source: DatasetSource, prefix: str, images: Any, labels: Any
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    for name, array in ((f"{prefix}images", images), (f"{prefix}labels", labels)):
        if not isinstance(array, np.ndarray):
            raise _wrong(source, f"{name} should be a numpy array, not {type(array).__name__}")
    problem = _wrong_images(images) or _wrong_labels(labels)
    if problem:
        raise _wrong(source, f"{prefix}{problem}")
    if len(images) != len(labels):
        part = "the test split" if prefix else "it"
        raise _wrong(source, f"{part} has {len(images)} images but {len(labels)} labels")
    if labels.min() < 0 or labels.max() >= source.classes:
        raise _wrong(source, f"{prefix}labels are not all in 0 to {source.classes - 1}")
    return images, labels.astype(np.int64)


def _wrong_images(images: NDArray[Any]) -> str | None:
    if images.ndim != 4:
        hint = "; for grey pictures: images[:, None]" if images.ndim == 3 else ""
        return f"images of shape {images.shape} should be (N, C, H, W){hint}"
    if images.dtype != np.uint8:
        return f"images of {images.dtype} should be pixels, uint8 from 0 to 255"
    return None if images.size else f"images of shape {images.shape} are empty"


def _wrong_labels(labels: NDArray[Any]) -> str | None:
    if labels.ndim != 1:
        hint = ": labels[:, 0]" if labels.shape[1:] == (1,) else ""
        return f"labels of shape {labels.shape} should be (N,){hint}"
    if not np.issubdtype(labels.dtype, np.integer):
        return f"labels of {labels.dtype} should be integers, 0 to classes - 1"
    return None if labels.size else "labels are empty"


def _called(source: DatasetSource, method: str, data_dir: Path) -> Any:
    try:
        return getattr(source, method)(data_dir)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # whatever a plugin's own code raises
        raise _wrong(source, f"{method} fails: {told(error)}") from error


def _wrong(source: DatasetSource, what: str) -> UserError:
    return UserError(f"the dataset '{registry.name_of(type(source))}': {what}")
