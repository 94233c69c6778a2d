# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""How the daemons refuse to start, what they say, and which exit status they have."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eipgwlab import Lab, wait_until
from eipgwlab.build import program
from eipgwlab.daemons import SANITIZER_ENV, Daemon
from proof import SELECTED

RUNTIME, USAGE, CONFIGURATION, PLATFORM = 1, 2, 3, 4
BOTH = pytest.mark.parametrize("name", ["node1", "gw-a"])


def run(daemon: Daemon, *arguments: str, prefix: tuple[str, ...] = (),
        argv: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a daemon's program beside the real one, until it ends by itself."""
    command = ["ip", "netns", "exec", daemon.netns, *prefix, *(argv or daemon.command(*arguments))]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False,
                          stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin", **SANITIZER_ENV})


@pytest.fixture
def public_directory() -> Iterator[Path]:
    """Everybody may read it, unlike a test's usual directory."""
    directory = Path(tempfile.mkdtemp(prefix="eipgw-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@BOTH
def test_who_is_not_root_is_told_so(make_lab: Callable[..., Lab], public_directory: Path,
                                    name: str) -> None:
    daemon = make_lab().daemons[name]
    binary = program(daemon.program)
    assert binary is not None
    shutil.copy(binary, public_directory / "daemon")
    shutil.copy(daemon.config_path, public_directory / "config.json")
    (public_directory / "config.json").chmod(0o644)
    argv = [str(public_directory / "daemon"), "--config", str(public_directory / "config.json"),
            "--control", str(public_directory / "control.sock")]

    done = run(daemon, prefix=("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"),
               argv=argv)

    assert done.returncode == PLATFORM, done.stderr
    assert "<3>" in done.stderr and ("root" in done.stderr or "CAP_NET_ADMIN" in done.stderr)


@BOTH
def test_a_wrong_configuration_is_named_by_its_path(make_lab: Callable[..., Lab], name: str) -> None:
    daemon = make_lab().daemons[name]
    daemon.config["policies"][0]["pod_cidrs"] = ["10.0.1.50/32", "10.0.1.999/32"]
    daemon.write_config()

    for arguments in ((), ("--check-config",)):
        done = run(daemon, *arguments)
        assert done.returncode == CONFIGURATION, done.stderr
        assert "policies[0].pod_cidrs[1]" in done.stderr


@BOTH
def test_staying_is_for_a_cleanup_only(make_lab: Callable[..., Lab], name: str) -> None:
    done = run(make_lab().daemons[name], "--stay")

    assert done.returncode == USAGE and "--stay is for --cleanup" in done.stderr, done


@BOTH
def test_an_uplink_that_is_not_there_is_named(make_lab: Callable[..., Lab], name: str) -> None:
    daemon = make_lab().daemons[name]
    daemon.config["node" if name == "node1" else "gateway"]["uplink"] = "eth9"
    daemon.write_config()

    done = run(daemon)

    assert done.returncode == RUNTIME, done.stderr
    assert "eth9" in done.stderr and "uplink" in done.stderr
    assert "ready" not in done.stderr


@BOTH
def test_a_taken_tunnel_port_is_named_and_the_daemon_becomes_ready_when_it_is_free(
    make_lab: Callable[..., Lab], name: str
) -> None:
    lab = make_lab()
    daemon = lab.daemons[name]
    lab.run(name, "ip", "link", "add", "other0", "type", "vxlan", "external", "dstport", "4789")
    lab.run(name, "ip", "link", "set", "other0", "up")

    daemon.start(wait_ready=False)
    wait_until(lambda: daemon.log_count("^<3>"), 30, "an error")
    told = [line for line in daemon.log() if line.startswith("<3>")]
    assert "4789" in told[0], told
    assert daemon.log_count("main: ready") == 0
    # It says it once, however often it tries.
    assert len(told) == 1, told

    lab.run(name, "ip", "link", "del", "other0")
    daemon.wait_ready()
    assert lab.check_logs(["^<3>plan: .*4789"]) == []


@BOTH
def test_a_second_daemon_is_refused_and_the_first_goes_on(make_lab: Callable[..., Lab],
                                                         name: str) -> None:
    lab = make_lab()
    lab.start_daemons()
    daemon = lab.daemons[name]

    done = run(daemon)

    assert done.returncode == RUNTIME, done.stderr
    assert str(daemon.control_path) in done.stderr
    assert daemon.running
    for pod in SELECTED:
        assert lab.pods[pod].probe().seen == lab.eip("bank")
    assert lab.check_logs() == []


@BOTH
def test_a_socket_left_by_a_killed_daemon_is_taken_over(make_lab: Callable[..., Lab],
                                                       name: str) -> None:
    lab = make_lab()
    lab.start_daemons()
    lab.daemons[name].kill()
    assert lab.daemons[name].control_path.exists()

    lab.daemons[name].start()

    assert lab.check_logs() == []


def test_a_gateway_that_is_alone_refuses_to_drain_and_stops_at_once(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab()
    lab.start_daemons()
    daemon = lab.daemons["gw-a"]

    for words in (("drain",), ("drain", "--undo")):
        done = daemon.eipgw(*words)
        assert done.returncode == RUNTIME and "nobody could take over" in done.stderr, done
    assert "draining" not in daemon.eipgw("status").stdout
    for pod in SELECTED:
        assert lab.pods[pod].probe().seen == lab.eip("bank")

    assert daemon.stop() == 0
    assert daemon.log_count("handing over") == 0
    for pod in SELECTED:
        assert lab.pods[pod].probe().seen == lab.eip("bank")
    assert lab.check_logs() == []
