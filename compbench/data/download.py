"""A dataset's download: whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from compbench.errors import UserError, first_line


def download(data_dir: Path, folder: str, wanted: str, fetch: Callable[[Path], object]) -> None:
    """What `fetch` puts into `folder` below a temporary one, below the data folder.

    Raises UserError where that fails, with the files that are `wanted` there.
    """
    was_there = data_dir.exists()
    data_dir.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder}-", dir=data_dir))
    try:
        fetch(temporary)
        shutil.rmtree(data_dir / folder, ignore_errors=True)
        os.replace(temporary / folder, data_dir / folder)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{folder} is not under {data_dir} and could not be downloaded ({first_line(error)}); "
            f"put {wanted}, or name another folder with --data-dir or COMPBENCH_DATA"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if not was_there and not any(data_dir.iterdir()):
            data_dir.rmdir()
