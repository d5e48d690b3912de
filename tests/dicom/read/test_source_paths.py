# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What lies among a user's files, and doors that are shut."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread, dcmwrite
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.io import memory
from monai_ddfm.transforms import ReadSource

APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(60)


def test_what_macs_and_people_leave_among_slices(make_series, caplog) -> None:
    folder = make_series(count=3)[0].parent
    for name in ("._000.dcm", "._001.dcm"):
        (folder / name).write_bytes(APPLE_DOUBLE)
    (folder / "notes.txt").write_text("moved")
    (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    with caplog.at_level("INFO"):
        assert ReadSource()(folder).shape == (1, 5, 6, 3)
    assert caplog.text.count("are no DICOM and passed over") == 1


def test_what_macs_put_into_zips(make_series, tmp_path: Path) -> None:
    paths = make_series(count=3)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in paths:
            archive.write(path, f"CT/{path.name}")
            archive.writestr(f"__MACOSX/CT/._{path.name}", APPLE_DOUBLE)
    assert ReadSource()(tmp_path / "a.zip").shape == (1, 5, 6, 3)


@pytest.mark.parametrize("kept", [0, 30, 0.5, 0.99])
def test_truncated_zip(make_series, tmp_path: Path, kept: float) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "study"), "zip", make_series(count=3)[0].parent))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(kept if kept >= 1 else kept * len(whole))])
    with pytest.raises(ValueError, match=r"study\.zip: a damaged or truncated zip"):
        ReadSource()(archive)


def test_damaged_member_of_a_zip(make_series, tmp_path: Path) -> None:
    archive = tmp_path / "study.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in make_series(count=3):
            opened.write(path, path.name)
    content = bytearray(archive.read_bytes())
    content[600] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"study\.zip!/000\.dcm"):
        ReadSource()(archive)


def test_links_that_lead_nowhere(make_series, tmp_path: Path) -> None:
    paths = make_series(count=4)
    paths[2].rename(tmp_path / "elsewhere.dcm")
    paths[2].symlink_to(tmp_path / "elsewhere.dcm")
    assert ReadSource()(paths[0].parent).shape == (1, 5, 6, 4)
    (tmp_path / "elsewhere.dcm").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"1 links lead to files that do not exist.*002\.dcm -> .*elsewhere\.dcm"
    ):
        ReadSource()(paths[0].parent)


@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("suffix", ["", ".dcm"])
def test_files_without_preamble(make_series, implicit: bool, suffix: str) -> None:
    paths = make_series(count=3)
    expected = ReadSource()(paths[0].parent)
    for path in paths:
        dataset = dcmread(path)
        bare = Dataset({tag: dataset[tag] for tag in dataset.keys()})
        path.unlink()
        dcmwrite(path.with_suffix(suffix), bare, implicit_vr=implicit, little_endian=True)
        assert path.with_suffix(suffix).read_bytes()[128:132] != b"DICM"
    found = ReadSource()(paths[0].parent)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    np.testing.assert_array_equal(found.affine.numpy(), expected.affine.numpy())


@pytest.mark.parametrize("names", [["..", "secret.dcm"], ["/etc", "passwd"], ["/etc/passwd"], ["A", "../../secret.dcm"],
                                   ["..\\\\secret.dcm"], ["C:", "secret.dcm"], ["A", ".."]])  # fmt: skip
def test_dicomdir_that_points_outside(make_series, tmp_path: Path, names: list[str]) -> None:
    make_series("medium/A", 2)
    shutil.copy(tmp_path / "medium/A/000.dcm", tmp_path / "secret.dcm")
    record = Dataset()
    record.DirectoryRecordType = "IMAGE"
    directory = FileDataset("", {}, preamble=bytes(128), file_meta=FileMetaDataset())
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = directory.SOPClassUID = MediaStorageDirectoryStorage
    directory.file_meta.MediaStorageSOPInstanceUID = directory.SOPInstanceUID = "1.2.3"
    record.add_new(0x00041500, "LO", names)  # a code string could not hold some of these
    record[0x00041500].VR = "CS"
    directory.DirectoryRecordSequence = [record]
    directory.save_as(tmp_path / "medium" / "DICOMDIR")
    with pytest.raises(ValueError, match="which need not lie in its folder: refused"):
        ReadSource()(tmp_path / "medium" / "DICOMDIR")


def test_huge_rows(make_series) -> None:
    folder = make_series(count=2, Rows=65535, Columns=65535)[0].parent
    with pytest.raises(ValueError, match=r"000\.dcm: its header speaks of 65535 x 65535 pixels.* truncated"):
        ReadSource()(folder)


def test_huge_rows_of_compressed_pixels(make_series) -> None:
    paths = make_series(count=2)
    for path in paths:
        dataset = dcmread(path)
        dataset.compress("1.2.840.10008.1.2.5", generate_instance_uid=False)
        dataset.Rows = dataset.Columns = 65535
        dataset.NumberOfFrames = 1
        dataset.save_as(path)
    with pytest.raises((ValueError, MemoryError), match=r"000\.dcm"):
        ReadSource()(paths[0].parent)


def test_more_pixels_than_the_header_says(make_series) -> None:
    paths = make_series(count=2)
    dataset = dcmread(paths[1])
    dataset.PixelData = bytes(80 << 20)
    dataset.save_as(paths[1])
    with pytest.raises(ValueError, match=r"001\.dcm: holds .* bytes, its header speaks of 60"):
        ReadSource()(paths[0].parent)


def test_a_zip_that_unpacks_to_more_than_there_is(make_series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(make_series(count=1)[0], "a.dcm")
    monkeypatch.setattr(memory, "available_memory", lambda: 400)
    with pytest.raises(MemoryError, match=r"a\.zip!/a\.dcm.* needs .* of memory"):
        read_series(tmp_path / "a.zip")


def test_a_deflated_bomb_is_counted_before_it_is_unpacked(
    make_series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = dcmread(make_series(count=1)[0])
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.add_new(0x00091010, "OB", bytes(50 << 20))
    content = io.BytesIO()
    dataset.save_as(content)
    (tmp_path / "bomb.dcm").write_bytes(content.getvalue())
    assert len(content.getvalue()) < 1 << 20
    read_instance(tmp_path / "bomb.dcm")
    monkeypatch.setattr(memory, "available_memory", lambda: 40 << 20)
    with pytest.raises(MemoryError, match=r"unpacking .*bomb\.dcm needs"):
        read_instance(tmp_path / "bomb.dcm")
