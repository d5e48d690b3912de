# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Do the sources belong to one patient, one study and one frame of reference?"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from monai_ddfm.dicom.identity import SeriesIdentity

__all__ = ["check_same_subject"]

logger = logging.getLogger(__name__)


def check_same_subject(
    identities: Mapping[str, SeriesIdentity],
    allow_different_patient: bool = False,
    allow_different_study: bool = False,
    allow_different_frame: bool = False,
) -> None:
    """Refuse sources that do not belong together by their headers.

    Args:
        identities: the sources by name; those without an identity (NIfTI) are left out by the caller.
        allow_different_patient: fuse in spite of different PatientID.
        allow_different_study: fuse in spite of different StudyInstanceUID.
        allow_different_frame: fuse in spite of different FrameOfReferenceUID; the positions in the headers then say
            nothing about each other, unless the series were registered without a new frame of reference.

    Raises:
        ValueError: they differ in what is not allowed; the message names who has what. An empty attribute (anonymised
            files) differs from nothing.
    """
    rules = (
        ("patient_id", "patients (PatientID)", "allow_different_patient", allow_different_patient),
        ("study_instance_uid", "studies (StudyInstanceUID)", "allow_different_study", allow_different_study),
        (
            "frame_of_reference_uid",
            "frames of reference (FrameOfReferenceUID)",
            "allow_different_frame",
            allow_different_frame,
        ),
    )
    for attribute, what, option, allowed in rules:
        stated = {name: value for name, one in identities.items() if (value := getattr(one, attribute))}
        if len(set(stated.values())) <= 1:
            continue
        if not allowed:
            values = list(dict.fromkeys(stated.values()))
            # a patient is numbered, not named: messages go to logs
            listed = ", ".join(
                f"{name}: {f'patient {values.index(value) + 1}' if attribute == 'patient_id' else value}"
                for name, value in stated.items()
            )
            raise ValueError(f"the sources are of different {what}: {listed}; set {option} if they do belong together")
        logger.warning("%s are of different %s, allowed by %s", ", ".join(stated), what, option)
