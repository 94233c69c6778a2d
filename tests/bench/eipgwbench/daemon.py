# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""eipgwd in a namespace, with a watch in hand."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .command import Failed
from .lab import netns


@dataclass
class Moment:
    """Of a process: wall time since its start, CPU time, both in seconds."""

    wall: float
    cpu: float


class Gateway:
    """One eipgwd. Everything it needs on disk is in `directory`."""

    def __init__(self, program: Path, netns_name: str, directory: Path):
        self._argv = [str(program), "--config", str(directory / "gateway.json"), "--control", str(directory / "control.sock")]
        self._directory = directory
        self._netns = netns_name
        self._process: subprocess.Popen[bytes] | None = None
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notify.bind(str(directory / "notify.sock"))
        self._began = 0.0
        self._text = b""  # what it logged and nobody looked at yet

    def configure(self, config: dict[str, Any]) -> None:
        (self._directory / "gateway.json").write_text(json.dumps(config), encoding="ascii")

    def start(self, deadline: float = 60) -> dict[str, Moment]:
        """Starts it and waits. {"config": the configuration was read and checked, "ready": READY=1 came}"""
        env = {**os.environ, "NOTIFY_SOCKET": str(self._directory / "notify.sock")}
        self._began = time.monotonic()
        with netns.entered(self._netns):
            self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                             stderr=subprocess.PIPE, env=env, cwd="/")
        config = self._until(b" starts, configuration", deadline)
        return {"config": config, "ready": self._until(b"main: ready", deadline)}

    def reload(self, deadline: float = 60) -> Moment:
        """Makes it read its configuration again, and waits until a difference was applied; the time that took."""
        assert self._process is not None
        before = self._now()
        self._process.send_signal(signal.SIGHUP)
        after = self._until(b"plan: applied", deadline)
        return Moment(after.wall - before.wall, after.cpu - before.cpu)

    def peak_kib(self) -> int:
        assert self._process is not None
        text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM"))

    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def end(self) -> None:
        """Lets it end in order; it can be started again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        _, text = self._process.communicate()
        if self._process.returncode:
            raise Failed(f"eipgwd: exit {self._process.returncode}\n{(self._text + text).decode()}")
        self._process, self._text = None, b""

    def stop(self) -> None:
        self._notify.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stderr is not None
            self._process.stderr.close()
            self._process = None

    def _now(self) -> Moment:
        assert self._process is not None
        # Nanoseconds on a processor; the process has one thread.
        cpu = int(Path(f"/proc/{self._process.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
        return Moment(time.monotonic() - self._began, cpu)

    def _until(self, line_has: bytes, deadline: float) -> Moment:
        """The moment at which a line of its log arrived."""
        assert self._process is not None and self._process.stderr is not None
        end = time.monotonic() + deadline
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stderr, selectors.EVENT_READ)
            while line_has not in self._text:
                if not selector.select(max(0.0, end - time.monotonic())):
                    raise Failed(f"eipgwd: no {line_has!r} within {deadline:g} s:\n{self._text.decode()}")
                got = os.read(self._process.stderr.fileno(), 65536)
                if not got:
                    raise Failed(f"eipgwd ended:\n{self._text.decode()}")
                self._text += got
            moment = self._now()
        self._text = self._text.split(line_has, 1)[1]
        return moment

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.suppress(OSError):
            self.stop()
