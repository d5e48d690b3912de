# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Writes fusion_metrics.npz and fusion_metrics.json: small slices and what the fusion metrics are on them.

The values come from this file's own numpy, scipy and scikit-image code in float64, written from the papers' formulas
and sharing nothing with `monai_ddfm.metrics`, whose tests compare against them. Run it again only to change the slices:

    python tests/data/generate_fusion_metrics.py VOLUMES_DIR

VOLUMES_DIR holds ``stroke_mr/{T1,T2}.nii.gz`` (neurolabusc/VolumeRenderingData, MIT licence) and
``sts_010/{CT,MR_T1,PET}.nii.gz`` (TCIA Soft-tissue-Sarcoma, Vallieres et al. 2015, doi 10.7937/K9/TCIA.2015.7GO2GSKS,
CC BY 3.0). The slices stored here are cropped and reduced to 8 bit grey.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from scipy.signal import convolve2d
from skimage.metrics import structural_similarity

HERE = Path(__file__).parent


def entropy(f: np.ndarray) -> float:
    """Shannon entropy of the 8-bit histogram, in bits."""
    p = np.histogram(np.rint(f), bins=256, range=(-0.5, 255.5))[0] / f.size
    return float(-(p[p > 0] * np.log2(p[p > 0])).sum())


def spatial_frequency(f: np.ndarray) -> float:
    """Root of the mean squared row and column differences (Eskicioglu and Fisher 1995)."""
    return float(np.sqrt((np.diff(f, axis=1) ** 2).mean() + (np.diff(f, axis=0) ** 2).mean()))


def average_gradient(f: np.ndarray) -> float:
    """Mean of sqrt((gx² + gy²) / 2), central differences inside, one-sided at the border."""
    gy, gx = np.gradient(f)
    return float(np.sqrt((gx**2 + gy**2) / 2).mean())


def mutual_information(f: np.ndarray, s: np.ndarray) -> float:
    """Mutual information of the grey levels as they are, natural logarithm."""
    fi, si = np.unique(f, return_inverse=True)[1].ravel(), np.unique(s, return_inverse=True)[1].ravel()
    joint = np.zeros((fi.max() + 1, si.max() + 1))
    np.add.at(joint, (fi, si), 1.0 / f.size)
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float((joint[joint > 0] * np.log(joint[joint > 0] / independent[joint > 0])).sum())


def scd(f: np.ndarray, sources: list[np.ndarray]) -> float:
    """Sum of the correlations of differences (Aslantas and Bendes 2015)."""
    total = sum(sources)
    pairs = [(s.ravel(), (f - (total - s)).ravel()) for s in sources]
    return float(sum(np.corrcoef(s, rest)[0, 1] for s, rest in pairs if np.ptp(rest) > 0))


def vif(f: np.ndarray, s: np.ndarray) -> float:
    """Pixel-domain visual information fidelity (Sheikh and Bovik 2006), noise variance 2."""
    numerator = denominator = 0.0
    for scale in range(1, 5):
        size = 2 ** (5 - scale) + 1
        axis = np.arange(size) - (size - 1) / 2
        window = np.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / (2 * (size / 5) ** 2))
        window /= window.sum()
        if scale > 1:
            s, f = (convolve2d(x, window, "valid")[::2, ::2] for x in (s, f))
        mean_s, mean_f = convolve2d(s, window, "valid"), convolve2d(f, window, "valid")
        var_s = np.maximum(convolve2d(s * s, window, "valid") - mean_s**2, 0)
        var_f = np.maximum(convolve2d(f * f, window, "valid") - mean_f**2, 0)
        cov = convolve2d(s * f, window, "valid") - mean_s * mean_f
        flat_s, flat_f = var_s < 1e-10, var_f < 1e-10
        gain = np.where(flat_s | flat_f, 0.0, cov / (var_s + 1e-10))
        noise = np.where(flat_f, 0.0, np.where(flat_s | (gain < 0), var_f, var_f - gain * cov))
        gain, noise = np.maximum(gain, 0), np.maximum(noise, 1e-10)
        var_s = np.where(flat_s, 0.0, var_s)
        numerator += np.log10(1 + gain**2 * var_s / (noise + 2)).sum()
        denominator += np.log10(1 + var_s / 2).sum()
    return float(numerator / denominator)


def edges(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sobel edge strength and orientation, zeros beyond the border."""
    kernel = np.array([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    gx, gy = convolve2d(x, kernel, "same"), convolve2d(x, -kernel.T, "same")
    vertical = np.abs(gx) < 1e-9
    return np.hypot(gx, gy), np.where(vertical, np.pi / 2, np.arctan(gy / np.where(vertical, 1.0, gx)))


def qabf(f: np.ndarray, sources: list[np.ndarray]) -> float:
    """Edge transfer (Xydeas and Petrovic 2000)."""
    strength_f, angle_f = edges(f)
    numerator = denominator = 0.0
    for s in sources:
        strength, angle = edges(s)
        low, high = np.minimum(strength, strength_f), np.maximum(strength, strength_f)
        ratio = np.divide(low, high, out=np.zeros_like(low), where=high > 0)
        agreement = 1 - np.abs(angle - angle_f) / (np.pi / 2)
        kept = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5))) * 0.9879 / (1 + np.exp(-22 * (agreement - 0.8)))
        numerator += (kept * strength).sum()
        denominator += strength.sum()
    return float(numerator / denominator)


def ssim(f: np.ndarray, s: np.ndarray, data_range: float) -> float:
    """Structural similarity with scikit-image's default 7x7 window."""
    return float(structural_similarity(f, s, data_range=data_range))


def all_metrics(f: np.ndarray, sources: list[np.ndarray]) -> dict[str, float]:
    """Every metric of one fused image, two-image metrics summed over the sources."""
    return {
        "EN": entropy(f),
        "SD": float(f.std()),
        "SF": spatial_frequency(f),
        "AG": average_gradient(f),
        "MI": sum(mutual_information(f, s) for s in sources),
        "SCD": scd(f, sources),
        "VIF": sum(vif(f, s) for s in sources),
        "Qabf": qabf(f, sources),
        "SSIM_range2": sum(ssim(f, s, 2.0) for s in sources),
        "SSIM_range255": sum(ssim(f, s, 255.0) for s in sources),
    }


def read_slices(volumes: Path) -> dict[str, np.ndarray]:
    """Registered 8-bit slices ``[K, H, W]`` by name: MR + MR, and CT + MR + PET."""
    slices = {}
    t1, t2 = (np.asarray(nib.load(volumes / "stroke_mr" / f"{name}.nii.gz").dataobj) for name in ("T1", "T2"))
    for k in (62, 84):
        slices[f"stroke_mr_{k}"] = np.stack([t1[..., k], t2[..., k]])
    ct = nib.load(volumes / "sts_010" / "CT.nii.gz")
    mr, pet = (
        resample_from_to(nib.load(volumes / "sts_010" / f"{name}.nii.gz"), ct, order=1).get_fdata()[..., 30]
        for name in ("MR_T1", "PET")
    )
    windowed = [(ct.get_fdata()[..., 30] + 160) / 400, mr / np.percentile(mr, 99.5), pet / 8]
    slices["sts_010_30"] = np.rint(np.clip(np.stack(windowed), 0, 1) * 255).astype(np.uint8)
    return {name: x.astype(np.uint8) for name, x in slices.items()}


def main(volumes: Path) -> None:
    slices = read_slices(volumes)
    rows = []
    for name, sources in slices.items():
        k_sources = [s.astype(np.float64) for s in sources]
        fusions = {
            "average": np.rint(np.mean(k_sources, axis=0)),
            "maximum": np.max(k_sources, axis=0),
            "first": k_sources[0],
        }
        for fusion, fused in fusions.items():
            rows.append({"slice": name, "fusion": fusion, **all_metrics(fused, k_sources)})
    np.savez_compressed(HERE / "fusion_metrics.npz", **slices)
    (HERE / "fusion_metrics.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
