# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Every command and every Python line of the documentation runs, or says why no test runs it."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
from importlib.util import find_spec
from pathlib import Path

import monai.bundle
import nibabel
import numpy as np
import pytest

from monai_ddfm.__main__ import _parser, main
from monai_ddfm.bundle import BUNDLE_ROOT
from tests.docs.snippets import ROOT, Snippet, pages, snippets

PLACES = {"CASES": "cases", "/data/cases": "cases", "OUT": "out", "RESULTS": "results"}
OWN = {"--record", "--transform", "--store-to", "--dicomweb"}  # take what only a reader has
NOT_HERE = (
    "monai-ddfm-bids",
    "make",
    "torchrun",
    "srun",
    "npx",
    "docker",
    "pip",
    "apptainer",
)  # their words are checked, not run


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, example_case: Path) -> Path:
    """A reader's folder: the files that the documentation names, and the repository's folders."""
    for name in ("bundle", "benchmarks", "configs", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(example_case / "MR_T1.nii.gz", tmp_path / "MR.nii.gz")
    shutil.copy(example_case / "PET.nii.gz", tmp_path / "PET.nii.gz")
    shutil.copytree(example_case, tmp_path / "cases" / "p01")
    shutil.copy(BUNDLE_ROOT / "example" / "sts_010" / "CT.nii.gz", tmp_path / "cases" / "p01" / "CT.nii.gz")
    image = nibabel.load(tmp_path / "MR.nii.gz")
    drawn = np.zeros(image.shape, np.uint8)
    drawn[20:26, 20:26, 1:3] = 1
    nibabel.save(nibabel.Nifti1Image(drawn, image.affine), tmp_path / "lesions.nii.gz")
    for modality in ("MR", "PET"):
        shutil.copytree(BUNDLE_ROOT / "example" / "dicom_sts_013" / modality, tmp_path / "study" / modality)
    shutil.make_archive(str(tmp_path / "study"), "zip", tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_bundle(words: list[str]) -> None:
    """``python -m monai.bundle run`` in this process."""
    given = dict(zip([word.removeprefix("--") for word in words[::2]], words[1::2], strict=True))
    config = given.pop("config_file")
    files = ast.literal_eval(config) if config.startswith("[") else config
    values = {name: ast.literal_eval(value) if value.startswith("[") else value for name, value in given.items()}
    monai.bundle.run(config_file=files, **values)


def check_words(words: list[str]) -> None:
    """What a command that is not run here names is there: programs of the repository, their options, targets, files."""
    for word in words:
        if word.startswith(("bundle/", "benchmarks/", "'bundle/", "['bundle/")):
            for name in re.findall(r"(?:bundle|benchmarks)/[\w./-]+", word):
                assert (ROOT / name).exists(), name
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words
    if words[0] == "python" and words[1].startswith("benchmarks/"):
        program = (ROOT / words[1]).read_text()
        assert all(f'"{word}"' in program for word in words[2:] if word.startswith("--")), words


def run_command(command: str) -> None:
    """Run a command as a reader would, or check what it names."""
    words = [PLACES.get(word, word) for word in shlex.split(command)]
    check_words(words)
    if words[:1] == ["monai-ddfm"] or words[:3] == ["python", "-m", "monai_ddfm"]:
        arguments = words[1 if words[0] == "monai-ddfm" else 3 :]
        if arguments[0] in ("fuse", "measure") and not OWN & set(arguments):
            assert main([*arguments, "-q"]) == 0, command
        else:  # of results or files that only the reader has
            _parser().parse_args(arguments)
    elif words[:4] == ["python", "-m", "monai.bundle", "run"]:
        run_bundle(words[4:])
    elif words[:2] == ["python", "-m"]:
        assert find_spec(words[2]), command
    else:
        assert words[0] in NOT_HERE or words[1].startswith("benchmarks/"), f"no test runs: {command}"


@pytest.mark.parametrize("page", [page for page in pages() if snippets(page)])
def test_page(page: str, desk: Path) -> None:
    names: dict[str, object] = {}
    for snippet in snippets(page):
        if snippet.reason is not None:
            check_unrun(snippet)
        elif snippet.kind == "python":
            exec(compile(snippet.text, f"{page}, a piece of Python", "exec"), names)
        else:
            for command in snippet.commands:
                run_command(command)


def check_unrun(snippet: Snippet) -> None:
    """A piece that cannot be run here says why, and is written correctly."""
    assert snippet.reason and len(snippet.reason) > 10
    if snippet.kind == "python":
        compile(snippet.text, snippet.page, "exec")
        return
    for command in snippet.commands:
        check_words(shlex.split(command))


def test_there_is_something_to_run() -> None:
    found = [snippet for page in pages() for snippet in snippets(page)]
    assert sum(snippet.reason is None for snippet in found) > 20
    assert {snippet.kind for snippet in found} <= {"python", "bash", "yaml", "json", "text"}
