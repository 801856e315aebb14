"""Golden files of plain text (`pytest --snapshot-update` writes them anew: read the diff)."""

from __future__ import annotations

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode


class Text(SingleFileSnapshotExtension):
    """One file for each text."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


class Markdown(Text):
    """The same, as a repository's web view shows it."""

    file_extension = "md"
