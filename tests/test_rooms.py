"""The rooms of the package, which may import which, and that nothing imports in a circle.

Imports for type checking count too. Tests of the repository's own contracts stand beside it.
"""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import compbench

ROOT = Path(compbench.__file__).parent

BASE = (
    "errors",
    "units",
    "files",
    "file_name",
    "own_folder",
    "safe_markdown",
    "text_table",
    "seal",
    "failure_boundary",
    "headline",
    "environment_variable",
)
PUBLIC = ("__init__", "__main__", "pytest_plugin")  # may import everything
ROOMS = {  # room: what it may import; base stands for `BASE`
    "base": "",
    "registry": "base",
    "contracts": "base registry",
    "runtime": "base registry contracts",
    "data": "base registry contracts",
    "training": "base contracts",
    "onnxfile": "base contracts",
    "toolkit": "base contracts runtime onnxfile",
    "providers": "contracts",
    "models": "base registry contracts data toolkit",
    "tasks": "base contracts toolkit",
    "losses": "contracts toolkit",
    "shifts": "contracts",
    "datasets": "base contracts data",
    "techniques": "base contracts training onnxfile toolkit",
    "metrics": "base contracts onnxfile",
    "suite": "base registry contracts runtime",
    "results": "base",
    "make": "base registry contracts runtime data training onnxfile suite",
    "doctor": "base registry contracts runtime data training onnxfile suite make",
    "measure": "base contracts metrics runtime data onnxfile suite make results",
    "run": "base registry contracts runtime data training suite make results measure",
    "statistics": "base contracts metrics results",
    "table": "base contracts metrics results statistics",
    "gate": "base registry contracts runtime data onnxfile suite make results measure statistics",
    "compare": "base registry contracts runtime data make results statistics gate",
    "drift": "base contracts runtime data onnxfile make results statistics",
    "history": "base contracts metrics runtime results statistics table",
    "report": "base contracts metrics runtime results statistics table history",
}


def modules() -> dict[str, Path]:
    """Dotted name below the package -> file."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" and parts[:-1] else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> set[str]:
    """The modules of compbench that a file imports, anywhere in it, type checking included."""
    return {name for name in _imports(path) if name in MODULES}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (a.name.removeprefix("compbench.") for a in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports from the package's root"
            package, _, below = (node.module or "").partition(".")
            if package != "compbench":
                continue
            inside = [f"{below}.{a.name}".lstrip(".") for a in node.names]
            yield from (name if name in MODULES else below for name in inside)


def room(module: str) -> str:
    first = module.partition(".")[0]
    return "base" if first in BASE else first


def test_every_module_stands_in_a_room() -> None:
    rooms = {room(name) for name in MODULES} - {*PUBLIC}
    assert rooms <= {*ROOMS, "cli"}


@pytest.mark.parametrize("name", sorted({room(name) for name in MODULES} & set(ROOMS)))
def test_a_room_imports_only_those_above_it(name: str) -> None:
    allowed = {name, *ROOMS[name].split()}
    wrong = {
        f"{module} imports {other}"
        for module, path in MODULES.items()
        if room(module) == name
        for other in imports(path)
        if room(other) not in allowed
    }
    assert not wrong


def test_nothing_imports_in_a_circle() -> None:
    graph = {name: imports(path) - {name} for name, path in MODULES.items()}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names them


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys; before = {*sys.modules}; import compbench\n"
        "new = {*sys.modules} - before\n"
        "print([m for m in new if m.partition('.')[0] not in sys.stdlib_module_names])"
    )
    assert _printed(code) == "['compbench']"


@pytest.mark.parametrize(
    "name", ["suite", "metrics", "results", "statistics", "table", "report", "cli"]
)
def test_a_room_that_starts_fast_never_imports_torch(name: str) -> None:
    """All modules of the room, and every plugin that it may name."""
    inside = [module for module in MODULES if room(module) == name]
    code = (
        "import contextlib, importlib, sys\n"
        f"[importlib.import_module(f'compbench.{{m}}') for m in {inside}]\n"
        "from compbench.errors import UserError\n"
        "from compbench.registry import registry\n"
        "for kind in ('technique', 'model', 'dataset', 'provider', 'check'):\n"
        "    for name in registry.names(kind):\n"
        "        with contextlib.suppress(UserError):  # its library is not installed\n"
        "            registry.find(kind, name)\n"
        "print(sorted({'torch', 'torchvision'} & set(sys.modules)))"
    )
    assert _printed(code) == "[]"


HEAVY = (
    *("torch", "onnx", "onnxruntime", "onnxscript", "sklearn", "pandas", "pyarrow", "matplotlib"),
    *("scipy.stats", "scipy.optimize", "scipy.sparse", "compbench.run", "compbench.report"),
)


@pytest.mark.parametrize(
    "command",
    [
        ("pick", "tests/data/run-format-1"),
        ("show", "tests/data/run-format-1"),
        ("check", "suites/quickstart.toml"),
        ("list", "techniques"),
        ("baseline", "list"),
    ],
    ids=lambda command: command[0],
)
def test_a_quick_command_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    """A library that takes longer to import than the command to do its work."""
    code = (
        "import sys\n"
        f"sys.argv = ['compbench', *{command}]\n"
        "from compbench.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print(sorted({{*{HEAVY}}} & {{*sys.modules}}))"
    )
    assert _printed(code, ROOT.parent).splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "name", ["measure.launch", "measure.footprint", "measure.further_metrics", "gate.prepare"]
)
def test_a_process_that_measures_never_imports_torch(name: str) -> None:
    code = f"import sys, compbench.{name}\nprint(sorted({{'torch', 'pandas'}} & set(sys.modules)))"
    assert _printed(code) == "[]"


def test_names_are_listed_without_importing() -> None:
    code = (
        "import sys\n"
        "from compbench.registry import registry\n"
        "registry.names('technique')\n"
        "print([m for m in sys.modules if m.startswith('compbench.techniques')])"
    )
    assert _printed(code) == "[]"


def test_torchvision_has_one_door() -> None:
    importing = {
        name
        for name, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "torchvision" in ast.unparse(node)
        and "from compbench.data" not in ast.unparse(node)
    }
    assert importing == set()


def _printed(code: str, folder: Path | None = None) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder
    )
    assert result.stderr == ""
    return result.stdout.strip()
