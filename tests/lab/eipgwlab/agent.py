# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The Python side of labtool: one helper process per namespace, and what it is asked to do."""

import json
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import netns
from .build import tools

ECHO_PORT = 8080  # TCP: greets with whom it saw, then echoes
UDP_PORT = 8081   # UDP: answers with whom it saw
PUSH_PORT = 9000  # TCP: sends numbered lines without being asked


class AgentError(RuntimeError):
    """The helper refused a command or is gone."""


@dataclass(frozen=True)
class Probe:
    """One exchange with a server. seen is the address that the server saw, None if unreached."""

    reached: bool
    rtt_ms: float
    local: str
    local_port: int
    mtu: int
    seen: str | None = None
    seen_port: int = 0
    error: str | None = None


@dataclass(frozen=True)
class FlowReport:
    """What happened to a flow. The gaps are between answers that arrived one after the other."""

    kind: str
    state: str
    sent: int
    received: int
    late: int  # of those with a new socket each: after a second or more, so that the first packet was sent again
    duplicates: int
    corrupt: int
    errors: int
    resets: int
    max_gap_ms: float
    max_gap_at_ms: float
    stalled_ms: float
    age_ms: float
    max_rtt_ms: float
    local: str
    local_port: int
    seen: dict[str, int]
    ports: dict[str, int]
    failures: dict[str, int]
    missing: list[list[int]]
    error: str | None

    @property
    def lost(self) -> int:
        """Messages without an answer; before stop() those still under way count, too."""
        return self.sent - self.received


@dataclass
class Pending:
    """A command under way."""

    agent: "Agent"
    number: int

    def result(self) -> dict[str, Any]:
        return self.agent.take(self.number)


class Agent:
    """A connection to a labtool. Commands may overlap: submit() several, then take the results."""

    def __init__(self, path: Path, process: subprocess.Popen[bytes] | None = None):
        self.path = path
        self.process = process
        self._last = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._buffer = b""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect(str(path))

    @classmethod
    def start(cls, name: str, path: Path, lifeline: int | None, log: Path) -> "Agent":
        """Starts a labtool in a namespace. Without a lifeline it outlives this process."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        listener.listen(16)
        listener.setblocking(False)
        argv = [str(tools() / "labtool"), "--listen-fd", str(listener.fileno())]
        keep = [listener.fileno()]
        if lifeline is not None:
            argv += ["--lifeline", str(lifeline)]
            keep.append(lifeline)
        with netns.entered(name), open(log, "ab") as output:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, pass_fds=keep,
                start_new_session=True, cwd="/",
            )
        listener.close()
        return cls(path, process)

    def submit(self, command: str, **arguments: Any) -> Pending:
        self._last += 1
        request = {"id": self._last, "cmd": command}
        request.update((k, v) for k, v in arguments.items() if v is not None)
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise AgentError(f"{self.path.stem}: {error}") from error
        return Pending(self, self._last)

    def call(self, command: str, **arguments: Any) -> dict[str, Any]:
        return self.submit(command, **arguments).result()

    def take(self, number: int) -> dict[str, Any]:
        while number not in self._answers:
            line, newline, rest = self._buffer.partition(b"\n")
            if newline:
                self._buffer = rest
                answer = json.loads(line)
                self._answers[answer["id"]] = answer
                continue
            try:
                data = self._socket.recv(1 << 20)
            except OSError as error:
                raise AgentError(f"{self.path.stem}: {error}") from error
            if not data:
                raise AgentError(f"{self.path.stem}: the helper is gone")
            self._buffer += data
        answer = self._answers.pop(number)
        if not answer.pop("ok"):
            raise AgentError(f"{self.path.stem}: {answer['fault']}")
        del answer["id"]
        return answer

    def close(self) -> None:
        self._socket.close()


class Flow:
    """Traffic that goes on in the background until stop()."""

    def __init__(self, station: "Station", agent: Agent, number: int):
        self.station = station
        self._agent = agent
        self._number = number

    def stat(self) -> FlowReport:
        return FlowReport(**self._agent.call("flow_stat", flow=self._number))

    def stop(self, linger_ms: int = 300) -> FlowReport:
        """Ends the flow; what is under way has linger_ms to come back, so that lost means lost."""
        answer = self._agent.call("flow_stop", flow=self._number, linger_ms=linger_ms)
        return FlowReport(**answer)


@dataclass
class Station:
    """A namespace that traffic starts from. The agent starts with the first use."""

    name: str
    netns: str
    start_agent: Any = field(repr=False)  # () -> Agent
    server: str | None = None             # the default destination
    _agent: Agent | None = field(default=None, repr=False)

    @property
    def agent(self) -> Agent:
        if self._agent is None:
            self._agent = self.start_agent()
        return self._agent

    def _target(self, transport: str, dst: str | None, port: int | None) -> dict[str, Any]:
        default = {"tcp": ECHO_PORT, "udp": UDP_PORT, "pull": PUSH_PORT, "icmp": 0}
        target = dst or self.server
        if target is None:
            raise ValueError(f"{self.name} has no default server: name a destination")
        return {"dst": target, "port": default[transport] if port is None else port}

    def probe_start(
        self, transport: str = "tcp", dst: str | None = None, port: int | None = None, *,
        src: str | None = None, sport: int | None = None, size: int | None = None,
        timeout: float = 2.0, df: bool | None = None, ttl: int | None = None,
    ) -> Pending:
        """As probe(), but returns before the answer is there; finish with probe_end()."""
        return self.agent.submit(
            "probe", transport=transport, **self._target(transport, dst, port), src=src,
            sport=sport, size=size, timeout_ms=int(timeout * 1000), df=df, ttl=ttl,
        )

    @staticmethod
    def probe_end(pending: Pending) -> Probe:
        return Probe(**pending.result())

    def probe(self, transport: str = "tcp", dst: str | None = None, port: int | None = None,
              **options: Any) -> Probe:
        """One exchange by "tcp", "udp" or "icmp". An unreached server is a result, no exception.

        size: payload of a datagram, or bytes to have echoed over TCP. src, sport: the local end.
        df: don't fragment (datagrams). ttl. timeout in seconds (error "ETIME").
        """
        return self.probe_end(self.probe_start(transport, dst, port, **options))

    def flow(
        self, kind: str = "tcp", dst: str | None = None, port: int | None = None, *,
        src: str | None = None, sport: int | None = None, interval_ms: int = 10,
        size: int | None = None, duration: float = 120.0, timeout: float = 1.0,
        reconnect: bool | None = None, df: bool | None = None, per_sec: int | None = None,
    ) -> Flow:
        """Starts traffic that goes on until stop() or for at most duration seconds.

        kinds: "tcp" (numbered messages over one connection, echoed), "pull" (one connection, the
        server sends), "udp", "icmp" (numbered datagrams, one socket), and "tcp-new", "udp-new",
        "icmp-new" (a new socket for every message). These may have a rate, per_sec, that holds on average whatever
        interval_ms and the machine are.
        """
        target = self._target(kind.partition("-")[0], dst, port)
        number = self.agent.call(
            "flow_start", kind=kind, **target, src=src, sport=sport, interval_ms=interval_ms,
            size=size, duration_ms=int(duration * 1000), timeout_ms=int(timeout * 1000),
            reconnect=reconnect, df=df, per_sec=per_sec,
        )["flow"]
        return Flow(self, self.agent, number)

    def raw(self, packet: bytes, count: int = 1, *, answer: dict[str, Any] | None = None,
            timeout: float = 1.0) -> bytes | None:
        """Sends a crafted IPv4 packet (see packets.py) count times.

        With answer = {"proto": 6, "src": ..., "sport": ..., "dport": ...} it waits for one such
        packet to this namespace, and returns it, or None when none came.
        """
        reply = self.agent.call(
            "raw", packet=packet.hex(), count=count, timeout_ms=int(timeout * 1000),
            **{"await": answer},
        )
        if reply.get("error"):
            raise OSError(f"{self.name}: raw packet: {reply['error']}")
        return bytes.fromhex(reply["reply"]) if reply.get("reply") else None

    def listen(self, **servers: Any) -> None:
        """Starts servers: tcp=PORT, udp=PORT, push=PORT, icmp=True, http=PORT (tells the caller's address, or
        text=...; mute=True: nothing; said again, it changes)."""
        self.agent.call("serve", **servers)

    def run(self, *argv: str, stdin: str | None = None, check: bool = True
            ) -> subprocess.CompletedProcess[str]:
        """Runs a command in the namespace."""
        return netns.execute(list(argv), netns=self.netns, stdin=stdin, check=check)

    def forget_agent(self) -> None:
        if self._agent:
            self._agent.close()
            self._agent = None

