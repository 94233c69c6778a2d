# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Who tells one gateway of the other's connections: eipgwd's replication, and conntrackd in its mode FTFW."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from pathlib import Path
from typing import Any

from .command import Failed
from .lab import netns, wait
from .pair import EGRESS, SYNC, Pair

START_S = 30
CONNTRACKD = """
Sync {{
    Mode FTFW {{ ResendQueueSize 131072 ACKWindowSize 300 DisableExternalCache {direct} StartupResync yes }}
    UDP {{
        IPv4_address {ours}
        IPv4_Destination_Address {other}
        Port 3780
        Interface sync0
        SndSocketBuffer 16777216
        RcvSocketBuffer 16777216
        Checksum on
    }}
}}
General {{
    HashSize 65536
    HashLimit 2097152
    LogFile off
    Syslog off
    LockFile {directory}/{who}.lock
    UNIX {{ Path {directory}/{who}.ctl }}
    NetlinkBufferSize 8388608
    NetlinkBufferSizeMaxGrowth 16777216
    Filter From Kernelspace {{
        Protocol Accept {{ TCP UDP }}
        Address Ignore {{ IPv4_address 127.0.0.1 IPv4_address {ours} IPv4_address {other} }}
    }}
}}
"""


class End:
    """A process on one of the gateways."""

    def __init__(self, argv: list[str], name: str, **files: Any):
        with netns.entered(name):
            self.process = subprocess.Popen(argv, cwd="/", **files)

    def cpu(self) -> float:
        """Seconds on a processor so far; it has one thread."""
        return int(Path(f"/proc/{self.process.pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9

    def mib(self) -> dict[str, float]:
        """What is resident, and was at most."""
        text = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = dict(line.split(":", 1) for line in text.splitlines())
        return {key: int(found[name].split()[0]) / 1024 for key, name in (("now", "VmRSS"), ("most", "VmHWM"))}

    def kill(self) -> None:
        self.process.kill()

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for file in (self.process.stdin, self.process.stdout):
            if file:
                file.close()


class Replica(End):
    """One end of ours: tools/bench_replica.c, since the whole daemon needs Kubernetes and EC2 to have somebody to tell."""

    def __init__(self, tool: Path, pair: Pair, who: str, walk_ms: int = 0):
        """walk_ms: how often all is told again; 0: as usual."""
        other = "b" if who == "a" else "a"
        argv = [str(tool), who, SYNC[who], other, SYNC[other], EGRESS[who], "send" if who == "a" else "receive", str(walk_ms)]
        super().__init__(argv, pair.names[who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def ask(self) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(b"?\n")
        text = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            while not text.endswith(b"\n"):
                if not selector.select(START_S):
                    raise Failed("bench_replica doesn't answer")
                got = os.read(self.process.stdout.fileno(), 65536)
                if not got:
                    raise Failed("bench_replica ended")
                text += got
        return json.loads(text)["result"]

    def is_done(self) -> bool:
        return bool(self.ask()["done"])


class Conntrackd(End):
    """direct: what comes goes into the kernel at once, as ours does; else into a cache that a person commits in need."""

    def __init__(self, pair: Pair, who: str, directory: Path, direct: bool):
        ours, other = SYNC[who], SYNC["b" if who == "a" else "a"]
        file = directory / f"{who}.conf"
        file.write_text(CONNTRACKD.format(ours=ours, other=other, directory=directory, who=who, direct="yes" if direct else "no"),
                        encoding="ascii")
        self._control = ["conntrackd", "-C", str(file)]
        self._socket = directory / f"{who}.ctl"
        super().__init__(self._control, pair.names[who], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        wait.wait_until(self._answers, START_S, "conntrackd answers", 0.05)

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise Failed("conntrackd ends at once")
        return self._socket.exists() and subprocess.run([*self._control, "-s"], capture_output=True, check=False).returncode == 0
