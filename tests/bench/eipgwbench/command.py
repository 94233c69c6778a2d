# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The frame of each benchmark: options, the build, targets, the JSON object, and an orderly end on Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[3]
SKIP_STATUS = 77


class Failed(RuntimeError):
    """The benchmark can't say anything; the text says why."""


class Target:
    """A promise, and whether it held."""

    def __init__(self, what: str, value: float, limit: float):
        self.what, self.value, self.limit = what, value, limit

    @property
    def held(self) -> bool:
        return self.value <= self.limit

    def text(self) -> str:
        return f"{'holds ' if self.held else 'MISSED'}  {self.what}: {self.value:.3g}, at most {self.limit:g}"

    def json(self) -> dict[str, Any]:
        return {"what": self.what, "value": round(self.value, 4), "limit": self.limit, "held": self.held}


def parser(text: str, rounds: int) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=text)
    made.add_argument("--rounds", type=int, help=f"rounds in which everything is measured once; default {rounds}")
    made.add_argument("--quick", action="store_true", help="small and short: shows that it works, not how fast it is")
    made.add_argument("--json", action="store_true", help="one JSON object with everything as the last line")
    made.add_argument("--build", type=Path, help="a build directory to take as it is; default: EIPGW_BUILD, else the preset"
                      " release, which is built first")
    made.set_defaults(default_rounds=rounds)
    return made


def rounds(options: argparse.Namespace) -> int:
    return options.rounds or (1 if options.quick else options.default_rounds)


def programs(options: argparse.Namespace, targets: list[str]) -> dict[str, Path]:
    """The paths of the targets, built where nobody named a build directory."""
    given = options.build or os.environ.get("EIPGW_BUILD")
    build = Path(given).resolve() if given else TOP / "build" / "release"  # they start in other directories
    if not given:
        say("building the preset release")
        for argv in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release", "--target", *targets]):
            done = subprocess.run(argv, cwd=TOP, capture_output=True, text=True, check=False)
            if done.returncode:
                raise Failed(f"{' '.join(argv)}:\n{done.stdout}{done.stderr}")
    places = {"eipgwd": "gateway/eipgwd", "eipgw-noded": "node/eipgw-noded", "eipgw": "cli/eipgw"}
    found = {target: build / places.get(target, f"tests/bench/{target}") for target in targets}
    missing = [str(path) for path in found.values() if not path.exists()]
    if missing:
        raise Failed(f"not built: {' '.join(missing)}")
    return found


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def run_json(argv: list[str]) -> dict[str, Any]:
    """Runs a C half, which prints one JSON object."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def machine() -> dict[str, Any]:
    """What the numbers were made on."""
    model = "?"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
    return {"kernel": os.uname().release, "processors": os.cpu_count(), "model": model}


def finish(options: argparse.Namespace, targets: list[Target], results: dict[str, Any]) -> None:
    if not options.quick:
        print()
    for target in targets:
        print(target.text())
    if options.json:
        print(json.dumps({"quick": options.quick, "machine": machine(), "targets": [t.json() for t in targets], **results}))


def main(body: Callable[[], None]) -> None:
    """Ends with 0, 1 (failed), 77 (skipped) or 130 (Ctrl-C); SIGTERM ends it as Ctrl-C does."""
    def stop(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # Also where a shell started it in the background, which ignores SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    if os.geteuid():
        print("SKIP: needs root, for network namespaces")
        sys.exit(SKIP_STATUS)
    try:
        body()
    except Failed as error:
        print(f"failed: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
