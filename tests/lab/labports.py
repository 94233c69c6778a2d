# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Many connections of one pod at once, held as long as a test needs them; and what `eipgw top` says of them."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from eipgwlab import Lab, netns
from eipgwlab.daemons import Daemon

# Connects all at once, tells once it's decided for each, and goes on at a line: "N" is N more, an end is the end.
HOLD = """
import errno, json, select, socket, sys, time
source, server, port, wait = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
held = []

def connect(n):
    waiting, poll, told = {}, select.poll(), {}
    for _ in range(n):
        s = socket.socket()
        s.setblocking(False)
        s.bind((source, 0))
        s.connect_ex((server, port))
        waiting[s.fileno()] = s
        poll.register(s, select.POLLOUT)
    end = time.monotonic() + wait
    while waiting and time.monotonic() < end:
        for fd, _ in poll.poll(max(0, end - time.monotonic()) * 1000):
            s = waiting.pop(fd)
            poll.unregister(fd)
            error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            name = errno.errorcode[error] if error else "connected"
            told[name] = told.get(name, 0) + 1
            held.append(s) if not error else s.close()
    if waiting:
        told["silence"] = len(waiting)
    return told

for line in sys.stdin:
    print(json.dumps(connect(int(line))), flush=True)
"""


@dataclass
class Holder:
    """Connections of one pod to one destination."""

    stdin: IO[str]
    stdout: IO[str]

    def connect(self, n: int) -> dict[str, int]:
        """{"connected": how many, "silence": how many had no answer, "ECONNREFUSED": ...}"""
        self.stdin.write(f"{n}\n")
        self.stdin.flush()
        told: dict[str, int] = json.loads(self.stdout.readline())
        return told


@contextlib.contextmanager
def holding(lab: Lab, pod: str, server: str, port: int, wait: float = 3.0) -> Iterator[Holder]:
    """wait: seconds after which a connection that has no answer is one that gets none."""
    argv = ["/usr/bin/python3", "-c", HOLD, lab.pods[pod].address, server, str(port), str(wait)]
    with netns.entered(lab.netns_of(pod)):
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None and process.stdout is not None
    with process:
        try:
            yield Holder(process.stdin, process.stdout)
        finally:
            process.kill()


def top(daemon: Daemon, *arguments: str) -> dict[str, Any]:
    done = daemon.eipgw("top", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer.get("result", answer)


def egress(daemon: Daemon, name: str) -> dict[str, Any]:
    return next(e for e in top(daemon)["egress_ips"] if e["name"] == name)


def of_pod(daemon: Daemon, address: str) -> dict[str, Any]:
    """What a pod has; {} for nothing."""
    return next((p for p in top(daemon, "--limit", "1000")["pods"] if p["address"] == address), {})


def of_destination(daemon: Daemon, address: str, port: int, protocol: str = "tcp") -> dict[str, Any]:
    wanted = (protocol, address, port)
    return next((d for d in top(daemon, "--limit", "1000")["destinations"] if (d["protocol"], d["address"], d["port"]) == wanted), {})
