# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Coverage-guided fuzzing of the readers by atheris (libFuzzer), which installs on Linux with CPython 3.11 to 3.13.

    python -m tests.robustness.fuzz nifti|nifti_gz|dicom|dicomdir|zip|picture [--seconds 60] [--findings DIR]

Each finding is kept once, by its reason, as a file in DIR; the exit code is 1 where there is any.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import os
import tempfile
import time
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["monai_ddfm", "pydicom", "nibabel", "PIL"]):
    from tests.robustness.fuzz.seeds import seeds_of
    from tests.robustness.fuzz.targets import TARGETS, Finding, meet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--findings", type=Path, default=Path("fuzz_findings"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    target, met, reasons = TARGETS[options.target], {"read": 0, "refused": 0}, {}
    begun = time.monotonic()

    def one(content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = target.write(content if target.mend is None else target.mend(content), Path(folder))
                met[meet(path)] += 1
            except Finding as finding:
                reason = str(finding)[:160]
                if reason not in reasons:
                    options.findings.mkdir(parents=True, exist_ok=True)
                    name = f"{options.target}_{hashlib.sha256(content).hexdigest()[:12]}"
                    (options.findings / name).write_bytes(content)
                    reasons[reason] = name
        if time.monotonic() - begun > options.seconds:
            tried = sum(met.values()) + len(reasons)
            print(json.dumps({"target": options.target, "seconds": options.seconds, "tried": tried, **met}), flush=True)
            print(json.dumps(reasons, indent=1), flush=True)
            os._exit(1 if reasons else 0)  # libFuzzer knows no other way out of Python

    with tempfile.TemporaryDirectory() as corpus:
        for index, seed in enumerate(seeds_of(options.target)):
            Path(corpus, str(index)).write_bytes(seed)
        atheris.Setup(["fuzz", corpus, "-max_len=65536", "-timeout=60", "-rss_limit_mb=8192", "-verbosity=0"], one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
