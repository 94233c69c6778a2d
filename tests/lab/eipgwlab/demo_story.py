# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""How the demo tells what it does."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .lab import Lab


class DemoFailed(RuntimeError):
    """Something that the demo needs did not work; the text is for the person who reads it."""


@dataclass
class Story:
    """Tells what happens, and remembers whether it was what we promise."""

    facts: dict[str, Any] = field(default_factory=dict)
    held: bool = True
    start: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.start:5.1f} s] {text}", flush=True)

    def check(self, holds: bool, text: str) -> None:
        self.held = self.held and holds
        self.say(f"{'   ok' if holds else 'WRONG'}: {text}")


@contextlib.contextmanager
def logs_on_failure(lab: Lab) -> Iterator[None]:
    """Shows what the daemons had to say when what was waited for didn't come."""
    try:
        yield
    except AssertionError:
        for line in lab.check_logs():
            print(f"    {line}", flush=True)
        raise
