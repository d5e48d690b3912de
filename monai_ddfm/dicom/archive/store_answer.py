# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What an archive answers to STOW-RS: which instances it took, and which not (PS3.18 annex I)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import requests

from monai_ddfm.dicom.archive.dicom_json import items_of, number_of, objects_in, text_of
from monai_ddfm.dicom.archive.retries import SenselessAnswerError

__all__ = ["StoreAnswer", "store_answer"]

_UID = "ReferencedSOPInstanceUID"


@dataclass(frozen=True)
class StoreAnswer:
    """What became of instances.

    Attributes:
        taken: SOPInstanceUID of those that the archive names as stored.
        refused: of those that it does not, the reason as a number (PS3.3 C.14.1.1), None where it gives none.
    """

    taken: frozenset[str]
    refused: dict[str, int | None]

    @property
    def says_nothing(self) -> bool:
        """Whether it names no instance at all."""
        return not self.taken and not self.refused

    def accepted(self, sent: Sequence[str]) -> list[str]:
        """Return which of the instances sent are stored; where only failures are named, those that did not fail."""
        others = not self.taken and "" not in self.refused
        return [uid for uid in sent if uid not in self.refused and (uid in self.taken or others)]

    def first_refusal(self) -> str:
        """Name a refused instance, and why, as the end of a message; "" when there is none."""
        for uid, reason in self.refused.items():
            return f", e.g. {uid} (failure reason {'unknown' if reason is None else f'{reason:#06x}'})"
        return ""


def store_answer(response: requests.Response) -> StoreAnswer:
    """Read the answer to a store; what is no DICOM JSON says nothing."""
    try:
        said = response.json()
        (answer,) = objects_in([said] if isinstance(said, dict) else said)
        taken = frozenset(text_of(item, _UID) for item in items_of(answer, "ReferencedSOPSequence"))
        failed = items_of(answer, "FailedSOPSequence")
    except (ValueError, RecursionError, SenselessAnswerError):  # no JSON, or of another shape
        return StoreAnswer(frozenset(), {})
    return StoreAnswer(taken, {text_of(item, _UID): number_of(item, "FailureReason") for item in failed})
