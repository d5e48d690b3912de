# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""SUV from the header, against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from monai_ddfm.dicom.read.suv import suv_body_weight_factor

HALF_LIFE = 6586.2  # 18F, s


def pet_header(information: dict[str, Any] | None = None, **attributes: Any) -> Dataset:
    """70 kg, 350 MBq FDG injected at 10:00, scanned one half-life later."""
    drug, header = Dataset(), Dataset()
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = 350e6, HALF_LIFE
    drug.RadiopharmaceuticalStartTime = "100000"
    header.Units, header.DecayCorrection, header.CorrectedImage = "BQML", "START", ["ATTN", "DECY", "SCAT"]
    header.PatientWeight = 70
    header.SeriesDate, header.SeriesTime = "20200102", "114946.2"
    header.AcquisitionDate, header.AcquisitionTime = "20200102", "115000"
    header.RadiopharmaceuticalInformationSequence = [drug]
    for target, changes in ((drug, information or {}), (header, attributes)):
        for keyword, value in changes.items():
            if value is None:
                delattr(target, keyword)
            else:
                setattr(target, keyword, value)
    return header


def test_decay_from_injection_to_scan() -> None:
    # half of 350 MBq is left in 70,000 g: 2500 Bq/g is SUV 1
    assert suv_body_weight_factor(pet_header()).factor == pytest.approx(1 / 2500, rel=1e-9)


def test_administration_needs_no_decay() -> None:
    assert suv_body_weight_factor(pet_header(DecayCorrection="ADMIN")).factor == pytest.approx(1 / 5000, rel=1e-9)


@pytest.mark.parametrize(
    ("information", "attributes"),
    [
        ({"RadiopharmaceuticalStartDateTime": "20200102100000.00"}, {}),
        ({"RadiopharmaceuticalStartDateTime": "20200102100000+0100", "RadiopharmaceuticalStartTime": None}, {}),
        # series made after the acquisition (postprocessing): the acquisition counts
        ({}, {"SeriesTime": "180000", "AcquisitionTime": "114946.2"}),
        ({}, {"SeriesTime": None, "AcquisitionTime": "114946.2"}),
        # injected at 23:30, scanned after midnight
        ({"RadiopharmaceuticalStartTime": "233000"}, {"SeriesTime": "011946.2", "AcquisitionTime": "012000"}),
    ],
)
def test_where_the_times_may_stand(information: dict[str, Any], attributes: dict[str, Any]) -> None:
    assert suv_body_weight_factor(pet_header(information, **attributes)).factor == pytest.approx(1 / 2500, rel=1e-9)


def test_ge_scan_time_counts_after_postprocessing() -> None:
    header = pet_header(SeriesTime="180000", AcquisitionTime="120000")
    header.private_block(0x0009, "GEMS_PETD_01", create=True)
    header.add_new((0x0009, 0x100D), "DT", "20200102114946.2")
    # GE's private time has no fraction of a second here: 0.2 s of 6586 s are lost
    assert suv_body_weight_factor(header).factor == pytest.approx(1 / 2500, rel=1e-4)


def test_other_units() -> None:
    assert suv_body_weight_factor(pet_header(Units="GML", SUVType="BW")).factor == 1
    assert suv_body_weight_factor(pet_header(Units="GML")).factor == 1
    philips = pet_header(Units="CNTS")
    philips.add_new((0x7053, 0x1000), "DS", "0.00042")
    assert suv_body_weight_factor(philips).factor == pytest.approx(0.00042)


@pytest.mark.parametrize(
    ("information", "attributes", "said"),
    [
        ({}, {"Units": "PROPCPS"}, "Units is PROPCPS"),
        ({}, {"Units": "CNTS"}, "no Philips SUV factor"),
        ({}, {"Units": "GML", "SUVType": "LBM"}, "SUVType is LBM"),
        ({}, {"CorrectedImage": ["DECY"]}, "not corrected for attenuation"),
        ({}, {"PatientWeight": None}, "PatientWeight is missing"),
        ({}, {"PatientWeight": 0}, "PatientWeight is missing or not positive"),
        ({}, {"DecayCorrection": "NONE"}, "DecayCorrection is NONE"),
        ({}, {"RadiopharmaceuticalInformationSequence": None}, "RadiopharmaceuticalInformationSequence is missing"),
        ({"RadionuclideTotalDose": None}, {}, "RadionuclideTotalDose is missing"),
        ({"RadionuclideHalfLife": None}, {}, "RadionuclideHalfLife is missing"),
        ({"RadiopharmaceuticalStartTime": None}, {}, "RadiopharmaceuticalStartTime are missing"),
        ({}, {"SeriesTime": None, "AcquisitionTime": None}, "say when the scan began"),
        ({"RadiopharmaceuticalStartDateTime": "20191231100000"}, {}, "dates or times are wrong"),
    ],
)
def test_what_is_missing_is_named(information: dict[str, Any], attributes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        suv_body_weight_factor(pet_header(information, **attributes))
