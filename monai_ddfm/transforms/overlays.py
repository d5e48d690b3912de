# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Presentation states that lay the sources of a fusion over one another, each in its own window."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monai.data import MetaTensor

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.read.suv import suv_body_weight_factor
from monai_ddfm.dicom.write.presentation import reason_against_overlay, write_presentation_state
from monai_ddfm.dicom.write.softcopy_blending import reason_against_blending, write_softcopy_blending
from monai_ddfm.transforms.normalize_modality import INTENSITY_RANGE

__all__ = ["write_overlays"]

_logger = logging.getLogger(__name__)
_FUNCTIONAL = ("PT", "NM")


def write_overlays(
    stem: str | Path,
    volumes: Mapping[str, MetaTensor],
    identities: Mapping[str, SeriesIdentity],
    name: str,
    how: Mapping[str, Any],
) -> None:
    """Write ``<stem>_overlay.dcm`` and, for older viewers, ``<stem>_blending.dcm``, where there can be such.

    Args:
        stem: folder and beginning of the names.
        volumes: the source volumes by their name, in the order they were fused in.
        identities: of those that were read from DICOM.
        name: of the anchor.
        how: `derivation`, `pseudonym` and `overwrite` of `write_presentation_state`.
    """
    anchor, sources = identities[name], list(identities.values())
    reason = "only one source is DICOM" if len(sources) < 2 else reason_against_overlay(anchor, sources)
    if reason is not None:
        _logger.warning("no presentation state: %s", reason)
        return
    windows = {
        identity.series_instance_uid: _window_in_files(volumes[key], identity)
        for key, identity in identities.items()
        if INTENSITY_RANGE in volumes[key].meta and not _is_multi_frame_pet(identity)
    }
    write_presentation_state(anchor, sources, Path(f"{stem}_overlay.dcm"), windows, **how)
    others = [identity for identity in sources if identity is not anchor]
    over = next((identity for identity in others if identity.modality in _FUNCTIONAL), others[0])
    reason = reason_against_blending(anchor) or reason_against_blending(over)
    if reason is not None:
        _logger.warning("no blending presentation state, only the advanced one: %s", reason)
        return
    write_softcopy_blending(anchor, over, Path(f"{stem}_blending.dcm"), windows, **how)


def _is_multi_frame_pet(identity: SeriesIdentity) -> bool:
    """Whether the units of a series stand in real-world value mappings, which a presentation state does not know."""
    return identity.modality == "PT" and identity.instances[0].frame_number is not None


def _window_in_files(volume: MetaTensor, identity: SeriesIdentity) -> tuple[float, float]:
    """Return the noted range in the unit of the files: a PET may have been read as SUV."""
    low, high = (float(value) for value in volume.meta[INTENSITY_RANGE])
    if identity.modality != "PT" or volume.meta.get("units") != "SUVbw":
        return low, high
    headers = (read_instance(instance.path) for instance in identity.instances)
    first = min(headers, key=lambda h: (str(h.get("AcquisitionDate")), str(h.get("AcquisitionTime"))))
    factor = suv_body_weight_factor(first).factor
    return low / factor, high / factor
