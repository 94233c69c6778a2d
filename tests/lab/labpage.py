# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Answers for the status page that a small lab doesn't give: large groups, large numbers, long names, and names that try to be code."""

import math
import time
from typing import Any

Answer = dict[str, Any]

ATTACK = "<img src=x onerror=alert(1)>\"'</td><script>alert(2)</script>"
LONG = "payments-processor-with-a-very-long-name-" + "x" * 22  # 63, as much as a label may have
DROPS = ["unknown_reset", "fenced", "refused", "tunnel_forged", "tunnel_local"]
COLUMNS = ["time_ms", "interval_ms", "pod_sent_bytes", "pod_sent_packets", "pod_received_bytes", "pod_received_packets",
           "uplink_sent_bytes", "uplink_sent_packets", "uplink_received_bytes", "uplink_received_packets", "new", "dropped_packets",
           "connections"]


def wrap(result: Any) -> Answer:
    return {"v": 1, "ok": True, "result": result}


def egress(i: int, **more: Any) -> Answer:
    return {"name": f"egress-{i:03}", "public": f"203.0.113.{i % 250 + 1}", "private": f"10.0.{i // 200 + 1}.{i % 200 + 20}",
            "allocation_id": f"eipalloc-{i:017x}", "state": "held", "reason": "", "self_test": "confirmed",
            "seen_as": f"203.0.113.{i % 250 + 1}", "tested_seconds_ago": 12, "self_test_reason": ""} | more


def member(name: str, **more: Any) -> Answer:
    return {"name": name, "zone": "eu-central-1a", "address": "10.0.1.200", "self": False, "heard": True, "heard_ms_ago": 42} | more


def carried(e: Answer, by: str, **more: Any) -> Answer:
    here = by == "gw-a"
    return {"name": e["name"], "state": "active" if here else "standby", "reason": "", "carrier": by, "lease_holder": by, "partner": "",
            "translates": here, "for_ms": 1000} | more


def status(egress_ips: list[Answer], **more: Any) -> Answer:
    return {"zone": "eu-central-1a", "egress_ips": egress_ips, "native_sources": [], "native_routing": [], "policies": [],
            "program": "eipgwd", "version": "0.1.0", "name": "gw-a", "state": "ready", "state_text": "", "ready": True,
            "since_seconds": 100, "config": {"path": "/etc/eipgw/gateway.json", "loaded_seconds_ago": 9, "last_error": ""},
            "counters": [{"name": "new", "packets": 12345, "bytes": 740700, "kind": "opens", "help": "first packets"}] +
                        [{"name": name, "packets": 3 * i, "bytes": 9, "kind": "drops", "help": f"dropped: {name}"}
                         for i, name in enumerate(DROPS)]} | more


def group(n: int = 2, **more: Any) -> Answer:
    """Two gateways, three of three egress IPs each, one of which isn't well."""
    ips = [egress(i) for i in range(n)]
    for e in ips:
        e |= {"state": "standby", "reason": f"{e['public']} is associated with {e['private']} on eni-0a1b2c3d4e5f60718, until another gateway takes it"}
    names = [carried(e, "gw-a" if i % 2 == 0 else "gw-b") for i, e in enumerate(ips)]
    if n > 2:
        ips[2] |= {"self_test": "wrong", "seen_as": "198.51.100.7", "self_test_reason": "the internet sees another address"}
    return status(ips, failover={"draining": False, "members": [
        member("gw-a", self=True, heard_ms_ago=0),
        member("gw-b", zone="eu-central-1b", address="10.0.2.200"),
        member("gw-c", zone="eu-central-1c", address="10.0.3.200", heard=False, heard_ms_ago=73000)], "egress_ips": names},
        kubernetes={"server": "https://k8s", "synced": True, "error": "", "error_seconds": 0},
        drain={"on": False, "reasons": []},
        log={"path": "/var/log/eipgw/nat.log", "error": "", "records": 1234567, "unattributed": 12, "gaps": 1, "lost": 0, "waiting_bytes": 4096,
             "behind_ms": 800, "open": 512}) | more


def history(step_ms: int = 5000, rows: int = 180, scale: float = 1.0, gap: bool = True, ended_ms: int | None = None) -> Answer:
    end = ended_ms or int(time.time() * 1000)
    found: list[list[int | None]] = []
    for i in range(rows):
        wave = scale * (1 + 0.6 * math.sin(i / 9) + 0.25 * math.sin(i / 2.3))
        sent, got = int(2.5e6 * wave * step_ms / 1000), int(9e6 * wave * step_ms / 1000)
        row: list[int | None] = [end - (rows - 1 - i) * step_ms, step_ms, sent, sent // 700, got, got // 1100, sent + got, (sent + got) // 900,
                                 sent + got, (sent + got) // 900, int(45 * wave * step_ms / 1000), (i % 40 == 0) * int(50 * scale),
                                 int(5200 * scale * (1 + 0.1 * math.sin(i / 15)))]
        if gap and rows // 2 < i < rows // 2 + 6:
            row[2:] = [None] * (len(row) - 2)
        found.append(row)
    return {"time_ms": end, "step_ms": step_ms, "connections_max": 262144, "columns": COLUMNS, "rows": found}


def top(egress_ips: list[Answer], pods: int = 14, scale: float = 1.0, name: str = "web") -> Answer:
    return {"time": "2026-01-01T00:00:00Z", "interval_s": 5,
            "pods": [{"namespace": "payments", "name": f"{name}-{i}" if name != ATTACK else name, "node": "node1", "address": f"10.0.1.{50 + i}",
                      "policy": name if name == ATTACK else "bank", "egress_ip": egress_ips[0]["name"],
                      **({"block": {"first_port": 5120 + 256 * i, "last_port": 5375 + 256 * i, "full": i == 0}} if i % 2 == 0 else {}), "connections": int(900 * scale / (i + 1)),
                      "sent_bytes_per_s": int(4e6 * scale / (i + 1)), "received_bytes_per_s": int(2e7 * scale / (i + 1)), "new_per_s": 3}
                     for i in range(pods)],
            "destinations": [{"egress_ip": egress_ips[0]["name"], "protocol": "tcp", "address": f"198.51.100.{10 + i}", "port": 443,
                              "connections": int(2000 * scale / (i + 1)), "ports": int(2000 / (i + 1)), "capacity": 64512, "share": 90 // (i + 1)}
                             for i in range(6)],
            "egress_ips": [{"name": e["name"], "public": e["public"], "private": e["private"], "connections": 100, "ports": 9000 + i,
                            "capacity_per_destination": 64512, "hottest_share": [31, 86, 97][i % 3], "refused": [0, 0, 17][i % 3]}
                           for i, e in enumerate(egress_ips)]}


def events(text: str = "egress-000: active, was taking: the Elastic IP is associated here") -> Answer:
    now = int(time.time() * 1000)
    rows = [("info", "failover", text, 1), ("warning", "repair", "somebody deleted a rule; put right by us took_us=812 cause=foreign", 3),
            ("error", "own", "EC2: UnauthorizedOperation: you are not authorized to perform ec2:AssociateAddress", 12),
            ("info", "main", "ready: 3 egress IPs, 2 policies", 1)]
    return {"time_ms": now, "events": [{"first_ms": now - 1000 * (i + 1) ** 5, "last_ms": now - 900 * (i + 1) ** 5, "count": count, "level": level,
                                        "subsystem": subsystem, "text": words} for i, (level, subsystem, words, count) in enumerate(rows)]}


def answers(state: Answer, **others: Answer) -> dict[str, Answer]:
    """{path: answer}; what isn't given is as of a busy gateway. None: the daemon has no such command."""
    ips = state["egress_ips"]
    return {"/api/status": wrap(state), "/api/top": wrap(top(ips) if ips else {"pods": [], "destinations": [], "egress_ips": []}),
            "/api/events": wrap(events()), "/api/history": wrap(history()),
            "/api/history/day": wrap(history(60000, 1440))} | {f"/api/{path}": answer for path, answer in others.items()}


NO_TOP = {"v": 1, "ok": False, "error": "there is no such command"}

# Name -> what is answered.
SCENES: dict[str, dict[str, Answer]] = {
    "group": answers(group(6)),
    "two": answers(group(2)),
    "many": answers(group(127), top=NO_TOP),
    "alone": answers(status([egress(0, state="held")]), top=NO_TOP, history=wrap(history(rows=1)), events=wrap({"time_ms": 1, "events": []})),
    "empty": answers(status([]), history=wrap(history(rows=0))),
    "huge": answers(group(6), top=wrap(top([egress(0, name=LONG), egress(1), egress(2)], scale=5e6, name=LONG)), history=wrap(history(scale=2e4))),
    "attack": answers(group(2, name=ATTACK), top=wrap(top([egress(0), egress(1)], name=ATTACK)), events=wrap(events(ATTACK))),
    "degraded": answers(group(3, state="degraded", state_text="nf_tables: EPERM", drain={"on": True, "reasons": []})),
}
