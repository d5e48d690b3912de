# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Regions in numbers: every one against what can be worked out by hand."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ddfm.transforms import MeasureRegions, MeasureRegionsd, WriteRegionsd


def volume(values: torch.Tensor, spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), **meta: object) -> MetaTensor:
    return MetaTensor(
        values, affine=torch.diag(torch.tensor([*spacing, 1.0])), meta={**meta, "filename_or_obj": "x.nii"}
    )


def drawn() -> tuple[MetaTensor, MetaTensor]:
    """Two regions of 2 x 2 x 2 mm voxels, and an image that counts its voxels."""
    image = volume(torch.arange(1000.0).view(1, 10, 10, 10), (2, 2, 2))
    labels = torch.zeros(1, 10, 10, 10)
    labels[:, 2:4, 2:4, 2:4] = 1
    labels[:, 6:9, 5, 5] = 3
    return image, volume(labels, (2, 2, 2))


def test_every_number_of_two_regions() -> None:
    image, labels = drawn()
    first, second = MeasureRegions([50, 90], units={"CT": "HU"})(labels, {"CT": image})
    inside = image[0, 2:4, 2:4, 2:4].numpy()
    assert (first["region"], first["label"], first["image"], first["unit"], first["voxels"]) == ("1", 1, "CT", "HU", 8)
    assert first["volume_ml"] == pytest.approx(8 * 8 / 1000)
    for name, expected in (("mean", inside.mean()), ("std", inside.std()), ("min", 222), ("max", 333)):
        assert first[name] == pytest.approx(float(expected))
    assert first["p90"] == pytest.approx(np.percentile(inside, 90))
    assert (second["label"], second["voxels"], second["p50"]) == (3, 3, 755)


def test_peak_is_the_largest_mean_over_a_sphere_of_one_cubic_centimetre() -> None:
    hot = torch.zeros(1, 21, 21, 21)
    hot[:, 10, 10, 10] = 1000.0
    labels = torch.zeros(1, 21, 21, 21)
    labels[:, 10, 10, 8:12] = 1
    (row,) = MeasureRegions()(volume(labels), {"PT": volume(hot)})
    voxels = sum((x * x + y * y + z * z) <= 6.2035**2 for x in range(-6, 7) for y in range(-6, 7) for z in range(-6, 7))
    assert row["peak"] == pytest.approx(1000 / voxels)
    flat = MeasureRegions()(volume(labels), {"PT": volume(torch.full((1, 21, 21, 21), 5.0))})[0]
    assert flat["peak"] == pytest.approx(5.0)
    coarse = MeasureRegions()(volume(labels, (9, 9, 9)), {"PT": volume(hot, (9, 9, 9))})[0]
    assert coarse["peak"] == pytest.approx(coarse["max"]) == 1000.0  # the sphere is smaller than a voxel


def test_regions_on_another_grid_are_resampled_by_label_and_this_is_said(caplog: pytest.LogCaptureFixture) -> None:
    image, _ = drawn()
    fine = torch.zeros(1, 20, 20, 20)
    fine[:, 4:8, 4:8, 4:8] = 7
    labels = volume(fine, (1, 1, 1))
    labels.affine[:3, 3] = -0.5  # a voxel of 2 mm holds eight of 1 mm
    with caplog.at_level(logging.INFO, "monai_ddfm"):
        (row,) = MeasureRegions(labels={"liver": 7})(labels, {"CT": image})
    assert (row["region"], row["label"], row["voxels"], row["max"]) == ("liver", 7, 8, 333)
    assert row["volume_ml"] == pytest.approx(0.064)
    assert "is on another grid than" in caplog.text


def test_shares_of_the_sources() -> None:
    image, labels = drawn()
    shares = torch.zeros(2, 10, 10, 10)
    shares[0, :5], shares[1, 5:] = 1.0, 1.0
    rows = MeasureRegions()(labels, {"MR": image}, volume(shares, (2, 2, 2)), ["MR", "PET"])
    provenance = [row for row in rows if row["image"] == "provenance"]
    assert [(row["label"], row["share_MR"], row["share_PET"]) for row in provenance] == [(1, 1.0, 0.0), (3, 0.0, 1.0)]


@pytest.mark.parametrize(
    ("change", "named", "words"),
    [
        (lambda labels: labels * 0, None, "every voxel is 0, there is no region"),
        (lambda labels: labels * 0.5, None, "not a label map"),
        (lambda labels: labels, {"tumour": 2}, r"no voxel has the label tumour \(2\); there are 1, 3"),
    ],
)
def test_regions_that_are_none(change: object, named: dict[str, int] | None, words: str) -> None:
    image, labels = drawn()
    with pytest.raises(ValueError, match=rf"x\.nii: {words}"):
        MeasureRegions(labels=named)(change(labels), {"CT": image})  # type: ignore[operator]


def test_arguments_out_of_range() -> None:
    with pytest.raises(ValueError, match="percentiles must be from 0 to 100"):
        MeasureRegions([101])
    with pytest.raises(ValueError, match="labels must be above 0"):
        MeasureRegions(labels={"air": 0})


def test_a_region_outside_an_image_has_no_voxels_there() -> None:
    image, labels = drawn()
    labels.affine[:3, 3] = 1000.0
    row = MeasureRegions()(labels, {"CT": image})[0]
    assert (row["voxels"], row["mean"], row["peak"]) == (0, None, None)


def test_as_tables(tmp_path: Path) -> None:
    image, labels = drawn()
    data = MeasureRegionsd("CT")({"CT": image, "regions": labels, "case": "p01"})
    WriteRegionsd("measured", tmp_path)(data)
    table = list(csv.DictReader((tmp_path / "p01_regions.csv").open()))
    rows = json.loads((tmp_path / "p01_regions.json").read_text())
    assert [row["region"] for row in table] == ["1", "3"]
    assert float(table[0]["mean"]) == rows[0]["mean"] == pytest.approx(277.5)
    with pytest.raises(FileExistsError):
        WriteRegionsd("measured", tmp_path)(data)
