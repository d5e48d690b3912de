# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The steps of a fusion before and after the inferer, as MONAI transforms, made from its description."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from monai.transforms import Compose, ConcatItemsd

from monai_ddfm.denoising.measure_noise import GatherNoised, MeasureNoised
from monai_ddfm.dicom.read.reader import DDFMDicomReader
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline.config import FusionConfig
from monai_ddfm.pipeline.names import COLOUR, FUSED, IMAGE, PAINTED, series_suffix
from monai_ddfm.report.write_preview import WritePreviewd
from monai_ddfm.transforms import (
    CheckGeometryd,
    CheckRegistrationd,
    CheckVolumed,
    ColourFunctionald,
    KeepChromad,
    MatchGridsd,
    NormalizeModalityd,
    PaintProvenanced,
    ReadSourced,
    RegisterRigidd,
    RestoreIntensityd,
    SplitMapsd,
    WriteDicomd,
    WriteFusedd,
)
from monai_ddfm.transforms.modality import functional_key

__all__ = ["make_postprocessing", "make_preprocessing", "make_writing"]

Step = Callable[[Any], Any]


def make_preprocessing(config: FusionConfig) -> Compose:
    """Return the steps from files, or from images in memory, to sources in [-1, 1] on the anchor's grid.

    They take ``{key: path or image [C, H, W(, D)]}`` and add ``image`` ``[K, H, W, D]``.
    """
    inputs, scales, keys = config.inputs, config.normalisation, list(config.inputs.keys)
    reader = DDFMDicomReader(**{"allow_gaps": inputs.allow_gaps, **inputs.dicom_reader})
    steps: list[Step] = [ReadSourced(keys, reader), CheckVolumed(keys)]
    if inputs.register == "rigid":
        steps.append(RegisterRigidd(keys))
    steps.append(CheckGeometryd(keys))
    if inputs.check_registration:
        steps.append(
            CheckRegistrationd(
                keys,
                allow_different_patient=inputs.allow_different_patient,
                allow_different_study=inputs.allow_different_study,
                allow_different_frame=inputs.allow_different_frame,
            )
        )
    modality = {key: inputs.modality_name(key) for key in keys}
    measure = "uncertainty" in config.maps.maps or any(config.denoising.cleaned(key) for key in keys)
    if measure:
        steps.append(MeasureNoised(keys, modality, config.denoising.noise))
    steps.append(MatchGridsd(keys, mode=inputs.interpolation))
    steps.append(
        NormalizeModalityd(
            keys,
            modality=modality,
            ct_window=scales.ct_window,
            mr_percentiles=scales.mr_percentiles,
            uptake_percentile=scales.uptake_percentile,
            windows=scales.windows,
        )
    )
    steps.append(ConcatItemsd(keys, name=IMAGE))
    return Compose([*steps, GatherNoised(keys, name=IMAGE)] if measure else steps)


def _show(config: FusionConfig) -> list[Step]:
    """From the inferer's answer to what a person looks at, all still in [-1, 1] or in colour."""
    keys, results = list(config.inputs.keys), config.results
    functional = results.functional
    if functional == "auto":
        functional = functional_key(keys, config.inputs.modalities)
    return [
        SplitMapsd(FUSED, maps=config.maps.maps, sources=len(keys)),
        ColourFunctionald(FUSED, functional=functional, output_key=COLOUR, colour_map=results.colour_map),
        KeepChromad(FUSED, sources=keys, output_key=COLOUR),
        PaintProvenanced("provenance", fused=FUSED, output_key=PAINTED),
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
    preview = WritePreviewd([*keys, FUSED, COLOUR, PAINTED], names=[*keys, "fused", COLOUR, "provenance"], **where)
    steps: list[Step] = [*_show(config), preview, _restore(config)]
    if results.output_format != "nifti":
        steps.append(
            WriteDicomd(
                [FUSED, COLOUR],
                suffixes=[series_suffix(config), COLOUR],
                sources=keys,
                preset=results.preset_name,
                seed=config.sampling.seed,
                settings={"made_with": digest},
                new_uids=results.new_uids,
                new_patient_id=results.new_patient_id,
                pseudonym_key=results.pseudonym_key,
                allow_missing_keys=True,
                **where,
            )
        )
    if results.output_format != "dicom":
        image = {"extension": results.output_extension, **where}
        steps.append(WriteFusedd(FUSED, suffixes=[results.fused_suffix], **image))
        steps.append(WriteFusedd(COLOUR, rgb=True, allow_missing_keys=True, **image))
    return Compose([*steps, WriteFusedd(list(MAPS), allow_missing_keys=True, **where)])
