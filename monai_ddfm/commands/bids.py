# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""``monai-ddfm-bids IN OUT participant``: the command line of BIDS apps."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from monai_ddfm import __version__
from monai_ddfm.bundle import preset_names
from monai_ddfm.errors import exit_codes_in_words

__all__ = ["main"]

_EXAMPLES = """examples:
  monai-ddfm-bids DATASET DATASET/derivatives/ddfm participant
  monai-ddfm-bids DATASET OUT participant --participant-label 01 02 --anchor acq-high_T1w --source trc-FDG_pet
  monai-ddfm-bids DATASET OUT participant --anchor ct --source pet --preset pet_ct --register rigid
"""


def parser() -> ArgumentParser:
    """Return the arguments."""
    from argparse import RawDescriptionHelpFormatter

    made = ArgumentParser(
        prog="monai-ddfm-bids",
        description="Fuse the images of a BIDS dataset and write the results as BIDS derivatives.",
        epilog=f"{_EXAMPLES}\n{exit_codes_in_words()}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("bids_dir", metavar="IN", help="the BIDS dataset")
    add("output_dir", metavar="OUT", help="becomes a BIDS dataset of derivatives")
    add("analysis_level", metavar="participant", choices=["participant"], help="participant is the only level")
    add(
        "--participant-label",
        "--participant_label",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="of subjects, with or without sub-",
    )
    add(
        "--session-label",
        "--session_label",
        nargs="+",
        default=[],
        metavar="LABEL",
        help="of sessions, with or without ses-",
    )
    add(
        "--anchor",
        default="T1w",
        help="end of its name: T1w, or acq-high_T1w (default: T1w); the result is on its grid",
    )
    add("--source", action="append", default=[], help="the same of another image; may be repeated (default: pet)")
    add("--desc", default="fused", metavar="LABEL", help="label of desc- in the results' names (default: fused)")
    add(
        "--pet-window",
        nargs=2,
        type=float,
        metavar="SECONDS",
        help="from and to: which frames of dynamic PET are averaged",
    )
    add("--preset", choices=preset_names(), help="settings for one use")
    add("--maps", nargs="+", metavar="MAP", help="provenance, uncertainty, novelty, conflict")
    add("--register", choices=["none", "rigid"], help="rigid: move the sources onto the anchor first")
    add("--seed", type=int, help="makes the noise; the same seed, the same result")
    add("--device", help="e.g. cpu or cuda:0 (default: a GPU where there is one)")
    add("--n-cpus", "--n_cpus", type=int, metavar="N", help="CPU threads")
    add("-w", "--work-dir", help="records of what is finished (default: OUT/.monai_ddfm)")
    add("--overwrite", action="store_true", help="replace results made from other files or settings")
    add("--set", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="any other setting")
    add("--version", action="version", version=__version__)
    loudness = made.add_mutually_exclusive_group()
    loudness.add_argument("-q", "--quiet", action="store_true", help="say only what went wrong")
    loudness.add_argument("-v", "--verbose", action="store_true", help="say more")
    add("--traceback", action="store_true", help="show where an error came from")
    return made


def _run(options: Namespace) -> None:
    from monai_ddfm.bids import fuse_dataset
    from monai_ddfm.commands.typed_settings import typed_settings

    given = {name: getattr(options, name) for name in ("maps", "register", "seed", "device")}
    settings = {name: value for name, value in {**given, "threads": options.n_cpus}.items() if value is not None}
    settings |= {"overwrite": options.overwrite, "progress": not options.quiet}
    fuse_dataset(
        options.bids_dir,
        options.output_dir,
        options.anchor,
        options.source or ["pet"],
        options.participant_label,
        options.session_label,
        options.desc,
        None if options.pet_window is None else tuple(options.pet_window),
        options.work_dir,
        options.preset,
        **{**settings, **typed_settings(options.set)},
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the app; returns the exit code, as `monai_ddfm.__main__.main` does."""
    from monai_ddfm.__main__ import run_in_one_line

    return run_in_one_line(_run, parser().parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
