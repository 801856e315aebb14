"""The pytest plugin: options and fixtures. All else is imported only where it is asked for.

`pytest --compbench RUN --compbench-baseline BASELINE` gates a run's files: gate/pytest_items.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from compbench.gate.paired_timing import Comparison
    from compbench.runtime.session import OrtSession


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; `pytest_load_initial_conftests` adds the limits for pytest's configuration."""
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


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    """The limits of all gate checks, as `[gate]` of a suite file has them.

    Not in `pytest_addoption`, because reading the checks takes longer than most test runs may be
    slowed down: only where something is gated, help is shown, or the configuration names a limit.
    """
    asked = early_config.known_args_namespace
    file = early_config.inipath
    configured = f"{asked.override_ini} {file.read_text('utf-8', 'replace') if file else ''}"
    if asked.compbench is None and not asked.help and "compbench_" not in configured:
        return
    from compbench.suite.gate import gate_model, old_names

    for name, field in gate_model().model_fields.items():
        text = f"{field.description}; goes before the suite's [gate]"
        parser.addini(f"compbench_{name}", text, default=None)
    for old, name in old_names().items():
        parser.addini(f"compbench_{old}", f"the old name of compbench_{name}", default=None)


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
    """`compbench_session(model, target=None, inputs=None)`: an ONNX file under the protocol.

    `model` is a path or, with --compbench, a variant of the candidate. Threads are pinned, nothing
    spins, inputs and outputs are bound: `benchmark(session.run)` times one inference.
    """
    from compbench.gate.pytest_fixtures import Files

    return Files.of(request.config).session


@pytest.fixture
def compbench_compare(request: pytest.FixtureRequest) -> Callable[..., Comparison]:
    """`compbench_compare(candidate, baseline, inputs=None, target=None, limits=None)`.

    Both ONNX files measured side by side in fresh processes; the result has `ratio`, `control`,
    `verdict` and `note`, which says what is missing for a verdict.
    """
    from compbench.gate.pytest_fixtures import Files

    return Files.of(request.config).compare
