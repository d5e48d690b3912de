# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which attributes a derived object takes over from its anchor; everything else of the anchor stays behind."""

from __future__ import annotations

import logging

from pydicom.config import RAISE, disable_value_validation
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.valuerep import validate_value

from monai_ddfm.dicom.codes import code_item

__all__ = ["COPIED", "REQUIRED", "copy_attributes", "say_faults"]

_logger = logging.getLogger(__name__)

# May be empty but must be there (type 2 of the patient, study, series and frame of reference modules).
REQUIRED = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
)
# Taken over when the anchor has a value. No private tag and no free text (comments, descriptions, protocol and
# institution names, history) is among them: those may hold names, and they describe the source, not the fusion.
COPIED = (
    *REQUIRED,
    "IssuerOfPatientID",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "AcquisitionDate",
    "AcquisitionTime",
    "BodyPartExamined",
    "Laterality",
    "PatientPosition",
    "LongitudinalTemporalInformationModified",
)
# Laterality may be missing only for these; for a paired part, or an unknown one, it must be there, empty when unknown
# (type 2C, PS3.3 C.7.3.1).
_UNPAIRED = (
    "ABDOMEN", "BRAIN", "CHEST", "CSPINE", "HEAD", "HEART", "LIVER", "LSPINE", "NECK", "PELVIS", "PROSTATE", "SKULL",
    "SPINE", "TSPINE", "WHOLEBODY",
)  # fmt: skip
_LONGEST = {"SH": 16, "LO": 64, "CS": 16, "AE": 16}
_DEIDENTIFICATION_CODES = (
    codes.DCM.BasicApplicationConfidentialityProfile,
    codes.DCM.CleanPixelDataOption,
    codes.DCM.CleanRecognizableVisualFeaturesOption,
    codes.DCM.CleanGraphicsOption,
    codes.DCM.CleanStructuredContentOption,
    codes.DCM.CleanDescriptorsOption,
    codes.DCM.RetainLongitudinalTemporalInformationFullDatesOption,
    codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption,
    codes.DCM.RetainPatientCharacteristicsOption,
    codes.DCM.RetainDeviceIdentityOption,
    codes.DCM.RetainUidsOption,
    codes.DCM.RetainSafePrivateOption,
    codes.DCM.RetainInstitutionIdentityOption,
)


def copy_attributes(anchor: Dataset, derived: Dataset) -> None:
    """Copy patient, study, frame of reference and positioning from the anchor's header.

    A value that breaks the rules of its value representation (PS3.5 6.2) is cut to length where it is too long and
    left empty where it cannot be read, so that the derived object is valid although the source is not; `say_faults`
    says which.
    """
    for keyword in COPIED:
        value, _ = _valid(keyword, _found(anchor, keyword))
        if value not in (None, "") or keyword in REQUIRED:
            setattr(derived, keyword, value)
    if "Laterality" not in derived and derived.get("BodyPartExamined") not in _UNPAIRED:
        derived.Laterality = None
    _copy_deidentification(anchor, derived)


def say_faults(anchor: Dataset) -> None:
    """Log what `copy_attributes` leaves out of the anchor's header or cuts: once for all objects of a case."""
    for keyword in COPIED:
        _, fault = _valid(keyword, _found(anchor, keyword))
        if fault:
            _logger.warning("%s of the anchor %s", keyword, fault)


def _found(anchor: Dataset, keyword: str) -> object:
    with disable_value_validation():  # `_valid` looks, and says more
        return anchor.get(keyword)


def _valid(keyword: str, value: object) -> tuple[object, str | None]:
    """The value as it may be written, and what was wrong with it."""
    if value is None:
        return None, None
    representation = dictionary_VR(keyword)
    text = str(value)
    longest = _LONGEST.get(representation, len(text))
    try:
        validate_value(representation, text[:longest], RAISE)
    except ValueError:
        return None, f"is no valid {representation}; the fused series leaves it empty"
    if len(text) > longest:
        return text[:longest], f"is longer than {longest} characters; the fused series has it cut"
    return value, None


def _copy_deidentification(anchor: Dataset, derived: Dataset) -> None:
    """An object derived from de-identified images is de-identified in the same way (only known codes are kept)."""
    if anchor.get("PatientIdentityRemoved") != "YES":
        return
    derived.PatientIdentityRemoved = "YES"
    found = {str(item.get("CodeValue")) for item in anchor.get("DeidentificationMethodCodeSequence") or []}
    kept: list[Code] = [code for code in _DEIDENTIFICATION_CODES if code.value in found]
    if kept:
        derived.DeidentificationMethodCodeSequence = [code_item(code) for code in kept]
    else:
        derived.DeidentificationMethod = "As the source images"
