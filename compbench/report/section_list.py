"""Which sections there are: every file of `sections/`, by its order; none is known by name."""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from numbers import Real

from compbench.report import sections
from compbench.report.section import Page, SectionBase


@dataclass(frozen=True)
class Place:
    """A section where it stands in a report: by its file's name, and of a target or the run."""

    name: str
    section: SectionBase
    page: Page


class _Broken(SectionBase):
    """In the place of a file that gives no section, so that the report says so: the last place."""

    order = math.inf

    def __init__(self, error: Exception):
        self._error = error

    def content(self, page: Page) -> Sequence[str]:
        raise self._error


def places(page: Page) -> list[Place]:
    """Every section in its order; those of a target once for each measured one."""
    found: list[Place] = []
    for per_target, group in groupby(_found(), key=lambda named: named[1].per_target):
        pages = [page.on(target) for target in page.measured] if per_target else [page]
        together = list(group)
        found += [Place(name, section, where) for where in pages for name, section in together]
    return found


def _found() -> list[tuple[str, SectionBase]]:
    """File name and section, by order."""
    names = {module.name for module in pkgutil.iter_modules(sections.__path__)}
    found = [(name, _section(name)) for name in names if not name.startswith("_")]
    return sorted(found, key=lambda named: (named[1].order, named[0]))


def _section(name: str) -> SectionBase:
    path = f"{sections.__name__}.{name}"
    try:
        section = getattr(importlib.import_module(path), "Section", None)
        if not inspect.isclass(section) or not issubclass(section, SectionBase):
            raise TypeError(f"{path} has no class 'Section' that extends SectionBase")
        if not isinstance(getattr(section, "order", None), Real):
            raise TypeError(f"{path} says no number as its 'order'")
        return section()
    except Exception as error:  # any: it is another's code, and loses only itself
        return _Broken(error)
