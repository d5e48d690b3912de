# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import pytest

from monai_ddfm.bids.name import BidsName, Selector


@pytest.mark.parametrize(
    "text",
    [
        "sub-01_T1w.nii.gz",
        "sub-01_ses-a_acq-high_ce-gd_rec-x_run-1_T1w.nii",
        "sub-A1_trc-FDG_rec-acdyn_run-02_pet.nii.gz",
    ],
)
def test_a_name_comes_back(text: str) -> None:
    assert str(BidsName.of(text)) == text


def test_entities_stand_in_the_order_of_bids() -> None:
    name = BidsName.of("sub-01_run-1_trc-FDG_pet.nii.gz")
    assert name.with_entities(ses="b", run=None, desc="static") is not None
    assert str(name.with_entities(ses="b", desc="static")) == "sub-01_ses-b_trc-FDG_run-1_desc-static_pet.nii.gz"


@pytest.mark.parametrize("text", ["sub_01_T1w.nii.gz", "sub-01_sub-02_T1w.nii.gz", "sub-0 1_T1w.nii"])
def test_another_form_is_no_name(text: str) -> None:
    assert BidsName.of(text) is None


def test_a_label_has_letters_and_digits() -> None:
    with pytest.raises(ValueError, match="desc-my_fusion: a label"):
        BidsName.of("sub-01_T1w.nii.gz").with_entities(desc="my_fusion")


def test_a_selector_asks_for_what_it_names() -> None:
    high, plain = (BidsName.of(f"sub-01_{end}.nii.gz") for end in ("acq-high_run-1_T1w", "run-1_T1w"))
    assert Selector("T1w").fits(high) and Selector("T1w").fits(plain)
    assert Selector("acq-high_T1w").fits(high) and not Selector("acq-high_T1w").fits(plain)
    assert not Selector("T2w").fits(plain)
    with pytest.raises(ValueError, match=r"T1w\.nii\.gz: expected the end of an image's name without extension"):
        Selector("T1w.nii.gz")
