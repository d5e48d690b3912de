# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm report``: pages of results that are there."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

__all__ = ["EXAMPLES", "NAME", "SUMMARY", "add_arguments", "run"]

NAME = "report"
SUMMARY = "Write the reports and the index of a folder of results again, from its records, without fusing again."
EXAMPLES = (
    "monai-ddfm report RESULTS",
    "monai-ddfm report RESULTS --identity",
)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("output_dir", metavar="DIR", help="output folder of a run")
    parser.add_argument("--identity", action="store_true", help="say who the patient is and where files lie")


def run(options: Namespace) -> dict[str, Any]:
    """Write the pages; returns their files."""
    from monai_ddfm.cohort.rebuild import rebuild_pages

    pages = rebuild_pages(options.output_dir, options.identity)
    if not options.json:
        print(pages[-1])
    return {"files": list(map(str, pages))}
