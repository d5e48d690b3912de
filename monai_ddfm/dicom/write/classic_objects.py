# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What the classic MR, CT and PET image objects ask for beyond the common attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID, CTImageStorage, MRImageStorage, PositronEmissionTomographyImageStorage
from pydicom.valuerep import DSfloat

from monai_ddfm.dicom.codes import code_item
from monai_ddfm.dicom.write.stored_values import StoredValues

__all__ = ["CLASSIC_OBJECTS", "ClassicObject", "code_patient_position", "real_world_values"]


class ClassicObject(NamedTuple):
    """A single-slice image object.

    Attributes:
        sop_class_uid: its SOP class.
        complete: adds its own attributes to a dataset, given the stored values.
    """

    sop_class_uid: UID
    complete: Callable[[Dataset, StoredValues], None]


def _complete_mr(dataset: Dataset, stored: StoredValues) -> None:
    """MR Image module (PS3.3 C.8.3.1). A fused image comes from no pulse sequence: RM, "research mode"."""
    dataset.ScanningSequence = "RM"
    dataset.SequenceVariant = "NONE"
    for keyword in ("ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime", "EchoTrainLength"):
        setattr(dataset, keyword, None)
    if (stored.slope, stored.intercept) != (1.0, 0.0):
        dataset.RealWorldValueMappingSequence = [real_world_values(stored)]


def _complete_ct(dataset: Dataset, stored: StoredValues) -> None:
    """CT Image module (PS3.3 C.8.2.1). Fused values are no longer Hounsfield units: rescale type US, unspecified."""
    dataset.KVP = None
    dataset.AcquisitionNumber = None
    dataset.RescaleSlope = DSfloat(stored.slope, auto_format=True)
    dataset.RescaleIntercept = DSfloat(stored.intercept, auto_format=True)
    dataset.RescaleType = "US"


def _complete_pet(dataset: Dataset, stored: StoredValues) -> None:
    """PET Series, Isotope, Patient Orientation and Image modules (PS3.3 C.8.9)."""
    dataset.ImageType = ["DERIVED", "PRIMARY"]  # the only second value that PET allows
    dataset.Units = "NONE"  # fused values measure no activity
    dataset.CountsSource = "EMISSION"
    dataset.SeriesType = ["STATIC", "IMAGE"]
    dataset.DecayCorrection = "NONE"
    dataset.CorrectedImage = None
    dataset.CollimatorType = None
    dataset.RadiopharmaceuticalInformationSequence = []
    code_patient_position(dataset)
    dataset.FrameReferenceTime = 0
    dataset.ActualFrameDuration = 0
    dataset.RescaleSlope = DSfloat(stored.slope, auto_format=True)
    dataset.RescaleIntercept = 0
    for keyword in ("AcquisitionDate", "AcquisitionTime"):
        if keyword not in dataset:
            setattr(dataset, keyword, None)


_LYING = {
    "S": codes.SCT.Supine,
    "P": codes.SCT.Prone,
    "DL": codes.SCT.LeftLateralDecubitus,
    "DR": codes.SCT.RightLateralDecubitus,
}
_ENTERING = {"HF": codes.SCT.Headfirst, "FF": codes.SCT.FeetFirst}
CLASSIC_OBJECTS = {
    "MR": ClassicObject(MRImageStorage, _complete_mr),
    "CT": ClassicObject(CTImageStorage, _complete_ct),
    "PT": ClassicObject(PositronEmissionTomographyImageStorage, _complete_pet),
}


def code_patient_position(dataset: Dataset) -> None:
    """Say PatientPosition (e.g. FFS) in the codes that PET uses instead of it (PS3.3 C.8.4.6, CID 19 to 21)."""
    position = str(dataset.pop("PatientPosition").value) if "PatientPosition" in dataset else ""
    dataset.PatientOrientationCodeSequence = []
    dataset.PatientGantryRelationshipCodeSequence = []
    if position[2:] in _LYING:
        recumbent = code_item(codes.SCT.Recumbent)
        recumbent.PatientOrientationModifierCodeSequence = [code_item(_LYING[position[2:]])]
        dataset.PatientOrientationCodeSequence = [recumbent]
    if position[:2] in _ENTERING:
        dataset.PatientGantryRelationshipCodeSequence = [code_item(_ENTERING[position[:2]])]


def real_world_values(stored: StoredValues) -> Dataset:
    """Tell the line from stored to fused values (PS3.3 C.7.6.16.2.11), which MR has no rescale for."""
    item = Dataset()
    item.add_new("RealWorldValueFirstValueMapped", "SS" if stored.signed else "US", int(stored.pixels.min()))
    item.add_new("RealWorldValueLastValueMapped", "SS" if stored.signed else "US", int(stored.pixels.max()))
    item.RealWorldValueSlope = stored.slope
    item.RealWorldValueIntercept = stored.intercept
    item.LUTExplanation = "Fused intensity"
    item.LUTLabel = "FUSED"
    item.MeasurementUnitsCodeSequence = [code_item(codes.UCUM.NoUnits)]
    return item
