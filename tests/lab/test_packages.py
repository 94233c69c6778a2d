# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The Debian packages, in a Debian of their own and by its dpkg: from the same sources the same bytes, installed, upgraded under
traffic, removed, and purged without a trace. There is no systemd in it: the test restarts daemons as it would."""

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from eipgwlab import Lab
from eipgwlab.daemons import Daemon
from eipgwlab.debian import DebianMissing, inside, make_root, next_version
from labkube import run_on, silence, unhurt
from labpackages import NAMES, build, copy_tree, depends_of, digests
from proof import leaks

pytestmark = pytest.mark.appliance

DAEMONS = {"gw-a": "eipgwd", "node1": "eipgw-noded", "node2": "eipgw-noded"}
# What dpkg, and every package with a user or a unit, changes; not ours to clean.
ALLOWED = re.compile(r"^(var/lib/dpkg/|var/log/|var/cache/|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|etc/\.pwd\.lock$|"
                     r"var/lib/systemd/deb-systemd-helper-(enabled|masked)$|run/eipgw-lab)")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    tree = copy_tree(tmp_path_factory.mktemp("first"))
    yield build(tree)
    shutil.rmtree(tree)


def test_the_same_sources_give_the_same_bytes_elsewhere(packages: Path, tmp_path: Path) -> None:
    again = build(copy_tree(tmp_path / "another" / "place"))
    assert len(digests(packages)) == len(NAMES) + 1
    assert digests(packages) == digests(again)
    shutil.rmtree(tmp_path / "another")


def test_the_bill_of_materials_has_every_file_and_every_library(packages: Path, tmp_path: Path) -> None:
    document = json.loads((packages / "eipgw.spdx.json").read_text(encoding="utf-8"))
    files = {entry["SPDXID"]: entry for entry in document["files"]}
    names = {entry["SPDXID"]: entry for entry in document["packages"]}
    assert document["spdxVersion"] == "SPDX-2.3" and sorted(names[i]["name"] for i in document["documentDescribes"]) == sorted(NAMES)
    assert all(entry["versionInfo"] != "NOASSERTION" for entry in document["packages"])
    for package in packages.glob("*.deb"):
        [ours] = [i for i, entry in names.items() if entry.get("packageFileName") == package.name]
        related = {kind: {r["relatedSpdxElement"] for r in document["relationships"]
                          if r["spdxElementId"] == ours and r["relationshipType"] == kind} for kind in ("CONTAINS", "DEPENDS_ON")}
        assert {names[i]["name"] for i in related["DEPENDS_ON"]} == depends_of(package)
        place = tmp_path / package.stem
        subprocess.run(["dpkg-deb", "--extract", package, place], check=True)
        there = {f"./{p.relative_to(place)}": hashlib.sha256(p.read_bytes()).hexdigest()
                 for p in place.rglob("*") if p.is_file() and not p.is_symlink()}
        told = {files[i]["fileName"]: c["checksumValue"] for i in related["CONTAINS"] for c in files[i]["checksums"]
                if c["algorithm"] == "SHA256"}
        assert told == there and there


@pytest.fixture
def root(packages: Path, tmp_path: Path) -> Iterator[Path]:
    """A Debian that has what the packages need, and nothing of ours."""
    place = tmp_path / "root"
    place.mkdir()
    try:
        make_root(sorted(set.union(*map(depends_of, packages.glob("*.deb")))), place)
    except DebianMissing as reason:
        pytest.skip(str(reason))
    yield place
    shutil.rmtree(place)


class Machine:
    """The root, in a namespace of the lab."""

    def __init__(self, lab: Lab, root: Path, name: str):
        self.lab, self.root, self.netns = lab, root, lab.netns_of(name)
        self.shared = lab.daemons["gw-a"].config_path.parents[1]

    def command(self, *argv: str) -> list[str]:
        return [*inside(self.root, self.shared), *argv]

    def run(self, *argv: str) -> str:
        done = subprocess.run(["ip", "netns", "exec", self.netns, *self.command(*argv)], check=False, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"})
        assert done.returncode == 0, (argv, done.stdout, done.stderr)
        return done.stdout

    def dpkg(self, what: str, *names: str) -> None:
        self.run("dpkg", what, *names)
        assert self.run("dpkg", "--audit") == ""


def run_from(machine: Machine, daemon: Daemon) -> None:
    """From now on the daemon is the package's."""
    arguments = ["--config", str(daemon.config_path), "--control", str(daemon.control_path)]
    daemon.command = lambda *more: machine.command(  # type: ignore[method-assign]
        f"/usr/sbin/{daemon.program}", *arguments, *more)


def everything(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not ALLOWED.match(str(path.relative_to(root)))}


def accounts(root: Path) -> list[str]:
    return sorted((root / "etc" / "passwd").read_text(encoding="utf-8").splitlines())


def versions(machine: Machine) -> set[str]:
    return {machine.run("dpkg-query", "-W", "-f", "${Version}", name) for name in NAMES}


def installed_rightly(machine: Machine) -> None:
    assert machine.run("dpkg", "-V", *NAMES) == ""
    assert machine.run("id", "-un", "eipgw").strip() == "eipgw"
    for program in set(DAEMONS.values()):
        assert machine.run("systemctl", "is-enabled", f"{program}.service").strip() == "enabled"
    assert "eipgw" in machine.run("eipgw", "--version")


def test_installed_upgraded_under_traffic_removed_and_purged(make_lab: Callable[..., Lab], packages: Path, root: Path) -> None:
    lab = make_lab()
    machines = {name: Machine(lab, root, name) for name in DAEMONS}
    gateway, node = machines["gw-a"], machines["node1"]
    before, users = everything(root), accounts(root)
    shutil.copytree(packages, root / "packages")
    following = [f"/next/{path.name}" for path in next_version(sorted(packages.glob("*.deb")), root / "next")]

    gateway.dpkg("-i", *(f"/packages/{path.name}" for path in sorted(packages.glob("*.deb"))))
    installed_rightly(gateway)
    [first] = versions(gateway)
    for name in DAEMONS:
        run_from(machines[name], lab.daemons[name])
    lab.start_daemons()
    flows = [lab.pods[name].flow(kind, interval_ms=10) for name in ("p1", "p2", "p4") for kind in ("tcp", "udp")]
    run_on(flows)
    silence(lab)

    gateway.dpkg("-i", *following)
    assert versions(gateway) == {f"{first}+next"}
    installed_rightly(gateway)
    assert all(lab.daemons[name].running for name in DAEMONS)  # an upgrade stops nobody
    for name in DAEMONS:
        lab.daemons[name].restart()  # as its postinst's systemctl try-restart does
    run_on(flows)
    unhurt(flows)
    assert leaks(lab) == {}

    lab.stop_daemons()
    assert lab.check_logs() == []
    assert "eipgw" in lab.run("gw-a", "nft", "list", "tables") and "eipgw" in lab.run("node1", "nft", "list", "tables")
    (root / "etc" / "eipgw").mkdir(exist_ok=True)
    for name, role in (("gw-a", "gateway"), ("node1", "node")):  # where the packages' users have them
        shutil.copy(lab.daemons[name].config_path, root / "etc" / "eipgw" / f"{role}.json")
    node.dpkg("-r", "eipgw-node")
    gateway.dpkg("-r", "eipgw-gateway")
    for name in ("gw-a", "node1"):
        assert "eipgw" not in lab.run(name, "nft", "list", "tables")
        assert "egw0" not in lab.run(name, "ip", "link")
    assert not (root / "usr" / "sbin" / "eipgwd").exists()

    (root / "etc" / "eipgw" / "group.secret").write_text("x", encoding="utf-8")
    gateway.dpkg("-P", *NAMES)
    for place in ("packages", "next"):
        shutil.rmtree(root / place)
    assert everything(root) == before and accounts(root) == users


def test_a_file_of_somebody_else_in_etc_stays(make_lab: Callable[..., Lab], packages: Path, root: Path) -> None:
    gateway = Machine(make_lab(), root, "gw-a")
    shutil.copytree(packages, root / "packages")
    gateway.dpkg("-i", *(f"/packages/{path.name}" for path in sorted(packages.glob("*.deb"))))
    (root / "etc" / "eipgw" / "notes").write_text("mine", encoding="utf-8")

    gateway.dpkg("-P", "eipgw-gateway")
    assert gateway.run("id", "-un", "eipgw").strip() == "eipgw"  # the node agent's, too
    gateway.dpkg("-P", "eipgw-node", "eipgw-cli")

    assert (root / "etc" / "eipgw" / "notes").read_text(encoding="utf-8") == "mine"
    assert str(root) not in Path("/proc/self/mounts").read_text(encoding="utf-8")
