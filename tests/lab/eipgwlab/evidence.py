# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What a failed test leaves for the person who reads it."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from . import netns

if TYPE_CHECKING:
    from .lab import Lab

COMMANDS = (
    "ip -d -s link", "ip -d addr", "ip rule", "ip route show table all", "ip -s neigh",
    "nft list ruleset", "iptables-legacy-save -c", "conntrack -L -o extended,id", "conntrack -S",
    "ss -tuanpOi", "nstat -az",
)


def collect(lab: Lab, directory: Path) -> None:
    """One file per namespace with the kernel's state, the exit's rows, and all logs and configs."""
    directory.mkdir(parents=True, exist_ok=True)
    env = {"XTABLES_LOCKFILE": str(lab.directory / "xtables-collect.lock")}
    for name in (*lab.stations, *lab.pods):
        parts = []
        for command in COMMANDS:
            with contextlib.suppress(OSError):
                done = netns.execute(command.split(), netns=lab.netns_of(name), check=False, env=env)
                parts.append(f"=== {command}\n{done.stdout}{done.stderr}")
        (directory / f"{name}.txt").write_text("\n".join(parts), encoding="utf-8")
    with contextlib.suppress(Exception):  # the helper may be what failed
        rows = "\n".join(map(str, lab.exit_rows()))
        drops = lab.source_check_drops()
        text = f"{rows}\nforeign: {lab.foreign()}\nsource check dropped: {drops}\n"
        (directory / "exit.txt").write_text(text, encoding="utf-8")
    for part in ("etc", "log"):
        for path in (lab.directory / part).iterdir():
            shutil.copy(path, directory / path.name)
