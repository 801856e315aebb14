"""Where import paths are looked for: beside the suite file that names them, wherever one started.

A suite file's folder is the last on the module path, so that no file in it is taken for a library.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from compbench.errors import UserError

_BESIDE: ContextVar[Path | None] = ContextVar("beside", default=None)
_INSTALLED_ONLY: ContextVar[bool] = ContextVar("installed_only", default=False)


@contextmanager
def beside(suite_file: Path) -> Iterator[None]:
    """Within it, import paths are those of this suite file, also where another has equal names."""
    folder = Path(os.path.realpath(suite_file.parent))
    token = _BESIDE.set(folder)
    if folder in _OPENED:
        _open(folder)
    try:
        yield
    finally:
        _BESIDE.reset(token)


@contextmanager
def installed_only() -> Iterator[None]:
    """Within it, import paths are those of installed packages.

    No file is run of the current folder, nor of a suite's that was put on the module path before.
    """
    folder, only = _BESIDE.set(None), _INSTALLED_ONLY.set(True)
    others = {os.path.realpath(os.getcwd())}
    others |= {str(opened) for opened in _open_now if _OPENED[opened].is_ours}
    before = sys.path
    sys.path = [entry for entry in before if os.path.realpath(entry) not in others]
    try:
        yield
    finally:
        sys.path = before
        _INSTALLED_ONLY.reset(only)
        _BESIDE.reset(folder)


def folder() -> str | None:
    """The folder in which import paths are looked for first, to be told to another process."""
    found = _BESIDE.get()
    return None if found is None else str(found)


@contextmanager
def inside(folder: str | None) -> Iterator[None]:
    """Within it, import paths are looked for as where `folder()` was asked."""
    if folder is None:
        yield
        return
    with beside(Path(folder) / "suite.toml"):
        yield


def import_module(name: str) -> ModuleType:
    """The module of an import path.

    One that lies beside the suite file is taken from there; all else is found as Python does.
    Raises UserError where its name is also an installed library's, and what the module raises.
    """
    folder, (top, dot, _) = _BESIDE.get(), name.partition(".")
    importlib.invalidate_caches()
    is_foreign = top + dot != "compbench."
    if is_foreign and not _INSTALLED_ONLY.get():
        _search_here_last()
    if folder is not None and is_foreign:
        _open(folder)
        if PathFinder.find_spec(top, [str(folder)]) is not None:
            _refuse_ambiguous(top, folder)
            if top not in sys.modules:
                _load(top, folder)
    return importlib.import_module(name)


def place(name: str) -> str:
    """Where a module's code lies, found without running any; empty where it is not found."""
    folder, top = _BESIDE.get(), name.partition(".")[0]
    spec = PathFinder.find_spec(top, [str(folder)]) if folder else None
    spec = spec or PathFinder.find_spec(top) or PathFinder.find_spec(top, [os.getcwd()])
    if spec is None:
        return ""
    return spec.origin or ", ".join(spec.submodule_search_locations or ())


def _search_here_last() -> None:
    """Import paths may begin in the current folder, but no file in it is taken for a library."""
    here = os.getcwd()
    if here not in sys.path:
        sys.path.append(here)


def siblings() -> list[str]:
    """The names of modules and packages that lie beside the suite file."""
    folder = _BESIDE.get()
    if folder is None:
        return []
    packages = [path.parent.name for path in folder.glob("*/__init__.py")]
    return sorted([*packages, *(path.stem for path in folder.glob("*.py"))])


class _Opened:
    """A suite's folder, once it was put on the module path, and its modules while it is not."""

    def __init__(self) -> None:
        self.modules: dict[str, ModuleType] = {}
        self.others: frozenset[str] = frozenset()  # what had been imported before
        self.is_ours = False  # whether it was not on the path anyway


_OPENED: dict[Path, _Opened] = {}
_open_now: list[Path] = []  # one at most


def _open(folder: Path) -> None:
    """Put a folder on the module path; another suite's leaves it, and its modules with it."""
    if _open_now != [folder]:
        for other in _open_now:
            _close(other)
        opened = _OPENED.setdefault(folder, _Opened())
        opened.others = frozenset(sys.modules)
        opened.is_ours = all(os.path.realpath(entry) != str(folder) for entry in sys.path)
        sys.modules.update(opened.modules)
        _open_now[:] = [folder]
    if _OPENED[folder].is_ours and str(folder) not in sys.path:
        here = os.getcwd()
        sys.path.insert(len(sys.path) - (sys.path[-1:] == [here]), str(folder))


def _close(folder: Path) -> None:
    opened = _OPENED[folder]
    tops = {
        name
        for name, module in sys.modules.items()
        if "." not in name and name not in opened.others and _lies_in(module, folder)
    }
    own = [name for name in sys.modules if name.partition(".")[0] in tops]
    opened.modules = {name: sys.modules.pop(name) for name in own}
    if opened.is_ours and str(folder) in sys.path:
        sys.path.remove(str(folder))


def _lies_in(module: ModuleType, folder: Path) -> bool:
    """Whether a module or a package is a file or a folder of this folder."""
    file = getattr(module, "__file__", None)
    if file is None:
        return any(_parent(place) == folder for place in getattr(module, "__path__", ()))
    return _parent(os.path.dirname(file) if Path(file).stem == "__init__" else file) == folder


def _parent(path: str) -> Path:
    return Path(os.path.realpath(path)).parent


def _refuse_ambiguous(top: str, folder: Path) -> None:
    """Raises UserError where a name is also another module's, which would be shadowed."""
    loaded = sys.modules.get(top)
    if loaded is not None:
        if _lies_in(loaded, folder):
            return
        other = getattr(loaded, "__file__", None)
    elif top in sys.stdlib_module_names:
        other = "the standard library"
    else:
        other = _elsewhere(top, folder)
        if other is None:
            return
    raise UserError(
        f"'{top}' beside the suite file has the name of another module ({other or 'a package'}): "
        "give it another name"
    )


def _elsewhere(top: str, folder: Path) -> str | None:
    """Where Python finds the name of a module without the suite's and the current folder."""
    whole = sys.path
    here = {str(folder), os.path.realpath(os.getcwd())}
    sys.path = [entry for entry in whole if os.path.realpath(entry) not in here]
    try:
        spec = importlib.util.find_spec(top)
    finally:
        sys.path = whole
    if spec is None or spec.origin is None:
        return None
    ours = {folder / f"{top}.py", folder / top / "__init__.py"}
    return None if Path(os.path.realpath(spec.origin)) in ours else spec.origin


def _load(top: str, folder: Path) -> None:
    """Import a module of this folder, even where the current folder has one of its name."""
    spec = PathFinder.find_spec(top, [str(folder)])
    assert spec is not None
    if spec.loader is None:  # a folder without __init__.py, which Python finds by the path alone
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules[top] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(top, None)
        raise
