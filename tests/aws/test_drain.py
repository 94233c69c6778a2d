# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Draining (gateway/group/drain.h, daemon/frame.h, cli/drain.c) in a daemon of its own: the notices are those of AWS's own emulator of
the metadata, the Auto Scaling group is the fake's, and the person uses eipgw."""

import json
import signal
import socket
import subprocess
import time

import pytest

from awspeers import BUILD, clean_env
from test_imds import Service

NEVER = "100000"
HOOK = ["leave", "gateways", "i-1"]


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what()}"
    return value


class Drainer:
    """The daemon; it carries a and b when it begins."""

    def __init__(self, directory, **config):
        self.socket = directory / "drain.sock"
        self.log_path = directory / "drain.log"
        (directory / "drain.json").write_text(json.dumps(config), encoding="utf-8")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([BUILD / "tests" / "aws" / "drainprobe", "--config", directory / "drain.json",
                                             "--control", self.socket], env=clean_env(), stdout=log, stderr=log)
        wait_until(lambda: "ready:" in self.log(), 20, self.log)
        self.ask("carry", what="a,b")

    def log(self):
        return self.log_path.read_text(encoding="utf-8")

    def ask(self, command, **args):
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(self.socket))
            client.sendall(json.dumps({"v": 1, "command": command, **args}).encode() + b"\n")
            answer = json.loads(client.makefile().readline())
        assert answer["ok"], answer
        return answer["result"]

    def status(self):
        return self.ask("status")["drain"]

    def sources(self):
        return [r["source"] for r in self.status()["reasons"]]

    def wait_sources(self, *sources, seconds=30):
        wait_until(lambda: self.sources() == list(sources), seconds, self.log)

    def wait_hook(self, state, seconds=30):
        wait_until(lambda: self.status()["hook"] == state, seconds, self.log)

    def cli(self, *words):
        return subprocess.run([BUILD / "cli" / "eipgw", words[0], "--socket", self.socket, *words[1:]], env=clean_env(),
                              capture_output=True, text=True, timeout=60, check=False)

    def end(self, seconds=10):
        """The exit status; what the sanitizers say is in the log, and then it isn't 0."""
        assert self.process.wait(timeout=seconds) == 0, self.log()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def metadata(program, tmp_path):
    """metadata(spot=, rebalance=, group=): after how many seconds these are seen."""
    services = []

    def make(spot=NEVER, rebalance=NEVER, group=NEVER):
        options = ["-d", spot, "--rebalance-delay-sec", rebalance, "--asg-termination-delay-sec", group]
        services.append(Service(program, tmp_path, options=options))
        return services[-1].start().url

    yield make
    for service in services:
        service.stop()


@pytest.fixture
def make_drainer(tmp_path):
    made = []

    def make(imds_url="http://127.0.0.1:9", **config):
        made.append(Drainer(tmp_path, imds_url=imds_url, **config))
        return made[-1]

    yield make
    for drainer in made:
        drainer.close()


def test_a_person_drains_and_takes_it_back(make_drainer):
    drainer = make_drainer()

    impatient = drainer.cli("drain", "--timeout", "0")
    assert impatient.returncode == 1 and "not everything is handed over yet" in impatient.stderr
    assert "carried  a, b\n" in impatient.stdout and "draining by command\n" in impatient.stdout
    assert "draining by command\n" in drainer.cli("status").stdout

    back = drainer.cli("drain", "--undo")
    assert (back.returncode, back.stdout) == (0, "not draining\n")
    assert drainer.log().count("probe: on_drain 1 by command") == drainer.log().count("probe: on_drain 0") == 1


def test_the_command_waits_until_nothing_is_carried(make_drainer):
    drainer = make_drainer()

    with subprocess.Popen([BUILD / "cli" / "eipgw", "drain", "--socket", drainer.socket], env=clean_env(),
                          stdout=subprocess.PIPE, text=True) as command:
        assert command.stdout.readline() == "carried  a, b\n"
        drainer.ask("carry", what="b")
        assert command.poll() is None
        drainer.ask("carry", what="")
        out, _ = command.communicate(timeout=20)

    assert command.returncode == 0 and "nothing is carried any more\n" in out
    again = drainer.cli("drain", "--json")
    assert again.returncode == 0 and json.loads(again.stdout)["drain"]["nothing_carried"] is True


@pytest.mark.parametrize("wrong", ["-1", "x", "", "5s", "86401"])
def test_a_wrong_timeout_is_a_wrong_command_line(make_drainer, wrong):
    drainer = make_drainer()

    assert drainer.cli("drain", "--timeout", wrong).returncode == 2
    assert drainer.sources() == []


def test_a_spot_interruption_drains_and_no_person_undoes_it(make_drainer, metadata):
    drainer = make_drainer(metadata(spot="4"))
    assert drainer.sources() == []

    drainer.wait_sources("spot")

    assert "spot interruption: the instance is terminated at 2" in drainer.status()["reasons"][0]["reason"]
    undo = drainer.cli("drain", "--undo")
    assert undo.returncode == 1 and "something else still wants it drained" in undo.stderr
    assert drainer.sources() == ["spot"] and drainer.log().count("probe: on_drain") == 1


def test_a_rebalance_recommendation_drains_until_a_person_dismisses_it(make_drainer, metadata):
    drainer = make_drainer(metadata(rebalance="4"))
    drainer.wait_sources("rebalance")

    assert drainer.cli("drain", "--undo").returncode == 0

    assert drainer.sources() == []
    assert drainer.log().count("probe: on_drain 1 rebalance recommendation of 2") == drainer.log().count("probe: on_drain 0") == 1


def test_the_group_waits_until_all_is_handed_over(make_drainer, metadata, fake):
    drainer = make_drainer(metadata(group="4"), autoscaling_url=fake.url, hook="leave", group="gateways")
    assert fake.actions() == []

    drainer.wait_sources("group")
    # Again and again: a hook's shortest timeout is 30 s.
    wait_until(lambda: len(fake.actions()) >= 2, 40, drainer.log)
    assert set(fake.actions()) == {"RecordLifecycleActionHeartbeat"} and drainer.status()["hook"] == "holding"
    assert fake.control("state")["hooks"] == [HOOK]

    drainer.ask("carry", what="b")
    assert drainer.status()["hook"] == "holding"
    drainer.ask("carry", what="")
    drainer.wait_hook("gone")
    assert fake.control("state")["hooks"] == [] and fake.actions().count("CompleteLifecycleAction") == 1
    assert drainer.cli("drain", "--undo").returncode == 1

    drainer.process.terminate()
    drainer.end()
    assert "handing over first" not in drainer.log()


def test_a_failing_group_is_told_again_and_the_end_waits_for_that(make_drainer, metadata, fake):
    fake.control("faults", [{"action": "CompleteLifecycleAction", "kind": "throttle", "times": 2}])
    drainer = make_drainer(metadata(group="4"), autoscaling_url=fake.url, hook="leave", tag="gateways")
    drainer.wait_hook("holding")

    drainer.process.terminate()
    wait_until(lambda: "handing over first, for 15 s" in drainer.log(), 20, drainer.log)
    drainer.ask("carry", what="")
    drainer.end(20)

    assert fake.actions().count("CompleteLifecycleAction") == 3 and fake.control("state")["hooks"] == []
    assert drainer.log().count("probe: on_gone") == 1 and drainer.log().count("; trying again") == 1


def test_who_is_stopped_tells_the_group_first(make_drainer, metadata, fake):
    fake.control("faults", [{"action": "CompleteLifecycleAction", "kind": "slow", "times": 1, "seconds": 3}])
    drainer = make_drainer(metadata(group="4"), autoscaling_url=fake.url, hook="leave", group="gateways")
    drainer.wait_hook("holding")
    drainer.ask("carry", what="")
    wait_until(lambda: "CompleteLifecycleAction" in fake.actions(), 20, drainer.log)

    drainer.process.terminate()
    drainer.end(20)

    assert "handing over first" in drainer.log() and "the Auto Scaling group goes on" in drainer.log()


def test_a_beat_that_is_not_answered_does_not_hold_the_end_up(make_drainer, metadata, fake):
    fake.control("faults", [{"action": "RecordLifecycleActionHeartbeat", "kind": "slow", "times": 1, "seconds": 9}])
    drainer = make_drainer(metadata(group="4"), autoscaling_url=fake.url, hook="leave", group="gateways")
    wait_until(fake.actions, 30, drainer.log)

    drainer.ask("carry", what="")
    drainer.wait_hook("gone", seconds=5)

    assert fake.control("state")["hooks"] == [] and drainer.status()["hook_error"] == ""


@pytest.mark.parametrize("config, said", [
    ({}, "failover.lifecycle_hook isn't configured"),
    ({"hook": "leave"}, "its name isn't known"),
])
def test_without_names_the_group_is_not_asked_but_all_is_drained(make_drainer, metadata, fake, config, said):
    drainer = make_drainer(metadata(group="4"), autoscaling_url=fake.url, **config)

    drainer.wait_sources("group")
    drainer.wait_hook("unknown")
    drainer.ask("carry", what="")

    assert drainer.status() | {"metadata_error": ""} == {
        "on": True, "nothing_carried": True, "hook": "unknown", "hook_error": "", "metadata_error": "",
        "reasons": [{"source": "group", "reason": "the Auto Scaling group terminates the instance"}]}
    assert said in drainer.log() and fake.actions() == []


def test_a_hook_that_the_group_does_not_know_is_told_and_holds_nothing_up(make_drainer, metadata, fake):
    drainer = make_drainer(metadata(group="4"), autoscaling_url=fake.url, hook="other", group="gateways")
    drainer.wait_hook("holding")
    wait_until(lambda: "No active Lifecycle Action" in drainer.status()["hook_error"], 20, drainer.log)

    drainer.ask("carry", what="")
    drainer.wait_hook("gone")

    assert "the Auto Scaling group doesn't wait for us: " in drainer.log()
    assert fake.control("state")["hooks"] == [HOOK]
    drainer.process.terminate()
    drainer.end()


def test_who_is_stopped_hands_over_first(make_drainer):
    drainer = make_drainer()

    drainer.process.terminate()
    wait_until(lambda: "on_drain 1 the daemon is being stopped" in drainer.log(), 20, drainer.log)
    assert drainer.cli("drain", "--undo").returncode == 1
    drainer.ask("carry", what="b")
    assert drainer.process.poll() is None
    drainer.ask("carry", what="")
    drainer.end()
    assert "probe: on_gone" in drainer.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_the_handing_over(make_drainer, number):
    drainer = make_drainer()
    drainer.process.terminate()
    wait_until(lambda: "handing over first" in drainer.log(), 20, drainer.log)

    drainer.process.send_signal(number)

    drainer.end()
    assert "probe: on_gone" not in drainer.log()


def test_who_carries_nothing_is_stopped_at_once(make_drainer):
    drainer = make_drainer()
    drainer.ask("carry", what="")

    drainer.process.terminate()

    drainer.end()
    assert "handing over first" not in drainer.log()


def test_metadata_that_are_away_change_nothing_and_are_told(make_drainer):
    drainer = make_drainer()

    wait_until(lambda: drainer.status()["metadata_error"], 30, drainer.log)

    assert drainer.sources() == []
