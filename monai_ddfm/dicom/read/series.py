# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Grouping instances into series, and choosing the one that is meant."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from monai_ddfm.dicom.read.find_instances import Instance

__all__ = ["Series", "choose_series", "group_series"]

logger = logging.getLogger(__name__)

MODALITY_SYNONYMS = {"PET": "PT", "MRI": "MR", "SPECT": "NM"}


@dataclass(frozen=True)
class Series:
    """The instances of one SeriesInstanceUID."""

    uid: str
    instances: tuple[Instance, ...]

    def attribute(self, keyword: str) -> str:
        """Return an attribute of the first instance as text, "" when it is absent or empty."""
        value = self.instances[0].header.get(keyword)
        return "" if value is None else str(value).strip()

    @property
    def unusable(self) -> str | None:
        """Why the series is no volume, None when it may be one."""
        if not any(instance.is_image for instance in self.instances):
            return "no images"
        image_types = {str(kind).upper() for one in self.instances for kind in one.header.get("ImageType") or []}
        if "LOCALIZER" in image_types:
            return "localisers"
        return "mosaics" if "MOSAIC" in image_types else None

    def __str__(self) -> str:
        """One line for a person choosing among series."""
        described = self.attribute("SeriesDescription") or "without description"
        note = f", {self.unusable}" if self.unusable else ""
        return (
            f"{self.attribute('Modality')} '{described}', {len(self.instances)} instance(s){note}, "
            f"patient '{self.attribute('PatientID')}', series UID {self.uid}"
        )


def group_series(instances: Sequence[Instance]) -> list[Series]:
    """Group instances by SeriesInstanceUID, in the order of their first instances."""
    grouped: dict[str, list[Instance]] = {}
    for instance in instances:
        grouped.setdefault(str(instance.header.SeriesInstanceUID), []).append(instance)
    return [Series(uid, tuple(members)) for uid, members in grouped.items()]


def choose_series(
    series: Sequence[Series], uid: str | None = None, description: str | None = None, modality: str | None = None
) -> Series:
    """Choose one series.

    Localisers, mosaics and series without images are passed over unless they are all that fits the choice.

    Args:
        series: what was found.
        uid: SeriesInstanceUID.
        description: text that SeriesDescription holds, in any case.
        modality: Modality; "PET", "MRI" and "SPECT" are understood as "PT", "MR" and "NM".

    Raises:
        ValueError: none fits, several fit, the one that fits is no volume, or the source holds several patients and no
            series UID says which, always with the list of series; or the chosen series' own instances belong to several
            patients, studies, frames of reference or modalities.
    """
    listed = "\n".join(f"  {one}" for one in series)
    patients = sorted({str(member.header.get("PatientID", "")) for one in series for member in one.instances})
    if uid is None and len(patients) > 1:
        raise ValueError(
            f"the source holds {len(patients)} patients ({', '.join(map(repr, patients))}); "
            f"give each patient's folder alone, or name the series by its UID:\n{listed}"
        )
    wanted = None if modality is None else MODALITY_SYNONYMS.get(modality.upper(), modality.upper())
    fitting = [
        one
        for one in series
        if (uid is None or one.uid == uid)
        and (description is None or description.casefold() in one.attribute("SeriesDescription").casefold())
        and (wanted is None or one.attribute("Modality").upper() == wanted)
    ]
    asked = f"UID {uid}, description {description}, modality {modality}"
    if not fitting:
        raise ValueError(f"no series fits ({asked}); found:\n{listed}")
    volumes = [one for one in fitting if one.unusable is None]
    if not volumes:
        raise ValueError(f"what was asked for ({asked}) is no volume: {fitting[0].unusable}; found:\n{listed}")
    if len(volumes) > 1:
        raise ValueError(
            f"{len(volumes)} series fit ({asked}); choose one by series UID, description or modality:\n{listed}"
        )
    for one in fitting:
        if one is not volumes[0]:
            logger.info("passed over: %s", one)
    _check_one_subject(volumes[0])
    return volumes[0]


def _check_one_subject(series: Series) -> None:
    """Refuse a series whose instances do not belong together, whatever its UID says."""
    for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "Modality"):
        path_of = {str(member.header.get(keyword, "")): member.path for member in reversed(series.instances)}
        if len(path_of) > 1:
            listed = ", ".join(f"'{value}' ({path})" for value, path in path_of.items())
            raise ValueError(f"series {series.uid} holds more than one {keyword}: {listed}; separate them")
