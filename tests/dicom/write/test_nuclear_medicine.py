# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A fusion on a SPECT: one NM image, valid, and the same volume when it is read again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from monai.data import MetaTensor

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.grey import write_grey_series
from tests.dicom.validators import needs_validators, validator_errors


def write(spect: Path, folder: Path, scale: float, pseudonym: Pseudonym | None = None) -> tuple[MetaTensor, list[Path]]:
    source = read_series(spect)
    identity = SeriesIdentity.from_meta(source.meta)
    assert identity is not None
    fused = source * scale
    made = Derivation(seed=1)
    return fused, write_grey_series(
        fused, source.affine, identity, [identity], folder, made, (0.0, 300.0 * scale), pseudonym
    )


@needs_validators
@pytest.mark.parametrize("pseudonym", [None, Pseudonym("ANON", key="k")], ids=["identified", "de-identified"])
def test_validators_find_no_error(make_nuclear_medicine: Callable[..., Path], tmp_path: Path, pseudonym) -> None:  # type: ignore[no-untyped-def]
    for scale in (1.0, 0.01):
        _, files = write(make_nuclear_medicine(slices=4), tmp_path / f"out{scale}", scale, pseudonym)
        assert validator_errors(files) == []


@pytest.mark.parametrize("spacing", [4.0, -3.0])
@pytest.mark.parametrize("scale", [1.0, 0.01])
def test_it_is_the_same_volume_again(make_nuclear_medicine, tmp_path: Path, spacing: float, scale: float) -> None:
    fused, (file,) = write(make_nuclear_medicine(slices=4, spacing=spacing), tmp_path / "out", scale)
    again = read_series(file)
    np.testing.assert_allclose(again.affine.numpy(), fused.affine.numpy(), atol=1e-6)
    dataset = pydicom.dcmread(file)
    values = again.numpy()
    if "RealWorldValueMappingSequence" in dataset:
        line = dataset.RealWorldValueMappingSequence[0]
        values = values * line.RealWorldValueSlope + line.RealWorldValueIntercept
    np.testing.assert_allclose(values, fused.numpy(), atol=np.ptp(fused.numpy()) / 65535)
    assert dataset.Modality == "NM" and dataset.ImageType[2] == "RECON TOMO" and dataset.NumberOfFrames == 4
