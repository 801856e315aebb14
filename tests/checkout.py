"""The checkout as git keeps it, apart from what a user's runs left in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLAIN = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
AUTHOR = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")


def git(folder: Path, *arguments: str) -> str:
    """What git prints in a folder; a hook's GIT_DIR does not lead it to another one."""
    command = ["git", *AUTHOR, *arguments]
    return subprocess.check_output(command, cwd=folder, env=PLAIN, text=True)


def tracked(*under: str) -> list[Path]:
    """The files that git keeps below these folders; what needs them is skipped without git."""
    return [ROOT / path for path in _listed("--cached", "--", *under)]


def ignored(path: Path) -> bool:
    """Whether git would take no notice of a new file of this name."""
    command = ["git", "check-ignore", "--quiet", "--no-index", "--", str(path)]
    return subprocess.run(command, cwd=ROOT, env=PLAIN).returncode == 0


def _listed(*options: str) -> list[Path]:
    try:
        listed = git(ROOT, "ls-files", "-z", *options)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git checkout: what is shipped can't be told", allow_module_level=True)
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def clone(folder: Path, *under: str) -> Path:
    """A clean checkout of these folders, as they are now: one commit of all that is not ignored."""
    for path in _listed("--cached", "--others", "--exclude-standard", "--", *under):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, folder / path)
    commit_all(folder)
    return folder


def commit_all(folder: Path) -> None:
    """Make a folder a git checkout with one commit of all that is in it."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "all")


def changed(folder: Path) -> str:
    """What git says of a checkout that is not clean: a line for each file."""
    return git(folder, "status", "--porcelain", "--untracked-files=all")
