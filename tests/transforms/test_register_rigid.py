# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Rigid registration: a known displacement is undone, registered volumes stay where they are."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.transforms.motion import REGISTRATION_KEY
from monai_ddfm.transforms.register_rigid import RegisterRigid, RegisterRigidd

STUDY = Path(__file__).parents[2] / "bundle/example/dicom_sts_013"


def body(contrast: int, affine: np.ndarray | None = None) -> MetaTensor:
    """An ellipsoid with three inclusions on 48 x 44 x 40 voxels of 2 mm: two contrasts of one anatomy."""
    grid = np.stack(np.meshgrid(*[np.arange(float(n)) for n in (48, 44, 40)], indexing="ij"), axis=-1) * 2.0
    values = np.zeros(grid.shape[:3])
    parts = [
        ((46, 42, 38), (36, 30, 32), 40, 90),
        ((35, 40, 40), (8, 10, 7), 90, 20),
        ((60, 50, 34), (7, 6, 9), 10, 60),
        ((48, 30, 50), (10, 5, 6), 70, 120),
    ]
    for centre, radii, first, second in parts:
        inside = (((grid - centre) / radii) ** 2).sum(axis=-1) < 1
        values[inside] = (first, second)[contrast]
    values += np.random.default_rng(contrast).normal(0, 1, values.shape)
    affine = np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine
    return MetaTensor(torch.from_numpy(values.astype(np.float32))[None], affine=affine)


def rigid(shift: tuple[float, float, float], degrees: float) -> np.ndarray:
    angle, middle = np.radians(degrees), np.array([46.0, 42, 38])
    motion = np.eye(4)
    motion[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    motion[:3, 3] = middle - motion[:3, :3] @ middle + shift
    return motion


def corner_error(volume: MetaTensor, affine: np.ndarray) -> float:
    """Largest distance (mm) between where a volume's corners are and where they should be."""
    corners = np.array([[*c, 1] for c in product(*[(0, n - 1) for n in volume.shape[1:]])])
    return float(np.linalg.norm((corners @ (volume.affine.numpy() - affine).T)[:, :3], axis=1).max())


@pytest.mark.parametrize("flipped", [False, True], ids=["right-handed", "left-handed"])
def test_displacement_is_undone(flipped: bool, caplog) -> None:
    anchor, moving = body(0), body(1)
    true_affine = moving.affine.numpy()
    if flipped:
        true_affine = true_affine @ np.array([[-1, 0, 0, 47], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
        moving = MetaTensor(moving.as_tensor().flip(1), affine=true_affine)
    moving.affine = torch.as_tensor(rigid((7, -5, 4), 6) @ true_affine)
    assert corner_error(moving, true_affine) > 9
    caplog.set_level("INFO", logger="monai_ddfm.transforms.register_rigid")
    registered = RegisterRigid()(moving, anchor, "PET", "MR")
    assert corner_error(registered, true_affine) < 0.7
    assert torch.equal(registered.as_tensor(), moving.as_tensor())  # only the affine moves
    said = re.search(r"rigid registration of PET to MR .*: turned ([0-9.]+) degrees, centre moved", caplog.text)
    assert said is not None and float(said[1]) == pytest.approx(6, abs=0.3)
    assert registered.meta[REGISTRATION_KEY] in caplog.text
    assert REGISTRATION_KEY not in moving.meta


def test_result_is_repeatable() -> None:
    moving = body(1, rigid((5, 0, 0), 3) @ np.diag([2.0, 2, 2, 1]))
    first, second = (RegisterRigid(seed=3)(moving, body(0)).affine for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=1e-5)  # of a millimetre


def test_registered_volume_stays() -> None:
    moving = body(1)
    registered = RegisterRigid()(moving, body(0))
    assert torch.equal(registered.affine, moving.affine)
    assert "is kept" in registered.meta[REGISTRATION_KEY]


def test_real_registered_sources_stay() -> None:
    sources = {modality: read_series(STUDY, modality=modality) for modality in ("MR", "PET")}
    assert torch.equal(RegisterRigidd(["MR", "PET"])(sources)["PET"].affine, sources["PET"].affine)


def test_far_apart_volumes_need_their_centres_first() -> None:
    true_affine = np.diag([2.0, 2, 2, 1])
    moving = body(1, rigid((500, 0, 0), 0) @ true_affine)
    with pytest.raises(ValueError, match=r"do not overlap in space.*centre_first"):
        RegisterRigid()(moving, body(0))
    registered = RegisterRigid(centre_first=True)(moving, body(0))
    assert corner_error(registered, true_affine) < 0.7
    assert "centre moved 500.0 mm" in registered.meta[REGISTRATION_KEY]


def test_what_cannot_be_registered() -> None:
    thin = body(1)[..., :5]
    with pytest.raises(ValueError, match="96 x 88 x 10 mm is too thin"):
        RegisterRigid()(MetaTensor(thin.as_tensor(), affine=body(1).affine), body(0))
    sheared = np.diag([2.0, 2, 2, 1])
    sheared[0, 2] = 1.0
    with pytest.raises(ValueError, match="sheared"):
        RegisterRigid()(body(1, sheared), body(0))
    with pytest.raises(ValueError, match="share of voxels"):
        RegisterRigid(sampling=0)
    with pytest.raises(ValueError, match="above 0"):
        RegisterRigid(spacing=0)


def test_dictionary_version_moves_all_but_the_first() -> None:
    moving = body(1, rigid((6, 0, 3), 4) @ np.diag([2.0, 2, 2, 1]))
    sources = {"MR": body(0), "PET": moving, "name": "case"}
    out = RegisterRigidd(["MR", "PET"])(sources)
    assert out["MR"] is sources["MR"] and out["name"] == "case"
    assert corner_error(out["PET"], np.diag([2.0, 2, 2, 1])) < 0.7
    assert sources["PET"] is moving
