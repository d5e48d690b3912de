# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""Reading and writing files: which kinds there are, and files that appear whole or not at all."""
