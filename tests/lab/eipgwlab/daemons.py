# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The real daemons in the lab: configuration, start, stop, kill, and what their logs say."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from . import netns
from .build import program
from .wait import DeadlineExceeded, wait_until

READY_DEADLINE = 60.0  # generous: a sanitizer build on a busy machine
STOP_DEADLINE = 30.0
STATUS_S = 10.0

# Never allowed, whatever the caller expects.
BROKEN = re.compile(
    r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error:|[Aa]ssertion .*failed"
    r"|stack smashing|double free|malloc\(\)|corrupted"
)
SERIOUS = re.compile(r"^<[0-4]>")
# What can't be otherwise in a namespace: this sysctl is the whole machine's.
NAMESPACE_LIMITS = (r"^<4>sysctl: can't set net/netfilter/nf_conntrack_max ",)
SANITIZER_ENV = {
    "ASAN_OPTIONS": "detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1",
}


class DaemonNotBuilt(RuntimeError):
    """The program is not in the build directory."""


class DaemonFailed(AssertionError):
    """The daemon did not start, or ended when nobody told it to."""


class Daemon:
    """One daemon in one namespace. Its configuration is the dictionary config: change it, then
    write_config() and reload()."""

    def __init__(self, name: str, program_name: str, netns_name: str, directory: Path,
                 config: dict[str, Any]):
        self.name = name
        self.program = program_name
        self.netns = netns_name
        self.config = config
        self.config_path = directory / "etc" / f"{name}.json"
        self.control_path = directory / "run" / f"{name}.sock"
        self.log_path = directory / "log" / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.adopted_pid: int | None = None
        self.extra_arguments: list[str] = []
        self.wrapper: list[str] = []  # a command that becomes the daemon
        self._notify_path = directory / "run" / f"{name}.notify"
        self._notify: socket.socket | None = None
        self._said_ready = threading.Event()
        self._unexpected: list[str] = []
        self.write_config()

    # ---- life ------------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process and self.running else None

    def write_config(self) -> None:
        text = json.dumps(self.config, indent=2) + "\n"
        fresh = self.config_path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.rename(self.config_path)

    def command(self, *arguments: str) -> list[str]:
        path = program(self.program)
        if path is None:
            raise DaemonNotBuilt(f"{self.program} is not built (cmake --build --preset dev)")
        return [str(path), "--config", str(self.config_path), "--control", str(self.control_path),
                *arguments]

    def start(self, wait_ready: bool = True, deadline: float = READY_DEADLINE) -> None:
        """Starts the daemon and by default waits for its READY=1."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        argv = self.command("--log-level", "debug", *self.extra_arguments)
        self._open_notify()
        # ip(8) gives it the namespace's own /sys and then becomes the daemon: the pid is the same.
        argv = ["ip", "netns", "exec", self.netns, *self.wrapper, *argv]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, **SANITIZER_ENV, "NOTIFY_SOCKET": str(self._notify_path)}, cwd="/",
            )
        if wait_ready:
            self.wait_ready(deadline)

    def wait_ready(self, deadline: float = READY_DEADLINE) -> None:
        try:
            wait_until(self._is_ready, deadline, f"{self.name} is ready")
        except DeadlineExceeded as error:
            raise DaemonFailed(f"{error}; its log ends:\n{self.tail()}") from error

    def stop(self, deadline: float = STOP_DEADLINE) -> int | None:
        """SIGTERM; the exit status, which must be 0."""
        if self.process is None:
            return None
        if self.running:
            self._send(signal.SIGTERM)
        status = self._end(deadline)
        if status:
            self._unexpected.append(f"{self.name}: exit status {status} after SIGTERM")
        return status

    def _minds_signals(self) -> bool:
        """Who isn't itself yet, or has just begun, dies of SIGTERM like anybody (proc(5), SigCgt)."""
        with contextlib.suppress(OSError):
            caught = re.search(r"^SigCgt:\s+(\w+)$", Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8"), re.MULTILINE)
            return bool(caught and int(caught[1], 16) >> (signal.SIGTERM - 1) & 1)
        return True

    def _send(self, number: int) -> None:
        wait_until(self._minds_signals, READY_DEADLINE, f"{self.name} minds signals")
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL: what it made in the kernel stays."""
        if self.process is not None:
            self.process.kill()
            self._end(STOP_DEADLINE)

    def restart(self, deadline: float = READY_DEADLINE) -> None:
        self.stop()
        self.start(deadline=deadline)

    def reload(self) -> None:
        """SIGHUP: read the configuration again."""
        self.signal(signal.SIGHUP)

    def signal(self, number: int) -> None:
        if self.process is None or not self.running:
            raise RuntimeError(f"{self.name} doesn't run")
        self._send(number)

    def cleanup(self) -> subprocess.CompletedProcess[str]:
        """Runs the program with --cleanup: it removes everything that it ever made."""
        return netns.execute(["ip", "netns", "exec", self.netns, *self.command("--cleanup")],
                             env=SANITIZER_ENV, check=False)

    def adopt(self, pid: int) -> None:
        """Knows of a daemon that another process started; it can only be looked at."""
        self.adopted_pid = pid

    def close(self) -> None:
        """After the lab killed everything: reap what was ours and give the socket back."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self._close_notify()

    def _end(self, deadline: float) -> int:
        assert self.process is not None
        process = self.process
        try:
            wait_until(lambda: process.poll() is not None, deadline, f"{self.name} ends")
        except AssertionError:
            process.kill()
            process.wait()
            raise
        finally:
            if process.returncode is not None:
                self.process = None
        return process.returncode

    def _open_notify(self) -> None:
        self._close_notify()
        self._said_ready = threading.Event()
        self._notify_path.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(self._notify_path))
        threading.Thread(target=self._hear, args=(self._notify, self._said_ready), daemon=True).start()

    def _close_notify(self) -> None:
        if self._notify:
            self._notify.shutdown(socket.SHUT_RD)  # ends the thread
            self._notify = None

    @staticmethod
    def _hear(notify: socket.socket, said_ready: threading.Event) -> None:
        """All the time, as systemd does: else the daemon has nobody to talk to."""
        with notify:
            while data := notify.recv(4096):
                if b"READY=1" in data.split(b"\n"):
                    said_ready.set()

    def _is_ready(self) -> bool:
        assert self.process is not None
        if self._said_ready.is_set():
            return True
        if self.process.poll() is not None:
            status = self.process.returncode
            self.process = None
            raise DaemonFailed(f"{self.name} ended with {status}:\n{self.tail()}")
        return False

    # ---- log -------------------------------------------------------------------------------------

    def log(self) -> list[str]:
        if not self.log_path.exists():
            return []
        return self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.log()[-lines:])

    def log_count(self, pattern: str) -> int:
        return sum(bool(re.search(pattern, line)) for line in self.log())

    def problems(self, allow: Iterable[str] = ()) -> list[str]:
        """Lines that nobody expected: reports of sanitizers, failed assertions, and warnings or
        errors that no pattern of allow matches. Also an end that nobody asked for."""
        allowed = [re.compile(pattern) for pattern in (*NAMESPACE_LIMITS, *allow)]
        found = list(self._unexpected)
        if self.process is not None and self.process.poll() is not None:
            found.append(f"{self.name}: ended by itself with {self.process.returncode}")
        for line in self.log():
            expected = any(pattern.search(line) for pattern in allowed)
            if BROKEN.search(line) or (SERIOUS.search(line) and not expected):
                found.append(f"{self.name}: {line}")
        return found

    # ---- control ---------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What `eipgw status --json` prints, for who asks again and again: without the tool, whose sanitizers take longer to start
        than the daemon to answer. {}: it doesn't answer."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(STATUS_S)
                connection.connect(str(self.control_path))
                connection.sendall(b'{"v":1,"command":"status"}\n')
                with connection.makefile() as answers:
                    answer = json.loads(answers.readline() or "{}")
        except OSError:
            return {}
        result: dict[str, Any] = answer.get("result", {}) if answer.get("ok") else {}
        return result

    def eipgw(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the command line tool against this daemon: eipgw("status", "--json")."""
        path = program("eipgw")
        if path is None:
            raise DaemonNotBuilt("eipgw is not built")
        here = ["--no-aws"] if arguments[0] == "explain" else []  # nothing of the lab may depend on the machine below
        argv = [str(path), arguments[0], "--socket", str(self.control_path), *here, *arguments[1:]]
        return netns.execute(argv, check=False, env=SANITIZER_ENV)
