# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every kind of object, of every kind of anchor: what the validators say of it, and what it says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from monai.data import MetaTensor

from monai_ddfm.dicom.identity import SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.dicom.write.colour import write_colour_image
from monai_ddfm.dicom.write.deidentify import Pseudonym
from monai_ddfm.dicom.write.grey import write_grey_series
from monai_ddfm.dicom.write.parametric_map import write_parametric_map
from monai_ddfm.dicom.write.presentation import write_presentation_state
from monai_ddfm.dicom.write.softcopy_blending import reason_against_blending, write_softcopy_blending
from tests.dicom.shipped_study import identity, volume
from tests.dicom.validators import needs_validators, validator_errors, validator_warnings

# the attributes that they warn of, by the beginning of the words; why they stay as they are is in docs/dicom_writing.md
KNOWN_WARNINGS = {
    "Unrecognized defined term": {"ImageType", "RescaleType", "SharedFunctionalGroupsSequence ... FrameType"},
    "Value dubious": {"PatientName"},  # the shipped patient's
    "is only permitted to be empty": {"Laterality"},
    "Missing attribute": {"StudyDate", "StudyID", "StudyTime"},  # taken out with the identity
    "Attribute is not present": {  # in the older edition of the standard that dicom3tools knows
        "AdvancedBlendingSequence",
        "ContentDate",
        "ContentTime",
        "ReferencedImageSequence",
        "ReferencedSeriesSequence",
    },
}


def is_known(attribute: str, words: str) -> bool:
    known = next((names for start, names in KNOWN_WARNINGS.items() if words.startswith(start)), set())
    return attribute in known or attribute.partition(" ... ")[0] in known


def write_all(folder: Path, image: MetaTensor, other: str | None, pseudonym: Pseudonym | None) -> list[Path]:
    """All objects of a fusion of `image` with another series of the shipped study, by kind in their names."""
    anchor = SeriesIdentity.from_meta(image.meta)
    assert anchor is not None
    sources = [anchor] if other is None else [anchor, identity(other)]
    scaled = (image.as_tensor() - image.min()) / (image.max() - image.min())
    files = write_grey_series(image, image.affine, anchor, sources, folder / "grey", pseudonym=pseudonym)
    colour, map_file = folder / "colour.dcm", folder / "map.dcm"
    files.append(
        write_colour_image(
            scaled.as_tensor().repeat(3, 1, 1, 1), image.affine, anchor, sources, colour, pseudonym=pseudonym
        )
    )
    files.append(write_parametric_map(image, image.affine, anchor, sources, map_file, pseudonym=pseudonym))
    if other is not None:
        files.append(write_presentation_state(anchor, sources, folder / "overlay.dcm", pseudonym=pseudonym))
    if other is not None and not any(reason_against_blending(source) for source in sources):
        anchor, superimposed = sources
        files.append(write_softcopy_blending(anchor, superimposed, folder / "blending.dcm", pseudonym=pseudonym))
    return files


def kind_of_warning(line: str) -> tuple[str, str]:
    """The attribute that a warning is of, the outermost and the innermost of its path, and the words."""
    where, _, words = re.sub(r"<(?!/)[^>]*>.*", "", line.partition("Warning - ")[2]).rpartition(" - ")
    names = re.findall(r"(\w+)\(", where)
    return " ... ".join(dict.fromkeys([*names[:1], *names[-1:]])), (words or where).strip(" =")


@needs_validators
@pytest.mark.parametrize("pseudonym", [None, Pseudonym("ANON", key="k")], ids=["identified", "de-identified"])
@pytest.mark.parametrize("anchor", ["MR", "CT", "PT", "NM"])
def test_validators(
    tmp_path: Path, anchor: str, pseudonym: Pseudonym | None, make_nuclear_medicine: Callable[..., Path]
) -> None:
    if anchor == "NM":
        image, other = read_series(make_nuclear_medicine(slices=4)), None
    else:
        image, other = volume(anchor), "CT" if anchor == "MR" else "MR"
    files = write_all(tmp_path / "out", image, other, pseudonym)
    few = [file for file in files if file.parent.name != "grey" or file.stem in ("0001", "0002")]
    assert validator_errors(few) == []
    unknown = [line for line in validator_warnings(few) if not is_known(*kind_of_warning(line))]
    assert unknown == []
    for file in few:
        header = pydicom.dcmread(file, stop_before_pixels=True)
        said = [str(header.get(name, "")) for name in ("ImageComments", "ContentDescription", "DerivationDescription")]
        assert any("not for diagnostic use" in text for text in said), file.name
