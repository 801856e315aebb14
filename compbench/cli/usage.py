"""How to call a file, as the README beside it says it: with onnxruntime and numpy alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

from compbench import units
from compbench.results.record import Run
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import ancestors


class Measured(NamedTuple):
    """How often a file was right, of so many test images."""

    accuracy: Interval
    images: int


class About(NamedTuple):
    """What file it is, and what was measured of it by target."""

    variant: str
    seed: int
    run: Run
    folder: str
    measured: Mapping[str, Measured]


def readme(file: str, told: Mapping[str, str], about: About) -> str:
    """The page beside a file of this name, from what the file says of itself."""
    names = json.loads(told["classes"])
    classes = len(names) if isinstance(names, list) else names
    batch, channels, height, width = json.loads(told["input_shape"])
    steps = [*ancestors(about.run, about.variant), about.variant]
    described = about.run.variants
    lineage = " → ".join(f"{s} ({described[s]['technique']})" for s in steps)
    return _PAGE.format(
        variant=about.variant,
        seed=about.seed,
        file=file,
        suite=about.run.suite,
        folder=about.folder,
        dataset=about.run.dataset["name"],
        lineage=lineage,
        measured=_measured(about),
        any="any number of" if batch == "batch" else f"always {batch}",
        count=1 if batch == "batch" else batch,
        channels=channels,
        height=height,
        width=width,
        mean=told["mean"],
        std=told["std"],
        input=told["input"],
        output=told["output"],
        names=repr(names) if isinstance(names, list) else f"list(range({classes}))",
        classes=classes,
        key=told["key"],
        version=told["version"],
    )


def _measured(about: About) -> str:
    told = [
        f"{target} {units.percent(found.accuracy)} of {found.images:,} test images"
        for target, found in about.measured.items()
    ]
    return "; ".join(told) or "not measured"


_PAGE = """\
# {variant}

`{file}` tells {classes} classes of `{dataset}` apart. It is the variant `{variant}` (seed {seed})
of the suite `{suite}`, measured in the run `{folder}`.

- Lineage: {lineage}.
- Accuracy, with its 95 % interval: {measured}.
- Input `{input}`: float32, {any} images (N, {channels}, {height}, {width}), normalised as below.
- Output `{output}`: float32 (N, {classes}), a logit for each class; the largest is the answer.

Pixels must be normalised as they were in training, or the accuracy is lost: divided by 255, less
the mean, over the standard deviation of the training images. Only onnxruntime and numpy are needed:

```python
import numpy as np
import onnxruntime

MEAN, STD = {mean}, {std}
CLASSES = {names}

session = onnxruntime.InferenceSession("{file}", providers=["CPUExecutionProvider"])


def classify(pixels):
    \"\"\"Places in CLASSES, of images uint8 (N, {channels}, {height}, {width}).\"\"\"
    images = (pixels.astype(np.float32) / 255 - MEAN) / STD
    (logits,) = session.run(["{output}"], {{"{input}": images}})
    return logits.argmax(axis=1)


pixels = np.zeros(({count}, {channels}, {height}, {width}), np.uint8)  # your images
print([CLASSES[index] for index in classify(pixels)])
```

The file says the same itself: `session.get_modelmeta().custom_metadata_map` has layout, mean,
standard deviation, classes, metric, lineage and key (`{key}`), each name after `compbench.`
(version {version}).
"""
