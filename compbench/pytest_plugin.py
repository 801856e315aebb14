"""The pytest plugin: options and fixtures. All else is imported only where it is asked for.

`pytest --compbench RUN --compbench-baseline BASELINE` gates a run's files; see `pytest_gate`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from compbench.gate.engine import Comparison
    from compbench.runtime.session import OrtSession

LIMITS = {  # as `[gate]` of a suite file has them
    "latency_ratio": "time allowed, to the baseline's",
    "accuracy_drop": "drop of accuracy allowed, 0 to 1",
    "bytes_ratio": "bytes of the ONNX file allowed, to the baseline's",
    "memory_ratio": "peak memory allowed, to the baseline's",
    "memory_processes": "fresh processes in which each file's memory is measured",
    "parity_agreement": "least share of test samples with the class of what the file was made from",
    "max_logit_difference": "largest difference of a logit from what the file was made from",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and, for pyproject.toml or pytest.ini, the limits."""
    group = parser.getgroup("compbench", "compbench: regressions of compressed models")
    group.addoption(
        "--compbench",
        metavar="RUN",
        help="gate this candidate: a run (folder, suite file or suite name), "
        "a baseline's folder, or a folder of ONNX files named after variants",
    )
    group.addoption(
        "--compbench-baseline", metavar="BASELINE", help="compare with it: a folder, or a name"
    )
    group.addoption(
        "--compbench-strict", action="store_true", help="what is INCONCLUSIVE fails as well"
    )
    for name, default, text in (
        ("baselines", "baselines", "where baselines are kept"),
        ("results", "results", "where artifacts and runs are kept"),
        ("data-dir", os.environ.get("COMPBENCH_DATA", "data"), "where datasets are"),
    ):
        group.addoption(
            f"--compbench-{name}",
            metavar="FOLDER",
            type=Path,
            default=Path(default),
            help=f"{text} ({default})",
        )
    for name, text in LIMITS.items():
        parser.addini(f"compbench_{name}", f"{text}; goes before the suite's [gate]", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Gate, where it was asked for. What is wrong with the request ends pytest with code 4."""
    if config.getoption("--compbench") is None:
        for option in ("--compbench-baseline", "--compbench-strict"):
            if config.getoption(option):
                raise pytest.UsageError(f"{option} needs --compbench RUN: what is to be gated")
        return
    from compbench.errors import UserError
    from compbench.gate.pytest_items import activate

    try:
        activate(config)
    except UserError as error:
        raise pytest.UsageError(f"compbench: {error}") from None


@pytest.fixture
def compbench_session(request: pytest.FixtureRequest) -> Callable[..., OrtSession]:
    """`compbench_session(model, target=None, images=None)`: an ONNX file under the protocol.

    `model` is a path or, with --compbench, a variant of the candidate. Threads are pinned, nothing
    spins, inputs and outputs are bound: `benchmark(session.run)` times one inference.
    """
    from compbench.gate.pytest_fixtures import Files

    return Files.of(request.config).session


@pytest.fixture
def compbench_compare(request: pytest.FixtureRequest) -> Callable[..., Comparison]:
    """`compbench_compare(candidate, baseline, images=None, target=None, limits=None)`.

    Both ONNX files measured side by side in fresh processes; the result has `ratio`, `control` and
    `verdict`.
    """
    from compbench.gate.pytest_fixtures import Files

    return Files.of(request.config).compare
