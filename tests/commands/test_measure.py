# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``measure`` at its two doors: the command line and the bundle's workflow."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from monai.bundle import ConfigWorkflow

from monai_ddfm.__main__ import main
from monai_ddfm.bundle import BUNDLE_ROOT


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A CT, a PET, their fusion with shares, and a mask, all of 8 x 8 x 4 voxels of 3 mm."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "cases" / "p01"
    folder.mkdir(parents=True)
    (tmp_path / "out").mkdir()
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    mask = np.zeros((8, 8, 4), dtype=np.uint8)
    mask[2:5, 2:5, 1:3] = 1
    shares = np.stack([np.full((8, 8, 4), 0.75), np.full((8, 8, 4), 0.25)], axis=-1).astype(np.float32)
    for path, voxels in (
        (folder / "CT.nii.gz", rng.normal(40, 10, mask.shape).astype(np.float32)),
        (folder / "PET.nii.gz", rng.uniform(0, 9, mask.shape).astype(np.float32)),
        (folder / "regions.nii.gz", mask),
        (tmp_path / "out" / "p01_fused.nii.gz", rng.normal(40, 10, mask.shape).astype(np.float32)),
        (tmp_path / "out" / "p01_provenance.nii.gz", shares),
    ):
        nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return tmp_path


def expected(case: Path, name: str) -> np.ndarray:
    mask = nibabel.load(case / "cases" / "p01" / "regions.nii.gz").get_fdata()
    return nibabel.load(case / "cases" / "p01" / f"{name}.nii.gz").get_fdata()[mask > 0]


def check(case: Path, rows: list[dict[str, object]], region: str) -> None:
    by_image = {row["image"]: row for row in rows}
    assert set(by_image) == {"CT", "PET", "fused", "provenance"}
    assert by_image["CT"]["region"] == region and by_image["CT"]["unit"] == "HU"
    assert by_image["CT"]["mean"] == pytest.approx(expected(case, "CT").mean(), rel=1e-5)
    assert by_image["PET"]["max"] == pytest.approx(expected(case, "PET").max(), rel=1e-5)
    assert by_image["PET"]["volume_ml"] == pytest.approx(18 * 27 / 1000)
    assert (by_image["provenance"]["share_CT"], by_image["provenance"]["share_PET"]) == (0.75, 0.25)


def test_command(case: Path) -> None:
    sources = [str(case / "cases" / "p01" / name) for name in ("CT.nii.gz", "PET.nii.gz")]
    of_fusion = ["--fused", str(case / "out/p01_fused.nii.gz"), "--provenance", str(case / "out/p01_provenance.nii.gz")]
    regions = ["--regions", str(case / "cases/p01/regions.nii.gz"), "--labels", "lesion=1"]
    arguments = ["measure", *sources, *regions, *of_fusion, "-o", str(case / "a.csv")]
    assert main(arguments) == 0
    check(case, json.loads((case / "a.json").read_text()), "lesion")
    assert (case / "a.csv").read_text().startswith("region,label,image,unit,voxels,mean")
    assert main(arguments) == 1  # they exist


@pytest.mark.parametrize(
    ("labels", "words"),
    [("lesion=2", "no voxel has the label lesion (2); there are 1"), ("lesion", "expected NAME=NUMBER")],
)
def test_labels_that_are_none(case: Path, labels: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = case / "cases" / "p01"
    arguments = [str(folder / "CT.nii.gz"), "--regions", str(folder / "regions.nii.gz"), "--labels", labels]
    assert main(["measure", *arguments, "-o", str(case / "a")]) == 1
    assert words in capsys.readouterr().err


def test_bundle_workflow(case: Path) -> None:
    files = [str(BUNDLE_ROOT / "configs" / name) for name in ("inference.yaml", "measure.yaml")]
    running = ConfigWorkflow(
        files, workflow_type="infer", anchor="CT", sources=["PET"], dataset_dir=str(case / "cases"),
        output_dir=str(case / "out"),
    )  # fmt: skip
    running.initialize()
    running.run()
    check(case, json.loads((case / "out" / "regions" / "p01_regions.json").read_text()), "1")
