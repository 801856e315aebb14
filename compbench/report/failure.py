"""What of a report could not be written: a visible line in its place, a traceback in a file."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")  # differs each time: a report's bytes must not


@dataclass(frozen=True)
class Failure:
    """A section or a picture that raised an error."""

    what: str  # the section `load` on cpu
    error: Exception

    @property
    def said(self) -> str:
        """One line: what it was, and the error."""
        message = _ADDRESS.sub("", " ".join(str(self.error).split()))
        return f"{self.what} could not be written: {type(self.error).__name__}: {message}"

    @property
    def markdown(self) -> str:
        """What stands in the report in its place."""
        return f"**{self.said[0].upper()}{self.said[1:]}**"

    @property
    def traceback(self) -> str:
        """Where it happened."""
        return "".join(traceback.format_exception(self.error))


def of(kind: str, name: str, target: str, error: Exception) -> Failure:
    """A failure of a section or a picture, on a target or of the whole run."""
    return Failure(f"the {kind} `{name}`" + (f" on {target}" if target else ""), error)
