# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Grey anatomy and coloured uptake in one picture: perceptually in CIELAB, by opacity as viewers do, or by luminance.

Images are ``[C, ...]``: grey one channel, colour three, sRGB in [0, 1].
"""

from __future__ import annotations

from enum import Enum

import torch
from torch import Tensor

__all__ = ["Blend", "add_chroma", "from_lab", "mix", "opacity_of", "split_chroma", "to_lab"]

_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601, as the fusion reads colour pictures
_TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))  # IEC 61966-2-1
_WHITE = (0.9505, 1.0, 1.089)  # D65, the row sums: grey has no chroma
_FULL = 0.5  # uptake, of its range, from which on a colour map is read: there the colours are its own
_DETAIL = 9.0  # L*, how far anatomy lightens and darkens the colours; with rounding to 8 bit below 10
_YELLOW = (88.0, 127.0)  # degrees of hue in which a dark colour is no yellow but olive, to the eye another colour
_FADES = 10.0  # degrees, beyond them, over which what is done for yellow fades
_OLIVE = 70.0  # L* below which yellow is olive, unless its chroma is small
_DULL = 18.0  # chroma of a colour that counts as grey
_BISECTIONS = 12  # of chroma, to the border of what sRGB can show: 1/4096


class Blend(str, Enum):
    """How colour joins grey.

    PERCEPTUAL: from half of the range on, the map's own hue and lightness, with the anatomy's light and shade within
    10 L*; below, lightness and chroma go over into grey (CIELAB, chroma lowered where sRGB cannot show it).
    LINEAR_OPACITY: alpha blending, the opacity rises with the uptake. THRESHOLD: alpha blending of one opacity above a
    threshold. LUMINANCE: the fusion's luminance and the map's chroma (BT.601), as in the published comparisons.
    """

    PERCEPTUAL = "perceptual"
    LINEAR_OPACITY = "linear_opacity"
    THRESHOLD = "threshold"
    LUMINANCE = "luminance"


def opacity_of(uptake: Tensor, blend: Blend, threshold: float = 0.05, largest: float = 1.0) -> Tensor:
    """Return how far colour covers grey, in [0, 1], for uptake in [0, 1]; 0 below `threshold`."""
    above = uptake >= threshold
    if blend is Blend.PERCEPTUAL:
        ramp = ((uptake - threshold) / max(_FULL - threshold, 1e-6)).clamp(0.0, 1.0)
        return largest * ramp * ramp * (3.0 - 2.0 * ramp) * above
    if blend is Blend.THRESHOLD:
        return largest * above.to(uptake)
    return largest * uptake * above


def mix(grey: Tensor, colour: Tensor, opacity: Tensor, blend: Blend) -> Tensor:
    """Return RGB ``[3, ...]`` of ``grey`` and ``opacity`` ``[1, ...]`` and ``colour`` ``[3, ...]``."""
    grey = grey.clamp(0.0, 1.0)
    if blend is Blend.LUMINANCE:
        return add_chroma(grey, split_chroma(colour)[1] * opacity)
    if blend is not Blend.PERCEPTUAL:
        return torch.lerp(grey.expand_as(colour), colour, opacity.expand_as(colour))
    anatomy, shown = to_lab(grey.expand_as(colour)), to_lab(colour)
    yellow = _is_yellow(shown)
    darkens = torch.lerp(torch.full_like(yellow, _DETAIL), (shown[:1] - _OLIVE - 1.0).clamp(0.0, _DETAIL), yellow)
    shade = anatomy[:1] / 50.0 - 1.0
    shaded = (shown[:1] + shade * torch.where(shade < 0.0, darkens, _DETAIL)).clamp(0.0, 100.0)
    lightness, chroma = torch.lerp(anatomy[:1], shaded, opacity), opacity * shown[1:]
    # half-covered dark grey: rather grey than olive
    dull = (_DULL / chroma.norm(dim=0, keepdim=True).clamp_min(1e-6)).clamp(max=1.0)
    chroma = chroma * torch.lerp(torch.ones_like(dull), dull, yellow * (_OLIVE + 1.0 - lightness).clamp(0.0, 1.0))
    return _in_gamut(lightness, chroma)


def _is_yellow(lab: Tensor) -> Tensor:
    """How far each colour ``[1, ...]`` is a light yellow, in [0, 1], which no anatomy may darken to olive."""
    hue = torch.rad2deg(torch.atan2(lab[2:], lab[1:2]))
    outside = torch.maximum(_YELLOW[0] - hue, hue - _YELLOW[1]).clamp_min(0.0)
    return (1.0 - outside / _FADES).clamp_min(0.0) * (lab[:1] >= _OLIVE)


def _in_gamut(lightness: Tensor, chroma: Tensor) -> Tensor:
    """RGB of L* and (a*, b*), their chroma lowered until sRGB can show it; hue and lightness stay."""
    low, high = torch.zeros_like(lightness), torch.ones_like(lightness)
    inside = _shows(from_lab(torch.cat([lightness, chroma])))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        shown = _shows(from_lab(torch.cat([lightness, middle * chroma])))
        low, high = torch.where(shown, middle, low), torch.where(shown, high, middle)
    share = torch.where(inside, torch.ones_like(low), low)
    return from_lab(torch.cat([lightness, share * chroma])).clamp(0.0, 1.0)


def _shows(rgb: Tensor) -> Tensor:
    return ((rgb >= -1e-4) & (rgb <= 1.0 + 1e-4)).all(dim=0, keepdim=True)


def to_lab(rgb: Tensor) -> Tensor:
    """Return CIELAB ``[3, ...]`` (CIE 15, D65) of sRGB ``[3, ...]``."""
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp_min(0.0) + 0.055) / 1.055) ** 2.4)
    xyz = torch.tensordot(rgb.new_tensor(_TO_XYZ), linear, dims=1) / _column(_WHITE, rgb)
    x, y, z = torch.where(xyz > (6 / 29) ** 3, xyz.clamp_min(1e-9) ** (1 / 3), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return torch.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)])


def from_lab(lab: Tensor) -> Tensor:
    """Return sRGB ``[3, ...]`` of CIELAB; outside [0, 1] for colours that sRGB cannot show."""
    y = (lab[0] + 16.0) / 116.0
    cubic = torch.stack([y + lab[1] / 500.0, y, y - lab[2] / 200.0])
    xyz = torch.where(cubic > 6 / 29, cubic**3, 3 * (6 / 29) ** 2 * (cubic - 4 / 29)) * _column(_WHITE, lab)
    linear = torch.tensordot(torch.linalg.inv(lab.new_tensor(_TO_XYZ)), xyz, dims=1)
    return torch.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clamp_min(1e-9) ** (1 / 2.4) - 0.055)


def _column(values: tuple[float, ...], like: Tensor) -> Tensor:
    return like.new_tensor(values).view(-1, *[1] * (like.ndim - 1))


def split_chroma(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Return BT.601 luminance ``[1, ...]`` and chroma ``[3, ...]`` (the rest, of luminance zero) of RGB."""
    grey = (_column(_LUMINANCE, rgb) * rgb).sum(dim=0, keepdim=True)
    return grey, rgb - grey


def add_chroma(grey: Tensor, chroma: Tensor) -> Tensor:
    """Return RGB ``[3, ...]`` in [0, 1]: luminance ``grey`` ``[1, ...]``, hue of ``chroma`` ``[3, ...]``.

    Where a colour would leave [0, 1] its saturation is lowered, never its hue or its luminance.
    """
    grey = grey.clamp(0.0, 1.0)
    room = torch.where(chroma > 0, 1.0 - grey, grey)
    limit = torch.where(chroma.abs() > 1e-6, room / chroma.abs().clamp_min(1e-6), torch.ones_like(chroma))
    return grey + chroma * limit.amin(dim=0, keepdim=True).clamp(0.0, 1.0)
