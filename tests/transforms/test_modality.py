# Copyright (c) monai_ddfm contributors
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#     http://www.apache.org/licenses/LICENSE-2.0
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
