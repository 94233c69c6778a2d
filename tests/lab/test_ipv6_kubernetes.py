# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The IPv6 of pods that an EgressPolicy selects: its field, labels, pods that start, pods that have only IPv6."""

import signal
from collections.abc import Callable
from typing import Any

import pytest
from eipgwlab import Lab
from eipgwlab.inet6 import VPC6, Inet6
from eipgwlab.model import VPC_CIDR
from eipgwlab.wait import wait_until
from labkube import SELECTED, SOON, Kube, finish

pytestmark = pytest.mark.kube
REFUSED = "ECONNREFUSED"
ENOUGH = 50  # datagrams that were refused


@pytest.fixture
def make_six(start_kube: Callable[[Lab], Kube], make_lab: Callable[..., Lab]) -> Callable[..., tuple[Kube, Inet6]]:
    def make(**policy: Any) -> tuple[Kube, Inet6]:
        lab = make_lab("cni-nft")
        config = lab.daemons["gw-a"].config
        config["policies"] = [{"name": "all", "pod_cidrs": [VPC_CIDR], "egress_ips": ["bank"]}]
        lab.daemons["gw-a"].write_config()
        kube = start_kube(lab)
        kube.gateway()
        kube.carried(bank="gw-a")
        kube.policy(**policy)
        kube.configure_nodes(always_excluded6=[VPC6])
        six = Inet6(lab)
        six.plug(*lab.pods)
        lab.start_daemons()
        return kube, six

    return make


def wait_refused(six: Inet6, name: str) -> None:
    wait_until(lambda: six.connect(name) == REFUSED, SOON, f"{name} is refused")


def wait_reached(six: Inet6, name: str) -> None:
    wait_until(lambda: six.connect(name) is None, SOON, f"{name} goes its normal way")


def test_the_policy_s_field_decides(make_six: Callable[..., tuple[Kube, Inet6]]) -> None:
    kube, six = make_six()
    for name in ("p1", "p3", "p4"):
        assert six.connect(name) == REFUSED
        assert six.left(name) == 0
    for name in ("p2", "p5"):
        assert six.connect(name) is None
    kube.policy(ipv6="Allow")
    wait_reached(six, "p1")
    wait_reached(six, "p4")
    kube.policy(ipv6="Drop")
    wait_refused(six, "p1")
    wait_refused(six, "p4")
    finish(kube)


def test_a_label_closes_and_opens(make_six: Callable[..., tuple[Kube, Inet6]]) -> None:
    kube, six = make_six()
    lab = kube.lab
    lab.expect("p2", {lab.eip("bank"), *lab.expected("p2")})
    with six.open("p2") as connection:
        kube.label("p2", "bank")
        wait_refused(six, "p2")
        left = six.left("p2")
        with pytest.raises(ConnectionResetError):
            connection.sendall(b"still there?")
            connection.recv(100)
        assert six.connect("p2") == REFUSED
        assert six.left("p2") == left
    kube.label("p2", None)
    wait_reached(six, "p2")
    finish(kube)


@pytest.mark.parametrize("selected", [True, False])
def test_a_pod_has_no_ipv6_before_it_is_known(make_six: Callable[..., tuple[Kube, Inet6]], selected: bool) -> None:
    """The daemon stands still while the pod comes and sends: what it hears afterwards decides."""
    kube, six = make_six()
    lab = kube.lab
    kube.create("p6", SELECTED if selected else {})
    lab.daemons["node1"].signal(signal.SIGSTOP)
    lab.add_pod("p6", "node1", "10.0.1.52", egress="bank" if selected else None)
    six.plug("p6")
    with six.datagrams("p6"):
        wait_until(lambda: six.counter("node1", "guard_ip6_unclassified") > ENOUGH, SOON, "datagrams are refused")
        assert six.left("p6") == 0
        lab.daemons["node1"].signal(signal.SIGCONT)
        if selected:
            wait_until(lambda: six.counter("node1", "guard_ip6") > ENOUGH, SOON, "it is known, and refused still")
            assert six.left("p6") == 0
        else:
            wait_until(lambda: six.left("p6") > ENOUGH, SOON, "it goes its normal way")
    finish(kube)


def test_a_pod_that_comes_again_under_its_name_is_judged_anew(make_six: Callable[..., tuple[Kube, Inet6]]) -> None:
    """As a StatefulSet's: the device is called the same, while the daemon is dead."""
    kube, six = make_six()
    lab = kube.lab
    kube.create("p6")
    lab.add_pod("p6", "node1", "10.0.1.52")
    six.plug("p6")
    wait_reached(six, "p6")
    lab.daemons["node1"].kill()
    kube.admin.remove_pod("default", "p6")
    lab.delete_pod("p6")
    kube.create("p6", SELECTED)
    lab.add_pod("p6", "node1", "10.0.1.52", egress="bank")
    six.plug("p6")
    left = six.left("p6")  # the first one's last packet, too
    assert six.connect("p6") == REFUSED
    lab.expect("p6", {lab.eip("bank")} | lab.expected("p2"))  # what the first one sent over IPv4
    lab.daemons["node1"].start()
    wait_until(lambda: six.counter("node1", "guard_ip6") > 0 or six.connect("p6") != REFUSED, SOON, "it is known")
    assert six.connect("p6") == REFUSED
    assert six.left("p6") == left
    finish(kube)


@pytest.mark.parametrize("selected", [True, False])
def test_a_pod_that_has_only_ipv6_is_known_by_its_device(make_six: Callable[..., tuple[Kube, Inet6]],
                                                         selected: bool) -> None:
    kube, six = make_six()
    lab = kube.lab
    pod = lab.add_pod("p6", "node1", "10.0.1.52").pod
    lab.run("node1", "ip", "route", "del", f"{pod.address}/32")
    six.plug("p6")
    assert six.connect("p6") == REFUSED
    kube.create("p6", SELECTED if selected else {})
    kube.addressed("p6", six.address("p6"))
    if selected:
        wait_until(lambda: six.connect("p6") == REFUSED and six.counter("node1", "guard_ip6") > 0, SOON, "it is known")
        assert six.left("p6") == 0
        kube.label("p6", None)
        wait_reached(six, "p6")
        kube.label("p6", "bank")
        wait_refused(six, "p6")
    else:
        wait_reached(six, "p6")
    finish(kube)


def test_where_every_policy_allows_nobody_waits(make_six: Callable[..., tuple[Kube, Inet6]]) -> None:
    kube, six = make_six(ipv6="Allow")
    kube.lab.add_pod("p6", "node1", "10.0.1.52")
    six.plug("p6")
    assert six.connect("p6") is None
    assert six.connect("p1") is None
    finish(kube)
