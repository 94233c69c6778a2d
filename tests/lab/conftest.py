# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What the lab's tests share: labs that go away with their test, and the evidence of a failure."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from eipgwlab import FLAVOURS, Lab  # noqa: E402
from eipgwlab.build import ROOT  # noqa: E402
from eipgwlab.cloud import AT_OURS, OURS, Cloud, PeerMissing  # noqa: E402
from eipgwlab.native import NativeCloud  # noqa: E402
from labevidence import FAILED, RESULTS, keep_evidence  # noqa: E402
from proof import leaks  # noqa: E402

# Files that take minutes, since each test of theirs waits for rounds of the daemons', or for a machine that boots.
LONGEST = ("test_image", "test_ownership_faults", "test_ownership", "test_native")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True


def pytest_configure(config: pytest.Config) -> None:
    for label in ("aws", "kube", "ha", "knowing", "appliance"):
        config.addinivalue_line("markers", f"{label}: also of the label {label}; on a whole file, see tests/tools/run_tests.py")


def when_to_begin(item: pytest.Item) -> tuple[bool, int]:
    """The longest groups first: one that begins late is all that runs at the end."""
    place = LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST)
    return item.get_closest_marker("ha") is None, place


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=when_to_begin)
    if os.geteuid() != 0:
        for item in items:
            if Path(__file__).parent in item.path.parents:  # not those of tests/aws beside us
                item.add_marker(pytest.mark.skip(reason="network namespaces need root"))


@pytest.fixture
def make_lab(request: pytest.FixtureRequest) -> Iterator[Callable[..., Lab]]:
    """make_lab(flavour, **options) brings up a lab that ends with the test."""
    labs: list[Lab] = []

    def make(flavour: str = "cni-nft", **options: object) -> Lab:
        lab = Lab(flavour, **options)
        labs.append(lab)
        return lab.up()

    try:
        yield make
        if request.node.stash.get(FAILED, False):
            for lab in labs:
                print(f"evidence of the failure: {keep_evidence(lab, request.node)}")
    finally:
        for lab in labs:
            lab.down()


@pytest.fixture
def start_lab(
    request: pytest.FixtureRequest, make_lab: Callable[..., Lab]
) -> Iterator[Callable[..., Lab]]:
    """start_lab(flavour, allow=[...]): a lab whose daemons run and are ready.

    When the test ends, no pod may have left with a wrong source, and no log may have a report of a
    sanitizer, or a warning or error that no pattern of allow matches.
    """
    started: list[tuple[Lab, list[str]]] = []

    def start(flavour: str = "cni-nft", *, allow: Iterable[str] = (), **options: object) -> Lab:
        lab = make_lab(flavour, **options)
        started.append((lab, list(allow)))
        lab.start_daemons()
        return lab

    yield start
    wrong = []
    for lab, allow in started:
        lab.stop_daemons()  # at its end a sanitizer tells what was never freed
        wrong += lab.check_logs(allow)
        found = leaks(lab)
        if found:
            wrong.append(f"packets with a wrong source: {found}")
        if wrong:
            print(f"evidence of the failure: {keep_evidence(lab, request.node)}")
    if wrong:
        pytest.fail("after the test:\n" + "\n".join(wrong[:40]), pytrace=False)


@pytest.fixture
def make_cloud(make_lab: Callable[..., Lab]) -> Iterator[Callable[..., Cloud]]:
    """make_cloud(where, secondary, **options): a lab whose gateway gw-a claims its Elastic IP itself, which is
    at `where`; `secondary` are the private addresses that its interface has."""
    clouds: list[Cloud] = []

    def make(where: dict[str, str] | None = None, secondary: tuple[str, ...] = (OURS,), **options: Any) -> Cloud:
        try:
            clouds.append(Cloud(make_lab("cni-nft"), where or {}, list(secondary), **options))
        except PeerMissing as reason:
            pytest.skip(str(reason))
        return clouds[-1]

    yield make
    for cloud in clouds:
        cloud.close()


@pytest.fixture
def make_native(make_lab: Callable[..., Lab]) -> Iterator[Callable[..., NativeCloud]]:
    clouds: list[NativeCloud] = []

    def make(target: str | None = "eni-b", check: bool = True, where: dict[str, str] | None = None) -> NativeCloud:
        clouds.append(NativeCloud(make_lab("cni-nft"), target, check, AT_OURS if where is None else where))
        return clouds[-1]

    yield make
    for cloud in clouds:
        cloud.close()


# ---- the leak matrix, from the cells that ran, here or in workers -----------------------------------------

CELLS: dict[str, dict[str, str]] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    for name, value in report.user_properties:
        if name == "matrix" and (report.when == "call" or report.failed):
            row, column, text = value
            if report.failed and "!" not in text:
                text += " !"
            CELLS.setdefault(row, {})[column] = text


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if not CELLS:
        return
    import matrix_faults  # enters the faults, in the order in which the matrix has them

    order = list(matrix_faults.FAULTS)
    columns = list(dict.fromkeys(column for row in CELLS.values() for column in row))
    columns.sort(key=list(FLAVOURS).index)
    wide = max(len(row) for row in CELLS)
    lines = ["packets with a wrong source / packets that others lost / longest pause of selected pods, ms",
             " " * wide + "".join(f"  {column:>16}" for column in columns)]
    for row, cells in sorted(CELLS.items(), key=lambda item: order.index(item[0])):
        lines.append(f"{row:<{wide}}" + "".join(f"  {cells.get(c, '-'):>16}" for c in columns))
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "leak-matrix.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    terminalreporter.section("leak matrix")
    for line in lines:
        terminalreporter.write_line(line)


# ---- Kubernetes: a real API server in the lab ------------------------------------------------------------


@pytest.fixture(scope="session")
def kube_place() -> Path:
    sys.path.insert(0, str(ROOT / "tests" / "kube"))
    from kubepeers import build_peers

    place, why = build_peers()
    if not place:
        pytest.skip(why)
    return place


@pytest.fixture
def start_kube(kube_place: Path) -> Iterator[Callable[[Lab], Any]]:
    """start_kube(lab): an API server in the lab's VPC that knows its nodes and pods; ends with the test. More arguments
    are flags of the API server."""
    from labkube import Kube

    started: list[Kube] = []

    def start(lab: Lab, *flags: str) -> Kube:
        started.append(Kube(lab, kube_place))
        return started[-1].start(*flags)

    try:
        yield start
    finally:
        for kube in started:
            kube.stop()


@pytest.fixture
def make_group(make_lab: Callable[..., Lab], start_kube: Callable[[Lab], Any]) -> Iterator[Callable[..., Any]]:
    """make_group(egress=names): (Kube, Group) of the lab's gateways and nodes, at work. three: with a third gateway. failover=False:
    gw-a alone. start=False: configured only."""
    from eipgwlab.group import Group
    from labha import configure_group, start_group

    groups: list[Group] = []

    def make(failover: bool = True, egress: tuple[str, ...] = ("bank",), three: bool = False, start: bool = True) -> Any:
        lab = make_lab("cni-nft", three=three)
        groups.append(Group(lab, egress))
        kube = start_kube(lab)
        configure_group(kube, groups[-1], failover)
        if start:
            start_group(kube, groups[-1], failover)
        return kube, groups[-1]

    yield make
    for group in groups:
        group.close()


@pytest.fixture
def make_kube(start_kube: Callable[[Lab], Any], make_lab: Callable[..., Lab]) -> Callable[..., Any]:
    """make_kube(flavour, egress=names, **policy): the gateway and both nodes take everything from Kubernetes, where `payments` selects the
    lab's selected pods; started and at work."""

    def make(flavour: str = "cni-nft", start: bool = True, egress: tuple[str, ...] = ("bank",), **policy: Any) -> Any:
        from labkube import wait_seen

        kube = start_kube(make_lab(flavour))
        kube.gateway(*egress)
        kube.policy(**policy)
        kube.configure_nodes()
        kube.configure_gateway()
        if start:
            kube.lab.start_daemons()
            for name in ("p1", "p4"):  # one on each node
                wait_seen(kube.lab, name, kube.lab.eip("bank"))
        return kube

    return make
