# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A pytest plugin: one line per finished test for run_tests.py, a time limit, and groups for xdist.

The lines are "@@ OUTCOME SECONDS NODEID"; run_tests.py prints them in its own form and drops the rest.
"""

import signal

import pytest

MARK = "@@"
LIMIT_S = 600  # for a test without @pytest.mark.timeout(seconds)


def pytest_configure(config):
    config.addinivalue_line("markers", "timeout(seconds): the test fails when one of its phases takes longer")
    # Only the controller prints; with xdist it gets the workers' reports.
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Lines(), "eipgw-lines")


class Lines:
    def __init__(self):
        self.seconds = {}
        self.outcome = {}

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.rsplit("@", 1)[0]  # xdist adds "@GROUP"
        self.seconds[name] = self.seconds.get(name, 0) + report.duration
        if report.outcome == "failed" or (report.when != "teardown" and name not in self.outcome):
            if report.when == "call" or report.outcome != "passed":
                self.outcome[name] = report.outcome
        if report.when == "teardown":
            outcome = self.outcome.pop(name, "failed")
            print(f"\n{MARK} {outcome} {self.seconds.pop(name):.2f} {name}", flush=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests of one file share its fixtures, so they go to one worker; a parametrised file may be split by flavour."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            callspec = getattr(item, "callspec", None)
            flavour = callspec.params.get("flavour") if callspec else None
            item.add_marker(pytest.mark.xdist_group(f"{item.path.name}-{flavour or ''}"))


class TimeLimit(Exception):
    pass


def limited(item, phase):
    mark = item.get_closest_marker("timeout")
    seconds = int(mark.args[0]) if mark and mark.args else LIMIT_S

    def expired(_signum, _frame):
        raise TimeLimit(f"the {phase} was not over after {seconds} s")

    before = signal.signal(signal.SIGALRM, expired)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    yield from limited(item, "set-up")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    yield from limited(item, "test")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    yield from limited(item, "tear-down")
