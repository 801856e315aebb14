"""Finds a plugin by its file name, or by an import path `package.module:Class`."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import inspect
import pkgutil
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import compbench
from compbench.errors import UserError, nearest

Kind = Literal["technique", "model", "dataset", "provider", "check"]
_FOLDERS: dict[Kind, str] = {
    "technique": "techniques",
    "model": "models",
    "dataset": "datasets",
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
_LIBRARIES = ("builtins", "abc", "pydantic", "typing")


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
        return _from_import_path(kind, name)
    if name not in names(kind):
        raise UserError(f"there is no {kind} '{name}'{nearest(name, names(kind))}")
    path = f"compbench.{_FOLDERS[kind]}.{name}"
    plugin = getattr(_imported(kind, path), kind.capitalize(), None)
    if not inspect.isclass(plugin):
        raise UserError(f"the {kind} file {path} has no class '{kind.capitalize()}'")
    _refuse_missing_libraries(kind, name, plugin)
    return plugin


@lru_cache
def source(plugin: type) -> bytes:
    """The source of the files that define a plugin's class and the plugins it extends.

    It is part of the key of what the plugin makes. The shared base classes do not count.
    """
    classes = [c for c in plugin.__mro__ if c.__module__.partition(".")[0] not in _LIBRARIES]
    plugins = [c for c in classes if not c.__module__.startswith("compbench.contracts")]
    files = sorted({inspect.getfile(c) for c in plugins})
    return b"".join(Path(file).read_bytes() for file in files)


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


def _from_import_path(kind: Kind, path: str) -> Any:
    module_name, _, class_name = path.partition(":")
    module = _imported(kind, module_name)
    plugin = getattr(module, class_name, None)
    if not inspect.isclass(plugin):
        members = vars(module).items()
        classes = [n for n, v in members if inspect.isclass(v) and v.__module__ == module_name]
        raise UserError(
            f"'{module_name}' has no class '{class_name}'{nearest(class_name, classes)}"
        )
    _refuse_missing_libraries(kind, path, plugin)
    return plugin


def _imported(kind: Kind, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except (ImportError, SyntaxError) as error:
        raise UserError(f"the {kind} '{module}' does not import: {error}") from error


def _refuse_missing_libraries(kind: Kind, name: str, plugin: type) -> None:
    libraries: tuple[str, ...] = getattr(plugin, "libraries", ())
    missing = sorted(set(libraries) - set(versions(libraries)))
    if missing:
        raise UserError(
            f"the {kind} '{name}' needs {', '.join(missing)}, which is not installed: "
            f"pip install {' '.join(missing)}"
        )
