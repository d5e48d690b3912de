# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a result was made from: what counts and what does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from monai_ddfm.cohort.record import BeginRecordd, FinishRecordd, content_key, describe, read_record, record_path
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.priors import UNetPrior
from monai_ddfm.rectifiers import EMRectifier, ReferenceEMRectifier
from monai_ddfm.transforms import Modality
from tests.tiny_unet import tiny_unet
from tests.volumes import random_volume

KEYS = ["MR", "PET"]


@pytest.fixture
def case(tmp_path: Path) -> dict[str, str]:
    for key in KEYS:
        (tmp_path / f"{key}.nii.gz").write_bytes(key.encode())
    return {"case": "p01", **{key: str(tmp_path / f"{key}.nii.gz") for key in KEYS}}


def test_describe_is_json() -> None:
    settings = describe(
        {
            "inferer": DDFMInferer(EMRectifier(psi=0.25), steps=3),
            "modality": Modality.PT,
            "path": Path("models/prior.pt"),
            "device": torch.device("cpu"),
            "window": (1, 2.5),
            "tensor": torch.tensor([1.0, 2.0]),
            "nothing": None,
        }
    )
    text = json.dumps(settings)
    assert json.loads(text) == settings
    assert settings["inferer"]["class"] == "DDFMInferer"
    assert '"psi": 0.25' in text
    assert '"timesteps": [999, 500, 0]' in text
    assert (settings["modality"], settings["path"], settings["device"]) == ("PT", "models/prior.pt", "cpu")
    assert (settings["window"], settings["tensor"], settings["nothing"]) == ([1, 2.5], [1.0, 2.0], None)


@pytest.mark.parametrize(
    "change", [{"steps": 4}, {"seed": 1}, {"sampler": "ddpm"}, {"eta": 0.5}, {"rectifier": ReferenceEMRectifier()}]
)
def test_settings_that_shape_the_result(change: dict[str, Any]) -> None:
    usual = {"rectifier": EMRectifier(), "steps": 3}
    assert describe(DDFMInferer(**usual)) == describe(DDFMInferer(**usual))
    assert describe(DDFMInferer(**usual)) != describe(DDFMInferer(**{**usual, **change}))


def test_settings_that_do_not() -> None:
    quiet = DDFMInferer(EMRectifier(), progress=False, slices_per_batch=2)
    assert describe(quiet) == describe(DDFMInferer(EMRectifier(), progress=True, callback=print))


def test_weights_count() -> None:
    assert describe(UNetPrior(tiny_unet(seed=1))) == describe(UNetPrior(tiny_unet(seed=1)))
    assert describe(UNetPrior(tiny_unet(seed=1))) != describe(UNetPrior(tiny_unet(seed=2)))


def test_contents_count_and_places_do_not(case: dict[str, str], tmp_path: Path) -> None:
    key = content_key(case, KEYS, {"steps": 3})
    assert content_key(case, KEYS, {"steps": 4}) != key
    moved = Path(case["MR"]).rename(tmp_path / "elsewhere.nii.gz")
    assert content_key({**case, "MR": str(moved)}, KEYS, {"steps": 3}) == key
    moved.write_bytes(b"other voxels")
    assert content_key({**case, "MR": str(moved)}, KEYS, {"steps": 3}) != key


def test_folder_of_slices_as_source(case: dict[str, str], tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    for number in range(3):
        (series / f"{number}.dcm").write_bytes(bytes([number]))
    case = {**case, "MR": str(series)}
    key = content_key(case, KEYS, None)
    (series / "1.dcm").write_bytes(b"changed")
    assert content_key(case, KEYS, None) != key


def test_record_before_and_after(case: dict[str, str], tmp_path: Path) -> None:
    data = {"case": "p01", **{key: random_volume(2, 2, 2, file=case[key]) for key in KEYS}}
    out = tmp_path / "out"
    settings = {"steps": 3}
    assert read_record(record_path(out, "p01")) == {}
    assert BeginRecordd(KEYS, out, settings)(data) == data
    begun = read_record(record_path(out, "p01"))
    assert begun["finished"] is False
    FinishRecordd(KEYS, out, settings)(data)
    finished = json.loads((out / "p01.json").read_text())
    assert finished == {**begun, "finished": True}
    assert finished["content_key"] == content_key(case, KEYS, settings)
    assert finished["settings"] == settings
    assert finished["inputs"]["PET"]["path"] == case["PET"]
    assert len(finished["inputs"]["PET"]["sha256"]) == 64


@pytest.mark.parametrize("content", ["not JSON", "[1, 2]", ""])
def test_somebody_elses_file_is_no_record(tmp_path: Path, content: str) -> None:
    (tmp_path / "p01.json").write_text(content)
    assert read_record(tmp_path / "p01.json") == {}
