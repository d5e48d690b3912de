# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Pages as text: what strangers named is shown and never run, folders are not named, the viewer is the one recorded."""

from __future__ import annotations

import hashlib
import json
import re
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from monai_ddfm.report.case_page import CaseReport, case_page
from monai_ddfm.report.distribution import distributions
from monai_ddfm.report.index_page import IndexedCase, index_page
from monai_ddfm.report.layer import Layer
from monai_ddfm.report.page import write_page
from monai_ddfm.report.plain_text import without_folders

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Elements(HTMLParser):
    """Counts elements, and gathers what would be run or fetched."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.dangerous: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (
                name in ("src", "href") and re.match(r"(https?:|//|javascript:)", value or "")
            ):
                self.dangerous.append(f"{tag} {name}={value}")


def record(name: str = "p01") -> dict:
    return {
        "case": name,
        "inputs": {name: {"path": f"/home/doe_john/{name}.nii.gz", "sha256": "0" * 64}},
        "settings": {"seed": 3, "select": {"CT": name}},
        "warnings": [name],
        "geometry": {name: {"shape": [2, 3, 4], "spacing": [1, 1, 2.5], "axes": "RAS", "overlap": 0.5}},
        "registration": {name: name},
        "denoising": {name: name},
        "metrics": {"note": name, "values": {"SD": 1.5}},
    }


def layers(name: str) -> list[Layer]:
    voxels = np.zeros((2, 3, 4), np.float32)
    return [Layer(name, name, "source", voxels, np.eye(4), name), Layer("fused", "Fusion", "fusion", voxels, np.eye(4))]


@pytest.mark.parametrize("scripted", [False, True])
def test_names_of_strangers_are_no_markup(scripted: bool) -> None:
    shape = layers if scripted else lambda name: []
    plain, evil = (
        Elements(case_page(CaseReport(record(name), layers=shape(name), failure=name, notes=[name])))
        for name in ("p01", EVIL)
    )
    assert evil.names == plain.names
    assert evil.dangerous == []


def test_the_index_too() -> None:
    plain, evil = (
        Elements(index_page([IndexedCase(name, "failed", name, Path(f"{name}.html"))])) for name in ("p01", EVIL)
    )
    assert evil.names == plain.names
    assert evil.dangerous == []


def test_only_the_packages_scripts_may_run() -> None:
    page = case_page(CaseReport(record(), layers=layers("p01")))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None and "default-src 'none'" in policy[1]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    assert policy[1].count("'sha256-") == 2 and "unsafe-inline'; img" in policy[1]  # styles may stand inline
    assert "script-src 'none'" in case_page(CaseReport(record()))


def test_folders_are_named_only_when_asked() -> None:
    known = record() | {"warnings": ["/home/doe_john/p01.nii.gz: covers only 40% of /home/doe_john/MR.nii.gz"]}
    page = case_page(CaseReport(known, failure="/home/doe_john/p01.nii.gz: empty"))
    assert "doe_john" not in page
    assert "p01.nii.gz: covers only 40% of MR.nii.gz" in page
    asked = case_page(CaseReport(known, identity={"patient": "PatientID 7"}))
    assert "/home/doe_john/p01.nii.gz" in asked and "PatientID 7" in asked


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("/data/doe/a.nii.gz: bad", "a.nii.gz: bad"),
        ("see ../doe/a.nii and C:\\doe\\b.nii", "see a.nii and b.nii"),
        ("'/x y/doe/a.nii'", "'a.nii'"),
        ("g/ml and 1/2 stay, https://a.org/b too", "g/ml and 1/2 stay, https://a.org/b too"),
    ],
)
def test_paths_are_their_last_part(said: str, left: str) -> None:
    assert without_folders({"k": [said]}, ["/x y/doe/a.nii"]) == {"k": [left]}


def test_what_it_says() -> None:
    page = case_page(CaseReport(record(), defaults={"seed": 0, "select": {}}))
    for said in (
        "Not for diagnostic use",
        "2 x 3 x 4",
        "1 x 1 x 2.5",
        "50%",
        "--record &#39;p01.json&#39;",
        "SHA-256 000000",
    ):
        assert said in page


def test_the_index_and_a_failure_say_what_they_are_not_for() -> None:
    failed = case_page(CaseReport(record(), defaults={}, failure="ValueError: empty"))
    for page in (failed, index_page([IndexedCase("p01", "failed", "empty")])):
        assert "Not for diagnostic use" in page


def test_the_cohorts_distribution() -> None:
    found = distributions({"a": {"SD": 1.0, "MI": 2.0}, "b": {"SD": 3.0}, "c": {"SD": 2.0, "VIF": float("nan")}})
    assert list(found) == ["SD"]  # of one case nothing is distributed
    assert (found["SD"].low, found["SD"].median, found["SD"].high) == ("1", "2", "3")
    assert found["SD"].places == {"a": 0.0, "b": 1.0, "c": 0.5}


def test_a_file_of_somebody_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<p>mine")
    with pytest.raises(FileExistsError, match="is not a report, and is kept"):
        write_page(tmp_path / "index.html", index_page([]))
    (tmp_path / "index.html").unlink()
    write_page(tmp_path / "index.html", index_page([]))
    write_page(tmp_path / "index.html", index_page([IndexedCase("a", "finished")]))
    assert "1 finished" in (tmp_path / "index.html").read_text()


def test_the_viewer_is_the_one_that_is_recorded() -> None:
    vendor = files("monai_ddfm.report") / "vendor"
    known = json.loads((vendor / "niivue.json").read_text())
    assert hashlib.sha256((vendor / "niivue.umd.js").read_bytes()).hexdigest() == known["sha256"]
    assert "BSD 2-Clause" in (vendor / "niivue.LICENSE").read_text()
