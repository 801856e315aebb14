"""The commit of the folder one works in, found without running what that folder configures."""

from __future__ import annotations

import os

from compbench.runtime.tool import output


def commit() -> str | None:
    """The commit of the directory one works in, "-dirty" where tracked files were changed.

    Reports do not count: runs write them, into `results/reports` or where they are shipped.
    """
    found = _git_says("rev-parse", "--short=12", "HEAD")
    return f"{found}-dirty" if found and _is_dirty() else found or None


def _is_dirty() -> bool:
    but = (f":(top,exclude){folder}" for folder in ("reports", "results/reports"))
    raw = ("diff-index", "-z", "--no-renames", "--ignore-submodules=all", "HEAD", "--")
    found = _git_says(*raw, ":(top)", *but).split("\0")
    entries, paths = found[: 2 * (len(found) // 2) : 2], found[1::2]
    blobs = [_blob_of_touched(entry) for entry in entries]
    if None in blobs:
        return True
    top = _git_says("rev-parse", "--show-toplevel")
    hashed = ("hash-object", "--no-filters", "--", *(f"{top}/{path}" for path in paths))
    return bool(blobs) and _git_says(*hashed).split() != blobs


def _blob_of_touched(entry: str) -> str | None:
    """The committed content of a file that git found touched; None of one that surely changed.

    `entry` is as `git diff-index` gives it: `:mode mode blob blob status`.
    """
    parts = entry.lstrip(":").split()
    is_touched = len(parts) == 5 and parts[0] == parts[1] and set(parts[3]) == {"0"}
    return parts[2] if is_touched else None


def _git_says(*arguments: str) -> str:
    """With nothing run that a folder's configuration names: no monitor, no hook, no filter."""
    filters = output("git", "config", "-z", "--name-only", "--get-regexp", r"^filter\.")
    off = {"core.fsmonitor": "false", "core.hooksPath": os.devnull}
    keys = [key for key in filters.split("\0") if key]
    off |= {key: "false" if key.endswith(".required") else "" for key in keys}
    given = {"GIT_CONFIG_COUNT": str(len(off)), "GIT_OPTIONAL_LOCKS": "0"}
    for index, (key, value) in enumerate(off.items()):
        given |= {f"GIT_CONFIG_KEY_{index}": key, f"GIT_CONFIG_VALUE_{index}": value}
    return output("git", *arguments, environment={**os.environ, **given})
