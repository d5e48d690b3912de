# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What an archive answers to STOW-RS: which instances it took (PS3.18 annex I)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.dataset import Dataset

__all__ = ["accepted_instances", "first_refusal"]


def accepted_instances(answer: Dataset, sent: Sequence[str]) -> list[str]:
    """Return which instances a store's answer confirms (PS3.18 annex I); an empty answer confirms all."""
    named = {str(item.ReferencedSOPInstanceUID) for item in answer.get("ReferencedSOPSequence") or []}
    failed = {str(item.ReferencedSOPInstanceUID) for item in answer.get("FailedSOPSequence") or []}
    return [uid for uid in sent if uid not in failed and (uid in named or not named)]


def first_refusal(answer: Dataset) -> str:
    """Name an instance that a store's answer refuses, and why, as the end of a message; "" when it names none."""
    for item in answer.get("FailedSOPSequence") or []:
        reason = int(item.get("FailureReason") or 0)
        return f", e.g. {item.ReferencedSOPInstanceUID} (failure reason {reason:#06x})"
    return ""
