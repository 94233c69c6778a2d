# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The lab is what it claims to be. No daemon runs here: what leaks, must be seen leaking."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eipgwlab import FLAVOURS, DaemonFailed, Lab, netns, packets, services, state, wait_until
from eipgwlab.model import CLIENT, NATGW_PUBLIC

MakeLab = Callable[..., Lab]
LAB_DIR = Path(__file__).resolve().parent
NODE1, NODE2 = "203.0.113.11", "203.0.113.12"


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    """One lab for the tests that leave it as they found it."""
    with Lab("cni-nft") as lab:
        yield lab


def exits_of(lab: Lab, pod: str, since: object) -> dict[str, int]:
    return lab.seen_for(pod, since)


# ---- flavours --------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
def test_pods_without_daemons_leave_with_the_nodes_or_the_nat_gateways_address(
    make_lab: MakeLab, flavour: str
) -> None:
    lab = make_lab(flavour)
    natgw = FLAVOURS[flavour].nat_gateway
    usual = {"node1": NATGW_PUBLIC if natgw else NODE1, "node2": NATGW_PUBLIC if natgw else NODE2}

    for pod in lab.pods.values():
        if pod.pod.vlan is not None:
            continue
        for transport in ("tcp", "udp", "icmp"):
            assert pod.probe(transport).seen == usual[pod.node], (pod.name, transport)

    assert lab.source_check_drops() == {}
    assert set(lab.foreign()) == {"p1", "p3", "p4"} - set(FLAVOURS[flavour].branch_pods)
    assert lab.exit_counts(side="wire") == lab.exit_counts(side="vpc")


@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
def test_rules_come_back_after_a_flush_and_installing_them_twice_changes_nothing(
    make_lab: MakeLab, flavour: str
) -> None:
    lab = make_lab(flavour)

    def rules() -> str:
        listing = lab.run("node1", "nft", "-s", "list", "ruleset")
        legacy = lab.run("node1", "iptables-legacy-save")
        return "\n".join(line for line in (listing + legacy).splitlines() if "Generated" not in line
                         and "Completed" not in line and not line.startswith("#"))

    before = rules()
    lab.cni_restore("node1")
    twice = rules()
    lab.flush_ruleset("node1")
    lab.cni_restore("node1")

    assert ("AWS-SNAT-CHAIN-0" in before) == FLAVOURS[flavour].snat
    assert ("table ip aws-cni" in before) == (FLAVOURS[flavour].connmark == "nft")
    assert "KUBE-SVC" in before
    assert normal(twice) == normal(before)
    assert normal(rules()) == normal(before)
    assert lab.pods["p2"].probe().reached


def normal(rules: str) -> list[str]:
    """Without counters, which go on counting."""
    text = [line.split("counter packets")[0] for line in rules.splitlines()]
    return sorted(line.split(" [")[0] if line.startswith(":") else line for line in text)


def test_strict_branch_pod_uses_its_branch_interface_and_the_vpc_reaches_it(
    make_lab: MakeLab
) -> None:
    lab = make_lab("sgp-strict")
    p1, p2 = lab.pods["p1"], lab.pods["p2"]
    rules = lab.run("node1", "ip", "rule")

    assert p1.pod.veth.startswith("vlan")
    assert f"10:\tfrom all iif {p1.pod.veth} lookup 101" in rules
    assert "20:\tfrom all lookup local" in rules and "\n0:" not in f"\n{rules}"
    assert p1.address not in lab.run("node1", "ip", "route", "show", "table", "main")
    # Inside the VPC it works, by its own interface; outside nobody maps its address.
    assert p2.probe(dst=p1.address).seen == p2.address
    assert p1.probe(dst=lab.pods["p4"].address).seen == p1.address
    mark = lab.exit_mark()
    assert p1.probe("udp", timeout=0.2).error == "ETIME"
    assert lab.foreign_for("p1", mark) == 1
    assert lab.foreign_rows("p1", mark)[0].inside == p1.address


# ---- the exit counter --------------------------------------------------------------------------------


def test_a_leaked_packet_is_counted_as_foreign_and_only_for_its_pod(shared: Lab) -> None:
    mark = shared.exit_mark()

    shared.pods["p4"].probe("udp")

    assert shared.foreign(mark) == {"p4": 1}
    row = shared.foreign_rows("p4", mark)[0]
    assert (row.inside, row.outside, row.port) == ("10.0.2.11", NODE2, 8081)


def test_a_packet_with_the_pods_own_address_counts_as_foreign_although_aws_drops_it(
    make_lab: MakeLab
) -> None:
    lab = make_lab()
    p1 = lab.pods["p1"]
    lab.run("node1", "iptables-nft", "-t", "nat", "-F", "AWS-SNAT-CHAIN-0")

    p1.raw(packets.udp(p1.address, "198.51.100.10", 4000, 9), count=5)
    wait_until(lambda: lab.foreign_for("p1") == 5, 30, "the packets at the exit")

    assert lab.foreign() == {"p1": 5}
    assert lab.exit_counts() == {p1.address: 5}
    assert lab.exit_counts(side="wire") == {}


def test_the_expected_source_is_no_leak_and_an_unselected_pod_with_the_eip_is_one(
    shared: Lab
) -> None:
    mark = shared.exit_mark()
    server2, server1 = shared.pods["p2"].server, shared.pods["p1"].server

    gateway = shared.stations["gw-a"]
    gateway.raw(packets.udp("10.0.1.201", server1, 4000, 9), count=3)
    gateway.raw(packets.udp("10.0.1.201", server2, 4000, 9), count=4)
    wait_until(lambda: sum(shared.exit_counts(mark).values()) == 7, 30, "seven packets at the exit")

    assert shared.exit_counts(mark, side="wire") == {shared.eip("bank"): 7}
    assert shared.foreign(mark) == {"p2": 4}


def test_the_counter_is_exact_under_load_on_both_sides(shared: Lab) -> None:
    p2 = shared.pods["p2"]
    mark = shared.exit_mark()

    p2.raw(packets.udp(p2.address, p2.server, 4000, 9), count=20000)
    wait_until(lambda: exits_of(shared, "p2", mark).get(NODE1, 0) >= 20000, 30, "all packets")

    assert shared.exit_counts(mark) == {NODE1: 20000}
    assert shared.exit_counts(mark, side="wire") == {NODE1: 20000}


def test_a_reset_hides_what_was_before(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.pods["p1"].probe("udp")
    assert lab.foreign() == {"p1": 1}

    lab.exit_reset()

    assert lab.foreign() == {}
    assert lab.exit_counts() == {}


# ---- AWS -----------------------------------------------------------------------------------------------


def test_the_source_check_drops_and_counts_foreign_sources_of_nodes_and_gateways(
    make_lab: MakeLab
) -> None:
    lab = make_lab()
    p3 = lab.pods["p3"]

    lab.stations["gw-a"].raw(packets.udp("10.0.1.50", "198.51.100.10", 1, 9), count=2)
    lab.stations["node2"].raw(packets.udp("10.0.1.50", "10.0.1.200", 1, 9), count=3)
    # A pod of the second interface that is sent out by the first one.
    lab.run("node1", "ip", "rule", "del", "pref", "1536")
    lab.run("node1", "iptables-nft", "-t", "nat", "-F", "AWS-SNAT-CHAIN-0")
    assert p3.probe("udp", timeout=0.2).error == "ETIME"

    assert lab.source_check_drops() == {
        ("gw-a", "10.0.1.50"): 2, ("node2", "10.0.1.50"): 3, ("node1", p3.address): 1,
    }
    assert lab.exit_counts() == {}


def test_the_source_dest_check_is_an_interfaces_own_switch(make_lab: MakeLab) -> None:
    lab = make_lab()
    vm, gateway = lab.add_vm("vm", "10.0.3.20"), lab.stations["gw-a"]
    foreign = packets.udp(vm.address, "198.51.100.10", 1, 9)

    assert not vm.probe("udp", timeout=0.2).reached
    assert lab.dest_check_drops() == {}
    lab.route_private("gw-a")
    assert not vm.probe("udp", timeout=0.2).reached
    gateway.raw(foreign)
    assert lab.dest_check_drops() == {("gw-a", vm.server): 1}
    assert lab.source_check_drops() == {("gw-a", vm.address): 1}
    assert lab.exit_counts() == {}

    lab.check_interface("gw-a", on=False)
    gateway.raw(foreign)
    assert not vm.probe("udp", timeout=0.2).reached  # nobody there forwards
    wait_until(lambda: lab.exit_counts() == {vm.address: 1}, 30, "the packet at the exit")
    assert lab.dest_check_drops() == {("gw-a", vm.server): 1}

    lab.check_interface("gw-a", on=True)
    gateway.raw(foreign)
    assert lab.source_check_drops() == {("gw-a", vm.address): 2}


def test_a_pod_on_the_second_interface_works_and_uses_it(shared: Lab) -> None:
    p3 = shared.pods["p3"]
    lines = shared.run("node1", "ip", "route", "get", "10.0.2.50", "from", p3.address, "iif",
                       p3.pod.veth)

    assert "dev eth1" in lines
    assert p3.probe(dst=shared.pods["p4"].address).seen == p3.address
    assert p3.probe().seen == NODE1


def test_an_address_without_a_public_one_dies_at_the_internet_gateway(shared: Lab) -> None:
    mark = shared.exit_mark()

    shared.stations["gw-b"].raw(packets.udp("10.0.2.200", "198.51.100.10", 1, 9))
    wait_until(lambda: shared.exit_counts(mark), 30, "the packet at the exit")

    assert shared.exit_counts(mark) == {"10.0.2.200": 1}
    assert shared.exit_counts(mark, side="wire") == {}


def test_a_public_address_moves_to_another_gateway(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.move_egress("bank", "gw-b")

    lab.stations["gw-a"].raw(packets.udp("10.0.1.201", "198.51.100.10", 1, 9))
    lab.stations["gw-b"].raw(packets.udp("10.0.2.201", "198.51.100.10", 1, 9))
    wait_until(lambda: len(lab.exit_counts()) == 2, 30, "both packets at the exit")

    assert lab.exit_counts() == {"10.0.1.201": 1, lab.eip("bank"): 1}


def test_errors_come_back_through_the_internet_gateway_with_their_quoted_header(
    shared: Lab
) -> None:
    p2 = shared.pods["p2"]

    assert p2.probe("udp", port=9).error == "ECONNREFUSED"
    assert p2.probe(port=9).error == "ECONNREFUSED"


def test_path_mtu_is_found_by_datagrams_and_by_tcp(shared: Lab) -> None:
    p2 = shared.pods["p2"]

    wait_until(lambda: p2.probe("udp", size=8000, df=True, timeout=0.2).error == "EMSGSIZE", 5,
               "the frag-needed of the internet gateway")
    assert p2.probe("udp", size=8000, df=True, timeout=0.2).mtu == 1500
    assert p2.probe("udp", size=4000).reached
    assert shared.pods["p5"].probe(size=200000, timeout=10).reached


# ---- services ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", sorted(FLAVOURS))
def test_cluster_ips_and_node_ports_work(make_lab: MakeLab, flavour: str) -> None:
    lab = make_lab(flavour)
    p2, p5 = lab.pods["p2"], lab.pods["p5"]
    strict = bool(FLAVOURS[flavour].branch_pods)

    seen = {p5.probe(dst=services.CLUSTER_IP_PODS, port=80).seen for _ in range(20)}
    assert p5.address in seen or lab.machines["node2"].address in seen
    outside = p2.probe(dst=services.CLUSTER_IP_EXTERNAL, port=8080)
    assert outside.seen == next(iter(lab.expected("p2")))
    own = services.external_service_of(p2.server)
    mark = lab.exit_mark()
    assert p2.probe("udp", dst=own).reached
    assert lab.seen_for("p2", mark) == {next(iter(lab.expected("p2"))): 1}

    client = lab.stations["inet"]
    for node, public in (("node1", NODE1), ("node2", NODE2)):
        for port in (services.NODE_PORT_P1, services.NODE_PORT_P2):
            answer = client.probe(dst=public, port=port, src=CLIENT)
            assert answer.seen == lab.machines[node].address, (node, port, answer)
    local = client.probe(dst=NODE1, port=services.NODE_PORT_P1_LOCAL, src=CLIENT, timeout=0.5)
    # Strict branch pods don't support it: their answer enters the VPC by the wrong interface.
    assert local.seen == (None if strict else CLIENT)
    away = client.probe(dst=NODE2, port=services.NODE_PORT_P1_LOCAL, src=CLIENT, timeout=0.3)
    assert away.error == "ETIME"


# ---- pods ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour", ["cni-nft", "sgp-strict"])
def test_a_pod_comes_back_with_another_address_under_the_same_interface_name(
    make_lab: MakeLab, flavour: str
) -> None:
    lab = make_lab(flavour)
    old = lab.pods["p1"].pod

    fresh = lab.replace_pod("p1", "10.0.1.58")

    assert (fresh.pod.veth, fresh.server) == (old.veth, old.server)
    assert old.address not in lab.run("node1", "ip", "route", "show", "table", "all")
    assert old.address not in lab.run("node1", "ip", "rule")
    assert lab.pods["p4"].probe(dst="10.0.1.58").seen == "10.0.2.50"
    assert lab.pods["p4"].probe(dst=old.address, timeout=0.2).reached is False
    # kube-proxy followed.
    client = lab.stations["inet"]
    assert client.probe(dst=NODE1, port=services.NODE_PORT_P1, src=CLIENT).reached
    if flavour == "cni-nft":
        assert fresh.probe().seen == NODE1


def test_a_pod_can_have_any_address_once_aws_assigned_it(make_lab: MakeLab) -> None:
    lab = make_lab()

    pod = lab.add_pod("stray", "node2", "10.0.2.99")

    assert pod.probe().seen == NODE2
    assert pod.probe(dst=lab.pods["p1"].address).seen == "10.0.2.99"
    assert lab.foreign_for("stray") == 0
    lab.delete_pod("stray")
    assert "10.0.2.99" not in lab.run("node2", "ip", "route")


# ---- traffic tools ---------------------------------------------------------------------------------------


def test_flows_count_what_they_lose_and_how_long_they_stood_still(make_lab: MakeLab) -> None:
    lab = make_lab()
    p2 = lab.pods["p2"]
    kinds = ("tcp", "pull", "udp", "icmp", "tcp-new", "udp-new")
    flows = {kind: p2.flow(kind, interval_ms=5) for kind in kinds}

    for kind, flow in flows.items():
        wait_until(lambda flow=flow: flow.stat().received >= 40, 30, f"40 answers by {kind}")
    # A hole of exactly the time in which 30 datagrams get lost.
    sent = flows["udp"].stat().sent
    lab.cut("node1")
    wait_until(lambda: flows["udp"].stat().sent >= sent + 30, 30, "30 lost datagrams")
    lab.mend("node1")
    reports = {}
    for kind, flow in flows.items():
        before = flow.stat().received
        wait_until(lambda flow=flow, n=before: flow.stat().received >= n + 20, 30, f"{kind} goes on")
        reports[kind] = flow.stop()

    for kind in ("tcp", "pull"):
        assert reports[kind].lost == 0 and reports[kind].resets == 0, reports[kind]
    for kind in ("udp", "icmp"):
        assert 25 <= reports[kind].lost <= 60, reports[kind]
        assert sum(last - first + 1 for first, last in reports[kind].missing) == reports[kind].lost
    for report in reports.values():
        assert report.corrupt == 0 and set(report.seen) == {NODE1}, report
        assert report.max_gap_ms > 100, report
    assert len(reports["udp"].ports) == 1 and len(reports["udp-new"].ports) > 20


def test_an_undisturbed_flow_loses_nothing(shared: Lab) -> None:
    flows = [shared.pods["p5"].flow(kind, interval_ms=2) for kind in ("tcp", "udp", "icmp", "pull")]

    for flow in flows:
        wait_until(lambda flow=flow: flow.stat().received >= 200, 30, "200 answers")

    for flow in flows:
        report = flow.stop()
        assert (report.lost, report.errors, report.state) == (0, 0, "open"), report


def test_a_reset_ends_a_flow_and_is_told(make_lab: MakeLab) -> None:
    lab = make_lab()
    flow = lab.pods["p2"].flow("tcp", interval_ms=5)
    again = lab.pods["p2"].flow("tcp", interval_ms=5, reconnect=True)
    wait_until(lambda: flow.stat().received > 5 and again.stat().received > 5, 30, "the flows run")

    lab.run("inet", "ss", "-K", "sport", "=", "8080")

    wait_until(lambda: flow.stat().state == "dead", 30, "the reset")
    received = again.stat().received
    wait_until(lambda: again.stat().received > received + 5, 30, "a new connection")
    assert flow.stop().error == "ECONNRESET"
    assert again.stop().resets >= 1


def test_crafted_packets_of_all_kinds_arrive_and_answers_are_caught(shared: Lab) -> None:
    p2 = shared.pods["p2"]
    mark = shared.exit_mark()
    answer = p2.raw(packets.tcp(p2.address, p2.server, 4444, 8080, packets.ACK, seq=5, ack=7),
                    answer={"proto": packets.TCP, "src": p2.server, "sport": 8080})
    assert answer is not None and answer[20 + 13] & packets.RST

    p2.raw(packets.sctp_init(p2.address, p2.server, 5000, 5001))
    p2.raw(packets.icmp_echo(p2.address, p2.server))
    wait_until(lambda: {r.proto for r in shared.exit_rows(mark) if r.destination == p2.server}
               == {packets.TCP, packets.SCTP, packets.ICMP}, 2, "all three at the exit")


def test_forged_tunnel_packets_reach_the_gateway_from_the_nodes_own_address(
    shared: Lab
) -> None:
    inner = packets.udp("10.0.1.50", "198.51.100.10", 1, 9)
    node2, gateway = shared.stations["node2"], shared.stations["gw-a"]
    received = "/proc/net/snmp"

    def datagrams() -> int:
        lines = gateway.run("cat", received).stdout.splitlines()
        names, values = (line.split() for line in lines if line.startswith("Udp:"))
        return int(values[names.index("NoPorts")])

    before = datagrams()
    node2.raw(packets.vxlan("10.0.2.11", "10.0.1.200", inner), count=3)

    wait_until(lambda: datagrams() == before + 3, 30, "the datagrams at the gateway's closed port")


# ---- daemons -----------------------------------------------------------------------------------------------

STAND_IN = """#!/usr/bin/python3
import os, signal, socket, sys
print("<6>main: ready pid", os.getpid(), file=sys.stderr, flush=True)
for line in os.environ.get("STAND_IN_LOG", "").splitlines():
    print(line, file=sys.stderr, flush=True)
if os.environ.get("STAND_IN_FAILS"):
    sys.exit(3)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.connect(os.environ["NOTIFY_SOCKET"])
notify.send(b"READY=1")
while True:
    signal.pause()
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A build directory with programs that do nothing but get ready."""
    for folder, name in (("gateway", "eipgwd"), ("node", "eipgw-noded")):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / name
        path.write_text(STAND_IN)
        path.chmod(0o755)
    monkeypatch.setenv("EIPGW_BUILD", str(tmp_path))


@pytest.mark.usefixtures("stand_in")
def test_daemons_run_in_their_namespace_until_they_are_stopped_or_killed(make_lab: MakeLab) -> None:
    lab = make_lab()
    lab.start_daemons()
    node1 = lab.daemons["node1"]

    assert os.stat(f"/proc/{node1.pid}/ns/net").st_ino == os.stat(
        f"/run/netns/{lab.netns_of('node1')}").st_ino
    first = node1.pid
    node1.restart()
    assert node1.running and node1.pid != first
    node1.kill()
    assert not node1.running
    lab.stop_daemons()
    assert lab.check_logs() == []


@pytest.mark.usefixtures("stand_in")
def test_logs_tell_warnings_sanitizers_and_ends_that_nobody_asked_for(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab()
    monkeypatch.setenv("STAND_IN_LOG", "<4>repair: rule is back\n<6>fine\n"
                       "==7==ERROR: AddressSanitizer: heap-use-after-free")
    lab.start_daemons(["gw-a", "node1"])

    assert len(lab.check_logs()) == 4
    assert len(lab.check_logs(allow=["^<4>repair: "])) == 2
    # Nobody can allow a sanitizer's report.
    assert len(lab.check_logs(allow=["."])) == 2
    pid = lab.daemons["node1"].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: any("ended by itself with -9" in line for line in lab.check_logs()), 5,
               "the end is noticed")


@pytest.mark.usefixtures("stand_in")
def test_a_daemon_that_ends_before_it_is_ready_is_told_with_its_log(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = make_lab()
    monkeypatch.setenv("STAND_IN_FAILS", "1")
    monkeypatch.setenv("STAND_IN_LOG", "<3>config: no such key")

    with pytest.raises(DaemonFailed, match="ended with 3:\n(.*\n)*.*no such key"):
        lab.start_daemons(["node1"])


# ---- leaving nothing behind --------------------------------------------------------------------------------


def namespaces() -> set[str]:
    return set(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else set()


def test_labs_run_side_by_side_and_leave_nothing_behind() -> None:
    with Lab("cni-nft") as one, Lab("iptables-legacy") as two:
        assert one.pods["p1"].probe().seen == NODE1
        assert two.pods["p1"].probe().seen == NODE1
        one.flush_ruleset("node1")
        assert two.pods["p2"].probe().reached
        assert one.foreign_for("p1") > 0 and two.foreign_for("p2") == 0
        prefixes = (one.prefix, two.prefix)
        directories = (one.directory, two.directory)

    assert not [name for name in namespaces() if name.startswith(prefixes)]
    assert not any(directory.exists() for directory in directories)
    assert not processes_of(directories)


def processes_of(directories: tuple[Path, ...]) -> list[str]:
    """Command lines of processes that mention a lab's directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if any(str(directory) in text for directory in directories):
            found.append(text)
    return found


CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
from eipgwlab import Lab, wait_until
with Lab("cni-nft", name=sys.argv[2]) as lab:
    lab.pods["p2"].flow("udp")
    print("up", flush=True)
    wait_until(lambda: False, 60, "the end")
"""


def take_signals() -> None:
    """A run in the background of a shell, or under nohup, ignores some, and so would the child."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def child_lab(name: str) -> "subprocess.Popen[str]":
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(LAB_DIR), name], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=take_signals)
    assert child.stdout is not None and child.stdout.readline() == "up\n"
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_lab_that_is_interrupted_leaves_nothing_behind(number: signal.Signals) -> None:
    name = f"t{os.getpid()}{int(number)}"
    child = child_lab(name)

    child.send_signal(number)
    child.wait(20)

    assert child.returncode != 0
    assert not [n for n in namespaces() if n.startswith(f"eglab-{name}-")]
    assert not (state.root() / name).exists()


def test_a_lab_whose_owner_was_killed_loses_its_helpers_and_is_swept_by_the_next() -> None:
    name = f"t{os.getpid()}k"
    child = child_lab(name)
    inodes = {os.stat(f"/run/netns/{n}").st_ino for n in namespaces() if name in n}

    child.kill()
    child.wait(20)
    wait_until(lambda: not netns.pids(inodes), 30, "the helpers end with their lifeline")
    state.sweep()

    assert not [n for n in namespaces() if n.startswith(f"eglab-{name}-")]
    assert not (state.root() / name).exists()


def test_a_failed_start_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab("cni-nft")

    def fail(_node: str) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(lab, "cni_restore", fail)
    with pytest.raises(RuntimeError, match="planted"):
        lab.up()

    assert not [n for n in namespaces() if n.startswith(lab.prefix)]
    assert not lab.directory.exists()


def test_evidence_has_every_namespace_and_the_exit(make_lab: MakeLab, tmp_path: Path) -> None:
    lab = make_lab()
    lab.pods["p1"].probe()

    lab.collect(tmp_path)

    assert "AWS-SNAT-CHAIN-0" in (tmp_path / "node1.txt").read_text()
    assert "src=10.0.1.50" in (tmp_path / "node1.txt").read_text()
    assert "foreign: {'p1':" in (tmp_path / "exit.txt").read_text()
    assert (tmp_path / "gw-a.json").exists()


def test_a_lab_is_up_soon_enough_for_a_matrix_of_a_hundred() -> None:
    with Lab("cni-nft"):
        pass  # the tools are compiled now
    start = time.monotonic()
    with Lab("cni-nft"):
        seconds = time.monotonic() - start
    assert seconds < 60, "about one second on an idle machine"
