# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""An API server that can't be reached, or only for so many bytes; and what changes in a kernel meanwhile."""

import contextlib
import json
import secrets
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from eipgwlab import Lab, netns
from eipgwlab.model import ZONES
from eipgwlab.wait import wait_until
from labkube import AWAY, GROUP, SOON, Kube, kernel_of

CUT = """
table ip apiaway {{
    chain input {{
        type filter hook input priority 0; policy accept;
        iifname != "lo" tcp dport {port} tcp flags & (syn | ack) == syn reject with tcp reset
    }}
}}
"""


@contextlib.contextmanager
def unreachable(kube: Kube) -> Iterator[None]:
    """For everybody but the tests' own client."""
    kube.lab.nft("vpc", CUT.format(port=kube.plane.port))
    kube.lab.run("vpc", "ss", "-K", f"sport = {kube.plane.port} and not dst {kube.plane.bind}", check=False)
    yield
    kube.lab.nft("vpc", "delete table ip apiaway")


def wait_away(lab: Lab, *names: str, since: dict[str, int]) -> None:
    for name in names:
        wait_until(lambda name=name: lab.daemons[name].log_count(AWAY) > since[name], SOON, f"{name} says that it has no answer")


def nudge(kube: Kube) -> bool:
    """Something of each kind on each node, that means nothing: a watch that was taken up again is known to work by what it tells."""
    patch = {"metadata": {"annotations": {"example.org/nudge": secrets.token_hex(4)}}}
    for kind, name in (("Namespace", "default"), ("EgressGateway", GROUP), ("EgressPolicy", "payments"), ("Node", "node1")):
        kube.admin.patch(kind, name, patch)
    for pod in ("p2", "p5"):
        kube.admin.patch("Pod", pod, patch, "default")
    return True


def answers(kube: Kube, *names: str) -> None:
    """The daemons have all that there is, and nothing that failed is left."""
    def well(name: str) -> bool:
        out = kube.lab.daemons[name].eipgw("status", "--json").stdout
        found = json.loads(out)["kubernetes"] if out else {}
        return bool(found.get("synced")) and not found.get("error")

    for name in names:  # back-off, after a slow restart
        wait_until(lambda name=name: nudge(kube) and well(name), 150, f"{name} follows again", 0.5)


class Watched:
    """What the kernel of each machine told of our rules and routes, line by line, since this was made."""

    def __init__(self, lab: Lab, *names: str):
        self.lab = lab
        self.before = {name: kernel_of(lab, name) for name in names}
        self.files: dict[str, list[Path]] = {}
        self.processes: list[subprocess.Popen[bytes]] = []
        for name in names:
            for argv in (["nft", "monitor"], ["ip", "monitor", "route", "rule"]):
                path = lab.directory / "log" / f"monitor-{name}-{argv[0]}"
                with netns.entered(lab.netns_of(name)), open(path, "wb") as out:
                    self.processes.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/"))
                self.files.setdefault(name, []).append(path)
        for name in names:
            self._mark(name)

    def _mark(self, name: str) -> None:
        """Until the monitors have told this, they haven't told everything."""
        word, octet = f"mark{secrets.token_hex(4)}", secrets.randbelow(250)

        def told() -> bool:
            for verb in ("add", "delete"):
                self.lab.run(name, "nft", verb, "table", "ip", word)
                self.lab.run(name, "ip", "route", verb, "blackhole", f"192.0.2.{octet}")
            nft, ip = (path.read_text() for path in self.files[name])
            return f"delete table ip {word}" in nft and f"192.0.2.{octet}" in ip

        wait_until(told, SOON, f"{name}'s monitors tell", 0.05)

    def lines(self, name: str) -> list[str]:
        """Those of ours, and none of the marks. A node that starts tries in a transaction of its own, which leaves nothing, what its kernel
        can (node/second.c)."""
        self._mark(name)
        nft, ip = (path.read_text().splitlines() for path in self.files[name])
        return [line for line in nft if " ip eipgw" in line and " ip eipgw_try" not in line] + [line for line in ip if "proto 101" in line or "eipgw" in line]

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def watched(lab: Lab, *names: str) -> Iterator[Watched]:
    found = Watched(lab, *names)
    try:
        yield found
    finally:
        found.stop()


class Proxy:
    """Passes bytes on between clients and the API server. Who has a budget has used it up after so many bytes of answers:
    then his connections break, in the middle of whatever is said, and he gets no other."""

    def __init__(self, kube: Kube, budget: dict[str, int]):
        self.upstream = (kube.plane.bind, kube.plane.port)
        self.inside = kube.lab.netns_of("vpc")
        self.budget = dict(budget)
        self.broken: set[str] = set()
        self.lock = threading.Lock()
        with netns.entered(self.inside):
            self.listener = socket.create_server((ZONES["a"][1], 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lift(self) -> None:
        with self.lock:
            self.budget.clear()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, address = self.listener.accept()
                threading.Thread(target=self._serve, args=(client, address[0]), daemon=True).start()

    def _serve(self, client: socket.socket, who: str) -> None:
        with contextlib.suppress(OSError), netns.entered(self.inside), client, socket.create_connection(self.upstream) as server:
            threading.Thread(target=self._pass, args=(client, server), daemon=True).start()
            self._pass(server, client, who)

    def _pass(self, source: socket.socket, target: socket.socket, who: str | None = None) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(1 << 16)) and self._may(who, len(data)):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _may(self, who: str | None, n: int) -> bool:
        with self.lock:
            if who not in self.budget:
                return True
            self.budget[who] -= n
            if self.budget[who] >= 0:
                return True
            self.broken.add(who)
            return False

    def used_by(self, kube: Kube, *accounts: str) -> None:
        """Kubeconfigs lead here from now on; daemons read them when they start."""
        for account in accounts:
            path = kube.plane.folder / f"kubeconfig-{account}"
            found = json.loads(path.read_text())
            found["clusters"][0]["cluster"]["server"] = f"https://{kube.plane.bind}:{self.port}"
            path.write_text(json.dumps(found))


@contextlib.contextmanager
def proxied(kube: Kube, **budget: int) -> Iterator[Proxy]:
    """Machines -> bytes."""
    proxy = Proxy(kube, {kube.lab.machines[name.replace("_", "-")].address: n for name, n in budget.items()})
    try:
        yield proxy
    finally:
        proxy.close()
