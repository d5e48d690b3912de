# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A Spatial Registration object (PS3.3 A.39.1): where sources were moved to, for whoever else shows them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, SpatialRegistrationStorage

from monai_ddfm.dicom.codes import code_item
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation, uid_from_name
from monai_ddfm.dicom.write.derived_header import derive_header
from monai_ddfm.dicom.write.presentation import save_state
from monai_ddfm.dicom.write.source_references import source_items
from monai_ddfm.io.affine_file import LPS_TO_RAS
from monai_ddfm.io.atomic import require_free

__all__ = ["write_spatial_registration"]

_RIGID_TOLERANCE = 1e-4  # of the rotation's orthonormality
_IMAGE_CONTENT = Code("125024", "DCM", "Image Content-based Alignment")
_OF_NO_IMAGE = (
    "ImageType",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
    "DerivationDescription",
    "SourceImageSequence",
    "AcquisitionDate",
    "AcquisitionTime",
)  # what a derived header says of pixels


def write_spatial_registration(
    anchor: SeriesIdentity,
    sources: Sequence[SeriesIdentity],
    motions: Mapping[str, NDArray[np.float64]],
    file: str | Path,
    derivation: Derivation | None = None,
    pseudonym: Pseudonym | None = None,
    overwrite: bool = False,
    series_number: int = 905,
    created: datetime | None = None,
) -> Path:
    """Write the matrices that sources were moved by into the anchor's frame of reference.

    Args:
        anchor: series whose frame of reference is the common one; among `sources`.
        sources: all fused series.
        motions: ``[4, 4]`` (mm, RAS) by SeriesInstanceUID: takes points of that source's space to the anchor's.
        file: the new file, written whole or not at all.
        derivation: method and settings; default `Derivation()`.
        pseudonym: take the patient's identity out and use this one.
        overwrite: replace `file` where it exists.
        series_number: SeriesNumber of the new series.
        created: date and time of making; default now.

    Returns:
        `file`.

    Raises:
        ValueError: see `check_sources`.
        FileExistsError: `file` exists and `overwrite` is False.
    """
    require_free(Path(file), overwrite)
    derivation, created = derivation or Derivation(), created or datetime.now()
    moved = [source for source in sources if source.series_instance_uid in motions]
    dataset = derive_header(anchor, [anchor, *moved], derivation, "registration", series_number, created)
    for keyword in _OF_NO_IMAGE:
        dataset.pop(keyword, None)
    dataset.Modality = "REG"
    dataset.SOPClassUID = SpatialRegistrationStorage
    dataset.SOPInstanceUID = derivation.uid(anchor, sources, "registration")
    dataset.InstanceNumber = 1
    dataset.ContentLabel = "REGISTRATION"
    dataset.ContentDescription = "Sources moved onto the anchor"
    dataset.ContentCreatorName = ""
    dataset.RegistrationSequence = [
        _registered(anchor, np.eye(4)),
        *(_registered(source, motions[source.series_instance_uid]) for source in moved),
    ]
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return save_state(dataset, file, pseudonym, overwrite)


def _registered(series: SeriesIdentity, motion: NDArray[np.float64]) -> Dataset:
    step = Dataset()
    step.FrameOfReferenceTransformationMatrixType = "RIGID" if _is_rigid(motion) else "AFFINE"
    lps = LPS_TO_RAS @ np.asarray(motion, dtype=np.float64) @ LPS_TO_RAS
    step.FrameOfReferenceTransformationMatrix = [f"{value:.10g}"[:16] for value in lps.flatten()]
    registration, item = Dataset(), Dataset()
    registration.FrameOfReferenceTransformationComment = "monai_ddfm"
    registration.RegistrationTypeCodeSequence = [code_item(_IMAGE_CONTENT)]
    registration.MatrixSequence = [step]
    item.FrameOfReferenceUID = series.frame_of_reference_uid or uid_from_name(
        "frame of reference", series.series_instance_uid
    )
    item.ReferencedImageSequence = source_items(series)
    item.MatrixRegistrationSequence = [registration]
    return item


def _is_rigid(motion: NDArray[np.float64]) -> bool:
    rotation = motion[:3, :3]
    return bool(np.allclose(rotation.T @ rotation, np.eye(3), atol=_RIGID_TOLERANCE) and np.linalg.det(rotation) > 0)
