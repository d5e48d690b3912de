# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""What a person looks at: the preview, tables of metrics."""

from __future__ import annotations

from monai_ddfm.report.write_preview import WritePreview, WritePreviewD, WritePreviewd, WritePreviewDict

__all__ = ["WritePreview", "WritePreviewD", "WritePreviewDict", "WritePreviewd"]
