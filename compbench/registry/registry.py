"""Finds a plugin by its file name, or by an import path `package.module:Class`."""

from __future__ import annotations

import importlib.metadata
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import compbench
from compbench.errors import UserError, nearest, one_line, shown, told
from compbench.registry import import_path

Kind = Literal["technique", "model", "dataset", "task", "loss", "shift", "provider", "check"]
_FOLDERS: dict[Kind, str] = {
    "technique": "techniques",
    "model": "models",
    "dataset": "datasets",
    "task": "tasks",
    "loss": "losses",
    "shift": "shifts",
    "provider": "providers",
    "check": "gate.checks",
}

# distributions that install the same module, built for other hardware
_SAME_MODULE = {
    "onnxruntime": (
        "onnxruntime-gpu",
        "onnxruntime-openvino",
        "onnxruntime-directml",
        "onnxruntime-silicon",
    )
}
_IMPORT_PATH = re.compile(r"([^\W\d]\w*\.)*[^\W\d]\w*:[^\W\d]\w*")


def is_import_path(text: str) -> bool:
    """Whether it is written as one: `package.module:Class`."""
    return _IMPORT_PATH.fullmatch(text) is not None


def names(kind: Kind) -> tuple[str, ...]:
    """The names of a kind's built-in plugins, without importing any of them."""
    package = sys.modules.get(f"compbench.{_FOLDERS[kind]}")
    own = Path(compbench.__file__).parent.joinpath(*_FOLDERS[kind].split("."))
    folders = package.__path__ if package else [str(own)]  # others may have joined the package
    found = (module.name for module in pkgutil.iter_modules(folders))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def find(kind: Kind, name: str) -> Any:
    """The plugin class called `name`; its module is imported now, and no other.

    Raises UserError for an unknown name, a path that does not import, or a library that is missing.
    """
    if ":" in name:
        return found(kind, name, inspect.isclass)
    if name not in names(kind):
        raise UserError(f"there is no {kind} '{one_line(name)}'{_meant(name, names(kind))}")
    path = f"compbench.{_FOLDERS[kind]}.{name}"
    plugin = getattr(_imported(kind, path), kind.capitalize(), None)
    if not inspect.isclass(plugin):
        raise UserError(f"the {kind} file {path} has no class '{kind.capitalize()}'")
    _refuse_missing_libraries(kind, name, plugin)
    return plugin


@lru_cache
def name_of(plugin: type) -> str:
    """A plugin as a suite file names it: its file's name, or its import path."""
    package, _, file = plugin.__module__.rpartition(".")
    built_in = {f"compbench.{folder}" for folder in _FOLDERS.values()}
    return file if package in built_in else f"{plugin.__module__}:{plugin.__qualname__}"


@lru_cache
def versions(libraries: tuple[str, ...]) -> dict[str, str]:
    """Library name -> installed version, without importing; a missing one is left out."""
    found = {library: _version(library) for library in libraries}
    return {library: version for library, version in found.items() if version}


def _version(library: str) -> str | None:
    for distribution in (library, *_SAME_MODULE.get(library, ())):
        with suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(distribution)
    return None


def found(kind: Kind, path: str, is_one: Callable[[Any], bool]) -> Any:
    """What an import path leads to, which must be one: a class, or what may be called.

    Raises UserError as `find` does.
    """
    if not is_import_path(path):
        hint = "an import path is 'mymodule:Class' or 'mypackage.mymodule:Class'"
        raise UserError(f"the {kind} {shown(path)} can't be imported: {hint}")
    module_name, _, class_name = path.partition(":")
    module = _imported(kind, module_name)
    plugin: Any = getattr(module, class_name, None)
    if not is_one(plugin):
        known = [n for n, v in vars(module).items() if is_one(v) and _is_of(v, module)]
        hint = _within(module, class_name) or nearest(class_name, known)
        what = "class" if is_one is inspect.isclass else "class or function"
        raise UserError(f"the {kind} '{module_name}' has no {what} '{class_name}'{hint}")
    _refuse_missing_libraries(kind, path, plugin)
    return plugin


def _meant(name: str, known: tuple[str, ...]) -> str:
    module, dot, last = name.rpartition(".")
    if dot and is_import_path(f"{module}:{last}"):
        return f"; an import path has a colon before the class: '{module}:{last}'"
    return nearest(name, known)


def _is_of(found: Any, module: ModuleType) -> bool:
    return getattr(found, "__module__", None) == module.__name__


def _within(package: ModuleType, class_name: str) -> str:
    """The module of a package that has the class, if one has; found without importing it."""
    for module in pkgutil.iter_modules(getattr(package, "__path__", ())):
        path = Path(getattr(module.module_finder, "path", ""), f"{module.name}.py")
        if path.is_file() and re.search(rf"(?m)^class {class_name}\b".encode(), path.read_bytes()):
            return f"; did you mean '{package.__name__}.{module.name}:{class_name}'?"
    return ""


def _imported(kind: Kind, module: str) -> ModuleType:
    try:
        return import_path.import_module(module)
    except UserError as error:
        raise UserError(f"the {kind} '{module}' does not import: {error}") from error
    except (Exception, SystemExit) as error:  # whatever a plugin's own code raises
        hint = ""
        top = module.partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and error.name == top:
            hint = nearest(top, import_path.siblings())
        raise UserError(f"the {kind} '{module}' does not import: {told(error)}{hint}") from error


def _refuse_missing_libraries(kind: Kind, name: str, plugin: type) -> None:
    libraries = getattr(plugin, "libraries", ())
    if not isinstance(libraries, tuple) or not all(isinstance(x, str) for x in libraries):
        raise UserError(
            f"the {kind} '{name}': libraries = {shown(libraries)} should be a tuple of names: "
            '("numpy",)'
        )
    missing = sorted(set(libraries) - set(versions(libraries)))
    if missing:
        extra = getattr(plugin, "extra", "")
        wanted = f"'compbench[{extra}]'" if extra else " ".join(missing)
        raise UserError(
            f"the {kind} '{name}' needs {', '.join(missing)}, which is not installed: "
            f"pip install {wanted}"
        )
