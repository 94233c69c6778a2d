# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The NAT log in the journal, on a syslog server and at an IPFIX collector: what they are told, and what is told of them when they
are away, slow, restarted, or not to be trusted."""

import datetime
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eipgwlab import Lab, netns, wait_until
from eipgwlab.agent import UDP_PORT
from eipgwlab.collectors import Capture, Certificates, Journald, Listener, Nfcapd, Peer, Rsyslog
from eipgwlab.prometheus import fetch
from proof import status
from test_blocks import held, limits
from test_natlog import GONE, MANY_FROM, end_all, only, records, seconds, want_log

pytestmark = pytest.mark.knowing

MakeLab = Callable[..., Lab]
SOON = 90.0
MANY = 30000
METRICS = 9430
WARNINGS = [r"^<4>natlog: (journald|syslog|ipfix): "]


CUT = """
table ip collectoraway {{
    chain input {{
        type filter hook input priority 0; policy accept;
        iifname "lo" tcp dport {port} drop
    }}
}}
"""


@pytest.fixture
def logged(make_lab: MakeLab) -> Iterator["Logged"]:
    """A lab whose gateway writes a log to whom the test says."""
    with_peers = Logged(make_lab())
    yield with_peers
    for peer in with_peers.peers:
        peer.stop(signal.SIGKILL)


class Logged:
    def __init__(self, lab: Lab):
        self.lab = lab
        self.gateway = lab.daemons["gw-a"]
        self.peers: list[Peer] = []
        self.directory = lab.directory / "collectors"
        (self.directory / "state").mkdir(parents=True)

    def add(self, peer: Any) -> Any:
        self.peers.append(peer)
        return peer

    def place(self, name: str) -> tuple[Path, str]:
        return self.directory / name, self.lab.netns_of("gw-a")

    def want(self, **outputs: Any) -> None:
        self.gateway.config["log"] = {"state_directory": str(self.directory / "state"), **outputs}
        self.gateway.write_config()

    def output(self, name: str) -> dict[str, Any]:
        return only([o for o in status(self.gateway)["log"]["outputs"] if o["name"] == name])

    def metric(self, name: str, output: str) -> float | None:
        text = fetch(self.lab.netns_of("gw-a"), METRICS, "/metrics")[1]
        found = re.search(rf'^eipgw_log_output_{name}\{{output="{output}"\}} (\S+)$', text, re.MULTILINE)
        return float(found[1]) if found else None

    def told(self, name: str) -> None:
        """All that ended until now has arrived, as far as the output can know."""
        at = time.time()

        def is_told() -> bool:
            until = self.output(name).get("complete_until")
            return until is not None and seconds(until) > at

        wait_until(is_told, SOON, f"{name} is complete", every=0.05)

    def flow(self, pod: str = "p1") -> int:
        """One that begins and ends. Its port."""
        probe = self.lab.pods[pod].probe("udp")
        assert probe.seen == self.lab.eip("bank")
        end_all(self.lab)
        return int(probe.local_port)

    def flows(self, n: int) -> None:
        p1 = self.lab.pods["p1"]
        netns.execute(["/usr/bin/python3", "-c", MANY_FROM, p1.address, p1.pod.server or "", str(n)], netns=self.lab.netns_of("p1"))
        end_all(self.lab)

    def lose_one(self, name: str, peer: Any) -> int:
        """A connection whose record is on its way when the collector is killed. Its port."""
        self.lab.nft("gw-a", CUT.format(port=peer.PORT))
        written = self.output(name)["written_bytes"]
        port = self.flow()
        wait_until(lambda: self.output(name)["written_bytes"] > written, SOON, "a record on its way", every=0.1)
        peer.stop(signal.SIGKILL)
        wait_until(lambda: self.output(name)["error"], SOON, "the error is told", every=0.1)
        self.lab.nft("gw-a", "delete table ip collectoraway")
        return port

    def check(self, allow: list[str] | None = None) -> None:
        assert self.lab.foreign() == {} and self.lab.check_logs(allow=allow or []) == []


# ---- journal


def test_the_journal_alone_gets_an_entry_with_fields_for_each_connection(logged: Logged) -> None:
    lab = logged.lab
    journald = logged.add(Journald(*logged.place("journald")))
    journald.start()
    logged.want(journald={"socket": str(journald.socket)})
    lab.start_daemons()
    port = logged.flow()
    logged.told("journald")
    entry = only(wait_until(journald.entries, SOON, "an entry", every=0.1))
    p1 = lab.pods["p1"]
    assert entry["EIPGW_GATEWAY"] == "gw-a" and entry["EIPGW_PROTOCOL"] == "udp" and entry["EIPGW_POLICY"] == "payments"
    assert (entry["EIPGW_POD_ADDRESS"], entry["EIPGW_POD_PORT"], entry["EIPGW_POD_NODE"]) == (p1.address, str(port), p1.node)
    assert entry["EIPGW_EGRESS_NAME"] == "bank" and entry["EIPGW_EGRESS_PUBLIC"] == lab.eip("bank")
    assert (entry["EIPGW_DESTINATION_ADDRESS"], entry["EIPGW_DESTINATION_PORT"]) == (p1.pod.server, str(UDP_PORT))
    assert int(entry["EIPGW_SENT_PACKETS"]) > 0 and int(entry["EIPGW_RECEIVED_BYTES"]) > 0
    assert entry["EIPGW_ATTRIBUTION"] == "start" and seconds(entry["EIPGW_START"]) <= seconds(entry["EIPGW_END"])
    assert entry["MESSAGE"].startswith(f"udp {p1.address}:{port} -> {p1.pod.server}:{UDP_PORT} as {lab.eip('bank')}:")
    assert entry["PRIORITY"] == "6" and journald.entries("gap") == []
    assert "path" not in status(logged.gateway)["log"]
    shown = logged.gateway.eipgw("status").stdout
    assert f"journald {journald.socket}" in shown, shown
    logged.check()


def test_a_journal_that_is_slow_or_restarted_loses_nothing_without_a_gap(logged: Logged) -> None:
    journald = logged.add(Journald(*logged.place("journald")))
    journald.start()
    logged.want(journald={"socket": str(journald.socket)})
    logged.lab.start_daemons()
    first = logged.flow()
    logged.told("journald")

    journald.send(signal.SIGSTOP)
    logged.flows(3000)
    wait_until(lambda: "slow" in logged.output("journald")["error"], SOON, "that it's slow is told", every=0.1)
    journald.send(signal.SIGCONT)
    logged.told("journald")
    assert len(journald.entries()) == 3001 and logged.output("journald")["lost"] == 0
    assert logged.output("journald")["error"] == "" and journald.entries("gap") == []

    before = time.time()
    journald.send(signal.SIGSTOP)
    written = logged.output("journald")["written_bytes"]
    second = logged.flow()
    wait_until(lambda: logged.output("journald")["written_bytes"] > written, SOON, "an entry on its way", every=0.1)
    journald.stop(signal.SIGKILL)
    wait_until(lambda: logged.flow() and logged.output("journald")["error"], SOON, "that it's away is told", every=0.2)
    journald.start()
    after = logged.flow()
    logged.told("journald")
    gap = wait_until(lambda: journald.entries("gap"), SOON, "a gap", every=0.1)[0]
    assert gap["EIPGW_CAUSE"] == "connection" and gap["PRIORITY"] == "4"
    assert seconds(gap["EIPGW_FROM"]) <= before and seconds(gap["EIPGW_TO"]) >= before
    ports = {int(e["EIPGW_POD_PORT"]) for e in journald.entries()}
    assert {first, after} <= ports and second not in ports
    logged.check(WARNINGS)


# ---- syslog


def test_a_syslog_server_gets_what_the_file_gets(logged: Logged) -> None:
    rsyslog = logged.add(Rsyslog(*logged.place("rsyslog")))
    rsyslog.start()
    want_log(logged.lab)
    logged.want(**logged.gateway.config["log"], syslog={"server": f"127.0.0.1:{rsyslog.PORT}", "transport": "tcp"})
    logged.lab.start_daemons()
    for pod in ("p1", "p3", "p4"):
        logged.flow(pod)
    logged.told("syslog")
    logged.told("file")
    found = wait_until(lambda: len(rsyslog.messages()) == 3 and rsyslog.messages(), SOON, "messages", every=0.1)
    assert [m["msg"] for m in found] == records(logged.lab)
    for m in found:
        assert (m["host"], m["app"], m["facility"], m["severity"], m["version"]) == ("gw-a", "eipgwd", "local0", "info", "1")
        assert m["data"] == "-" and seconds(m["timestamp"]) == seconds(m["msg"]["end"])
    assert logged.output("syslog")["gaps"] == 0 and rsyslog.messages("gap") == []
    logged.check()


def test_a_syslog_server_that_was_away_gets_what_it_missed_and_a_restart_is_a_gap(logged: Logged) -> None:
    rsyslog = logged.add(Rsyslog(*logged.place("rsyslog")))
    want_log(logged.lab)
    logged.gateway.config["metrics"] = {"listen": f"127.0.0.1:{METRICS}"}
    logged.want(**logged.gateway.config["log"], syslog={"server": f"127.0.0.1:{rsyslog.PORT}", "transport": "tcp"})
    logged.lab.start_daemons()
    ports = [logged.flow()]
    wait_until(lambda: "refused" in logged.output("syslog")["error"], SOON, "the error is told", every=0.1)
    logged.told("file")  # and the other one isn't held up
    assert "complete_until" not in status(logged.gateway)["log"] and len(records(logged.lab)) == 1
    assert (logged.metric("ok", "file"), logged.metric("ok", "syslog")) == (1, 0)
    assert logged.metric("written_bytes_total", "file") > 0 and logged.metric("behind_seconds", "syslog") is None
    rsyslog.start()
    logged.told("syslog")
    assert logged.output("syslog")["error"] == "" and rsyslog.messages("gap") == []
    assert logged.metric("ok", "syslog") == 1 and logged.metric("behind_seconds", "syslog") is not None

    ports.append(logged.flow())
    logged.told("syslog")
    before = time.time()
    logged.lose_one("syslog", rsyslog)
    ports.append(logged.flow())
    rsyslog.start()
    logged.told("syslog")
    gap = only(rsyslog.messages("gap"))
    assert gap["severity"] == "warning" and gap["msg"]["cause"] == "connection"
    assert before - 5 <= seconds(gap["msg"]["from"]) <= before <= seconds(gap["msg"]["to"])
    assert {m["msg"]["pod"]["port"] for m in rsyslog.messages()} == set(ports)
    logged.check(WARNINGS)


def test_a_slow_syslog_server_holds_nobody_up_and_what_it_misses_is_a_gap_with_its_number(logged: Logged) -> None:
    rsyslog = logged.add(Rsyslog(*logged.place("rsyslog")))
    rsyslog.start()
    want_log(logged.lab, max_bytes=1 << 30)
    logged.want(**logged.gateway.config["log"], max_waiting_bytes=1 << 20,
                syslog={"server": f"127.0.0.1:{rsyslog.PORT}", "transport": "tcp"})
    logged.lab.start_daemons()
    logged.flow()
    logged.told("syslog")
    rsyslog.send(signal.SIGSTOP)
    logged.flows(MANY)
    wait_until(lambda: logged.output("syslog")["lost"] > 0, SOON, "something is lost", every=0.1)
    logged.told("file")
    assert logged.output("file")["lost"] == 0
    assert logged.output("syslog")["waiting_bytes"] > 0
    wait_until(lambda: "slow" in logged.output("syslog")["error"], SOON, "that it's slow is told", every=0.1)
    assert logged.lab.pods["p1"].probe("udp").seen == logged.lab.eip("bank")
    rsyslog.send(signal.SIGCONT)
    end_all(logged.lab)
    logged.told("syslog")
    logged.told("file")
    lost = logged.output("syslog")["lost"]
    gaps = wait_until(lambda: [m["msg"] for m in rsyslog.messages("gap")], SOON, "a gap", every=0.2)
    assert [g["lost"] for g in gaps if g["cause"] == "backlog"] == [lost]
    assert {g["cause"] for g in gaps} == {"backlog", *(g["cause"] for g in records(logged.lab, kind="gap"))}
    everything = len(records(logged.lab))
    wait_until(lambda: len(rsyslog.messages()) == everything - lost, SOON, "all others", every=0.2)
    assert everything == MANY + 2
    logged.check([*WARNINGS, *GONE])


@pytest.fixture
def certificates(logged: Logged) -> Certificates:
    made = Certificates(logged.directory / "pki")
    made.sign("server", "DNS:logs.example.org")
    made.sign("client", "DNS:gw-a.example.org")
    return made


def test_over_tls_the_server_is_believed_by_its_certificate_and_shown_ours(logged: Logged, certificates: Certificates) -> None:
    other = Certificates(logged.directory / "pki-other")
    rsyslog = logged.add(Rsyslog(*logged.place("rsyslog"), certificates, auth="x509/certvalid"))
    rsyslog.start()
    good = {"server": f"127.0.0.1:{rsyslog.PORT}", "ca_file": certificates.path("ca.pem"), "server_name": "logs.example.org",
            "cert_file": certificates.path("client.pem"), "key_file": certificates.path("client.key")}
    logged.want(syslog={**good, "ca_file": other.path("ca.pem")})
    logged.lab.start_daemons()
    port = logged.flow()
    wait_until(lambda: "certificate isn't accepted" in logged.output("syslog")["error"], SOON, "the refusal is told", every=0.1)

    logged.want(syslog={**good, "server_name": "other.example.org"})
    logged.gateway.reload()
    wait_until(lambda: "hostname mismatch" in logged.output("syslog")["error"].lower(), SOON, "the wrong name is told", every=0.1)
    assert rsyslog.messages() == []

    logged.want(syslog=good)
    logged.gateway.reload()
    logged.told("syslog")
    message = only(wait_until(rsyslog.messages, SOON, "the message", every=0.1))
    assert message["msg"]["pod"]["port"] == port and logged.output("syslog")["error"] == ""
    logged.check(WARNINGS)


# ---- IPFIX


def told_at(text: str) -> float:
    """tshark's time, such as "Nov 29, 2026 12:01:37.531000000"."""
    at = datetime.datetime.strptime(text[:-3], "%b %d, %Y %H:%M:%S.%f")
    return at.replace(tzinfo=datetime.UTC).timestamp()


NAT44_CREATE, NAT44_DELETE = 4, 5


def test_an_ipfix_collector_over_udp_reads_both_events_and_misses_no_sequence(logged: Logged) -> None:
    lab = logged.lab
    capture = logged.add(Capture(*logged.place("capture"), "udp", Nfcapd.PORT))
    capture.start()
    nfcapd = logged.add(Nfcapd(*logged.place("nfcapd")))
    nfcapd.start()
    logged.want(ipfix={"collector": f"127.0.0.1:{nfcapd.PORT}", "transport": "udp", "domain_id": 77, "template_refresh_s": 1})
    lab.start_daemons()
    port = logged.flow()
    logged.flows(499)
    logged.told("ipfix")  # a second later templates are due again
    logged.told("ipfix")
    logged.flow()
    logged.told("ipfix")
    capture.finish()
    text = capture.text()
    assert "Malformed" not in text and "No template found" not in text, text[-3000:]
    assert set(capture.numbers("Observation Domain Id")) == {77}
    for event in ("create", "delete"):
        assert text.count(f"Nat Event: NAT44 session {event}") == 501, text[-3000:]
    found = nfcapd.flows()
    assert "Sequence Errors: 0, Bad Packets: 0" in nfcapd.said(), nfcapd.said()
    assert len(found) == 1002 and len(capture.templates()) >= 2
    begin, end = sorted((f for f in found if f["src_port"] == port), key=lambda f: f["nat_event_id"])
    for f, event in ((begin, NAT44_CREATE), (end, NAT44_DELETE)):
        assert (f["src4_addr"], f["src4_xlt_ip"], int(f["nat_event_id"])) == (lab.pods["p1"].address, lab.eip("bank"), event)
        assert (f["dst4_addr"], f["dst_port"], f["proto"]) == (lab.pods["p1"].pod.server, UDP_PORT, 17)
    assert end["in_packets"] > 0 and end["out_bytes"] > 0 and end["first"] <= end["last"]
    names = re.findall(r"^ +(Nat Pool Name|Selector Name|Observation Domain Name): (\S+)$", text, re.MULTILINE)
    assert {("Nat Pool Name", "bank"), ("Selector Name", "payments"), ("Observation Domain Name", "gw-a")} == set(names), set(names)
    logged.check()


def test_an_ipfix_collector_over_udp_that_is_away_is_told_once_and_gets_a_gap(logged: Logged) -> None:
    capture = logged.add(Capture(*logged.place("capture"), "udp", Nfcapd.PORT))
    capture.start()
    nfcapd = logged.add(Nfcapd(*logged.place("nfcapd")))
    logged.want(ipfix={"collector": f"127.0.0.1:{nfcapd.PORT}", "transport": "udp"})
    logged.lab.start_daemons()
    before = time.time()
    for _ in range(3):
        logged.flow()
        wait_until(lambda: "refuse" in logged.output("ipfix")["error"], SOON, "the refusal is told", every=0.05)
    away = len(capture.frames())
    nfcapd.start()
    port = logged.flow()
    wait_until(lambda: not logged.output("ipfix")["error"], SOON, "it's over", every=0.1)
    logged.told("ipfix")
    capture.finish()
    gaps = [frame for frame in capture.frames()[away:] if "Not Sent Flows: 0" in frame]
    assert gaps
    times = re.findall(r"^ +Observation Time Milliseconds: (.+) UTC$", gaps[-1].split("Not Sent Flows", 1)[1], re.MULTILINE)
    assert told_at(times[0]) <= before + 5 and told_at(times[1]) >= before
    assert port in {f["src_port"] for f in nfcapd.flows()}
    logged.check(WARNINGS)
    assert logged.gateway.log_count(WARNINGS[0]) <= 3


def test_an_ipfix_collector_over_tcp_gets_templates_first_and_a_gap_as_what_was_not_sent(logged: Logged) -> None:
    capture = logged.add(Capture(*logged.place("capture"), "tcp", Listener.PORT))
    capture.start()
    listener = logged.add(Listener(*logged.place("listener")))
    logged.want(ipfix={"collector": f"127.0.0.1:{listener.PORT}", "transport": "tcp", "events": "end"})
    logged.lab.start_daemons()
    logged.flow()
    wait_until(lambda: "refused" in logged.output("ipfix")["error"], SOON, "the error is told", every=0.1)
    listener.start()
    logged.told("ipfix")
    logged.lose_one("ipfix", listener)
    listener.start()
    logged.flow()
    logged.told("ipfix")
    capture.finish()
    text = capture.text()
    assert "Malformed" not in text and "No template found" not in text, text[-3000:]
    assert len(capture.templates()) == 2  # one for each connection
    assert text.count("session create") == 0 and text.count("session delete") >= 2
    assert len(re.findall(r"Not Sent Flows: 0", text)) == 1, text[-3000:]
    assert capture.numbers("FlowSequence").count(0) == 2
    logged.check(WARNINGS)


# ---- several, and changes


def test_an_output_can_be_added_and_removed_while_others_go_on(logged: Logged) -> None:
    rsyslog = logged.add(Rsyslog(*logged.place("rsyslog")))
    rsyslog.start()
    want_log(logged.lab)
    file = dict(logged.gateway.config["log"])
    syslog = {"server": f"127.0.0.1:{rsyslog.PORT}", "transport": "tcp"}
    logged.want(**file)
    logged.lab.start_daemons()
    ports = [logged.flow()]
    logged.want(**file, syslog=syslog)
    logged.gateway.reload()
    wait_until(lambda: len(status(logged.gateway)["log"]["outputs"]) == 2, SOON, "two outputs", every=0.1)
    ports.append(logged.flow())
    logged.told("syslog")
    connected = [line.split()[-1] for line in rsyslog.clients().splitlines()]
    logged.gateway.reload()  # the same again: the connection stays
    ports.append(logged.flow())
    logged.told("syslog")
    assert len(connected) == 1 and [line.split()[-1] for line in rsyslog.clients().splitlines()] == connected
    assert [m["msg"]["pod"]["port"] for m in rsyslog.messages()] == ports[1:] and rsyslog.messages("gap") == []
    logged.want(syslog=syslog)
    logged.gateway.reload()
    wait_until(lambda: len(status(logged.gateway)["log"]["outputs"]) == 1, SOON, "one output", every=0.1)
    ports.append(logged.flow())
    logged.told("syslog")
    assert [r["pod"]["port"] for r in records(logged.lab)] == ports[:3]
    assert [m["msg"]["pod"]["port"] for m in rsyslog.messages()] == ports[1:]
    assert records(logged.lab, kind="gap") == [] and rsyslog.messages("gap") == []
    assert status(logged.gateway)["log"]["outputs"][0]["writer_starts"] == 1
    logged.check()


def test_a_restart_of_the_daemon_is_a_gap_in_each_output(logged: Logged) -> None:
    rsyslog = logged.add(Rsyslog(*logged.place("rsyslog")))
    rsyslog.start()
    journald = logged.add(Journald(*logged.place("journald")))
    journald.start()
    logged.want(syslog={"server": f"127.0.0.1:{rsyslog.PORT}", "transport": "tcp"}, journald={"socket": str(journald.socket)})
    logged.lab.start_daemons()
    logged.flow()
    for name in ("syslog", "journald"):
        logged.told(name)
    before = time.time()
    logged.gateway.stop()
    logged.gateway.start()
    logged.flow()
    for name in ("syslog", "journald"):
        logged.told(name)
    told = only(wait_until(lambda: rsyslog.messages("gap"), SOON, "a gap", every=0.1))["msg"]
    entry = only(wait_until(lambda: journald.entries("gap"), SOON, "a gap", every=0.1))
    assert told["cause"] == entry["EIPGW_CAUSE"] == "restart"
    for start, end in ((told["from"], told["to"]), (entry["EIPGW_FROM"], entry["EIPGW_TO"])):
        assert before - 30 <= seconds(start) <= before + 30 and seconds(end) >= before
    logged.check()


# ---- blocks of ports


BLOCK_ALLOCATION, BLOCK_DEALLOCATION = 16, 17


def test_all_of_them_read_blocks_of_ports(logged: Logged) -> None:
    lab, gateway = logged.lab, logged.gateway
    p1 = lab.pods["p1"]

    def blocks_of() -> list[dict[str, Any]]:
        return [r for r in records(lab, kind="block") if r["pod"]["address"] == p1.address]

    journald = logged.add(Journald(*logged.place("journald")))
    rsyslog = logged.add(Rsyslog(*logged.place("rsyslog")))
    capture = logged.add(Capture(*logged.place("capture"), "udp", Nfcapd.PORT))
    nfcapd = logged.add(Nfcapd(*logged.place("nfcapd")))
    for peer in (journald, rsyslog, capture, nfcapd):
        peer.start()
    want_log(lab)
    # Beginnings of blocks are told to a collector that wants no beginnings of connections, too.
    logged.want(**gateway.config["log"], records=["block"], journald={"socket": str(journald.socket)},
                syslog={"server": f"127.0.0.1:{rsyslog.PORT}", "transport": "tcp"},
                ipfix={"collector": f"127.0.0.1:{nfcapd.PORT}", "transport": "udp", "events": "end"})
    gateway.config["limits"] = limits(4)
    gateway.config["policies"][0]["pod_cidrs"] = [f"{p1.address}/32", f"{lab.pods['p4'].address}/32"]
    gateway.write_config()
    lab.start_daemons()
    block = held(lab)[p1.address]
    wait_until(lambda: blocks_of(), SOON, "a beginning")
    gateway.config["policies"][0]["pod_cidrs"] = [f"{lab.pods['p4'].address}/32"]
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: len(blocks_of()) == 2, SOON, "an end")
    for name in ("file", "journald", "syslog", "ipfix"):
        logged.told(name)

    begin, end = blocks_of()
    assert (begin["event"], end["event"], (begin["egress"]["first_port"], begin["egress"]["last_port"])) == ("begin", "end", block)
    entries = wait_until(lambda: len(journald.entries("block")) == 3 and journald.entries("block"), SOON, "entries", every=0.1)
    mine = [e for e in entries if e["EIPGW_POD_ADDRESS"] == p1.address]
    assert [e["EIPGW_EVENT"] for e in mine] == ["begin", "end"] and mine[1]["EIPGW_END"] == end["end"]
    assert {(int(e["EIPGW_EGRESS_FIRST_PORT"]), int(e["EIPGW_EGRESS_LAST_PORT"])) for e in mine} == {block}
    assert mine[0]["MESSAGE"] == f"ports {block[0]}-{block[1]} of {lab.eip('bank')} begin for {p1.address}"
    messages = wait_until(lambda: len(rsyslog.messages("block")) == 3 and rsyslog.messages("block"), SOON, "messages", every=0.1)
    assert [m["msg"] for m in messages] == records(lab, kind="block")
    assert all(m["severity"] == "info" for m in messages) and seconds(messages[-1]["timestamp"]) == seconds(end["end"])

    capture.finish()
    text = capture.text()
    assert "Malformed" not in text and "No template found" not in text, text[-3000:]
    assert text.count("Nat Event: Port block allocation") == 2 and text.count("Nat Event: Port block de-allocation") == 1, text[-3000:]
    told = set(re.findall(r"^ +Port Range (Start|End): (\d+)$", text, re.MULTILINE))
    assert {("Start", str(block[0])), ("End", str(block[1]))} <= told, told
    # nfdump 1.7.1 knows the events, and in IPFIX not the ports' elements; tshark does.
    found = [f for f in nfcapd.flows() if f["src4_addr"] == p1.address]
    assert "Sequence Errors: 0, Bad Packets: 0" in nfcapd.said(), nfcapd.said()
    assert sorted(int(f["nat_event_id"]) for f in found) == [BLOCK_ALLOCATION, BLOCK_DEALLOCATION], found
    assert {f["src4_xlt_ip"] for f in found} == {lab.eip("bank")}
    logged.check()
