# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a nuclear medicine image (SPECT) asks for: one file with a frame per slice, placed by its detector."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.valuerep import DSfloat

from monai_ddfm.dicom.write.classic_objects import code_patient_position, real_world_values
from monai_ddfm.dicom.write.slice_stack import SliceStack
from monai_ddfm.dicom.write.stored_values import StoredValues

__all__ = ["complete_nuclear_medicine"]


def complete_nuclear_medicine(dataset: Dataset, stored: StoredValues, stack: SliceStack) -> None:
    """Make a reconstructed tomogram of it: NM Image, Multi-frame, Detector and Reconstruction modules (PS3.3 C.8.4).

    The first slice's position and the orientation stand with the detector; the others follow along the normal.
    """
    count = len(stack.frames)
    dataset.ImageType = ["DERIVED", "PRIMARY", "RECON TOMO", "EMISSION"]  # the only second value that NM allows
    dataset.NumberOfFrames = dataset.NumberOfSlices = count
    dataset.FrameIncrementPointer = Tag("SliceVector")
    dataset.SliceVector = list(range(1, count + 1))
    for keyword in ("EnergyWindow", "Detector", "Rotation"):
        setattr(dataset, f"NumberOf{keyword}s", 1)
    for keyword in ("EnergyWindowInformationSequence", "RadiopharmaceuticalInformationSequence"):
        setattr(dataset, keyword, [])
    dataset.RotationInformationSequence = []
    dataset.CountsAccumulated = None
    detector = Dataset()
    detector.CollimatorType = None
    for keyword in ("FieldOfViewShape", "FieldOfViewDimensions", "FocalDistance", "XFocusCenter", "YFocusCenter"):
        setattr(detector, keyword, None)
    detector.ImageOrientationPatient = dataset.ImageOrientationPatient
    detector.ImagePositionPatient = [DSfloat(float(number), auto_format=True) for number in stack.positions[0]]
    dataset.DetectorInformationSequence = [detector]
    del dataset.ImageOrientationPatient
    code_patient_position(dataset)
    if (stored.slope, stored.intercept) != (1.0, 0.0):
        dataset.RealWorldValueMappingSequence = [real_world_values(stored)]
