# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""3D Slicer scripted module "DDFM Fusion": add this folder to Slicer's module paths (Application Settings, Modules)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import qt
import slicer
import vtk
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleWidget,
)

PRESETS = ("(default)", "mri_pet", "mri_spect", "mri_ct", "pet_ct", "high_quality", "navigation", "preview")


class DDFMFusion(ScriptedLoadableModule):
    """What the module is."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        parent.title = "DDFM Fusion"
        parent.categories = ["Filtering"]
        parent.contributors = ["monai_ddfm contributors"]
        parent.helpText = (
            "Fuses two registered volumes by diffusion (DDFM). The result is on the first volume's grid and in its "
            "units. Research software, not a medical device."
        )


class DDFMFusionWidget(ScriptedLoadableModuleWidget):
    """Two volumes, their modalities, a preset, a button."""

    def setup(self) -> None:
        """Build the panel."""
        super().setup()
        self.logic = DDFMFusionLogic()
        form = qt.QFormLayout()
        self.layout.addLayout(form)
        self.volumes, self.modalities = [], []
        for label in ("Anchor (its grid and units)", "Other source"):
            chooser = slicer.qMRMLNodeComboBox()
            chooser.nodeTypes = ["vtkMRMLScalarVolumeNode"]
            chooser.addEnabled = chooser.removeEnabled = False
            chooser.setMRMLScene(slicer.mrmlScene)
            modality = qt.QComboBox()
            modality.addItems(["by name", "MR", "CT", "PT", "NM"])
            row = qt.QHBoxLayout()
            row.addWidget(chooser)
            row.addWidget(modality)
            form.addRow(label, row)
            self.volumes.append(chooser)
            self.modalities.append(modality)
        self.preset = qt.QComboBox()
        self.preset.addItems(PRESETS)
        form.addRow("Preset", self.preset)
        self.maps = qt.QCheckBox("provenance, novelty")
        form.addRow("Maps", self.maps)
        button = qt.QPushButton("Fuse")
        button.connect("clicked(bool)", self.on_fuse)
        self.layout.addWidget(button)
        self.layout.addStretch(1)

    def on_fuse(self, *_: Any) -> None:
        """Fuse the chosen volumes and show the result; what is wrong is shown in a dialogue."""
        nodes = [chooser.currentNode() for chooser in self.volumes]
        if None in nodes or nodes[0] is nodes[1]:
            slicer.util.errorDisplay("Choose two different volumes.")
            return
        chosen = [box.currentText for box in self.modalities]
        preset = None if self.preset.currentText == PRESETS[0] else self.preset.currentText
        maps = ["provenance", "novelty"] if self.maps.checked else []
        with slicer.util.tryWithErrorDisplay("Fusion failed.", waitCursor=True):
            fused = self.logic.fuse(nodes, [None if m == "by name" else m for m in chosen], preset, maps=maps)
            slicer.util.setSliceViewerLayers(background=fused["fused"], fit=True)


class DDFMFusionLogic(ScriptedLoadableModuleLogic):
    """From nodes to nodes; everything that can be done without Slicer is in `monai_ddfm.apps.slicer_fusion`."""

    def fuse(
        self, nodes: Sequence[Any], modalities: Sequence[str | None], preset: str | None = None, **settings: Any
    ) -> dict[str, Any]:
        """Fuse scalar volume nodes, the anchor first; returns the new nodes by name."""
        try:
            from monai_ddfm.apps.slicer_fusion import fuse_arrays, modality_of_name
        except ImportError as error:
            raise ImportError("install monai_ddfm in Slicer's Python console: pip_install('PATH_OR_WHEEL')") from error
        named = [given or modality_of_name(node.GetName()) for node, given in zip(nodes, modalities, strict=True)]
        results = fuse_arrays(
            [slicer.util.arrayFromVolume(node) for node in nodes],
            [_ijk_to_ras(node) for node in nodes],
            named,
            preset,
            [_parent_to_world(node) for node in nodes],
            **settings,
        )
        made = {}
        for name, (voxels, matrix) in results.items():
            node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", f"{nodes[0].GetName()} {name}")
            slicer.util.updateVolumeFromArray(node, voxels)
            node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
            node.SetAndObserveTransformNodeID(nodes[0].GetTransformNodeID())
            node.CreateDefaultDisplayNodes()
            made[name] = node
        return made


def _ijk_to_ras(node: Any) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _parent_to_world(node: Any) -> np.ndarray | None:
    """The matrix of the transform that the node is under, None without one; a deformation has none and is refused."""
    parent = node.GetParentTransformNode()
    if parent is None:
        return None
    if not parent.IsTransformToWorldLinear():
        raise ValueError(f"{node.GetName()} is under a transform that is not linear; harden it first (right click)")
    matrix = vtk.vtkMatrix4x4()
    parent.GetMatrixTransformToWorld(matrix)
    return np.array(slicer.util.arrayFromVTKMatrix(matrix))
