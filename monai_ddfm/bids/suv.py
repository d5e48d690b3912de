# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Standardised uptake value (body weight) from a PET's sidecar, as PET-BIDS and dcm2niix write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_ddfm.dicom.read.suv import SUVFactor

__all__ = ["suv_factor_of_sidecar"]

_SUV_UNITS = ("gml", "g/ml", "suv", "suvbw", "{suvbw}g/ml")
_ACTIVITY_UNITS = {"bqml": 1.0, "bq/ml": 1.0, "kbq/ml": 1e3, "mbq/ml": 1e6}
_DOSE_UNITS = {"bq": 1.0, "kbq": 1e3, "mbq": 1e6, "gbq": 1e9}
_LARGEST_MBQ = 1e5  # dcm2niix before April 2026 wrote becquerels and called them MBq: no patient gets 100 GBq
_SECONDS_OF_A_DAY = 86400.0
_HALF_LIVES = {  # s; NuDat 3
    "c11": 1221.8, "n13": 597.9, "o15": 122.24, "f18": 6586.2, "cu64": 45722.0, "ga68": 4062.6, "rb82": 75.45,
    "zr89": 282276.0, "i124": 360806.0,
}  # fmt: skip


def suv_factor_of_sidecar(sidecar: Mapping[str, Any], weight: float | None = None) -> SUVFactor:
    """Return the factor from a PET's values to SUVbw (g/ml).

    SUVbw = activity [Bq/ml] x weight [g] / dose [Bq] at the time that the activity is corrected to. That time is

    - the injection, where DecayCorrection is ADMIN;
    - else ImageDecayCorrectionTime, or ScanStart where DecayCorrection is START. InjectionStart counts from the same
      TimeZero (all in seconds), whichever clock time that is.

    dcm2niix leaves TimeZero and InjectionStart out since April 2026, as the headers of some scanners tell the time when
    the dose was measured. ADMIN needs neither. For START add InjectionStart to the sidecar, counted from SeriesTime.

    Args:
        sidecar: the merged JSON.
        weight: of the body (kg), where PatientWeight is not in the sidecar, e.g. of ``participants.tsv``.

    Raises:
        ValueError: what is missing, or says that the values are no activity corrected for decay.
    """
    units = str(sidecar.get("Units", "")).lower().replace(" ", "")
    if units in _SUV_UNITS:
        return SUVFactor(1.0, f"Units is {sidecar['Units']}: the values are SUVbw already")
    if units not in _ACTIVITY_UNITS:
        raise ValueError(f"Units is {sidecar.get('Units', '(none)')}, not Bq/mL or g/mL")
    correction = str(sidecar.get("DecayCorrection", "")).upper()
    if sidecar.get("ImageDecayCorrected") is False or correction == "NONE":
        raise ValueError("the values are not corrected for decay (ImageDecayCorrected, DecayCorrection)")
    kilograms = _positive(
        sidecar.get("PatientWeight", weight), "PatientWeight, or the column weight of participants.tsv,"
    )
    dose = _dose(sidecar)
    elapsed = 0.0 if correction == "ADMIN" else _elapsed(sidecar, correction)
    decayed = dose * 2.0 ** (-elapsed / _half_life(sidecar)) if elapsed else dose
    factor = _ACTIVITY_UNITS[units] * kilograms * 1000.0 / decayed
    return SUVFactor(
        factor, f"weight {kilograms:g} kg, dose {dose / 1e6:g} MBq, {elapsed / 60:.1f} min before the scan"
    )


def _positive(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"{what} is missing or not positive")
    return number


def _dose(sidecar: Mapping[str, Any]) -> float:
    """The injected activity in Bq."""
    dose = _positive(sidecar.get("InjectedRadioactivity"), "InjectedRadioactivity")
    units = str(sidecar.get("InjectedRadioactivityUnits", "MBq"))
    if units.lower() not in _DOSE_UNITS:
        raise ValueError(f"InjectedRadioactivityUnits is {units}, not one of Bq, kBq, MBq, GBq")
    return dose if units.lower() == "mbq" and dose > _LARGEST_MBQ else dose * _DOSE_UNITS[units.lower()]


def _elapsed(sidecar: Mapping[str, Any], correction: str) -> float:
    """Seconds from the injection to the time that the values are corrected to."""
    corrected_to = sidecar.get(
        "ImageDecayCorrectionTime", sidecar.get("ScanStart", 0) if correction == "START" else None
    )
    injection = sidecar.get("InjectionStart")
    given = {"ImageDecayCorrectionTime": corrected_to, "InjectionStart": injection}
    if missing := [
        name for name, value in given.items() if isinstance(value, bool) or not isinstance(value, (int, float))
    ]:
        raise ValueError(
            f"{', '.join(missing)} (seconds) is missing, and DecayCorrection is not ADMIN: add it to the "
            "sidecar (dcm2niix leaves InjectionStart out)"
        )
    elapsed = float(corrected_to or 0) - float(injection or 0)
    if not 0 <= elapsed < _SECONDS_OF_A_DAY:
        raise ValueError(f"the values are corrected to {elapsed / 3600:.1f} h after the injection: times are wrong")
    return elapsed


def _half_life(sidecar: Mapping[str, Any]) -> float:
    if "RadionuclideHalfLife" in sidecar:
        return _positive(sidecar["RadionuclideHalfLife"], "RadionuclideHalfLife")
    written = "".join(letter for letter in str(sidecar.get("TracerRadionuclide", "")).lower() if letter.isalnum())
    letters, digits = written.strip("0123456789"), written.strip("abcdefghijklmnopqrstuvwxyz")
    if (nuclide := letters + digits) not in _HALF_LIVES:
        raise ValueError(f"RadionuclideHalfLife is missing, and TracerRadionuclide is {written or '(none)'}")
    return _HALF_LIVES[nuclide]
