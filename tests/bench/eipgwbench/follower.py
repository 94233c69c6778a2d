# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A daemon that follows an API server, in a namespace: how long, how much memory, how much time on a processor."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from .command import Failed
from .lab import netns


# The daemons, kubectl and who listens have real-time priority: none waits for the API server, etcd or whoever else is on the machine, as
# if these were elsewhere. So no figure is that of the machine's other work.
PRIORITY = 10
FIRST = ["chrt", "--fifo", str(PRIORITY)]


class Follower:
    """One daemon. Its files are in `directory`, under `name`."""

    def __init__(self, program: Path, name: str, netns_name: str, directory: Path, config: dict[str, Any]):
        self.name, self._netns = name, netns_name
        self._log, self._control = directory / f"{name}.log", directory / f"{name}.sock"
        file = directory / f"{name}.json"
        file.write_text(json.dumps(config), encoding="ascii")
        self._argv = [*FIRST, str(program), "--config", str(file), "--control", str(self._control)]
        self._process: subprocess.Popen[bytes] | None = None
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notify_path = directory / f"{name}.notify"
        self._notify.bind(str(self._notify_path))

    def start(self, deadline: float) -> dict[str, float]:
        """Starts it and waits for READY=1: seconds since, on a processor, and MiB at most and now."""
        began = time.monotonic()
        with open(self._log, "wb") as log, netns.entered(self._netns):
            self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                             env={**os.environ, "NOTIFY_SOCKET": str(self._notify_path)})
        while b"READY=1" not in self._told(began + deadline):
            pass
        self._notify.close()  # a supervisor would go on reading
        return {"wall": time.monotonic() - began, "cpu": self.cpu(), **self.memory()}

    def _told(self, end: float) -> bytes:
        assert self._process is not None
        while True:
            if select.select([self._notify], [], [], 0.2)[0]:
                return self._notify.recv(4096)
            if self._process.poll() is not None or time.monotonic() > end:
                raise Failed(f"{self.name} isn't ready:\n{self.log_tail()}")

    def log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def memory(self) -> dict[str, float]:
        assert self._process is not None
        lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii").splitlines()
        kib = {line.split(":")[0]: int(line.split()[1]) for line in lines if line.startswith(("VmRSS", "VmHWM"))}
        return {"rss": kib["VmRSS"] / 1024, "hwm": kib["VmHWM"] / 1024}

    def cpu(self) -> float:
        """Seconds on a processor, of all its threads; to the nanosecond, where utime and stime count ticks."""
        assert self._process is not None
        total = 0
        for task in Path(f"/proc/{self._process.pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError):
                total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
        return total / 1e9

    def status(self, tool: Path) -> dict[str, Any]:
        done = subprocess.run([str(tool), "status", "--socket", str(self._control), "--json"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{self.name} has no status: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def stop(self) -> None:
        self._notify.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Follower:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
