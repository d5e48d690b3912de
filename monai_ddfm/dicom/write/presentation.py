# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""An Advanced Blending Presentation State: the sources themselves, laid over one another by the workstation."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pydicom
from highdicom import PaletteColorLUT, PaletteColorLUTTransformation
from highdicom.pr import (
    AdvancedBlending,
    AdvancedBlendingPresentationState,
    BlendingDisplay,
    BlendingDisplayInput,
    SoftcopyVOILUTTransformation,
)
from numpy.typing import NDArray
from pydicom.data import get_palette_files
from pydicom.dataset import Dataset
from pydicom.uid import UID

from monai_ddfm.dicom.identity import SOFTWARE_NAME, SeriesIdentity
from monai_ddfm.dicom.instance_file import read_instance
from monai_ddfm.dicom.write.copied_attributes import copy_attributes
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.derived_header import check_sources
from monai_ddfm.dicom.write.quiet import names_unquoted
from monai_ddfm.io.atomic import atomic_file, require_free

__all__ = ["blending_presentation", "reason_against_overlay", "save_state", "write_presentation_state"]

_logger = logging.getLogger(__name__)


def write_presentation_state(
    anchor: SeriesIdentity,
    sources: Sequence[SeriesIdentity],
    file: str | Path,
    windows: Mapping[str, tuple[float, float]] | None = None,
    derivation: Derivation | None = None,
    pseudonym: Pseudonym | None = None,
    overwrite: bool = False,
    series_number: int = 902,
    created: datetime | None = None,
) -> Path:
    """Write how a workstation shows the sources over one another: the anchor in grey, the others in hot iron.

    All sources have equal weight (blending mode EQUAL). The state refers to the source images; it holds no pixels.

    Args:
        anchor: series shown in grey; among `sources`.
        sources: identities of all fused series.
        file: the new file, written whole or not at all.
        windows: (black, white) by SeriesInstanceUID, in the files' own output unit (after their rescale); a series
            without one is shown with the window in its own files.
        derivation: method and settings; default `Derivation()`.
        pseudonym: take the patient's identity out and use this one; the references then lead to the sources'
            de-identified copies only.
        overwrite: replace `file` where it exists.
        series_number: SeriesNumber of the new series.
        created: date and time of making; default now.

    Returns:
        `file`.

    Raises:
        ValueError: the anchor was not read from DICOM, or the sources are not all of one study and frame of reference.
        FileExistsError: `file` exists and `overwrite` is False.
        FileNotFoundError: the source files are gone; their headers are read again.
    """
    require_free(Path(file), overwrite)
    state = blending_presentation(anchor, sources, windows, derivation, series_number, created)
    return save_state(state, file, pseudonym, overwrite)


def save_state(state: Dataset, file: str | Path, pseudonym: Pseudonym | None = None, overwrite: bool = False) -> Path:
    """Write a presentation state whole or not at all, de-identified where `pseudonym` says so; returns `file`."""
    file = Path(file)
    if pseudonym is not None:
        pseudonym.apply(state)
    state.file_meta.MediaStorageSOPClassUID = UID(state.SOPClassUID)
    state.file_meta.MediaStorageSOPInstanceUID = UID(state.SOPInstanceUID)
    with atomic_file(file, overwrite) as filling:
        state.save_as(filling, enforce_file_format=True)
    return file


def blending_presentation(
    anchor: SeriesIdentity,
    sources: Sequence[SeriesIdentity],
    windows: Mapping[str, tuple[float, float]] | None = None,
    derivation: Derivation | None = None,
    series_number: int = 902,
    created: datetime | None = None,
) -> Dataset:
    """Return the state that `write_presentation_state` writes; arguments and errors are the same."""
    derivation, created = derivation or Derivation(), created or datetime.now()
    check_sources(anchor, sources)
    if (reason := reason_against_overlay(anchor, sources)) is not None:
        raise ValueError(f"{reason}; leave the presentation state out")
    ordered = [anchor, *(source for source in sources if source is not anchor and source != anchor)]
    copied = Dataset()
    copy_attributes(read_instance(anchor.instances[0].path), copied)
    images = [_referenced_images(source, copied) for source in ordered]
    with names_unquoted():
        state = AdvancedBlendingPresentationState(
            referenced_images=[image for series in images for image in series],
            blending=[
                _blending_input(number, source, series, (windows or {}).get(source.series_instance_uid), number == 1)
                for number, (source, series) in enumerate(zip(ordered, images, strict=True), 1)
            ],
            blending_display=[
                BlendingDisplay("EQUAL", [BlendingDisplayInput(number) for number in range(1, len(ordered) + 1)])
            ],
            series_instance_uid=derivation.uid(anchor, sources, "presentation", "series"),
            series_number=series_number,
            sop_instance_uid=derivation.uid(anchor, sources, "presentation"),
            instance_number=1,
            manufacturer=SOFTWARE_NAME,
            manufacturer_model_name=derivation.method[:64],
            software_versions=derivation.version[:64],
            device_serial_number="none",
            content_label="FUSION",
            content_description="Sources of the fusion, blended; not for diagnostic use",
            specific_character_set="ISO_IR 192",
        )
    # General Reference (PS3.3 C.12.4): who reads no presentation states still finds the images here
    state.ReferencedImageSequence = [_reference(image) for series in images for image in series]
    state.DisplayedAreaSelectionSequence = [_displayed_area(series) for series in images]
    for keyword in ("BodyPartExamined", "Laterality"):
        if keyword in copied:
            state[keyword] = copied[keyword]
    _set_times(state, created)
    del state.DeviceSerialNumber  # highdicom asks for one; software has none
    return state


def reason_against_overlay(anchor: SeriesIdentity, sources: Sequence[SeriesIdentity]) -> str | None:
    """Return why no presentation state can overlay these series; None when one can."""
    for source in sources:
        name = f"{source.modality} {source.series_instance_uid}"
        if len({(one.sop_instance_uid, one.frame_number) for one in source.instances}) < len(source.instances):
            return f"a presentation state shows whole images, but the slices of {name} are tiles of mosaics"
        if source.study_instance_uid != anchor.study_instance_uid:
            return f"a presentation state overlays series of one study, but {name} is of another study than the anchor"
        if not anchor.frame_of_reference_uid or source.frame_of_reference_uid != anchor.frame_of_reference_uid:
            return (
                f"a presentation state overlays series of one frame of reference, but {name} is in "
                f"{source.frame_of_reference_uid or 'none'} and the anchor in {anchor.frame_of_reference_uid or 'none'}"
            )
    return None


def _referenced_images(source: SeriesIdentity, copied: Dataset) -> list[Dataset]:
    """Describe a series' instances with what highdicom asks for, and nothing that it would copy further."""
    images: dict[str, Dataset] = {}
    for instance in source.instances:
        if instance.sop_instance_uid in images:
            continue
        header = read_instance(instance.path)
        image = Dataset()
        image.update(copied)
        image.SOPClassUID, image.SOPInstanceUID = instance.sop_class_uid, instance.sop_instance_uid
        image.SeriesInstanceUID = source.series_instance_uid
        for keyword in ("Rows", "Columns", "SamplesPerPixel", "RescaleSlope", "RescaleIntercept"):
            if header.get(keyword) is not None:
                setattr(image, keyword, header.get(keyword))
        for keyword in ("WindowCenter", "WindowWidth", "SharedFunctionalGroupsSequence"):
            if header.get(keyword) and not images:
                setattr(image, keyword, header.get(keyword))
        images[instance.sop_instance_uid] = image
    return list(images.values())


def _blending_input(
    number: int, source: SeriesIdentity, images: list[Dataset], window: tuple[float, float] | None, is_anchor: bool
) -> AdvancedBlending:
    rescale = {(float(image.get("RescaleSlope", 1)), float(image.get("RescaleIntercept", 0))) for image in images}
    if len(rescale) > 1:
        # A presentation state knows one rescale for all slices; without one, the images' own apply (PS3.4 N.2.1.1)
        _logger.warning(
            "%s is rescaled slice by slice: the presentation state leaves the rescale to its images", source.modality
        )
        for image in images:
            for keyword in ("RescaleSlope", "RescaleIntercept"):
                image.pop(keyword, None)
    return AdvancedBlending(
        referenced_images=images,
        blending_input_number=number,
        voi_lut_transformations=_window(images[0], window),
        palette_color_lut_transformation=_grey_palette() if is_anchor else _hot_iron_palette(),
    )


def _window(image: Dataset, window: tuple[float, float] | None) -> list[SoftcopyVOILUTTransformation] | None:
    if window is not None:
        low, high = window
        return [SoftcopyVOILUTTransformation(float(low + high) / 2, float(high - low), voi_lut_function="LINEAR_EXACT")]
    center, width = (np.atleast_1d(image.get(keyword, [])) for keyword in ("WindowCenter", "WindowWidth"))
    if center.size and width.size:
        return [SoftcopyVOILUTTransformation(float(center[0]), float(width[0]))]
    return None


def _grey_palette() -> PaletteColorLUTTransformation:
    ramp = np.arange(256, dtype=np.uint8)
    return _palette(ramp, ramp, ramp)


def _hot_iron_palette() -> PaletteColorLUTTransformation:
    """Return the standard's Hot Iron palette (PS3.6 B.1.1), as pydicom ships it."""
    palette = pydicom.dcmread(get_palette_files("hotiron.dcm")[0])
    red, green, blue = (
        np.frombuffer(palette[f"{color}PaletteColorLookupTableData"].value, np.uint8)
        for color in ("Red", "Green", "Blue")
    )
    return _palette(red, green, blue, palette.PaletteColorLookupTableUID)


def _palette(
    red: NDArray[np.uint8], green: NDArray[np.uint8], blue: NDArray[np.uint8], uid: str | None = None
) -> PaletteColorLUTTransformation:
    luts = [PaletteColorLUT(0, data, name) for data, name in ((red, "red"), (green, "green"), (blue, "blue"))]
    return PaletteColorLUTTransformation(luts[0], luts[1], luts[2], palette_color_lut_uid=uid)


def _displayed_area(images: Sequence[Dataset]) -> Dataset:
    """Show all of a series' images; each series has its own number of rows and columns (PS3.3 C.10.4)."""
    area = Dataset()
    area.ReferencedImageSequence = [_reference(image) for image in images]
    area.PixelOriginInterpretation = "VOLUME"
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [images[0].Columns, images[0].Rows]
    area.PresentationSizeMode = "SCALE TO FIT"
    area.PresentationPixelAspectRatio = [1, 1]
    return area


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def _set_times(state: Dataset, created: datetime) -> None:
    for event in ("InstanceCreation", "Series", "Content", "PresentationCreation"):
        setattr(state, f"{event}Date", created.strftime("%Y%m%d"))
        setattr(state, f"{event}Time", created.strftime("%H%M%S"))
