# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The steps of a fusion before and after the inferer, as MONAI transforms, made from its description."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from monai.transforms import Compose, ConcatItemsd, Lambdad

from monai_ddfm.denoising.measure_noise import GatherNoised, MeasureNoised
from monai_ddfm.dicom.read.reader import DDFMDicomReader
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline.config import FusionConfig
from monai_ddfm.pipeline.forecast import RequireForecast
from monai_ddfm.pipeline.names import COLOUR, FUSED, GREY, IMAGE, PAINTED, series_suffix
from monai_ddfm.report.write_preview import WritePreviewd
from monai_ddfm.stages import GatherStages, Stage
from monai_ddfm.transforms import (
    ApplyAffined,
    CheckGeometryd,
    CheckRegistrationd,
    CheckVolumed,
    ColourFunctionald,
    KeepChromad,
    MatchGridsd,
    NormalizeModalityd,
    NoteGridd,
    PaintProvenanced,
    ReadSourced,
    RegisterRigidd,
    Respaced,
    RestoreIntensityd,
    SplitMapsd,
    WriteDicomd,
    WriteFusedd,
    WriteMotionsd,
    WritePictured,
)
from monai_ddfm.transforms.modality import modality_of
from monai_ddfm.transforms.normalize_like import NormalizeLiked

__all__ = ["make_comparison", "make_placing", "make_postprocessing", "make_preprocessing", "make_writing"]

Step = Callable[[Any], Any]


def make_preprocessing(config: FusionConfig, reach: int = 0, device: str | torch.device | None = None) -> Compose:
    """Return the steps from files, or from images in memory, to sources in [-1, 1] on the anchor's grid.

    They take ``{key: path or image [C, H, W(, D)]}`` and add ``image`` ``[K, H, W, D]``.

    Args:
        config: the description.
        reach: slices on either side that a fused slice depends on, of the rectifier.
        device: that measures noise; None: the CPU, where files are read.
    """
    inputs, keys = config.inputs, list(config.inputs.keys)
    modalities = _modalities(config)
    steps = _reading(config)
    checks: list[Step] = [CheckGeometryd(keys), RequireForecast(keys, config, reach), NoteGridd(keys)]
    if inputs.check_registration:
        checks.append(
            CheckRegistrationd(
                keys,
                allow_different_patient=inputs.allow_different_patient,
                allow_different_study=inputs.allow_different_study,
                allow_different_frame=inputs.allow_different_frame,
            )
        )
    steps.append(Stage("registration check", *checks))
    measured = "uncertainty" in config.maps.maps or any(config.denoising.cleaned(key) for key in keys)
    if measured:  # on the grid and in the units that the noise came on
        steps.append(Stage("measuring noise", MeasureNoised(keys, modalities, config.denoising.noise, device)))
    steps.append(_matching(config))
    gather = [GatherNoised(keys, name=IMAGE)] if measured else []
    return Compose([*steps, Stage("normalising", *_normalising(config), *gather)])


def _modalities(config: FusionConfig) -> dict[str, str]:
    return {key: modality_of(config.inputs.modality_name(key)).value for key in config.inputs.keys}


def _reading(config: FusionConfig) -> list[Step]:
    """From files, or images in memory, to volumes where they belong in space."""
    inputs, keys = config.inputs, list(config.inputs.keys)
    reader = DDFMDicomReader(**{"allow_gaps": inputs.allow_gaps, **inputs.dicom_reader})
    read = ReadSourced(keys, reader, inputs.select, _modalities(config))
    steps: list[Step] = [Stage("reading", read, CheckVolumed(keys))]
    if inputs.transforms:
        steps.append(Stage("registering", ApplyAffined(keys, inputs.transforms)))
    if inputs.register == "rigid":
        steps.append(Stage("registering", RegisterRigidd(keys)))
    return steps


def _matching(config: FusionConfig) -> Step:
    inputs = config.inputs
    match: list[Step] = [MatchGridsd(list(inputs.keys), mode=inputs.interpolation)]
    if inputs.spacing is not None:
        match.insert(0, Respaced(inputs.anchor, inputs.spacing, inputs.interpolation))
    return Stage("matching", *match)


def _normalising(config: FusionConfig) -> list[Step]:
    """From sources on one grid to ``image``, all of them in [-1, 1]."""
    inputs, scales, keys = config.inputs, config.normalisation, list(config.inputs.keys)
    normalise = NormalizeModalityd(
        keys,
        modality={key: inputs.modality_name(key) for key in keys},
        ct_window=scales.ct_window,
        mr_percentiles=scales.mr_percentiles,
        uptake_percentile=scales.uptake_percentile,
        windows=scales.windows,
        clip=False,  # what lies beyond the window comes back when units are restored
    )
    return [normalise, ConcatItemsd(keys, name=IMAGE), Lambdad(IMAGE, partial(torch.clamp, min=-1.0, max=1.0))]


def make_comparison(config: FusionConfig) -> Compose:
    """Return the steps from files to a fused image beside its sources as they were given, for metrics.

    They take ``{key: path}`` with one more, ``pred``: the fused image's file, in the anchor's units and on its grid.
    They make of that ``[1, H, W, D]`` in [-1, 1], and add ``image`` ``[K, H, W, D]``.

    Args:
        config: the description that it was fused by.
    """
    fused = [ReadSourced(FUSED), CheckVolumed(FUSED, allow_constant=True), NormalizeLiked(FUSED, config.inputs.anchor)]
    check = CheckGeometryd(list(config.inputs.keys))
    return Compose([*_reading(config), check, _matching(config), *_normalising(config), *fused])


def make_placing(config: FusionConfig) -> Compose:
    """Return the steps from files to sources on the anchor's grid, in their own units, that a fusion begins with."""
    return Compose([*_reading(config), _matching(config)])


def _show(config: FusionConfig) -> list[Step]:
    """From the inferer's answer to what a person looks at, all still in [-1, 1] or in colour."""
    keys, results = list(config.inputs.keys), config.results
    how: dict[str, Any] = {
        "output_key": COLOUR,
        "blend": results.colour_blend,
        "threshold": results.colour_threshold,
        "opacity": results.colour_opacity,
    }
    return [
        SplitMapsd(FUSED, maps=config.maps.maps, sources=len(keys)),
        ColourFunctionald(FUSED, functional=config.functional_keys, colour_map=results.colour_map, **how),
        KeepChromad(FUSED, sources=keys, **how),
        PaintProvenanced("provenance", fused=FUSED, output_key=PAINTED, allow_missing_keys=True),
    ]


def _restore(config: FusionConfig) -> Step:
    return RestoreIntensityd(FUSED, like=config.inputs.anchor)


def make_postprocessing(config: FusionConfig) -> Compose:
    """Return the steps from the inferer's answer ``pred`` to the fused image in the anchor's units, and its maps."""
    return Compose([SplitMapsd(FUSED, maps=config.maps.maps, sources=len(config.inputs.keys)), _restore(config)])


def make_writing(config: FusionConfig, digest: str) -> Compose:
    """Return the steps from the inferer's answer to the files of a case.

    Args:
        config: the description.
        digest: of all that a result is made from but the sources: DICOM UIDs are made with it.
    """
    keys, results = list(config.inputs.keys), config.results
    # whose the results of that name are was settled before the work began
    where: dict[str, Any] = {"output_dir": results.output_dir, "overwrite": True}
    shown = {key: key for key in keys} | {FUSED: "fused", COLOUR: COLOUR, PAINTED: "provenance"}
    preview = WritePreviewd(list(shown), names=list(shown.values()), allow_missing_keys=True, **where)
    steps: list[Step] = [
        GatherStages(FUSED),
        Stage("colouring", *_show(config)),
        Stage("preview", preview),
        Stage("restoring", _restore(config)),
    ]
    files: list[Step] = []
    if results.output_format != "nifti":
        files.append(
            WriteDicomd(
                [FUSED, COLOUR],
                suffixes=[series_suffix(config), COLOUR],
                sources=keys,
                preset=results.preset_name,
                seed=config.sampling.seed,
                settings={"made_with": digest},
                parametric_map=results.parametric_map,
                new_uids=results.new_uids,
                new_patient_id=results.new_patient_id,
                pseudonym_key=results.pseudonym_key,
                allow_missing_keys=True,
                **where,
            )
        )
    if results.output_format != "dicom":
        image = {"extension": results.output_extension, **where}
        if results.output_extension == ".png" and not results.fused_suffix:
            files.append(WritePictured(FUSED, colour=COLOUR, grey_suffix=GREY, **where))
        else:
            files.append(WriteFusedd(FUSED, suffixes=[results.fused_suffix], dtype=results.output_dtype, **image))
            files.append(WriteFusedd(COLOUR, rgb=True, allow_missing_keys=True, **image))
    files += [WriteFusedd(list(MAPS), allow_missing_keys=True, **where), WriteMotionsd(keys, **where)]
    return Compose([*steps, Stage("writing", *files)])
