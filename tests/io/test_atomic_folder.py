# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from pathlib import Path

import pytest

from monai_ddfm.io.atomic import atomic_file, atomic_folder


def test_a_folder_appears_when_it_is_full(tmp_path: Path) -> None:
    target = tmp_path / "a" / "series"
    with atomic_folder(target) as filling:
        (filling / "1.dcm").write_text("1")
        assert not target.exists()
    assert [p.name for p in target.iterdir()] == ["1.dcm"]
    assert [p.name for p in target.parent.iterdir()] == ["series"]


def test_nothing_is_left_of_a_failed_folder(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="broken"), atomic_folder(tmp_path / "series") as filling:
        (filling / "1.dcm").write_text("1")
        raise RuntimeError("broken")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_kept_or_replaced_whole(tmp_path: Path) -> None:
    target = tmp_path / "series"
    target.mkdir()
    (target / "old.dcm").write_text("old")
    with pytest.raises(FileExistsError, match="exists already and is kept"), atomic_folder(target):
        pass
    with pytest.raises(RuntimeError), atomic_folder(target, overwrite=True):
        raise RuntimeError
    assert [p.name for p in target.iterdir()] == ["old.dcm"]
    with atomic_folder(target, overwrite=True) as filling:
        (filling / "new.dcm").write_text("new")
    assert [p.name for p in target.iterdir()] == ["new.dcm"]
    assert [p.name for p in tmp_path.iterdir()] == ["series"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "a" / "image.dcm"
    with pytest.raises(RuntimeError), atomic_file(target) as filling:
        filling.write_text("half")
        raise RuntimeError
    assert list(target.parent.iterdir()) == []
    with atomic_file(target) as filling:
        filling.write_text("whole")
    with pytest.raises(FileExistsError, match="is kept"), atomic_file(target):
        pass
    assert target.read_text() == "whole"
