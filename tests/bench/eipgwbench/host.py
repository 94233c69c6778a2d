# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What of the whole machine a benchmark depends on or changes: listeners to nf_tables, the connection limit, who goes first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from .command import Failed, say
from .lab import wait

NETFILTER = "12"  # the protocol's number in /proc/net/netlink
NFTABLES_GROUP = 1 << 6
CONNTRACK_MAX = Path("/proc/sys/net/netfilter/nf_conntrack_max")


def nftables_listeners() -> int:
    """Sockets of all network namespaces that hear of nf_tables changes.

    The kernel asks only whether anybody on the machine listens, in whatever namespace: then each element of a transaction
    costs a message of a page, which belongs to nobody's benchmark.
    """
    seen: set[int] = set()
    found = 0
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if not entry.isdigit() or (inode := os.stat(f"/proc/{entry}/ns/net").st_ino) in seen:
                continue
            rows = Path(f"/proc/{entry}/net/netlink").read_text(encoding="ascii").splitlines()[1:]
            seen.add(inode)
            found += sum(row.split()[1] == NETFILTER and bool(int(row.split()[3], 16) & NFTABLES_GROUP) for row in rows)
    return found


def wait_for_quiet(seconds: float) -> bool:
    """Waits until nobody else listens to nf_tables; False when somebody still does."""
    with contextlib.suppress(wait.DeadlineExceeded):
        wait.wait_until(lambda: nftables_listeners() == 0, seconds, "nobody listens to nf_tables", every=0.1)
        return True
    return False


@contextlib.contextmanager
def connection_limit(at_least: int) -> Iterator[None]:
    """Room for so many connections, which is one number for the whole machine; put back afterwards."""
    if not CONNTRACK_MAX.exists():
        raise Failed("the kernel has no connection tracking")
    before = int(CONNTRACK_MAX.read_text(encoding="ascii"))
    if before >= at_least:
        yield
        return
    say(f"nf_conntrack_max is {at_least} while this runs, then {before} again")
    CONNTRACK_MAX.write_text(f"{at_least}\n", encoding="ascii")
    try:
        yield
    finally:
        # Unless somebody else changed it meanwhile.
        if int(CONNTRACK_MAX.read_text(encoding="ascii")) == at_least:
            CONNTRACK_MAX.write_text(f"{before}\n", encoding="ascii")


@contextlib.contextmanager
def preferred(nice: int) -> Iterator[None]:
    """All that this session runs goes before others on the machine, by so much.

    Where the kernel groups processes by session (autogroup), niceness counts within the session alone, and the session has one.
    """
    group = Path("/proc/self/autogroup")
    before = None
    with contextlib.suppress(OSError, ValueError):
        before = group.read_text(encoding="ascii").split()[-1]
        group.write_text(f"{nice}\n", encoding="ascii")
    if before is None:
        os.nice(nice)
    try:
        yield
    finally:
        if before is not None:
            with contextlib.suppress(OSError):
                group.write_text(f"{before}\n", encoding="ascii")


def last_processor() -> int:
    return (os.cpu_count() or 1) - 1
