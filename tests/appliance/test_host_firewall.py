# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The image's firewall in a kernel: what it lets in by itself, and what user data say of it."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from awspeers import TOP
from instance import CONFIGURATION, files, finish, user_data, wait_until

FILES = TOP / "packer" / "files"
GATEWAY, MONITOR, OTHER = "10.0.1.200", "10.0.2.5", "10.0.3.5"
PORT = 9555

# Accepts connections, and says in the end how many datagrams came.
LISTEN = f"""
import select, socket, sys
tcp = socket.create_server(("0.0.0.0", {PORT}))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", {PORT}))
print("ready", flush=True)
came = 0
while True:
    for ready in select.select([tcp, udp, sys.stdin], [], [])[0]:
        if ready is tcp:
            tcp.accept()[0].close()
        elif ready is udp:
            came += len(udp.recv(9)) > 0
        else:
            print(came, flush=True)
            sys.exit()
"""
CONNECT = f"""
import socket, sys
try:
    socket.create_connection(("{GATEWAY}", {PORT}), float(sys.argv[2]), (sys.argv[1], 0)).close()
except TimeoutError:
    sys.exit(7)
"""
FLOOD = f"""
import socket
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("{MONITOR}", 0))
while True:
    udp.sendto(b"x", ("{GATEWAY}", {PORT}))
"""


@pytest.fixture
def host(network, run, tmp_path):
    """The gateway's namespace with the firewall's files, and a monitor's behind its card."""
    inside, card = network
    file = tmp_path / "host-firewall.nft"
    text = (FILES / "host-firewall.nft").read_text(encoding="utf-8")
    (tmp_path / "host-firewall.conf").write_bytes((FILES / "host-firewall.conf").read_bytes())
    for place, stand_in in (("/etc/eipgw", tmp_path), ("/run/eipgw", run)):
        assert text.count(f'include "{place}/') == 1
        text = text.replace(f'include "{place}/', f'include "{stand_in}/')
    file.write_text(text, encoding="utf-8")

    def within(*argv, **more):
        return subprocess.run([*inside, *argv], check=True, capture_output=True, text=True, **more)

    with subprocess.Popen(["unshare", "-n", "sh", "-c", "echo ready && exec sleep 1000"], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "ready\n"
        beside = ["nsenter", "-t", str(holder.pid), "-n"]
        listener = None
        try:
            within("ip", "link", "set", "other", "netns", str(holder.pid))
            within("sh", "-ec", f"ip address add {GATEWAY}/16 dev {card}; ip link set {card} up")
            for command in (f"address add {MONITOR}/16 dev other", f"address add {OTHER}/16 dev other", "link set other up"):
                subprocess.run([*beside, "ip", *command.split()], check=True)
            listener = subprocess.Popen([*inside, sys.executable, "-c", LISTEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert listener.stdout.readline() == "ready\n"

            def reaches(source, wait=1.5):
                done = subprocess.run([*beside, sys.executable, "-c", CONNECT, source, str(wait)], check=False, timeout=60)
                assert done.returncode in (0, 7)
                return done.returncode == 0

            yield SimpleNamespace(load=lambda: within("nft", "-f", file), reaches=reaches, within=within, beside=beside, listener=listener)
        finally:
            if listener:
                listener.kill()
                listener.wait()
            holder.kill()


def with_monitors(*ranges, port=PORT):
    return user_data(CONFIGURATION | {"metrics": {"listen": f":{port}"}}, host_firewall={"metrics_from": list(ranges)})


def refused(host):
    told = json.loads(host.within("nft", "-j", "list", "counters").stdout)["nftables"]
    return next(c["counter"]["packets"] for c in told if c.get("counter", {}).get("name") == "refused")


def test_nobody_reads_the_metrics_unless_it_was_said(host):
    assert host.reaches(MONITOR, 30)
    host.load()
    assert not host.reaches(MONITOR) and not host.reaches(OTHER)
    assert refused(host) >= 2


def test_user_data_say_who_reads_the_metrics(host, service, run):
    host.load()
    service.start_with(with_monitors("10.0.2.0/24", "10.0.2.5/32", "192.0.2.0/25", "192.0.2.128/25"))
    assert finish(service, run)[0] == 0
    assert "{ 10.0.2.0/24, 192.0.2.0/24 }" in files(run)["host-firewall.conf"], "ranges that overlap or touch are one"
    host.load()
    assert host.reaches(MONITOR, 30)
    assert not host.reaches(OTHER)


def test_anybody_may_if_that_is_said(host, service, run):
    service.start_with(with_monitors("0.0.0.0/0"))
    assert finish(service, run)[0] == 0
    host.load()
    assert host.reaches(MONITOR, 30) and host.reaches(OTHER, 30)


def test_a_wrong_range_leaves_the_old_ones(host, service, run):
    service.start_with(with_monitors("10.0.2.0/24"))
    assert finish(service, run)[0] == 0
    before = files(run)["host-firewall.conf"]
    service.stop()

    service.start_with(with_monitors("10.0.3.0/24", "10.0.3.1/24"))
    code, log = finish(service, run)

    assert code == 3 and "user data: host_firewall.metrics_from[1]: " in log
    assert files(run)["host-firewall.conf"] == before
    host.load()
    assert host.reaches(MONITOR, 30)
    assert not host.reaches(OTHER)


def test_what_is_no_longer_said_goes(host, service, run):
    service.start_with(with_monitors("10.0.2.0/24"))
    assert finish(service, run)[0] == 0
    service.stop()
    service.start_with(user_data())
    assert finish(service, run)[0] == 0
    assert "host-firewall.conf" not in files(run)
    host.load()
    assert not host.reaches(MONITOR)


def test_loading_it_again_is_never_open(host):
    """Datagrams that nothing allows are sent all the time."""
    host.load()
    with subprocess.Popen([*host.beside, sys.executable, "-c", FLOOD]) as flood:
        try:
            before = refused(host)
            wait_until(lambda: refused(host) > before, "datagrams come")
            for _ in range(100):
                host.load()
            wait_until(lambda: refused(host) > 0, "datagrams still come")
        finally:
            flood.kill()
    assert host.listener.communicate("end\n", timeout=60)[0] == "0\n"


def test_rules_that_are_refused_leave_what_is_there(host, run):
    host.load()
    (run / "host-firewall.conf").write_text("redefine monitors = { 10.0.2.0/240 }\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        host.load()
    assert not host.reaches(MONITOR)


def test_the_image_takes_it_when_user_data_were_read():
    """A drop-in, since the package may be on hosts without this firewall."""
    drop_in = (FILES / "eipgw-user-data-firewall.conf").read_text(encoding="utf-8")
    host_sh = (TOP / "packer" / "provision" / "host.sh").read_text(encoding="utf-8")
    assert "ExecStartPost=-+/usr/bin/systemctl try-reload-or-restart eipgw-host-firewall.service" in drop_in
    assert "eipgw-user-data-firewall.conf /etc/systemd/system/eipgw-user-data.service.d/" in host_sh
