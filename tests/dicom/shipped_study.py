# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The shipped study (CT, MR and PET of one patient, one frame of reference), read once, and variations of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
from monai.data import MetaTensor
from numpy.typing import NDArray

from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.transforms import MatchGrids

STUDY = BUNDLE_ROOT / "example" / "dicom_sts_013"
FOLDERS = {"MR": STUDY / "MR", "CT": STUDY / "CT", "PT": STUDY / "PET"}


@cache
def volume(modality: str) -> MetaTensor:
    return read_series(FOLDERS[modality])


def identity(modality: str) -> SeriesIdentity:
    found = SeriesIdentity.from_meta(volume(modality).meta)
    assert found is not None
    return found


def identities(*modalities: str) -> list[SeriesIdentity]:
    return [identity(modality) for modality in modalities or ("MR", "CT", "PT")]


@cache
def stand_in(anchor: str) -> MetaTensor:
    """A fused volume on the anchor's grid: the maximum of MR and PET, each from 0 to 1."""
    scaled = [MatchGrids()(volume(m), volume(anchor)).as_tensor() for m in ("MR", "PT")]
    scaled = [(one - one.min()) / (one.max() - one.min()) for one in scaled]
    return MetaTensor(scaled[0].maximum(scaled[1]), meta=volume(anchor).meta)


def turned_series(folder: Path, target: Path, rotation: NDArray[np.float64], each: Sequence[Mapping] = ()) -> Path:
    """Copy a series as if the patient axes were turned: position and orientation are rotated, pixels stay."""
    target.mkdir(parents=True)
    for k, file in enumerate(sorted(folder.glob("*.dcm"))):
        dataset = pydicom.dcmread(file)
        position = rotation @ np.array(dataset.ImagePositionPatient, float)
        orientation = np.reshape(dataset.ImageOrientationPatient, (2, 3)).astype(float) @ rotation.T
        dataset.ImagePositionPatient = [f"{value:.8f}"[:16] for value in position]
        dataset.ImageOrientationPatient = [f"{value:.12f}"[:16] for value in orientation.ravel()]
        for keyword, value in (each[k] if each else {}).items():
            setattr(dataset, keyword, value)
        dataset.save_as(target / f"{k:03d}.dcm")
    return target
