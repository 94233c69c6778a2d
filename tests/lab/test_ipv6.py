# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The IPv6 of pods that a policy selects, with policies from the configuration. The exit counts what gets out."""

import socket
from collections.abc import Callable, Iterator

import pytest
from eipgwlab import Lab
from eipgwlab.inet6 import PORT, SERVER6, VPC6, Inet6
from eipgwlab.wait import wait_until
from proof import DEADLINE, REPAIR, counters, leaks, status

FOREIGN = """
add table ip6 eipgw_other
add chain ip6 eipgw_other x { type filter hook forward priority 0; policy accept; }
add table inet eipgw_node
add set inet eipgw_node s { type ipv6_addr; }
add element inet eipgw_node s { fd00::1 }
"""


@pytest.fixture
def start_six(make_lab: Callable[..., Lab]) -> Iterator[Callable[..., Inet6]]:
    """A lab with IPv6 whose daemons run. It ends without a wrong IPv4 source, and with clean logs."""
    started: list[tuple[Inet6, tuple[str, ...]]] = []

    def start(flavour: str = "cni-nft", *, ipv6: str | None = None, enforcement: str = "strict",
              allow: tuple[str, ...] = ()) -> Inet6:
        lab = make_lab(flavour)
        for name in ("node1", "node2"):
            lab.nft(name, FOREIGN)
            config = lab.daemons[name].config
            config |= {"always_excluded6": [VPC6], "enforcement": enforcement}
            if ipv6:
                config["policies"][0]["ipv6"] = ipv6
            lab.daemons[name].write_config()
        six = Inet6(lab)
        six.plug(*lab.pods)
        lab.start_daemons()
        started.append((six, allow))
        return six

    yield start
    for six, allow in started:
        foreign = [six.lab.run(name, "nft", "list", "table", *table)
                   for name in ("node1", "node2") for table in (("ip6", "eipgw_other"), ("inet", "eipgw_node"))]
        assert all("chain x" in text or "fd00::1" in text for text in foreign)
        six.lab.stop_daemons()
        assert six.lab.check_logs(allow) == []
        assert leaks(six.lab) == {}


def set_ipv6(six: Inet6, ipv6: str) -> None:
    for name in ("node1", "node2"):
        daemon = six.lab.daemons[name]
        runs = status(daemon)["kernel"]["reconciles"]
        daemon.config["policies"][0]["ipv6"] = ipv6
        daemon.write_config()
        daemon.reload()
        wait_until(lambda d=daemon, n=runs: status(d)["kernel"]["reconciles"] > n, DEADLINE, "the new configuration")


@pytest.mark.parametrize("flavour", ["cni-nft", "iptables-legacy", "sgp-strict"])
def test_a_selected_pod_has_no_ipv6_to_the_internet(start_six: Callable[..., Inet6], flavour: str) -> None:
    six = start_six(flavour)
    for name in ("p1", "p3", "p4"):
        # At once: a client that falls back to IPv4 must not feel it. connect() waits for less than the third SYN.
        assert six.connect(name) == "ECONNREFUSED"
        with six.make_socket(name, socket.SOCK_DGRAM) as datagram:
            datagram.connect((SERVER6, 9))
            datagram.send(b"x")
            with pytest.raises(PermissionError):  # administratively prohibited
                datagram.recv(1)
        assert six.left(name) == 0
        assert six.lab.pods[name].probe().seen == six.lab.eip("bank")  # and so it falls back
    for name in ("p2", "p5"):
        assert six.connect(name) is None
        assert six.left(name) > 0
    told = counters(six.lab.daemons["node1"])
    assert (told["guard_ip6"], told["guard_ip6_unclassified"]) == (4, 0)
    assert status(six.lab.daemons["node1"])["kernel"]["ip6"] == "kept"


def test_whatever_address_it_makes_itself(start_six: Callable[..., Inet6]) -> None:
    six = start_six()
    source = "2001:db8:aa01:1:abcd::1"
    six.more_address("p2", source)
    assert six.connect("p2", source=source) is None
    source = "2001:db8:aa01:1:abcd::2"
    six.more_address("p1", source)
    assert six.connect("p1", source=source) == "ECONNREFUSED"
    assert (source, SERVER6) not in six.rows()


def test_inside_the_vpc_it_has(start_six: Callable[..., Inet6]) -> None:
    """Neighbour discovery included: nobody knew anybody's link-layer address before."""
    six = start_six()
    for name in ("p1", "p2", "p4"):
        six.serve(name, six.address(name))
    for client, server in (("p1", "p2"), ("p2", "p1"), ("p1", "p4"), ("p4", "p1")):
        assert six.connect(client, six.address(server)) is None, (client, server)
    assert counters(six.lab.daemons["node1"])["guard_ip6"] == 0


def test_it_answers_connections_from_outside(start_six: Callable[..., Inet6]) -> None:
    six = start_six()
    six.serve("p1", six.address("p1"))
    with six.open("inet", six.address("p1")) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        assert six.connect("p1") == "ECONNREFUSED"
        client.sendall(b"again")
        assert client.recv(100) == b"again"
    assert counters(six.lab.daemons["node1"])["guard_ip6"] == 1


def test_allow_lets_it_go_its_normal_way_and_drop_ends_what_is_open(start_six: Callable[..., Inet6]) -> None:
    six = start_six(ipv6="allow")
    assert six.connect("p1") is None
    with six.open("p1") as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        set_ipv6(six, "drop")
        left = six.left("p1")
        with pytest.raises(ConnectionResetError):
            connection.sendall(b"again")
            connection.recv(100)
    assert six.connect("p1") == "ECONNREFUSED"
    assert six.left("p1") == left
    set_ipv6(six, "allow")
    assert six.connect("p1") is None


def test_a_connection_that_lost_its_tracking_does_not_turn_round(start_six: Callable[..., Inet6]) -> None:
    """The server's next packet looks like a connection from outside, and the pod's kernel acknowledges it."""
    six = start_six(ipv6="allow")
    with six.make_socket("inet") as listener, six.make_socket("p1") as client:
        listener.bind((SERVER6, PORT + 1))
        listener.listen()
        client.connect((SERVER6, PORT + 1))
        server, _ = listener.accept()
        with server:
            set_ipv6(six, "drop")
            left = six.left("p1")
            six.lab.run("node1", "conntrack", "-F", "-f", "ipv6")
            server.sendall(b"still there?")
            wait_until(lambda: six.counter("node1", "guard_ip6") > 0, DEADLINE, "the acknowledgement is refused")
            assert six.left("p1") == left
            # While one that came from outside, and is seen beginning, is answered.
            six.serve("p1", six.address("p1"))
            assert six.connect("inet", six.address("p1")) is None


def test_a_flushed_table_is_put_right(start_six: Callable[..., Inet6]) -> None:
    six = start_six(allow=(REPAIR,))
    node = six.lab.daemons["node1"]
    for command in ("delete table ip6 eipgw_node", "flush chain ip6 eipgw_node guard",
                    "flush set ip6 eipgw_node dropped"):
        told = node.log_count(REPAIR)
        six.lab.nft("node1", command)
        wait_until(lambda n=told: node.log_count(REPAIR) > n, DEADLINE, "the repair")
        assert six.connect("p1") == "ECONNREFUSED"
    left = six.left("p1")
    assert six.connect("p1") == "ECONNREFUSED"
    assert six.left("p1") == left


def test_without_the_daemon_the_table_holds_and_is_adopted(start_six: Callable[..., Inet6]) -> None:
    six = start_six()
    node = six.lab.daemons["node1"]
    assert six.connect("p1") == "ECONNREFUSED"
    node.kill()
    assert six.connect("p1") == "ECONNREFUSED"
    assert six.connect("p2") is None
    # And strict holds for whom nobody has seen yet.
    six.lab.add_pod("p6", "node1", "10.0.1.52")
    six.plug("p6")
    assert six.connect("p6") == "ECONNREFUSED"
    assert six.counter("node1", "guard_ip6_unclassified") == 1
    node.start()
    wait_until(lambda: six.connect("p6") is None, DEADLINE, "p6 goes its normal way")
    assert six.left("p1") == 0
    assert six.counter("node1", "guard_ip6") == 2  # the same table


def test_best_effort_waits_for_nobody(start_six: Callable[..., Inet6]) -> None:
    six = start_six(enforcement="best_effort")
    six.lab.daemons["node1"].kill()
    six.lab.add_pod("p6", "node1", "10.0.1.52")
    six.plug("p6")
    assert six.connect("p6") is None
    assert six.connect("p1") == "ECONNREFUSED"


def test_a_kernel_without_ipv6_is_no_obstacle(make_lab: Callable[..., Lab]) -> None:
    """As with ipv6.disable=1: there is no /proc/net/if_inet6."""
    lab = make_lab()
    for name in ("node1", "node2"):
        lab.daemons[name].wrapper = ["sh", "-c", 'mount -t tmpfs none /proc/$$/net && exec "$@"', "sh"]
    lab.start_daemons()
    node = lab.daemons["node1"]
    assert "ip6" not in lab.run("node1", "nft", "list", "tables")
    assert lab.pods["p1"].probe().seen == lab.eip("bank")
    lab.nft("node1", "delete table ip eipgw_node")
    wait_until(lambda: node.log_count(REPAIR) > 0, DEADLINE, "the repair")
    assert node.log_count("the kernel has no IPv6") == 1
    assert status(node)["kernel"]["ip6"] == "needless"
    lab.stop_daemons()
    assert lab.check_logs((REPAIR,)) == []
    assert leaks(lab) == {}


def test_clean_up_takes_the_table_away_and_no_other(start_six: Callable[..., Inet6]) -> None:
    six = start_six()
    node = six.lab.daemons["node1"]
    node.stop()
    node.cleanup()
    assert "ip6 eipgw_node" not in six.lab.run("node1", "nft", "list", "tables")
    assert "ip6 eipgw_other" in six.lab.run("node1", "nft", "list", "tables")
    assert six.connect("p1") is None
