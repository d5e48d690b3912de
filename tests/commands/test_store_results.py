# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which files of a fusion go back to the archive, whatever the results are called."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from monai_ddfm.commands.dicomweb import store_results
from monai_ddfm.dicom.archive.dicomweb import DicomWebArchive
from monai_ddfm.pipeline import FusionConfig
from monai_ddfm.pipeline.names import series_suffix


class Keeping(DicomWebArchive):
    """An archive that only remembers what it was given."""

    def __init__(self) -> None:
        super().__init__("http://localhost:1/dicom-web")
        self.given: list[Path] = []

    def store(self, files: Iterable[str | Path]) -> list[str]:
        self.given = [Path(file) for file in files]
        return [str(file) for file in self.given]


@pytest.mark.parametrize("suffix", ["fused", "mixed", ""])
def test_a_series_is_stored_under_any_name(tmp_path: Path, suffix: str) -> None:
    config = FusionConfig.of(output_dir=tmp_path, fused_suffix=suffix, output_format="dicom")
    series = tmp_path / f"p01_{series_suffix(config)}"
    series.mkdir()
    written = [series / "1.dcm", series / "2.dcm", tmp_path / "p01_colour.dcm"]
    for file in written:
        file.write_bytes(b"")
    archive = Keeping()
    assert store_results(archive, config, "p01") == 3
    assert archive.given == written


def test_no_results_are_an_error_and_no_silence(tmp_path: Path) -> None:
    config = FusionConfig.of(output_dir=tmp_path, fused_suffix="mixed", output_format="dicom")
    with pytest.raises(FileNotFoundError, match="p01_mixed: no DICOM results of case p01 to store"):
        store_results(Keeping(), config, "p01")
