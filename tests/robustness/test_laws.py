# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Laws that hold for any geometry and any numbers."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from monai.data import MetaTensor

from monai_ddfm.denoising.noise_meta import notes_of
from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.grey import write_grey_series
from monai_ddfm.pipeline import FuseDDFM
from monai_ddfm.priors import IdentityPrior, UNetPrior
from monai_ddfm.transforms import ReadSource, WriteFused
from tests.dicom.conftest import classic_instance
from tests.tiny_unet import tiny_unet
from tests.volumes import affines

SHAPE = (14, 13, 12)


def ball(affine: np.ndarray, centre: np.ndarray, width: float) -> MetaTensor:
    """A bright ball about a place in the world, from 0 to 1000, on a grid."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    place = index @ affine[:3, :3].T + affine[:3, 3]
    voxels = 1000 * np.exp(-((place - centre) ** 2).sum(-1) / (2 * width**2))
    return MetaTensor(torch.from_numpy(voxels[None]).float(), affine=torch.from_numpy(affine.copy()))


def centre_of(volume: MetaTensor) -> np.ndarray:
    """The centre of what is brighter than half of the brightest voxel, in the world."""
    voxels, affine = volume[0].numpy().astype(float), volume.affine.numpy()
    weight = np.where(voxels > 0.5 * voxels.max(), voxels, 0)
    index = np.stack(np.meshgrid(*map(np.arange, voxels.shape), indexing="ij"), axis=-1)
    mean = (index * weight[..., None]).sum(axis=(0, 1, 2)) / weight.sum()
    return affine[:3, :3] @ mean + affine[:3, 3]


@settings(max_examples=6)
@given(affine=affines(), turned=affines(), inside=st.tuples(*[st.floats(0.42, 0.58)] * 3))
def test_a_landmark_stays_within_half_a_voxel(affine: np.ndarray, turned: np.ndarray, inside: tuple) -> None:
    """Written, read, matched onto the anchor's grid, fused, written and read again."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    centre = affine[:3, :3] @ (np.array(inside) * (np.array(SHAPE) - 1)) + affine[:3, 3]
    width = 1.5 * spacing.max()
    other = np.eye(4)  # another orientation, with voxels of the anchor's middle size, about the same centre
    other[:3, :3] = turned[:3, :3] / np.linalg.norm(turned[:3, :3], axis=0) * spacing.max()
    other[:3, 3] = centre - other[:3, :3] @ ((np.array(SHAPE) - 1) / 2)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        paths = [Path(folder, f"{name}.nii.gz") for name in ("MR", "PET", "fused")]
        for path, grid in zip(paths, (affine, other), strict=False):
            WriteFused()(ball(grid, centre, width), path)
        sources = [ReadSource()(path) for path in paths[:2]]
        fuse = FuseDDFM(["MR", "PET"], network=IdentityPrior(), device="cpu", check_registration=False)
        WriteFused()(fuse(sources), paths[2])
        found = centre_of(ReadSource()(paths[2]))
        seen = centre_of(ReadSource()(paths[0]))  # the grid may cut the ball
    voxels_off = np.abs(np.linalg.solve(affine[:3, :3], found - seen))
    assert voxels_off.max() < 0.5


@settings(max_examples=15)
@given(
    values=arrays(np.float32, (1, 5, 6, 4), elements=st.floats(-3e4, 3e4, width=32)),
    scale=st.sampled_from([1e-4, 1.0, 300.0]),
    modality=st.sampled_from(["MR", "CT", "PT"]),
)
def test_dicom_out_and_in_is_equal_to_the_quantisation(values: np.ndarray, scale: float, modality: str) -> None:
    values = (np.abs(values) if modality == "PT" else values) * np.float32(scale)
    with tempfile.TemporaryDirectory() as folder:
        anchor = Path(folder, "anchor")
        anchor.mkdir()
        for k in range(4):
            classic_instance(k, modality, RescaleSlope=1, RescaleIntercept=0, Units="NONE").save_as(anchor / f"{k}.dcm")
        source = read_series(anchor, suv=False)
        identity = SeriesIdentity.from_meta(source.meta)
        assert identity is not None
        files = write_grey_series(values, source.affine, identity, [identity], Path(folder, "out"))
        again = read_series(files, suv=False)
        line = files_line(files[0])
    np.testing.assert_array_equal(again.affine.numpy(), source.affine.numpy())
    step = (
        max(float(np.ptp(values)), float(np.abs(values).max())) / 32767 if modality == "PT" else np.ptp(values) / 65535
    )
    rounded = modality == "MR" and line is None
    back = again.numpy() if line is None else again.numpy() * line[0] + line[1]
    tolerance = 0.5 if rounded else 0.5 * step + 1e-6 * float(np.abs(values).max()) + 1e-30
    assert np.abs(back - values).max() <= tolerance * 1.001


def files_line(file: Path) -> tuple[float, float] | None:
    """The line that MR, which has no rescale, tells in its real-world value mapping."""
    from pydicom import dcmread

    mapping = dcmread(file).get("RealWorldValueMappingSequence")
    return None if not mapping else (mapping[0].RealWorldValueSlope, mapping[0].RealWorldValueIntercept)


FINITE = st.floats(allow_nan=False, allow_infinity=False, width=32)


@settings(max_examples=20)
@given(
    mr=arrays(np.float32, (1, 9, 8, 3), elements=FINITE),
    pet=arrays(np.float32, (1, 9, 8, 3), elements=FINITE),
    maps=st.sampled_from([(), ("provenance", "novelty")]),
)
def test_finite_numbers_give_finite_numbers_or_a_reason(mr: np.ndarray, pet: np.ndarray, maps: tuple) -> None:
    fuse = FuseDDFM(["MR", "PET"], network=IdentityPrior(), device="cpu", maps=maps, check_registration=False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fused = fuse([torch.from_numpy(mr), torch.from_numpy(pet)])
    except ValueError as error:
        assert any(word in str(error) for word in ("MR", "PET", "source"))
    else:
        assert fused.isfinite().all()


WAYS: dict[str, list[dict[str, int]]] = {
    "slices_per_batch": [{"slices_per_batch": count} for count in (1, 3, 64)],
    "threads": [{"threads": count} for count in (1, 2, 3)],
    "slab": [{"slab": count} for count in (1, 7, 1000)],  # of nine slices: cuts lie beyond what windows reach
}


@pytest.mark.parametrize("setting", WAYS)
@pytest.mark.parametrize("fusion", [{}, {"spatial_dims": 2}, {"preset": "paper"}, {"preset": "reference"}], ids=str)
def test_the_same_bytes(fusion: dict, setting: str, tmp_path: Path) -> None:
    """For any number of slices at once and of threads, in the written file; nine slices leave a lone one to eight.

    Where a slab cuts within reach, see tests/pipeline/test_numbers.py: it shows by less than 1e-4 of the range.
    """
    prior, asked = UNetPrior(tiny_unet()), []
    hook = prior.register_forward_hook(lambda _, inputs, answer: asked.append(inputs[0].shape))
    sources = [1000 * torch.rand(1, 16, 12, 9, generator=torch.Generator().manual_seed(k)) for k in (1, 2)]
    written = set()
    for number, way in enumerate([{}, *WAYS[setting]]):
        fuse = FuseDDFM(["MR", "PET"], network=prior, steps=2, device="cpu", precision="float32",
                        check_registration=False, **fusion, **way)  # fmt: skip
        WriteFused()(fuse(sources), path := tmp_path / f"{number}.nii")
        written.add(path.read_bytes())
    assert asked or not fusion
    hook.remove()
    assert len(written) == 1


@pytest.mark.parametrize("shape", [(64, 64, 9), (91, 109, 6), (30, 30, 20), (64, 64, 1)], ids=str)
def test_noisy_sources_give_the_same_bytes_on_any_number_of_threads(shape: tuple) -> None:
    """Noise measured, sources cleaned, draws: at sizes at which each part of it was found to round otherwise."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 1, 9, 9, 2, generator=generator)
    smooth = 1000 * torch.nn.functional.interpolate(coarse, shape, mode="trilinear", align_corners=True)
    sources = list(smooth + 60 * torch.randn(smooth.shape, generator=generator))
    fused = []
    for threads in (1, 3):
        fuse = FuseDDFM(["MR", "CT"], network=UNetPrior(tiny_unet()), device="cpu", precision="float32",
                        maps=("provenance", "uncertainty"), uncertainty_seeds=2, check_registration=False,
                        threads=threads)  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no affine
            fused.append(fuse(sources))
        assert all("cleaned" in note for note in notes_of(fused[-1]))
    assert all(torch.equal(one, fused[0]) for one in fused)
