# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The rows of the leak matrix. Each function does something bad to a cell, and waits as long as the bad
thing needs to show; matrix.Cell judges what is owed in all of them."""

import json
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from eipgwlab import netns, packets, wait_until
from eipgwlab.agent import ECHO_PORT, UDP_PORT
from eipgwlab.build import program
from eipgwlab.model import NODES
from eipgwlab.packets import ACK, SYN
from matrix import FAULTS, Cell, fault
from proof import DEADLINE, SELECTED, Stream, counters, seen_since, usual_sources

__all__ = ["FAULTS"]
DAEMONS = ("gw-a", "node1", "node2")
FOREVER_WITHOUT = 25  # attempts of each selected pod while nothing may leave


def some_time(cell: Cell) -> None:
    """Traffic of everybody goes on: nothing that is judged may have noticed."""
    cell.traffic.advance(cell._judged(), 15)


def blackout(cell: Cell) -> None:
    """Selected pods keep trying while nothing can reach them."""
    cell.traffic.attempt(cell.selected_streams(), FOREVER_WITHOUT)


# ---- the daemons ---------------------------------------------------------------------------------------


@fault(lossless=True)
def daemons_killed(cell: Cell) -> None:
    cell.lab.kill_daemons()
    some_time(cell)
    cell.lab.start_daemons()


@fault(lossless=True)
def daemons_stopped(cell: Cell) -> None:
    cell.lab.stop_daemons()
    some_time(cell)
    cell.lab.start_daemons()


@fault(lossless=True)
def daemons_restarted(cell: Cell) -> None:
    for name in DAEMONS:
        cell.daemon(name).restart()


@fault(lossless=True)
def binaries_upgraded(cell: Cell) -> None:
    with tempfile.TemporaryDirectory() as directory:
        before = os.environ.get("EIPGW_BUILD")
        try:
            upgrade(cell, Path(directory))
        finally:
            os.environ.pop("EIPGW_BUILD", None)
            if before is not None:
                os.environ["EIPGW_BUILD"] = before


def upgrade(cell: Cell, directory: Path) -> None:
    """Daemons run from copies; the copies are replaced under them, and then they are restarted."""
    originals = {name: program(name) for name in ("eipgwd", "eipgw-noded")}
    for name, path in originals.items():
        assert path is not None
        shutil.copy(path, directory / name)
    os.environ["EIPGW_BUILD"] = str(directory)
    for name in DAEMONS:
        cell.daemon(name).restart()
    for name, path in originals.items():
        fresh = directory / f"{name}.new"
        shutil.copy(path, fresh)
        fresh.rename(directory / name)
    some_time(cell)
    for name in DAEMONS:
        cell.daemon(name).restart()
        daemon = cell.daemon(name)
        assert Path(f"/proc/{daemon.pid}/exe").samefile(directory / daemon.program)


# ---- the node's nftables -------------------------------------------------------------------------------


def excuse_flushed_cni(cell: Cell) -> None:
    """What the flush itself breaks: the CNI's translation and kube-proxy's, where nftables has them."""
    if cell.lab.flavour.backend != "iptables-nft":
        return
    cell.excuse([s for s in cell.traffic.inside() if s.inside == "service"])
    if cell.lab.flavour.snat:
        cell.dismiss(cell.traffic.of("p2"))
        cell.lab.expect("p2", {*cell.lab.expected("p2"), cell.lab.pods["p2"].address})


@fault(repairs=("node1",))
def nft_flushed(cell: Cell) -> None:
    excuse_flushed_cni(cell)
    began = time.monotonic()
    cell.lab.flush_ruleset("node1")
    cell.lab.cni_restore("node1")
    cell.await_repair("node1", began)


@fault(repairs=("node1",))
def table_deleted(cell: Cell) -> None:
    cell.nft("delete table ip eipgw_node")


@fault(repairs=("node1",))
def steer_chain_flushed(cell: Cell) -> None:
    cell.nft("flush chain ip eipgw_node steer")


@fault(repairs=("node1",))
def class_chain_flushed(cell: Cell) -> None:
    chains = re.findall(r"chain (s_\w+)", cell.lab.run("node1", "nft", "list", "table", "ip",
                                                       "eipgw_node"))
    cell.nft("\n".join(f"flush chain ip eipgw_node {chain}" for chain in chains))


@fault(repairs=("node1",))
def guard_chain_flushed(cell: Cell) -> None:
    cell.nft("flush chain ip eipgw_node guard")


@fault(repairs=("node1",))
def mark_clobbered(cell: Cell) -> None:
    cell.nft("add rule ip eipgw_node lane_0 meta mark set 0")


@fault()
def mark_clobbered_by_other(cell: Cell) -> None:
    """A rule that isn't ours, right behind ours: nothing to repair, but nothing may leak either."""
    cell.nft("table ip other { chain clobber { type filter hook prerouting priority -70;"
             " ip daddr != 10.0.0.0/8 meta mark set 0x80; }; }")
    blackout(cell)
    cell.nft("delete table ip other")


@fault(repairs=("node1",))
def steer_map_emptied(cell: Cell) -> None:
    cell.nft("flush map ip eipgw_node steer_pod")


@fault(repairs=("node1",))
def guard_map_emptied(cell: Cell) -> None:
    cell.nft("flush map ip eipgw_node guard_pod")


# ---- the node's routing --------------------------------------------------------------------------------


@fault(repairs=("node1",))
def lane_rule_deleted(cell: Cell) -> None:
    priority = str(cell.lab.flavour.rule_priority)
    cell.ip("rule", "del", "pref", priority, "fwmark", "0x1000/0x107f")


@fault(repairs=("node1",))
def guard_rule_deleted(cell: Cell) -> None:
    priority = str(cell.lab.flavour.rule_priority + 1)
    cell.ip("rule", "del", "pref", priority, "iif", cell.lab.pods["p1"].pod.veth)


@fault(repairs=("node1",), pieces=True)
def routes_flushed(cell: Cell) -> None:
    cell.ip("route", "flush", "table", "all", "proto", "101")


@fault(repairs=("node1",))
def tunnel_deleted(cell: Cell) -> None:
    cell.ip("link", "del", "egw0")


@fault(repairs=("node1",))
def tunnel_down(cell: Cell) -> None:
    cell.ip("link", "set", "egw0", "down")


@fault()
def conntrack_flushed(cell: Cell) -> None:
    """The CNI's translation doesn't survive it, ours does."""
    if cell.lab.flavour.snat:
        cell.dismiss(cell.traffic.of("p2"))
    cell.excuse(cell.traffic.inside())
    cell.lab.flush_conntrack("node1")


# ---- the gateway ---------------------------------------------------------------------------------------


@fault()
def gateway_dead(cell: Cell) -> None:
    cell.daemon("gw-a").kill()
    cell.lab.cut("gw-a")
    blackout(cell)
    cell.lab.mend("gw-a")
    cell.daemon("gw-a").start()


@fault(repairs=("gw-a",))
def gateway_nft_flushed(cell: Cell) -> None:
    cell.lab.flush_ruleset("gw-a")


@fault(repairs=("gw-a",))
def gateway_tunnel_deleted(cell: Cell) -> None:
    cell.ip("link", "del", "egw0", name="gw-a")


@fault(repairs=("gw-a",), pieces=True)
def gateway_routes_flushed(cell: Cell) -> None:
    cell.ip("route", "flush", "table", "all", "proto", "101", name="gw-a")


@fault()
def gateway_killed_and_flushed(cell: Cell) -> None:
    cell.daemon("gw-a").kill()
    cell.lab.flush_ruleset("gw-a")
    blackout(cell)
    cell.daemon("gw-a").start()


@fault()
def gateway_killed_and_translation_deleted(cell: Cell) -> None:
    """The chains that let packets in and through stand: what nobody translates any more still may not leave."""
    cell.daemon("gw-a").kill()
    cell.nft("flush chain ip eipgw translate\ndelete chain ip eipgw translate", "gw-a")
    blackout(cell)
    cell.daemon("gw-a").start()


# ---- policies ------------------------------------------------------------------------------------------


def set_policies(cell: Cell, policies: list[dict]) -> None:
    for name in DAEMONS:
        cell.daemon(name).config["policies"] = json.loads(json.dumps(policies))


def settled(cell: Cell, pod: str, sources: set[str]) -> None:
    """From now on servers see new connections and datagrams of a pod from these sources only, and soon
    nothing else is left at the exit: servers that still push to a former address are answered by who
    has it, with a RST, for a short while."""
    lab = cell.lab
    fresh = [Stream(pod, "udp"), Stream(pod, "tcp-new")]
    before = {s: dict(r.seen) for s, r in cell.traffic.stat(fresh).items()}
    # A pod without any public address is heard by no server.
    progress = cell.traffic.advance if sources != {lab.pods[pod].address} else cell.traffic.attempt

    def quiet() -> bool:
        mark = lab.exit_mark()
        progress(fresh, 10)
        return seen_since(lab, pod, mark) == sources

    wait_until(quiet, DEADLINE, f"{pod} leaves as {sources}")
    for stream, report in cell.traffic.stat(fresh).items():
        grown = {a for a, n in report.seen.items() if n > before[stream].get(a, 0)}
        # One answer to what was sent before may have been under way.
        others = sum(n - before[stream].get(a, 0) for a, n in report.seen.items() if a not in sources)
        cell.check(others <= 1, f"{pod} {stream.kind} was seen from {grown}, not {sources}")


@fault(lossless=True)
def policy_added(cell: Cell) -> None:
    """p2 becomes selected for the second egress IP while it talks."""
    lab, second = cell.lab, cell.lab.eip("second")
    lab.expect("p2", {*lab.expected("p2"), second})
    cell.dismiss(cell.traffic.of("p2"))
    policies = [*cell.daemon("node1").config["policies"],
                {"name": "extra", "pod_cidrs": ["10.0.1.51/32"], "egress_ips": ["second"]}]
    set_policies(cell, policies)
    cell.reload(*DAEMONS)
    settled(cell, "p2", {second})


@fault(lossless=True)
def policy_changed(cell: Cell) -> None:
    """The policy gets another egress IP: new connections use it, those that live keep the old one."""
    lab, bank, second = cell.lab, cell.lab.eip("bank"), cell.lab.eip("second")
    for pod in SELECTED:
        lab.expect(pod, {bank, second})
        cell.sources[pod] = {bank}
    cell.dismiss([s for s in cell.selected_streams() if s.kind == "tcp-new"])
    policies = json.loads(json.dumps(cell.daemon("node1").config["policies"]))
    policies[0]["egress_ips"] = ["second"]
    set_policies(cell, policies)
    cell.reload(*DAEMONS)
    for pod in SELECTED:
        seen = lab.pods[pod].probe().seen
        cell.check(seen == second, f"a new connection of {pod} was seen from {seen}")


@fault()
def policy_removed(cell: Cell) -> None:
    """Selected pods become normal pods while they talk."""
    lab = cell.lab
    for pod in SELECTED:
        lab.expect(pod, {*lab.expected(pod), *usual_sources(lab, lab.pods[pod])})
    cell.dismiss(cell.selected_streams())
    set_policies(cell, [])
    cell.reload("node1", "node2", "gw-a")
    for pod in SELECTED:
        settled(cell, pod, usual_sources(lab, lab.pods[pod]))


@fault(lossless=True, allow=("^<4>config: .*keeping the old configuration",))
def configuration_broken(cell: Cell) -> None:
    for name in DAEMONS:
        daemon = cell.daemon(name)
        good = daemon.config["policies"]
        daemon.config["policies"] = [{**good[0], "egress_ips": ["nowhere"]}]
        cell.reload(name)
        cell.check(daemon.log_count("<4>config: .*keeping the old configuration") == 1,
                   f"{name} did not tell that it keeps the old configuration")
        daemon.config["policies"] = good
    some_time(cell)


@fault(lossless=True)
def address_reused(cell: Cell) -> None:
    """p1's address goes to a pod that isn't selected, which uses the same port to the same server."""
    lab, old = cell.lab, cell.lab.pods["p1"]
    server, port = old.server, 7777
    assert server is not None
    cell.dismiss([s for s in cell.traffic.live() if s.pod == "p1"])
    cell.check(old.probe("udp", sport=port).seen == lab.eip("bank"), "p1 before its end")
    cell.traffic.stop("p1")
    policies = json.loads(json.dumps(cell.daemon("node1").config["policies"]))
    policies[0]["pod_cidrs"].remove("10.0.1.50/32")
    lab.delete_pod("p1")
    set_policies(cell, policies)
    cell.reload(*DAEMONS)
    fresh = lab.add_pod("px", "node1", "10.0.1.50")
    usual = usual_sources(lab, fresh)
    lab.expect("p1", {lab.eip("bank"), *usual})
    # Until the node daemon knows the pod, strict enforcement rejects what it sends.
    wait_until(lambda: fresh.probe("tcp", timeout=0.2).reached, DEADLINE, "px has the internet")
    mark = lab.exit_mark()
    seen = fresh.probe("udp", dst=server, sport=port).seen
    cell.check({seen} == usual, f"the old address and port of p1 was seen from {seen}")
    flow = fresh.flow("tcp-new")
    wait_until(lambda: flow.stat().received > 15, DEADLINE, "new connections of px")
    report = flow.stop()
    cell.check(set(report.seen) == usual and not report.lost, f"px was seen from {report.seen}")
    seen_of_p1 = seen_since(lab, "p1", mark)
    cell.check(seen_of_p1 == usual, f"p1's server heard from {seen_of_p1}")


# ---- forgeries -----------------------------------------------------------------------------------------

DROPPED = ("guard_spoofed", "guard_unclassified", "guard_unmarked", "guard_leak", "tunnel_forged",
           "tunnel_new", "tunnel_stray", "refused", "tunnel_local")


def dropped(cell: Cell, name: str) -> int:
    return sum(n for counter, n in counters(cell.daemon(name)).items() if counter in DROPPED)


def forgeries(source: str, destination: str) -> list[bytes]:
    return [packets.tcp(source, destination, 6001, ECHO_PORT, SYN),
            packets.tcp(source, destination, 6002, ECHO_PORT, ACK, ack=77, data=b"forged"),
            packets.udp(source, destination, 6003, UDP_PORT),
            packets.icmp_echo(source, destination)]


def without_path_check(cell: Cell) -> None:
    """Turns off the kernel's reverse path check, which would drop forgeries before our guards see them:
    not every host has it."""
    for node in NODES:
        devices = [pod.pod.veth for pod in cell.lab.pods.values() if pod.node == node]
        netns.sysctl(cell.lab.netns_of(node), {f"net.ipv4.conf.{d}.rp_filter": 0 for d in devices})


def spoof(cell: Cell, liar: str, victim: str) -> None:
    """A pod sends with another pod's address to the liar's own server: whatever arrives is foreign."""
    pod = cell.lab.pods[liar]
    before = dropped(cell, pod.node)
    assert pod.server is not None
    sent = forgeries(cell.lab.pods[victim].address, pod.server)
    for packet in sent:
        pod.raw(packet)
    wait_until(lambda: dropped(cell, pod.node) - before >= len(sent), 3,
               f"{pod.node} drops and counts what {liar} sent as {victim}")


@fault(lossless=True)
def spoofed_on_the_same_node(cell: Cell) -> None:
    without_path_check(cell)
    for liar, victim in (("p2", "p1"), ("p2", "p3"), ("p1", "p2"), ("p3", "p1")):
        spoof(cell, liar, victim)
    some_time(cell)


@fault(lossless=True)
def spoofed_from_another_node(cell: Cell) -> None:
    without_path_check(cell)
    for liar, victim in (("p5", "p1"), ("p2", "p4"), ("p5", "p3"), ("p4", "p2")):
        spoof(cell, liar, victim)
    some_time(cell)


@fault(lossless=True)
def tunnel_packets_forged(cell: Cell) -> None:
    """From another node's host, from pods, and from pods in the gateway's name."""
    without_path_check(cell)
    lab = cell.lab
    node1, node2 = lab.machines["node1"].address, lab.machines["node2"].address
    gateway, p1, p5 = lab.machines["gw-a"].address, lab.pods["p1"], lab.pods["p5"]
    p2 = lab.pods["p2"]
    assert p1.server and p2.server and p5.server
    to_pod = {"to_mac": "02:65:67:77:00:02", "from_mac": "02:65:67:77:00:01"}
    # p1's UDP server would answer to p5's server, which may never hear of p1's egress IP.
    answerable = packets.udp(p5.server, p1.address, 6004, UDP_PORT)
    out = packets.udp(p1.address, p5.server, 6005, UDP_PORT)
    cases = (
        ("node2", "node1", packets.vxlan(node2, node1, answerable, **to_pod)),
        ("gw-b", "node1", packets.vxlan(lab.machines["gw-b"].address, node1, answerable, **to_pod)),
        ("p5", "node1", packets.vxlan(p5.address, node1, answerable, **to_pod)),
        ("p2", "node1", packets.vxlan(p2.address, node1, answerable, **to_pod)),
        ("p2", "node1", packets.vxlan(gateway, node1, answerable, **to_pod)),
        ("node2", "gw-a", packets.vxlan(node2, gateway, out)),
        ("node2", "gw-a", packets.vxlan(node2, gateway, packets.udp(p5.address, p5.server, 6006,
                                                                   UDP_PORT))),
        ("p2", "gw-a", packets.vxlan(p2.address, gateway, out)),
        ("gw-b", "gw-a", packets.vxlan(lab.machines["gw-b"].address, gateway, out)),
    )
    for sender, receiver, packet in cases:
        station = lab.pods.get(sender) or lab.stations[sender]
        before = dropped(cell, receiver)
        station.raw(packet)
        wait_until(lambda r=receiver, n=before: dropped(cell, r) > n, 3,
                   f"{receiver} drops and counts the tunnel packet that {sender} forged")
    # In another machine's name: the node itself or AWS drops these, before anything counts.
    for sender, packet in (("p2", packets.vxlan(node1, gateway, out)),
                           ("p5", packets.vxlan(node1, gateway, out)),
                           ("node2", packets.vxlan(node1, gateway, out)),
                           ("node2", packets.vxlan(gateway, node1, answerable, **to_pod))):
        (lab.pods.get(sender) or lab.stations[sender]).raw(packet)
    some_time(cell)


# ---- two faults at once: nobody repairs ------------------------------------------------------------------


def without_daemon(cell: Cell) -> None:
    """The node's daemon is dead; after the second fault selected pods have nothing, or their egress IP."""
    cell.daemon("node1").kill()


def back_again(cell: Cell) -> None:
    blackout(cell)
    cell.daemon("node1").start()


@fault()
def killed_and_nft_flushed(cell: Cell) -> None:
    """Where the CNI's rules go too, conntrack is off until they are back. Then it has seen less than a
    pod acknowledges, and kube-proxy drops such INVALID packets: a flow that only receives may stay stuck."""
    excuse_flushed_cni(cell)
    if cell.lab.flavour.backend == "iptables-nft":
        cell.dismiss([Stream("p1", "pull"), Stream("p3", "pull")])
    without_daemon(cell)
    cell.lab.flush_ruleset("node1")
    blackout(cell)
    cell.lab.cni_restore("node1")
    back_again(cell)


@fault()
def killed_and_table_deleted(cell: Cell) -> None:
    without_daemon(cell)
    cell.nft("delete table ip eipgw_node")
    back_again(cell)


@fault()
def killed_and_mark_clobbered(cell: Cell) -> None:
    without_daemon(cell)
    cell.nft("flush chain ip eipgw_node steer")
    back_again(cell)


@fault()
def killed_and_rules_deleted(cell: Cell) -> None:
    without_daemon(cell)
    cell.ip("rule", "flush", "proto", "101")
    back_again(cell)


@fault()
def killed_and_tunnel_deleted(cell: Cell) -> None:
    without_daemon(cell)
    cell.ip("link", "del", "egw0")
    back_again(cell)


@fault()
def killed_and_routes_flushed(cell: Cell) -> None:
    without_daemon(cell)
    cell.ip("route", "flush", "table", "all", "proto", "101")
    back_again(cell)
