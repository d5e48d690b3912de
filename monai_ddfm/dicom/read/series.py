# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Grouping instances into series, and choosing the one that is meant.

No message names a patient: messages go to logs, also of those who de-identify what they write.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from monai_ddfm.dicom.read.find_instances import Instance
from monai_ddfm.dicom.read.mosaic import is_mosaic

__all__ = ["Series", "SeriesChoiceError", "choose_series", "group_series"]

logger = logging.getLogger(__name__)

MODALITY_SYNONYMS = {"PET": "PT", "MRI": "MR", "SPECT": "NM"}


class SeriesChoiceError(ValueError):
    """Several series fit.

    Attributes:
        uids: SeriesInstanceUID of each.
    """

    def __init__(self, message: str, uids: Sequence[str]) -> None:
        super().__init__(message)
        self.uids = list(uids)


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
        return "localisers" if "LOCALIZER" in image_types else None

    def __str__(self) -> str:
        """One line for a person choosing among series."""
        described = self.attribute("SeriesDescription") or "without description"
        mosaics = ", mosaics" if is_mosaic(self.instances[0].header) else ""
        note = f", {self.unusable}" if self.unusable else mosaics
        number = f"number {self.attribute('SeriesNumber')}, " if self.attribute("SeriesNumber") else ""
        return (
            f"{self.attribute('Modality')} '{described}', {number}{len(self.instances)} instance(s){note}, "
            f"series UID {self.uid}"
        )


def group_series(instances: Sequence[Instance]) -> list[Series]:
    """Group instances by SeriesInstanceUID, in the order of their first instances."""
    grouped: dict[str, list[Instance]] = {}
    for instance in instances:
        grouped.setdefault(str(instance.header.SeriesInstanceUID), []).append(instance)
    return [Series(uid, tuple(members)) for uid, members in grouped.items()]


def choose_series(
    series: Sequence[Series],
    uid: str | None = None,
    description: str | None = None,
    modality: str | None = None,
    number: int | None = None,
    likely_modality: str | None = None,
) -> Series:
    """Choose one series.

    Localisers and series without images are passed over unless they are all that fits the choice.

    Args:
        series: what was found.
        uid: SeriesInstanceUID.
        description: text that SeriesDescription holds, in any case; one that equals it comes before others.
        modality: Modality; "PET", "MRI" and "SPECT" are understood as "PT", "MR" and "NM".
        number: SeriesNumber.
        likely_modality: decides among several that fit.

    Raises:
        SeriesChoiceError: several fit.
        ValueError: none fits, the one that fits is no volume, or the source holds several patients and no series UID
            says which, always with the list of series; or the chosen series' own instances belong to several patients,
            studies, frames of reference or modalities.
    """
    listed = "\n".join(f"  {one}" for one in series)
    if uid is None:
        _check_one_patient(series, listed)
    fitting = [
        one
        for one in series
        if (uid is None or one.uid == uid)
        and (description is None or description.casefold() in one.attribute("SeriesDescription").casefold())
        and _is_of(one, modality)
        and (number is None or one.attribute("SeriesNumber") == str(number))
    ]
    criteria = {"UID": uid, "description": description, "modality": modality, "number": number}
    asked = ", ".join(f"{name} {value}" for name, value in criteria.items() if value is not None) or "any series"
    if not fitting:
        raise ValueError(f"no series fits ({asked}); found:\n{listed}")
    volumes = [one for one in fitting if one.unusable is None]
    if not volumes:
        raise ValueError(f"what was asked for ({asked}) is no volume: {fitting[0].unusable}; found:\n{listed}")
    exact = [one for one in volumes if one.attribute("SeriesDescription") == description]
    likely = [one for one in volumes if likely_modality is not None and _is_of(one, likely_modality)]
    single = [one for one in volumes if not is_mosaic(one.instances[0].header)]
    volumes = next((few for few in (volumes, exact, likely, single) if len(few) == 1), volumes)
    if len(volumes) > 1:
        fit = "\n".join(f"  {one}" for one in volumes)
        raise SeriesChoiceError(
            f"{len(volumes)} series fit ({asked}); choose one by its series UID, number or description:\n{fit}",
            [one.uid for one in volumes],
        )
    for one in fitting:
        if one is not volumes[0]:
            logger.info("passed over: %s", one)
    _check_one_subject(volumes[0])
    return volumes[0]


def _is_of(series: Series, modality: str | None) -> bool:
    if modality is None:
        return True
    return series.attribute("Modality").upper() == MODALITY_SYNONYMS.get(modality.upper(), modality.upper())


def _check_one_patient(series: Sequence[Series], listed: str) -> None:
    example = {str(member.header.get("PatientID", "")): member.path for one in series for member in one.instances}
    if len(example) > 1:
        raise ValueError(
            f"the source holds {len(example)} patients (by PatientID, e.g. {', '.join(list(example.values())[:3])}); "
            f"give each patient's folder alone, or name the series by its UID:\n{listed}"
        )


def _check_one_subject(series: Series) -> None:
    """Refuse a series whose instances do not belong together, whatever its UID says."""
    for keyword in ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "Modality"):
        path_of = {str(member.header.get(keyword, "")): member.path for member in reversed(series.instances)}
        if len(path_of) == 1:
            continue
        if keyword == "FrameOfReferenceUID" and len(path_of) == len(series.instances):
            logger.warning(
                "every instance of series %s has a frame of reference of its own; they are taken to share one, as "
                "their positions make one stack",
                series.uid,
            )
            continue
        values = [f"'{value}' ({path})" for value, path in path_of.items()]
        listed = ", ".join(path_of.values() if keyword == "PatientID" else values)
        raise ValueError(f"series {series.uid} holds more than one {keyword}: {listed}; separate them")
