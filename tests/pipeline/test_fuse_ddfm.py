# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The whole fusion as one link of a chain of MONAI transforms."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from monai.data import MetaTensor
from monai.networks.nets import DiffusionModelUNet
from monai.transforms import (
    Compose,
    EnsureChannelFirstd,
    LoadImaged,
    Rotate90d,
    SaveImaged,
    ScaleIntensityd,
    SelectItemsd,
)

from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.pipeline import FuseDDFM, FuseDDFMd
from monai_ddfm.priors import IdentityPrior, UNetPrior
from monai_ddfm.rectifiers import EMRectifier
from tests.paper_sampling import paper_inferer
from tests.tiny_unet import TINY
from tests.volumes import ANISOTROPIC, affines, random_volume


def paper(steps: int = 3) -> DDFMInferer:
    return paper_inferer(steps)


@given(affine=affines())
@settings(max_examples=8)
def test_on_the_anchors_grid_in_its_units(affine: np.ndarray) -> None:
    mr, pet = random_volume(6, 7, 3, affine=affine), random_volume(6, 7, 3, affine=affine, seed=1)
    fused = FuseDDFM(["MR", "PET"], network=IdentityPrior(), inferer=paper(), device="cpu")([mr, pet])
    assert fused.shape == mr.shape
    torch.testing.assert_close(fused.affine, mr.affine)
    assert 0.0 <= fused.min().item() < 100.0  # of values from 0 to 1000
    assert 900.0 < fused.max().item() <= 1000.0


def test_one_source_twice_is_that_source(tiny_prior: UNetPrior) -> None:
    mr = random_volume(8, 8, 3)
    fused = FuseDDFM(["MR", "T2"], network=tiny_prior, inferer=paper(6), device="cpu")([mr, mr])
    torch.testing.assert_close(fused.as_tensor(), mr.as_tensor(), rtol=0, atol=2.0)


def test_sources_on_other_grids(tiny_prior: UNetPrior) -> None:
    coarse = ANISOTROPIC @ np.diag([2.0, 2.0, 1.0, 1.0])
    mr, pet = random_volume(12, 10, 4), random_volume(6, 5, 4, affine=coarse)
    fuse = FuseDDFM(["MR", "PET"], network=tiny_prior, inferer=paper(), device="cpu")
    assert fuse([mr, pet]).shape == (1, 12, 10, 4)
    other = FuseDDFM(["PET", "MR"], network=tiny_prior, inferer=paper(), device="cpu")([pet, mr])
    assert other.shape == (1, 6, 5, 4)
    torch.testing.assert_close(other.affine, pet.affine)


def test_windows() -> None:
    mr, pet = random_volume(6, 6, 2), random_volume(6, 6, 2, seed=1)
    windows = [(200, 400), None]
    fused = FuseDDFM(["MR", "PET"], network=IdentityPrior(), inferer=paper(), device="cpu", windows=windows)([mr, pet])
    inside = (mr >= 200) & (mr <= 400)
    assert ((fused >= 200.0 - 0.1) & (fused <= 400.0 + 0.1))[inside].all()
    assert fused.min() < 200 and fused.max() > 400  # what lies beyond the window is not lost


def test_chain(example_case: Path, tiny_prior: UNetPrior, tmp_path: Path) -> None:
    """Between MONAI's loading and MONAI's scaling, turning and saving, in one Compose, on real volumes."""
    keys = ["MR", "PET"]
    chain = Compose(
        [
            LoadImaged(keys),
            EnsureChannelFirstd(keys),
            FuseDDFMd(keys, network=tiny_prior, inferer=paper(2), device="cpu"),
            SelectItemsd(["fused"]),
            ScaleIntensityd("fused", minv=0.0, maxv=1.0),
            Rotate90d("fused", k=1),
            SaveImaged("fused", output_dir=tmp_path, output_postfix="", separate_folder=False, print_log=False),
        ]
    )
    result = chain({"MR": example_case / "MR_T1.nii.gz", "PET": example_case / "PET.nii.gz"})["fused"]
    anchor = nibabel.load(example_case / "MR_T1.nii.gz")
    assert isinstance(result, MetaTensor)
    assert result.shape == (1, anchor.shape[1], anchor.shape[0], anchor.shape[2])
    assert (result.min().item(), result.max().item()) == pytest.approx((0.0, 1.0))
    saved = nibabel.load(tmp_path / "MR_T1.nii.gz")
    # what was turned lies where it lay: the corners of both grids are the same points in space
    corner = saved.affine @ [0, 0, 0, 1]
    corners = [anchor.affine @ [i, j, 0, 1] for i in (0, anchor.shape[0] - 1) for j in (0, anchor.shape[1] - 1)]
    assert min(np.linalg.norm(corner - other) for other in corners) < 1e-2
    np.testing.assert_allclose(np.abs(np.linalg.det(saved.affine)), np.abs(np.linalg.det(anchor.affine)), rtol=1e-4)


def test_dictionary_keeps_its_sources(tiny_prior: UNetPrior) -> None:
    data = {"T1": random_volume(8, 8, 2), "scan2": random_volume(8, 8, 2, seed=1), "case": "p01"}
    fuse = FuseDDFMd(["T1", "scan2"], "pred", ["MR", "SPECT"], network=tiny_prior, inferer=paper(), device="cpu")
    fused = fuse(data)
    assert set(fused) == {"T1", "scan2", "case", "pred"}
    assert fused["T1"] is data["T1"]
    assert torch.equal(fused["pred"], fuse(data)["pred"])


def test_presets_and_overrides() -> None:
    volumes = [random_volume(6, 6, 2), random_volume(6, 6, 2, seed=1)]
    arguments = {"network": IdentityPrior(), "device": "cpu"}
    preset = FuseDDFM(["MR", "PET"], preset="paper", steps=4, seed=9, precision="float32", **arguments)
    inferer = paper_inferer(4, seed=9, rectifier=EMRectifier(largest_ratio=2.0))
    direct = FuseDDFM(["MR", "PET"], inferer=inferer, **arguments)
    assert torch.equal(preset(volumes), direct(volumes))
    with pytest.raises(ValueError, match=r"no preset 'best'; there are .*mri_ct, .*paper, .*reference"):
        FuseDDFM(["MR", "PET"], preset="best")


def test_sources_that_cannot_be_fused(tiny_prior: UNetPrior) -> None:
    fuse = FuseDDFM(["MR", "PET"], network=tiny_prior, inferer=paper(), device="cpu")
    mr = random_volume(6, 6, 2, file="MR.nii.gz")
    far = ANISOTROPIC + np.eye(4, 4, 3) * 500
    with pytest.raises(ValueError, match=r"PET\.nii\.gz: covers 0\.0% of the field of view of MR\.nii\.gz"):
        fuse([mr, random_volume(6, 6, 2, affine=far, file="PET.nii.gz")])
    with pytest.raises(ValueError, match=r"PET\.nii\.gz: 1 of 72 voxels are NaN"):
        broken = random_volume(6, 6, 2, file="PET.nii.gz")
        broken[0, 0, 0, 0] = torch.nan
        fuse([mr, broken])
    with pytest.raises(ValueError, match="source_2: every voxel is 0"):
        fuse([mr, torch.zeros(1, 6, 6, 2)])


@pytest.mark.parametrize("number", [0, 1, 3])
def test_another_number_of_sources_than_modalities(tiny_prior: UNetPrior, number: int) -> None:
    fuse = FuseDDFM(["MR", "PET"], network=tiny_prior, inferer=paper(), device="cpu")
    with pytest.raises(ValueError, match=rf"{number} sources for 2 modalities"):
        fuse([random_volume(6, 6, 2)] * number)


def test_too_few_modalities_or_windows() -> None:
    with pytest.raises(ValueError, match="an anchor and at least one other source, got MR"):
        FuseDDFM(["MR"])
    with pytest.raises(ValueError, match="1 windows for 2 sources"):
        FuseDDFM(["MR", "PET"], windows=[None])


def test_a_network_that_was_never_trained_is_refused() -> None:
    untrained = UNetPrior(DiffusionModelUNet(**TINY))
    with pytest.raises(ValueError, match=r"network_def: UNetPrior has weights null and an untrained network"):
        FuseDDFM(["MR", "PET"], network=untrained, device="cpu").fuse([torch.rand(1, 8, 8, 2)] * 2)


@pytest.mark.usefixtures("threads_restored")
def test_its_threads_are_those_that_compute_and_only_meanwhile(tiny_prior: UNetPrior) -> None:
    torch.set_num_threads(1)
    seen: list[int] = []
    inferer = DDFMInferer(EMRectifier(), callback=lambda *_: seen.append(torch.get_num_threads()))
    fuse = FuseDDFM(["MR", "CT"], network=tiny_prior, inferer=inferer, device="cpu", threads=3)
    fuse([random_volume(16, 12, 3, seed=seed) for seed in range(2)])
    assert set(seen) == {3}
    assert torch.get_num_threads() == 1
