from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from compbench.runtime import git_state, machine
from tests.checkout import PLAIN, commit_all
from tests.factory import ENVIRONMENT


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return machine.record()


def test_a_record_has_all_fields_as_plain_values(record: dict[str, Any]) -> None:
    assert list(record) == list(machine.FIELDS)
    assert json.loads(json.dumps(record)) == record
    assert record["cpu"]
    assert record["cores"] >= 1
    assert record["memory_bytes"] > 2**28
    assert record["versions"].keys() >= {"compbench", "torch", "onnx", "onnxruntime", "numpy"}


def test_a_record_tells_which_onnx_runtime_measured(record: dict[str, Any]) -> None:
    assert set(record["runtime"]) == {"package", "build", "providers"}
    assert record["runtime"]["providers"] == onnxruntime.get_available_providers()
    assert not record["runtime"]["build"].startswith("ORT")


def test_a_machine_is_the_same_when_its_record_was_written_and_read(record: dict[str, Any]) -> None:
    assert machine.differences(json.loads(json.dumps(record)), record) == ""


def failing(*_: Any, **__: Any) -> Any:
    raise FileNotFoundError("nvidia-smi")


def late(*_: Any, **__: Any) -> Any:
    raise subprocess.TimeoutExpired("git", 10)


def ended(code: int, out: str) -> Any:
    return lambda *_, **__: subprocess.CompletedProcess([], code, out)


@pytest.mark.parametrize(
    ("run", "gpu", "commit"),
    [
        (failing, None, None),
        (late, None, None),
        (ended(128, "fatal"), None, None),
        (ended(0, ""), None, None),
        (ended(0, "H200, 570.1\nH200, 570.1\n"), "H200, 570.1", "H200, 570.1\nH200, 570.1"),
    ],
)
def test_tools_that_are_missing_or_fail_leave_a_field_empty(
    run: Any, gpu: str | None, commit: str | None, monkeypatch
) -> None:
    monkeypatch.setattr(subprocess, "run", run)
    assert (machine._gpu(), git_state.commit()) == (gpu, commit)


def test_nothing_that_a_folder_configures_is_run(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in set(os.environ) - set(PLAIN):
        monkeypatch.delenv(variable)
    (tmp_path / "a.txt").write_text("as it was")
    (tmp_path / ".gitattributes").write_text("*.txt filter=evil\n")
    commit_all(tmp_path)
    evil = f"touch {tmp_path / 'run'}; cat"
    with (tmp_path / ".git" / "config").open("a") as config:
        config.write(f'[core]\n\tfsmonitor = "{evil}"\n')
        config.write(f'[filter "evil"]\n\tclean = "{evil}"\n\tsmudge = "{evil}"\n')
    clean = git_state.commit()
    assert clean and not clean.endswith("-dirty")
    os.utime(tmp_path / "a.txt", (0, 0))  # touched, with the same content
    assert git_state.commit() == clean
    (tmp_path / "a.txt").write_text("as it is")
    assert git_state.commit() == f"{clean}-dirty"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changed", "is_dirty"),
    [
        ("reports/mine/README.md", False),
        ("results/reports/mine/README.md", False),
        ("results/runs/mine/now/run.json", True),
        ("net.py", True),
    ],
)
def test_a_commit_is_dirty_by_all_but_its_reports(
    changed: str, is_dirty: bool, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in set(os.environ) - set(PLAIN):
        monkeypatch.delenv(variable)
    path = tmp_path / changed
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("as it was")
    commit_all(tmp_path)
    clean = git_state.commit()
    assert clean and not clean.endswith("-dirty")
    path.write_text("as it is")
    assert git_state.commit() == clean + "-dirty" * is_dirty


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("cpu", "Other CPU", "CPU: Made-up CPU became Other CPU"),
        ("flags", [], "vector instructions: ['avx2'] became []"),
        ("cores", 4, "cores: 2 became 4"),
        ("gpu", "H200, 570", "GPU: None became H200, 570"),
        ("system", "Linux 6.1", "system: Linux 6.0 (x86_64) became Linux 6.1"),
        ("runtime", {}, f"ONNX Runtime: {ENVIRONMENT['runtime']} became {{}}"),
        (
            "versions",
            {"numpy": "2"},
            f"libraries: {ENVIRONMENT['versions']} became {{'numpy': '2'}}",
        ),
        ("load_1min", 9.0, ""),
        ("git_commit", "f" * 12, ""),
        ("governor", "performance", ""),
    ],
)
def test_what_makes_another_machine_is_named_with_both_values(
    field: str, value: Any, told: str
) -> None:
    assert machine.differences(ENVIRONMENT, {**ENVIRONMENT, field: value}) == told


def test_all_differences_are_named_and_a_field_of_an_older_record_may_be_missing() -> None:
    old = {name: value for name, value in ENVIRONMENT.items() if name != "runtime"}
    found = machine.differences(old, {**ENVIRONMENT, "cores": 3})
    assert found.startswith("cores: 2 became 3; ONNX Runtime: None became {'package'")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ([], False),
        (["avx2", "avx512f", "i8mm"], False),
        (["avx_vnni"], True),
        (["avx2", "avx512_vnni"], True),
        (["amx_int8"], True),
        (["asimddp"], True),
    ],
)
def test_native_8_bit_products_are_known_by_their_instructions(
    flags: list[str], expected: bool
) -> None:
    assert machine.has_vnni({**ENVIRONMENT, "flags": flags}) is expected
