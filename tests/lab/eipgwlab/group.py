# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Several gateways that carry the same egress IPs, with one EC2 for all of them and the metadata of each. What EC2
associates, the lab's internet gateway translates from that moment on, or, by order, a while later. And the links between
machines, each of which may be cut."""

import contextlib
import json
import secrets
import signal
import sys
import threading
import time
from collections.abc import Iterable
from http.server import ThreadingHTTPServer
from typing import Any

from . import netns
from .agent import Agent
from .build import ROOT
from .cloud import TAGS
from .lab import Lab
from .model import ZONES, mac_of
from .wait import wait_until

sys.path.insert(0, str(ROOT / "tests" / "aws"))

import fake_cloud  # noqa: E402
import fake_ec2  # noqa: E402
import fake_server  # noqa: E402

API, EC2 = ZONES["a"][1], ZONES["b"][1]  # on the VPC's router: where labkube's API server listens, and where EC2 does
SETTLED = 90.0
HOOK = ("leave", "gateways")  # the lifecycle hook with which the Auto Scaling group waits for each gateway, and the group

# What the metadata tell of an instance that is to go, each as AWS documents it.
NOTICES = {
    "spot": ("spot/instance-action", {"action": "terminate", "time": "{time}"}),
    "rebalance": ("events/recommendations/rebalance", {"noticeTime": "{time}"}),
    "group": ("autoscaling/target-lifecycle-state", "Terminated"),
}

LINKS = """
table bridge links {
    set cut { type ipv4_addr . ipv4_addr; }
    chain before { type filter hook prerouting priority -10; policy accept; ip saddr . ip daddr @cut drop; }
    chain after { type filter hook postrouting priority -10; policy accept; ip saddr . ip daddr @cut drop; }
}
"""


class Exit:
    """The lab's internet gateway as EC2's doing: an order takes effect at once, or `delay_s` later, in the order in which
    they came."""

    def __init__(self, lab: Lab):
        lab.stations["igw"].agent  # noqa: B018  its helper has begun
        self.agent = Agent(lab.directory / "agent" / "igw.sock")  # a connection that no other thread has
        self.delay_s = 0.0
        self.lock = threading.Lock()
        self.mapped: dict[str, str] = {}
        self.moves: list[tuple[float, str, str]] = []  # when, an Elastic IP, and where it is then
        self.timers: list[threading.Timer] = []

    def follow(self, associations: list[dict[str, Any]]) -> None:
        now = {a["public"]: a["private"] for a in associations}
        if self.delay_s:
            timer = threading.Timer(self.delay_s, self._map, [now])
            timer.daemon = True
            self.timers.append(timer)
            timer.start()
        else:
            self._map(now)

    def _map(self, now: dict[str, str]) -> None:
        with self.lock:
            for public in {**self.mapped, **now}:
                private = now.get(public, "")
                if private == self.mapped.get(public):
                    continue
                if private:
                    self.agent.call("igw_map", public=public, private=private)
                else:
                    self.agent.call("igw_unmap", public=public)
                self.moves.append((time.monotonic(), public, private))
            self.mapped = now

    def close(self) -> None:
        for timer in self.timers:
            timer.cancel()
        self.agent.close()


class Ec2(fake_ec2.Cloud):
    """The fake, which tells of each change of an association in the moment in which it happens."""

    exit: Exit | None = None

    def do(self, params: dict[str, str]) -> Any:
        answer = super().do(params)
        if self.exit and not params["Action"].startswith("Describe"):
            self.exit.follow(self.associations())
        return answer


def cloud_state(lab: Lab, egress: Iterable[str], at: str) -> dict[str, Any]:
    """Each gateway has a private address for each egress IP; the Elastic IPs are all at one gateway's."""
    interfaces, addresses = {}, {}
    for name in lab.gateways:
        machine = lab.machines[name]
        interfaces[f"eni-{name}"] = {
            "subnet": f"subnet-{machine.zone}", "cidr": ZONES[machine.zone][0], "vpc": "vpc-1", "zone": f"eu-central-1{machine.zone}",
            "mac": mac_of(machine.address), "instance": f"i-{name}", "primary": machine.address,
            "addresses": [lab.egress_ips[e].private[name] for e in egress], "tags": TAGS}
    for e in egress:
        address = lab.egress_ips[e]
        addresses[f"eipalloc-{e}"] = {"public": address.public, "tags": TAGS | {"Name": e}, "interface": f"eni-{at}",
                                      "private": address.private[at], "association": f"eipassoc-{e}"}
    return {"interfaces": interfaces, "addresses": addresses, "hooks": [[*HOOK, f"i-{name}"] for name in lab.gateways]}


class Group:
    """Gateways with `ownership: ec2` and `failover`, both from one Kubernetes (labkube.Kube)."""

    def __init__(self, lab: Lab, egress: tuple[str, ...] = ("bank",), at: str = "gw-a"):
        self.lab = lab
        self.egress = egress
        self.servers: list[ThreadingHTTPServer] = []
        self.metadata: dict[str, dict[str, Any]] = {}  # gateway -> its fake_cloud.SETTINGS
        self.cloud = Ec2()
        self.exit = Exit(lab)
        self.exit.mapped = {lab.egress_ips[e].public: lab.egress_ips[e].private["gw-a"] for e in lab.egress_ips}
        self.cloud.exit = self.exit
        self.ec2_url = f"http://{EC2}:{self._serve('vpc', EC2, fake_ec2.serve, self.cloud)}/"
        self.imds = {name: f"http://127.0.0.1:{self._serve(name, '127.0.0.1', self._metadata, name)}" for name in lab.gateways}
        with self.cloud.lock:
            self.cloud.set_state(cloud_state(lab, egress, at))
            self.exit.follow(self.cloud.associations())
        lab.nft("vpc", LINKS)
        self.secret = lab.directory / "etc" / "group.secret"
        self.secret.write_text(secrets.token_hex(32) + "\n", encoding="ascii")
        self.secret.chmod(0o600)

    def _serve(self, namespace: str, host: str, make: Any, what: Any) -> int:
        """A server inside a namespace; its threads needn't be there, since its socket is."""
        with netns.entered(self.lab.netns_of(namespace)):
            server = make(what, host, 0)
        self.servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        port: int = server.server_address[1]
        return port

    def _metadata(self, name: str, host: str, port: int) -> ThreadingHTTPServer:
        settings = self.metadata[name] = dict(fake_cloud.SETTINGS)
        handler = type("MetadataHandler", (fake_cloud.Metadata,),
                       {"cloud": self.cloud, "interface": f"eni-{name}", "settings": settings})
        return fake_server.Server((host, port), handler)

    def configure(self, failover: bool = True) -> None:
        """After Kube.configure_gateway."""
        for name in self.lab.gateways:
            config = self.lab.daemons[name].config
            config.pop("egress_ips", None)
            config["gateway"].pop("address", None)
            config |= {"ownership": "ec2", "aws": {"ec2_url": self.ec2_url, "imds_url": self.imds[name]}}
            if failover:
                config["aws"]["autoscaling_url"] = self.ec2_url
                config["failover"] = {"secret_file": str(self.secret), "lifecycle_hook": HOOK[0], "auto_scaling_group": HOOK[1]}
            self.lab.daemons[name].write_config()

    # ---- faults

    def ec2(self, name: str, body: Any) -> Any:
        """What fake_ec2.py lists under /control/."""
        with self.cloud.lock:
            return self.cloud.control(name, body)

    def link(self, verb: str, *pairs: tuple[str, str]) -> None:
        """"add" cuts what is between two of: a machine's name, "API", "EC2"; "delete" mends it."""
        where = {"API": API, "EC2": EC2} | {name: m.address for name, m in self.lab.machines.items()}
        both = [f"{where[x]} . {where[y]}" for a, b in pairs for x, y in ((a, b), (b, a))]
        self.lab.nft("vpc", f"{verb} element bridge links cut {{ {', '.join(both)} }}")

    def notice(self, name: str, what: str) -> None:
        """The metadata of a gateway's instance tell from now on that it is to go: one of NOTICES."""
        path, text = NOTICES[what]
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 120))
        told = text if isinstance(text, str) else json.dumps(text).replace("{time}", moment)
        with self.cloud.lock:
            self.metadata[name]["notices"] = {path: told}

    def calls(self, *actions: str) -> list[str]:
        """Those of these actions that were asked for, in order, with whom they are about: "AssociateAddress gw-b"."""
        with self.cloud.lock:
            rows = [row for row in self.cloud.requests if row.get("Action") in actions]
        about = [row.get("InstanceId", row.get("NetworkInterfaceId", "")).removeprefix("eni-").removeprefix("i-") for row in rows]
        return [f"{row['Action']} {name}" for row, name in zip(rows, about, strict=True)]

    def mend_all(self) -> None:
        self.lab.nft("vpc", "flush set bridge links cut\nflush set bridge vpc cut")
        self.ec2("faults", [])
        with self.cloud.lock:
            for settings in self.metadata.values():
                settings["notices"] = {}
        self.exit.delay_s = 0.0

    # ---- what is so

    def associated(self, egress: str = "bank") -> str:
        """The gateway that has the Elastic IP in EC2."""
        with self.cloud.lock:
            found = self.cloud.now["addresses"][f"eipalloc-{egress}"].get("interface", "")
        return str(found).removeprefix("eni-")

    def state(self, name: str, egress: str = "bank") -> dict[str, Any]:
        """What a gateway says of an egress IP; {}: nothing."""
        if not self.lab.daemons[name].running:
            return {}
        found = self.lab.daemons[name].status()
        rows = found.get("failover", {}).get("egress_ips", []) or found.get("egress_ips", [])
        return next((row for row in rows if row.get("name", "").rpartition("/")[2] == egress), {})

    def is_together(self) -> bool:
        """Each that lives hears the others, and has the connections of what they carry."""
        living = [name for name in self.lab.gateways if self.lab.daemons[name].running]
        for name in living:
            found = self.lab.daemons[name].status()
            members = found.get("failover", {}).get("members", [])
            taken = found.get("replication", {}).get("egress_ips", [])
            if sorted(row["name"] for row in members if row["heard"]) != sorted(living):
                return False
            if not taken or not all(row.get("complete") for row in taken if row["mode"] == "receive"):
                return False
        return True

    def carrier(self, egress: str = "bank") -> str:
        """The gateway that says it has all of it: Lease, Elastic IP, and the kernel; "": none, or more than one does."""
        found = [name for name in self.lab.gateways if self.state(name, egress).get("state") in ("active", "alone")]
        return found[0] if len(found) == 1 else ""

    def wait_carrier(self, name: str, egress: str = "bank", deadline: float = SETTLED) -> None:
        wait_until(lambda: self.carrier(egress) == name and self.associated(egress) == name, deadline,
                   f"{name} carries {egress}", every=0.1)

    def stop(self, nodes: bool = True) -> None:
        """All daemons, or the gateways only. The gateway that goes last waits in vain for another one to take over: a second signal ends that."""
        *others, last = (self.lab.daemons[name] for name in self.lab.gateways)
        for daemon in others:
            daemon.stop(deadline=60)
        told = last.log_count("handing over first")
        if last.running:
            last.signal(signal.SIGTERM)
            wait_until(lambda: not last.running or last.log_count("handing over first") > told, 20, "it hands over, or has nothing to")
        last.stop(deadline=60)
        if nodes:
            self.lab.stop_daemons()

    def close(self) -> None:
        for server in self.servers:
            server.shutdown()
            server.server_close()
        with contextlib.suppress(OSError):
            self.exit.close()
