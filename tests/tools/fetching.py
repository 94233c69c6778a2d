#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What comes from elsewhere is what it was when its hash was written down. By hand: fetching.py URL SHA256 FILE."""

import hashlib
import http.client
import sys
import urllib.request
from pathlib import Path

LARGEST = 256 << 20
TIMEOUT_S = 60


class Unreachable(Exception):
    pass


def fetch(url, sha256):
    """Its bytes. Unreachable if it can't be had; ends the program if it's something else."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            found = answer.read(LARGEST + 1)
    except (OSError, http.client.HTTPException) as error:  # URLError is one of the first; the other, what ends too early
        raise Unreachable(f"{url}: {error}") from error
    if hashlib.sha256(found).hexdigest() != sha256:
        sys.exit(f"{url} isn't what it should be, so it isn't used")
    return found


if __name__ == "__main__":
    try:
        Path(sys.argv[3]).write_bytes(fetch(sys.argv[1], sys.argv[2]))
    except Unreachable as error:
        print(error, file=sys.stderr)
        sys.exit(77)
