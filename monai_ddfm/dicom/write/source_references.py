# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""References from a derived object to every source instance."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.charset import convert_encodings
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_sequence
from pydicom.sr.codedict import codes
from pydicom.tag import Tag
from pydicom.uid import UID

from monai_ddfm.dicom.codes import code_item
from monai_ddfm.dicom.identity import SeriesIdentity

__all__ = ["add_references", "encode_sequences", "source_items"]


def source_items(source: SeriesIdentity) -> list[Dataset]:
    """Return one item per source instance: SOP class, SOP instance and, for multi-frame instances, the frames read."""
    frames: dict[tuple[str, str], list[int]] = {}
    for instance in source.instances:
        found = frames.setdefault((instance.sop_class_uid, instance.sop_instance_uid), [])
        if instance.frame_number is not None:
            found.append(instance.frame_number)
    items = []
    for (sop_class, sop_instance), numbers in frames.items():
        item = Dataset()
        item.ReferencedSOPClassUID = sop_class
        item.ReferencedSOPInstanceUID = sop_instance
        if numbers:
            item.ReferencedFrameNumber = sorted(numbers)
        items.append(item)
    return items


def add_references(dataset: Dataset, sources: Sequence[SeriesIdentity], study_instance_uid: UID) -> None:
    """Add SourceImageSequence and the Common Instance Reference module (PS3.3 C.12.2) over all sources.

    Every instance of every source is named in every file: normalisation and resampling look at whole volumes, so that
    each fused slice depends on all of them.

    Args:
        dataset: derived object, changed in place.
        sources: all fused series.
        study_instance_uid: study of the derived object; sources of other studies are listed apart.
    """
    dataset.SourceImageSequence = [item for source in sources for item in source_items(source)]
    for item in dataset.SourceImageSequence:
        item.PurposeOfReferenceCodeSequence = [code_item(codes.DCM.SourceImageForImageProcessingOperation)]
    same_study = [source for source in sources if source.study_instance_uid == study_instance_uid]
    if same_study:
        dataset.ReferencedSeriesSequence = [_series_item(source) for source in same_study]
    others: dict[str, list[Dataset]] = {}
    for source in sources:
        if source.study_instance_uid != study_instance_uid:
            others.setdefault(source.study_instance_uid, []).append(_series_item(source))
    if others:
        dataset.StudiesContainingOtherReferencedInstancesSequence = [
            _study_item(study, series) for study, series in others.items()
        ]


def encode_sequences(dataset: Dataset) -> None:
    """Replace the sequences of a dataset by their bytes (explicit VR little endian), in place.

    A series of slices repeats hundreds of references in every file; encoded once, they are only copied.
    """
    for element in [element for element in dataset if element.VR == "SQ"]:
        buffer = DicomBytesIO()
        buffer.is_implicit_VR, buffer.is_little_endian = False, True
        write_sequence(buffer, element, convert_encodings(dataset.SpecificCharacterSet))
        value = buffer.getvalue()
        dataset[element.tag] = RawDataElement(Tag(element.tag), "SQ", len(value), value, 0, False, True)
    # pydicom copies the bytes only while the encoding it is told they have is the one it writes
    dataset.set_original_encoding(False, True, convert_encodings(dataset.SpecificCharacterSet))


def _series_item(source: SeriesIdentity) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = source.series_instance_uid
    item.ReferencedInstanceSequence = source_items(source)
    for instance in item.ReferencedInstanceSequence:
        if "ReferencedFrameNumber" in instance:
            del instance.ReferencedFrameNumber
    return item


def _study_item(study_instance_uid: str, series: list[Dataset]) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = study_instance_uid
    item.ReferencedSeriesSequence = series
    return item
