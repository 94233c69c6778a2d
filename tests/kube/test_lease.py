# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""kube/lease.c against a real API server, and against client-go's leader election on the same Lease.

The API's history of a Lease has one holder at a time by itself. What is tested is that nobody gets it while the one
before still counts on it: all clocks here are this host's monotonic one, so that `until_ms` compares with what was seen.
"""

import contextlib
import datetime
import itertools
import signal
import threading
import time

import pytest
from kubeclient import load, object_of, path_of, unique
from kubeprobe import Probe
from kubepeers import TOP, wait_until

SYSTEM = "eipgw-system"
CLOCK_S = 0.02  # the wall clock, of which the records are, may be slewed against the monotonic one


@pytest.fixture(scope="module", autouse=True)
def deployed(control_plane):
    admin = control_plane.client()
    admin.create(object_of("Namespace", SYSTEM))
    for found in load(TOP / "deploy" / "rbac-gateway.yaml"):
        admin.create(found)
    client = control_plane.client("gateway")
    wait_until(lambda: client.raw("GET", path_of("Lease", "none", SYSTEM))[0] == 404, 30, "a gateway may read Leases")


@pytest.fixture
def name():
    return unique("lease")


@pytest.fixture
def compete(plane, name):
    """compete(identity): ours, logged in as a gateway; with period_ms it tries by itself."""
    kubeconfig = plane.kubeconfig("gateway")  # once: to write it again would empty it under one that reads it

    def start(identity="gw-a", duration_sec=2, **options):
        return Probe(kubeconfig, "lease", namespace=SYSTEM, name=name, identity=identity,
                     duration_sec=duration_sec, **options)
    return start


class History:
    """All states of one Lease as the API server tells them: [(monotonic ms when it was heard, spec or None)]."""

    def __init__(self, plane, name):
        self.rows, self.name = [], name
        self.watch = plane.client_with(token=plane.tokens["admin"]).watch("Lease", SYSTEM, timeout=300, fieldSelector=f"metadata.name={name}")
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            for event in self.watch:
                spec = event["object"].get("spec", {}) if event["type"] != "DELETED" else None
                self.rows.append((time.monotonic() * 1000, spec))

    def holders(self):
        return [key for key, _ in itertools.groupby((spec or {}).get("holderIdentity") or "-" for _, spec in list(self.rows))]


@pytest.fixture
def history(plane, name):
    return History(plane, name)


def taken_after(rows):
    """Seconds between the last record of one that isn't ours and the first of ours after it, as each of them says."""
    specs = [spec for _, spec in list(rows)]
    ours = next(i for i, spec in enumerate(specs) if not scheduler(spec["holderIdentity"]))
    renewed, acquired = (datetime.datetime.fromisoformat(spec[key].replace("Z", "+00:00"))
                         for spec, key in ((specs[ours - 1], "renewTime"), (specs[ours], "acquireTime")))
    return (acquired - renewed).total_seconds()


def scheduler(holder):
    """Not one of ours."""
    return holder not in ("-", "gw-a", "gw-b")


def test_it_is_made_renewed_and_let_go(admin, name, compete, history):
    with compete(duration_sec=20) as probe:
        looked = probe.ask("look")
        assert (looked["class"], looked["state"], looked["until_ms"]) == ("ok", "free", 0)
        made, renewed = probe.ask("try"), probe.ask("try")
        assert (made["state"], made["holder"], made["transitions"]) == ("mine", "gw-a", 0)
        assert made["now_ms"] < made["until_ms"] <= made["now_ms"] + 20000 and renewed["until_ms"] > made["until_ms"]
        spec = admin.get("Lease", name, SYSTEM)["spec"]
        assert (spec["holderIdentity"], spec["leaseDurationSeconds"], spec["leaseTransitions"]) == ("gw-a", 20, 0)
        assert spec["acquireTime"] < spec["renewTime"] and len(spec["renewTime"]) == len("2026-01-01T00:00:00.000000Z")
        released = probe.ask("release")
        assert (released["state"], released["until_ms"]) == ("free", 0)
        assert probe.ask("release")["state"] == "free"
    spec = admin.get("Lease", name, SYSTEM)["spec"]
    assert (spec.get("holderIdentity"), spec["leaseDurationSeconds"]) == ("", 1)
    with compete("gw-b") as probe:
        assert (probe.ask("try")["state"], probe.ask("look")["transitions"]) == ("mine", 1)
    wait_until(lambda: history.holders() == ["gw-a", "-", "gw-b"], 30, "the history is told")


def test_ours_is_never_taken_while_we_renew_and_taken_after_we_stop(plane, compete, name, history):
    with compete(period_ms=500, duration_sec=6) as probe, plane.contender(SYSTEM, name, duration=4, deadline=3):
        probe.wait(state="mine", count=16, deadline=60)
        assert history.holders() == ["gw-a"]
        probe.popen.stdin.write("stop\n")
        probe.popen.stdin.flush()
        wait_until(lambda: len(history.holders()) == 2, 60, "the other one takes it")
        last = probe.all("lease")[-1]
        taken = next(heard for heard, spec in list(history.rows) if scheduler(spec["holderIdentity"]))
        assert last["until_ms"] <= taken
        probe.popen.stdin.write("go\n")
        probe.popen.stdin.flush()
        assert probe.wait(state="others")["until_ms"] == 0
    assert scheduler(history.holders()[1])


def test_a_holder_that_stops_loses_it_after_its_duration_and_not_before(plane, compete, name, history):
    with plane.contender(SYSTEM, name) as other:
        wait_until(lambda: history.holders(), 60, "the other one has it")
        with compete(period_ms=100) as probe:
            probe.wait(state="others", count=20)
            other.send(signal.SIGSTOP)
            probe.wait(60, state="mine")
            # By the records themselves: when this process hears of them is another connection's matter.
            assert taken_after(history.rows) >= 6 - CLOCK_S
            other.send(signal.SIGCONT)
            wait_until(lambda: not other.alive(), 30, "it knows that it lost")
            assert "lost" in other.log.read_text(errors="replace")
            probe.wait(state="mine", count=20)
    assert [scheduler(holder) for holder in history.holders()] == [True, False]


def test_what_is_let_go_is_taken_at_once(plane, compete, name, history):
    with compete(duration_sec=60) as probe:
        assert probe.ask("try")["state"] == "mine"
        with plane.contender(SYSTEM, name, duration=60, deadline=40) as other:
            wait_until(lambda: "ttempting to acquire leader lease" in other.log.read_text(errors="replace"), 60, "it asks")
            assert probe.ask("release")["state"] == "free"
            wait_until(lambda: len(history.holders()) == 3, 30, "the other one takes it")
    assert [scheduler(holder) for holder in history.holders()] == [False, False, True]


@pytest.mark.parametrize("renewed", ["1970-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", None])
def test_a_holders_clock_says_nothing(admin, name, compete, renewed):
    spec = {"holderIdentity": "gw-x", "leaseDurationSeconds": 2, **({"renewTime": renewed} if renewed else {})}
    admin.create(object_of("Lease", name, spec, SYSTEM))
    with compete(period_ms=50) as probe:
        first = probe.wait(state="others")
        mine = probe.wait(state="mine")
    assert 2000 <= mine["now_ms"] - first["now_ms"]


def test_a_server_that_is_away_never_makes_it_hold_longer(plane, compete):
    with compete(deadline_ms=700) as probe:
        until = probe.ask("try")["until_ms"]
        for away, back in ((plane.pause, plane.resume), (plane.kill, plane.start)):
            away()
            began = time.monotonic()
            lost = probe.ask("try")
            assert time.monotonic() - began < 20  # and not until the server is back
            assert (lost["class"], lost["state"], lost["until_ms"]) == ("retry", "mine", until), lost["text"]
            back()
            again = wait_until(lambda: (found := probe.ask("try"))["class"] == "ok" and found, 30, "it answers again")
            assert (again["state"], again["transitions"]) == ("mine", 0) and again["until_ms"] > until
            until = again["until_ms"]


def test_what_is_written_late_holds_from_when_it_was_sent(plane, compete):
    with compete() as probe:
        probe.ask("try")
        plane.pause()
        sent_ms = time.monotonic() * 1000
        probe.popen.stdin.write("try\n")
        probe.popen.stdin.flush()
        wait_until(lambda: time.monotonic() * 1000 > sent_ms + 700, 30, "it takes its time")
        resumed_ms = time.monotonic() * 1000
        plane.resume()
        late = probe.wait(event="lease", count=2)
        assert (late["class"], late["state"]) == ("ok", "mine") and late["now_ms"] >= sent_ms + 700
        assert sent_ms - 1 <= late["until_ms"] - 2000 <= resumed_ms


def test_being_throttled_is_told_as_such(plane, compete):
    with compete() as probe:
        until = probe.ask("try")["until_ms"]
        with plane.throttled("gateway"):
            refused = probe.ask("try")
            assert (refused["class"], refused["until_ms"]) == ("throttled", until)
        assert probe.ask("try")["state"] == "mine"


def test_being_forbidden_is_told_as_such(plane, name):
    with Probe(plane.kubeconfig("gateway"), "lease", namespace="default", name=name, identity="gw-a") as probe:
        assert probe.ask("try")["class"] == "permanent"
    with Probe(plane.kubeconfig("admin"), "lease", namespace="nowhere", name=name, identity="gw-a") as probe:
        assert probe.ask("try")["class"] == "not found"


def test_what_others_write_beside_it_stays_and_is_no_conflict(admin, name, compete):
    with compete() as probe:
        probe.ask("try")
        admin.patch("Lease", name, {"metadata": {"annotations": {"example.org/a": "b"}, "labels": {"c": "d"}}}, SYSTEM)
        assert probe.ask("try")["state"] == "mine"
        found = admin.get("Lease", name, SYSTEM)
        assert (found["metadata"]["annotations"], found["metadata"]["labels"]) == ({"example.org/a": "b"}, {"c": "d"})
        admin.patch("Lease", name, {"spec": {"holderIdentity": "gw-x"}}, SYSTEM)
        lost = probe.ask("try")
        assert (lost["class"], lost["state"], lost["holder"], lost["until_ms"]) == ("ok", "others", "gw-x", 0)
    assert admin.get("Lease", name, SYSTEM)["spec"]["holderIdentity"] == "gw-x"


def test_a_deleted_object_is_made_again_unless_somebody_else_did(admin, name, compete):
    with compete() as probe:
        probe.ask("try")
        admin.delete("Lease", name, SYSTEM)
        made = probe.ask("try")
        assert (made["state"], made["transitions"]) == ("mine", 0)
        admin.delete("Lease", name, SYSTEM)
        assert probe.ask("look")["state"] == "free"
        assert probe.ask("try")["state"] == "mine"
        admin.delete("Lease", name, SYSTEM)
        admin.create(object_of("Lease", name, {"holderIdentity": "gw-x", "leaseDurationSeconds": 60}, SYSTEM))
        assert (probe.ask("try")["state"], probe.ask("look")["holder"]) == ("others", "gw-x")
        admin.delete("Lease", name, SYSTEM)
        admin.create(object_of("Lease", name, None, SYSTEM))
        assert probe.ask("try")["state"] == "mine"


def test_from_a_silent_holder_it_is_taken_and_from_one_that_renews_it_is_not(compete):
    with compete("gw-a", 60) as a, compete("gw-b", 60) as b:
        a.ask("try")
        assert b.ask("look")["state"] == "others"
        a.ask("try")  # alive
        refused = b.ask("take")
        assert (refused["class"], refused["state"], refused["holder"]) == ("ok", "others", "gw-a")
        taken = b.ask("take")
        assert (taken["state"], taken["transitions"]) == ("mine", 1)
        lost = a.ask("try")
        assert (lost["state"], lost["holder"], lost["until_ms"]) == ("others", "gw-b", 0)
        # Only what was read can be taken.
        assert (a.ask("take")["state"], b.ask("try")["state"]) == ("mine", "others")


def test_after_a_restart_it_is_ours_once_it_is_renewed(compete):
    with compete(duration_sec=60) as probe:
        probe.ask("try")
    with compete(duration_sec=60) as probe:
        found = probe.ask("look")
        assert (found["state"], found["until_ms"]) == ("mine", 0)
        assert probe.ask("try")["until_ms"] > found["now_ms"]


def test_two_asks_at_once_are_one(plane, compete):
    with compete(deadline_ms=1000) as probe:
        probe.ask("look")
        plane.pause()
        probe.popen.stdin.write("try\ntry\n")
        probe.popen.stdin.flush()
        probe.wait(event="busy")
        plane.resume()
        probe.wait(event="lease", count=2)


def test_of_many_that_die_and_come_never_two_count_on_it(compete):
    told = []
    for turn in range(4):
        with contextlib.ExitStack() as stack:
            probes = [stack.enter_context(compete(f"gw-{turn}-{i}", 1, period_ms=40)) for i in range(3)]
            wait_until(lambda: any(row["state"] == "mine" for probe in probes for row in probe.all("lease")), 30, "one has it")
            probes[0].wait(event="lease", count=25)
        told += [(row["now_ms"], probe, row["until_ms"]) for probe in probes for row in probe.all("lease") if row["state"] == "mine"]
    told.sort(key=lambda row: row[0])
    assert len({row[1] for row in told}) >= 4
    for before, after in itertools.pairwise(told):
        assert before[1] is after[1] or before[2] <= after[0]
