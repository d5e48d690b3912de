# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fusion inside other programs: MONAI Deploy, MONAI Label, 3D Slicer. Each file needs the program it is for."""
