# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from monai_ddfm.io.atomic import atomic_file


def test_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "fused.nii.gz"
    with atomic_file(path) as partial:
        partial.write_text("half")
        assert not path.exists()
        assert partial.parent == path.parent  # one file system: the renaming is atomic
        assert partial.name.startswith(".partial-")
        assert partial.name.endswith("-fused.nii.gz")  # writers go by the ending
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError("bad voxels"), KeyboardInterrupt()])
def test_failure_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "fused.nii.gz"
    path.write_text("earlier result")
    with pytest.raises(type(error)), atomic_file(path, overwrite=True) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "earlier result"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "fused.nii.gz"
    with atomic_file(path) as first, atomic_file(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # the one that ended last
    assert list(tmp_path.iterdir()) == [path]


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OSError, match=r"file: cannot make this output folder \(.*\); choose another"),
        atomic_file(tmp_path / "file" / "fused.nii.gz"),
    ):
        pytest.fail("there is no such folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="no permission to write"), atomic_file(tmp_path / "fused.nii.gz"):
        pytest.fail("there is no permission")


def test_full_disk_names_the_remedy(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match="no space left on this disk; free some") as error,
        atomic_file(tmp_path / "f.nii"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.errno == errno.ENOSPC
    assert str(tmp_path / "f.nii") in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_killed_writers_go(tmp_path: Path) -> None:
    path, left = tmp_path / "summary.json", tmp_path / ".partial-0123abcd-summary.json"
    other = tmp_path / ".partial-0123abcd-other_summary.json"
    for file in (left, other):
        file.write_text("half")
    with atomic_file(path) as partial:
        partial.write_text("whole")
    assert left.exists()  # of a writer that may be at work
    with atomic_file(path, overwrite=True, sole_writer=True) as partial:
        partial.write_text("whole again")
    assert set(tmp_path.iterdir()) == {path, other}
