# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Medians with their spread, and ratios paired by round.

Two programs that run one after the other in the same round meet nearly the same machine; their ratio is worth more than
either number. So each ratio is taken within a round, and the median is over rounds.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Any


class Spread:
    """The median of some values, with the least and the largest."""

    def __init__(self, values: Iterable[float]):
        self.values = list(values)
        self.median = statistics.median(self.values) if self.values else float("nan")
        self.low = min(self.values, default=float("nan"))
        self.high = max(self.values, default=float("nan"))

    def text(self, digits: int = 2) -> str:
        if not self.values:
            return "-"
        return f"{self.median:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"

    def json(self) -> dict[str, Any]:
        if not self.values:
            return {"n": 0}
        return {"median": round(self.median, 4), "min": round(self.low, 4), "max": round(self.high, 4), "n": len(self.values)}


def paired(ours: Sequence[float | None], other: Sequence[float | None]) -> Spread:
    """ours/other of each round in which both were measured."""
    return Spread(a / b for a, b in zip(ours, other) if a is not None and b)


def alternating(items: Sequence[Any], round_number: int) -> list[Any]:
    """Forwards in even rounds, backwards in odd ones: what drifts falls on everybody alike."""
    return list(items) if round_number % 2 == 0 else list(reversed(items))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, as docs/PERFORMANCE.md has it."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
