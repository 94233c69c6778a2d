# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The image's root file system, and the chart's pods in it: with a root that is read-only, one capability, the token that
kubelet mounts, and nothing of the host but its network."""

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eipgwlab import Lab, netns
from eipgwlab.build import ROOT, program
from eipgwlab.configs import EXCLUDED
from eipgwlab.model import VPC_CIDR
from eipgwlab.wait import wait_until
from labkube import SOON, Kube, finish, seen, wait_seen
from labpod import NodePod

sys.path.insert(0, str(ROOT / "tests" / "kube"))

from kubeclients import Clients, build_clients  # noqa: E402

pytestmark = pytest.mark.kube

NODES = ("node1", "node2")
PROGRAMS = {"usr/sbin/eipgw-noded", "usr/bin/eipgw"}
SANITIZERS = re.compile(r"lib(asan|ubsan|stdc\+\+|gcc_s|m)\.so")
LIMIT_MB = 24  # without programs and sanitizers; libcurl's dependencies are most of it
CAP_NET_ADMIN = 1 << 12


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("image") / "rootfs"
    built = program("eipgw-noded")
    assert built is not None
    done = subprocess.run([ROOT / "deploy" / "rootfs", built.parents[1], place], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Clients:
    place, why = build_clients()
    if not place:
        pytest.skip(why)
    return Clients(place, tmp_path_factory.mktemp("helm"))


def files(root: Path) -> Iterator[tuple[str, os.stat_result]]:
    for path in sorted(root.rglob("*")):
        yield str(path.relative_to(root)), path.lstat()


# ---- what is in it


def test_it_has_the_two_programs_and_nothing_else_to_run(rootfs: Path) -> None:
    runnable = set()
    for name, status in files(rootfs):
        assert status.st_uid == status.st_gid == 0, name
        assert not status.st_mode & (stat.S_ISUID | stat.S_ISGID), name
        if stat.S_ISLNK(status.st_mode):
            continue
        assert not status.st_mode & 0o022, name
        assert not os.listxattr(rootfs / name), name
        if stat.S_ISREG(status.st_mode):
            head = (rootfs / name).read_bytes()[:4]
            assert head[:2] != b"#!", name
            if head == b"\x7fELF" and ".so" not in name:
                runnable.add(name)
    assert runnable == PROGRAMS
    assert sorted(p.name for p in rootfs.iterdir()) == ["dev", "etc", "lib", "lib64", "proc", "run", "sys", "usr", "var"]


def test_it_is_small(rootfs: Path) -> None:
    sizes = {name: status.st_size for name, status in files(rootfs) if stat.S_ISREG(status.st_mode)}
    rest = sum(size for name, size in sizes.items() if name not in PROGRAMS and not SANITIZERS.search(name))
    print(f"{sum(sizes.values()) / 1e6:.1f} MB, of which {rest / 1e6:.1f} MB without programs and sanitizers")
    assert rest < LIMIT_MB * 1e6


def test_all_libraries_are_found_inside(rootfs: Path) -> None:
    for name in PROGRAMS:
        # The loader's own list, from within.
        (loader,) = re.findall(r"interpreter: (\S+)\]", subprocess.run(["readelf", "-l", rootfs / name], capture_output=True,
                                                                       text=True, check=True).stdout)
        listed = subprocess.run(["chroot", rootfs, loader, "--list", f"/{name}"], capture_output=True, text=True, check=True)
        assert "not found" not in listed.stdout and "libc.so.6" in listed.stdout


def test_scanners_and_lawyers_find_each_package(rootfs: Path) -> None:
    packages = {path.name for path in (rootfs / "var/lib/dpkg/status.d").iterdir()}
    assert {"libc6", "libcurl4", "libnftnl11"} <= packages
    for package in packages:
        text = (rootfs / "var/lib/dpkg/status.d" / package).read_text(encoding="utf-8")
        assert f"Package: {package}\n" in text and "\nVersion: " in text
    assert {path.parent.name for path in (rootfs / "usr/share/doc").glob("*/copyright")} == packages | {"eipgw"}


# ---- the pods


@pytest.fixture
def make_pods(start_kube: Callable[[Lab], Kube], make_lab: Callable[..., Lab], helm: Clients, rootfs: Path,
              tmp_path: Path) -> Iterator[Callable[..., tuple[Kube, list[NodePod]]]]:
    """A lab whose nodes run what the chart makes of `values`; the gateway takes every pod's address."""
    def make(flavour: str = "cni-nft", rp_filter: int = 2) -> tuple[Kube, list[NodePod]]:
        lab = make_lab(flavour)
        for name in NODES:
            netns.sysctl(lab.netns_of(name), {"net.ipv4.conf.all.rp_filter": rp_filter, "net.ipv4.conf.default.rp_filter": rp_filter})
        lab.daemons["gw-a"].config["policies"] = [{"name": "all", "pod_cidrs": [VPC_CIDR], "egress_ips": ["bank"]}]
        lab.daemons["gw-a"].write_config()
        kube = start_kube(lab)
        kube.gateway()
        kube.carried(bank="gw-a")
        kube.policy()
        pods = pods_of(kube, helm, rootfs, tmp_path)
        lab.daemons["gw-a"].start()
        for pod in pods:
            run(pod)
        return kube, pods

    yield make
    shutil.rmtree(tmp_path)


def pods_of(kube: Kube, helm: Clients, rootfs: Path, folder: Path, **values: Any) -> list[NodePod]:
    config = {"always_excluded": EXCLUDED, "rule_priority": kube.lab.flavour.rule_priority}
    objects = helm.render({"config": config, **values})
    return [NodePod(kube, objects, name, rootfs, folder) for name in NODES]


def run(pod: NodePod) -> None:
    """A container has nobody to notify: that it is ready, its log says."""
    before = pod.daemon.log_count("<6>main: ready")
    pod.daemon.start(wait_ready=False)
    wait_until(lambda: pod.daemon.log_count("<6>main: ready") > before or not pod.daemon.running, SOON, f"{pod} is ready")
    assert pod.daemon.running, pod.daemon.tail()


def test_the_pod_steers_with_what_the_daemonset_gives_it(make_pods: Callable[..., tuple[Kube, list[NodePod]]]) -> None:
    """With iptables as on Bottlerocket, and the path check of hardened hosts, which drops what comes out of the tunnel
    unless its device has another: /proc/sys can't be written."""
    kube, pods = make_pods("iptables-legacy", rp_filter=1)
    lab = kube.lab
    for name in ("p1", "p3", "p4"):
        wait_seen(lab, name, lab.eip("bank"))
    for name in ("p2", "p5"):
        assert seen(lab, name) in lab.expected(name)

    for pod in pods:
        status = Path(f"/proc/{pod.daemon.pid}/status").read_text(encoding="utf-8")
        for key in ("CapPrm", "CapEff", "CapBnd"):
            assert int(re.search(rf"^{key}:\s+(\w+)$", status, re.MULTILINE)[1], 16) == CAP_NET_ADMIN, status
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE) and re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
        assert os.statvfs(f"/proc/{pod.daemon.pid}/root/etc").f_flag & os.ST_RDONLY
        assert Path(f"/proc/{pod.daemon.pid}/exe").samefile(f"/proc/{pod.daemon.pid}/root/usr/sbin/eipgw-noded")
        for kind in ("livenessProbe", "readinessProbe"):
            done = pod.probe(kind)
            assert done.returncode == 0 and "bank" in done.stdout, done
    finish(kube)


def test_a_replaced_pod_disturbs_no_connection(make_pods: Callable[..., tuple[Kube, list[NodePod]]]) -> None:
    kube, pods = make_pods()
    lab = kube.lab
    wait_seen(lab, "p1", lab.eip("bank"))
    flows = [lab.pods[name].flow(kind, interval_ms=5) for name in ("p1", "p2", "p4") for kind in ("tcp", "udp")]
    wait_until(lambda: all(f.stat().received > 20 for f in flows), SOON, "flows")
    for pod in pods:
        pod.daemon.stop()
        assert pod.probe("livenessProbe").returncode == 5  # no daemon answers
        run(pod)
    for flow in flows:
        report = flow.stop()
        assert (report.lost, report.errors, len(report.seen)) == (0, 0, 1), report
    assert not [line for pod in pods for line in pod.daemon.log() if "repair: " in line]
    finish(kube)


def test_cleanup_leaves_nothing_and_its_pods_stay_until_they_are_told(
        make_pods: Callable[..., tuple[Kube, list[NodePod]]], helm: Clients, rootfs: Path, tmp_path: Path) -> None:
    kube, pods = make_pods()
    lab = kube.lab
    wait_seen(lab, "p1", lab.eip("bank"))
    for name in ("p1", "p3", "p4"):
        lab.expect(name, {lab.eip("bank"), *lab.expected("p2"), *lab.expected("p5")})
    for pod in pods:
        pod.daemon.stop()
    pods = pods_of(kube, helm, rootfs, tmp_path, cleanup=True)
    for pod in pods:
        (done,) = pod.run_init()
        assert done.returncode == 0, done
        assert "eipgw" not in lab.run(pod.node, "nft", "list", "tables")
        assert "egw0" not in lab.run(pod.node, "ip", "link")
        pod.daemon.start(wait_ready=False)
        wait_until(lambda pod=pod: pod.daemon.log_count("nothing of eipgw-noded is left in the kernel") == 1, SOON, "it is clean")
    assert seen(lab, "p1") in lab.expected("p2")
    assert all(pod.daemon.running for pod in pods)
    finish(kube)
