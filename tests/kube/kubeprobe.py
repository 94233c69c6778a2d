# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""kubeprobe, our client in C, beside a test: what it tells, line by line."""

import contextlib
import json
import os
import subprocess
import threading
from pathlib import Path

from kubepeers import TOP, wait_until

PROGRAM = Path(os.environ.get("EIPGW_BUILD", TOP / "build" / "dev")) / "tests" / "kube" / "kubeprobe"


class Probe:
    """with Probe(kubeconfig, "follow", kind="Pod") as probe: ... What it told is in `told`.

    around: a command that runs the program, such as one in a mount namespace.
    """

    def __init__(self, kubeconfig, command, environment=None, around=(), **options):
        words = [f"{key}={value}" for key, value in options.items()]
        self.popen = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *around, PROGRAM, str(kubeconfig), command, *words],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env={**os.environ, **(environment or {})})
        self.answer = {"follow": "status", "lease": "lease"}.get(command, "counts")
        self.told, self.said = [], []
        self.readers = [threading.Thread(target=self._read, daemon=True), threading.Thread(target=self._listen, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.popen.stdout:
            self.told.append(json.loads(line))

    def _listen(self):
        self.said.extend(self.popen.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        with contextlib.suppress(BrokenPipeError):
            self.popen.stdin.close()
        try:
            status = self.popen.wait(30)
        finally:
            self.popen.kill()
        for reader in self.readers:
            reader.join(10)
        if error[0] is None:  # a leak or an overrun is told at the end
            assert (status, "".join(self.said)) == (0, "")

    def ask(self, line=""):
        """A line of input, and what it tells then."""
        before = len(self.all(self.answer))
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()
        return wait_until(lambda: self.all(self.answer)[before:], 30, f"it tells its {self.answer}")[0]

    def all(self, *events):
        return [line for line in list(self.told) if line["event"] in events]

    def wait(self, deadline=30, count=1, **wanted):
        """The count-th line that has all that."""
        def found():
            rows = [line for line in list(self.told) if all(line.get(key) == value for key, value in wanted.items())]
            return rows[count - 1] if len(rows) >= count else None
        try:
            return wait_until(found, deadline, f"it tells {wanted}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told[-20:]}\n{''.join(self.said)}") from None

    def story(self):
        """In a few letters: +added ~changed -removed, S: synced, !class of a failure."""
        letters = {"added": "+", "changed": "~", "removed": "-"}
        words = []
        for line in list(self.told):
            if line["event"] in letters:
                words.append(letters[line["event"]] + line["name"])
            elif line["event"] == "synced":
                words.append("S")
            elif line["event"] == "failed":
                words.append("!" + line["class"].replace(" ", "-"))
        return " ".join(words)
