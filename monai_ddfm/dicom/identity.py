# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Who a volume is: the DICOM series and instances it was read from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["IDENTITY_KEY", "SOFTWARE_NAME", "InstanceIdentity", "SeriesIdentity"]

IDENTITY_KEY = "dicom"
SOFTWARE_NAME = "monai_ddfm"  # who made an object that was written here


@dataclass(frozen=True)
class InstanceIdentity:
    """One source slice: an instance, or one frame of a multi-frame instance.

    Attributes:
        sop_class_uid: SOPClassUID (0008,0016).
        sop_instance_uid: SOPInstanceUID (0008,0018).
        path: the source file; ``archive.zip!/name/inside.dcm`` for a member of a zip. `read_instance` reads both.
        frame_number: number of the frame in a multi-frame instance, counted from 1; None for a classic instance.
        image_position: ImagePositionPatient (0020,0032) in mm, LPS.
        image_orientation: ImageOrientationPatient (0020,0037), row cosines, then column cosines, LPS.
    """

    sop_class_uid: str
    sop_instance_uid: str
    path: str
    frame_number: int | None
    image_position: tuple[float, float, float]
    image_orientation: tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class SeriesIdentity:
    """The series a volume was read from, and its instances in slice order.

    It travels in ``MetaTensor.meta["dicom"]`` as JSON text (`to_json`), because text passes MONAI's collation,
    decollation, copying and pickling unchanged while a dataclass or a tuple does not.

    Attributes:
        patient_id: PatientID (0010,0020), "" when the file has none.
        study_instance_uid: StudyInstanceUID (0020,000D).
        series_instance_uid: SeriesInstanceUID (0020,000E).
        frame_of_reference_uid: FrameOfReferenceUID (0020,0052), "" when the file has none.
        modality: Modality (0008,0060), e.g. "MR", "PT".
        series_description: SeriesDescription (0008,103E), "" when the file has none.
        instances: one per slice along the volume's last axis; when `resampled`, one per *source* slice in that
            direction.
        resampled: True when the slices were interpolated onto a regular grid (gantry tilt, uneven spacing), so that
            slice k of the volume need not be instance k.
    """

    patient_id: str
    study_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    modality: str
    series_description: str
    instances: tuple[InstanceIdentity, ...]
    resampled: bool = False

    def to_json(self) -> str:
        """Return the identity as JSON text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> SeriesIdentity:
        """Rebuild the identity from `to_json`'s text."""
        fields = json.loads(text)
        fields["instances"] = tuple(
            InstanceIdentity(
                **{
                    **instance,
                    "image_position": tuple(instance["image_position"]),
                    "image_orientation": tuple(instance["image_orientation"]),
                }
            )
            for instance in fields["instances"]
        )
        return cls(**fields)

    @classmethod
    def from_meta(cls, meta: Mapping[str, Any]) -> SeriesIdentity | None:
        """Return the identity in a ``MetaTensor.meta``, or None when the volume was not read from DICOM."""
        text = meta.get(IDENTITY_KEY)
        return None if not text else cls.from_json(text)
