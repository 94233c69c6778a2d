#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A container runtime for one process: becomes what a file describes, as containerd would for a pod on the host's network.

    runtime.py SPEC [ARGUMENT...]

SPEC is JSON: root, argv, env, mounts [[source, target, read only]], read_only, capabilities (numbers), no_new_privileges,
refused (numbers of system calls) and arch. The process id stays: there is no process namespace, and no parent that waits.
"""

import contextlib
import ctypes
import json
import os
import struct
import sys

CLONE_NEWNS = 0x20000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_SECCOMP, PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 22, 23, 24, 38
SECCOMP_MODE_FILTER = 2
RET_ALLOW, RET_KILL, RET_EPERM = 0x7FFF0000, 0x80000000, 0x00050001
LD_W_ABS, JEQ, RET = 0x20, 0x15, 0x06
DEVICES = ("null", "zero", "full", "random", "urandom")
libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(source: str, target: str, flags: int, kind: str | None = None) -> None:
    text = [x.encode() if x else None for x in (source, target, kind)]
    check(libc.mount(*text, ctypes.c_ulong(flags), None), f"mount {target}")


def bind(source: str, target: str, read_only: bool) -> None:
    mount(source, target, MS_BIND | MS_REC)
    if read_only:
        mount("", target, MS_BIND | MS_REMOUNT | MS_RDONLY)


def make_devices(root: str) -> None:
    mount("tmpfs", f"{root}/dev", MS_NOSUID | MS_NOEXEC, "tmpfs")
    for name in DEVICES:
        with open(f"{root}/dev/{name}", "wb"):
            pass
        bind(f"/dev/{name}", f"{root}/dev/{name}", False)


def enter(spec: dict) -> None:
    """The mounts, and the root."""
    root = spec["root"]
    check(libc.unshare(CLONE_NEWNS), "unshare")
    mount("", "/", MS_REC | MS_PRIVATE)
    bind(root, root, False)
    mount("/proc", f"{root}/proc", MS_BIND)
    bind(f"{root}/proc/sys", f"{root}/proc/sys", True)
    bind("/sys", f"{root}/sys", True)
    make_devices(root)
    for source, target, read_only in spec["mounts"]:
        os.makedirs(root + target, exist_ok=True)
        bind(source, root + target, read_only)
    if spec["read_only"]:
        mount("", root, MS_BIND | MS_REMOUNT | MS_RDONLY)
    os.chdir(root)
    here = ctypes.c_char_p(b".")
    check(libc.pivot_root(here, here), "pivot_root")
    check(libc.umount2(here, MNT_DETACH), "umount")
    os.chdir("/")


def drop_capabilities(keep: list[int]) -> None:
    """What user 0 has after an exec is what the bounding set leaves."""
    for number in range(64):
        if number not in keep and libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1:
            check(libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), "capabilities")


def refuse(numbers: list[int], arch: int) -> None:
    rows = [(LD_W_ABS, 0, 0, 4), (JEQ, 1, 0, arch), (RET, 0, 0, RET_KILL), (LD_W_ABS, 0, 0, 0)]
    rows += [(JEQ, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    rows += [(RET, 0, 0, RET_ALLOW), (RET, 0, 0, RET_EPERM)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *row) for row in rows))
    program = ctypes.create_string_buffer(struct.pack("HP", len(rows), ctypes.addressof(code)))
    check(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0), "seccomp")


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        spec = json.load(file)
    argv = [*spec["argv"], *sys.argv[2:]]
    os.umask(0o022)
    enter(spec)
    os.setgroups([])
    drop_capabilities(spec["capabilities"])
    if spec["no_new_privileges"]:
        check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if spec["refused"]:
        refuse(spec["refused"], spec["arch"])
    # By hand: there is no Python any more whose modules os.execvpe could load.
    for folder in spec["env"]["PATH"].split(":") if "/" not in argv[0] else [""]:
        with contextlib.suppress(FileNotFoundError):
            os.execve(os.path.join(folder, argv[0]), argv, spec["env"])
    sys.exit(127)


if __name__ == "__main__":
    main()
