# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Fusion metrics: stateless functions on batches of slices, and MONAI metrics over them for slices and volumes."""

from __future__ import annotations

from monai_ddfm.metrics.consistency import bidirectional_self_warping_error, motion_smoothness
from monai_ddfm.metrics.contrast import (
    average_gradient,
    entropy,
    spatial_frequency,
    standard_deviation,
    tissue_entropy,
)
from monai_ddfm.metrics.correlation import correlation, sum_of_correlations_of_differences
from monai_ddfm.metrics.edge_transfer import edge_transfer
from monai_ddfm.metrics.fusion_metric import (
    AverageGradientMetric,
    CorrelationMetric,
    EntropyMetric,
    FusionMetric,
    FusionSSIMMetric,
    MutualInformationMetric,
    QabfMetric,
    SCDMetric,
    SpatialFrequencyMetric,
    StandardDeviationMetric,
    VIFMetric,
)
from monai_ddfm.metrics.images import slices_with_tissue, to_grey_levels
from monai_ddfm.metrics.mutual_information import mutual_information
from monai_ddfm.metrics.structural_similarity import structural_similarity
from monai_ddfm.metrics.visual_information import visual_information_fidelity

__all__ = [
    "AverageGradientMetric",
    "CorrelationMetric",
    "EntropyMetric",
    "FusionMetric",
    "FusionSSIMMetric",
    "MutualInformationMetric",
    "QabfMetric",
    "SCDMetric",
    "SpatialFrequencyMetric",
    "StandardDeviationMetric",
    "VIFMetric",
    "average_gradient",
    "bidirectional_self_warping_error",
    "correlation",
    "edge_transfer",
    "entropy",
    "motion_smoothness",
    "mutual_information",
    "slices_with_tissue",
    "spatial_frequency",
    "standard_deviation",
    "structural_similarity",
    "sum_of_correlations_of_differences",
    "tissue_entropy",
    "to_grey_levels",
    "visual_information_fidelity",
]
