# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The 3D Slicer module: its pure part, and its file with a stand-in for what only Slicer has."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from monai_ddfm.apps import slicer_fusion
from monai_ddfm.apps.slicer_fusion import fuse_arrays, modality_of_name
from monai_ddfm.apps.slices_first import slices_first
from monai_ddfm.bundle import preset_names
from monai_ddfm.pipeline import FuseDDFM
from tests.transforms.test_register_rigid import body, rigid

MODULE = Path(slicer_fusion.__file__).parent / "slicer" / "DDFMFusion.py"
SETTINGS: dict[str, Any] = {"device": "cpu", "denoise_sources": False, "rectifier_options": {"iterations": 2}}


def test_arrays_are_fused_as_volumes_are() -> None:
    arrays, matrices = zip(*(slices_first(body(number)) for number in (0, 1)), strict=True)
    results = fuse_arrays(arrays, matrices, ["MR", "PT"], maps=["provenance"], **SETTINGS)
    assert list(results) == ["fused", "provenance_1", "provenance_2"]
    expected = FuseDDFM(["MR", "PT"], **SETTINGS)([body(0), body(1)])
    np.testing.assert_allclose(results["fused"][0], slices_first(expected)[0], atol=1e-3)
    np.testing.assert_allclose(results["fused"][1], matrices[0], atol=1e-6)


def test_parent_transforms_are_part_of_where_a_volume_lies() -> None:
    arrays, matrices = zip(*(slices_first(body(number)) for number in (0, 1)), strict=True)
    plain = fuse_arrays(arrays, matrices, ["MR", "PT"], **SETTINGS)["fused"]
    world = rigid((30, 20, 10), 10)
    away = np.linalg.inv(world) @ matrices[1]  # stored elsewhere, and brought back by its parent
    moved = fuse_arrays(arrays, [matrices[0], away], ["MR", "PT"], parents=[None, world], **SETTINGS)["fused"]
    np.testing.assert_allclose(moved[0], plain[0], atol=1e-2)
    both = fuse_arrays(arrays, matrices, ["MR", "PT"], parents=[world, world], **SETTINGS)["fused"]
    np.testing.assert_allclose(both[1], matrices[0], atol=1e-6)  # the new node goes under the same transform


def test_the_modality_by_a_nodes_name() -> None:
    assert [modality_of_name(name) for name in ("FDG PET", "CT bone", "T1 MR", "Volume_1")] == ["PT", "CT", "MR", "MR"]


class _Node:
    def __init__(self, name: str, array: np.ndarray, matrix: np.ndarray) -> None:
        self.name, self.array, self.matrix = name, array, matrix

    def GetName(self) -> str:  # noqa: N802
        return self.name

    def GetIJKToRASMatrix(self, matrix: Any) -> None:  # noqa: N802
        matrix.array = self.matrix

    def SetIJKToRASMatrix(self, matrix: np.ndarray) -> None:  # noqa: N802
        self.matrix = matrix

    def GetParentTransformNode(self) -> None:  # noqa: N802
        return None

    def GetTransformNodeID(self) -> None:  # noqa: N802
        return None

    def SetAndObserveTransformNodeID(self, identity: Any) -> None:  # noqa: N802
        assert identity is None

    def CreateDefaultDisplayNodes(self) -> None:  # noqa: N802
        pass


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The module's file, run with the few functions of Slicer that its logic calls."""
    slicer, loadable = ModuleType("slicer"), ModuleType("slicer.ScriptedLoadableModule")
    for name in ("", "Widget", "Logic"):
        setattr(loadable, f"ScriptedLoadableModule{name}", type(f"ScriptedLoadableModule{name}", (), {}))
    slicer.util = SimpleNamespace(  # type: ignore[attr-defined]
        arrayFromVolume=lambda node: node.array,
        arrayFromVTKMatrix=lambda matrix: matrix.array,
        vtkMatrixFromArray=lambda array: array,
        updateVolumeFromArray=lambda node, voxels: setattr(node, "array", voxels),
    )
    slicer.mrmlScene = SimpleNamespace(  # type: ignore[attr-defined]
        AddNewNodeByClass=lambda kind, name: _Node(name, np.zeros(0), np.eye(4))
    )
    vtk = SimpleNamespace(vtkMatrix4x4=SimpleNamespace)
    for name, stand_in in {"qt": ModuleType("qt"), "vtk": vtk, "slicer": slicer, loadable.__name__: loadable}.items():
        monkeypatch.setitem(sys.modules, name, stand_in)
    namespace: dict[str, Any] = {"__name__": "DDFMFusion"}
    exec(compile(MODULE.read_text(), str(MODULE), "exec"), namespace)
    return namespace


def test_the_logic_makes_nodes_from_nodes(module: dict[str, Any]) -> None:
    nodes = [_Node(name, *slices_first(body(number))) for number, name in enumerate(("T1 MR", "FDG PET"))]
    made = module["DDFMFusionLogic"]().fuse(nodes, [None, None], **SETTINGS)
    expected = fuse_arrays([n.array for n in nodes], [n.matrix for n in nodes], ["MR", "PT"], **SETTINGS)["fused"]
    assert made["fused"].GetName() == "T1 MR fused"
    np.testing.assert_array_equal(made["fused"].array, expected[0])
    np.testing.assert_array_equal(made["fused"].matrix, expected[1])


def test_the_file_is_named_as_its_class_and_offers_presets_that_are_there(module: dict[str, Any]) -> None:
    for name in ("", "Widget", "Logic"):
        assert f"{MODULE.stem}{name}" in module
    assert set(module["PRESETS"][1:]) <= set(preset_names())
