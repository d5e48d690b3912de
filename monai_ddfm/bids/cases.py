# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Which images of a BIDS dataset are fused with each other: a case for each subject and session."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_ddfm.bids.dataset import BidsDataset
from monai_ddfm.bids.name import BidsName, Selector

__all__ = ["BidsCase", "find_bids_cases", "modality_of_suffix"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BidsCase:
    """The images of one fusion.

    Attributes:
        subject: label.
        session: label; empty without sessions.
        images: path by source key, the anchor first.
        names: their names.
        fault: why the case cannot be fused; empty where it can.
    """

    subject: str
    session: str
    images: Mapping[str, Path]
    names: Mapping[str, BidsName]
    fault: str = ""

    @property
    def name(self) -> str:
        """``sub-01``, or ``sub-01_ses-a``."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")


def modality_of_suffix(suffix: str) -> str:
    """Return the modality that a suffix of BIDS stands for; what is neither PET nor CT is an MRI's."""
    return {"pet": "PT", "ct": "CT"}.get(suffix.lower(), "MR")


def find_bids_cases(
    dataset: BidsDataset,
    selectors: Mapping[str, Selector],
    subjects: Sequence[str],
    sessions: Collection[str] = (),
) -> list[BidsCase]:
    """Return a case for each subject, or each session in which one of the sources lies.

    A source that a session lacks is taken from another session of the subject, where one image alone fits there.

    Args:
        dataset: the dataset.
        selectors: which image each source is, by key; the first is the anchor's.
        subjects: labels.
        sessions: labels to fuse, without ``ses-``; all when empty.
    """
    return [case for subject in subjects for case in _cases_of(dataset, selectors, subject, sessions)]


def _cases_of(
    dataset: BidsDataset, selectors: Mapping[str, Selector], subject: str, sessions: Collection[str]
) -> list[BidsCase]:
    try:
        images = dataset.images(subject)
    except ValueError as error:
        return [BidsCase(subject, "", {}, {}, str(error))]
    fitting = {
        key: {path: name for path, name in images.items() if selector.fits(name)} for key, selector in selectors.items()
    }
    others = list(selectors)[1:]  # the anchor's sessions need no functional image
    found = sorted({name.entities.get("ses", "") for key in others for name in fitting[key].values()})
    wanted = [session for session in found if not sessions or session in sessions]
    if not found:
        text = " and ".join(selectors[key].text for key in others)
        return [BidsCase(subject, "", {}, {}, f"{dataset.root / f'sub-{subject}'}: no image {text}.nii.gz")]
    return [_case(dataset, selectors, subject, session, fitting) for session in wanted]


def _case(
    dataset: BidsDataset,
    selectors: Mapping[str, Selector],
    subject: str,
    session: str,
    fitting: Mapping[str, Mapping[Path, BidsName]],
) -> BidsCase:
    chosen: dict[str, Path] = {}
    for key, selector in selectors.items():
        here = [path for path, name in fitting[key].items() if name.entities.get("ses", "") == session]
        if not here and len(fitting[key]) == 1:
            here = list(fitting[key])
            logger.info("sub-%s, session %s: %s is taken from %s", subject, session, selector.text, here[0])
        if len(here) != 1:
            return BidsCase(subject, session, {}, {}, _fault(dataset, selector, subject, session, here))
        chosen[key] = here[0]
    return BidsCase(subject, session, chosen, {key: fitting[key][path] for key, path in chosen.items()})


def _fault(dataset: BidsDataset, selector: Selector, subject: str, session: str, paths: Sequence[Path]) -> str:
    where = dataset.root / f"sub-{subject}" / (f"ses-{session}" if session else "")
    if not paths:
        return f"{where}: no image {selector.text}.nii.gz"
    names = ", ".join(path.name for path in paths)
    return f"{where}: {selector.text} may be any of {names}; say which by an entity, e.g. run-1_{selector.name.suffix}"
