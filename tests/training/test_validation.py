# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The validation table."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from torch import Tensor, nn

from monai_ddfm.priors import DiffusionPrior
from monai_ddfm.training import DenoisingTable, denoising_psnr, middle_slices


class Undone(DiffusionPrior):
    """Believes what it sees: x0 = x_t / √ᾱ_t, so that its error is σ."""

    def __init__(self) -> None:
        super().__init__(1, spatial_multiple=4)
        self.weight = nn.Parameter(torch.zeros(1))

    def predict_x0(self, x_t: Tensor, t: Tensor | int) -> Tensor:
        return x_t / float(self.alphas_cumprod[int(t)]) ** 0.5


def test_psnr_of_a_known_error() -> None:
    prior = Undone()
    sigma = float((1 / prior.alphas_cumprod[50] - 1).sqrt())
    found = denoising_psnr(prior, torch.zeros(8, 1, 64, 64), (50, 51))
    assert found == pytest.approx(20 * math.log10(2 / sigma), abs=0.1)


def test_middle_slices_cut_the_coarsest_axis_and_make_pixels_finer() -> None:
    affine = torch.diag(torch.tensor([4.0, 4.0, 5.0, 1.0], dtype=torch.float64))
    volume = MetaTensor(torch.arange(20.0).expand(1, 11, 10, 20) / 10 - 1, affine=affine)
    images = middle_slices(volume, 3, multiple=4)
    assert images.shape == (3, 1, 32, 28)  # 3 times finer, cut to multiples of 4
    values = images.mean(dim=(1, 2, 3))
    torch.testing.assert_close(values, torch.tensor([7.0, 10.0, 12.0]) / 10 - 1, atol=0.11, rtol=0)


def test_middle_slices_on_their_own_grid_across_any_axis() -> None:
    affine = torch.diag(torch.tensor([4.0, 4.0, 5.0, 1.0], dtype=torch.float64))
    volume = MetaTensor(torch.rand(1, 11, 10, 20), affine=affine)
    middle = volume[0, 4].as_subclass(torch.Tensor)  # 0.35 of 10
    assert torch.equal(middle_slices(volume, 2, pixel_mm=None, axis=0)[0, 0], middle)
    assert middle_slices(volume, 2, pixel_mm=None).shape == (2, 1, 11, 10)


def test_images_of_any_size_are_measured() -> None:
    assert denoising_psnr(Undone(), torch.zeros(2, 1, 7, 10), (50, 51)) == pytest.approx(21.0, abs=0.9)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_table_has_a_row_for_every_modality_and_bin_and_forgets_what_a_stopped_run_wrote(tmp_path: Path) -> None:
    volumes = [
        {"image": MetaTensor(torch.zeros(1, 16, 16, 12)), "modality": "MR"},
        {"image": MetaTensor(torch.zeros(1, 16, 16, 8)), "modality": "CT"},
    ]
    table = DenoisingTable(tmp_path / "v.csv", Undone(), volumes, bins=(0, 100, 1000), slices=2, dtype=None)
    engine = Engine(lambda engine, batch: None)
    for epoch in (1, 2, 3, 2):
        engine.state.epoch = epoch
        table(engine)
    rows = rows_of(tmp_path / "v.csv")
    assert [(row["epoch"], row["modality"], row["t_from"]) for row in rows] == [
        (str(epoch), modality, first) for epoch in (1, 2) for modality in ("CT", "MR") for first in ("0", "100")
    ]
    assert rows[0]["psnr"] == rows[4]["psnr"]  # the same noise at every epoch
    assert float(rows[0]["psnr"]) > float(rows[1]["psnr"])
    assert float(rows[0]["sigma_to"]) == pytest.approx(float((1 / Undone().alphas_cumprod[99] - 1).sqrt()), abs=1e-4)
