# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monai_ddfm.cohort.record import DIGESTS, BeginRecord, FinishRecord, content_key, digested, read_record, record_path
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.priors import IdentityPrior
from tests.volumes import random_volume

KEYS = ["MR", "PET"]


def pipeline(**settings: object) -> FusionPipeline:
    return FusionPipeline(FusionConfig.of(**{"rectifier": "em", "device": "cpu", **settings}), IdentityPrior())


def digests_of(case: dict[str, str], made_by: FusionPipeline) -> str:
    with digested(case, made_by) as digests:
        return json.dumps(digests)


@pytest.fixture
def case(tmp_path: Path) -> dict[str, str]:
    for key in KEYS:
        (tmp_path / f"{key}.nii.gz").write_bytes(key.encode())
    return {"case": "p01", **{key: str(tmp_path / f"{key}.nii.gz") for key in KEYS}}


def test_contents_and_settings_count_and_file_names_do_not(case: dict[str, str], tmp_path: Path) -> None:
    key = content_key(case, pipeline())
    assert content_key(case, pipeline(steps=3)) != key
    moved = Path(case["MR"]).rename(tmp_path / "elsewhere.nii.gz")
    assert content_key({**case, "MR": str(moved)}, pipeline()) == key
    moved.write_bytes(b"other voxels")
    assert content_key({**case, "MR": str(moved)}, pipeline()) != key


def test_folder_of_slices_as_source(case: dict[str, str], tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    for number in range(3):
        (series / f"{number}.dcm").write_bytes(bytes([number]))
    case = {**case, "MR": str(series)}
    key = content_key(case, pipeline())
    (series / "1.dcm").write_bytes(b"changed")
    assert content_key(case, pipeline()) != key


def test_record_before_and_after(case: dict[str, str], tmp_path: Path) -> None:
    data = {"case": "p01", **{key: random_volume(2, 2, 2, file=case[key]) for key in KEYS}}
    out = tmp_path / "out"
    made_by = pipeline(output_dir=str(out), new_patient_id="anon", pseudonym_key="secret of ours")
    data[DIGESTS] = digests_of(case, made_by)
    assert read_record(record_path(out, "p01")) == {}
    assert BeginRecord(made_by)(data) == data
    begun = read_record(record_path(out, "p01"))
    assert begun["finished"] is False
    FinishRecord(out)(data)
    finished = json.loads((out / "p01.json").read_text())
    assert finished == {**begun, "finished": True}
    assert finished["content_key"] == content_key(case, made_by)
    assert finished["inputs"]["PET"]["path"] == case["PET"]
    assert len(finished["inputs"]["PET"]["sha256"]) == 64
    assert "secret of ours" not in (out / "p01.json").read_text()


def test_the_recorded_settings_repeat_the_fusion(case: dict[str, str], tmp_path: Path) -> None:
    data = {"case": "p01", **{key: random_volume(2, 2, 2, file=case[key]) for key in KEYS}}
    made_by = pipeline(output_dir=str(tmp_path), ct_window=[0, 80], steps=7, maps=["novelty"])
    BeginRecord(made_by)({**data, DIGESTS: digests_of(case, made_by)})
    settings = read_record(record_path(tmp_path, "p01"))["settings"]
    again = FusionPipeline(FusionConfig.of(**settings), IdentityPrior())
    assert again.digest == made_by.digest


@pytest.mark.parametrize("content", ["not JSON", "[1, 2]", ""])
def test_somebody_elses_file_is_no_record(tmp_path: Path, content: str) -> None:
    (tmp_path / "p01.json").write_text(content)
    assert read_record(tmp_path / "p01.json") == {}
