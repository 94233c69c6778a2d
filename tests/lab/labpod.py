# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The node agent as the chart's pod, in the image's root file system: what kubelet and containerd would do with it."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from eipgwlab import netns
from eipgwlab.build import ROOT
from eipgwlab.daemons import SANITIZER_ENV, Daemon
from labkube import Kube

sys.path.insert(0, str(ROOT / "tests" / "kube"))

from kubeclients import SYSTEM, the  # noqa: E402

RUNTIME = ROOT / "tests" / "lab" / "eipgwlab" / "runtime.py"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# What containerd's default profile (RuntimeDefault) refuses to who hasn't the capability for it; we give NET_ADMIN only.
REFUSED = """acct add_key bpf chroot clock_adjtime clock_settime delete_module fanotify_init finit_module fsconfig fsmount fsopen
fspick init_module io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl lookup_dcookie mount
mount_setattr move_mount open_by_handle_at open_tree perf_event_open pivot_root quotactl reboot request_key setdomainname
sethostname setns settimeofday swapoff swapon syslog umount2 unshare userfaultfd vhangup""".split()


def call_numbers(names: list[str]) -> list[int]:
    """Those that this architecture has."""
    text = subprocess.run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"], capture_output=True,
                          text=True, check=True).stdout
    known = dict(re.findall(r"#define __NR_(\w+) (\d+)", text))
    return [int(known[name]) for name in names if name in known]


def image() -> dict[str, Any]:
    """What deploy/Dockerfile says about the process: ENTRYPOINT and ENV."""
    last = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").split("\nFROM scratch\n")[1]
    (entry,) = re.findall(r"^ENTRYPOINT (\[.*\])$", last, re.MULTILINE)
    return {"argv": json.loads(entry), "env": dict(re.findall(r"^ENV (\w+)=(\S+)$", last, re.MULTILINE))}


def privileges(context: dict[str, Any]) -> dict[str, Any]:
    """A container's securityContext. What isn't known here can't be shown to be enough."""
    context = dict(context)
    assert (context.pop("runAsUser"), context.pop("runAsGroup")) == (0, 0)
    assert context.pop("seccompProfile") == {"type": "RuntimeDefault"}
    capabilities = context.pop("capabilities")
    assert capabilities == {"drop": ["ALL"], "add": ["NET_ADMIN"]}
    found = {"read_only": context.pop("readOnlyRootFilesystem"), "no_new_privileges": not context.pop("allowPrivilegeEscalation"),
             "capabilities": [12], "refused": call_numbers(REFUSED), "arch": ARCH[os.uname().machine]}
    assert context == {}
    return found


class NodePod:
    """The DaemonSet's pod on one node. `daemon` is its container; `folder` is the node's disk."""

    def __init__(self, kube: Kube, objects: list[dict[str, Any]], node: str, rootfs: Path, folder: Path):
        self.kube, self.objects, self.node, self.rootfs = kube, objects, node, rootfs
        self.folder = folder / node
        self.spec = the(objects, "DaemonSet")["spec"]["template"]["spec"]
        assert self.spec["hostNetwork"] and not any("hostPath" in v for v in self.spec["volumes"])
        self.daemon: Daemon = kube.lab.daemons[node]
        self.daemon.control_path = self.folder / "run" / "node.sock"
        self._take_daemon()

    def _take_daemon(self) -> None:
        (container,) = self.spec["containers"]
        spec = self.prepare(container)
        self.daemon.command = lambda *more: [str(RUNTIME), str(spec), *more]  # type: ignore[method-assign]

    def prepare(self, container: dict[str, Any], name: str = "main", command: list[str] | None = None) -> Path:
        """The description of a container, or of a command in it; with a root file system of its own, which knows nothing
        of another container's mounts."""
        root = self.folder / f"root-{name}"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.rootfs, root, symlinks=True, copy_function=os.link)
        volumes = {v["name"]: self._volume(v) for v in self.spec["volumes"]}
        mounts = [(str(volumes[m["name"]]), m["mountPath"], m.get("readOnly", False)) for m in container["volumeMounts"]]
        mounts.append((str(self._account()), ACCOUNT, True))
        start = image()
        found = {"root": str(root), "argv": command or [*start["argv"], *container["args"]], "mounts": mounts,
                 "env": {**start["env"], **self._env(container)}, **privileges(container["securityContext"])}
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(found), encoding="utf-8")
        return path

    def _env(self, container: dict[str, Any]) -> dict[str, str]:
        fields = {"spec.nodeName": self.node, "status.hostIP": self.kube.lab.machines[self.node].address}
        own = {e["name"]: fields[e["valueFrom"]["fieldRef"]["fieldPath"]] for e in container["env"]}
        plane = self.kube.plane
        return {**own, **SANITIZER_ENV, "KUBERNETES_SERVICE_HOST": plane.bind, "KUBERNETES_SERVICE_PORT": str(plane.port)}

    def _volume(self, volume: dict[str, Any]) -> Path:
        if "emptyDir" in volume:
            path = self.folder / volume["name"]
            path.mkdir(parents=True, exist_ok=True)
            return path
        return self._files(volume["name"], the(self.objects, "ConfigMap", volume["configMap"]["name"])["data"])

    def _account(self) -> Path:
        token = self.kube.admin.token_for(SYSTEM, self.spec["serviceAccountName"])
        return self._files("account", {"token": token, "namespace": SYSTEM,
                                       "ca.crt": self.kube.plane.authority.ca_file.read_text()})

    def _files(self, name: str, files: dict[str, str]) -> Path:
        path = self.folder / name
        path.mkdir(parents=True, exist_ok=True)
        for stem, text in files.items():
            (path / stem).write_text(text, encoding="utf-8")
        return path

    def execute(self, container: dict[str, Any], command: list[str], name: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command in such a container to its end, on the node's network."""
        spec = self.prepare(container, name, command)
        return netns.execute(["ip", "netns", "exec", self.daemon.netns, str(RUNTIME), str(spec)], check=False)

    def probe(self, kind: str) -> "subprocess.CompletedProcess[str]":
        (container,) = self.spec["containers"]
        return self.execute(container, container[kind]["exec"]["command"], "probe")

    def run_init(self) -> "list[subprocess.CompletedProcess[str]]":
        """The init containers, one after the other."""
        start = image()["argv"]
        return [self.execute(c, [*start, *c["args"]], c["name"]) for c in self.spec.get("initContainers", [])]

    def __str__(self) -> str:
        return shlex.join(self.daemon.command())
