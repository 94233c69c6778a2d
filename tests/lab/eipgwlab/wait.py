# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Waiting for a condition with a deadline: the only way in which the lab ever waits."""

import select
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class DeadlineExceeded(AssertionError):
    """A condition did not come true in time."""


def wait_until(predicate: Callable[[], T], deadline: float, what: str, every: float = 0.01) -> T:
    """Calls the predicate until it returns something true, and returns that.

    deadline is in seconds from now. An exception of the predicate ends the wait at once.
    """
    end = time.monotonic() + deadline
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            raise DeadlineExceeded(f"not within {deadline:g} s: {what} (last value: {value!r})")
        select.select([], [], [], every)
