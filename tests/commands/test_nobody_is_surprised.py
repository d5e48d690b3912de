# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a user of the command can rely on: nothing stale, nothing lost, nothing unknown let through."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch

from monai_ddfm.__main__ import main
from monai_ddfm.cohort.ray_driver import fuse_case
from monai_ddfm.io.lock import locked_folder
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline import FuseDDFM, FusionConfig
from tests.volumes import random_volume, save_nifti

Pair = tuple[str, str]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    shape = (18, 15, 6)
    files = {"MR": random_volume(*shape), "PET": random_volume(*shape, seed=1)}
    mr, pet = (str(save_nifti(tmp_path / "in" / f"{key}.nii.gz", image[0].numpy())) for key, image in files.items())
    return mr, pet


def fuse(*words: object) -> int:
    return main(["fuse", *map(str, words), "--device", "cpu", "-q"])


@pytest.mark.parametrize(
    "change",
    [
        ("--register", "rigid"),
        ("--set", "allow_gaps", "true"),
        ("--set", "dicom_reader", "{allow_gaps: true}"),
        ("--maps", "novelty"),
        ("--set", "interpolation", "nearest"),
    ],
)
def test_other_settings_never_keep_an_old_result(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: tuple[str, ...]
) -> None:
    assert fuse(*pair, "-o", tmp_path / "out") == 0
    assert fuse(*pair, "-o", tmp_path / "out") == 0  # the same: kept
    assert fuse(*pair, "-o", tmp_path / "out", *change) == 1
    assert "made from other files or with other settings, and is kept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "nope_id", "1"), "no setting 'nope_id'"),
        (("--set", "stepps", "9"), "no setting 'stepps'; did you mean 'steps'?"),
        (("--set", "windows", "{NOPE: [0, 1]}"), "no source in windows named 'NOPE'; there are MR, PET"),
        (("--set", "overwrite", "no"), None),  # YAML's own false
        (("--set", "overwrite", "'false'"), "overwrite: found 'false', expected true or false"),
        (("--set", "allow_different_patient", "0"), "allow_different_patient: found 0, expected true or false"),
    ],
)
def test_unknown_names_and_half_booleans(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str | None
) -> None:
    assert fuse(*pair, "-o", tmp_path / "out", *words) == (0 if said is None else 1)
    if said is not None:
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("words", [(), ("--overwrite",)])
def test_a_result_is_never_one_of_the_inputs(
    pair: Pair, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    before = Path(pair[0]).read_bytes()
    assert fuse(*pair, "-o", pair[0], *words) == 1
    assert "MR.nii.gz: is the MR of case" in capsys.readouterr().err
    assert Path(pair[0]).read_bytes() == before


def test_a_second_run_into_a_folder_says_who_holds_it(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with locked_folder(tmp_path / "out"):
        assert fuse(*pair, "-o", tmp_path / "out") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "is writing here; wait until it has ended, or give another output_dir" in line
    assert not list((tmp_path / "out").glob("*fused*"))


def test_a_case_of_the_ray_driver_is_no_code(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = '$open("x","w").close() or "a"'
    config = FusionConfig.of(output_dir=tmp_path / "out", device="cpu", progress=False)
    fuse_case(config, {"case": name, "MR": pair[0], "PET": pair[1]})
    assert (tmp_path / "out" / f"{name}_fused.nii.gz").is_file()
    assert not (tmp_path / "x").exists()


def test_maps_keep_their_own_units_in_memory(pair: Pair, tmp_path: Path) -> None:
    images = [random_volume(18, 15, 6), random_volume(18, 15, 6, seed=1)]
    fused = FuseDDFM(["MR", "PET"], maps=["provenance"], device="cpu")(images)
    assert fused.shape == (3, 18, 15, 6)
    shares = torch.as_tensor(fused[1:])
    assert shares.min() >= 0.0 and shares.max() <= 1.0
    np.testing.assert_allclose(shares.sum(0), 1.0, atol=1e-5)
    assert fused[0].max() > 500.0
    assert fuse(*pair, "-o", tmp_path / "out", "--maps", "all") == 0
    assert {path.name for path in (tmp_path / "out").glob("MR_*.nii.gz")} >= {f"MR_{name}.nii.gz" for name in MAPS}
    written = nibabel.load(tmp_path / "out" / "MR_provenance.nii.gz").get_fdata()
    np.testing.assert_allclose(np.moveaxis(written, -1, 0), shares, atol=1e-6)
