# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The pages of a run, of a run that failed, and made again from what it left."""

from __future__ import annotations

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from monai_ddfm.__main__ import main
from monai_ddfm.cohort.rebuild import rebuild_pages
from tests.cohort.small_cohort import make_cases, run_small


def layers_of(page: Path) -> dict[str, Any]:
    """The layers in a page by their name, each with its volume."""
    found = re.search(r'<script type="application/json" id="layers">(.*?)</script>', page.read_text(), re.DOTALL)
    assert found is not None
    layers = {layer["name"]: layer for layer in json.loads(found[1])}
    for layer in layers.values():
        layer["image"] = nibabel.Nifti1Image.from_bytes(gzip.decompress(base64.b64decode(layer["data"])))
    return layers


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two cases, one of which covers the anchor by a third, and their results."""
    folder = tmp_path_factory.mktemp("reports")
    cases = make_cases(folder / "cases", 2)
    image = nibabel.load(cases / "case_1" / "PET.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj)[:5], image.affine), cases / "case_1" / "PET.nii.gz")
    run_small(cases, folder / "out", maps="$['provenance', 'novelty']")
    return cases, folder / "out"


def test_every_source_is_there_in_its_own_units(run: tuple[Path, Path]) -> None:
    cases, out = run
    layers = layers_of(out / "case_0_report.html")
    assert list(layers) == ["MR", "PET", "fused", "provenance:PET", "novelty", "projection:PET"]
    for key in ("MR", "PET"):
        source = nibabel.load(cases / "case_0" / f"{key}.nii.gz")
        step = 890 / 4095
        assert np.abs(layers[key]["image"].get_fdata() - source.get_fdata()).max() < 0.6 * step
        assert np.allclose(layers[key]["image"].affine, source.affine)
    fused = nibabel.load(out / "case_0_fused.nii.gz").get_fdata()
    assert np.abs(layers["fused"]["image"].get_fdata() - fused).max() < 0.6 * step
    share = nibabel.load(out / "case_0_provenance.nii.gz").get_fdata()[..., 1]
    assert np.abs(layers["provenance:PET"]["image"].get_fdata() - 100 * share).max() < 0.3


def test_the_record_says_what_the_page_says(run: tuple[Path, Path]) -> None:
    _, out = run
    record = json.loads((out / "case_1.json").read_text())
    assert record["geometry"]["PET"] == {
        "shape": [5, 12, 3],
        "spacing": [2.0, 2.0, 3.0],
        "axes": "RAS",
        "overlap": 0.3333,
    }
    assert record["geometry"]["fused"]["shape"] == [16, 12, 3]
    (warning,) = record["warnings"]
    assert "covers only 33%" in warning
    assert json.loads((out / "case_0.json").read_text())["warnings"] == []
    assert record["registration"] == {"PET": "not checked, as was asked"}
    assert set(record["seconds"]) == {"load", "fuse"} and record["memory"]["process"] > 2**20
    page = (out / "case_1_report.html").read_text()
    assert "covers only 33%" in page and "16 x 12 x 3" in page
    assert str(out.parent) not in page  # folders are often called after patients


def test_the_index_leads_to_every_report(run: tuple[Path, Path]) -> None:
    _, out = run
    index = (out / "index.html").read_text()
    assert "2 finished" in index
    assert re.findall(r'<th scope="row"><a href="([^"]*)"', index) == ["case_0_report.html", "case_1_report.html"]
    assert index.count("data:image/jpeg;base64,") == 2


def test_made_again_from_records_and_files(run: tuple[Path, Path], tmp_path: Path) -> None:
    _, out = run
    page = out / "case_0_report.html"
    before, text = layers_of(page), page.read_text()
    page.unlink()
    (out / "index.html").unlink()
    assert main(["report", str(out), "-q"]) == 0
    again = layers_of(page)
    assert list(again) == list(before)
    for name, layer in before.items():
        assert np.allclose(again[name]["image"].get_fdata(), layer["image"].get_fdata(), atol=0.3), name
    data = re.compile(r'<script type="application/json".*?</script>', re.DOTALL)
    assert data.sub("", page.read_text()) == data.sub("", text)
    assert (out / "index.html").exists()


def test_sources_that_are_gone_are_said(run: tuple[Path, Path], tmp_path: Path) -> None:
    cases, out = run
    away = (cases / "case_0").rename(tmp_path / "away")
    try:
        rebuild_pages(out)
        assert list(layers_of(out / "case_0_report.html")) == ["fused", "provenance:PET", "novelty"]
        assert "no longer where they were (MR, PET)" in (out / "case_0_report.html").read_text()
    finally:
        away.rename(cases / "case_0")
        rebuild_pages(out)


def test_a_failed_case_says_why(tmp_path: Path) -> None:
    cases = make_cases(tmp_path / "cases", 2)
    (cases / "case_0" / "PET.nii.gz").write_bytes(b"")
    with pytest.raises(RuntimeError, match="1 of 2 cases failed"):
        run_small(cases, tmp_path / "out")
    page = (tmp_path / "out" / "case_0_report.html").read_text()
    reason = json.loads((tmp_path / "out" / "summary.json").read_text())["cases"][0]["reason"]
    assert "Why it failed" in page and reason.rpartition("PET.nii.gz")[2] in page
    assert "1 failed, 1 finished" in (tmp_path / "out" / "index.html").read_text()
    (tmp_path / "out" / "case_0_report.html").unlink()
    assert len(rebuild_pages(tmp_path / "out")) == 2
    assert "Why it failed" in (tmp_path / "out" / "case_0_report.html").read_text()


def test_a_failure_does_not_take_an_earlier_report(tmp_path: Path) -> None:
    cases = make_cases(tmp_path / "cases", 2)
    run_small(cases, tmp_path / "out")
    with pytest.raises(RuntimeError, match="2 of 2 cases failed"):
        run_small(cases, tmp_path / "out", steps=3)
    assert "Why it failed" not in (tmp_path / "out" / "case_0_report.html").read_text()


def test_pages_can_be_left_out(tmp_path: Path) -> None:
    run_small(make_cases(tmp_path / "cases", 1), tmp_path / "out", report=False)
    assert not list((tmp_path / "out").glob("*.html"))


def test_an_index_of_somebody_else_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("mine")
    run_small(make_cases(tmp_path / "cases", 1), tmp_path / "out")
    assert (tmp_path / "out" / "index.html").read_text() == "mine"
    assert "is not a report, and is kept" in caplog.text


def test_nothing_to_report_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path / "no")]) == 1
    assert main(["report", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "no such folder" in said and "no record (CASE.json)" in said


def test_the_record_repeats_the_run(tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = make_cases(tmp_path / "cases", 1) / "case_0"
    words = [str(case / "MR.nii.gz"), str(case / "PET.nii.gz"), "-o", str(tmp_path / "first"), "--seed", "4", "-q"]
    assert main(["fuse", *words, "--set", "weights", str(tiny_weights), "--device", "cpu"]) == 0
    record = tmp_path / "first" / "MR.json"
    said = (tmp_path / "first" / "MR_report.html").read_text()
    assert "monai-ddfm fuse --record &#39;MR.json&#39; -o repeated" in said
    assert main(["fuse", "--record", str(record), "-o", str(tmp_path / "second"), "-q"]) == 0
    keys = [json.loads((tmp_path / run / "MR.json").read_text())["content_key"] for run in ("first", "second")]
    assert keys[0] == keys[1]
    first, second = (nibabel.load(tmp_path / run / "MR_fused.nii.gz").get_fdata() for run in ("first", "second"))
    assert np.array_equal(first, second)
    assert main(["fuse", "--record", str(case / "MR.nii.gz"), "-o", str(tmp_path / "third"), "-q"]) == 1
    assert "is no record of a run" in capsys.readouterr().err
