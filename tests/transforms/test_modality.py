# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The modality that a name says."""

from __future__ import annotations

import pytest

from monai_ddfm.transforms import Modality, modality_of


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("MR_T1", Modality.MR),
        ("sub-01_flair.nii.gz", Modality.MR),
        ("T1c", Modality.MR),
        ("patient7-CT", Modality.CT),
        ("PET", Modality.PT),
        ("pt", Modality.PT),
        ("fdg_suv", Modality.PT),
        ("brain spect", Modality.NM),
        ("NM", Modality.NM),
    ],
)
def test_names(name: str, modality: Modality) -> None:
    assert modality_of(name) is modality


@pytest.mark.parametrize(("name", "found"), [("scan2", "no known word"), ("spectrum", "no known word"), ("", "no")])
def test_names_that_say_nothing(name: str, found: str) -> None:
    with pytest.raises(ValueError, match=rf"cannot tell the modality of {name!r} \({found}.*or give the modality"):
        modality_of(name)


def test_names_that_say_two_things() -> None:
    with pytest.raises(ValueError, match=r"'PET_CT' \(CT and PT in it\)"):
        modality_of("PET_CT")


def test_functional() -> None:
    assert [modality.value for modality in Modality if modality.functional] == ["PT", "NM"]
