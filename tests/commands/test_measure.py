# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``measure`` at its doors: the command line, the bundle's workflow, the transform."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from monai.bundle import ConfigWorkflow

from monai_ddfm.__main__ import main
from monai_ddfm.bundle import BUNDLE_ROOT
from monai_ddfm.transforms import MeasureRegionsd, ReadSourced
from tests.dicom.shipped_study import FOLDERS, volume


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


def test_units_that_are_none(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = case / "cases" / "p01"
    arguments = [str(folder / "CT.nii.gz"), "--regions", str(folder / "regions.nii.gz"), "--units", "PET=SUV"]
    assert main(["measure", *arguments, "-o", str(case / "a")]) == 1
    assert "found PET=SUV, expected NAME=UNIT with a name of CT" in capsys.readouterr().err


def test_the_three_doors_give_the_same_numbers(case: Path, caplog: pytest.LogCaptureFixture) -> None:
    """For a label map of two labels on a finer grid that stands off the images' own."""
    folder, out = case / "cases" / "p01", case / "out"
    labels = np.zeros((30, 30, 14), dtype=np.int16)
    labels[3:11, 4:12, 2:9], labels[15:22, 15:20, 3:7] = 1, 4
    affine = np.diag([0.8, 0.8, 0.8, 1.0])
    affine[:3, 3] = 0.3
    nibabel.save(nibabel.Nifti1Image(labels, affine), folder / "regions.nii.gz")
    files = {"CT": folder / "CT.nii.gz", "PET": folder / "PET.nii.gz", "regions": folder / "regions.nii.gz",
             "fused": out / "p01_fused.nii.gz", "provenance": out / "p01_provenance.nii.gz"}  # fmt: skip
    words = ["measure", str(files["CT"]), str(files["PET"]), "--units", "PET=SUV", "-o", str(case / "a")]
    for name in ("regions", "fused", "provenance"):
        words += [f"--{name}", str(files[name])]
    with caplog.at_level("INFO", "monai_ddfm"):
        assert main(words) == 0
    assert caplog.text.count("regions.nii.gz: is on another grid than") == 4  # once for each image

    run_bundle(case, region_units={"CT": "HU", "fused": "HU", "PET": "SUV"})
    for ending in (".csv", ".json"):
        assert (out / "regions" / f"p01_regions{ending}").read_text() == (case / f"a{ending}").read_text()

    units = {"CT": "HU", "fused": "HU", "PET": "SUV"}
    measure = MeasureRegionsd(["CT", "PET", "fused"], sources=["CT", "PET"], units=units)
    measured = measure(ReadSourced(list(files))({key: str(path) for key, path in files.items()}))["measured"]
    rows = json.loads((case / "a.json").read_text())
    assert measured == rows
    assert [(row["label"], row["image"]) for row in rows] == [
        (label, image) for image in ("CT", "PET", "fused", "provenance") for label in (1, 4)
    ]
    assert rows[0]["volume_ml"] == pytest.approx(8 * 8 * 7 * 0.512 / 1000)
    assert {row["image"]: row.get("unit") for row in rows}["PET"] == "SUV"


def test_dicom_is_measured_in_hu_and_suv(case: Path) -> None:
    """The hottest place of the shipped PET, drawn on its own grid, in CT and PET of that patient."""
    pet = volume("PT")
    drawn = np.zeros(pet.shape[1:], dtype=np.uint8)
    x, y, z = np.unravel_index(int(pet[0].argmax()), drawn.shape)
    drawn[x - 2 : x + 3, y - 2 : y + 3, z - 1 : z + 2] = 1
    nibabel.save(nibabel.Nifti1Image(drawn, pet.affine.numpy()), case / "hot.nii.gz")
    arguments = [str(FOLDERS["CT"]), str(FOLDERS["PT"]), "--regions", str(case / "hot.nii.gz")]
    assert main(["measure", *arguments, "-o", str(case / "a")]) == 0
    ct, of_pet = json.loads((case / "a.json").read_text())
    assert (ct["unit"], of_pet["unit"]) == ("HU", "SUVbw")
    assert of_pet["max"] == pytest.approx(float(pet.max())) and of_pet["voxels"] == 75
    assert of_pet["mean"] <= of_pet["peak"] <= of_pet["max"]
    assert -200 < ct["p5"] < ct["p95"] < 200  # soft tissue
    assert ct["voxels"] > 75 and ct["volume_ml"] == of_pet["volume_ml"]


def run_bundle(case: Path, **settings: object) -> None:
    files = [str(BUNDLE_ROOT / "configs" / name) for name in ("inference.yaml", "measure.yaml")]
    running = ConfigWorkflow(
        files, workflow_type="infer", anchor="CT", sources=["PET"], dataset_dir=str(case / "cases"),
        output_dir=str(case / "out"), **settings,
    )  # fmt: skip
    running.initialize()
    running.run()


def test_bundle_workflow(case: Path) -> None:
    run_bundle(case)
    check(case, json.loads((case / "out" / "regions" / "p01_regions.json").read_text()), "1")
