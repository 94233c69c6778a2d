# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The daemons do all their work with what their systemd units leave them: a user of their own and the unit's
capabilities, which here aren't repeated but read from the unit."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eipgwlab import Lab
from eipgwlab.build import ROOT, program
from eipgwlab.daemons import Daemon
from eipgwlab.prometheus import fetch
from eipgwlab.wait import wait_until
from proof import status as told

NOBODY = 65534
METRICS = 9430


def unit_value(program_name: str, key: str) -> str:
    text = (ROOT / "systemd" / f"{program_name}.service.in").read_text(encoding="utf-8")
    match = re.search(rf"^{key}=(.*)$", text, re.MULTILINE)
    assert match, f"{program_name}.service has no {key}"
    return match[1]


def setpriv(program_name: str) -> list[str]:
    """The command that becomes what systemd would make."""
    def caps(key: str) -> str:
        names = unit_value(program_name, key).lower().replace("cap_", "").split()
        return ",".join(["-all", *(f"+{name}" for name in names)])

    assert unit_value(program_name, "NoNewPrivileges") == "yes"
    ambient = caps("AmbientCapabilities")
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
            f"--inh-caps={ambient}", f"--ambient-caps={ambient}",
            f"--bounding-set={caps('CapabilityBoundingSet')}"]


def make_unprivileged(daemon: Daemon, folder: Path) -> None:
    """From now on the daemon runs without root's privileges, from a folder where it may write."""
    built = program(daemon.program)
    assert built is not None
    place = folder / daemon.name
    place.mkdir()
    copy = Path(shutil.copy(built, place))
    daemon.config_path = place / "config.json"
    daemon.control_path = place / "control.sock"
    daemon.write_config()
    os.chown(place, NOBODY, NOBODY)
    prefix = setpriv(daemon.program)

    def command(*arguments: str) -> list[str]:
        return [*prefix, str(copy), "--config", str(daemon.config_path), "--control", str(daemon.control_path),
                *arguments]

    daemon.command = command  # type: ignore[method-assign]
    for parent in daemon.log_path.parents:
        if parent in (Path("/"), Path("/tmp"), Path("/run")):
            break
        parent.chmod(parent.stat().st_mode | 0o011)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's tmp_path, which only root can enter."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Sockets that the lab makes for the daemons can be written by them."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_the_capabilities_of_the_units_are_enough_to_steer_repair_and_clean_up(
        make_lab: Callable[..., Lab], folder: Path) -> None:
    lab = make_lab()
    gateway = lab.daemons["gw-a"]
    gateway.config["log"] = {"file": {"path": str(folder / "gw-a" / "nat.log")}, "state_directory": str(folder / "gw-a"),
                             "syslog": {"server": "127.0.0.1:5514", "transport": "tcp"}}
    for daemon in lab.daemons.values():
        daemon.config["metrics"] = {"listen": f"127.0.0.1:{METRICS}"}
        make_unprivileged(daemon, folder)

    lab.start_daemons()

    for pid in [lab.daemons[name].pid for name in ("gw-a", "node1", "node2")]:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        assert re.search(rf"^Uid:\s+{NOBODY}\s+{NOBODY}", status, re.MULTILINE), status
    for pod in ("p1", "p4"):
        assert lab.pods[pod].probe().seen == lab.eip("bank")
    for name in ("gw-a", "node1"):
        code, text = fetch(lab.netns_of(name), METRICS, "/metrics")
        parts = dict(re.findall(r'^eipgw_metrics_part_read{part="(\w+)"} (\d)$', text, re.MULTILINE))
        assert code == 200 and len(parts) == 5 and set(parts.values()) == {"1"}, text
    lab.run("node1", "ip", "link", "del", "egw0")
    lab.run("gw-a", "nft", "delete", "table", "ip", "eipgw")
    wait_until(lambda: lab.pods["p1"].probe().seen == lab.eip("bank"), 30, "the EIP after the repair")
    lab.run("gw-a", "conntrack", "-F")
    wait_until(lambda: told(gateway)["log"]["written_bytes"], 30, "what was translated is recorded")
    outputs = {output["name"]: output["error"] for output in told(gateway)["log"]["outputs"]}
    assert outputs["file"] == "" and "Connection refused" in outputs["syslog"]  # nobody is there, and all else was allowed
    assert told(gateway)["log"]["reliable"] is True
    assert lab.foreign() == {}
    assert lab.check_logs(allow=["^<4>.*repair", "^<4>natlog: syslog: "]) == []

    lab.stop_daemons()
    for name in ("gw-a", "node1"):
        done = lab.daemons[name].cleanup()
        assert done.returncode == 0, done
        assert "eipgw" not in lab.run(name, "nft", "list", "tables")
        assert "egw0" not in lab.run(name, "ip", "link")
