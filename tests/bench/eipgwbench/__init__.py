# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What the benchmarks share. They are commands, not tests: docs/PERFORMANCE.md says how to read them."""
