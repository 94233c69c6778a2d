# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A virtual machine in the place of one of the lab's machines: it takes over the machine's cable, MAC and address, and gets what
EC2 would give it: an address by DHCP, and its metadata at 169.254.169.254. Software emulation, so it takes its time."""

import contextlib
import ipaddress
import json
import re
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import model, netns
from .wait import wait_until

if TYPE_CHECKING:
    from .lab import Lab

METADATA = "169.254.169.254"
BOOT_DEADLINE = 300.0  # emulated, beside other tests
ENDS = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\r")


class Guest:
    """One machine's replacement. close() ends what it started; the lab takes its namespace away."""

    def __init__(self, lab: "Lab", name: str, image: Path, directory: Path, memory: int = 512):
        self.machine = lab.machines[name]
        self.netns = lab.netns_of(name)
        self.serial = directory / "serial.log"
        self._disk = directory / "disk.qcow2"
        self._control = directory / "qmp.sock"
        self._memory = memory
        self._processes: list[subprocess.Popen[bytes]] = []
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", image, self._disk], check=True)
        self._plug()
        self._serve_addresses()

    def _plug(self) -> None:
        """The machine's cable goes on to the guest, which has the machine's MAC."""
        [eni] = self.machine.enis
        netns.ip_batch([
            f"addr flush dev {eni.device}", f"link set {eni.device} down", f"link set {eni.device} address 02:ff:00:00:00:01",
            f"link add br0 mtu {model.MTU_VPC} address 02:ff:00:00:00:02 type bridge mcast_snooping 0",
            "tuntap add dev tap0 mode tap", f"link set tap0 mtu {model.MTU_VPC}",
            f"link set {eni.device} master br0", "link set tap0 master br0",
            # Nobody sees this side but the guest.
            f"link set {eni.device} up", "link set tap0 up", "link set br0 up",
            f"addr add {self._server()}/24 dev br0", f"addr add {METADATA}/32 dev br0"], netns=self.netns)

    def _server(self) -> str:
        """As whom DHCP answers: the subnet's last address, which no machine has."""
        return str(ipaddress.ip_network(f"{self.machine.address}/24", strict=False)[-2])

    def _serve_addresses(self) -> None:
        [eni] = self.machine.enis
        self._start(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=br0", "--bind-interfaces",
                     "--no-ping", "--leasefile-ro", f"--dhcp-range={self.machine.address},static,255.255.255.0,infinite",
                     f"--dhcp-host={eni.mac},{self.machine.address}", f"--dhcp-option=3,{eni.gateway}",
                     f"--dhcp-option=121,{METADATA}/32,0.0.0.0,0.0.0.0/0,{eni.gateway}", f"--dhcp-option=26,{model.MTU_VPC}",
                     "--log-dhcp"])

    def _start(self, argv: list[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["ip", "netns", "exec", self.netns, *argv], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._processes.append(process)
        return process

    def boot(self) -> None:
        [eni] = self.machine.enis
        self._start(["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "qemu64", "-smp", "2",
                     "-m", str(self._memory), "-display", "none", "-nodefaults", "-serial", f"file:{self.serial}",
                     "-qmp", f"unix:{self._control},server=on,wait=off", "-drive", f"file={self._disk},if=virtio,format=qcow2",
                     "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device",
                     f"virtio-net-pci,netdev=n0,mac={eni.mac},host_mtu={model.MTU_VPC}", "-object", "rng-random,id=r0,filename=/dev/urandom",
                     "-device", "virtio-rng-pci,rng=r0", "-device", "i6300esb", "-watchdog-action", "reset"])

    # ---- what it says ----------------------------------------------------------------------------

    def console(self) -> str:
        if not self.serial.exists():
            return ""
        return ENDS.sub(b"", self.serial.read_bytes()).decode(errors="replace")

    def wait_says(self, text: str, times: int = 1, deadline: float = BOOT_DEADLINE) -> None:
        wait_until(lambda: self.console().count(text) >= times, deadline, f"the console says {text!r} {times} times")

    # ---- what is done to it ----------------------------------------------------------------------

    def order(self, command: str, **arguments: Any) -> None:
        """One command of QEMU's machine protocol."""
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(30)
            sock.connect(str(self._control))
            stream = sock.makefile("rw", encoding="utf-8")
            json.loads(stream.readline())
            for line in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                stream.write(json.dumps(line) + "\n")
                stream.flush()
                while "event" in (answer := json.loads(stream.readline())):
                    pass
                assert "return" in answer, answer

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.kill()
            process.wait()
