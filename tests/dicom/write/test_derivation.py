# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace

import pytest

from monai_ddfm.dicom.write.derivation import Derivation, uid_from_name
from tests.dicom.shipped_study import identities, identity

MADE = Derivation(preset="mri_pet", seed=7, settings={"steps": 25})


def uid(derivation: Derivation, *names: str) -> str:
    return derivation.uid(identity("MR"), identities("MR", "PT"), *names)


def test_a_name_has_one_uid() -> None:
    assert uid_from_name("a", "b") == uid_from_name("a", "b") != uid_from_name("ab")
    assert uid_from_name("a").is_valid and uid_from_name("a").startswith("2.25.")


def test_the_same_run_has_the_same_uids() -> None:
    again = Derivation(preset="mri_pet", seed=7, settings={"steps": 25})
    assert uid(MADE, "grey", "0") == uid(again, "grey", "0")


@pytest.mark.parametrize(
    "change",
    [
        {"method": "other"},
        {"version": "9"},
        {"preset": "paper"},
        {"seed": 8},
        {"seed": None},
        {"settings": {"steps": 9}},
    ],
)
def test_another_setting_has_another_uid(change: dict) -> None:
    assert uid(replace(MADE, **change), "grey", "0") != uid(MADE, "grey", "0")


def test_other_objects_sources_and_anchors_have_other_uids() -> None:
    assert uid(MADE, "grey", "0") != uid(MADE, "grey", "1")
    assert MADE.uid(identity("MR"), identities("MR", "CT")) != MADE.uid(identity("MR"), identities("MR", "PT"))
    assert MADE.uid(identity("PT"), identities("MR", "PT")) != MADE.uid(identity("MR"), identities("MR", "PT"))


def test_new_uids_are_new_for_each_run() -> None:
    fresh, other = replace(MADE, new_uids=True), replace(MADE, new_uids=True)
    assert len({uid(fresh), uid(other), uid(MADE)}) == 3
    assert uid(fresh) == uid(fresh)


def test_the_description_names_the_run_and_no_free_text() -> None:
    text = MADE.describe([replace(source, series_description="Mr Smith") for source in identities("MR", "PT")])
    for said in ("DDFM", "MR + PT", MADE.version, "mri_pet", "seed 7"):
        assert said in text
    assert "Smith" not in text
    assert len(Derivation(method="x" * 2000).describe(identities())) == 1024


def test_refuses_what_cannot_be_told() -> None:
    with pytest.raises(ValueError, match="need a name"):
        Derivation(method="")
    with pytest.raises(ValueError, match="settings must be plain"):
        Derivation(settings={"network": object()})


def test_it_says_that_it_is_no_diagnosis() -> None:
    assert MADE.describe(identities("MR", "PT")).startswith(
        "Research use only, not for diagnostic use. DDFM image fusion"
    )
