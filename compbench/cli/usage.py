"""How to call a file, as the README beside it says it: with onnxruntime and numpy alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from keyword import iskeyword
from typing import Any, NamedTuple

import numpy as np

from compbench import safe_markdown, units
from compbench.errors import UserError, printable, shown
from compbench.results.record import Run
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import ancestors

_DTYPES = {"float": "float32", "double": "float64"}  # ONNX's words


class Measured(NamedTuple):
    """The metric of a file, of so many test samples."""

    quality: Interval
    samples: int


class About(NamedTuple):
    """What file it is, and what was measured of it by target."""

    variant: str
    seed: int
    run: Run
    folder: str
    measured: Mapping[str, Measured]


def readme(file: str, told: Mapping[str, str], about: About) -> str:
    """The page beside a file of this name, from what the file says of itself."""
    names = json.loads(told["outputs"])
    inputs, feeds = json.loads(told["inputs"]), json.loads(told["feeds"])
    steps = [*ancestors(about.run, about.variant), about.variant]
    described = about.run.variants
    lineage = " → ".join(f"{s} ({described[s]['technique']})" for s in steps)
    companions = about.run.dataset.get("companions", {})
    batch = next(iter(inputs.values()))["shape"][0]
    count = batch if isinstance(batch, int) else 1
    arguments = ", ".join(_argument(feed["source"]) for feed in feeds)
    named = isinstance(names, list)
    answer = "[NAMES[place] for place in {}.argmax(axis=-1)]" if named else "{}"
    return _PAGE.format(
        variant=about.variant,
        seed=about.seed,
        file=_shown(file),
        path=file,
        suite=_shown(about.run.suite),
        folder=_shown(about.folder),
        dataset=_shown(about.run.dataset["name"]),
        lineage=_shown(lineage),
        measured=_shown(_measured(about)),
        metric=_shown(about.run.headline.title),
        any=f"always {batch}" if isinstance(batch, int) else "any number of",
        inputs="\n".join(_input(feed, inputs[feed["name"]]) for feed in feeds),
        arguments=arguments,
        fed="\n".join(f"        {feed['name']!r}: {_code(feed)}," for feed in feeds),
        examples="\n".join(_example(feed, inputs[feed["name"]], count, about) for feed in feeds),
        output=_shown(told["output"]),
        fetched=told["output"],
        companions="".join(
            f"\n- Beside it: `{_shown(name)}`: {_shown(use)}." for name, use in companions.items()
        ),
        names=f"\nNAMES = {names!r}" if named else "",
        answer=answer.format(f"infer({arguments})"),
        key=_shown(told["key"]),
        version=_shown(told["version"]),
    )


def _shown(text: str) -> str:
    """A word of a run's or a file's, which may be a stranger's, as a page shows it."""
    return safe_markdown.page(printable(text)).replace("`", "'")


def _argument(name: str) -> str:
    """A name as code has it. Raises UserError for what would be other code."""
    if not name.isidentifier() or iskeyword(name):
        raise UserError(f"the file is fed with {shown(name)}, which is no name in Python")
    return name


def _dtype(name: str) -> str:
    """One of numpy's, as code has it. Raises UserError for what would be other code."""
    try:
        return np.dtype(name).name
    except TypeError:
        raise UserError(
            f"the file is fed with numbers of {shown(name)}, which there are not"
        ) from None


def _input(feed: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    shape = _shown(", ".join(map(str, one["shape"])))
    dtype = _shown(_DTYPES.get(one["dtype"]) or one["dtype"])
    return f"- Input `{_shown(feed['name'])}`: {dtype} ({shape})."


def _code(feed: Mapping[str, Any]) -> str:
    """A raw input as the file takes it, in numpy."""
    code, scaling = _argument(feed["source"]), feed["normalisation"]
    if scaling:
        full = f" / {scaling['full']:g}" if scaling["full"] != 1 else ""
        mean, std = (f"channels({[*map(float, scaling[key])]}, {code})" for key in ("mean", "std"))
        code = f"({code}{full} - {mean}) / {std}"
    if feed["layout"] == "channels_last":
        code = f"np.moveaxis({code}, 1, -1)"
    return f"({code}).astype(np.{_dtype(feed['dtype'])})"


def _example(feed: Mapping[str, Any], one: Mapping[str, Any], count: int, about: About) -> str:
    raw = about.run.dataset["inputs"][feed["source"]]
    shape = ", ".join(str(int(length)) for length in (count, *raw["shape"]))
    name = _argument(feed["source"])
    return f"{name} = np.zeros(({shape}), np.{_dtype(raw['dtype'])})  # your own"


def _measured(about: About) -> str:
    text = about.run.headline.interval_text
    of = "of" if about.run.headline.is_share else "on"
    noun = f"test {about.run.noun}"
    told = [
        f"{target} {text(found.quality)} {of} {units.counted(found.samples, noun)}"
        for target, found in about.measured.items()
    ]
    return "; ".join(told) or "not measured"


_PAGE = """\
# {variant}

`{file}` is made for `{dataset}`. It is the variant `{variant}` (seed {seed})
of the suite `{suite}`, measured in the run `{folder}`.

- Lineage: {lineage}.
- {metric}, with its 95 % interval: {measured}.
{inputs} It takes {any} samples.
- Output `{output}`: float32.{companions}

Raw inputs must be prepared as they were in training, or the quality is lost. Only onnxruntime and
numpy are needed:

```python
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession({path!r}, providers=["CPUExecutionProvider"]){names}


def channels(values, batch):
    \"\"\"One value a channel (axis 1), for arithmetic with a batch (N, C, ...).\"\"\"
    return np.float32(values).reshape(1, -1, *[1] * (batch.ndim - 2))


def infer({arguments}):
    \"\"\"The outputs of a batch of raw inputs.\"\"\"
    inputs = {{
{fed}
    }}
    (outputs,) = session.run([{fetched!r}], inputs)
    return outputs


{examples}
print({answer})
```

The file says the same itself: `session.get_modelmeta().custom_metadata_map` has inputs,
what they are fed with, outputs, metric, lineage and key (`{key}`), each name after `compbench.`
(version {version}).
"""
