# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Builds, runs CTest and pytest, and tells their results as one list; called by tests/run.

CTest has the labels unit, contract, fuzz and check; pytest runs tests/aws/test_*.py and tests/kube/test_*.py,
whose labels are "aws" and "kube", and tests/lab/test_*.py, whose label is "matrix" for test_leak_matrix*.py
and "lab" for the others; those with a line of LINES have "aws", "kube", "ha" or "knowing" too. Both write
JUnit files, which are the truth for the counts; the lines printed
meanwhile only show that something moves.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build" / "dev"
RESULTS = TOP / "build" / "test-results"
LABELS = ("unit", "contract", "fuzz", "check", "aws", "kube", "lab", "ha", "knowing", "appliance", "matrix")
NEED_ROOT = {"contract", "lab", "ha", "knowing", "appliance", "matrix"}
PYTEST_LABELS = ("aws", "kube", "lab", "ha", "knowing", "appliance", "matrix")
# What a file of the lab says that has one of these labels, too.
LINES = {label: f"pytestmark = pytest.mark.{label}\n" for label in ("aws", "kube", "ha", "knowing", "appliance")}
LIMIT_S = 75 * 60  # for all tests together: a run that hangs must still end with its closing line
PEERS_LIMIT_S = 40 * 60  # for building the Kubernetes peers once, which doesn't count
SHOWN_LINES = 200  # of a failed test's output; the whole is in build/test-results

# A machine that stood still for a moment fails a test that waits for something; it proves nothing. So a few tests may run once
# more, alone, when the others are done; those that pass then are named at the end, with what they said before. A wrong
# packet, a sanitizer's report and a leftover are never forgiven, and neither is what doesn't depend on time.
AGAIN_LABELS = {"unit", "contract", "aws", "kube", "lab"}
AGAIN_MOST = 3  # more than that is no moment's fault
# pytest begins the line that failed with ">", and what it says of it with "E".
NEVER_AGAIN = re.compile(r"^[>E] .*(foreign|leak)|wrong source|Sanitizer|runtime error:|: Assertion `", re.M)

PASSED, FAILED, SKIPPED = "PASS", "FAIL", "SKIP"


@dataclass
class Result:
    name: str
    outcome: str
    seconds: float = 0.0
    detail: str = ""  # a failure's output, a skip's reason
    first: str = ""  # what failed in the run of all, if it passed when it ran alone


class Run:
    def __init__(self):
        self.results = []
        self.deadline = time.monotonic() + LIMIT_S

    def add(self, result):
        self.results.append(result)

    def fail(self, name, detail):
        show(FAILED, name, 0.0)
        self.add(Result(name, FAILED, detail=detail))

    def stream(self, argv, log, on_line, env=None):
        """Runs argv with its output in the file `log` and each line given to on_line. The exit status; None: out of time."""
        with open(log, "w", encoding="utf-8", errors="replace") as out, subprocess.Popen(
            argv, cwd=TOP, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
        ) as process:
            expired = []

            def on_alarm(_signum, _frame):
                # The first time politely, so that tests tear down what they made.
                group_signal = signal.SIGKILL if expired else signal.SIGINT
                expired.append(1)
                os.killpg(process.pid, group_signal)
                signal.alarm(60)

            signal.signal(signal.SIGALRM, on_alarm)
            signal.alarm(max(1, int(self.deadline - time.monotonic())))
            try:
                for line in process.stdout:
                    out.write(line)
                    out.flush()
                    on_line(line.rstrip("\n"))
                status = process.wait()
            except KeyboardInterrupt:
                os.killpg(process.pid, signal.SIGINT)
                for line in process.stdout:
                    out.write(line)
                process.wait()
                raise
            finally:
                signal.alarm(0)
        return None if expired else status


def show(outcome, name, seconds):
    print(f"{outcome}  {name}  {seconds:.2f} s", flush=True)


def tail(text, lines=SHOWN_LINES):
    all_lines = text.rstrip().splitlines()
    left_out = len(all_lines) - lines
    if left_out <= 0:
        return "\n".join(all_lines)
    return "\n".join([f"[{left_out} lines before this are in {RESULTS.relative_to(TOP)}]"] + all_lines[-lines:])


def plain(name):
    """A test's name as a file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:150]


def build(run):
    """Preset dev, which all tests use. The other presets are built by tests of label "check"."""
    for what, argv in (
        ("configure", ["cmake", "--preset", "dev"]),
        ("build", ["cmake", "--build", "--preset", "dev", "-j", str(jobs()), "--", "-k", "0"]),
    ):
        print(f"{what} (preset dev)", flush=True)
        began = time.monotonic()
        log = RESULTS / f"{what}.log"
        last = [began]

        def progress(line):
            match = re.match(r"\[(\d+)/(\d+)\]", line)
            if match and time.monotonic() - last[0] > 5:
                last[0] = time.monotonic()
                print(f"  {match[1]} of {match[2]}", flush=True)

        status = run.stream(argv, log, progress)
        if status != 0:
            lines = log.read_text(encoding="utf-8").splitlines()
            run.fail(f"{what} (preset dev)", "\n".join(l for l in lines if not re.match(r"\[\d+/\d+\] ", l)))
            return False
        print(f"  done in {time.monotonic() - began:.0f} s", flush=True)
    return True


def build_kube_peers(run):
    """The first time takes minutes, which no single test should have to wait for, and which shouldn't be silent.

    Where they can't be built (status 77), each test that wants them says why.
    """
    for script in ("peers-kube", "peers-clients"):
        began, deadline = time.monotonic(), run.deadline
        run.deadline = began + PEERS_LIMIT_S

        def progress(line):
            if not line.startswith(("/", "SKIP:")):  # the result is for the tests
                print(line, flush=True)

        log = RESULTS / f"{script}.log"
        print(f"Kubernetes {script}", flush=True)
        status = run.stream([str(TOP / "tests" / "kube" / script)], log, progress)
        run.deadline = deadline + time.monotonic() - began
        if status in (0, 77):
            print(f"  done in {time.monotonic() - began:.0f} s", flush=True)
        else:
            run.fail(f"kube {script}", log.read_text(encoding="utf-8"))


def jobs():
    return int(os.environ.get("EIPGW_JOBS") or len(os.sched_getaffinity(0)))


def lab_jobs():
    """Three for each processor: these tests wait for kernels, servers and each other for half of their time, and a sixth of it are
    those of EC2's addresses, which wait for nearly all of theirs."""
    return int(os.environ.get("EIPGW_JOBS") or jobs() * 3)


def test_env():
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", EIPGW_BUILD=str(BUILD))
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    return env


def remember_compilations():
    """What was compiled in another clone needn't be compiled again: a run in a fresh one is minutes shorter."""
    if shutil.which("ccache") is None:
        return
    for name, value in (("CMAKE_C_COMPILER_LAUNCHER", "ccache"), ("CCACHE_BASEDIR", str(TOP)), ("CCACHE_NOHASHDIR", "1"),
                        ("CCACHE_MAXSIZE", "2G")):
        os.environ.setdefault(name, value)


def label_pattern(labels):
    return "^(" + "|".join(labels) + ")$"


def ctest_list(labels=()):
    """What CTest would run: {name: its labels}."""
    argv = ["ctest", "--test-dir", str(BUILD), "--show-only=json-v1"]
    argv += ["-L", label_pattern(labels)] if labels else []
    done = subprocess.run(argv, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    tests = {}
    for test in json.loads(done.stdout)["tests"]:
        values = [p["value"] for p in test.get("properties", []) if p["name"] == "LABELS"]
        tests[test["name"]] = values[0] if values else []
    return tests


CTEST_LINE = re.compile(r"\s*\d+/\d+ Test +#\d+: (.+?) \.*\s*(\*\*\*)?([A-Za-z ]+?)\s+([\d.]+) sec")


def on_ctest_line(line):
    match = CTEST_LINE.match(line)
    if match:
        word = match[3].strip()
        outcome = {"Passed": PASSED, "Skipped": SKIPPED}.get(word, FAILED)
        show(outcome, match[1], float(match[4]))


def skip_reason(output):
    lines = [line for line in output.splitlines() if line.strip()]
    for line in lines:
        if "SKIP: " in line:
            return line.split("SKIP: ", 1)[1]
    return lines[-1].strip() if lines else "no reason given"


def ctest_result(case):
    output = case.findtext("system-out") or ""
    result = Result(case.get("name"), PASSED, float(case.get("time") or 0))
    skipped = case.find("skipped")
    if skipped is not None:
        reason = skipped.get("message") or ""
        # CTest also calls a test "skipped" whose program is missing: that is a failure.
        if reason.startswith(("SKIP_RETURN_CODE", "SKIP_REGULAR_EXPRESSION")):
            result.outcome, result.detail = SKIPPED, skip_reason(output)
        else:
            result.outcome, result.detail = FAILED, f"not run: {reason}\n{output}"
    elif case.get("status") == "disabled":
        result.outcome, result.detail = SKIPPED, "disabled"
    elif case.get("status") != "run" or case.find("failure") is not None:
        failure = case.find("failure")
        message = failure.get("message") if failure is not None else case.get("status")
        result.outcome = FAILED
        result.detail = output + (f"\n[{message}]" if message else "")
    return result


def ctest_results(run, which, workers, stem):
    """Runs what the options `which` of CTest select: {name: result}, and the exit status."""
    junit, log = RESULTS / f"{stem}.xml", RESULTS / f"{stem}.log"
    argv = ["ctest", "--test-dir", str(BUILD), *which, "-j", str(workers), "--output-junit", str(junit), "--timeout", "600",
            "--test-output-size-passed", "65536", "--test-output-size-failed", "1048576"]
    status = run.stream(argv, log, on_ctest_line, test_env())
    cases = ET.parse(junit).getroot().iter("testcase") if junit.exists() else ()
    return {result.name: result for result in map(ctest_result, cases)}, status


def run_ctest(run, labels):
    tests = ctest_list(labels)
    if not tests:
        return
    results, status = ctest_results(run, ["-L", label_pattern(labels)], jobs(), "ctest")
    for result in results.values():
        run.add(result)
    for name in tests.keys() - results.keys():
        run.fail(name, "the run ended before this test did" if status is None else "CTest lost it; see ctest.log")


def pytest_files(label):
    lab = TOP / "tests" / "lab"
    if label in LINES:
        also = {path for path in lab.glob("test_*.py") if LINES[label] in path.read_text(encoding="utf-8")}
        return sorted(also.union((TOP / "tests" / label).glob("test_*.py")))
    matrix = set(lab.glob("test_leak_matrix*.py"))
    return sorted(matrix if label == "matrix" else set(lab.glob("test_*.py")) - matrix)


PYTEST_LINE = re.compile(r"@@ (\w+) ([\d.]+) (.+)")
PYTEST_WORDS = {"passed": PASSED, "skipped": SKIPPED}


def pytest_name(node):
    """tests/lab/test_x.py::test_y[z] -> lab/test_x::test_y[z]"""
    path, _, test = node.partition("::")
    stem = Path(path).stem
    label = "matrix" if stem.startswith("test_leak_matrix") else Path(path).parent.name
    return f"{label}/{stem}::{test}"


def on_pytest_line(line):
    match = PYTEST_LINE.match(line)
    if match:
        show(PYTEST_WORDS.get(match[1], FAILED), pytest_name(match[3]), float(match[2]))


def pytest_result(case):
    # A file that can't be imported has no class name, and its own name is the module's.
    path = (case.get("classname") or case.get("name") or "").split(".")
    # xunit2 gives "tests.lab.test_x" or "tests.lab.test_x.TestClass".
    index = next((i for i, part in enumerate(path) if part.startswith("test_")), len(path) - 1)
    test = "::".join(path[index + 1:] + [(case.get("name") or "").rsplit("@", 1)[0]])
    test = test if case.get("classname") else "(import)"
    result = Result(pytest_name(f"{'/'.join(path[:index + 1])}.py::{test}"), PASSED, float(case.get("time") or 0))
    bad = [e for e in case if e.tag in ("failure", "error")]
    if bad:
        result.outcome = FAILED
        parts = [e.text or e.get("message") or "" for e in bad]
        parts += [case.findtext(tag) or "" for tag in ("system-out", "system-err")]
        text = "\n".join(part for part in parts if part)
        result.detail = re.sub(r"-{5,} Captured \w+ -{5,}\n\s*(?=-{5,}|\Z)", "", text)
    elif case.find("skipped") is not None:
        result.outcome, result.detail = SKIPPED, case.find("skipped").get("message") or "no reason given"
    return result


def pytest_results(run, targets, options, stem):
    """Runs files or tests with pytest: {name: result}, and the exit status."""
    junit, log = RESULTS / f"{stem}.xml", RESULTS / f"{stem}.log"
    env = test_env()
    env["PYTHONPATH"] = str(TOP / "tests" / "tools")
    argv = ["/usr/bin/python3", "-B", "-m", "pytest", "-p", "pytest_lines", "-p", "no:cacheprovider", *options,
            "--rootdir", str(TOP), "--junitxml", str(junit),
            "-o", "junit_family=xunit2", "-o", "junit_logging=all", "-q", *targets]
    status = run.stream(argv, log, on_pytest_line, env)
    results = {}
    if junit.exists():
        for case in ET.parse(junit).getroot().iter("testcase"):
            result = pytest_result(case)
            known = results.get(result.name)
            # A test whose tear-down failed is there twice: once passed, once with the error.
            if known is None or result.outcome == FAILED:
                results[result.name] = result
    return results, status


def run_pytest(run, labels):
    # A file may have two labels.
    files = list(dict.fromkeys(str(path.relative_to(TOP)) for label in labels for path in pytest_files(label)))
    if not files:
        return
    results, status = pytest_results(run, files, ["-n", str(lab_jobs()), "--dist", "loadgroup"], "pytest")
    for result in results.values():
        run.add(result)
    if status is None:
        run.fail("pytest", "the run ended before all tests did\n" + (RESULTS / "pytest.log").read_text(encoding="utf-8"))
    elif status != 0 and not any(r.outcome == FAILED for r in results.values()):
        run.fail("pytest", f"exit status {status}\n" + (RESULTS / "pytest.log").read_text(encoding="utf-8"))


def may_run_again(result):
    label, slash, _test = result.name.partition("/")
    return bool(slash) and "::(import)" not in result.name and label in AGAIN_LABELS and not NEVER_AGAIN.search(result.detail)


def run_again(run):
    """See AGAIN_LABELS. What passes now has passed, and keeps what it said first."""
    failed = [result for result in run.results if result.outcome == FAILED]
    if not failed or len(failed) > AGAIN_MOST or not all(map(may_run_again, failed)):
        return
    print("once more, alone", flush=True)
    for i, before in enumerate(failed):
        stem = f"again-{i}"
        if before.name.startswith(("unit/", "contract/")):
            results, _ = ctest_results(run, ["-R", f"^{re.escape(before.name)}$"], 1, stem)
        else:
            path, _, test = before.name.partition("::")
            results, _ = pytest_results(run, [f"tests/{path}.py::{test}"], [], stem)
        after = results.get(before.name)
        if after is not None and after.outcome == PASSED:
            before.outcome, before.first, before.seconds = PASSED, before.detail, after.seconds


def check_labels_have_tests(run, labels):
    """A label without tests is a mistake in the build files or a renamed file, not a success.

    So is a test without a known label: no run with labels would ever start it.
    """
    tests = ctest_list()
    for name in (name for name, values in tests.items() if not set(values) & set(LABELS)):
        run.fail(name, f"has none of the labels {' '.join(LABELS)}")
    found = {label for values in tests.values() for label in values}
    found |= {label for label in PYTEST_LABELS if pytest_files(label)}
    for label in labels:
        if label not in found:
            run.fail(label, f'no test has the label "{label}"')


def write_junit(results):
    suite = ET.Element("testsuite", name="eipgw", tests=str(len(results)))
    for result in results:
        case = ET.SubElement(suite, "testcase", name=result.name, time=f"{result.seconds:.3f}")
        if result.outcome == FAILED:
            ET.SubElement(case, "failure").text = re.sub(r"[^\t\n\x20-\ufffd]", "?", result.detail)
        elif result.outcome == SKIPPED:
            ET.SubElement(case, "skipped", message=result.detail)
    ET.ElementTree(suite).write(RESULTS / "junit.xml", encoding="utf-8", xml_declaration=True)


def report(results, seconds):
    """The failures' output, the skips' reasons, and the closing line. The exit status."""
    by_outcome = {o: [r for r in results if r.outcome == o] for o in (PASSED, FAILED, SKIPPED)}
    for result in by_outcome[FAILED]:
        (RESULTS / f"{plain(result.name)}.txt").write_text(result.detail, encoding="utf-8", errors="replace")
        print(f"\n==== FAIL {result.name}\n{tail(result.detail)}")
    for result in by_outcome[PASSED]:
        if result.first:
            (RESULTS / f"{plain(result.name)}.txt").write_text(result.first, encoding="utf-8", errors="replace")
            print(f"\n==== PASSED ALONE, failed among the others: {result.name}\n{tail(result.first)}")
    for result in by_outcome[SKIPPED]:
        print(f"SKIP  {result.name}: {result.detail}")
    write_junit(results)
    matrix = RESULTS / "leak-matrix.txt"
    if matrix.exists():
        print("\n" + matrix.read_text(encoding="utf-8"))
    print(f"took {seconds / 60:.1f} minutes; results are in {RESULTS.relative_to(TOP)}")
    counts = [len(by_outcome[o]) for o in (PASSED, FAILED, SKIPPED)]
    print("{} passed, {} failed, {} skipped".format(*counts), flush=True)
    return 0 if not by_outcome[FAILED] else 1


def parse_args():
    parser = argparse.ArgumentParser(
        prog="tests/run", description="Installs what is missing, builds, and runs the tests.",
        epilog="EIPGW_JOBS=N: how many tests run at the same time (default: one per processor).")
    parser.add_argument("labels", nargs="*", metavar="LABEL", help=f"only these: {' '.join(LABELS)}")
    args = parser.parse_args()
    for label in args.labels:
        if label not in LABELS:
            parser.error(f'no label "{label}"; there are {" ".join(LABELS)}')
    args.labels = [label for label in LABELS if label in args.labels] or list(LABELS)
    if NEED_ROOT & set(args.labels) and os.geteuid() != 0:
        parser.error("these tests need root: sudo tests/run")
    return args


def main():
    args = parse_args()
    began = time.monotonic()
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    remember_compilations()
    run = Run()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends the tests' processes, too
    try:
        if build(run):
            check_labels_have_tests(run, args.labels)
            if {"kube", "ha", "knowing"} & set(args.labels):
                build_kube_peers(run)
            run_ctest(run, args.labels)
            run_pytest(run, [label for label in PYTEST_LABELS if label in args.labels])
            run_again(run)
    except KeyboardInterrupt:
        run.fail("run", "interrupted")
    return report(run.results, time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
