# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The gateway's units and the image's firewall under a real systemd, which is the first process of a Debian in namespaces: a host that
nobody has told anything, and what becomes of it when the metadata service answers."""

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from awspeers import BUILD, TOP
from instance import Metadata, user_data, wait_until
from test_imds import MAC

sys.path.insert(0, str(TOP / "tests" / "lab"))

from eipgwlab.debian import DebianMissing, make_root  # noqa: E402

PACKAGES = ["dbus", "iproute2", "nftables", "systemd", "systemd-sysv"]
# Of what the programs need, and of the sanitizers; the packages' own dependencies are test_packages.py's.
LIBRARIES = ["libasan8", "libcurl4", "libevent-core-2.1-7", "libevent-extra-2.1-7", "libjansson4", "libmnl0", "libnftnl11", "libssl3",
             "libubsan1", "libyaml-0-2"]
UNITS = ("eipgwd", "eipgw-user-data")
# The sandbox forbids what they do besides looking for errors.
SANITIZERS = "[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0:disable_coredump=0\n"
CONFIGURATION = {"always_excluded": ["10.0.0.0/16"], "metrics": {"listen": ":9555"}}

BOOT = """
echo $$ >"$1/cgroup.procs"
exec unshare --mount --propagation private --pid --fork --kill-child --net --uts --ipc --cgroup sh -ec '
mount --bind "$0" "$0"
mount -t proc proc "$0/proc"
# All share the kernel: only what belongs to the network namespace may be set.
mount --bind "$0/proc/sys" "$0/proc/sys"
mount --bind "$0/proc/sys/net" "$0/proc/sys/net"
mount -o remount,bind,ro "$0/proc/sys"
mount -t sysfs -o ro sysfs "$0/sys"
mount -t cgroup2 none "$0/sys/fs/cgroup"
for place in dev run tmp; do mount -t tmpfs tmpfs "$0/$place"; done
for device in null zero full random urandom tty; do touch "$0/dev/$device"; mount --bind "/dev/$device" "$0/dev/$device"; done
mkdir "$0/dev/pts" "$0/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts"
ln -s pts/ptmx "$0/dev/ptmx"
ln -s /proc/self/fd "$0/dev/fd"
ip link set lo up
ip link add ens5 address "$1" type veth peer name other
ip address add 10.0.1.200/24 dev ens5
ip link set ens5 up
ip link set other up
hostname gateway
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$0" /lib/systemd/systemd
' "$0" "$2"
"""


class Host:
    """A Debian with what a gateway's image has of ours, and its systemd."""

    def __init__(self, root: Path):
        self.root = root
        self.process = None
        self.pid = 0
        self.cgroup = None

    def install(self):
        subprocess.run(["cmake", "--install", BUILD], env=os.environ | {"DESTDIR": str(self.root)}, check=True, capture_output=True)
        shutil.copytree(TOP / "packer" / "files", self.root / "var" / "tmp" / "eipgw" / "files")
        shutil.copy(TOP / "packer" / "provision" / "host.sh", self.root / "var" / "tmp" / "host.sh")
        self.enter_root("sh", "/var/tmp/host.sh")
        self.enter_root("systemctl", "enable", "eipgwd.service")
        for unit in UNITS:
            self.drop_in(unit, "sanitizers", SANITIZERS)

    def drop_in(self, unit, name, text):
        folder = self.root / "etc" / "systemd" / "system" / f"{unit}.service.d"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.conf").write_text(text, encoding="utf-8")

    def enter_root(self, *argv):
        done = subprocess.run(["chroot", self.root, *argv], capture_output=True, text=True, check=False, env=os.environ | {"SYSTEMD_OFFLINE": "1"})
        assert done.returncode == 0, done.stdout + done.stderr

    def boot(self):
        mount = subprocess.run(["findmnt", "-n", "-o", "TARGET", "-t", "cgroup2"], capture_output=True, text=True, check=False).stdout.split()
        if not mount:
            pytest.skip("there is no cgroup2 for a systemd")
        self.cgroup = Path(mount[0]) / f"eipgw-{secrets.token_hex(4)}"
        self.cgroup.mkdir()
        self.process = subprocess.Popen(["sh", "-ec", BOOT, self.root, self.cgroup, MAC], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        wait_until(lambda: children.read_text(encoding="ascii").strip(), "unshare forks")
        self.pid = int(children.read_text(encoding="ascii"))
        wait_until(lambda: self.systemctl("list-units").returncode == 0, "systemd answers")

    def run(self, *argv):
        return subprocess.run(["nsenter", "-t", str(self.pid), "-a", "-r", "-w", *argv], capture_output=True, text=True, check=False)

    def systemctl(self, *words):
        return self.run("systemctl", "--no-pager", *words)

    def is_active(self, unit):
        return self.systemctl("is-active", unit).stdout.strip()

    def said(self, unit):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-u", unit).stdout

    def metrics_rule(self):
        rules = self.run("nft", "list", "chain", "inet", "eipgw_host", "input").stdout
        return next((line.strip() for line in rules.splitlines() if "tcp dport" in line and "7421" not in line), "")

    def close(self):
        if self.process:
            self.process.kill()  # and, by --kill-child, all that is in there
            self.process.wait()
        if self.cgroup:
            def is_gone():
                for place in sorted(self.cgroup.rglob("*"), reverse=True):
                    if place.is_dir():
                        with contextlib.suppress(OSError):
                            place.rmdir()
                with contextlib.suppress(OSError):
                    self.cgroup.rmdir()
                return not self.cgroup.exists()
            wait_until(is_gone, "its processes end")


@pytest.fixture
def host(tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    try:
        make_root([*PACKAGES, *LIBRARIES], root)
    except DebianMissing as reason:
        pytest.skip(str(reason))
    host = Host(root)
    host.install()
    yield host
    host.close()
    shutil.rmtree(root)


@pytest.fixture
def service(metadata, tmp_path):
    """The emulator; begins in the host's network."""
    service = Metadata(metadata, tmp_path)
    yield service
    service.stop()


@pytest.mark.timeout(900)
def test_a_host_without_anything_is_done_booting_and_begins_when_the_metadata_answer(host, service):
    host.drop_in("eipgw-user-data", "here", "[Service]\nExecStart=\n"
                 f"ExecStart=/usr/local/sbin/eipgw-user-data --wait 5 --imds-url {service.url}\n")
    host.boot()
    service.prefix = ["nsenter", "-t", str(host.pid), "-n"]

    wait_until(lambda: host.is_active("eipgw-user-data") == "failed", "the unit fails")
    assert "no metadata service has answered for 5 s" in host.systemctl("show", "-p", "StatusText", "eipgw-user-data").stdout
    assert host.said("eipgw-user-data").count("[EIPGW-1038]") == 1
    wait_until(lambda: host.is_active("eipgwd") == "failed", "eipgwd ends")
    wait_until(lambda: host.is_active("multi-user.target") == "active", "the boot is done")
    assert host.systemctl("list-jobs").stdout == "No jobs running.\n"
    assert host.is_active("eipgw-user-data-again.timer") == "active", "it's tried again"
    assert host.metrics_rule() == "ip saddr 127.0.0.1 tcp dport 9440 accept"

    service.start_with(user_data(CONFIGURATION, host_firewall={"metrics_from": ["10.0.2.0/24"]}))
    host.systemctl("start", "eipgw-user-data-again.service")  # what the timer does after a minute
    wait_until(lambda: host.is_active("eipgwd") == "active", f"eipgwd begins: {host.said('eipgw-user-data')}")
    assert host.is_active("eipgw-user-data") == "active"
    assert host.metrics_rule() == "ip saddr 10.0.2.0/24 tcp dport 9555 accept"
    assert "i-0123456789abcdef0" in host.run("/usr/local/bin/eipgw", "status").stdout
    assert host.systemctl("list-units", "--failed", "--plain", "--no-legend", "eipgw*").stdout == ""
    # What the image sets for the whole kernel isn't set on the machine that runs the tests.
    assert host.run("sh", "-c", "echo 10 >/proc/sys/kernel/panic").returncode != 0
    assert "Sanitizer" not in host.said("eipgwd") + host.said("eipgw-user-data")
