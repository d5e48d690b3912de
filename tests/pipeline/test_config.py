# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The description of a fusion: refused where it cannot be, complete where it is the key of a result."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from inspect import signature
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from monai_ddfm.bundle import preset_names, preset_settings
from monai_ddfm.inferers import DDFMInferer
from monai_ddfm.pipeline import NOT_IN_KEY, FuseDDFM, FusionConfig, FusionPipeline, setting_names
from monai_ddfm.priors import IdentityPrior, UNetPrior
from tests.tiny_unet import tiny_unet

# another value than the default's for every setting; a new setting needs a line here
OTHER: dict[str, Any] = {
    "allow_different_frame": True,
    "allow_different_patient": True,
    "allow_different_study": True,
    "allow_gaps": True,
    "anchor": "T1",
    "check_registration": False,
    "clean_in_three_planes": False,
    "colour_blend": "threshold",
    "colour_map": "viridis",
    "colour_opacity": 0.5,
    "colour_threshold": 0.2,
    "compile_mode": "default",
    "crop_background": False,
    "ct_window": [-160.0, 240.0],
    "denoise_sources": False,
    "device": "cpu",
    "dicom_reader": {"allow_gaps": True},
    "eta": 0.5,
    "functional": "MR",
    "fused_suffix": "mixed",
    "interpolation": "nearest",
    "luminance_range": "studio",
    "maps": ["novelty"],
    "modalities": {"MR": "CT"},
    "mr_percentiles": [1.0, 99.0],
    "new_patient_id": "anonymous",
    "new_uids": True,
    "novelty_allowance": 0.02,
    "output_dir": "elsewhere",
    "output_dtype": "int16",
    "output_extension": ".nii",
    "output_format": "both",
    "overwrite": True,
    "parametric_map": True,
    "precision": "float32",
    "preset_name": "mine",
    "progress": False,
    "pseudonym_key": "secret of ours",
    "rectifier": "em",
    "cleaning_steps": 2,
    "noise": {"PET": 0.5},
    "rectifier_options": {"iterations": 3},
    "register": "rigid",
    "sampler": "ddpm",
    "report": False,
    "report_identity": True,
    "seed": 1,
    "select": {"PET": "2"},
    "shared_noise": False,
    "slab": 32,
    "slice_axis": 0,
    "slices_per_batch": 2,
    "sources": ["CT"],
    "spacing": [2.0],
    "spatial_dims": 2,
    "start": "noise",
    "start_timestep": 100,
    "steps": 5,
    "summary": None,
    "threads": 1,
    "three_planes": True,
    "timesteps": [100, 50, 0],
    "transforms": {"PET": str(Path(__file__).parents[1] / "data" / "ants_affine.mat")},
    "trust_torchscript": True,
    "uncertainty_seeds": 3,
    "uptake_percentile": 99.0,
    "weights": "another.safetensors",
    "windows": {"MR": [0.0, 100.0]},
}


def digest(**settings: Any) -> str:
    return FusionPipeline(FusionConfig.of(**{"device": "cpu", **settings}), IdentityPrior()).digest


def test_another_value_of_every_setting_is_another_key() -> None:
    assert set(OTHER) == set(setting_names())
    usual = digest(shared_noise=False)  # which three_planes asks for
    for name, value in OTHER.items():
        key = digest(**{"shared_noise": False, name: value if name != "shared_noise" else True})
        assert (key == usual) == (name in NOT_IN_KEY), name


def test_transforms_are_in_the_key_by_what_they_hold(tmp_path: Path) -> None:
    path = OTHER["transforms"]["PET"]
    copyfile(path, tmp_path / "elsewhere.mat")
    usual = digest(transforms={"PET": path})
    assert digest(transforms={"PET": str(tmp_path / "elsewhere.mat")}) == usual
    assert digest(transforms={"PET": f"[{path},0]"}) == usual
    assert digest(transforms={"PET": f"[{path},1]"}) != usual
    (tmp_path / "elsewhere.mat").write_bytes(Path(path).read_bytes()[:-1] + b"\0")
    assert digest(transforms={"PET": str(tmp_path / "elsewhere.mat")}) != usual


def test_what_is_not_in_the_key_is_a_setting() -> None:
    assert NOT_IN_KEY <= set(setting_names())


def test_the_priors_weights_and_schedule_are_in_the_key() -> None:
    def key(prior: UNetPrior) -> str:
        return FusionPipeline(FusionConfig.of(device="cpu"), prior).digest

    usual = key(UNetPrior(tiny_unet()))
    assert key(UNetPrior(tiny_unet())) == usual
    assert key(UNetPrior(tiny_unet(seed=1))) != usual
    assert key(UNetPrior(tiny_unet(), prediction_type="sample")) != usual
    slower = UNetPrior(tiny_unet())
    slower.alphas_cumprod = slower.alphas_cumprod**0.9
    assert key(slower) != usual


@pytest.mark.parametrize("preset", [None, *preset_names()])
def test_it_serialises_itself(preset: str | None) -> None:
    config = FusionConfig.of(preset)
    again = FusionConfig.of(**json.loads(json.dumps(config.settings())))
    assert again == config
    assert set(config.settings()) == set(setting_names())


@pytest.mark.parametrize("name", sorted(OTHER))
def test_every_setting_comes_back_from_its_serialisation(name: str) -> None:
    given = {"shared_noise": False, **{name: OTHER[name]}}
    config = FusionConfig.of(**given)
    assert FusionConfig.of(**config.settings()) == config


def test_it_is_frozen() -> None:
    config = FusionConfig.of()
    with pytest.raises(FrozenInstanceError):
        config.sampling.steps = 9  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"nonsense": 3}, r"no setting 'nonsense'"),
        ({"stepps": 9}, r"no setting 'stepps'; did you mean 'steps'"),
        ({"overwrite": "false"}, r"overwrite: found 'false', expected true or false"),
        ({"overwrite": "no"}, r"overwrite: found 'no', expected true or false"),
        ({"allow_different_patient": "false"}, r"allow_different_patient: found 'false', expected true or false"),
        ({"allow_different_patient": 0}, r"allow_different_patient: found 0, expected true or false"),
        ({"windows": {"NOPE": [0, 1]}}, r"no source in windows named 'NOPE'; there are MR, PET"),
        ({"windows": {"MR": [1, 1]}}, r"windows\.MR: found .*, expected \(low, high\) with low below high"),
        ({"transforms": {"MR": "a.tfm"}}, r"no source to move in transforms named 'MR'; there are PET"),
        ({"modalities": {"MR": "photograph"}}, r"cannot tell the modality of 'photograph'"),
        ({"sampler": "dim"}, r"sampler: found 'dim', expected one of ddim.*did you mean 'ddim'"),
        ({"maps": ["provenence"]}, r"did you mean 'provenance'"),
        ({"maps": ["all", "novelty"]}, r"maps: found .*, expected one of provenance, .* or all by itself"),
        (
            {"rectifier_options": {"itterations": 3}},
            r"no option of the rectifier structure 'itterations'; did you",
        ),
        ({"dicom_reader": {"allow_gap": True}}, r"no option of dicom_reader 'allow_gap'; did you mean 'allow_gaps'"),
        ({"steps": 0}, r"steps: found 0, expected"),
        ({"steps": "many"}, r"steps: found 'many', expected"),
        ({"eta": -1.0}, r"eta: found -1\.0, expected"),
        ({"eta": float("nan")}, r"eta: found nan, expected"),
        ({"uncertainty_seeds": 1}, r"uncertainty_seeds: found 1, expected"),
        ({"sources": ["MR"]}, r"an anchor and at least one other source, each once; got MR, MR"),
        ({"fused_suffix": "../x"}, r"fused_suffix: found '\.\./x'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        FusionConfig.of(**settings)
    assert "\n" not in str(refused.value)
    inputs = {"anchor", "sources", "modalities", "transforms", "windows"}
    if not inputs & set(settings):
        with pytest.raises(ValueError, match=said):
            FuseDDFM(["MR", "PET"], **settings)


def test_the_inferers_defaults_are_the_descriptions() -> None:
    usual = FusionConfig.of().settings()
    shared = {name: p.default for name, p in signature(DDFMInferer).parameters.items() if name in usual}
    shared.pop("rectifier")  # an object there, a name here
    shared.pop("progress")  # a bar is for people: on in commands, off in code
    shared = {name: list(value) if isinstance(value, tuple) else value for name, value in shared.items()}
    assert shared == {name: usual[name] for name in shared}
    built, own = FusionPipeline(FusionConfig.of()).inferer, DDFMInferer()
    assert type(built.slice_fusion.rectifier) is type(own.slice_fusion.rectifier)
    assert vars(built.slice_fusion.rectifier) == vars(own.slice_fusion.rectifier)


@pytest.mark.parametrize("preset", preset_names())
def test_a_preset_says_only_what_differs(preset: str) -> None:
    usual = FusionConfig.of().settings()
    for name in preset_settings(preset):
        assert name in usual
        if preset not in ("paper", "reference"):  # which say all of the method, whatever the defaults become
            assert FusionConfig.of(preset).settings()[name] != usual[name] or name in ("anchor", "sources"), name
