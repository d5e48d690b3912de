# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""SUV from sidecars as dcm2niix writes them, before and after April 2026, against what the DICOM header gives."""

from __future__ import annotations

from typing import Any

import pytest

from monai_ddfm.bids.suv import suv_factor_of_sidecar

# What dcm2niix v1.0.20250505 and v1.0.20260724 wrote of the shipped PET with Units BQML and SeriesTime 14:50:00,
# injected at 13:33:00.
BEFORE: dict[str, Any] = {
    "PatientWeight": 63,
    "AcquisitionTime": "14:58:48.000000",
    "InjectedRadioactivity": 4.4845354e08,  # becquerels, whatever the next line says
    "InjectedRadioactivityUnits": "MBq",
    "RadionuclideHalfLife": 6588,
    "Units": "BQML",
    "DecayFactor": [1.13312],
    "FrameTimesStart": [0],
    "FrameDuration": [180],
    "TimeZero": "14:58:48",
}
AFTER: dict[str, Any] = {
    "PatientWeight": 63,
    "TracerRadionuclide": "18F",
    "InjectedRadioactivity": 448.45354,
    "InjectedRadioactivityUnits": "MBq",
    "RadionuclideHalfLife": 6588,
    "Units": "Bq/mL",
    "DecayCorrectionFactor": [1.13312],
    "FrameTimesStart": [528],
    "FrameDuration": [180],
    "SeriesTime": "14:50:00",
    "AcquisitionTime": "14:58:48.000000",
    "ScanStart": 0,
    "ImageDecayCorrected": True,
}
ADMIN, START = 63e3 / 448.45354e6, 63e3 / (448.45354e6 * 2 ** (-4620 / 6588))


@pytest.mark.parametrize(
    ("sidecar", "expected"),
    [
        ({**BEFORE, "DecayCorrection": "ADMIN"}, ADMIN),
        ({**BEFORE, "DecayCorrection": "START", "InjectionStart": -4620}, START),
        ({**AFTER, "DecayCorrection": "ADMIN", "ImageDecayCorrectionTime": -4620}, ADMIN),
        ({**AFTER, "DecayCorrection": "START", "ImageDecayCorrectionTime": 0, "InjectionStart": -4620}, START),
        # PET-BIDS without DICOM's words: TimeZero at the injection, the scan corrected to its own start
        ({**AFTER, "InjectionStart": 0, "ScanStart": 4620, "ImageDecayCorrectionTime": 4620}, START),
        ({**AFTER, "Units": "kBq/mL", "DecayCorrection": "ADMIN"}, 1e3 * ADMIN),
        ({"Units": "GML"}, 1.0),
        ({"Units": "g/mL"}, 1.0),
    ],
)
def test_the_factor_is_the_dicom_headers(sidecar: dict[str, Any], expected: float) -> None:
    assert suv_factor_of_sidecar(sidecar).factor == pytest.approx(expected, rel=1e-6)


def test_the_dicom_reader_gives_the_same() -> None:
    # the largest value of the same series, 6.267691 Bq/ml, is this for the DICOM reader
    assert 6.267691135406494 * START == pytest.approx(1.431645592674613e-3, rel=1e-6)
    assert 6.267691135406494 * ADMIN == pytest.approx(8.805026882328093e-4, rel=1e-6)


def test_half_life_by_the_nuclide_and_weight_of_the_participant() -> None:
    sidecar = {**AFTER, "ImageDecayCorrectionTime": 0, "InjectionStart": -6586.2}
    del sidecar["RadionuclideHalfLife"], sidecar["PatientWeight"]
    assert suv_factor_of_sidecar(sidecar, weight=63).factor == pytest.approx(2 * ADMIN)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"DecayCorrection": "START", "ImageDecayCorrectionTime": 0},
            "InjectionStart .* is missing.*add it to the sidecar",
        ),
        ({"ImageDecayCorrected": False}, "not corrected for decay"),
        ({"DecayCorrection": "NONE"}, "not corrected for decay"),
        ({"PatientWeight": None, "DecayCorrection": "ADMIN"}, "PatientWeight, or the column weight"),
        (
            {"InjectedRadioactivity": "a lot", "DecayCorrection": "ADMIN"},
            "InjectedRadioactivity is missing or not positive",
        ),
        ({"InjectedRadioactivityUnits": "mCi", "DecayCorrection": "ADMIN"}, "is mCi, not one of Bq"),
        ({"Units": "CNTS"}, "Units is CNTS"),
        ({"InjectionStart": 100, "ImageDecayCorrectionTime": 0}, "times are wrong"),
    ],
)
def test_what_is_missing_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        suv_factor_of_sidecar({**AFTER, **change})
