# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The Blending Softcopy Presentation State: valid, and what DCMTK makes of its windows is what we meant."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.derivation import Derivation
from monai_ddfm.dicom.write.softcopy_blending import write_softcopy_blending
from tests.dicom.shipped_study import FOLDERS, identity
from tests.dicom.validators import needs_validators, validator_errors

WINDOWS = {"MR": (50.0, 700.0), "CT": (-100.0, 900.0)}
needs_dcmtk = pytest.mark.skipif(
    shutil.which("dcm2pnm") is None, reason="needs dcm2pnm (Debian: apt-get install dcmtk)"
)


def write(file: Path, anchor: str = "MR", over: str = "CT", pseudonym: Pseudonym | None = None) -> pydicom.Dataset:
    windows = {identity(modality).series_instance_uid: window for modality, window in WINDOWS.items()}
    write_softcopy_blending(identity(anchor), identity(over), file, windows, Derivation(seed=3), pseudonym=pseudonym)
    return pydicom.dcmread(file)


@needs_validators
@pytest.mark.parametrize(("anchor", "over"), [("MR", "CT"), ("CT", "MR")])
@pytest.mark.parametrize("pseudonym", [None, Pseudonym("ANON", key="k")], ids=["identified", "de-identified"])
def test_validators_find_no_error(tmp_path: Path, anchor: str, over: str, pseudonym: Pseudonym | None) -> None:
    write(tmp_path / "b.dcm", anchor, over, pseudonym)
    assert validator_errors([tmp_path / "b.dcm"]) == []


def rendered(file: Path, window: pydicom.Dataset, target: Path) -> np.ndarray:
    """The slice in 8 bits, by DCMTK, with the rescale of the file and a window of the state."""
    edges = [str(window.WindowCenter), str(window.WindowWidth)]
    subprocess.run(["dcm2pnm", "+Ww", *edges, str(file), str(target)], check=True, capture_output=True)
    return np.asarray(Image.open(target), dtype=float)


@needs_dcmtk
def test_dcmtk_renders_what_is_meant(tmp_path: Path) -> None:
    state = write(tmp_path / "b.dcm")
    under, over = state.BlendingSequence
    assert (under.BlendingPosition, over.BlendingPosition) == ("UNDERLYING", "SUPERIMPOSED")
    shown = {}
    for item, modality in ((under, "MR"), (over, "CT")):
        (series,) = item.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == identity(modality).series_instance_uid
        volume, (low, high) = read_series(FOLDERS[modality], suv=False)[0].numpy(), WINDOWS[modality]
        uids = [one.sop_instance_uid for one in identity(modality).instances]
        assert [one.ReferencedSOPInstanceUID for one in series.ReferencedImageSequence] == uids
        for k in (4, 12, 20):
            picture = rendered(
                Path(identity(modality).instances[k].path), item.SoftcopyVOILUTSequence[0], tmp_path / "a.pgm"
            )
            meant = 255 * ((volume[:, :, k].T - low) / (high - low)).clip(0, 1)
            assert np.abs(picture - meant).max() <= 2.0
        shown[modality] = picture
    # the superimposed series' colours: hot iron, which begins black and ends white, red first
    tables = [np.frombuffer(state[f"{c}PaletteColorLookupTableData"].value, "<u2") for c in ("Red", "Green", "Blue")]
    assert [len(table) for table in tables] == [256, 256, 256]
    assert [int(table[0]) for table in tables] == [0, 0, 0] and [int(table[-1]) for table in tables] == 3 * [65535]
    coloured = np.stack([table[shown["CT"].astype(int)] for table in tables])
    assert (coloured[0] >= coloured[1]).all() and (coloured[1] >= coloured[2]).all() and coloured.max() > 20000
    assert state.RelativeOpacity == 0.5


def test_a_series_rescaled_slice_by_slice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is rescaled slice by slice, which it has no room for; leave"):
        write(tmp_path / "b.dcm", over="PT")


def test_a_state_of_its_own(tmp_path: Path) -> None:
    state = write(tmp_path / "b.dcm")
    assert state.SOPClassUID == "1.2.840.10008.5.1.4.1.1.11.4"
    assert state.file_meta.MediaStorageSOPInstanceUID == state.SOPInstanceUID
    assert "AdvancedBlendingSequence" not in state and "BlendingDisplaySequence" not in state
    assert len(state.DisplayedAreaSelectionSequence) == 2
    again = write(tmp_path / "again.dcm")
    assert again.SOPInstanceUID == state.SOPInstanceUID
