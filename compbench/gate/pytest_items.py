"""`pytest --compbench`: one test for every variant and target, and its own section at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pydantic import ValidationError

from compbench.data import cache
from compbench.errors import JobFailed, UserError, explain
from compbench.files import FULL_DISK, disk_error
from compbench.gate import baseline, prepare
from compbench.gate import pair as pairs
from compbench.gate.check import Evidence, Pair, Result, Verdict, overall
from compbench.gate.prepare import Guard
from compbench.gate.pytest_benchmark import no_table, tabulate
from compbench.suite.gate import gate_model, old_names

GUARD = pytest.StashKey[Guard]()
OUTCOME = "compbench"  # properties of a test, also in JUnit files
SUMMARY = "compbench_summary"
NEW = "NEW"
_LETTERS = {Verdict.INCONCLUSIVE: "I", NEW: "N"}


class GateFailed(Exception):
    """Its text is all that is printed."""


def activate(config: pytest.Config) -> None:
    """Read candidate and baseline and make pytest collect their pairs. Raises UserError."""
    _refuse_xdist(config)
    asked: Any = config.option
    places = baseline.Places(asked.compbench_baselines, asked.compbench_results)
    name = asked.compbench_baseline
    if not name:
        known = ", ".join(name for name, _ in baseline.listed(places.baselines))
        hint = f"known: {known}" if known else "save one with: compbench baseline save RUN"
        raise UserError(f"--compbench needs --compbench-baseline BASELINE; {hint}")
    folder = baseline.find(name, places.baselines)
    with cache.fallback(asked.compbench_results):
        found = prepare.prepare(
            baseline.read(asked.compbench, places),
            baseline.load(folder),
            asked.compbench_data_dir,
            _limits(config),
        )
    config.stash[GUARD] = found
    record = folder.absolute() / baseline.RECORD
    config.pluginmanager.register(Plugin(found, record, config), "compbench-gate")
    _collect_also(config, record)


class Plugin:
    """The hooks that are needed only where something is gated."""

    def __init__(self, found: Guard, record: Path, config: pytest.Config):
        self.guard = found
        self.record = record
        self.config = config

    def pytest_report_header(self) -> list[str]:
        """What is compared with what, by which limits."""
        return self._about()

    def pytest_collect_file(self, file_path: Path, parent: pytest.Collector) -> pytest.File | None:
        """The baseline's record stands for the tests."""
        if file_path.name == baseline.RECORD and file_path.samefile(self.record):
            return GateFile.from_parent(parent, path=file_path)
        return None

    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, Any] | None:
        """INCONCLUSIVE and NEW are outcomes of their own."""
        found = dict(getattr(report, "user_properties", ())).get(OUTCOME)
        if report.when != "call" or not report.passed or found not in _LETTERS:
            return None
        return str(found).lower(), _LETTERS[found], (found, {"yellow": True})

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """A line for each test, and what one must know to read them."""
        terminalreporter.section("compbench")
        for line in self._about():
            terminalreporter.write_line(line)
        for reports in terminalreporter.stats.values():
            for report in reports:
                for name, line in getattr(report, "user_properties", ()):
                    if name == SUMMARY and report.when == "call":
                        terminalreporter.write_line(line)

    def _about(self) -> list[str]:
        ours, theirs = self.guard.baseline, self.guard.candidate
        saved = f"suite {ours.record.suite}, commit {ours.record.git_commit or 'unknown'}"
        first = f"{theirs.label} against {ours.label} ({saved}, saved {ours.record.saved})"
        notes = [first, *self.guard.notes, no_table(self.config)]
        return [f"compbench: {note}" for note in notes if note]


class GateFile(pytest.File):
    """The baseline's record; its tests are the pairs."""

    def collect(self) -> Iterator[GateItem]:
        """One test for every variant and target."""
        for pair in self.config.stash[GUARD].pairs():
            yield GateItem.from_parent(self, name=str(pair), pair=pair)


class GateItem(pytest.Item):
    """The candidate's file of a variant against the baseline's, on a target."""

    fixturenames = ("benchmark",)  # so that --benchmark-only and --benchmark-skip know it

    def __init__(self, pair: Pair, **fields: Any):
        super().__init__(**fields)
        self.pair = pair

    def runtest(self) -> None:
        """Measure and judge; a FAIL raises, all else is told in the summary."""
        found = self.config.stash[GUARD]
        reason = self.pair.target.unavailable()
        if reason:
            self._tell("SKIPPED", reason)
            pytest.skip(reason)
        self._refuse_lost(found)
        if self.pair.baseline is None:
            self._tell(NEW, "the baseline has no such variant: nothing to compare with")
            return
        try:
            measured = pairs.measure(self.pair, found.data, found.limits)
        except JobFailed as error:
            self._fail([f"it can't be measured: {error}"])
        except OSError as error:
            if error.errno not in FULL_DISK:
                raise
            self._fail([f"it can't be measured: {disk_error(error)}"])
        evidence = Evidence(self.pair, measured, found.candidate, found.baseline, found.judged)
        results = pairs.judge(evidence, found.limits)
        tabulate(self, self.pair, measured, results, found)
        self._judge(results)

    def _refuse_lost(self, found: Guard) -> None:
        failure = found.candidate.failure(self.pair.variant, self.pair.target_name)
        if failure:
            self._fail([f"the candidate's run failed: {failure}"])
        if self.pair.candidate is None:
            where = found.candidate.label
            self._fail([f"the baseline has this variant, the candidate {where} no longer has it"])

    def _judge(self, results: list[Result]) -> None:
        lines = [str(result) for result in results]
        verdict = overall(results)
        is_strict = self.config.getoption("--compbench-strict")
        if verdict is Verdict.FAIL or (verdict is Verdict.INCONCLUSIVE and is_strict):
            self._fail(lines)
        first = results if verdict is Verdict.PASS else [r for r in results if r.verdict == verdict]
        self._tell(verdict, next(f"{r.name}: {r.line}" for r in first if r.verdict == verdict))

    def _fail(self, lines: list[str]) -> NoReturn:
        self._tell(Verdict.FAIL, lines[0])
        raise GateFailed("\n".join([str(self.pair), *(f"  {line}" for line in lines)]))

    def _tell(self, outcome: str, line: str) -> None:
        self.user_properties += [
            (OUTCOME, str(outcome)),
            (SUMMARY, f"{outcome} {self.pair}: {line}"),
        ]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Why the gate failed, without a traceback."""
        if isinstance(excinfo.value, GateFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where and what it is, in the failures' headings."""
        return self.path, 0, str(self.pair)


def _limits(config: pytest.Config) -> dict[str, float | str]:
    """The limits in pytest's configuration. Raises UserError where one is wrong."""
    given: dict[str, float | str] = {}
    names = {**{name: name for name in gate_model().model_fields}, **old_names()}
    for called, name in names.items():
        value = config.getini(f"compbench_{called}")
        if value is None:
            continue
        given[name] = _number(value)
        try:
            gate_model()(**{name: given[name]})
        except ValidationError as error:
            where = config.inipath or "pytest's configuration"
            raise UserError(explain(error, str(where), ())) from error
    return given


def _number(text: str) -> float | str:
    """What a suite file would have: 5, 0.5 or '1pp'."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def _collect_also(config: pytest.Config, record: Path) -> None:
    """The pairs alone, or with the paths that the command line names."""
    if config.args_source is not config.ArgsSource.ARGS:
        config.args[:] = [str(record)]
    elif not any(Path(a.partition("::")[0]).absolute() == record for a in config.args):
        config.args.append(str(record))


def _refuse_xdist(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None) or config.getoption("dist", "no") != "no":
        raise UserError("measurements would disturb each other under pytest-xdist: leave out -n")
