# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Real collectors of the NAT log in a namespace of the lab: journald, rsyslogd, nfcapd, and tshark as a second reader of IPFIX."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from . import netns
from .wait import wait_until

DEADLINE = 60.0
MARKER = 4999  # a port that nobody listens on
Entry = dict[str, Any]


class Peer:
    """A program that can be stopped, held still, and started again."""

    def __init__(self, directory: Path, namespace: str):
        self.directory = directory
        self.namespace = namespace
        self.process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def argv(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        with netns.entered(self.namespace), open(self.directory / "out", "ab") as out:
            self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        wait_until(self._is_up, DEADLINE, f"{type(self).__name__} is ready", every=0.05)

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "out").read_text(encoding="utf-8")
        return self.is_ready()

    def send(self, number: int) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self.process is None:
            return
        self.send(number)
        self.send(signal.SIGCONT)
        self.process.wait(DEADLINE)
        self.process = None

    def listens(self, protocol: str, port: int) -> bool:
        return bool(netns.execute(["ss", "-Hln", f"-{protocol}", f"sport = {port}"], netns=self.namespace).stdout)


JOURNALD = """
set -e
mount -t tmpfs none /run/systemd
mkdir /run/systemd/journal
mount --bind {directory}/socket /run/systemd/journal
mount -t tmpfs none /run/log
mkdir /run/log/journal
mount --bind {directory}/log /run/log/journal
mount --bind {directory}/journald.conf /etc/systemd/journald.conf
if ! [ -s /etc/machine-id ]; then
    echo {machine} > /run/systemd/machine-id
    mount --bind /run/systemd/machine-id /etc/machine-id
fi
exec /lib/systemd/systemd-journald
"""


class Journald(Peer):
    """systemd-journald in a mount namespace of its own, without systemd: its sockets are its own, and end with it."""

    def __init__(self, directory: Path, namespace: str):
        super().__init__(directory, namespace)
        for name in ("socket", "log"):
            (directory / name).mkdir()
        (directory / "journald.conf").write_text(
            "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nRateLimitBurst=0\nReadKMsg=no\nAudit=no\nForwardToSyslog=no\n"
            "ForwardToWall=no\n", encoding="utf-8")
        self.socket = directory / "socket" / "socket"

    def argv(self) -> list[str]:
        script = JOURNALD.format(directory=self.directory, machine=os.urandom(16).hex())
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]

    def is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            return client.connect_ex(str(self.socket)) == 0

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        super().start()

    def entries(self, kind: str = "flow") -> list[Entry]:
        out = subprocess.run(["journalctl", "-D", str(self.directory / "log"), "-o", "json", "--no-pager", "-t", "eipgw-nat",
                              f"EIPGW_TYPE={kind}"], capture_output=True, text=True, check=False).stdout
        return [json.loads(line) for line in out.splitlines()]


RSYSLOG = """
global(workDirectory="{directory}"{tls})
module(load="imtcp"{mode})
template(name="parts" type="list") {{
    property(name="hostname") constant(value="|") property(name="app-name") constant(value="|")
    property(name="msgid") constant(value="|") property(name="syslogfacility-text") constant(value="|")
    property(name="syslogseverity-text") constant(value="|") property(name="timestamp" dateFormat="rfc3339") constant(value="|")
    property(name="protocol-version") constant(value="|") property(name="structured-data") constant(value="|")
    property(name="msg") constant(value="\\n")
}}
input(type="imtcp" port="{port}" address="127.0.0.1" ruleset="all")
ruleset(name="all") {{ action(type="omfile" file="{directory}/messages" template="parts") }}
"""
TLS = """ DefaultNetstreamDriver="ossl" DefaultNetstreamDriverCAFile="{ca}" DefaultNetstreamDriverCertFile="{cert}"
 DefaultNetstreamDriverKeyFile="{key}\""""
MODE = ' StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="{auth}"'


class Certificates:
    """An authority of our own, and what it signed."""

    def __init__(self, directory: Path):
        self.directory = directory
        directory.mkdir(parents=True)
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=Lab", "-days", "2",
                  "-keyout", "ca.key", "-out", "ca.pem")

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def sign(self, name: str, alternative: str) -> None:
        (self.directory / f"{name}.ext").write_text(f"subjectAltName={alternative}\n", encoding="ascii")
        self._run("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        self._run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                  "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Rsyslog(Peer):
    PORT = 5514

    def __init__(self, directory: Path, namespace: str, certificates: Certificates | None = None, auth: str = "anon"):
        super().__init__(directory, namespace)
        tls = mode = ""
        if certificates:
            tls = TLS.format(ca=certificates.path("ca.pem"), cert=certificates.path("server.pem"), key=certificates.path("server.key"))
            mode = MODE.format(auth=auth)
        (directory / "conf").write_text(RSYSLOG.format(directory=directory, tls=tls, mode=mode, port=self.PORT), encoding="utf-8")

    def argv(self) -> list[str]:
        return ["/usr/sbin/rsyslogd", "-n", "-f", str(self.directory / "conf"), "-i", str(self.directory / "pid")]

    def is_ready(self) -> bool:
        return self.listens("t", self.PORT)

    def clients(self) -> str:
        """Who is connected."""
        return netns.execute(["ss", "-Htn", "state", "established", f"sport = {self.PORT}"], netns=self.namespace).stdout

    def messages(self, kind: str = "flow") -> list[Entry]:
        path = self.directory / "messages"
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
        found = []
        for line in lines:
            if not line.endswith("\n"):
                continue
            names = ("host", "app", "msgid", "facility", "severity", "timestamp", "version", "data", "msg")
            parts = dict(zip(names, line.rstrip("\n").split("|", len(names) - 1), strict=True))
            if parts["msgid"] == kind:
                found.append({**parts, "msg": json.loads(parts["msg"])})
        return found


class Nfcapd(Peer):
    """nfdump's collector, which knows NAT events; UDP only."""

    PORT = 4739

    def argv(self) -> list[str]:
        return ["/usr/bin/nfcapd", "-w", str(self.directory), "-b", "127.0.0.1", "-p", str(self.PORT), "-t", "3600"]

    def is_ready(self) -> bool:
        return self.listens("u", self.PORT)

    def flows(self) -> list[Entry]:
        """Ends it: what it has is in a file then."""
        self.stop()
        found: list[Entry] = []
        for path in sorted(self.directory.glob("nfcapd.[0-9]*")):
            out = netns.execute(["/usr/bin/nfdump", "-r", str(path), "-o", "json", "-q"]).stdout
            # One object after another, with or without a list around them.
            found += json.loads("[" + re.sub(r"\}\s*,?\s*\{", "},{", out.strip().strip("[]")) + "]")
        return found

    def said(self) -> str:
        return (self.directory / "out").read_text(encoding="utf-8")


LISTENER = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        with server.accept()[0] as connection:
            while connection.recv(65536):
                pass
"""


class Listener(Peer):
    """Takes all that comes over TCP. No collector that knows NAT events and is in Debian speaks IPFIX over TCP; tshark reads what went."""

    PORT = 4739

    def argv(self) -> list[str]:
        return ["/usr/bin/python3", "-c", LISTENER, str(self.PORT)]

    def is_ready(self) -> bool:
        return self.listens("t", self.PORT)


class Capture(Peer):
    """Packets on loopback, read by tshark's dissector of IPFIX."""

    def __init__(self, directory: Path, namespace: str, protocol: str, port: int):
        super().__init__(directory, namespace)
        self.protocol, self.port = protocol, port
        self.path = directory / "pcap"

    def argv(self) -> list[str]:
        return ["tcpdump", "-i", "lo", "-U", "-s", "0", "-B", "32768", "-w", str(self.path), f"{self.protocol} port {self.port} or udp port {MARKER}"]

    def is_ready(self) -> bool:
        return "listening on" in (self.directory / "out").read_text(encoding="utf-8")

    def text(self) -> str:
        return netns.execute(["tshark", "-r", str(self.path), "-d", f"{self.protocol}.port=={self.port},cflow", "-O", "cflow"]).stdout

    def finish(self) -> None:
        """Ends it when it has written all that went before: it would leave behind what it hasn't read yet."""
        token = secrets.token_hex(16).encode("ascii")
        with netns.entered(self.namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(token, ("127.0.0.1", MARKER))
        wait_until(lambda: token in self.path.read_bytes(), DEADLINE, "all is captured", every=0.05)
        self.stop()

    def frames(self) -> list[str]:
        return re.split(r"^Frame \d+: ", self.text(), flags=re.MULTILINE)[1:]

    def templates(self) -> list[str]:
        """Those of them that say what is in a template."""
        return re.findall(r"FlowSet Id: Data Template", self.text())

    def numbers(self, field: str) -> list[int]:
        return [int(n) for n in re.findall(rf"^\s*{field}: (\d+)", self.text(), re.MULTILINE)]
