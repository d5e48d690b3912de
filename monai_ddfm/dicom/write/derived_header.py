# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The attributes that every derived object shares: what is copied from the anchor and what is new."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID

from monai_ddfm.dicom.codes import code_item
from monai_ddfm.dicom.identity import SOFTWARE_NAME, SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.write.copied_attributes import copy_attributes
from monai_ddfm.dicom.write.derivation import Derivation, uid_from_name
from monai_ddfm.dicom.write.source_references import add_references
from monai_ddfm.intended_use import NOT_DIAGNOSTIC

__all__ = ["check_sources", "derive_header"]
_logger = logging.getLogger(__name__)


def check_sources(anchor: SeriesIdentity | None, sources: Sequence[SeriesIdentity]) -> SeriesIdentity:
    """Return the anchor, once it is sure that a derived object can be made from it.

    Raises:
        ValueError: the anchor was not read from DICOM, holds no instance, or is none of the sources.
    """
    if anchor is None:
        raise ValueError(
            "the anchor was not read from DICOM (a NIfTI file names no patient, study or instance), so that no DICOM "
            "can be written from it; choose a DICOM series as anchor, or write NIfTI"
        )
    if not anchor.instances or anchor.series_instance_uid not in {s.series_instance_uid for s in sources}:
        raise ValueError(f"the anchor {anchor.series_instance_uid} must be one of the sources and have instances")
    strangers = sum(source.patient_id != anchor.patient_id for source in sources)
    if strangers:
        _logger.warning("%d source(s) have another PatientID than the anchor, whose patient is written", strangers)
    return anchor


def derive_header(
    anchor: SeriesIdentity,
    sources: Sequence[SeriesIdentity],
    derivation: Derivation,
    kind: str,
    series_number: int,
    created: datetime | None = None,
) -> Dataset:
    """Build the part of a derived image that does not depend on its kind of object.

    Args:
        anchor: series whose patient, study and frame of reference the object gets.
        sources: all fused series, the anchor among them.
        derivation: method and settings.
        kind: "grey", "colour", ...: tells the series of one run apart.
        series_number: SeriesNumber of the new series.
        created: date and time of making; default now.

    Returns:
        patient, study, series, equipment, frame of reference and general image attributes, with the references to all
        sources. SOPClassUID, SOPInstanceUID, Modality and pixels are left to the caller.
    """
    check_sources(anchor, sources)
    headers = [read_instance(source.instances[0].path) for source in sources]
    anchor_header = headers[[s.series_instance_uid for s in sources].index(anchor.series_instance_uid)]
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    copy_attributes(anchor_header, dataset)
    if not dataset.get("FrameOfReferenceUID"):
        dataset.FrameOfReferenceUID = uid_from_name("frame of reference", anchor.series_instance_uid)
        _logger.warning("the anchor series has no FrameOfReferenceUID; the fused series gets one of its own")
    _add_times(dataset, created or datetime.now())
    dataset.SeriesInstanceUID = derivation.uid(anchor, sources, kind, "series")
    dataset.SeriesNumber = series_number
    dataset.SeriesDescription = f"{derivation.method} {'+'.join(source.modality for source in sources)} {kind}"[:64]
    dataset.Manufacturer = SOFTWARE_NAME
    dataset.ManufacturerModelName = derivation.method[:64]
    dataset.SoftwareVersions = derivation.version[:64]
    dataset.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    dataset.DerivationDescription = derivation.describe(sources)
    dataset.ImageComments = NOT_DIAGNOSTIC  # which viewers show
    dataset.BurnedInAnnotation = "YES" if any(h.get("BurnedInAnnotation") == "YES" for h in headers) else "NO"
    _add_compression(dataset, headers)
    add_references(dataset, sources, UID(anchor.study_instance_uid))
    dataset.ContributingEquipmentSequence = [
        *_acquisition_equipment(headers),
        _equipment(codes.DCM.ProcessingEquipment, SOFTWARE_NAME, derivation.method, derivation.version),
    ]
    return dataset


def _add_times(dataset: Dataset, created: datetime) -> None:
    for event in ("InstanceCreation", "Series", "Content"):
        setattr(dataset, f"{event}Date", created.strftime("%Y%m%d"))
        setattr(dataset, f"{event}Time", created.strftime("%H%M%S"))


def _add_compression(dataset: Dataset, headers: Sequence[Dataset]) -> None:
    """Say that the pixels once were lossy, if those of any source were (PS3.3 C.7.6.1.1.5)."""
    lossy = next((header for header in headers if header.get("LossyImageCompression") == "01"), None)
    dataset.LossyImageCompression = "00" if lossy is None else "01"
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if lossy is not None and lossy.get(keyword):
            setattr(dataset, keyword, lossy.get(keyword))


def _acquisition_equipment(headers: Sequence[Dataset]) -> list[Dataset]:
    scanners = {(str(h.get("Manufacturer") or ""), str(h.get("ManufacturerModelName") or "")): None for h in headers}
    return [_equipment(codes.DCM.AcquisitionEquipment, maker, model) for maker, model in scanners if maker]


def _equipment(purpose: Code, manufacturer: str, model: str, version: str = "") -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [code_item(purpose)]
    item.Manufacturer = manufacturer[:64]
    if model:
        item.ManufacturerModelName = model[:64]
    if version:
        item.SoftwareVersions = version[:64]
    return item
