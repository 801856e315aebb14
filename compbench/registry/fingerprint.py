"""A plugin class -> the digest of all code that its result depends on, and the libraries it uses.

Nothing is imported to find out: files are found beside the plugin's own and parsed. Comments,
docstrings and formatting do not count; neither does what is imported for type checking only.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import importlib.util
import platform
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from compbench.errors import UserError

PACKAGE = __name__.partition(".")[0]
# modules and packages that make nothing: what a plugin takes from them stands in its options
_DECLARE = (
    "family",
    "kinds",
    "loss",
    "metric",
    "model",
    "options",
    "provider",
    "shift",
    "task",
    "technique",
)
NEUTRAL = ("errors", "units", "registry", *(f"contracts.{x}" for x in (*_DECLARE, "training")))
DOOR = f"{PACKAGE}.contracts"  # which makes nothing itself, but what is behind it may
_NOT_CODE = {*sys.stdlib_module_names, "pydantic", "pydantic_core", "typing_extensions"}
_COMPILED = (".so", ".pyd")


@dataclass(frozen=True)
class Fingerprint:
    """Module -> digest of its syntax tree; distribution -> version, with the build it is of."""

    modules: Mapping[str, str]
    libraries: Mapping[str, str]


@dataclass(frozen=True)
class _Top:
    """Where a top-level module's code is: a file, and the folders of a package's submodules."""

    file: Path | None
    folders: tuple[Path, ...]

    @property
    def place(self) -> Path | None:
        """The folder that it is imported from."""
        if self.folders:
            return self.folders[0].parent
        return self.file.parent if self.file else None


class Sources:
    """Reads code to take fingerprints of it; within one instance each file is read once."""

    def __init__(self) -> None:
        self._texts: dict[Path, bytes] = {}
        self._tops: dict[str, _Top] = {}
        self._taken: dict[tuple[frozenset[type], tuple[str, ...]], Fingerprint] = {}
        self._found: dict[str, tuple[Path | None, tuple[Path, ...]] | None] = {}

    def of(
        self, classes: Iterable[type] = (), modules: Iterable[str] = (), aside: Iterable[str] = ()
    ) -> Fingerprint:
        """Of all modules that classes and modules reach, through any number of imports.

        Followed are compbench, the classes' own packages (or folders) but for libraries that
        compbench requires, and all else that no installed distribution provides; of the rest the
        distributions' versions are taken. The modules (or packages) `aside` are not followed.
        Raises UserError for a class without file.
        """
        asked = frozenset(classes), (*modules, "", *aside)
        if asked not in self._taken:
            self._taken[asked] = self._take(asked[0], tuple(modules), tuple(aside))
        return self._taken[asked]

    def _take(
        self, classes: Iterable[type], modules: Iterable[str], aside: Iterable[str]
    ) -> Fingerprint:
        starts = [name for plugin in classes for name in _bases(plugin)]
        tops = {name.partition(".")[0] for name in starts}
        own = {PACKAGE, *(top for top in tops if not _required() & self._providers(top).keys())}
        left, seen, libraries = [*_with_packages(starts), *modules], set[str](), set[str]()
        digests: dict[str, str] = {}
        while left:
            name = left.pop()
            if name in seen or _is_neutral(name, aside):
                continue
            seen.add(name)
            top = name.partition(".")[0]
            if top in _NOT_CODE or top in libraries:
                continue
            if top not in own and self._providers(top):
                libraries.add(top)
                continue
            found = self._locate(name)
            if found is None:
                continue
            file, folders = found
            if file is None:
                continue
            code = _parsed(self._text(file)) if file.suffix == ".py" else _opaque(self._text(file))
            if name != DOOR:
                digests[name] = code.digest
            package = name if folders else name.rpartition(".")[0]
            left += self._imported(code, package)
        for start in {name for name in starts if name not in digests}:
            if not _is_neutral(start, aside) and start.partition(".")[0] in own:
                raise UserError(f"the plugin {start} has no source file, so its code has no digest")
        versions = {"python": _python()}
        for top in libraries:
            versions |= self._providers(top)
        return Fingerprint(dict(sorted(digests.items())), dict(sorted(versions.items())))

    def _imported(self, code: _Code, package: str) -> Iterator[str]:
        """All modules that an import runs: those named, and the packages on the way to them."""
        for level, module, name in code.imports:
            path = _absolute(level, module, package)
            yield from _with_packages([path] if path else [])
            if name == "*":
                found = self._locate(path)
                for folder in found[1] if found else ():
                    yield from (f"{path}.{file.stem}" for file in sorted(folder.glob("*.py")))
            elif name and path:
                yield f"{path}.{name}"

    def _text(self, file: Path) -> bytes:
        if file not in self._texts:
            self._texts[file] = file.read_bytes()
        return self._texts[file]

    def _top(self, name: str) -> _Top:
        if name not in self._tops:
            self._tops[name] = _find_top(name)
        return self._tops[name]

    def _providers(self, top: str) -> dict[str, str]:
        """The distributions that installed a top-level module, with versions; empty for a user's.

        One that is installed in editable mode provides nothing: its code is the user's.
        """
        place = self._top(top).place
        return dict(_installed(place, top)) if place else {}

    def _locate(self, name: str) -> tuple[Path | None, tuple[Path, ...]] | None:
        """The file and the submodules' folders of a module; None where there is no such module."""
        if name not in self._found:
            package, _, last = name.rpartition(".")
            if not package:
                top = self._top(name)
                there = top.file is not None or top.folders
                self._found[name] = (top.file, top.folders) if there else None
            else:
                above = self._locate(package)
                self._found[name] = _submodule(above[1] if above else (), last)
        return self._found[name]


@dataclass(frozen=True)
class _Code:
    """A file's digest, and its imports as (level, module, name), as in `from ..module import name`.

    The name is empty for `import module`.
    """

    digest: str
    imports: tuple[tuple[int, str, str], ...]


@lru_cache(maxsize=4096)
def _parsed(source: bytes) -> _Code:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):  # of another version of Python: no import can be followed
        return _opaque(source)
    imports: dict[tuple[int, str, str], None] = {}
    text = _text_of(tree, imports)
    return _Code(
        hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16], (*imports,)
    )


def _opaque(content: bytes) -> _Code:
    return _Code(hashlib.sha256(content).hexdigest()[:16], ())


def _text_of(node: object, imports: dict[tuple[int, str, str], None]) -> str:
    """A syntax tree as text, without positions and bare strings; its imports are added."""
    if isinstance(node, list):
        return f"[{' '.join([_text_of(x, imports) for x in _counted(node)])}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    kind = node.__class__
    if kind is ast.ImportFrom or kind is ast.Import or kind is ast.Call:
        imports |= dict.fromkeys(_imports(node))
    fields = []
    for name in node._fields:
        value = getattr(node, name, None)
        if value is not None and value != []:
            fields.append(f"{name}={_text_of(value, imports)}")
    return f"{kind.__name__}({' '.join(fields)})"


def _imports(node: ast.AST) -> Iterator[tuple[int, str, str]]:
    if isinstance(node, ast.Import):
        yield from ((0, alias.name, "") for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from ((node.level, node.module or "", alias.name) for alias in node.names)
    elif isinstance(node, ast.Call) and node.args:  # importlib.import_module("mine.helper")
        function = node.func
        name = getattr(function, "attr", getattr(function, "id", ""))
        given = getattr(node.args[0], "value", None)
        if name in ("import_module", "__import__") and isinstance(given, str):
            level = len(given) - len(given.lstrip("."))
            yield level, given[level:], ""


def _counted(nodes: list[Any]) -> Iterator[Any]:
    """A list in a syntax tree without bare strings and what is for type checking only."""
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            if not isinstance(node.value.value, str):
                yield node
        elif isinstance(node, ast.If) and _is_type_checking(node.test):
            yield from _counted(node.orelse)
        else:
            yield node


def _is_type_checking(test: ast.expr) -> bool:
    return "TYPE_CHECKING" in (getattr(test, "id", None), getattr(test, "attr", None))


def _absolute(level: int, module: str, package: str) -> str:
    """The full name of what `from ..module import x` in a package means; empty where nothing."""
    if not level:
        return module
    parts = package.split(".")
    kept = parts[: len(parts) - level + 1]
    return ".".join([*kept, *([module] if module else [])]) if kept != [""] else module


def _bases(plugin: type) -> Iterator[str]:
    """The modules of a class and of those that it extends, as far as they are of its own code."""
    own = plugin.__module__.partition(".")[0]
    for cls in plugin.__mro__:
        if cls.__module__.partition(".")[0] in (own, PACKAGE):
            yield cls.__module__


def _with_packages(names: Iterable[str]) -> Iterator[str]:
    """Modules, each after the packages that it lies in, which run when it is imported."""
    for name in names:
        parts = name.split(".")
        yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _is_neutral(name: str, aside: Iterable[str]) -> bool:
    if name == PACKAGE:
        return True
    names = (*(f"{PACKAGE}.{module}" for module in NEUTRAL), *aside)
    return any(name == other or name.startswith(f"{other}.") for other in names)


def _find_top(name: str) -> _Top:
    try:
        spec = importlib.util.find_spec(name)
    except (ValueError, ImportError):  # a module that was made by hand has no spec
        spec = None
    origin = spec.origin if spec and spec.has_location else None
    folders = spec.submodule_search_locations if spec else None
    if spec is None and name in sys.modules:
        origin = getattr(sys.modules[name], "__file__", None)
        folders = getattr(sys.modules[name], "__path__", None)
    return _Top(Path(origin) if origin else None, tuple(map(Path, folders or ())))


def _submodule(folders: Iterable[Path], name: str) -> tuple[Path | None, tuple[Path, ...]] | None:
    spaces = []
    for folder in folders:
        package, module = folder / name, folder / f"{name}.py"
        if (package / "__init__.py").is_file():
            return package / "__init__.py", (package,)
        if module.is_file():
            return module, ()
        compiled = [file for end in _COMPILED for file in folder.glob(f"{name}.*{end}")]
        if compiled:
            return sorted(compiled)[0], ()
        spaces += [package] if package.is_dir() else []
    return (None, tuple(spaces)) if spaces else None


@lru_cache
def _required() -> frozenset[str]:
    """The distributions that compbench requires, and those of its extras."""
    try:
        lines = importlib.metadata.requires(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        lines = []
    return frozenset(
        _normalised(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in lines
    )


def _normalised(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@lru_cache
def _installed(place: Path, top: str) -> tuple[tuple[str, str], ...]:
    """The distributions in a folder that list a top-level module, with their versions."""
    found = [importlib.metadata.Distribution.at(path) for path in _listed(place).get(top, ())]
    if not found and any(place.glob("*.egg-info")):  # installers that write no RECORD
        names = importlib.metadata.packages_distributions().get(top, [])
        found = [importlib.metadata.distribution(name) for name in names]
    return tuple((_normalised(d.metadata["Name"]), _build(place / top, d.version)) for d in found)


@lru_cache
def _listed(place: Path) -> dict[str, list[Path]]:
    """Top-level module -> the folders of the distributions in `place` that brought it.

    `importlib.metadata.packages_distributions` says it of all of `sys.path`, ten times slower.
    """
    brought: dict[str, list[Path]] = {}
    for record in sorted(place.glob("*.dist-info/RECORD")):
        names, short = record.with_name("top_level.txt"), b"/."
        if not names.is_file():
            names, short = record, b"/.,"
        lines = names.read_bytes().translate(bytes.maketrans(short, b" " * len(short)))
        for name in {line.split(b" ", 1)[0] for line in lines.splitlines()}:
            brought.setdefault(name.decode("utf-8", "replace"), []).append(record.parent)
    return brought


def _python() -> str:
    """Its version, as far as it decides what code means, and what libraries are built for."""
    major, minor, _ = platform.python_version_tuple()
    return f"{major}.{minor} ({platform.system()} {platform.machine()})"


def _build(package: Path, version: str) -> str:
    """The version with its build: a package index may drop the +cu130 that the library has."""
    file = package / "version.py"
    text = file.read_text("utf-8", "replace") if file.is_file() else ""
    said = re.search(r"""^__version__[^=\n]*=\s*['"]([^'"]+)['"]""", text, re.MULTILINE)
    return said[1] if said and said[1].startswith(f"{version}+") else version
