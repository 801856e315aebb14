"""The reports in the repository come out of the rows in the repository, byte for byte.

So do their pictures, looked at: the last bits of an edge's place, and with them a picture's bytes,
depend on the CPU.
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.testing.compare import compare_images
from PIL import Image

from compbench.report import write
from compbench.table.stored_run import StoredRun
from tests.checkout import ROOT, tracked

SAME = 0.5  # grey levels of 255, root mean square; a word moved by a pixel is more than that
SHIPPED = sorted({path.parent for path in tracked("reports")})

pytestmark = pytest.mark.slow


def rows_of(shipped: Path) -> Path:
    """The run that a report says it was written from."""
    text = (shipped / "README.md").read_text(encoding="utf-8")
    (folder,) = set(re.findall(r"results/runs/[\w.+-]+/[\w.+-]+", text))
    return ROOT / folder


def drawn(picture: Path) -> str:
    """What a picture says that it was drawn by."""
    with Image.open(picture) as image:
        return str(image.info.get("Software"))


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_report_is_written_again_from_its_rows(shipped: Path, tmp_path: Path) -> None:
    written = write.write(StoredRun(rows_of(shipped)), tmp_path).path.parent
    kept = {path.name for path in tracked(str(shipped))}
    assert {path.name for path in written.iterdir()} == kept
    assert (written / "README.md").read_bytes() == (shipped / "README.md").read_bytes()


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda path: path.name)
def test_its_pictures_too(shipped: Path, tmp_path: Path) -> None:
    pictures = [path for path in tracked(str(shipped)) if path.suffix == ".png"]
    drawn_by = {drawn(path) for path in pictures}
    if drawn_by != {drawn_here := f"Matplotlib version {mpl.__version__}"}:
        pytest.skip(f"drawn by {drawn_by}, not by {drawn_here}: they differ")
    written = write.write(StoredRun(rows_of(shipped)), tmp_path).path.parent
    for path in pictures:
        assert drawn(written / path.name) == drawn_here
        assert compare_images(str(path), str(written / path.name), tol=SAME) is None


def test_something_is_shipped() -> None:
    assert {path.name for path in SHIPPED} >= {"quickstart", "mnist", "compression"}


def test_the_shipped_rows_are_those_of_the_shipped_reports() -> None:
    kept = {path.parent for path in tracked("results") if path.name == "run.json"}
    assert kept == {rows_of(shipped) for shipped in SHIPPED}
