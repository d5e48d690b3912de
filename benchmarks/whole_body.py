# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What each stage takes at the size of a whole body, and which exceed their share of the fusion's time.

    python benchmarks/whole_body.py [--size 512 --slices 135] [--compressed] [--output-format nifti|dicom|both]
        [--anchor CT] [--runs 1] [--keep DIR]

Makes a CT and a PET of that size from the shipped DICOM study (interpolated, with the noise of the original put back:
neighbouring differences of the CT), writes them as DICOM series (`--compressed`: JPEG 2000 lossless), and fuses them by
`monai-ddfm fuse` in a process of its own. Prints markdown: seconds, processor seconds, their share of the fusing stage,
and the peak of the memory, from the record that the run wrote. Processor seconds are what counts where other work runs
on the machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import torch
import torch.nn.functional as F
from machine import describe_machine
from markdown_table import spread, table
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, generate_uid

from monai_ddfm.bundle import BUNDLE_ROOT

STUDY = BUNDLE_ROOT / "example" / "dicom_sts_013"
MOST = 0.15  # of the fusion's time, that another stage may take


def stretched(name: str, shape: Sequence[int]) -> tuple[np.ndarray, list[Path]]:
    """Stored values ``[slices, rows, columns]`` of a series of the study, on `shape`, and the files of its slices."""
    files = sorted((STUDY / name).glob("*.dcm"), key=lambda file: float(pydicom.dcmread(file).ImagePositionPatient[2]))
    volume = np.stack([pydicom.dcmread(file).pixel_array for file in files]).astype(np.float32)
    smooth = F.interpolate(torch.from_numpy(volume)[None, None], size=list(shape), mode="trilinear")[0, 0].numpy()
    grain = np.resize(np.diff(volume, axis=1), shape) / np.sqrt(2.0) if name == "CT" else 0.0
    limit = np.iinfo(pydicom.dcmread(files[0]).pixel_array.dtype)
    return np.clip(np.rint(smooth + grain), limit.min, limit.max).astype(limit.dtype), files


def write_series(name: str, folder: Path, shape: Sequence[int], compressed: bool) -> Path:
    """Write a series of that shape over the field of view of the original, in one frame of reference."""
    volume, files = stretched(name, shape)
    (folder / name).mkdir(parents=True)
    first, last = pydicom.dcmread(files[0]), pydicom.dcmread(files[-1])
    x, y, low = (float(value) for value in first.ImagePositionPatient)
    step = (float(last.ImagePositionPatient[2]) - low) / (shape[0] - 1)
    pixel = [
        float(first.PixelSpacing[0]) * first.Rows / shape[1],
        float(first.PixelSpacing[1]) * first.Columns / shape[2],
    ]
    for k, values in enumerate(volume):
        one = pydicom.dcmread(files[k * len(files) // shape[0]])
        one.Rows, one.Columns, one.PixelSpacing = shape[1], shape[2], [f"{side:.6f}" for side in pixel]
        one.ImagePositionPatient, one.SliceThickness = [f"{x:.4f}", f"{y:.4f}", f"{low + k * step:.5f}"], f"{step:.5f}"
        one.PixelData, one.InstanceNumber = values.tobytes(), k + 1
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if compressed:
            one.compress(JPEG2000Lossless, generate_instance_uid=False)
        one.save_as(folder / name / f"{k:04d}.dcm")
    return folder / name


def fused_once(sources: Sequence[Path], output: Path, output_format: str) -> tuple[dict[str, dict[str, float]], float]:
    """What the stages of a run took, and its wall time from start to end."""
    command = [sys.executable, "-m", "monai_ddfm", "fuse", *map(str, sources), "-o", str(output), "--quiet"]
    begun = time.perf_counter()
    subprocess.run([*command, "--overwrite", "--output-format", output_format, "--device", "cpu"], check=True)
    whole = time.perf_counter() - begun
    return json.loads((output / f"{sources[0].name}.json").read_text())["stages"], whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="rows and columns")
    parser.add_argument("--slices", type=int, default=135)
    parser.add_argument("--compressed", action="store_true", help="sources in JPEG 2000")
    parser.add_argument("--output-format", default="nifti", choices=["nifti", "dicom", "both"])
    parser.add_argument("--anchor", default="CT", choices=["CT", "PET"])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for series and results (default: a temporary one)")
    options = parser.parse_args()
    shape = (options.slices, options.size, options.size)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        names = sorted(("CT", "PET"), key=lambda name: name != options.anchor)
        sources = [
            folder / name if (folder / name).is_dir() else write_series(name, folder, shape, options.compressed)
            for name in names
        ]
        runs = [fused_once(sources, folder / "output", options.output_format) for _ in range(options.runs)]
    print(describe_machine(torch.device("cpu")), end="\n\n")
    fusing = [sum(stages[name]["processor"] for name in ("cleaning", "fusing")) for stages, _ in runs]
    rows = []
    for name in runs[0][0]:
        notes = [stages[name] for stages, _ in runs]
        shares = [100.0 * note["processor"] / whole for note, whole in zip(notes, fusing, strict=True)]
        above = " (!)" if name not in ("cleaning", "fusing") and np.median(shares) > 100 * MOST else ""
        seconds, processor, peak = (spread([note[w] for note in notes]) for w in ("seconds", "processor", "peak_mib"))
        rows.append([name, seconds, processor, spread(shares, ".1f") + above, peak])
    rows.append(["whole command", spread([whole for _, whole in runs]), "", "", ""])
    print(f"CT and PET, {options.size} x {options.size} x {options.slices}, anchor {options.anchor}\n")
    print(table(["stage", "seconds", "processor seconds", "% of cleaning and fusing", "peak so far, MiB"], rows))


if __name__ == "__main__":
    main()
