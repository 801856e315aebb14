from __future__ import annotations

from pathlib import Path

import pytest

from compbench.errors import UserError
from compbench.registry.location import located


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A data folder with a set in it, and a suite's folder."""
    for place in ("data/pets/images.zip", "suite/own/a.txt"):
        (tmp_path / place).parent.mkdir(parents=True)
        (tmp_path / place).write_text("")
    return tmp_path / "data", tmp_path / "suite"


def test_latency_share_the_suite_or_under_the_data_folder(folders: tuple[Path, Path]) -> None:
    data, suite = folders
    assert located("pets/images.zip", [suite, data]) == data / "pets/images.zip"
    assert located("own", [suite, data]) == suite / "own"
    assert located("pets", [data]) == data / "pets"
    assert located(str(suite / "own"), [data]) == suite / "own"
    assert located("../suite/own", [data]) == data / "../suite/own"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("pest", "there is neither .*suite/pest nor .*data/pest; did you mean 'pets'"),
        ("pets/image.zip", "did you mean 'images.zip'"),
        ("onw", "did you mean 'own'"),
        ("/no/such", "there is no /no/such"),
        ("quite other", "there is neither"),
    ],
)
def test_what_is_not_there_has_a_nearest(
    folders: tuple[Path, Path], path: str, message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        located(path, [folders[1], folders[0]])
    assert f"path = '{path}'" in str(caught.value) and "\n" not in str(caught.value)


def test_a_path_that_is_two_is_refused_unless_they_are_one(folders: tuple[Path, Path]) -> None:
    data, suite = folders
    (suite / "pets").symlink_to(data / "pets")
    assert located("pets", [suite, data]).samefile(data / "pets")
    (data / "own").mkdir()
    with pytest.raises(UserError, match=r"path = 'own' is both .*suite/own and .*data/own: give"):
        located("own", [suite, data])


def test_a_link_that_leads_out_is_named_with_where_it_leads(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    data, suite = folders
    (tmp_path / "elsewhere.npz").write_text("")
    (data / "mine.npz").symlink_to(tmp_path / "elsewhere.npz")
    with pytest.raises(UserError, match=r"weights = 'mine.npz' leads out of .*data by a link, to "):
        located("mine.npz", [suite, data], "weights")
    assert located(str(data / "mine.npz"), [suite, data]).is_file()
