# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Where a lab keeps its files, and how a lab whose owner died is cleared away by the next one."""

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from . import netns

STATE_FILE = "lab.json"


def root() -> Path:
    """The parent of all labs' directories. Short: unix sockets have paths of at most 107 bytes."""
    base = Path("/run") if os.access("/run", os.W_OK) else Path(tempfile.gettempdir())
    return base / "eipgw-lab"


def birth(pid: int) -> str | None:
    """The start time of a process: with the pid it names the process for good."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]


def cpu_seconds(pid: int) -> float:
    """What a process has had of the processors, without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def create(directory: Path, state: dict[str, Any]) -> None:
    for attempt in range(5):
        try:
            directory.mkdir(parents=True, mode=0o700)
            break
        except FileNotFoundError:  # the last other lab just removed the parent
            if attempt == 4:
                raise
    for part in ("agent", "etc", "run", "log"):
        (directory / part).mkdir()
    write(directory, state)


def write(directory: Path, state: dict[str, Any]) -> None:
    fresh = directory / f"{STATE_FILE}.new"
    fresh.write_text(json.dumps(state, indent=2) + "\n", encoding="utf-8")
    fresh.rename(directory / STATE_FILE)


def read(directory: Path) -> dict[str, Any] | None:
    try:
        return json.loads((directory / STATE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def remove(directory: Path, names: list[str]) -> None:
    """Ends everything that lives in the namespaces, and removes them and the directory."""
    netns.delete(names)
    shutil.rmtree(directory, ignore_errors=True)
    with contextlib.suppress(OSError):
        directory.parent.rmdir()


def labs() -> list[tuple[Path, dict[str, Any]]]:
    """All labs of this machine that have a state file."""
    try:
        paths = sorted(root().iterdir())
    except FileNotFoundError:  # also if the last other lab removes it just now
        return []
    found = [(path, read(path)) for path in paths if path.is_dir()]
    return [(path, state) for path, state in found if state]


def sweep() -> list[str]:
    """Removes labs whose owner was killed before it could; returns their names."""
    gone = []
    for path, state in labs():
        owner = state.get("owner")
        if owner and birth(owner["pid"]) != owner["birth"]:
            remove(path, list(state["namespaces"]))
            gone.append(path.name)
    return gone
