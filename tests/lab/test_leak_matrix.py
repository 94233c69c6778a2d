# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The leak matrix: every flavour of CNI, every fault, and not one packet with a wrong source.

A cell is a fresh lab with the daemons, traffic of all pods before, during and after the fault, and the
judgement of matrix.Cell. The matrix is printed at the end and kept as leak-matrix.txt.
"""

from collections.abc import Callable

import pytest
from eipgwlab import FLAVOURS, Lab, wait_until
from matrix_faults import FAULTS
from matrix import Cell, Fault, begin, patterns_of
from proof import leaks, repairs_told

StartLab = Callable[..., Lab]


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("fault_name", FAULTS)
def test_nothing_leaks_and_nobody_else_loses(
    start_lab: StartLab, record_property: Callable[[str, object], None], flavour: str, fault_name: str
) -> None:
    row = FAULTS[fault_name]
    lab = start_lab(flavour, allow=patterns_of(row))
    cell = begin(lab, row)
    result = "?"
    try:
        cell.run()
        leaked = max(cell.leaked.values(), default=0)
        result = f"{leaked}/{cell.lost_by_others}/{cell.gap_ms:.0f}" + (" !" if cell.wrong else "")
    finally:
        record_property("matrix", [fault_name, flavour, result])
    assert cell.wrong == []


# ---- the matrix can fail ---------------------------------------------------------------------------------


def take_away_all_guards(lab: Lab) -> None:
    """Nothing of ours is left that could stop a packet, and nobody is there to put it back."""
    lab.daemons["node1"].kill()
    lab.nft("node1", "flush chain ip eipgw_node guard\nflush chain ip eipgw_node steer")
    lab.run("node1", "ip", "rule", "flush", "proto", "101")


def test_without_guards_the_matrix_sees_the_leak(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("cni-nft")
    lab.start_daemons()

    def leak(cell: Cell) -> None:
        take_away_all_guards(cell.lab)
        cell.dismiss(cell.traffic.of("p1", "p3"))
        cell.traffic.attempt(cell.selected_streams(), 25)

    cell = begin(lab, Fault("leak", leak))
    cell.run()

    assert set(cell.leaked) >= {"p1 vpc", "p1 wire", "p3 vpc", "p3 wire"}
    assert not any(name.startswith("p4") for name in cell.leaked)
    assert any("wrong source" in text for text in cell.wrong)


@pytest.mark.parametrize("guard", ["table", "routing"])
def test_either_guard_alone_holds(start_lab: StartLab, guard: str) -> None:
    """The table's guard and the routing guard don't depend on each other."""
    lab = start_lab("cni-nft")
    cell = begin(lab, Fault("half", lambda cell: None))
    cell.traffic.advance(cell.traffic.live(), 8)
    lab.daemons["node1"].kill()
    lab.nft("node1", "flush chain ip eipgw_node steer")
    if guard == "table":
        lab.run("node1", "ip", "rule", "flush", "proto", "101")
    else:
        lab.nft("node1", "flush chain ip eipgw_node guard")
    cell.traffic.attempt(cell.selected_streams(), 25)

    assert leaks(lab) == {}


def test_a_lost_packet_of_an_unselected_pod_is_seen(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("cni-nft")
    lab.start_daemons()

    def harm(cell: Cell) -> None:
        cell.nft("table ip other { chain c { type filter hook forward priority -200;"
                 f" ip saddr {cell.lab.pods['p2'].address} drop; }}; }}")
        cell.traffic.attempt(cell.traffic.of("p2"), 5)
        cell.nft("delete table ip other")

    cell = begin(lab, Fault("harm", harm))
    cell.run()

    assert cell.lost_by_others > 0
    assert cell.wrong and cell.leaked == {}


def test_a_repair_that_nobody_expected_is_seen(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("cni-nft")
    lab.start_daemons()

    def twice(cell: Cell) -> None:
        for number in (1, 2):
            cell.nft("flush chain ip eipgw_node steer")
            wait_until(lambda n=number: repairs_told(cell.daemon("node1")) == n, 30, "a repair")

    cell = begin(lab, Fault("twice", twice, repairs=("node1",)))
    cell.run()

    assert [text.partition(":")[0] for text in cell.wrong] == [
        "node1 told 2 repairs, not 1", "node1 counted 2 repairs, not 1"]
