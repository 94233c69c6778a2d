# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The command that the README names first."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from eipgwlab.build import LAB_DIR
from eipgwlab.demo_group import HOW
from eipgwlab.model import EGRESS_IPS

pytestmark = pytest.mark.ha

EIP = EGRESS_IPS["bank"].public


def demo(*arguments: str, **environment: str) -> tuple[str, dict[str, Any]]:
    """What it printed, and the facts of its last line."""
    done = subprocess.run([LAB_DIR / "demo", "--no-build", "--json", *arguments], env=os.environ | environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout, json.loads(done.stdout.splitlines()[-1])


def test_the_demo_holds_where_there_is_no_api_server_and_says_how_to_get_one(tmp_path: Path) -> None:
    text, facts = demo(XDG_CACHE_HOME=str(tmp_path), EIPGW_KUBE_PEERS="")
    assert facts["ok"] and "WRONG" not in text
    assert (facts["foreign_source_packets"], facts["stolen"]["leaked"], facts["daemons_killed"]["lost_packets"]) == (0, 0, 0)
    whois, limit = facts["whois"], facts["limit"]
    assert (whois["answer"], whois["certain"]) == ("held", True)
    assert whois["found"] == [f"live {whois['pod']}", f"log {whois['pod']}"]
    assert limit["refused"] == limit["tried"] > 0 and limit["other_seen"] == EIP
    assert facts["page"] == {"status": 200, "title": "eipgw"} and facts["explained"] == "EIPGW-4001"
    assert all(f"# eipgw {what}" in text for what in ("whois", "top", "explain EIPGW-4001"))
    assert HOW in text and "carrier_killed" not in facts


def test_the_demo_shows_that_connections_outlive_the_gateway_that_carries_them(kube_place: Path) -> None:
    text, facts = demo("--scene", "group", EIPGW_KUBE_PEERS=str(kube_place))
    assert facts["ok"] and "WRONG" not in text
    for death, carrier in (("carrier_killed", "gw-b"), ("carrier_off", "gw-a")):
        found = facts[death]
        assert (found["carrier"], found["survived"], found["connections"]) == (carrier, 12, 12)
        assert (found["seen"], found["foreign_source_packets"]) == ([EIP], 0)
        assert found["history"] == {"pod": "p1", "attribution": "start", "before_the_death": True}
