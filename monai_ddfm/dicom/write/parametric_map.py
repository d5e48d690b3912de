# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Writing a fused grey volume as a Parametric Map: the numbers themselves, in 32-bit floats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import torch
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, MRImageStorage

from monai_ddfm.dicom.identity import SOFTWARE_NAME, SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.write.copied_attributes import REQUIRED
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.derived_header import check_sources, derive_header
from monai_ddfm.dicom.write.presentation import save_state
from monai_ddfm.dicom.write.quiet import names_unquoted
from monai_ddfm.dicom.write.slice_stack import SliceStack, as_array, stack_slices
from monai_ddfm.dicom.write.source_geometry import pixel_spacing_of, slice_thickness_of
from monai_ddfm.io.atomic import require_free

__all__ = ["write_parametric_map"]

# of the header that all derived objects share, what highdicom does not write itself
_SHARED = (
    "BodyPartExamined",
    "ContributingEquipmentSequence",
    "DerivationDescription",
    "ImageComments",
    "Laterality",
    "PatientAge",
    "PatientIdentityRemoved",
    "PatientSize",
    "PatientWeight",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "ReferencedSeriesSequence",
    "SeriesDescription",
    "SourceImageSequence",
    "StudiesContainingOtherReferencedInstancesSequence",
)


def write_parametric_map(
    volume: torch.Tensor | NDArray[Any],
    affine: torch.Tensor | NDArray[Any],
    anchor: SeriesIdentity,
    sources: Sequence[SeriesIdentity],
    file: str | Path,
    derivation: Derivation | None = None,
    window: tuple[float, float] | None = None,
    pseudonym: Pseudonym | None = None,
    overwrite: bool = False,
    series_number: int = 904,
    created: datetime | None = None,
) -> Path:
    """Write a fused volume without quantisation, in the anchor's study and frame of reference, one frame per slice.

    Args:
        volume: ``[1, H, W, D]``, finite numbers in any unit.
        affine: 4x4, voxel index to RAS mm.
        anchor: series whose patient, study and slices the map follows; among `sources`.
        sources: identities of all fused series, in the order they were fused in.
        file: the new file, written whole or not at all.
        derivation: method and settings; default `Derivation()`.
        window: (black, white) in the volume's unit; default its least and greatest value.
        pseudonym: take the patient's identity out and use this one; default keep it.
        overwrite: replace `file` where it exists.
        series_number: SeriesNumber of the new series.
        created: date and time of making; default now.

    Returns:
        `file`.

    Raises:
        ValueError: the anchor was not read from DICOM, or the volume is not one channel of finite numbers.
        FileExistsError: `file` exists and `overwrite` is False.
        FileNotFoundError: the source files are gone; their headers are read again.
    """
    require_free(Path(file), overwrite)
    derivation, created = derivation or Derivation(), created or datetime.now()
    check_sources(anchor, sources)
    values = as_array(volume).astype(np.float32)
    if len(values) != 1 or not np.isfinite(values).all():
        raise ValueError(
            "a parametric map holds one channel of finite numbers; replace NaN and infinity before writing"
        )
    header = read_instance(anchor.instances[0].path)
    stack = stack_slices(values, affine, anchor, pixel_spacing_of(header))
    shared = derive_header(anchor, sources, derivation, "map", series_number, created)
    low, high = window or (float(values.min()), float(max(values.max(), values.min() + 1e-3)))
    with names_unquoted():
        dataset = hd.pm.ParametricMap(
            source_images=[_source_image(shared, anchor, stack)],
            pixel_array=np.ascontiguousarray(stack.frames),
            series_instance_uid=shared.SeriesInstanceUID,
            series_number=series_number,
            sop_instance_uid=derivation.uid(anchor, sources, "map", stack.grid_name),
            instance_number=1,
            manufacturer=SOFTWARE_NAME,
            manufacturer_model_name=derivation.method[:64],
            software_versions=derivation.version[:64],
            device_serial_number="none",
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[
                hd.pm.RealWorldValueMapping(
                    "FUSED",
                    "Fused intensity",
                    codes.UCUM.NoUnits,
                    (float(values.min()), float(values.max())),
                    slope=1.0,
                    intercept=0.0,
                )
            ],
            voi_lut_transformations=[hd.VOILUTTransformation(window_center=(low + high) / 2, window_width=high - low)],
            pixel_measures=hd.PixelMeasuresSequence(
                stack.pixel_spacing, slice_thickness_of(header) or stack.slice_spacing, stack.slice_spacing
            ),
            plane_orientation=hd.PlaneOrientationSequence("PATIENT", stack.orientation),
            plane_positions=[hd.PlanePositionSequence("PATIENT", place) for place in stack.positions],
            content_label="FUSION",
            content_description="Fused values; not for diagnostic use",
            content_qualification=hd.ContentQualificationValues.RESEARCH,
            specific_character_set="ISO_IR 192",
        )
    for keyword in _SHARED:
        if keyword in shared:
            dataset[keyword] = shared[keyword]
    for event in ("InstanceCreation", "Series", "Content"):
        for part in ("Date", "Time"):
            setattr(dataset, f"{event}{part}", shared[f"{event}{part}"].value)
    return save_state(dataset, file, pseudonym, overwrite)


def _source_image(shared: Dataset, anchor: SeriesIdentity, stack: SliceStack) -> Dataset:
    """What highdicom asks of a source image, and nothing that it would copy further."""
    image = Dataset()
    for keyword in REQUIRED:
        setattr(image, keyword, shared.get(keyword))
    first = anchor.instances[0]
    # of a kind of single frames, as it is one here; the anchor's own, NM or enhanced, stands in `shared`
    image.SOPClassUID, image.SOPInstanceUID = MRImageStorage, UID(first.sop_instance_uid)
    image.SeriesInstanceUID, image.Modality = anchor.series_instance_uid, anchor.modality
    image.Rows, image.Columns = stack.frames.shape[1:3]
    image.PixelSpacing, image.SliceThickness = list(stack.pixel_spacing), stack.slice_spacing
    image.ImageOrientationPatient, image.ImagePositionPatient = (
        list(first.image_orientation),
        list(first.image_position),
    )
    image.LossyImageCompression = shared.get("LossyImageCompression")
    return image
