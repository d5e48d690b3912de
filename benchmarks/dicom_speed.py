# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""How long reading and writing DICOM takes: ``python benchmarks/dicom_speed.py``."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.colour import write_colour_image
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.grey import write_grey_series

STUDY = BUNDLE_ROOT / "example" / "dicom_sts_013"


def stretched(source: SeriesIdentity, slices: int) -> SeriesIdentity:
    """The identity of a series with as many slices as asked for, all of which point to the first file."""
    first = source.instances[0]
    x, y, z = first.image_position
    instances = tuple(
        replace(first, sop_instance_uid=f"{first.sop_instance_uid[:50]}.{k}", image_position=(x, y, z + 3.0 * k))
        for k in range(slices)
    )
    return replace(source, instances=instances)


def write_ct(folder: Path, slices: int, size: int, syntax: UID) -> None:
    """Write a CT series of real slices, tiled to `size` x `size` and repeated 1.25 mm apart."""
    folder.mkdir()
    files = sorted((STUDY / "CT").glob("*.dcm"))
    for k in range(slices):
        dataset = pydicom.dcmread(files[k % len(files)])
        repeats = [-(-size // edge) for edge in (dataset.Rows, dataset.Columns)]
        pixels = np.tile(dataset.pixel_array, repeats)[:size, :size]
        dataset.Rows = dataset.Columns = size
        dataset.PixelData = pixels.tobytes()
        dataset.ImagePositionPatient = [0, 0, 1.25 * k]
        dataset.SliceThickness = 1.25
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k}"
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if syntax.is_compressed:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(folder / f"{k:04d}.dcm")


def time_reading(folder: Path, slices: int = 300, size: int = 512) -> dict[str, float]:
    """Seconds to read a CT series of as many slices: from a folder, from a zip, and compressed."""
    taken = {}
    sources = {}
    for syntax in (ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless):
        sources[syntax.name] = folder / syntax.keyword
        write_ct(folder / syntax.keyword, slices, size, syntax)
    sources["zip"] = Path(shutil.make_archive(str(folder / "series"), "zip", folder / ExplicitVRLittleEndian.keyword))
    for name, source in sources.items():
        begin = time.perf_counter()
        volume = read_series(source)
        taken[f"read {slices} slices of {size} x {size} ({name})"] = time.perf_counter() - begin
        assert volume.shape == (1, size, size, slices)
    return taken


def time_writing(folder: Path, slices: int = 200, size: int = 512) -> dict[str, float]:
    """Seconds to write a fused volume of two sources of as many slices each: as a grey series, and in colour."""
    sources = []
    for name in ("MR", "PET"):
        identity = SeriesIdentity.from_meta(read_series(STUDY / name).meta)
        assert identity is not None
        sources.append(stretched(identity, slices))
    affine = np.diag([-1.0, -1.0, 3.0, 1.0])
    affine[:3, 3] = np.array(sources[0].instances[0].image_position) * (-1, -1, 1)
    volume = np.random.default_rng(0).random((1, size, size, slices), dtype=np.float32)
    taken = {}
    begin = time.perf_counter()
    write_grey_series(volume, affine, sources[0], sources, folder / "grey", Derivation())
    taken[f"write {slices} grey slices of {size} x {size}"] = time.perf_counter() - begin
    colours = np.repeat(volume, 3, axis=0)
    begin = time.perf_counter()
    write_colour_image(colours, affine, sources[0], sources, folder / "colour.dcm", Derivation())
    taken[f"write {slices} colour slices of {size} x {size}"] = time.perf_counter() - begin
    return taken


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for what, seconds in {**time_reading(Path(folder)), **time_writing(Path(folder))}.items():
            print(f"{what:80s} {seconds:6.2f} s")


if __name__ == "__main__":
    main()
