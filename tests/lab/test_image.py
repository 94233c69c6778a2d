# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The image that Packer makes, booted by qemu in the gateway's place: with its own kernel, systemd, network and firewall, and user data
from the metadata service."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eipgwlab import Lab, configs, model, wait_until
from eipgwlab.cloud import PeerMissing, peer
from eipgwlab.debian import next_version
from eipgwlab.guest import BOOT_DEADLINE, Guest
from eipgwlab.image import gateway_image
from eipgwlab.lab import Vm
from eipgwlab.portscan import LAST_PORT, answering
from labevidence import FAILED, keep_evidence
from proof import leaks, usual_sources

pytestmark = pytest.mark.appliance

patient = pytest.mark.timeout(2400)  # whichever is the first makes the image, and waits for boots
KINDS = ("tcp", "udp", "icmp")
METRICS = 9440      # listened at
REPLICATION = 7421  # open to members, should there be a group
PUBLIC = "203.0.113.210"  # an address of the gateway's own, as a subnet may give one
BEGINS = "Linux version "  # once in each boot
WELCOME = "Reached target sysinit.target"  # and what tmpfiles.d says is done


class Gateway:
    """A guest, in the state that a test asks for."""

    def __init__(self, lab: Lab, guest: Guest, stranger: Vm):
        self.lab, self.guest, self.stranger = lab, guest, stranger
        self.boots = 0
        self._user_data: Any = None

    def run_with(self, user_data: dict[str, Any], boots: int = 1) -> None:
        """Lets it start with these user data, unless it runs with them already. boots: at least so many in all."""
        while self._user_data != user_data or self.boots < boots:
            self.guest.serve_metadata(json.dumps(user_data).encode())
            self._user_data = user_data
            self.wait_boot(lambda: self.guest.order("system_reset") if self.boots else self.guest.boot())

    def wait_boot(self, begin: Callable[[], None]) -> None:
        """Does what lets it start, and waits until systemd has read its units."""
        begin()
        self.boots += 1
        self.wait_says(WELCOME)

    def this_boot(self) -> str:
        _, *boots = self.guest.console().split(BEGINS)
        return boots[-1] if len(boots) == self.boots else ""

    def wait_says(self, text: str) -> None:
        wait_until(lambda: text in self.this_boot(), BOOT_DEADLINE, f"the console of boot {self.boots} says {text!r}", every=0.2)

    def refused(self) -> int:
        """Packets that the host's firewall refused since it was loaded."""
        [counter] = [c["counter"] for c in json.loads(self.guest.run("nft -j list counter inet eipgw_host refused"))["nftables"] if "counter" in c]
        return counter["packets"]

    def wait_translates(self) -> None:
        """Selected pods of both nodes leave with the egress IP, by each protocol; others as ever."""
        wait_until(lambda: self.lab.pods["p1"].probe().seen == self.lab.eip("bank"), BOOT_DEADLINE, "a pod is translated")
        seen = {(name, kind): self.lab.pods[name].probe(kind).seen for name in ("p1", "p3", "p4") for kind in KINDS}
        assert seen == dict.fromkeys(seen, self.lab.eip("bank"))
        assert {self.lab.pods["p2"].probe(kind).seen for kind in KINDS} == usual_sources(self.lab, self.lab.pods["p2"])


def good(lab: Lab) -> dict[str, Any]:
    """As Terraform writes it: what only the instance knows isn't in it."""
    configuration = configs.gateway(lab, "gw-a") | {"metrics": {"listen": f":{METRICS}"}}
    configuration["gateway"] = {"internet_mtu": model.MTU_INTERNET}
    return {"eipgw": 1, "configuration": configuration}


@pytest.fixture(scope="module")
def only_gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    try:
        peer("imds")
    except PeerMissing as reason:
        pytest.skip(str(reason))
    image, packages = gateway_image()
    directory = tmp_path_factory.mktemp("guest")
    with Lab("cni-nft") as lab:
        stranger = lab.add_vm("stranger", "10.0.3.50")
        lab.check_interface("gw-a", on=False)
        lab.route_private("gw-a")
        lab.map_public(PUBLIC, lab.machines["gw-a"].address)
        guest = Guest(lab, "gw-a", image, directory, more=as_disk(packages, directory))
        try:
            lab.start_daemons(["node1", "node2"])
            yield Gateway(lab, guest, stranger)
            lab.stop_daemons()  # at its end a sanitizer tells what was never freed
            assert lab.check_logs() == []
        finally:
            guest.close()


def as_disk(packages: Path, directory: Path) -> Path:
    """The gateway's packages in the next version, as a disk that tar reads."""
    newer = next_version([p for p in sorted(packages.glob("*.deb")) if not p.name.startswith("eipgw-node")], directory / "next")
    disk = directory / "next.tar"
    subprocess.run(["tar", "-C", directory / "next", "-cf", disk, *(path.name for path in newer)], check=True)
    return disk


@pytest.fixture
def gateway(request: pytest.FixtureRequest, only_gateway: Gateway) -> Iterator[Gateway]:
    """Ends as each test of the lab: no packet left with a wrong source, and the nodes' logs are clean."""
    lab = only_gateway.lab
    yield only_gateway
    wrong = lab.check_logs()
    found = leaks(lab)
    if found:
        wrong.append(f"packets with a wrong source: {found}")
    if wrong or request.node.stash.get(FAILED, False):
        print(f"evidence of the failure: {keep_evidence(lab, request.node)}")
    if wrong:
        pytest.fail("after the test:\n" + "\n".join(wrong[:40]), pytrace=False)


@pytest.fixture
def running(gateway: Gateway) -> Gateway:
    """It works, and has the shell that guest.py puts there."""
    gateway.run_with(good(gateway.lab), boots=2)
    gateway.wait_translates()
    gateway.wait_says("Started lab-shell.service")
    return gateway


@patient
def test_wrong_user_data_are_told_on_the_console_and_nothing_is_forwarded(gateway: Gateway) -> None:
    lab = gateway.lab
    wrong = good(lab)
    wrong["configuration"]["gatway"] = {}

    gateway.run_with(wrong)

    gateway.wait_says("[EIPGW-1036]")
    assert "user data: configuration.gatway: " in gateway.this_boot()
    gateway.wait_says("eipgwd.service: Failed with result 'exit-code'")
    mark = lab.exit_mark()
    for station in (lab.pods["p1"], lab.pods["p4"], gateway.stranger):  # by the tunnel, and by the VPC's routing
        assert [station.probe(kind, timeout=1).seen for kind in KINDS] == [None] * 3
    assert {name: lab.seen_for(name, mark) for name in ("p1", "p4", "stranger")} == {"p1": {}, "p4": {}, "stranger": {}}
    assert lab.stations["node1"].probe("icmp", dst=lab.machines["gw-a"].address).reached  # it's there


@patient
def test_pods_leave_with_the_egress_ip_once_the_user_data_are_right(gateway: Gateway) -> None:
    gateway.run_with(good(gateway.lab))

    gateway.wait_translates()

    assert "Failed to start" not in gateway.this_boot()
    assert gateway.stranger.probe(timeout=1).seen is None


@patient
def test_nothing_answers_but_what_the_host_firewall_names(running: Gateway) -> None:
    lab, own = running.lab, running.lab.machines["gw-a"].address
    node, inet, pod = lab.stations["node1"], lab.stations["inet"], lab.pods["p2"]
    node_address = lab.machines["node1"].address
    assert f"{own}:{METRICS}" in running.guest.run("ss -Hltn")
    assert {8080: "open", 9000: "open"}.items() <= answering(node, node_address, pod.address, node).items()
    refused = running.refused()

    from_node = answering(node, node_address, own, node)
    from_internet = answering(inet, model.CLIENT, PUBLIC, inet)
    from_pod = answering(pod, pod.address, own, node)

    assert (from_node, from_internet, from_pod) == ({REPLICATION: "closed"}, {}, {})
    # All have been there. An answer to a pod would have taken the tunnel, and its node wouldn't have let it in: the counter knows.
    assert running.refused() - refused == 3 * LAST_PORT - 2


@patient
@pytest.mark.parametrize("order", ["system_reset", "inject-nmi"])
def test_it_works_again_after_a_reset_and_after_a_kernel_panic(running: Gateway, order: str) -> None:
    running.wait_boot(lambda: running.guest.order(order))

    running.wait_translates()

    *_, before, _ = running.guest.console().split(BEGINS)
    assert ("Kernel panic - not syncing: NMI" in before) == (order == "inject-nmi")


def times_of(guest: Guest, *units: str) -> list[int]:
    """When each began, in microseconds since the kernel did."""
    return [int(guest.run(f"systemctl show --value -p InactiveExitTimestampMonotonic {unit}")) for unit in units]


@patient
def test_the_rules_are_there_before_the_network_is_and_the_network_before_the_gateway(running: Gateway) -> None:
    guest = running.guest

    assert guest.run("systemctl is-system-running --wait").strip() == "running", guest.run("systemctl --failed")
    order = times_of(guest, "eipgw-host-firewall.service", "systemd-networkd.service", "eipgw-user-data.service", "eipgwd.service")
    assert order == sorted(order) and all(order)
    chain = guest.run("systemd-analyze critical-chain eipgwd.service")
    assert "eipgwd.service" in chain and "eipgw-user-data.service" in chain
    assert guest.run("systemctl is-enabled nftables.service || true").strip() == "masked"
    assert guest.run("command -v sshd || true") == ""


def version(guest: Guest) -> str:
    return guest.run("dpkg-query -W -f '${Version}' eipgw-gateway").strip()


def ended(guest: Guest) -> Callable[[], bool]:
    first = guest.run("systemctl show --value -p MainPID eipgwd.service")
    return lambda: guest.run("systemctl show --value -p MainPID eipgwd.service") != first


@patient
def test_upgraded_by_a_restart_under_traffic_and_removed_without_a_trace(running: Gateway) -> None:
    """The last one: what is removed is gone."""
    lab, guest = running.lab, running.guest
    before, restarted = version(guest), ended(guest)
    flows = [lab.pods[name].flow(kind, interval_ms=50) for name in ("p1", "p4") for kind in ("tcp", "udp")]

    guest.run("mkdir /tmp/next && tar -C /tmp/next -xf /dev/vdb && dpkg -i /tmp/next/*.deb")

    assert version(guest) == f"{before}+next" and restarted()
    assert guest.run("systemctl is-active eipgwd.service").strip() == "active"
    running.wait_translates()
    for report in [flow.stop(linger_ms=2000) for flow in flows]:
        assert report.received and not report.resets and report.state != "dead" and set(report.seen) == {lab.eip("bank")}, report

    guest.run("dpkg -r eipgw-gateway")

    assert "eipgw " not in guest.run("nft list tables") and "egw0" not in guest.run("ip -br link")
    assert guest.run("systemctl is-active eipgwd.service || true").strip() == "inactive"
    mark = lab.exit_mark()
    assert lab.pods["p1"].probe(timeout=1).seen is None and lab.seen_for("p1", mark) == {}
