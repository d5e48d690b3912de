# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Settings of the wrong type, out of range, unknown, contradicting, or written as code, as users type them."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from tests.robustness.corpus.bad_input import BadInput

__all__ = ["bad_configurations", "bad_settings"]

_NINES = [f"&a{k} [{', '.join([f'*a{k - 1}'] * 9)}]" for k in range(1, 9)]
_LAUGHS = f"[&a0 [novelty], {', '.join(_NINES)}]"  # 9 ** 8 names

# what is wrong, the setting as typed after --set; its message names the setting
_WRONG: list[tuple[str, str, str]] = [
    ("misspelt", "sede", "1"),
    ("nobody's", "frobnicate", "1"),
    ("capitals", "Seed", "1"),
    ("empty name", "", "1"),
    ("dashes for underscores", "slices-per-batch", "1"),
    ("a name of Python's", "__class__", "1"),
    ("a name with a dot", "sampling.steps", "1"),
    ("a group's name", "sampling", "{steps: 1}"),
    ("the case's name", "case", "../elsewhere"),
    ("a file as name", "preset", "paper"),
    ("a word for a count", "steps", "many"),
    ("a count as text", "steps", "'2'"),
    ("no count", "steps", "0"),
    ("negative count", "steps", "-1"),
    ("fraction as count", "steps", "2.5"),
    ("whole fraction as count", "steps", "2.0"),
    ("true as count", "steps", "true"),
    ("list as count", "steps", "[2]"),
    ("nothing as count", "steps", ""),
    ("null as count", "steps", "null"),
    ("more steps than timesteps", "steps", "1000000000000"),
    ("negative seed", "seed", "-1"),
    ("seed as text", "seed", "'7'"),
    ("NaN", "eta", ".nan"),
    ("infinite", "eta", ".inf"),
    ("negative", "eta", "-0.1"),
    ("number with a comma", "eta", "0,5"),
    ("number with a unit", "eta", "0.5 mm"),
    ("overflows", "eta", "1.0e+999"),
    ("timestep beyond the schedule", "start_timestep", "1000"),
    ("negative timestep", "start_timestep", "-5"),
    ("timesteps beyond the schedule", "timesteps", "[1000, 0]"),
    ("timesteps rising", "timesteps", "[0, 50, 100]"),
    ("timesteps twice", "timesteps", "[50, 50, 0]"),
    ("no timesteps", "timesteps", "[]"),
    ("one timestep without list", "timesteps", "100"),
    ("timesteps as texts", "timesteps", "['100', '0']"),
    ("unknown sampler", "sampler", "ddmi"),
    ("sampler as list", "sampler", "[ddim]"),
    ("sampler of another case", "sampler", "DDIM"),
    ("unknown start", "start", "nose"),
    ("word for a switch", "shared_noise", "maybe"),
    ("number for a switch", "overwrite", "1"),
    ("quoted switch", "report", "'false'"),
    ("four axes", "slice_axis", "3"),
    ("axis by name", "slice_axis", "z"),
    ("four dimensions", "spatial_dims", "4"),
    ("empty slab", "slab", "0"),
    ("unknown map", "maps", "[provenence]"),
    ("all maps and one", "maps", "[all, novelty]"),
    ("maps by source", "maps", "{MR: novelty}"),
    ("maps with null", "maps", "[null]"),
    ("one seed of uncertainty", "uncertainty_seeds", "1"),
    ("negative allowance", "novelty_allowance", "-1"),
    ("unknown precision", "precision", "float8"),
    ("unknown device", "device", "gpu"),
    ("device that is not there", "device", "cuda:99"),
    ("device of torch's that cannot compute", "device", "meta"),
    ("no threads", "threads", "0"),
    ("unknown mode of compilation", "compile_mode", "fastest"),
    ("no slices at once", "slices_per_batch", "0"),
    ("weights as number", "weights", "5"),
    ("weights as list", "weights", "[a, b]"),
    ("weights with NUL", "weights", '"a\\0b"'),
    ("window upside down", "ct_window", "[900, -100]"),
    ("window of one number", "ct_window", "[900]"),
    ("window of three numbers", "ct_window", "[0, 1, 2]"),
    ("window of texts", "ct_window", "[low, high]"),
    ("window of NaN", "ct_window", "[.nan, 1]"),
    ("empty window", "ct_window", "[5, 5]"),
    ("window as number", "ct_window", "900"),
    ("percentiles beyond 100", "mr_percentiles", "[0.5, 150]"),
    ("percentiles below 0", "mr_percentiles", "[-5, 99]"),
    ("uptake of 0 percent", "uptake_percentile", "0"),
    ("uptake beyond 100 percent", "uptake_percentile", "100.1"),
    ("window of a source that is not there", "windows", "{CT: [0, 1]}"),
    ("windows as list", "windows", "[[0, 1]]"),
    ("noise of a source that is not there", "noise", "{CT: 1.0}"),
    ("negative noise", "noise", "{MR: -1.0}"),
    ("noise as text", "noise", "{MR: loud}"),
    ("noise of an unknown form", "noise", "{MR: {sigma: 3}}"),
    ("cleaning of a source that is not there", "denoise_sources", "{CT: true}"),
    ("cleaning as word", "denoise_sources", "some"),
    ("unknown rectifier", "rectifier", "struktur"),
    ("unknown option of the rectifier", "rectifier_options", "{iteration: 3}"),
    ("option of the rectifier as text", "rectifier_options", "{iterations: many}"),
    ("iterations below 0", "rectifier_options", "{iterations: -1}"),
    ("option of the rectifier without end", "rectifier_options", "{mix: .inf}"),
    ("option of the rectifier NaN", "rectifier_options", "{iterations: .nan}"),
    ("dimensions among options", "rectifier_options", "{spatial_dims: 2}"),
    ("options as list", "rectifier_options", "[iterations, 3]"),
    ("unknown option of the reader", "dicom_reader", "{speed: 3}"),
    ("options keyed by number", "dicom_reader", "{1: 2}"),
    ("spacing of nothing", "spacing", "0"),
    ("two spacings", "spacing", "[1, 2]"),
    ("negative spacing", "spacing", "-2"),
    ("spacing in words", "spacing", "fine"),
    ("unknown interpolation", "interpolation", "cubic"),
    ("spline of order 9", "interpolation", "9"),
    ("unknown registration", "register", "affine"),
    ("modality of a source that is not there", "modalities", "{CT: CT}"),
    ("unknown modality", "modalities", "{MR: XRAY, PET: PET}"),
    ("transform of the anchor", "transforms", "{MR: a.tfm}"),
    ("transform that is not there", "transforms", "{PET: nowhere.tfm}"),
    ("selection of a source that is not there", "select", "{CT: '3'}"),
    ("selection as number", "select", "{PET: 3}"),
    ("anchor twice", "sources", "[MR]"),
    ("no sources", "sources", "[]"),
    ("more sources than files", "sources", "[PET, CT]"),
    ("sources as number", "sources", "7"),
    ("sources nested", "sources", "[[PET]]"),
    ("empty anchor", "anchor", "''"),
    ("unknown format", "output_format", "analyze"),
    ("unknown extension", "output_extension", ".mha"),
    ("unknown voxels", "output_dtype", "float16"),
    ("suffix that leads away", "fused_suffix", "../../elsewhere"),
    ("suffix with NUL", "fused_suffix", '"a\\0b"'),
    ("suffix of 300 letters", "fused_suffix", "x" * 300),
    ("output as number", "output_dir", "5"),
    ("empty output", "output_dir", "''"),
    ("unknown colours", "colour_map", "rainbowish"),
    ("colours of a source that is not there", "colour_map", "{CT: red}"),
    ("unknown blend", "colour_blend", "dodge"),
    ("threshold above 1", "colour_threshold", "1.5"),
    ("opacity below 0", "colour_opacity", "-0.5"),
    ("colour for a source that is not there", "functional", "[SPECT]"),
    ("patient as number", "new_patient_id", "12"),
    ("planes in turn with one noise for all", "three_planes", "true"),
    ("expression of MONAI's for a number", "seed", "$1+1"),
    ("reference of MONAI's", "seed", "@steps"),
    ("file of MONAI's", "seed", "%inference.yaml::seed"),
    ("expression for a switch", "overwrite", "$True"),
    ("tag of YAML's that runs code", "seed", "!!python/object/apply:os.getpid []"),
    ("list that is not closed", "sources", "[PET"),
    ("mapping that is not closed", "windows", "{MR: [0, 1]"),
    ("two documents", "windows", "{}\n---\n{}"),
    ("a tab as indentation", "windows", "MR:\n\t[0, 1]"),
    ("a key twice", "windows", "{MR: [0, 1], MR: [0, 100]}"),
    ("a list that holds itself", "windows", "&a [*a]"),
    ("a mapping that holds itself", "windows", "&a {MR: *a}"),
    ("an alias that is not there", "windows", "*nowhere"),
    ("a control character", "preset_name", "\x07"),
    ("aliases of aliases", "maps", _LAUGHS),
    ("nested a thousand times", "sources", "[" * 1000 + "]" * 1000),
]  # fmt: skip
_RIGHT: list[tuple[str, str, str]] = [
    ("an exponent without point", "eta", "0e-3"),
    ("YAML's other word for false", "report", "no"),
    ("one source without list", "sources", "PET"),
]


# what the message names in place of the setting
_NAMED = {
    "unknown option of the rectifier": "iteration",
    "option of the rectifier as text": "iterations",
    "iterations below 0": "iterations",
    "option of the rectifier NaN": "iterations",
    "option of the rectifier without end": "mix",
    "unknown modality": "XRAY",
    "transform that is not there": "nowhere.tfm",
    "unknown colours": "rainbowish",
    "anchor twice": "got MR, MR",
    "no sources": "got MR",
    "weights with NUL": "weights",
}
# MONAI's configurations may hold these: ids and expressions of a user's own, texts for switches
_TYPED_ALONE = {
    "empty name",
    "a name of Python's",
    "a group's name",
    "quoted switch",
    "a key twice",
    "a list that holds itself",
    "a mapping that holds itself",
    "aliases of aliases",
    "expression of MONAI's for a number",
    "expression for a switch",
}


def _is_yaml(text: str) -> bool:
    try:
        yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return False
    return True


def _settings() -> Iterator[tuple[str, str, str, bool]]:
    yield from ((*one, False) for one in _WRONG)
    yield from ((*one, True) for one in _RIGHT)


def bad_settings() -> list[BadInput]:
    """All of them; `make` returns the setting and its value as text."""
    return [
        BadInput(
            f"{setting}: {wrong}", lambda _, s=setting, t=text: (s, t), harmless, _NAMED.get(wrong, setting or "''")
        )
        for wrong, setting, text, harmless in _settings()
    ]


def bad_configurations() -> list[BadInput]:
    """One in eight of those that a configuration of MONAI's can hold; `make` returns the setting and its value."""
    fitting = [
        BadInput(
            f"{setting}: {wrong}",
            lambda _, s=setting, t=text: (s, yaml.safe_load(t)),
            False,
            _NAMED.get(wrong, setting),
        )
        for wrong, setting, text, harmless in _settings()
        if not harmless and wrong not in _TYPED_ALONE and _is_yaml(text)
    ]
    return fitting[::8]  # both doors lead to the same description
