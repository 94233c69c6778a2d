# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The Debian packages for arm64, made on another machine: that they are for arm64 and need its libraries, and that their programs
start in qemu's user emulation. What they do to a machine is test_packages.py's, and the same files do it."""

import json
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from labpackages import NAMES, build, copy_tree, depends_of, digests, field_of, tool

pytestmark = pytest.mark.appliance

PROGRAMS = {"eipgw-cli": {"eipgw"}, "eipgw-gateway": {"eipgwd", "eipgw-user-data"}, "eipgw-node": {"eipgw-noded"}}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if platform.machine() == "aarch64":
        pytest.skip("this machine's packages are those for arm64")
    tree = copy_tree(tmp_path_factory.mktemp("first"))
    yield build(tree, "arm64")
    shutil.rmtree(tree)


@pytest.fixture(scope="module")
def sysroot(packages: Path) -> Path:
    return Path(tool(packages.parents[2], "sysroot", "arm64").strip())


@pytest.fixture(scope="module")
def programs(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """By package and name."""
    found: dict[str, dict[str, Path]] = {}
    for package in packages.glob("*.deb"):
        place = tmp_path_factory.mktemp(package.stem)
        subprocess.run(["dpkg-deb", "--extract", package, place], check=True)
        found[field_of(package, "Package")] = {
            path.name: path for path in place.rglob("*")
            if path.is_file() and not path.is_symlink() and path.read_bytes().startswith(b"\x7fELF")}
    return found


def known(sysroot: Path, *words: str) -> str:
    """What dpkg-query says of the other architecture's libraries."""
    return subprocess.run(["dpkg-query", *words], check=True, capture_output=True, text=True,
                          env={**os.environ, "DPKG_ADMINDIR": str(sysroot / "dpkg")}).stdout


def test_the_same_sources_give_the_same_bytes_elsewhere(packages: Path, tmp_path: Path) -> None:
    again = build(copy_tree(tmp_path / "another" / "place"), "arm64")
    assert len(digests(packages)) == len(NAMES) + 1
    assert digests(packages) == digests(again)
    shutil.rmtree(tmp_path / "another")


def test_packages_and_programs_are_for_arm64(packages: Path, programs: dict[str, dict[str, Path]], sysroot: Path) -> None:
    assert {package.name.rsplit("_", 1)[1] for package in packages.glob("*.deb")} == {"arm64.deb"}
    assert {field_of(package, "Architecture") for package in packages.glob("*.deb")} == {"arm64"}
    assert {name: set(of) for name, of in programs.items()} == PROGRAMS
    for program in (path for of in programs.values() for path in of.values()):
        told = subprocess.run(["readelf", "--wide", "--file-header", "--program-headers", "--sections", program],
                              check=True, capture_output=True, text=True).stdout
        assert re.search(r"Machine: +AArch64\n", told) and re.search(r"Class: +ELF64\n", told) and "little endian" in told
        assert "interpreter: /lib/ld-linux-aarch64.so.1]" in told
        assert ".symtab" not in told and ".debug_info" not in told  # this machine's strip would have left them
        assert str(sysroot).encode() not in program.read_bytes()


def test_they_depend_on_the_packages_of_all_their_libraries(packages: Path, programs: dict[str, dict[str, Path]], sysroot: Path) -> None:
    for package in packages.glob("*.deb"):
        needed = set()
        for program in programs[field_of(package, "Package")].values():
            told = subprocess.run(["readelf", "--wide", "--dynamic", program], check=True, capture_output=True, text=True).stdout
            needed |= set(re.findall(r"Shared library: \[(.+)\]", told))
        needed.discard("ld-linux-aarch64.so.1")  # libc6's
        assert "libc.so.6" in needed
        owners = {known(sysroot, "--search", f"{sysroot}*/aarch64-linux-gnu/{name}").split(":")[0] for name in needed}
        assert owners == {name for name in depends_of(package) if name.startswith("lib")}
        for name, least in re.findall(r"(lib[a-z0-9.+-]+) \(>= ([^)]+)\)", field_of(package, "Depends")):
            there = known(sysroot, "-W", "-f", "${Version}", name)
            assert subprocess.run(["dpkg", "--compare-versions", least, "le", there], check=False).returncode == 0, (name, least, there)


def test_the_bill_of_materials_has_the_versions_of_arm64(packages: Path, sysroot: Path) -> None:
    document = json.loads((packages / "eipgw.spdx.json").read_text(encoding="utf-8"))
    told = {entry["name"]: entry["versionInfo"] for entry in document["packages"] if entry["name"] not in NAMES}
    assert set(told) == set.union(*map(depends_of, packages.glob("*.deb")))
    assert told == {name: known(sysroot, "-W", "-f", "${Version}", name) for name in told}


def test_programs_start_and_answer(programs: dict[str, dict[str, Path]], sysroot: Path) -> None:
    def answer(package: str, name: str, *words: str) -> str:
        return subprocess.run(["qemu-aarch64-static", "-L", sysroot, programs[package][name], *words], check=True, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL).stdout

    for package, names in PROGRAMS.items():
        for name in names:
            assert answer(package, name, "--version").startswith(name)
    assert answer("eipgw-cli", "eipgw", "explain", "EIPGW-2001").startswith("EIPGW-2001: ")
