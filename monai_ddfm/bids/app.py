# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fusing a BIDS dataset: cases found, PET made static and brought to SUV, fused, and published as derivatives."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from monai_ddfm.bids.cases import BidsCase, find_bids_cases, modality_of_suffix
from monai_ddfm.bids.dataset import BidsDataset
from monai_ddfm.bids.derivatives import describe_dataset, publish, write_json
from monai_ddfm.bids.name import BidsName, Selector
from monai_ddfm.bids.static_pet import write_static_pet
from monai_ddfm.cohort import CaseDataset, Cohort
from monai_ddfm.cohort.cases import FAULT
from monai_ddfm.pipeline import FusionConfig, FusionPipeline
from monai_ddfm.pipeline.names import source_keys

__all__ = ["fuse_dataset"]

logger = logging.getLogger(__name__)

_SIDECAR_OF_PET = ("TracerName", "TracerRadionuclide", "Manufacturer", "ManufacturersModelName", "BodyPart")


def fuse_dataset(
    dataset_dir: str | Path,
    output_dir: str | Path,
    anchor: str = "T1w",
    sources: Sequence[str] = ("pet",),
    participants: Sequence[str] = (),
    sessions: Collection[str] = (),
    label: str = "fused",
    pet_window: tuple[float, float] | None = None,
    work_dir: str | Path | None = None,
    preset: str | None = None,
    **settings: Any,
) -> list[Path]:
    """Fuse the images of a BIDS dataset and write the results as BIDS derivatives.

    Args:
        dataset_dir: the BIDS dataset.
        output_dir: becomes a BIDS dataset of derivatives.
        anchor: the end of its name, with as many entities as it takes to tell it: ``T1w``, ``acq-high_T1w``.
        sources: the same of the others.
        participants: labels; all when empty.
        sessions: labels; all when empty.
        label: of ``desc-`` in the results' names.
        pet_window: (from, to) in seconds: the frames of dynamic PET that are averaged; None for all.
        work_dir: records, and what makes a repeated run keep what is finished; default ``output_dir/.monai_ddfm``.
        preset: a name of `monai_ddfm.bundle.preset_names`.
        **settings: of `FusionConfig`.

    Returns:
        the images written.

    Raises:
        FileNotFoundError, ValueError: no valid BIDS dataset, or settings that do not fit.
        Exception: what kept a case from being fused, once all others are done.
    """
    dataset, output = BidsDataset(dataset_dir), Path(output_dir)
    if output.resolve() == dataset.root.resolve():
        raise ValueError(
            f"{output}: is the raw dataset; write derivatives elsewhere, e.g. to {output}/derivatives/ddfm"
        )
    BidsName({}, "T1w").with_entities(desc=label)  # refuses a label that is none
    keys = source_keys([anchor, *sources])
    selectors = dict(zip(keys, map(Selector, [anchor, *sources]), strict=True))
    modalities = {key: modality_of_suffix(selector.name.suffix) for key, selector in selectors.items()}
    work = Path(work_dir) if work_dir is not None else output / ".monai_ddfm"
    roles: dict[str, Any] = {"anchor": keys[0], "sources": keys[1:], "modalities": modalities}
    config = FusionConfig.of(preset, **{**settings, **roles, "output_dir": str(work / label), "fused_suffix": "fused"})
    subjects = dataset.require_subjects(participants) if participants else dataset.subjects
    sessions = [session.removeprefix("ses-") for session in sessions]
    found = find_bids_cases(dataset, selectors, subjects, sessions)
    if not found:
        raise FileNotFoundError(f"{dataset.root}: no case in session {', '.join(sessions)}")
    if all(case.fault for case in found):
        raise FileNotFoundError("; ".join(case.fault for case in found))
    describe_dataset(output, dataset)
    cases = {case.name: case for case in found}
    entries = [_entry(case, dataset, output, modalities, pet_window) for case in found]
    pipeline = FusionPipeline(config)
    cohort = Cohort(pipeline, CaseDataset(data=entries, transform=pipeline.preprocessing))
    cohort.prepare()
    written: list[Path] = []
    spacing = config.inputs.spacing
    try:
        cohort.run(cohort.evaluator())
    finally:
        for outcome in cohort.run_log.outcomes:
            if outcome["status"] != "failed":
                written += publish(cases[outcome["case"]], label, work / label, output, dataset.root, spacing)
    return written


def _entry(
    case: BidsCase,
    dataset: BidsDataset,
    output: Path,
    modalities: Mapping[str, str],
    window: tuple[float, float] | None,
) -> dict[str, str]:
    """The case as `Cohort` takes it; a PET is made static first."""
    if case.fault:
        return {"case": case.name, FAULT: case.fault}
    images = dict(case.images)
    try:
        for key in [key for key in images if modalities[key] == "PT"]:
            images[key] = _static(case, key, dataset, output, window)
    except (OSError, ValueError) as error:
        return {"case": case.name, FAULT: str(error)}
    return {"case": case.name, **{key: str(path) for key, path in images.items()}}


def _static(case: BidsCase, key: str, dataset: BidsDataset, output: Path, window: tuple[float, float] | None) -> Path:
    path, name = case.images[key], case.names[key]
    sidecar = dataset.metadata(path, name)
    if not sidecar:
        raise ValueError(f"{path}: no sidecar; PET-BIDS requires {path.name.split('.')[0]}.json with Units and times")
    target = output / name.folder / "pet" / str(name.with_entities(desc="static", extension=".nii.gz"))
    try:
        weight = float(dataset.participant(case.subject).get("weight", ""))
    except ValueError:
        weight = None
    said = write_static_pet(path, sidecar, target, weight, window)
    kept = {keyword: sidecar[keyword] for keyword in _SIDECAR_OF_PET if keyword in sidecar}
    source = f"bids:raw:{path.relative_to(dataset.root).as_posix()}"
    write_json(target.with_name(target.name.replace(".nii.gz", ".json")), {**kept, **said, "Sources": [source]})
    return target
