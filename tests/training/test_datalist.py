# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Training folders: found, checked, split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monai_ddfm.training import person_of, read_datalist, split_by_person, volume_weights, with_ct_windows
from tests.training.volumes import VOLUMES, write_training_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_training_folder(tmp_path_factory.mktemp("train"))


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("limb_mr_t1_sts_001.nii.gz", "limb_sts_001"),
        ("limb_pet_sts_001.nii.gz", "limb_sts_001"),
        ("some/where/head_t1c_vs_seg_001.nii", "head_vs_seg_001"),
        ("sub-01_T1w.nii.gz", "sub_01"),
    ],
)
def test_person_is_the_name_without_modalities(name: str, person: str) -> None:
    assert person_of(name) == person


@pytest.mark.parametrize("datalist", [True, False])
def test_reads_what_is_listed_or_all_there_is(tmp_path: Path, datalist: bool) -> None:
    entries = read_datalist(write_training_folder(tmp_path, datalist))
    assert {Path(entry["image"]).name for entry in entries} == set(VOLUMES)
    modalities = {Path(entry["image"]).name: entry["modality"] for entry in entries}
    assert modalities["limb_pet_b.nii.gz"] == "PT" and modalities["limb_ct_b.nii.gz"] == "CT"
    assert {entry["person"] for entry in entries} == {"head_a", "limb_b", "limb_c"}


@given(share=st.floats(0.0, 0.9), seed=st.integers(0, 99))
def test_nobody_is_on_both_sides(share: float, seed: int) -> None:
    entries = [{"image": f"{i}", "person": f"p{i % 7}", "modality": "MR"} for i in range(20)]
    training, validation = split_by_person(entries, share, seed=seed)
    assert training and validation and len(training) + len(validation) == 20
    assert not {e["person"] for e in training} & {e["person"] for e in validation}


def test_named_persons_are_held_out(folder: Path) -> None:
    training, validation = split_by_person(read_datalist(folder), validation_persons=["limb_b"])
    assert {entry["person"] for entry in validation} == {"limb_b"} and len(training) == 3
    with pytest.raises(ValueError, match=r"\['nobody'\] are not in the training folder"):
        split_by_person(read_datalist(folder), validation_persons=["nobody"])
    with pytest.raises(ValueError, match="nothing is left to train on"):
        split_by_person(training, validation_persons=["head_a", "limb_c"])


def test_ct_comes_in_every_window_and_shares_its_weight(folder: Path) -> None:
    entries = with_ct_windows(read_datalist(folder), [[-160, 240], [-1000, 1000]])
    assert [e["window"] for e in entries if e["modality"] == "CT"] == [(-160, 240), (-1000, 1000)]
    weights = dict(
        zip([(e["person"], e["modality"], e["window"]) for e in entries], volume_weights(entries, 8.0), strict=True)
    )
    assert weights[("limb_b", "CT", (-160, 240))] == 0.5
    assert weights[("limb_b", "PT", None)] == 1.0
    assert weights[("head_a", "MR", None)] == 8.0


def test_every_unreadable_entry_is_named(tmp_path: Path) -> None:
    write_training_folder(tmp_path)
    cut = tmp_path / "head_t2_a.nii.gz"
    cut.write_bytes(cut.read_bytes()[:500])
    (tmp_path / "limb_pet_b.nii.gz").unlink()
    with pytest.raises(
        ValueError, match=r"(?s)datalist\.json: 2 of 5 .*head_t2_a\.nii\.gz: .*limb_pet_b\.nii\.gz: no such"
    ):
        read_datalist(tmp_path)


@pytest.mark.parametrize("content", ["[1, 2]", "{}", "not json"])
def test_datalist_of_another_form(tmp_path: Path, content: str) -> None:
    (tmp_path / "datalist.json").write_text(content)
    with pytest.raises(ValueError, match=r"datalist\.json: (expected a list|not valid JSON)"):
        read_datalist(tmp_path)


def test_entry_without_modality_or_image(tmp_path: Path) -> None:
    write_training_folder(tmp_path)
    (tmp_path / "datalist.json").write_text(json.dumps([{"image": "scan.nii.gz"}, {"modality": "MR"}]))
    with pytest.raises(ValueError, match=r"cannot tell the modality of 'scan\.nii\.gz'"):
        read_datalist(tmp_path)


def test_no_volumes_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no volumes to train on"):
        read_datalist(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        read_datalist(tmp_path / "nowhere")
