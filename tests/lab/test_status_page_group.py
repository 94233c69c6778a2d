# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What the page of the gateway that is left says of a take-over, while somebody looks at it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.browser import Browser, Page
from eipgwlab.build import ROOT
from eipgwlab.group import Group
from eipgwlab.prometheus import fetch
from labkube import Kube
from proof import status

pytestmark = pytest.mark.knowing

PORT = 9441
DEADLINE = 120.0
SHOTS = Path(os.environ.get("EIPGW_SHOTS", ROOT / "build" / "test-results" / "page"))
QUIET = (r"^<4>(kubernetes|own|failover|peer|repair|replication)[ :]",)


def answers(lab: Lab, name: str) -> bool:
    try:
        return fetch(lab.netns_of(name), PORT, "/")[0] == 200
    except ConnectionError:
        return False


def rows(page: Page, part: str) -> list[list[str]]:
    return page.run(f"[...document.querySelectorAll('#{part} tbody tr')].map(r => [...r.cells].map(c => c.innerText))")


def shows(page: Page, part: str, *texts: str) -> None:
    """Some row of the table has all of them, each in a column of its own from the left."""
    def is_so() -> bool:
        page.browser.drain(0.1)
        return any(all(any(text in cell for cell in row) for text in texts) for row in rows(page, part))

    wait_until(is_so, DEADLINE, f"{part} shows {texts}")


def test_a_take_over_is_seen_by_who_looks_on(make_group: Callable[..., tuple[Kube, Group]]) -> None:
    kube, group = make_group()
    lab = kube.lab
    daemon = lab.daemons["gw-b"]
    daemon.config["admin"] = {"listen": f":{PORT}"}
    daemon.write_config()
    daemon.reload()
    wait_until(lambda: answers(lab, "gw-b"), DEADLINE, "gw-b has its page")
    wait_until(lambda: group.state("gw-b").get("state") == "standby", DEADLINE, "gw-b can take over")
    wait_until(group.is_together, DEADLINE, "the two know each other", every=0.1)

    with Browser(lab.netns_of("gw-b")) as browser, browser.page(1280, 800) as page:
        page.open(f"http://127.0.0.1:{PORT}/")
        shows(page, "members", "gw-a", "carries 1", "ago")
        shows(page, "members", "gw-b", "standby", "this gateway")
        shows(page, "egress", "bank", lab.eip("bank"), "gw-a", "shared")
        assert "Kubernetes" in page.text("#about") and status(daemon)["zone"] in page.text("#about")
        page.screenshot(SHOTS / "group-before.png")

        lab.daemons["gw-a"].kill()
        group.wait_carrier("gw-b")

        shows(page, "members", "gw-b", "carries 1")
        shows(page, "members", "gw-a", "not known", "silent")
        shows(page, "egress", "bank", "this gateway", f"{lab.eip('bank')} is associated with")
        page.until("/bank: active, was/.test(document.getElementById('events').textContent)", "the take-over is among the events")
        page.screenshot(SHOTS / "group-after.png")
        assert page.complaints() == []
    group.stop()
    private = set(lab.egress_ips["bank"].private.values())
    assert [row for pod in lab.pods for row in lab.foreign_rows(pod) if row.outside is not None or row.inside not in private] == []
    assert lab.check_logs(allow=QUIET) == []
