# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Crops of volumes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, RandFlipd

from monai_ddfm.training import CropDataset, CropSampler, RandPlaneCropd


def volume(shape: tuple[int, int, int] = (40, 44, 36), spacing: tuple[float, float, float] = (1, 1, 1)) -> MetaTensor:
    """Three ramps in one: the value tells the place, so that a crop tells its plane."""
    axes = torch.meshgrid(*(torch.linspace(-0.6, 0.9, n) for n in shape), indexing="ij")
    image = (axes[0] + 2 * axes[1] + 4 * axes[2]) / 7
    return MetaTensor(image[None], affine=torch.diag(torch.tensor([*spacing, 1.0], dtype=torch.float64)))


def crops(cut: RandPlaneCropd, image: MetaTensor, count: int = 40) -> list[torch.Tensor]:
    cut.set_random_state(seed=0)
    return [cut({"image": image})["image"] for _ in range(count)]


def test_shape_range_and_type() -> None:
    for crop in crops(RandPlaneCropd("image", size=24), volume()):
        assert crop.shape == (1, 24, 24) and type(crop) is torch.Tensor
        assert crop.min() >= -1 and crop.max() <= 1


def test_all_planes_of_an_isotropic_volume_and_one_of_a_coarse() -> None:
    def seen(spacing: tuple[float, float, float], **options: float) -> set[tuple[bool, bool]]:
        image = volume(spacing=spacing)
        marked = MetaTensor(torch.zeros_like(image.as_tensor()), affine=image.affine)
        marked[..., ::2] = 0.5  # stripes along the last axis, which axial crops do not show
        cut = RandPlaneCropd("image", size=16, pixel_mm=(1.0, 1.0 + 1e-6), **options)
        return {(bool(c[0].std(dim=0).max() > 0.1), bool(c[0].std(dim=1).max() > 0.1)) for c in crops(cut, marked)}

    assert seen((1, 1, 1)) == {(False, False), (False, True)}
    assert seen((1, 1, 3)) == {(False, False)}
    assert seen((1, 1, 3), max_ratio=6.0) == {(False, False), (False, True)}


def test_coarse_pixels_are_made_finer() -> None:
    image = volume((12, 12, 30), (4.0, 4.0, 4.0))
    for crop in crops(RandPlaneCropd("image", size=24, pixel_mm=(1.0, 2.0)), image, 10):
        assert crop.shape == (1, 24, 24)
        assert crop.diff(dim=1).abs().max() < 0.06  # no voxel of 4 mm is left as a block


def test_prefers_foreground() -> None:
    image = torch.full((1, 80, 80, 20), -1.0)
    image[:, :30, :30] = 0.5
    share = [float((c > -0.95).float().mean()) for c in crops(RandPlaneCropd("image", 16, tries=10), MetaTensor(image))]
    blind = [float((c > -0.95).float().mean()) for c in crops(RandPlaneCropd("image", 16, tries=1), MetaTensor(image))]
    assert np.mean(share) > 1.5 * np.mean(blind)


def test_native_crops_keep_every_plane_and_every_voxel() -> None:
    image = volume((40, 44, 12), (1.0, 1.0, 4.0))
    values = set(image.flatten().tolist())
    cut = RandPlaneCropd("image", size=16, native_share=1.0)
    seen = set()
    for crop in crops(cut, image):
        assert set(crop.flatten().tolist()) <= values  # nothing is interpolated
        rows, columns = (float(crop[0].diff(dim=axis).abs().max()) for axis in (0, 1))
        seen.add(round(rows / columns, 2))
    assert len(seen) == 3  # the three planes, each with its own two steepnesses


def test_a_native_slice_smaller_than_the_crop_is_mirrored() -> None:
    image = volume((10, 10, 10), (4.0, 4.0, 4.0))
    for crop in crops(RandPlaneCropd("image", size=32, native_share=1.0), image, 10):
        assert crop.shape == (1, 32, 32)
        steps = crop[0].diff(dim=0)[:, 0]
        assert (steps.abs() > 1e-3).all()  # no voxel repeated at the edge
        assert torch.allclose(steps.abs(), steps.abs()[0], atol=1e-5)  # there and back again
        assert 2 <= int((steps.sign().diff() != 0).sum()) <= 4


def test_one_voxel_is_mirrored_into_a_crop_of_itself() -> None:
    image = MetaTensor(torch.full((1, 1, 30, 30), 0.5))
    cut = RandPlaneCropd("image", size=16, native_share=1.0)
    assert all((crop == 0.5).all() for crop in crops(cut, image, 12))


def test_thick_crops_are_coarser_along_one_axis() -> None:
    stripes = MetaTensor(torch.zeros(1, 96, 96, 96))
    stripes[:, ::2] = stripes[:, :, ::2] = stripes[..., ::2] = 0.8  # seen at 1 mm, averaged away at 3 mm
    cut = RandPlaneCropd("image", 24, (1.0, 1.0), thick_share=1.0, thick_ratio=(3.0, 3.0), interpolation=("bilinear",))
    changes = [sorted(float(c[0].diff(dim=axis).abs().mean()) for axis in (0, 1)) for c in crops(cut, stripes)]
    kinds = [coarse < 0.5 * fine for coarse, fine in changes]
    assert 0.2 < np.mean(kinds) < 0.8  # half of the crops keep the finest pixels


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pixel_mm": (0.0, 2.0)}, r"pixel_mm must be \(smallest, largest\)"),
        ({"thick_ratio": (3.0, 2.0)}, "thick_ratio must be"),
        ({"native_share": 1.2}, r"native_share must be in \[0, 1\], got 1.2"),
        ({"thick_share": -0.1}, "thick_share must be"),
        ({"interpolation": ()}, "interpolation must name bilinear, bicubic or both"),
        ({"interpolation": ("nearest",)}, r"got \['nearest'\]"),
    ],
)
def test_wrong_crops(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RandPlaneCropd("image", **options)


def dataset(seed: int = 0, weights: list[float] | None = None) -> CropDataset:
    transform = Compose([RandPlaneCropd("image", size=16), RandFlipd("image", 0.5, 0)])
    return CropDataset([{"image": 0.3 * volume() + 0.5}, {"image": 0.3 * volume() - 0.5}], transform, seed, weights)


def test_a_crop_follows_from_its_number() -> None:
    first, second = dataset(), dataset()
    late = first[1000]["image"]
    for number in (3, 1000, 7):
        assert torch.equal(first[number]["image"], second[number]["image"])
    assert torch.equal(second[1000]["image"], late)
    assert not torch.equal(first[3]["image"], first[4]["image"])
    assert not torch.equal(first[3]["image"], dataset(seed=1)[3]["image"])


def test_transforms_are_told_the_modality() -> None:
    told = []
    cut = Compose([lambda data: told.append(sorted(data)) or data, RandPlaneCropd("image", size=16)])
    entries = [{"image": volume(), "modality": "MR", "person": "head_a"}, {"image": volume()}]
    CropDataset(entries, cut, weights=[1.0, 0.0])[0]
    CropDataset(entries, cut, weights=[0.0, 1.0])[0]
    assert told == [["image", "modality"], ["image"]]


def test_weights_choose_the_volumes() -> None:
    chosen = [float(dataset(weights=[3.0, 1.0])[n]["image"].mean()) > 0 for n in range(200)]
    assert abs(np.mean(chosen) - 0.75) < 0.12
    with pytest.raises(ValueError, match="one weight for each volume, got 2 volumes and 3 weights"):
        dataset(weights=[1.0, 1.0, 1.0])


def test_processes_share_the_numbers_of_an_epoch() -> None:
    numbers = []
    for rank in range(3):
        sampler = CropSampler(dataset(), 12, num_replicas=3, rank=rank)
        sampler.set_epoch(5)
        assert len(sampler) == len(list(sampler)) == 4
        numbers += list(sampler)
    assert sorted(numbers) == list(range(60, 72))
