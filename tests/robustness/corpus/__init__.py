# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Bad inputs, made by code from the real examples: one kind of input per file."""
