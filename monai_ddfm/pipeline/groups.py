# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The settings of a fusion, grouped by what they are about: each with its type, its range and its default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from monai_ddfm.denoising.measure_noise import given_noise
from monai_ddfm.dicom.read.reader import DDFMDicomReader
from monai_ddfm.inferers.luminance import LuminanceRange
from monai_ddfm.inferers.precision import PRECISIONS
from monai_ddfm.inferers.slice_fusion import STARTS
from monai_ddfm.maps import MAPS
from monai_ddfm.pipeline.settings import (
    Count,
    DeviceText,
    Flag,
    Names,
    Number,
    PathText,
    Percentiles,
    Spacing,
    Text,
    Timestep,
    Window,
    check_options,
    each_of,
    falling,
    one_of,
    require_known,
)
from monai_ddfm.rectifiers import RECTIFIERS
from monai_ddfm.samplers import SAMPLERS
from monai_ddfm.transforms.colour_maps import AUTO
from monai_ddfm.transforms.colour_mixing import Blend
from monai_ddfm.transforms.modality import modality_of
from monai_ddfm.transforms.write_fused import DTYPES

__all__ = ["Denoising", "Execution", "Inputs", "Likelihood", "Maps", "Normalisation", "Results", "Sampling", "group"]

COMPILE_MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")  # of `torch.compile`

group = dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))


@group
class Inputs:
    """Sources and geometry.

    Args:
        anchor: the fusion is on its grid and in its units.
        sources: the others.
        modalities: modality (MR, CT, PT, NM) of sources whose name does not say it.
        transforms: file by source: an affine of ITK, ANTs or DICOM that moves it onto the anchor; see `ApplyAffine`.
        register: ``rigid`` moves the sources onto the anchor first.
        check_registration: warn when another pose fits the contents better than the headers' pose.
        allow_different_patient, allow_different_study, allow_different_frame: of DICOM sources.
        allow_gaps: interpolate over missing slices of a DICOM series.
        dicom_reader: further arguments of `DDFMDicomReader`, for all sources.
        select: which series of a DICOM folder a source is: its UID, number or description, or ``EchoTime=30``.
        spacing: voxel's side in mm, one or three along the anchor's axes: all is fused on such a grid over the anchor's
            field of view; None: on the anchor's own.
        interpolation: onto the grid that is fused: bilinear, nearest or a spline order.
    """

    anchor: Text = "MR"
    sources: Names = ("PET",)
    modalities: Mapping[Text, Text] = Field(default_factory=dict)
    transforms: Mapping[Text, PathText] = Field(default_factory=dict)
    register: Literal["none", "rigid"] = "none"
    check_registration: Flag = True
    allow_different_patient: Flag = False
    allow_different_study: Flag = False
    allow_different_frame: Flag = False
    allow_gaps: Flag = False
    dicom_reader: Mapping[str, Any] = Field(default_factory=dict)
    select: Mapping[Text, Text] = Field(default_factory=dict)
    spacing: Spacing | None = None
    interpolation: Literal["bilinear", "nearest", 0, 1, 2, 3, 4, 5] = "bilinear"

    @property
    def keys(self) -> tuple[str, ...]:
        """The anchor and the other sources."""
        return (self.anchor, *self.sources)

    def modality_name(self, key: str) -> str:
        """The modality of a source as given, else the name that says it."""
        return self.modalities.get(key, key)

    @model_validator(mode="after")
    def _check(self) -> Inputs:
        if len(self.keys) < 2 or len(set(self.keys)) < len(self.keys):
            raise ValueError(
                f"fusion takes an anchor and at least one other source, each once; got {', '.join(self.keys)}"
            )
        require_known("source in modalities named", self.modalities, self.keys)
        require_known("source in select named", self.select, self.keys)
        require_known("source to move in transforms named", self.transforms, self.sources)
        for key in self.keys:
            modality_of(self.modality_name(key))
        check_options("option of dicom_reader", self.dicom_reader, DDFMDicomReader)
        return self


@group
class Normalisation:
    """From scanner units to [-1, 1].

    Args:
        ct_window: HU.
        mr_percentiles: of the volume.
        uptake_percentile: PET and SPECT: zero to this percentile.
        windows: of single sources in their own units.
    """

    ct_window: Window = (-100.0, 900.0)
    mr_percentiles: Percentiles = (0.5, 99.5)
    uptake_percentile: Annotated[Number, Field(gt=0, le=100)] = 99.9
    windows: Mapping[Text, Window] = Field(default_factory=dict)


@group
class Denoising:
    """Cleaning of noisy sources by prior and likelihood.

    Args:
        denoise_sources: before they are compared; true, false, or one of these by source.
        noise: of sources where it is known, which wins over the measurement: a standard deviation in the source's own
            units (white noise), or a whole spectrum as `NoiseModel.as_json` has it.
        cleaning_steps: network evaluations of each slice of a noisy source, at most.
        clean_in_three_planes: where voxels are nearly cubic: the three planes take turns.
    """

    denoise_sources: Flag | Mapping[Text, Flag] = True
    noise: Mapping[Text, Annotated[Number, Field(ge=0)] | Mapping[str, Any]] = Field(default_factory=dict)
    cleaning_steps: Count = 4
    clean_in_three_planes: Flag = True

    def cleaned(self, key: str) -> bool:
        """Whether a source is to be cleaned if it is noisy; one that a mapping does not name is."""
        wanted = self.denoise_sources
        return wanted.get(key, True) if isinstance(wanted, Mapping) else wanted

    @model_validator(mode="after")
    def _check(self) -> Denoising:
        for value in self.noise.values():
            given_noise(value)
        return self


@group
class Likelihood:
    """The rectifier.

    Args:
        rectifier: its name in `RECTIFIERS`.
        rectifier_options: further arguments of it.
        spatial_dims: 3 couples neighbouring slices, with 2 each slice is fused on its own.
    """

    rectifier: Annotated[Text, one_of(RECTIFIERS)] = "structure"
    rectifier_options: Mapping[str, Any] = Field(default_factory=dict)
    spatial_dims: Literal[2, 3] = 3

    @model_validator(mode="after")
    def _check(self) -> Likelihood:
        check_options(f"option of the rectifier {self.rectifier}", self.rectifier_options, RECTIFIERS[self.rectifier])
        if "spatial_dims" in self.rectifier_options:
            raise ValueError("spatial_dims is a setting of its own: give it there and not in rectifier_options")
        return self


@group
class Sampling:
    """How slices are sampled; see `DDFMInferer`."""

    sampler: Annotated[Text, one_of(SAMPLERS)] = "ddim"
    steps: Count = 2
    timesteps: Annotated[tuple[Timestep, ...], AfterValidator(falling)] | None = None
    start_timestep: Timestep = 150
    start: Annotated[Text, one_of(STARTS)] = "sources"
    eta: Annotated[Number, Field(ge=0)] = 0.0
    seed: Annotated[int, Field(strict=True, ge=0)] = 0
    shared_noise: Flag = True
    three_planes: Flag = False
    luminance_range: Annotated[Text, one_of([each.value for each in LuminanceRange])] = "full"
    slice_axis: Literal[-3, -2, -1, 0, 1, 2] = -1
    slab: Count | None = None
    crop_background: Flag = True


@group
class Maps:
    """What is returned beside the fused image; see `DDFMInferer`."""

    maps: Annotated[Names, each_of(MAPS)] = ()
    uncertainty_seeds: Annotated[int, Field(strict=True, ge=2)] = 8
    novelty_allowance: Annotated[Number, Field(ge=0)] = 0.01


@group
class Execution:
    """What it is computed with; none of it is meant to change a result beyond rounding, but for `precision`.

    Args:
        weights: of the prior, a file that says its architecture itself; None: the bundle's own.
        trust_torchscript: let `weights` be TorchScript, a program that can write files as it runs.
        precision: of the network: ``auto`` takes bfloat16 where the hardware has it and it is accurate.
        device: ``auto`` takes a GPU where there is one.
        threads: of the CPU that compute; None leaves it to torch.
        compile_mode: of `torch.compile`; ``reduce-overhead`` takes CUDA graphs on a GPU.
        slices_per_batch: slices a GPU's network sees at once; None: as many as suit it.
        progress: show a progress bar.
    """

    weights: PathText | None = None
    trust_torchscript: Flag = False
    precision: Annotated[Text, one_of(PRECISIONS)] = "auto"
    device: DeviceText = "auto"
    threads: Count | None = None
    compile_mode: Annotated[Text, one_of(COMPILE_MODES)] | None = None
    slices_per_batch: Count | None = None
    progress: Flag = True


@group
class Results:
    """What is written, and how.

    Args:
        output_dir: the folder.
        output_format: ``dicom`` or ``both``: a derived series in the anchor's study.
        output_extension: of fused images.
        output_dtype: of fused volumes in NIfTI: float32, or int16, whole numbers.
        fused_suffix: end of the fused image's name, may be empty.
        colour_map: for PET and SPECT: DICOM's palettes (hot_iron, pet_20_step), a hue (red, green), or matplotlib's;
            for several sources ``{source: map}``; ``auto`` chooses, None for none.
        colour_blend: how colour joins grey, see `Blend`.
        colour_threshold: uptake, of the range from none to the highest, below which nothing is coloured.
        colour_opacity: the largest opacity of colour.
        functional: the sources that are shown in colour; ``auto`` every PET and SPECT, None for none.
        preset_name: name of the preset, noted in DICOM.
        parametric_map: of DICOM results: the fused values in 32-bit floats, too.
        new_uids: new UIDs for the same sources and settings.
        new_patient_id: takes the patient's identity out of DICOM results and calls the patient so.
        pseudonym_key: secret that replaced UIDs are made with; a random one when None.
        overwrite: replace results made from other files or settings.
        summary: file for what became of the cases; ``auto`` ``output_dir/summary.json``, None for none.
        report: a page for each case, ``CASE_report.html``; with a summary one of those that failed, and ``index.html``.
        report_identity: say in pages who the patient is and where files lie; else no folder is named.
    """

    output_dir: PathText = "output"
    output_format: Literal["nifti", "dicom", "both"] = "nifti"
    output_extension: Literal[".nii.gz", ".nii", ".png"] = ".nii.gz"
    output_dtype: Annotated[Text, one_of(DTYPES)] = "float32"
    fused_suffix: Annotated[str, Field(strict=True, pattern=r"^[^/\\\x00]*$", max_length=100)] = "fused"
    colour_map: Text | Mapping[Text, Text] | None = AUTO
    colour_blend: Annotated[Text, one_of([blend.value for blend in Blend])] = "perceptual"
    colour_threshold: Annotated[Number, Field(ge=0, le=1)] = 0.05
    colour_opacity: Annotated[Number, Field(ge=0, le=1)] = 1.0
    functional: Names | None = ("auto",)
    preset_name: Text = "default"
    parametric_map: Flag = False
    new_uids: Flag = False
    new_patient_id: Text | None = None
    pseudonym_key: Text | None = Field(default=None, repr=False)
    overwrite: Flag = False
    summary: PathText | None = "auto"
    report: Flag = True
    report_identity: Flag = False
