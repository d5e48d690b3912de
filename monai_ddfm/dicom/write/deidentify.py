# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Taking the patient's identity out of a derived object (PS3.15 annex E)."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import UID

from monai_ddfm.dicom.codes import code_item

__all__ = ["EMPTIED", "REMOVED", "REPLACED", "Pseudonym"]

_REGISTERED_ROOT = "1.2.840.10008."  # UIDs of the standard itself, which identify nobody

# The attributes of table E.1-1 that a derived object of this package can hold, by the action of its Basic Profile.
# What the table also removes and this package never writes (comments, institution, operators, ...) is not listed.
EMPTIED = (
    "AccessionNumber",
    "AcquisitionDate",
    "AcquisitionTime",
    "PatientBirthDate",
    "PatientSex",
    "ReferringPhysicianName",
    "StudyDate",
    "StudyID",
    "StudyTime",
)
REMOVED = (
    "ContributingEquipmentSequence",
    "InstanceCreationDate",
    "InstanceCreationTime",
    "IssuerOfPatientID",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
)
# Dummies, because a PET series, a multi-frame image or a presentation state must have a value here.
REPLACED = {
    "ContentDate": "19000101",
    "ContentTime": "000000",
    "PresentationCreationDate": "19000101",
    "PresentationCreationTime": "000000",
    "SeriesDate": "19000101",
    "SeriesTime": "000000",
}


@dataclass(frozen=True)
class Pseudonym:
    """Who the patient is called in a de-identified object.

    The Basic Application Confidentiality Profile with the Clean Descriptors Option: descriptions are this package's own
    words, without free text of the sources. Every UID that is not one of the standard's own, those of the referenced
    sources included, is replaced by a keyed hash of itself, so that all objects written with one `key` still refer to
    each other and nobody without it can find the sources. Pixels are not touched: a head scan still shows a face.

    Args:
        patient_id: the new PatientID.
        patient_name: the new PatientName; default the new PatientID.
        key: secret that the UIDs are hashed with. Default a random one: every run then gives other UIDs.

    Raises:
        ValueError: `patient_id` is empty or longer than the 64 characters of a Long String.
    """

    patient_id: str
    patient_name: str | None = None
    key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    def __post_init__(self) -> None:
        if not 0 < len(self.patient_id.strip()) <= 64 or "\\" in self.patient_id:
            raise ValueError(f"a new patient id has 1 to 64 characters and no backslash, got {self.patient_id!r}")
        if not self.key:
            raise ValueError("the key of a pseudonym must not be empty: anybody could then follow the UIDs back")

    def uid(self, original: str) -> UID:
        """Return the UID that stands for `original`; the standard's own UIDs stay as they are."""
        if not original or original.startswith(_REGISTERED_ROOT):
            return UID(original)
        digest = hmac.new(self.key.encode(), original.encode(), hashlib.sha256).digest()
        return UID(f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}")

    def apply(self, dataset: Dataset) -> None:
        """Take the identity out of `dataset`, in place."""
        for keyword in REMOVED:
            if keyword in dataset:
                del dataset[keyword]
        for keyword in EMPTIED:
            if keyword in dataset:
                dataset[keyword].value = None
        for keyword, dummy in REPLACED.items():
            if keyword in dataset:
                dataset[keyword].value = dummy
        self._replace_uids(dataset)
        dataset.PatientID = self.patient_id
        dataset.PatientName = self.patient_name or self.patient_id
        dataset.PatientIdentityRemoved = "YES"
        dataset.LongitudinalTemporalInformationModified = "REMOVED"
        if "DeidentificationMethod" in dataset:
            del dataset.DeidentificationMethod
        dataset.DeidentificationMethodCodeSequence = [
            code_item(codes.DCM.BasicApplicationConfidentialityProfile),
            code_item(codes.DCM.CleanDescriptorsOption),
        ]

    def _replace_uids(self, dataset: Dataset) -> None:
        for element in dataset:
            if element.VR == "SQ":
                for item in element.value:
                    self._replace_uids(item)
            elif element.VR == "UI" and element.value:
                many = isinstance(element.value, (list, tuple)) or element.VM > 1
                element.value = [self.uid(v) for v in element.value] if many else self.uid(element.value)
