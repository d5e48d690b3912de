# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""MONAI transforms, one per file, in array and dictionary form."""

from __future__ import annotations

from monai_ddfm.transforms.apply_affine import ApplyAffine, ApplyAffineD, ApplyAffined, ApplyAffineDict
from monai_ddfm.transforms.check_geometry import CheckGeometry, CheckGeometryD, CheckGeometryd, CheckGeometryDict
from monai_ddfm.transforms.check_registration import (
    CheckRegistration,
    CheckRegistrationD,
    CheckRegistrationd,
    CheckRegistrationDict,
)
from monai_ddfm.transforms.check_volume import CheckVolume, CheckVolumeD, CheckVolumed, CheckVolumeDict
from monai_ddfm.transforms.colour_functional import (
    ColourFunctional,
    ColourFunctionalD,
    ColourFunctionald,
    ColourFunctionalDict,
)
from monai_ddfm.transforms.keep_chroma import KeepChroma, KeepChromaD, KeepChromad, KeepChromaDict
from monai_ddfm.transforms.match_grids import MatchGrids, MatchGridsD, MatchGridsd, MatchGridsDict
from monai_ddfm.transforms.measure_regions import (
    MeasureRegions,
    MeasureRegionsD,
    MeasureRegionsd,
    MeasureRegionsDict,
)
from monai_ddfm.transforms.modality import Modality, modality_of
from monai_ddfm.transforms.normalize_like import NormalizeLike, NormalizeLikeD, NormalizeLiked, NormalizeLikeDict
from monai_ddfm.transforms.normalize_modality import (
    NormalizeModality,
    NormalizeModalityD,
    NormalizeModalityd,
    NormalizeModalityDict,
)
from monai_ddfm.transforms.note_grid import NoteGrid, NoteGridD, NoteGridd, NoteGridDict
from monai_ddfm.transforms.paint_provenance import (
    PaintProvenance,
    PaintProvenanceD,
    PaintProvenanced,
    PaintProvenanceDict,
)
from monai_ddfm.transforms.read_source import ReadSource, ReadSourceD, ReadSourced, ReadSourceDict
from monai_ddfm.transforms.register_rigid import RegisterRigid, RegisterRigidD, RegisterRigidd, RegisterRigidDict
from monai_ddfm.transforms.respace import Respace, RespaceD, Respaced, RespaceDict
from monai_ddfm.transforms.restore_intensity import (
    RestoreIntensity,
    RestoreIntensityD,
    RestoreIntensityd,
    RestoreIntensityDict,
)
from monai_ddfm.transforms.split_maps import SplitMaps, SplitMapsD, SplitMapsd, SplitMapsDict
from monai_ddfm.transforms.write_dicom import WriteDicom, WriteDicomD, WriteDicomd, WriteDicomDict
from monai_ddfm.transforms.write_fused import WriteFused, WriteFusedD, WriteFusedd, WriteFusedDict
from monai_ddfm.transforms.write_motions import WriteMotions, WriteMotionsD, WriteMotionsd, WriteMotionsDict
from monai_ddfm.transforms.write_picture import WritePicture, WritePictureD, WritePictured, WritePictureDict
from monai_ddfm.transforms.write_regions import WriteRegions, WriteRegionsD, WriteRegionsd, WriteRegionsDict

__all__ = [
    "ApplyAffine",
    "ApplyAffineD",
    "ApplyAffineDict",
    "ApplyAffined",
    "CheckGeometry",
    "CheckGeometryD",
    "CheckGeometryDict",
    "CheckGeometryd",
    "CheckRegistration",
    "CheckRegistrationD",
    "CheckRegistrationDict",
    "CheckRegistrationd",
    "CheckVolume",
    "CheckVolumeD",
    "CheckVolumeDict",
    "CheckVolumed",
    "ColourFunctional",
    "ColourFunctionalD",
    "ColourFunctionalDict",
    "ColourFunctionald",
    "KeepChroma",
    "KeepChromaD",
    "KeepChromaDict",
    "KeepChromad",
    "MatchGrids",
    "MatchGridsD",
    "MatchGridsDict",
    "MatchGridsd",
    "MeasureRegions",
    "MeasureRegionsD",
    "MeasureRegionsDict",
    "MeasureRegionsd",
    "Modality",
    "NormalizeLike",
    "NormalizeLikeD",
    "NormalizeLikeDict",
    "NormalizeLiked",
    "NormalizeModality",
    "NormalizeModalityD",
    "NormalizeModalityDict",
    "NormalizeModalityd",
    "NoteGrid",
    "NoteGridD",
    "NoteGridDict",
    "NoteGridd",
    "PaintProvenance",
    "PaintProvenanceD",
    "PaintProvenanceDict",
    "PaintProvenanced",
    "ReadSource",
    "ReadSourceD",
    "ReadSourceDict",
    "ReadSourced",
    "RegisterRigid",
    "RegisterRigidD",
    "RegisterRigidDict",
    "RegisterRigidd",
    "Respace",
    "RespaceD",
    "RespaceDict",
    "Respaced",
    "RestoreIntensity",
    "RestoreIntensityD",
    "RestoreIntensityDict",
    "RestoreIntensityd",
    "SplitMaps",
    "SplitMapsD",
    "SplitMapsDict",
    "SplitMapsd",
    "WriteDicom",
    "WriteDicomD",
    "WriteDicomDict",
    "WriteDicomd",
    "WriteFused",
    "WriteFusedD",
    "WriteFusedDict",
    "WriteFusedd",
    "WriteMotions",
    "WriteMotionsD",
    "WriteMotionsDict",
    "WriteMotionsd",
    "WritePicture",
    "WritePictureD",
    "WritePictureDict",
    "WritePictured",
    "WriteRegions",
    "WriteRegionsD",
    "WriteRegionsDict",
    "WriteRegionsd",
    "modality_of",
]
