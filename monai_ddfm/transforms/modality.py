# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The kinds of image that can be fused, and the names people give them."""

from __future__ import annotations

import re
from enum import Enum

__all__ = ["Modality", "modality_of"]


class Modality(str, Enum):
    """Kinds of source, by their DICOM code (PS3.3 C.7.3.1.1.1)."""

    MR = "MR"
    CT = "CT"
    PT = "PT"
    NM = "NM"

    @property
    def functional(self) -> bool:
        """Whether voxels are counts or uptake (PET, SPECT), with a true zero."""
        return self in (Modality.PT, Modality.NM)


_WORDS = {
    Modality.MR: {
        "mr",
        "mri",
        "t1",
        "t1w",
        "t1c",
        "t1ce",
        "t1gd",
        "t2",
        "t2w",
        "flair",
        "pd",
        "pdw",
        "swi",
        "dwi",
        "adc",
    },
    Modality.CT: {"ct", "cbct", "cta", "ldct"},
    Modality.PT: {"pt", "pet", "fdg", "suv"},
    Modality.NM: {"nm", "spect"},
}


def modality_of(name: str) -> Modality:
    """Guess the modality from a key or file name such as ``MR_T1``, ``PET`` or ``sub-01_ct``.

    Raises:
        ValueError: no word of the name says it, or two disagree.
    """
    words = set(re.split(r"[^a-z0-9]+", name.lower()))
    found = [modality for modality, known in _WORDS.items() if words & known]
    if len(found) != 1:
        recognised = " and ".join(modality.value for modality in found) or "no known word"
        raise ValueError(
            f"cannot tell the modality of {name!r} ({recognised} in it); use a name with a word such as MR, T1, FLAIR, "
            "CT, PET or SPECT in it, or give the modality (MR, CT, PT or NM, which a statistical map is like) yourself"
        )
    return found[0]
