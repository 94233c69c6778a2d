# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What the checks share: the list of the tree's files, C text without its prose, and how findings are told.

A check is a script with a function that takes a Tree and yields findings ("file:line: sentence"); it ends
with tree.main(function). `--root DIR` lets it look at another tree, as can_fail does.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
SKIP_STATUS = 77


class Tree:
    def __init__(self, root):
        self.root = Path(root).resolve()
        self._files = None

    def files(self, *suffixes):
        """Paths relative to the root, of all files that belong to the tree: no build output, nothing ignored."""
        if self._files is None:
            self._files = self._list()
        return [path for path in self._files if not suffixes or path.endswith(suffixes)]

    def _list(self):
        # safe.directory: under sudo the tree belongs to somebody else.
        argv = ["git", "-c", "safe.directory=*", "-C", str(self.root), "ls-files", "-z",
                "--cached", "--others", "--exclude-standard"]
        if (self.root / ".git").exists():
            out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
            names = sorted({name for name in out.split("\0") if name})
        else:
            names = sorted(str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file())
            names = [n for n in names if not n.startswith("build/") and "__pycache__" not in n]
        return [n for n in names if (self.root / n).is_file() and not (self.root / n).is_symlink()]

    def text(self, path):
        return (self.root / path).read_text(encoding="utf-8", errors="replace")

    def scripts(self, interpreter):
        """Files whose first line names the interpreter."""
        found = []
        for path in self.files():
            with open(self.root / path, "rb") as file:
                head = file.readline(128)
            if head.startswith(b"#!") and interpreter in head.decode(errors="replace"):
                found.append(path)
        return found


C_PROSE = re.compile(
    r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def c_code(text):
    """C text with comments and the insides of strings blanked; line numbers stay."""
    def blank(match):
        found = match[0]
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[-1]
        return re.sub(r"[^\n]", " ", found)

    return C_PROSE.sub(blank, text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def jobs():
    return len(os.sched_getaffinity(0))


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(SKIP_STATUS)


def run(argv, **more):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **more)


# The libraries whose headers the tree includes.
PACKAGES = ["libmnl", "libnftnl", "jansson", "libevent", "libcurl", "expat", "cmocka", "libbpf"]


def c_flags(files):
    """Enough for a compiler to understand any C file of the tree without the build's help."""
    out = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True, check=True)
    return ["-std=gnu17", "-D_GNU_SOURCE", '-DEIPGW_VERSION="0"', f"-I{files.root}", *out.stdout.split()]


def arguments(*names):
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default=TOP)
    for name in names:
        if name.startswith("--"):
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name)
    return parser.parse_args()


def main(check, *names):
    """Runs check(tree[, args]) and ends the process: 1 and a line per finding, or 0."""
    args = arguments(*names)
    tree = Tree(args.root)
    findings = list(check(tree, args) if names else check(tree))
    for finding in findings:
        print(finding)
    if findings:
        print(f"{len(findings)} findings")
    sys.exit(1 if findings else 0)
