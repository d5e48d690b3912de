# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""SUV of enhanced PET, by numbers computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedPETImageStorage

from monai_ddfm.dicom.read.reader import read_series

HALF_LIFE = 6586.2


def activity(code: str = "Bq/ml") -> Callable[[Dataset, list[Dataset]], None]:
    """Gives every frame a line of its own to real-world values: 10 (k + 1) units per grey level."""

    def change(shared: Dataset, frames: list[Dataset]) -> None:
        for k, frame in enumerate(frames):
            mapping, units, rescale = Dataset(), Dataset(), Dataset()
            units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = code, "UCUM", code
            mapping.MeasurementUnitsCodeSequence = [units]
            mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = 10.0 * (k + 1), 0.0
            rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 1, 0, "US"
            frame.RealWorldValueMappingSequence = [mapping]
            frame.PixelValueTransformationSequence = [rescale]

    return change


def attributes(**changed: Any) -> dict[str, Any]:
    information = Dataset()
    information.RadionuclideTotalDose = changed.pop("dose", 370.0)  # MBq
    information.RadionuclideHalfLife = HALF_LIFE
    information.RadiopharmaceuticalStartDateTime = "20200102100000"
    values = {
        "SOPClassUID": EnhancedPETImageStorage,
        "Modality": "PT",
        "PatientWeight": 74,
        "AttenuationCorrected": "YES",
        "DecayCorrected": "YES",
        "DecayCorrectionDateTime": "20200102110000",
        "RadiopharmaceuticalInformationSequence": [information],
    }
    return {**values, **changed}


@pytest.mark.parametrize("dose", [370.0, 370e6])
def test_activity_to_suv(make_enhanced, dose: float) -> None:
    volume = read_series(make_enhanced(3, activity(), **attributes(dose=dose)))
    assert volume.meta["units"] == "SUVbw"
    factor = 74_000 / (370e6 * 2 ** (-3600 / HALF_LIFE))
    stored = np.array([21.0, 121.0, 221.0])  # column 1, row 2
    np.testing.assert_allclose(volume[0, 1, 2].numpy(), stored * [10, 20, 30] * factor, rtol=1e-6)


def test_what_is_suv_already(make_enhanced) -> None:
    volume = read_series(make_enhanced(3, activity("g/ml{SUVbw}"), **attributes(PatientWeight=None)))
    assert volume.meta["units"] == "SUVbw" and volume[0, 1, 2, 1] == 121 * 20


@pytest.mark.parametrize(
    ("code", "changed", "missing"),
    [
        ("Bq/ml", {"DecayCorrected": "NO"}, "DecayCorrected is NO"),
        ("Bq/ml", {"DecayCorrectionDateTime": None}, "DecayCorrectionDateTime is missing"),
        ("Bq/ml", {"PatientWeight": None}, "PatientWeight is missing"),
        ("Bq/ml", {"DecayCorrectionDateTime": "20200101110000"}, "the scan starts -23.0 h after the injection"),
        ("{propcounts}", {}, "the units are {propcounts}, not Bq/ml or g/ml"),
    ],
)
def test_without_which_there_is_none(make_enhanced, code: str, changed: dict[str, Any], missing: str) -> None:
    with pytest.warns(UserWarning, match=f"no SUV \\({missing}"):
        volume = read_series(make_enhanced(3, activity(code), **attributes(**changed)))
    assert volume.meta["units"] in ("BQML", code) and volume[0, 1, 2, 1] == 121 * 20
