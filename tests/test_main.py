# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The commands' front door."""

from __future__ import annotations

import shlex
import subprocess
import sys
from types import ModuleType

import pytest

import monai_ddfm
from monai_ddfm.__main__ import COMMANDS, _parser, main
from monai_ddfm.commands import bids
from monai_ddfm.errors import EXIT_CODES


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.strip() == monai_ddfm.__version__


@pytest.mark.parametrize("arguments", [[], ["melt"], ["fuse", "a.nii.gz", "--steps", "many"]])
def test_words_it_does_not_know(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage: monai-ddfm" in capsys.readouterr().err


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "fuse" in said
    assert "convert-prior" in said


def test_help_imports_no_heavy_package() -> None:
    watch = """
import sys
from monai_ddfm.__main__ import main
try:
    main(["--help"])
except SystemExit:
    print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", watch], capture_output=True, text=True, check=True)
    imported = done.stdout.splitlines()[-1].split()
    assert {"monai_ddfm", "argparse"} <= set(imported)
    assert {"torch", "monai", "numpy", "pydicom", "nibabel", "matplotlib"}.isdisjoint(imported)


@pytest.mark.parametrize("words", [[], *([command.NAME] for command in COMMANDS)])
def test_help_lists_the_exit_codes(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([*words, "--help"])
    said = capsys.readouterr().out
    assert [code for code, meaning in EXIT_CODES.items() if f"  {code:<4d} {meaning}" not in said] == []


def test_help_of_the_bids_app_lists_them_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bids.main(["--help"])
    assert "exit codes:" in capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.NAME)
def test_examples_are_understood(command: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command.NAME, "--help"])
    said = capsys.readouterr().out
    assert len(command.EXAMPLES) >= 2
    for example in command.EXAMPLES:
        program, *words = shlex.split(example)
        assert program == "monai-ddfm" and f"\n  {example}\n" in said
        assert _parser().parse_args(words).command == command.NAME
