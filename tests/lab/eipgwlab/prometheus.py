# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A real Prometheus in a namespace of the lab, which fetches a daemon's metrics there, over loopback."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from . import netns
from .wait import wait_until

PROGRAM = "/usr/bin/prometheus"
PORT = 19090  # of itself, in that namespace
DEADLINE = 60.0


def fetch(namespace: str, port: int, path: str, address: str = "127.0.0.1", headers: dict[str, str] | None = None) -> tuple[int, str]:
    """One GET from inside a namespace: status and body."""
    with netns.entered(namespace):
        connection = http.client.HTTPConnection(address, port, timeout=DEADLINE)
        try:
            connection.connect()
        except OSError:
            connection.close()
            raise
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8")


class Prometheus:
    """`targets`: {job: port on loopback, or "address:port"}. Ends with the with block."""

    def __init__(self, namespace: str, targets: dict[str, int | str], rules: Iterable[Path] = ()):
        self.namespace = namespace
        self.directory = tempfile.TemporaryDirectory(prefix="eipgw-prometheus-")
        self.log_path = Path(self.directory.name) / "log"
        config = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{to}" if isinstance(to, int) else to]}]}
                               for job, to in targets.items()],
        }
        path = Path(self.directory.name) / "prometheus.yml"
        path.write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML, too
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, PROGRAM, f"--config.file={path}", f"--web.listen-address=127.0.0.1:{PORT}",
                 f"--storage.tsdb.path={self.directory.name}/data", "--log.level=warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(self._is_ready, DEADLINE, "Prometheus is ready", every=0.1)
        except AssertionError:
            self.close()
            raise

    def __enter__(self) -> "Prometheus":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.log_path.read_text(encoding="utf-8")
        try:
            return fetch(self.namespace, PORT, "/-/ready")[0] == 200
        except OSError:
            return False

    def ask(self, path: str) -> Any:
        status, text = fetch(self.namespace, PORT, path)
        answer = json.loads(text)
        assert status == 200 and answer["status"] == "success", (path, status, text)
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """[(labels, value)] of an expression now."""
        rows = self.ask(f"/api/v1/query?query={quote(expression)}")["result"]
        return [(row["metric"], float(row["value"][1])) for row in rows]

    def value(self, expression: str) -> float | None:
        """Of an expression that has one; None: it has none yet."""
        rows = self.query(expression)
        assert len(rows) <= 1, rows
        return rows[0][1] if rows else None

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.directory.cleanup()
