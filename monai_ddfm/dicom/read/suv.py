# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Standardised uptake value (body weight) from a PET series' header."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from pydicom.dataset import Dataset
from pydicom.valuerep import DA, TM

__all__ = ["SUVFactor", "activity_factor", "parse_datetime", "positive_number", "suv_body_weight_factor"]

PHILIPS_SUV_FACTOR = (0x7053, 0x1000)
GE_SCAN_DATETIME = (0x0009, 0x100D)


class SUVFactor(NamedTuple):
    """What a PET series' rescaled values are multiplied with to be SUVbw in g/ml, and where that comes from."""

    factor: float
    reason: str


def suv_body_weight_factor(header: Dataset) -> SUVFactor:
    """Return the factor from rescaled pixel values to SUVbw.

    The vendor-neutral computation of the Quantitative Imaging Biomarkers Alliance (QIBA):
    SUVbw = activity [Bq/ml] x weight [g] / dose [Bq] at the time the activity is corrected to.

    - Units (0054,1001) GML with SUVType (0054,1006) BW or absent: the values are SUVbw already, factor 1.
    - Units BQML, with ATTN and DECY in CorrectedImage (0028,0051): PatientWeight (0010,1030) x 1000 over the dose
      RadionuclideTotalDose (0018,1074). With DecayCorrection (0054,1102) ADMIN the dose counts as injected; with START
      it is first decayed, with RadionuclideHalfLife (0018,1075), from the injection
      (RadiopharmaceuticalStartDateTime (0018,1078), else RadiopharmaceuticalStartTime (0018,1072) on the day of the
      scan, or on the day before when that would be later than the scan) to the start of the scan: SeriesDate and
      SeriesTime (0008,0021/0031); when those are later than AcquisitionDate and AcquisitionTime (0008,0022/0032), as
      after postprocessing, GE's scan date and time (0009,100D), else the acquisition's.
    - Units CNTS: Philips' private factor (7053,1000).

    Args:
        header: a PET instance's header; for START the one acquired first.

    Raises:
        ValueError: an attribute is missing or says something else; the message names it.
    """
    units = str(header.get("Units", ""))
    if units == "GML":
        kind = str(header.get("SUVType") or "BW")
        if kind != "BW":
            raise ValueError(f"SUVType is {kind}, not BW (body weight)")
        return SUVFactor(1.0, "Units is GML: the values are SUVbw already")
    if units == "CNTS":
        factor = float(header[PHILIPS_SUV_FACTOR].value) if PHILIPS_SUV_FACTOR in header else 0.0
        if factor <= 0:
            raise ValueError("Units is CNTS and there is no Philips SUV factor (7053,1000)")
        return SUVFactor(factor, "Philips SUV factor (7053,1000)")
    if units != "BQML":
        raise ValueError(f"Units is {units or '(none)'}, not BQML, GML or CNTS")
    corrected = [str(value) for value in header.get("CorrectedImage") or []]
    if not {"ATTN", "DECY"} <= set(corrected):
        raise ValueError(f"CorrectedImage is {corrected}: not corrected for attenuation (ATTN) and decay (DECY)")
    weight = positive_number(header, "PatientWeight")
    dose, how = _dose_at_correction_time(header)
    return SUVFactor(weight * 1000.0 / dose, f"weight {weight:g} kg, {how}")


def positive_number(dataset: Dataset, keyword: str) -> float:
    """Return a value that must be there and above 0.

    Raises:
        ValueError: it is not.
    """
    value = dataset.get(keyword)
    if value is None or value == "" or float(value) <= 0:
        raise ValueError(f"{keyword} is missing or not positive")
    return float(value)


def _dose_at_correction_time(header: Dataset) -> tuple[float, str]:
    """Return the activity in the patient (Bq) at the time that the pixel values are decay-corrected to."""
    information = header.get("RadiopharmaceuticalInformationSequence") or []
    if not information:
        raise ValueError("RadiopharmaceuticalInformationSequence is missing")
    dose = positive_number(information[0], "RadionuclideTotalDose")
    correction = str(header.get("DecayCorrection", ""))
    if correction == "ADMIN":
        return dose, f"dose {dose:g} Bq at administration"
    if correction != "START":
        raise ValueError(f"DecayCorrection is {correction or '(none)'}, not START or ADMIN")
    half_life = positive_number(information[0], "RadionuclideHalfLife")
    scan = _scan_start(header)
    injection = _injection(information[0], scan)
    elapsed = (scan - injection).total_seconds()
    if not 0 <= elapsed < 24 * 3600:
        raise ValueError(f"the scan starts {elapsed / 3600:.1f} h after the injection: dates or times are wrong")
    decayed = dose * 2.0 ** (-elapsed / half_life)
    return decayed, f"dose {dose:g} Bq decayed over {elapsed / 60:.1f} min to {decayed:g} Bq"


def activity_factor(header: Dataset, dose: float, half_life: float, elapsed: float) -> SUVFactor:
    """Return the factor from Bq/ml to SUVbw for a dose (Bq) that decays over `elapsed` seconds.

    Raises:
        ValueError: the time is not within a day from the injection, or PatientWeight is missing.
    """
    if not 0 <= elapsed < 24 * 3600:
        raise ValueError(f"the scan starts {elapsed / 3600:.1f} h after the injection: dates or times are wrong")
    weight = positive_number(header, "PatientWeight")
    decayed = dose * 2.0 ** (-elapsed / half_life)
    return SUVFactor(weight * 1000.0 / decayed, f"weight {weight:g} kg, dose {dose:g} Bq, {elapsed / 60:.1f} min later")


def parse_datetime(dataset: Dataset, keyword: str) -> datetime:
    """Return a date and time that must be there.

    Raises:
        ValueError: it is not.
    """
    value = dataset.get(keyword)
    if not value:
        raise ValueError(f"{keyword} is missing")
    return _datetime(str(value))


def _moment(dataset: Dataset, date_keyword: str, time_keyword: str) -> datetime | None:
    date, time = dataset.get(date_keyword), dataset.get(time_keyword)
    if not date or not time:
        return None
    day, moment = DA(date), TM(time)
    return None if day is None or moment is None else datetime.combine(day, moment)


def _scan_start(header: Dataset) -> datetime:
    series = _moment(header, "SeriesDate", "SeriesTime")
    acquisition = _moment(header, "AcquisitionDate", "AcquisitionTime")
    if series is not None and (acquisition is None or series <= acquisition):
        return series
    if GE_SCAN_DATETIME in header:
        return _datetime(str(header[GE_SCAN_DATETIME].value))
    if acquisition is None:
        raise ValueError("neither SeriesDate/SeriesTime nor AcquisitionDate/AcquisitionTime say when the scan began")
    return acquisition


def _injection(information: Dataset, scan: datetime) -> datetime:
    if information.get("RadiopharmaceuticalStartDateTime"):
        return _datetime(str(information.RadiopharmaceuticalStartDateTime))
    time = TM(information.get("RadiopharmaceuticalStartTime") or None)
    if time is None:
        raise ValueError("RadiopharmaceuticalStartDateTime and RadiopharmaceuticalStartTime are missing")
    injection = datetime.combine(scan.date(), time)
    return injection if injection <= scan else injection - timedelta(days=1)


def _datetime(text: str) -> datetime:
    """Read a DT value without its time zone (all times of one header are local to the scanner)."""
    digits = text.split("+")[0].split("-")[0].split(".")[0]
    return datetime.strptime(digits.ljust(14, "0")[:14], "%Y%m%d%H%M%S")
