# SPDX-FileCopyrightText: monai_ddfm contributors
# SPDX-License-Identifier: Apache-2.0

"""The commands of ``python -m monai_ddfm``, one file each: NAME, SUMMARY, EXAMPLES, add_arguments and run."""
