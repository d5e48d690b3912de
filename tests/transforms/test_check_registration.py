# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Registered real sources pass; displaced ones, and ones that do not belong together, do not."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from monai_ddfm.dicom.identity import IDENTITY_KEY, SeriesIdentity
from monai_ddfm.dicom.read.reader import read_series
from monai_ddfm.transforms.check_registration import CheckRegistration, CheckRegistrationd, RegistrationCheck
from monai_ddfm.transforms.motion import REGISTRATION_KEY

STUDY = Path(__file__).parents[2] / "bundle/example/dicom_sts_013"


@pytest.fixture(scope="module")
def sources() -> dict[str, MetaTensor]:
    return {modality: read_series(STUDY, modality=modality) for modality in ("MR", "CT", "PET")}


def displaced(volume: MetaTensor, shift: tuple[float, float, float], degrees: float = 0.0) -> MetaTensor:
    """Move a volume by a shift (mm, RAS) and turn it about its middle's inferior-superior axis."""
    angle = np.radians(degrees)
    turn = np.eye(4)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine = volume.affine.numpy()
    middle = (affine @ [*(np.array(volume.shape[1:]) / 2), 1])[:3]
    turn[:3, 3] = middle - turn[:3, :3] @ middle + shift
    moved = volume.clone()
    moved.affine = torch.as_tensor(turn @ affine)
    return moved


def with_identity(volume: MetaTensor, **changes: str) -> MetaTensor:
    identity = SeriesIdentity.from_meta(volume.meta)
    assert identity is not None
    changed = volume.clone()
    changed.meta[IDENTITY_KEY] = SeriesIdentity(**{**vars(identity), **changes}).to_json()
    return changed


def test_registered_sources_pass_without_a_warning(sources: dict[str, MetaTensor]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        passed = CheckRegistrationd(["MR", "CT", "PET"])(sources)
    assert passed["PET"] is sources["PET"]


@pytest.mark.parametrize("moving", ["CT", "PET"])
@pytest.mark.parametrize(
    ("shift", "degrees", "remedy"),
    [
        ((10.0, 0, 0), 0, r"moved [+-][0-9]+ mm left-right"),
        ((0, -10.0, 0), 0, r"moved [+-][0-9]+ mm posterior-anterior"),
        ((0, 0, 0), 15.0, "turned [+-][0-9]+ degrees about the inferior-superior axis"),
    ],
)
def test_displaced_source_is_found(sources, moving: str, shift, degrees: float, remedy: str) -> None:
    with pytest.warns(UserWarning, match=rf"MR and {moving} may not be registered: with (MR|{moving}) {remedy}"):
        CheckRegistrationd(["MR", moving])({"MR": sources["MR"], moving: displaced(sources[moving], shift, degrees)})


def test_what_was_found_is_said_in_words(sources, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="monai_ddfm"):
        found = CheckRegistration()(sources["CT"], sources["MR"], "CT", "MR")
    (said,) = caplog.messages
    assert said.startswith("MR and CT: registered as far as their content shows: ")
    assert said.endswith(f"({found.information:.3f} nats on {found.points} points)")
    assert "RegistrationCheck" not in said and "=" not in said


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.5, 0.4), "they share most information where their headers put them (0.500 nats on 900 points)"),
        (
            (0.5, 0.6),
            "with CT moved 5 mm they share 20% more information than where their headers put them (0.500 nats",
        ),
        ((0.0, 0.6), "with CT moved 5 mm they share information, and none where their headers put them (0.000 nats"),
    ],
)
def test_words_of_the_content_check(numbers: tuple[float, float], words: str) -> None:
    assert RegistrationCheck(*numbers, "CT moved 5 mm", 900).in_words().startswith(words)


def test_numbers_of_the_content_check(sources) -> None:
    found = CheckRegistration()(sources["CT"], sources["MR"])
    assert found is not None and found.information > 0.3 and found.gain < 0.1 and found.points > 1000
    assert found.gain == pytest.approx(found.best / found.information - 1)


@pytest.mark.parametrize(
    ("changes", "what", "option"),
    [
        ({"patient_id": "other"}, "patients", "allow_different_patient"),
        ({"study_instance_uid": "1.2"}, "studies", "allow_different_study"),
        ({"frame_of_reference_uid": "1.2"}, "frames of reference", "allow_different_frame"),
    ],
)
def test_sources_that_do_not_belong_together(sources, changes: dict[str, str], what: str, option: str) -> None:
    other = with_identity(sources["PET"], **changes)
    with pytest.raises(ValueError, match=f"different {what}"):
        CheckRegistration()(other, sources["MR"])
    assert CheckRegistration(**{option: True})(other, sources["MR"]) is not None


def test_frame_of_reference_does_not_count_after_registration(sources) -> None:
    other = with_identity(sources["PET"], frame_of_reference_uid="1.2")
    other.meta[REGISTRATION_KEY] = "rigid"
    assert CheckRegistration()(other, sources["MR"]) is not None


def test_no_overlap(sources) -> None:
    with pytest.raises(ValueError, match=r"MR and PET do not overlap in space .*MR .* to .*; PET .* to"):
        CheckRegistrationd(["MR", "PET"])({"MR": sources["MR"], "PET": displaced(sources["PET"], (900.0, 0, 0))})


def test_little_overlap_cannot_be_judged(sources) -> None:
    with pytest.warns(UserWarning, match="overlap too little"):
        assert CheckRegistration()(displaced(sources["PET"], (0, 0, 75.0)), sources["MR"]) is None
