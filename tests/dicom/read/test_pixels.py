# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Decoding: every transfer syntax gives the same values; what cannot be decoded is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from monai_ddfm.dicom.read.find_instances import find_instances
from monai_ddfm.dicom.read.pixels import read_pixels
from monai_ddfm.dicom.read.slices import Slice, slices_of

TILTED_CT = Path(__file__).parents[2] / "data/ct_tilt"


def slices_from(paths) -> list[Slice]:
    return [one for instance in find_instances(paths) for one in slices_of(instance)]


def test_values_stand_at_column_row_slice(make_series) -> None:
    volume = read_pixels(slices_from(make_series(count=4)))
    column, row, k = np.mgrid[:5, :6, :4]
    assert volume.dtype == np.float32 and volume.flags.c_contiguous
    np.testing.assert_array_equal(volume, 100 * k + 10 * row + column)


def test_every_slice_has_its_own_rescale(make_series) -> None:
    each = [{"RescaleSlope": slope, "RescaleIntercept": k} for k, slope in enumerate((0.5, 2.0, 0.01))]
    volume = read_pixels(slices_from(make_series(modality="PT", each=each)))
    column, row, k = np.mgrid[:5, :6, :3]
    expected = (100 * k + 10 * row + column) * np.array([0.5, 2.0, 0.01]) + np.arange(3)
    np.testing.assert_allclose(volume, expected, rtol=1e-6)


def transcode(source: Path, target: Path, syntax: UID) -> None:
    """Write a file in another transfer syntax: GDCM for JPEG lossless, pydicom and its encoders for the others."""
    if syntax in (JPEGLossless, JPEGLosslessSV1):
        gdcm = pytest.importorskip("gdcm")
        reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
        reader.SetFileName(str(source))
        assert reader.Read()
        kind = gdcm.TransferSyntax.GetTSType(str(syntax))
        change.SetTransferSyntax(gdcm.TransferSyntax(kind))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return
    dataset = dcmread(source)
    if syntax in (RLELossless, JPEG2000Lossless, JPEGLSLossless):
        dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(target)
    else:
        if syntax == ExplicitVRBigEndian:
            dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
        dataset.file_meta.TransferSyntaxUID = syntax
        little, implicit = syntax != ExplicitVRBigEndian, syntax == ImplicitVRLittleEndian
        fresh = dataset.copy()
        fresh._read_implicit = fresh._read_little = None  # so that pydicom takes the new syntax for the old one
        fresh.save_as(target, little_endian=little, implicit_vr=implicit)


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLossless,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
    ids=lambda syntax: syntax.name,
)
def test_every_transfer_syntax_gives_the_same_values(tmp_path: Path, syntax: UID) -> None:
    source = TILTED_CT / "10.dcm"
    expected = read_pixels(slices_from([source]))
    assert expected.std() > 100
    transcode(source, tmp_path / "other.dcm", syntax)
    assert dcmread(tmp_path / "other.dcm").file_meta.TransferSyntaxUID == syntax
    np.testing.assert_array_equal(read_pixels(slices_from([tmp_path / "other.dcm"])), expected)


def test_missing_decoder_names_the_packages(tmp_path: Path) -> None:
    transcode(TILTED_CT / "10.dcm", tmp_path / "jpeg.dcm", JPEGLosslessSV1)
    # a fresh interpreter in which the optional decoders are not importable, as if not installed
    program = f"""
import sys
sys.modules.update(dict.fromkeys(["gdcm", "pylibjpeg", "libjpeg", "openjpeg", "jpeg_ls"]))
from monai_ddfm.dicom.read.find_instances import find_instances
from monai_ddfm.dicom.read.pixels import read_pixels
from monai_ddfm.dicom.read.slices import slices_of
try:
    read_pixels(slices_of(find_instances({str(tmp_path / "jpeg.dcm")!r})[0]))
except ImportError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "jpeg.dcm is compressed with JPEG Lossless" in said
    assert "monai-ddfm[dicom]" in said and "gdcm" in said


@pytest.mark.parametrize("photometric", ["RGB", "PALETTE COLOR", "YBR_FULL"])
def test_colour_is_refused(make_series, photometric: str) -> None:
    with pytest.raises(ValueError, match=rf"000\.dcm has PhotometricInterpretation {photometric}"):
        read_pixels(slices_from(make_series(count=1, PhotometricInterpretation=photometric)))


def test_inverted_display_is_said(make_series) -> None:
    slices = slices_from(make_series(count=1, PhotometricInterpretation="MONOCHROME1"))
    with pytest.warns(UserWarning, match="MONOCHROME1"):
        assert read_pixels(slices)[2, 3, 0] == 32


def test_truncated_pixels_are_named(make_series) -> None:
    paths = make_series(count=3)
    paths[1].write_bytes(paths[1].read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"001\.dcm: the pixel data are truncated or corrupt"):
        read_pixels(slices_from(paths))


def test_corrupt_compressed_pixels_are_named(make_series) -> None:
    paths = make_series(count=2)
    transcode(paths[0], paths[0], RLELossless)
    dataset = dcmread(paths[0])
    dataset.PixelData = encapsulate([b"\xff" * 64])
    dataset.save_as(paths[0])
    with pytest.raises(ValueError, match=r"000\.dcm: the pixel data are truncated or corrupt"):
        read_pixels(slices_from(paths))


def test_no_pixel_data(make_series) -> None:
    with pytest.raises(ValueError, match=r"000\.dcm has no pixel data"):
        read_pixels(slices_from(make_series(count=1, PixelData=None)))


def test_padding_becomes_the_lowest_measured_value(make_series) -> None:
    slices = slices_from(make_series(count=1, PixelPaddingValue=0, PixelPaddingRangeLimit=9, RescaleIntercept=-50))
    volume = read_pixels(slices)
    assert (volume[:, 0, 0] == 10 - 50).all()  # row 0 holds 0 to 4: padding; the lowest other value is 10
    assert volume[3, 2, 0] == 23 - 50


def test_float_pixels(make_series) -> None:
    values = np.linspace(-2, 3, 30, dtype="<f4").reshape(6, 5)
    paths = make_series(count=1)
    dataset = dcmread(paths[0])
    del dataset.PixelData
    dataset.BitsAllocated, dataset.FloatPixelData = 32, values.tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(paths[0])
    np.testing.assert_array_equal(read_pixels(slices_from(paths))[:, :, 0], values.T)
