# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""A Blending Softcopy Presentation State: two series over one another, in the older object that more viewers read."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import BlendingSoftcopyPresentationStateStorage

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.presentation import blending_presentation, save_state
from monai_ddfm.io.atomic import require_free

__all__ = ["reason_against_blending", "write_softcopy_blending"]

_OPACITY = 0.5  # of the superimposed series: as much of one as of the other
_OF_ADVANCED = ("AdvancedBlendingSequence", "BlendingDisplaySequence", "PixelPresentation", "ReferencedImageSequence")
_TAKEN_OVER = ("RescaleSlope", "RescaleIntercept", "RescaleType", "SoftcopyVOILUTSequence")


def write_softcopy_blending(
    anchor: SeriesIdentity,
    superimposed: SeriesIdentity,
    file: str | Path,
    windows: Mapping[str, tuple[float, float]] | None = None,
    derivation: Derivation | None = None,
    pseudonym: Pseudonym | None = None,
    overwrite: bool = False,
    series_number: int = 903,
    created: datetime | None = None,
) -> Path:
    """Write how a workstation shows the anchor in grey with one other series in hot iron over it (PS3.3 A.33.4).

    It says the same as the Advanced Blending Presentation State of the two, which fewer viewers know.

    Args:
        anchor: the underlying series.
        superimposed: the series over it, half transparent.
        file: see `write_presentation_state`, as all further arguments.
        windows: see there.
        derivation: see there.
        pseudonym: see there.
        overwrite: see there.
        series_number: see there.
        created: see there.

    Returns:
        `file`.

    Raises:
        ValueError, FileExistsError, FileNotFoundError: see `write_presentation_state`; also a series that is rescaled
            slice by slice.
    """
    require_free(Path(file), overwrite)
    derivation = derivation or Derivation()
    sources = [anchor, superimposed]
    for source in sources:
        if (reason := reason_against_blending(source)) is not None:
            raise ValueError(f"{reason}; leave the blending presentation state out")
    state = blending_presentation(anchor, sources, windows, derivation, series_number, created)
    inputs = list(state.AdvancedBlendingSequence)
    state.SOPClassUID = BlendingSoftcopyPresentationStateStorage
    state.SOPInstanceUID = derivation.uid(anchor, sources, "blending")
    state.SeriesInstanceUID = derivation.uid(anchor, sources, "blending", "series")
    state.BlendingSequence = [
        _blended(item, position, state.StudyInstanceUID)
        for item, position in zip(inputs, ("UNDERLYING", "SUPERIMPOSED"), strict=True)
    ]
    state.RelativeOpacity = _OPACITY
    state.update(_palette(inputs[1].PaletteColorLookupTableSequence[0]))
    for keyword in _OF_ADVANCED:
        state.pop(keyword, None)
    return save_state(state, file, pseudonym, overwrite)


def _blended(advanced: Dataset, position: str, study_instance_uid: str) -> Dataset:
    """An item of the Blending Sequence (PS3.3 C.11.14) that says what one of Advanced Blending says."""
    item, series = Dataset(), Dataset()
    item.BlendingPosition = position
    item.StudyInstanceUID = study_instance_uid
    series.SeriesInstanceUID = advanced.SeriesInstanceUID
    series.ReferencedImageSequence = deepcopy(advanced.ReferencedImageSequence)
    item.ReferencedSeriesSequence = [series]
    # the state's rescale stands in place of the images' (PS3.4 N.2.1.1); images without one have 1 and 0
    item.RescaleSlope, item.RescaleIntercept, item.RescaleType = 1, 0, "US"
    for keyword in _TAKEN_OVER:
        if keyword in advanced:
            item[keyword] = deepcopy(advanced[keyword])
    return item


def _palette(tables: Dataset) -> Dataset:
    """The colours of the superimposed series, which stand at the top of this object, in 16 bits (PS3.3 C.7.9)."""
    palette = Dataset()
    for colour in ("Red", "Green", "Blue"):
        count, first, _ = tables[f"{colour}PaletteColorLookupTableDescriptor"].value
        levels = np.frombuffer(tables[f"{colour}PaletteColorLookupTableData"].value, np.uint8)[:count]
        palette.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US", [count, first, 16])
        palette.add_new(f"{colour}PaletteColorLookupTableData", "OW", (levels.astype("<u2") * 257).tobytes())
    return palette


def reason_against_blending(source: SeriesIdentity) -> str | None:
    """Return why a series cannot be in this object, None when it can: it holds one rescale for all slices."""
    headers = (read_instance(instance.path) for instance in source.instances)
    rescale = {(str(one.get("RescaleSlope", 1)), str(one.get("RescaleIntercept", 0))) for one in headers}
    if len(rescale) > 1:
        return f"{source.modality} {source.series_instance_uid} is rescaled slice by slice, which it has no room for"
    return None
