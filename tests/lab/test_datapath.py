# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What a selected pod's traffic looks like, and that of everybody else, with the daemons running."""

import socket
from collections.abc import Callable

import pytest
from eipgwlab import FLAVOURS, Lab, netns, packets, services, wait_until
from eipgwlab.agent import ECHO_PORT, UDP_PORT
from eipgwlab.lab import PodStation
from eipgwlab.model import CLIENT
from proof import REPAIR, SELECTED, counters, usual_sources

StartLab = Callable[..., Lab]
RESOLVER = "10.0.0.2"
ICMP_EXCEEDED, ICMP_PORT_UNREACHABLE = 11 << 8, 3 << 8 | 3


def eip(lab: Lab) -> str:
    return lab.eip("bank")


# ---- protocols -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_protocol_of_a_selected_pod_is_seen_from_its_egress_ip(
    start_lab: StartLab, flavour: str
) -> None:
    lab = start_lab(flavour)

    for name in SELECTED:
        for transport in ("tcp", "udp", "icmp"):
            assert lab.pods[name].probe(transport).seen == eip(lab), (name, transport)
    for name in ("p2", "p5"):
        for transport in ("tcp", "udp", "icmp"):
            seen = lab.pods[name].probe(transport).seen
            assert {seen} == usual_sources(lab, lab.pods[name]), (name, transport)
    assert lab.exit_counts(side="wire") == lab.exit_counts(side="vpc")
    assert lab.source_check_drops() == {}


@pytest.mark.parametrize("flavour", ["cni-nft", "iptables-legacy"])
def test_sctp_gets_the_egress_ip_too(start_lab: StartLab, flavour: str) -> None:
    lab = start_lab(flavour)
    p1, p2 = lab.pods["p1"], lab.pods["p2"]

    for pod in (p1, p2):
        pod.raw(packets.sctp_init(pod.address, pod.server, 5000, 5001))

    def seen() -> dict[str, set[str]]:
        rows = [row for row in lab.exit_rows() if row.proto == packets.SCTP and row.side == "wire"]
        return {pod.name: {row.source for row in rows if row.destination == pod.server}
                for pod in (p1, p2)}

    wait_until(lambda: all(seen().values()), 30, "both INITs at the exit")
    assert seen() == {"p1": {eip(lab)}, "p2": usual_sources(lab, p2)}


@pytest.mark.parametrize("name", ["p1", "p3", "p4"])
def test_big_transfers_arrive_both_ways(start_lab: StartLab, name: str) -> None:
    lab = start_lab()

    answer = lab.pods[name].probe("tcp", size=200_000, timeout=10)

    assert answer.reached and answer.seen == eip(lab)


@pytest.mark.parametrize("name", ["p1", "p3", "p4"])
def test_fragments_arrive_both_ways(start_lab: StartLab, name: str) -> None:
    lab = start_lab()

    answer = lab.pods[name].probe("udp", size=4000)

    assert answer.reached and answer.seen == eip(lab)
    # Later fragments have no ports; they are counted with port 0.
    assert {row.source for row in lab.exit_rows() if row.port == 0 and row.side == "wire"} == {
        eip(lab)}


def test_pods_with_the_same_source_port_share_an_egress_ip(start_lab: StartLab) -> None:
    lab = start_lab()
    server = lab.pods["p1"].server
    for name in ("p3", "p4"):
        lab.pods[name].server = server

    flows = {name: lab.pods[name].flow("udp", sport=7777) for name in SELECTED}
    connections = {name: lab.pods[name].flow("tcp", sport=7778) for name in SELECTED}
    for flow in (*flows.values(), *connections.values()):
        wait_until(lambda f=flow: f.stat().received > 20, 30, "answers")
    reports = [flow.stop() for flow in flows.values()]
    tcp_reports = [flow.stop() for flow in connections.values()]

    for group in (reports, tcp_reports):
        assert all(r.lost == 0 and set(r.seen) == {eip(lab)} for r in group)
        ports = [port for r in group for port in r.ports]
        assert len(ports) == len(set(ports)) == 3, ports


# ---- errors and path MTU ---------------------------------------------------------------------------------


def with_ttl(packet: bytes, ttl: int) -> bytes:
    head = packet[:8] + bytes([ttl]) + packet[9:10] + b"\0\0" + packet[12:20]
    return head[:10] + packets.checksum(head).to_bytes(2, "big") + head[12:] + packet[20:]


def hop(pod: PodStation, packet: bytes, ttl: int, kind: int) -> tuple[str, bytes] | None:
    """Who answers to a packet with this TTL, and the packet that its error quotes."""
    answer = pod.raw(with_ttl(packet, ttl), answer={"proto": packets.ICMP, "sport": kind}, timeout=1)
    if answer is None:
        return None
    return socket.inet_ntoa(answer[12:16]), answer[28:]


@pytest.mark.parametrize("flavour", ["cni-nft", "sgp-strict", "external-snat"])
@pytest.mark.parametrize("kind", ["udp", "icmp"])
def test_traceroute_shows_every_hop(start_lab: StartLab, flavour: str, kind: str) -> None:
    lab = start_lab(flavour)
    p1 = lab.pods["p1"]
    assert p1.server
    packet = (packets.udp(p1.address, p1.server, 40000, 33434) if kind == "udp"
              else packets.icmp_echo(p1.address, p1.server, identity=40000))
    hops: list[str | None] = []
    for ttl in range(1, 5):  # node, gateway, VPC router, internet gateway
        found = hop(p1, packet, ttl, ICMP_EXCEEDED)
        hops.append(found and found[0])
        if found is None:
            continue
        # The error is about the pod's own packet: its address and its port, not the gateway's.
        assert found[1][12:20] == packet[12:20], (ttl, found)
        if kind == "udp":
            assert found[1][20:24] == packet[20:24], (ttl, found)

    assert hops[1] == "169.254.64.2", hops  # the gateway, as seen through the tunnel
    # A node's own packets don't reach its strict branch pods, with or without us.
    assert [ttl for ttl, address in enumerate(hops, 1) if address is None] == (
        [1] if lab.flavour.branch_pods else []), hops
    if kind == "udp":
        end = hop(p1, packet, 64, ICMP_PORT_UNREACHABLE)
        assert end is not None and end[0] == p1.server
        assert end[1][12:24] == packet[12:24]


def test_refused_connections_are_told(start_lab: StartLab) -> None:
    lab = start_lab()

    for name in SELECTED:
        assert lab.pods[name].probe("udp", port=9).error == "ECONNREFUSED"
        assert lab.pods[name].probe("tcp", port=9).error == "ECONNREFUSED"


@pytest.mark.parametrize("name", ["p1", "p3", "p4"])
def test_a_pod_learns_the_internets_mtu_from_the_gateway(start_lab: StartLab, name: str) -> None:
    lab = start_lab()
    pod = lab.pods[name]

    def learns() -> bool:
        return pod.probe("udp", size=8800, df=True, timeout=0.2).error == "EMSGSIZE"

    wait_until(learns, 30, "fragmentation needed")
    assert pod.probe("udp", size=8800, df=True, timeout=0.2).mtu == 1500
    assert pod.probe("udp", size=1472, df=True).seen == eip(lab)
    # Nothing that was too big got as far as the internet gateway.
    assert lab.exit_counts(side="wire") == lab.exit_counts(side="vpc")


def test_a_router_of_the_internet_with_a_smaller_mtu_is_heard(start_lab: StartLab) -> None:
    lab = start_lab()
    lab.run("inet", "ip", "link", "add", "narrow", "mtu", "1300", "type", "veth", "peer", "name", "end")
    for command in ("ip link set narrow up", "ip link set end up",
                    "ip route add 198.51.101.0/24 dev narrow",
                    "ip neigh add 198.51.101.5 lladdr 02:00:00:00:00:05 dev narrow"):
        lab.run("inet", *command.split())
    netns.sysctl(lab.netns_of("inet"), {"net.ipv4.ip_forward": 1})
    lab.run("igw", "ip", "route", "add", "198.51.101.0/24", "via", "198.51.100.10")

    for name in SELECTED:
        pod = lab.pods[name]

        def learns(pod: PodStation = pod) -> bool:
            return pod.probe("udp", dst="198.51.101.5", size=1400, df=True,
                             timeout=0.2).error == "EMSGSIZE"

        wait_until(learns, 30, f"{name} is told by the router")
        assert pod.probe("udp", dst="198.51.101.5", size=1400, df=True, timeout=0.2).mtu == 1300
    assert {row.source for row in lab.exit_rows() if row.destination == "198.51.101.5"} == {eip(lab)}


MSS_COUNTERS = """
table ip seen {{
    counter right {{ }}
    counter wrong {{ }}
    chain c {{
        type filter hook {hook} priority 0; policy accept;
        tcp flags & syn == syn tcp {port} {ECHO_PORT} tcp option maxseg size {mss} counter name right
        tcp flags & syn == syn tcp {port} {ECHO_PORT} tcp option maxseg size != {mss} counter name wrong
    }}
}}
"""


def nft_counter(lab: Lab, name: str, counter: str) -> int:
    listing = lab.run(name, "nft", "list", "counter", "ip", "seen", counter)
    return int(listing.split("packets ")[1].split()[0])


def test_the_mss_is_clamped_to_the_internets_mtu(start_lab: StartLab) -> None:
    lab = start_lab()
    lab.nft("inet", MSS_COUNTERS.format(hook="prerouting", port="dport", ECHO_PORT=ECHO_PORT, mss=1460))
    lab.nft("p1", MSS_COUNTERS.format(hook="prerouting", port="sport", ECHO_PORT=ECHO_PORT, mss=1460))

    for name in SELECTED:
        assert lab.pods[name].probe().reached

    assert (nft_counter(lab, "inet", "right"), nft_counter(lab, "inet", "wrong")) == (3, 0)
    assert (nft_counter(lab, "p1", "right"), nft_counter(lab, "p1", "wrong")) == (1, 0)


def test_a_small_tunnel_works_although_the_server_hears_no_errors(make_lab: Callable[..., Lab]) -> None:
    """Both directions of the clamp: the SYN-ACK of a server that never learns of the tunnel's MTU."""
    lab = make_lab()
    for daemon in lab.daemons.values():
        daemon.config["tunnel"] = {"mtu": 1450}
        daemon.write_config()
    lab.start_daemons()
    lab.nft("inet", "table ip deaf { chain c { type filter hook prerouting priority 0;"
                    " ip protocol icmp drop; }; }")
    lab.nft("p1", MSS_COUNTERS.format(hook="prerouting", port="sport", ECHO_PORT=ECHO_PORT, mss=1410))

    answer = lab.pods["p1"].probe("tcp", size=200_000, timeout=10)

    assert answer.reached and answer.seen == eip(lab)
    assert nft_counter(lab, "p1", "right") == 1
    assert lab.check_logs() == [] and lab.foreign() == {}


# ---- services ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_cluster_ip_with_external_endpoints_leads_through_the_egress_ip(
    start_lab: StartLab, flavour: str
) -> None:
    lab = start_lab(flavour)

    for name in SELECTED:
        pod = lab.pods[name]
        assert pod.server
        own = services.external_service_of(pod.server)
        assert pod.probe(dst=services.CLUSTER_IP_EXTERNAL, port=8080).seen == eip(lab), name
        assert pod.probe(dst=own).seen == eip(lab), name
        assert pod.probe("udp", dst=own).seen == eip(lab), name
        # The same port to the same server, directly and by the service.
        direct = pod.flow("udp", sport=6000)
        through = pod.flow("udp", dst=own, sport=6001)
        for flow in (direct, through):
            wait_until(lambda f=flow: f.stat().received > 10, 30, "answers")
            report = flow.stop()
            assert report.lost == 0 and set(report.seen) == {eip(lab)}
    for name in ("p2", "p5"):
        pod = lab.pods[name]
        seen = pod.probe(dst=services.CLUSTER_IP_EXTERNAL, port=8080).seen
        assert {seen} == usual_sources(lab, pod)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_connections_from_outside_to_a_selected_pod_are_answered_where_they_came_from(
    start_lab: StartLab, flavour: str
) -> None:
    lab = start_lab(flavour)
    client = lab.stations["inet"]
    node1, node2 = lab.machines["node1"], lab.machines["node2"]
    assert node1.public and node2.public

    for machine in (node1, node2):
        answer = client.probe(dst=machine.public, port=services.NODE_PORT_P1, src=CLIENT)
        assert answer.seen == machine.address, answer
        assert client.probe(dst=machine.public, port=services.NODE_PORT_P1, src=CLIENT,
                            size=100_000, timeout=5).reached
    if not lab.flavour.branch_pods:  # strict branch pods can't have it, see the lab's own tests
        answer = client.probe(dst=node1.public, port=services.NODE_PORT_P1_LOCAL, src=CLIENT)
        assert answer.seen == CLIENT
        flow = client.flow("tcp", dst=node1.public, port=services.NODE_PORT_P1_LOCAL, src=CLIENT)
        wait_until(lambda: flow.stat().received > 20, 30, "messages")
        report = flow.stop()
        assert report.lost == 0 and report.resets == 0
    # The pod's own connections go on through the egress IP, also to the very same client.
    assert lab.pods["p1"].probe(dst=CLIENT).seen == eip(lab)


# ---- inside of the VPC -----------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_pods_reach_each_other_with_their_own_addresses(start_lab: StartLab, flavour: str) -> None:
    lab = start_lab(flavour)

    for source in lab.pods.values():
        for target in lab.pods.values():
            if source is target:
                continue
            for transport in ("tcp", "udp"):
                answer = source.probe(transport, dst=target.address)
                assert answer.seen == source.address, (source.name, target.name, transport)
            assert source.probe("udp", dst=target.address, size=8000).reached
    assert lab.exit_rows() == []


@pytest.mark.parametrize("flavour", ["cni-nft", "iptables-legacy"])
def test_pods_and_nodes_reach_each_other(start_lab: StartLab, flavour: str) -> None:
    lab = start_lab(flavour)
    for node in ("node1", "node2"):
        lab.stations[node].listen(tcp=ECHO_PORT, udp=UDP_PORT)

    for node in ("node1", "node2"):
        address = lab.machines[node].address
        for pod in lab.pods.values():
            assert pod.probe(dst=address).seen == pod.address, (pod.name, node)
            assert pod.probe("udp", dst=address).seen == pod.address, (pod.name, node)
            if pod.node == node:  # as kubelet's health checks do
                assert lab.stations[node].probe(dst=pod.address).seen == address, (pod.name, node)
    assert lab.exit_rows() == []


def test_the_vpcs_resolver_hears_pods_with_their_own_addresses(start_lab: StartLab) -> None:
    lab = start_lab()
    lab.run("vpc", "ip", "addr", "add", f"{RESOLVER}/32", "dev", "lo")
    lab.stations["vpc"].listen(tcp=53, udp=53)

    for pod in lab.pods.values():
        for transport in ("udp", "tcp"):
            assert pod.probe(transport, dst=RESOLVER, port=53).seen == pod.address, pod.name


# ---- the host's parameters ---------------------------------------------------------------------------------


SYSCTLS = ("all/rp_filter", "default/rp_filter", "eth0/rp_filter", "all/src_valid_mark",
           "all/accept_local", "all/send_redirects", "default/src_valid_mark")


def parameters(lab: Lab, name: str) -> dict[str, str]:
    return {key: lab.run(name, "cat", f"/proc/sys/net/ipv4/conf/{key}").strip() for key in SYSCTLS}


@pytest.mark.parametrize("src_valid_mark", [0, 1])
@pytest.mark.parametrize("rp_filter", [0, 1, 2])
def test_the_return_path_works_whatever_the_hosts_path_check_is(
    make_lab: Callable[..., Lab], rp_filter: int, src_valid_mark: int
) -> None:
    lab = make_lab()
    for machine in ("node1", "node2", "gw-a"):
        netns.sysctl(lab.netns_of(machine), {"net.ipv4.conf.all.rp_filter": rp_filter,
                                             "net.ipv4.conf.default.rp_filter": rp_filter})
    for node in ("node1", "node2"):
        netns.sysctl(lab.netns_of(node), {"net.ipv4.conf.all.src_valid_mark": src_valid_mark})
    before = parameters(lab, "node1")
    lab.start_daemons()

    def works() -> None:
        for name in SELECTED:
            assert lab.pods[name].probe().seen == eip(lab), name
            assert lab.pods[name].probe("udp").seen == eip(lab), name
        for name in ("p2", "p5"):
            assert {lab.pods[name].probe().seen} == usual_sources(lab, lab.pods[name]), name

    works()
    # A device that is made anew has the host's default at first.
    for machine in ("node1", "gw-a"):
        lab.run(machine, "ip", "link", "del", "egw0")
        wait_until(lambda m=machine: lab.daemons[m].log_count(REPAIR) == 1, 30, "the tunnel is back")
    works()

    assert parameters(lab, "node1") == before
    assert lab.run("node1", "cat", "/proc/sys/net/ipv4/conf/egw0/rp_filter").strip() == "2"
    assert lab.foreign() == {}
    assert lab.check_logs([REPAIR]) == []


def test_replies_that_come_past_the_tunnel_are_dropped(start_lab: StartLab) -> None:
    """A gateway may not answer over the VPC: the node couldn't tell that from a forgery."""
    lab = start_lab()
    p4 = lab.pods["p4"]
    assert p4.server
    packet = packets.udp(p4.server, p4.address, UDP_PORT, 6007)
    p4.raw(packets.udp(p4.address, p4.server, 6007, UDP_PORT))
    wait_until(lambda: lab.seen_for("p4"), 30, "the pod's packet at the exit")
    before = counters(lab.daemons["node2"])["guard_wrongway"]

    lab.nft("vpc", 'add element bridge vpc owned { "gw-b.eth0" . 198.51.100.0/24 }')
    lab.stations["gw-b"].raw(packet)

    wait_until(lambda: counters(lab.daemons["node2"])["guard_wrongway"] == before + 1, 3,
               "the node drops and counts the reply")


def test_the_gateway_opens_no_connection_into_a_pod(start_lab: StartLab) -> None:
    """A gateway that somebody else took over can't use the tunnel as a way in."""
    lab = start_lab()
    p1 = lab.pods["p1"]
    gateway, node1 = lab.machines["gw-a"].address, lab.machines["node1"].address
    assert p1.server
    before = counters(lab.daemons["node1"])["tunnel_new"]

    inner = packets.tcp(p1.server, p1.address, 6008, ECHO_PORT)
    lab.stations["gw-a"].raw(packets.vxlan(gateway, node1, inner, to_mac="02:65:67:77:00:02",
                                           from_mac="02:65:67:77:00:01"))

    wait_until(lambda: counters(lab.daemons["node1"])["tunnel_new"] == before + 1, 30, "a dropped SYN")


def test_an_egress_ip_has_no_open_port(start_lab: StartLab) -> None:
    lab = start_lab()
    client = lab.stations["inet"]

    for transport in ("tcp", "udp", "icmp"):
        assert client.probe(transport, dst=eip(lab), port=22, src=CLIENT,
                            timeout=0.2).error == "ETIME"


def test_the_tunnels_outer_packets_cost_no_connection_entry(start_lab: StartLab) -> None:
    lab = start_lab()
    for name in SELECTED:
        for transport in ("tcp", "udp", "icmp"):
            assert lab.pods[name].probe(transport).reached

    for machine in ("node1", "node2", "gw-a"):
        assert "dport=4789" not in lab.run(machine, "conntrack", "-L"), machine


def test_the_gateway_has_the_parameters_that_it_needs(start_lab: StartLab) -> None:
    lab = start_lab()
    expected = {"net/ipv4/ip_forward": "1", "net/ipv4/conf/all/send_redirects": "0",
                "net/ipv4/conf/default/send_redirects": "0", "net/ipv4/conf/eth0/send_redirects": "0",
                "net/netfilter/nf_conntrack_events": "1", "net/netfilter/nf_conntrack_acct": "1",
                "net/netfilter/nf_conntrack_timestamp": "1",
                "net/netfilter/nf_conntrack_tcp_be_liberal": "1"}

    assert {key: lab.run("gw-a", "cat", f"/proc/sys/{key}").strip() for key in expected} == expected
    # The egress addresses are nowhere on the host: nothing can listen on them.
    assert "10.0.1.201" not in lab.run("gw-a", "ip", "addr")
