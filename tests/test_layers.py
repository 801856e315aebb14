"""Imports point one way only, and what must start fast imports nothing slow."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import compbench
from compbench import registry

ROOT = Path(compbench.__file__).parent

# a module may import those that stand above it; those of one line stand beside each other
LAYERS = """
    errors blocks macs weights quantities terminal glossary
    registry coding columns layers
    contracts vision
    recipe targets variants
    losses masks factorise
    factorise_convolution
    session export idx data suite parity size store environment progress intervals graphs placing
    schema plan fit checkpoint results measure accuracy worker peak precision operations
    steps summaries launch footprint operators scenarios make quantizer examples timing options runs
    front evaluate gate grids families text listing snapshot
    stats followed
    explain sweeps classes shown work check trainable pick frame matching changes
    findings uses style soft_labels run differences gates baseline
    gallery plots_scatter plots_speed plots_teaching plots_training plots_classes stored pairs
    moments
    tables plots compare baseline_tables series
    comparisons answer deployed provenance account remeasure history
    legends choosing compare_text guard history_text
    report overview plots_history
    formats manner cli_baseline cli_history pytest_table
    cli pytest_gate
    pytest_sessions
    pytest_plugin
    __main__
"""
TELLING = ["frame", "formats", "listing", "manner", "schema"]
ORDER = {
    name: level for level, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()
}


def imports(path: Path) -> set[str]:
    """The modules of compbench that a file imports when it runs, anywhere in it."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("compbench"):
            below = (node.module or "").partition(".")[2]
            found |= {below.partition(".")[0]} if below else {a.name for a in node.names}
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("compbench.")}
    return found


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.py")), ids=lambda path: path.stem)
def test_imports_point_backwards(path: Path) -> None:
    if path.stem == "__init__":
        assert imports(path) == {"frame"}  # inside load_run; see the next test
        return
    assert path.stem in ORDER, f"give {path.name} its place in LAYERS"
    forwards = {name for name in imports(path) if ORDER[name] >= ORDER[path.stem]}
    assert not forwards, f"{path.name} imports what stands beside or below it: {forwards}"


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys; before = {*sys.modules}; import compbench\n"
        "new = {*sys.modules} - before\n"
        "print([m for m in new if m.partition('.')[0] not in sys.stdlib_module_names])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "['compbench']\n"


@pytest.mark.parametrize("kind", ["technique", "model", "dataset"])
def test_plugins_know_the_contracts_only(kind: registry.Kind) -> None:
    allowed = {"contracts", "errors", "recipe", f"{kind}s"}
    if kind == "dataset":
        allowed |= {"idx"}
    if kind == "technique":
        allowed |= {"layers", "losses", "masks", "factorise", "factorise_convolution"}
        allowed |= {"export", "graphs", "precision", "quantizer", "trainable"}
    for name in registry.names(kind):
        found = imports(ROOT / f"{kind}s" / f"{name}.py")
        assert found <= allowed, f"{kind}s/{name}.py imports {found - allowed}"


@pytest.mark.parametrize(
    "name",
    [
        "check",
        "report",
        "stats",
        "pick",
        "plots",
        "plan",
        "launch",
        "guard",
        "compare_text",
        "plots_history",
        *TELLING,
    ],
)
def test_what_starts_fast_never_imports_torch(name: str) -> None:
    code = (
        "import sys\n"
        f"import compbench.{name}\n"
        "from compbench import registry\n"
        "for kind in ('technique', 'model', 'dataset'):\n"
        "    [registry.find(kind, n) for n in registry.names(kind)]\n"
        "print(sorted({'torch', 'torchvision'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_names_are_listed_without_importing() -> None:
    code = (
        "import sys\n"
        "from compbench import registry\n"
        "registry.names('technique')\n"
        "print([m for m in sys.modules if m.startswith('compbench.techniques')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]"


def test_torchvision_has_one_door() -> None:
    importing = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        and "torchvision" in ast.unparse(node)
        and "compbench.vision" not in ast.unparse(node)
    }
    assert importing == set()
