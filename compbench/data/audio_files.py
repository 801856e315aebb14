"""The sounds of a folder or a zip by split and class, told by their folders or their names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from compbench.data import natural_order
from compbench.data.image_files import SPLITS as SPLIT_WORDS
from compbench.data.stores import File, Listing
from compbench.errors import UserError, shown

SUFFIXES = (".wav", ".wave")


@dataclass(frozen=True)
class Sound:
    """A file, its class, and its split where that is told."""

    file: File
    label: str
    split: str | None


def found(
    path: Path, listing: Listing, pattern: str | None, parts: dict[str, str | None]
) -> list[Sound]:
    """All sounds in order of their names.

    With a `pattern` its group `label` says the class, searched for in the path below the top; else
    the folder that a sound is in, which may be in a folder of its split (train, test, validation).
    `parts` are patterns of validation and test. Raises UserError for a name that says no class.
    """
    files = [file for file in listing.files if file.name.lower().endswith(SUFFIXES)]
    if not files:
        raise UserError(f"{path} has no sounds ({', '.join(SUFFIXES)})")
    files.sort(key=lambda file: natural_order.key(file.name))
    top = _top([file.name for file in files], folders=1 if pattern is None else 0)
    sounds = [_sound(path, file, file.name[len(top) :], pattern, parts) for file in files]
    for split, wanted in parts.items():
        if wanted is not None and not any(sound.split == split for sound in sounds):
            raise UserError(f"{path}: no sound is for {split}: no name matches {shown(wanted)}")
    return sounds


def _sound(
    path: Path, file: File, name: str, pattern: str | None, parts: dict[str, str | None]
) -> Sound:
    folders = name.split("/")[:-1]
    own = SPLIT_WORDS.get(folders[0].lower()) if len(folders) > (pattern is None) else None
    split = next((s for s, p in parts.items() if p is not None and re.search(p, name)), None)
    if split and own and split != own:
        raise UserError(f"{path}/{file.name} is in a folder for {own}, but its name is of {split}")
    if pattern is None:
        if not folders:
            raise UserError(
                f"{path}/{file.name} is in no folder of a class; if names say it, give a pattern "
                "with a group label: pattern = '^(?P<label>[^_]+)_'"
            )
        return Sound(file, folders[-1], split or own)
    match = re.search(pattern, name)
    if match is None or not match["label"]:
        raise UserError(f"{path}/{file.name}: the pattern {shown(pattern)} finds no label")
    return Sound(file, match["label"], split or own)


def _top(names: list[str], folders: int) -> str:
    """Past folders that stand alone, such as the one that an archive was made of.

    Those of splits are not passed, and so many folders are left for all sounds.
    """
    top = ""
    while True:
        below = [name[len(top) :] for name in names]
        firsts = {name.partition("/")[0] for name in below}
        first = next(iter(firsts))
        left = min(name.count("/") for name in below)
        if len(firsts) > 1 or first.lower() in SPLIT_WORDS or left <= folders:
            return top
        top = f"{top}{first}/"
