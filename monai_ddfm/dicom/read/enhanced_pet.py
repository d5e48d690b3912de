# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What enhanced PET says in other places than classic PET: units, corrections, dose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset

from monai_ddfm.dicom.read.suv import SUVFactor, activity_factor, parse_datetime, positive_number

__all__ = ["enhanced_suv_factor", "real_world_values"]

# UCUM codes of the Real World Value Mapping (CID 84), by the defined term of classic PET's Units (0054,1001)
_UNITS = {"Bq/ml": "BQML", "g/ml{SUVbw}": "GML", "{counts}": "CNTS"}
_LARGEST_MBQ = 1e5  # no patient is given 100 GBq, and no dose for imaging is below 0.1 MBq


def real_world_values(groups: Sequence[Dataset]) -> dict[str, Any]:
    """Return the line from stored to real-world values of a frame, and its units, under the names of classic PET.

    Empty where the frame maps none or maps by a table. PS3.3 C.7.6.16.2.11.
    """
    for group in groups:
        for item in group.get("RealWorldValueMappingSequence") or []:
            units = item.get("MeasurementUnitsCodeSequence")
            if units and item.get("RealWorldValueSlope") is not None:
                code = str(units[0].get("CodeValue", ""))
                return {
                    "RescaleSlope": item.RealWorldValueSlope,
                    "RescaleIntercept": item.get("RealWorldValueIntercept", 0),
                    "Units": _UNITS.get(code, code),
                }
    return {}


def enhanced_suv_factor(header: Dataset, units: str) -> SUVFactor:
    """Return the factor from real-world values to SUVbw, as `suv_body_weight_factor` does for classic PET.

    The pixel values are corrected to DecayCorrectionDateTime (0018,9701); the dose, in MBq (PS3.3 C.8.22.4; software
    that converts classic files leaves Bq), was there at RadiopharmaceuticalStartDateTime (0018,1078).

    Args:
        header: the instance's header.
        units: of the values, as classic PET has them.

    Raises:
        ValueError: an attribute is missing or says something else; the message names it.
    """
    if units == "GML":
        return SUVFactor(1.0, "the units are SUVbw already")
    if units != "BQML":
        raise ValueError(f"the units are {units or '(none)'}, not Bq/ml or g/ml{{SUVbw}}")
    for keyword in ("AttenuationCorrected", "DecayCorrected"):
        if str(header.get(keyword, "")) != "YES":
            raise ValueError(f"{keyword} is {header.get(keyword) or 'missing'}, not YES")
    information = header.get("RadiopharmaceuticalInformationSequence") or []
    if not information:
        raise ValueError("RadiopharmaceuticalInformationSequence is missing")
    dose = positive_number(information[0], "RadionuclideTotalDose")
    dose *= 1e6 if dose < _LARGEST_MBQ else 1.0
    injection, corrected = (
        parse_datetime(dataset, keyword)
        for dataset, keyword in (
            (information[0], "RadiopharmaceuticalStartDateTime"),
            (header, "DecayCorrectionDateTime"),
        )
    )
    elapsed = (corrected - injection).total_seconds()
    return activity_factor(header, dose, positive_number(information[0], "RadionuclideHalfLife"), elapsed)
