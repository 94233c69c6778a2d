# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The status page in a real browser: it says what `eipgw status` says, at each width, and nothing on it can be made to act."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import labpage
import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.browser import Browser, Page
from eipgwlab.build import ROOT, program
from eipgwlab.prometheus import fetch
from proof import REPAIR, counters, status

pytestmark = pytest.mark.knowing

PORT = 9441
URL = f"http://127.0.0.1:{PORT}/"
DEADLINE = 120.0
SHOTS = Path(os.environ.get("EIPGW_SHOTS", ROOT / "build" / "test-results" / "page"))
SIZES = {"desktop": (1280, 800), "phone": (390, 844), "narrow": (320, 568)}
CHECKS = (Path(__file__).parent / "labpage.js").read_text(encoding="utf-8")
THERE = "document.body?.dataset.rounds > 0"  # all has been asked for once, and is shown


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Lab, Browser]]:
    """One gateway with a page, and one browser beside it, for the tests that change neither."""
    with Lab("cni-nft") as lab:
        want_page(lab)
        lab.start_daemons()
        with Browser(lab.netns_of("gw-a")) as browser:
            yield lab, browser
        lab.stop_daemons()
        assert lab.foreign() == {}
        assert lab.check_logs() == []


@pytest.fixture
def served(make_lab: Callable[..., Lab]) -> Iterator[Lab]:
    lab = make_lab()
    want_page(lab)
    lab.start_daemons()
    yield lab
    lab.stop_daemons()


def want_page(lab: Lab, listen: str = f":{PORT}") -> None:
    daemon = lab.daemons["gw-a"]
    daemon.config["admin"] = {"listen": listen}
    daemon.write_config()


def asked(lab: Lab, path: str, **headers: str) -> Any:
    code, text = fetch(lab.netns_of("gw-a"), PORT, path, headers=headers or None)
    assert code == 200, text
    return json.loads(text)


def plain(text: str) -> str:
    """Without the spaces that only keep a number together."""
    return re.sub(r"[\u00a0\u202f]", "", text)


def tile(page: Page, name: str) -> str:
    return page.run(f"[...document.querySelectorAll('#tiles dt')].find(e => e.textContent === {json.dumps(name)}).nextSibling.textContent")


def is_clean(page: Page, lab: Lab | None = None) -> None:
    assert page.complaints() == []
    outside = [url for url in page.requests() if not url.startswith((URL, "data:"))]
    assert outside == []


# ---- what it says


def test_the_page_says_what_status_says(shared: tuple[Lab, Browser]) -> None:
    lab, browser = shared
    daemon = lab.daemons["gw-a"]
    for _ in range(3):
        assert lab.pods["p1"].probe("tcp").seen == lab.eip("bank")
    said = json.loads(subprocess.run([str(program("eipgw")), "status", "--json", "--socket", str(daemon.control_path)],
                                     capture_output=True, text=True, check=True).stdout)

    with browser.page(*SIZES["desktop"]) as page:
        page.open(URL)
        page.until(THERE, "the page has read the status")
        page.until("document.querySelectorAll('#drops tbody tr').length > 0", "counters are there")
        drops = page.run("[...document.querySelectorAll('#drops tbody tr')].map(r => [...r.cells].map(c => c.innerText))")
        assert {row[0].split("\n")[0]: int(plain(row[1])) for row in drops} == \
            {c["name"].replace("_", " "): c["packets"] for c in status(daemon)["counters"] if c["kind"] == "drops"}
        egress = page.run("[...document.querySelectorAll('#egress tbody tr')].map(r => r.innerText)")
        assert len(egress) == len(said["egress_ips"])
        for row, e in zip(egress, said["egress_ips"], strict=True):
            assert e["name"] in row and e["public"] in row and e["private"] in row and "this gateway" in row
        assert page.text("#name") == said["name"] == "gw-a"
        assert page.text("#state").endswith(said["state"])
        assert f"eipgwd {said['version']}" in page.text("#about") and "no Kubernetes" in page.text("#about")
        assert "alone" in page.text("#members")
        assert "ready" in page.text("#events")
        assert page.run("document.title") == "gw-a – eipgw"
        is_clean(page)


def test_what_is_asked_is_what_the_control_socket_says(shared: tuple[Lab, Browser]) -> None:
    lab, _ = shared

    answer = asked(lab, "/api/status")

    assert answer["ok"] and answer["result"].keys() == status(lab.daemons["gw-a"]).keys()
    assert answer["result"]["egress_ips"] == status(lab.daemons["gw-a"])["egress_ips"]
    recent, day = asked(lab, "/api/history")["result"], asked(lab, "/api/history/day")["result"]
    assert recent["columns"] == day["columns"] == labpage.COLUMNS
    assert (recent["step_ms"], day["step_ms"]) == (5000, 60000)
    for path in ("/api/drain", "/api/explain", "/api/status/", "/metrics", "/favicon.ico"):
        assert fetch(lab.netns_of("gw-a"), PORT, path)[0] == 404


def test_only_this_host_is_answered_and_nobody_else_may_read(shared: tuple[Lab, Browser]) -> None:
    lab, _ = shared

    for host in ("localhost", "localhost:8080", f"127.0.0.1:{PORT}"):
        assert fetch(lab.netns_of("gw-a"), PORT, "/api/status", headers={"Host": host})[0] == 200
    for host in ("evil.example", "gw-a", "127.0.0.1.evil.example"):
        assert fetch(lab.netns_of("gw-a"), PORT, "/api/status", headers={"Host": host})[0] == 403
    out = lab.run("gw-a", "ss", "-Hltn")
    assert re.findall(r"(\S+):9441 ", out) == ["127.0.0.1"]


# ---- how it goes on


def test_traffic_events_and_the_daemons_end_are_seen_live(served: Lab) -> None:
    lab, daemon = served, served.daemons["gw-a"]
    with Browser(lab.netns_of("gw-a")) as browser, browser.page(*SIZES["desktop"]) as page:
        page.open(URL)
        page.until(THERE, "the page has read the status")
        flows = [lab.pods["p1"].flow("pull", duration=300), lab.pods["p3"].flow("tcp-new", per_sec=20, duration=300)]
        page.until("/[kMG]bit/.test([...document.querySelectorAll('#tiles .big')][1].textContent)", "bits are received")
        page.until("parseFloat([...document.querySelectorAll('#tiles .big')][3].textContent) > 1", "new connections are counted")
        page.until("document.querySelectorAll('.plot path.one')[0].getAttribute('d').includes('L')", "the chart has a line")
        top = asked(lab, "/api/top")
        if top["ok"]:
            page.until("document.querySelectorAll('#pods tbody tr').length >= 2", "the pods are ranked")
            page.until(f"document.getElementById('pods').textContent.includes({json.dumps(lab.pods['p1'].address)})", "one of them is p1")
            page.until("document.querySelectorAll('#destinations tbody tr').length >= 1", "so are destinations")
            page.until("/hottest destination/.test(document.getElementById('egress').textContent)", "ports are told")
        else:
            assert "Not available: " in page.text("#pods")
        page.screenshot(SHOTS / "live-desktop.png")
        for flow in flows:
            flow.stop()
        latest = asked(lab, "/api/history")["result"]
        rows = [dict(zip(latest["columns"], row, strict=True)) for row in latest["rows"]]
        assert sum(row["new"] or 0 for row in rows) <= counters(daemon)["new"]
        for column in ("pod_sent_packets", "pod_received_packets", "uplink_sent_packets", "uplink_received_packets", "new"):
            assert sum(row[column] or 0 for row in rows) >= 10, (column, rows)
        assert all(4000 < row["interval_ms"] for row in rows)

        lab.run("gw-a", "nft", "delete", "table", "ip", status(daemon)["kernel"]["table"])
        page.until("/repair/.test(document.getElementById('events').textContent)", "the repair is told")
        assert page.run("document.getElementById('stale').hidden")

        daemon.stop()
        page.until("!document.getElementById('stale').hidden", "the page says that nobody answers")
        assert "No answer from eipgwd since" in page.text("#stale")
        assert page.text("#updated").endswith("ago")
        assert page.text("#name") == "gw-a"  # what was known is still there
        page.screenshot(SHOTS / "stale-desktop.png")
        refused = [text for text in page.complaints() if "ERR_CONNECTION_REFUSED" not in text]
        assert refused == []
        daemon.start()
        page.until("document.getElementById('stale').hidden", "it answers again")
    assert lab.foreign() == {}
    assert lab.check_logs(allow=[REPAIR]) == []


def test_a_reload_takes_the_page_away_and_brings_it_again(served: Lab) -> None:
    lab, daemon = served, served.daemons["gw-a"]

    def is_open() -> bool:
        try:
            return fetch(lab.netns_of("gw-a"), PORT, "/")[0] == 200
        except ConnectionError:
            return False

    def reload(listen: str) -> None:
        want_page(lab, listen)
        daemon.reload()

    wait_until(is_open, DEADLINE, "the page is there")
    reload("0.0.0.0:9441")
    wait_until(lambda: "admin.listen: 0.0.0.0 isn't one host's" in status(daemon)["config"]["last_error"], DEADLINE, "all addresses are refused")
    assert is_open()
    reload("")
    wait_until(lambda: not is_open(), DEADLINE, "it isn't served any more")
    assert lab.run("gw-a", "ss", "-Hltn") == ""
    reload(f":{PORT}")
    wait_until(is_open, DEADLINE, "it is served again")
    wait_until(lambda: asked(lab, "/api/history")["result"]["rows"], DEADLINE, "readings begin anew")
    assert lab.foreign() == {}
    assert lab.check_logs(allow=[r"^<4>config: .*admin\.listen.*keeping the old configuration"]) == []


# ---- how it looks


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_each_scene_fits_and_can_be_read(shared: tuple[Lab, Browser], size: str, dark: bool) -> None:
    """No scrolling sideways, nothing cut or over something else, contrast, names for who doesn't see it."""
    _, browser = shared
    wrong = []
    for name, scene in labpage.SCENES.items():
        if dark and name not in ("group", "alone", "degraded"):
            continue  # other colours, but the same boxes
        with browser.page(*SIZES[size], dark) as page:
            page.answer(scene)
            page.open(URL)
            page.until(THERE, f"the scene {name} is shown")
            page.screenshot(SHOTS / f"{name}-{size}{'-dark' if dark else ''}.png")
            wrong += [f"{name}: {fault}" for fault in page.run(f"({CHECKS})()")]
            is_clean(page)
    assert not wrong, "\n".join(wrong)


def test_names_that_try_to_be_code_are_text(shared: tuple[Lab, Browser]) -> None:
    _, browser = shared
    with browser.page(*SIZES["desktop"]) as page:
        page.answer(labpage.SCENES["attack"])
        page.open(URL)
        page.until(THERE, "the page has read the status")

        for part in ("#name", "#pods", "#events"):
            assert labpage.ATTACK in page.run(f"document.querySelector('{part}').textContent")
        assert page.run("document.querySelectorAll('main img, main script, header img').length") == 0
        assert [e for e in browser.events if e["method"] == "Page.javascriptDialogOpening"] == []
        # And if they came to be code all the same, the policy would forbid it.
        assert page.run("try { document.body.innerHTML = '<b>x</b>'; 'done' } catch (e) { e.name }") == "TypeError"


def test_numbers_are_as_people_read_them(shared: tuple[Lab, Browser]) -> None:
    _, browser = shared
    rows = {"bitsText(0)": "0 bit/s", "bitsText(125)": "1.00 kbit/s", "bitsText(1.25e9)": "10.0 Gbit/s", "bitsText(null)": "–", "bitsText(9e20)": "7200000000 Tbit/s",
            "rateText(0.25)": "0.25 /s", "rateText(3)": "3 /s", "countText(1234567)": "1 234 567", "countText(undefined)": "–", "percentText(0.031)": "3.1 %",
            "ageText(42)": "42 ms", "ageText(9500)": "9.5 s", "ageText(119000)": "119 s", "ageText(7200000)": "2 h", "shorn('2.50\\u00a0k')": "2.5 k", "shorn('100\\u00a0M')": "100 M",
            "axisOf(0).top": 1, "axisOf(87).step": 50, "axisOf(87).top": 100, "axisOf(1).step": 0.5, "axisOf(1, true).step": 1, "axisOf(2.4e12).top": 3e12,
            "timeTicks(0, 900000, 3).length": 4, "timeTicks(0, 86400000, 5).length": 5, "lineOf([1, null, 2, 3], i => i, v => v)": "M0.0 1.0h0.01M2.0 2.0L3.0 3.0"}
    with browser.page(*SIZES["desktop"]) as page:
        page.open(URL)
        page.until(THERE, "the page has read the status")
        told = {expression: page.run(expression) for expression in rows}
    assert {k: re.sub(r"[\u00a0\u202f]", " ", v) if isinstance(v, str) else v for k, v in told.items()} == rows


def test_a_chart_can_be_read_by_keys_and_as_a_table(shared: tuple[Lab, Browser]) -> None:
    _, browser = shared
    with browser.page(*SIZES["desktop"]) as page:
        page.answer(labpage.SCENES["group"])
        page.open(URL)
        page.until(THERE, "the page has read the status")
        page.run("document.querySelector('.plot').focus()")
        for _ in range(2):
            page.call("Input.dispatchKeyEvent", type="keyDown", key="ArrowLeft")
        readout = page.text(".readout")
        assert re.search(r"\d\d:\d\d:\d\d – sent .*bit/s, received .*bit/s", readout), readout
        page.run("document.querySelector('details').open = true")
        page.until("document.querySelectorAll('details table tbody tr').length >= 20", "the table is filled")
        assert "sent: now" in page.run("document.querySelector('.plot').getAttribute('aria-label')")
        page.run("document.querySelector('#span input[value=day]').click()")
        page.until("document.querySelectorAll('.plot path.one')[0].getAttribute('d').length > 10000", "the day is drawn")
        page.screenshot(SHOTS / "day-desktop.png")
        assert "payments · bank · egress-000 · ports 5120–5375, nearly used up" in page.text("#pods")
        page.run("document.querySelector('#pods button').click()")
        assert page.run("document.querySelectorAll('#pods tbody tr').length") == 14
        is_clean(page)
