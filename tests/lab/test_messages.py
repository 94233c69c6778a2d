# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What a person is told has an identifier wherever it's shown, and `eipgw explain` prints what it means."""

import json
import re
from collections.abc import Callable

import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.daemons import Daemon
from labkube import GROUP, Kube, finish, seen
from proof import DEADLINE, status

pytestmark = pytest.mark.knowing

REFUSED = r"^<4>config: .*unknown key.* \(EIPGW-1003\); keeping the old configuration \[EIPGW-1020\]$"
REPAIRED = r"^<4>repair: .* \[EIPGW-2002\]$"
AWAY = r"^<4>kubernetes: .* \(EIPGW-3040\); what is known stays, trying again \[EIPGW-3020\]$"


def title(daemon: Daemon, word: str) -> str:
    """The first line of the page."""
    page = daemon.eipgw("explain", word)
    assert page.returncode == 0 and page.stderr == "", page
    assert all(f"\n{section}\n" in page.stdout for section in ("Meaning", "Cause", "Effect", "Remedy", "See also")), page.stdout
    return page.stdout.splitlines()[0]


def test_conditions_and_events_carry_their_identifier(make_kube: Callable[..., Kube]) -> None:
    kube = make_kube()
    lab, gateway = kube.lab, kube.lab.daemons["gw-a"]
    assert kube.condition("EgressGateway", GROUP)["message"].endswith(" [EIPGW-3011]")
    kube.policy("nowhere", egressGateway="nobody", selectors=[{"podSelector": {"matchLabels": {"egress": "none"}}}])
    condition = wait_until(lambda: kube.condition("EgressPolicy", "nowhere", "EgressGatewayUnknown"), DEADLINE, "a condition")
    assert condition["message"].endswith(" [EIPGW-3001]")
    assert kube.condition("EgressPolicy", "nowhere")["message"] == condition["message"]
    told = ("Warning", "EgressGatewayUnknown", condition["message"])
    wait_until(lambda: told in kube.events("nowhere"), DEADLINE, "an Event")
    assert title(gateway, "EIPGW-3001") == title(gateway, condition["reason"])
    assert title(gateway, "EIPGW-3001").startswith("EIPGW-3001: ")
    # What was wrong isn't any more.
    kube.policy("nowhere", selectors=[{"podSelector": {"matchLabels": {"egress": "none"}}}])
    wait_until(lambda: ("Normal", "Governed", "it works [EIPGW-3008]") in kube.events("nowhere"), DEADLINE, "an Event that it works")
    # The cause and what follows from it.
    kube.plane.kill()
    wait_until(lambda: gateway.log_count(AWAY) == 1, DEADLINE, "the gateway has noticed")
    assert status(gateway)["kubernetes"]["error_id"] == "EIPGW-3040"
    assert " [EIPGW-3040]" in gateway.eipgw("status").stdout
    assert seen(lab, "p1") == lab.eip("bank")
    finish(kube, allow=("^<4>kubernetes: ",))


def test_refusals_and_repairs_tell_their_identifier(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    gateway = lab.daemons["gw-a"]
    lab.start_daemons()
    gateway.config["nonsense"] = 1
    gateway.write_config()
    gateway.reload()
    wait_until(lambda: gateway.log_count(REFUSED) == 1, DEADLINE, "the reload is refused")
    assert status(gateway)["config"]["last_error_id"] == "EIPGW-1003"
    assert re.search(r"the last reload failed: .* \[EIPGW-1003\]\n", gateway.eipgw("status").stdout)
    lab.run("gw-a", "nft", "delete", "table", "ip", "eipgw")
    wait_until(lambda: gateway.log_count(REPAIRED) >= 1, DEADLINE, "it is put right")
    # A counter is explained by its name, too, as the status has it.
    ids = {counter["name"]: counter["id"] for counter in status(gateway)["counters"]}
    assert ids["refused"] == "EIPGW-2030" and ids["new"] == ""
    assert title(gateway, "refused").startswith("EIPGW-2030: ")
    lab.stop_daemons()
    asked = gateway.eipgw("status", "--json")
    assert json.loads(asked.stdout)["id"] == "EIPGW-9002" and asked.stderr.endswith(" [EIPGW-9002]\n")
    assert lab.foreign() == {}
    assert lab.check_logs(allow=[REFUSED, REPAIRED]) == []
