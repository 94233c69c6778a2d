# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Which files a slow analyser has found clean, remembered by content in the user's cache: a second run is short, also
in a fresh clone.

A file's key is made of its compile command, of what the analyser itself depends on, and of the file and all project
headers that it includes; those of the system count by the analyser's version only. Paths count as they are below the
root.
"""

import hashlib
import os
import subprocess
import time
from pathlib import Path

UNUSED_DAYS = 30


def cache_directory(name):
    """${XDG_CACHE_HOME:-~/.cache}/eipgw/NAME; without a home, in the tree's build directory."""
    home = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("HOME") and str(Path(os.environ["HOME"]) / ".cache"))
    base = Path(home) / "eipgw" if home else Path(__file__).resolve().parents[2] / "build" / "cache"
    (base / name).mkdir(parents=True, exist_ok=True)
    return base / name


def forget_unused(directory):
    oldest = time.time() - UNUSED_DAYS * 86400
    for entry in os.scandir(directory):
        if entry.stat().st_mtime < oldest:
            Path(entry.path).unlink(missing_ok=True)


class Remembered:
    """The clean files of one analyser. `fixed`: bytes of all that its findings depend on beside the compilation."""

    def __init__(self, name, root, fixed):
        self.directory, self.root, self.fixed = cache_directory(name), root, fixed
        forget_unused(self.directory)

    def key(self, argv, directory):
        """None: it doesn't compile, the analyser shall say why."""
        found = self._includes(argv, directory)
        if not found:
            return None
        digest = hashlib.sha256(self.fixed)
        digest.update("\0".join(argv).replace(str(self.root), ".").encode())
        for path in found:
            digest.update(b"\0" + str(path.relative_to(self.root)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    def is_clean(self, key):
        path = self.directory / key if key else None
        if not path or not path.exists():
            return False
        path.touch()
        return True

    def note_clean(self, key):
        if key:
            (self.directory / key).touch()

    def _includes(self, argv, directory):
        """The project's files that one compilation reads."""
        words = [word for word in argv if word != "-c"]
        if "-o" in words:
            at = words.index("-o")
            words = words[:at] + words[at + 2:]
        out = subprocess.run(words + ["-MM", "-MT", "x"], cwd=directory, capture_output=True, text=True, check=False).stdout
        paths = [(Path(directory) / name).resolve() for name in out.replace("\\\n", " ").split()[1:]]
        return sorted(path for path in paths if path.is_relative_to(self.root))
