# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Sources: folders, DICOMDIR, zips, lists; what is broken is named."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.fileset import FileSet

from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.read.find_instances import find_instances, is_dicom_source


def test_folder_is_searched_with_subfolders_and_other_files_passed_over(make_series, tmp_path: Path) -> None:
    make_series("study/a", 3)
    make_series("study/b/deep", 2, SeriesInstanceUID="1.2.3.4.2")
    (tmp_path / "study/notes.txt").write_text("no DICOM")
    (tmp_path / "study/empty").touch()
    assert len(find_instances(tmp_path / "study")) == 5


def test_file_without_suffix_is_recognised_by_its_prefix(make_series, tmp_path: Path) -> None:
    path = make_series(count=1)[0].rename(tmp_path / "IM0001")
    assert [one.path for one in find_instances(path)] == [str(path)]
    assert is_dicom_source(path)


def test_list_of_files(make_series) -> None:
    paths = make_series(count=4)
    assert [one.path for one in find_instances(paths[1:3])] == [str(path) for path in paths[1:3]]


def test_zip_members_can_be_read_again(make_series, tmp_path: Path) -> None:
    paths = make_series(count=2)
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in paths:
            opened.write(path, f"inner/{path.name}")
        opened.writestr("inner/readme.txt", "no DICOM")
    found = find_instances(archive)
    assert [one.path for one in found] == [f"{archive}!/inner/{path.name}" for path in paths]
    again = read_instance(found[1].path, stop_before_pixels=False)
    assert again.PixelData == dcmread(paths[1]).PixelData
    with pytest.raises(FileNotFoundError, match=r"no member inner/9\.dcm"):
        read_instance(f"{archive}!/inner/9.dcm")


def write_dicomdir(paths: list[Path], target: Path) -> Path:
    files = FileSet()
    for path in paths:
        files.add(path)
    files.write(target)
    return target / "DICOMDIR"


def test_dicomdir(make_series, tmp_path: Path) -> None:
    dicomdir = write_dicomdir(make_series(count=3), tmp_path / "medium")
    assert len(find_instances(dicomdir)) == 3
    assert len(find_instances(tmp_path / "medium")) == 3  # the DICOMDIR itself is no image


def test_dicomdir_with_missing_files(make_series, tmp_path: Path) -> None:
    dicomdir = write_dicomdir(make_series(count=3), tmp_path / "medium")
    gone = next(path for path in sorted((tmp_path / "medium").rglob("*")) if path.is_file() and path != dicomdir)
    gone.unlink()
    with pytest.raises(FileNotFoundError, match=rf"lists 3 files, 1 of them are not there.*{gone.name}"):
        find_instances(dicomdir)


def test_second_copy_is_used_once(make_series, tmp_path: Path, caplog) -> None:
    paths = make_series(count=2)
    shutil.copy(paths[0], paths[0].parent / "copy.dcm")
    assert len(find_instances(tmp_path)) == 2
    assert "second copy" in caplog.text


@pytest.mark.parametrize("kept_bytes", [10, 200, 600])
def test_truncated_header_is_named_and_the_rest_not_used(make_series, kept_bytes: int) -> None:
    paths = make_series(count=3)
    paths[1].write_bytes(paths[1].read_bytes()[:kept_bytes])
    with pytest.raises(ValueError, match=r"1 DICOM file\(s\) are truncated or corrupt[\s\S]*001\.dcm"):
        find_instances(paths[0].parent)


def test_corrupt_file_is_named(make_series) -> None:
    paths = make_series(count=2)
    paths[0].write_bytes(b"this is not DICOM" * 50)
    with pytest.raises(ValueError, match=r"000\.dcm: InvalidDicomError"):
        find_instances(paths)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_instances(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no DICOM file in"):
        find_instances(tmp_path)


def test_other_files_are_no_dicom_source(tmp_path: Path) -> None:
    nifti = tmp_path / "a.nii.gz"
    nifti.write_bytes(b"\0" * 400)
    assert not is_dicom_source(nifti)
    assert not is_dicom_source(tmp_path / "missing.nii")
    assert not is_dicom_source([])
    assert is_dicom_source(tmp_path)
