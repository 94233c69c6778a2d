# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A virtual machine in the place of one of the lab's machines: it takes over the machine's cable, MAC and address, and gets what
EC2 would give it: an address by DHCP, and its metadata at 169.254.169.254. Software emulation, so it takes its time.

An image has no way in. The guest's first boot gets a unit from its hypervisor, by a credential in SMBIOS (systemd.exec(5)), which from the second
boot on is a shell on a serial port of its own: run()."""

import base64
import contextlib
import ipaddress
import json
import re
import secrets
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import model, netns
from .cloud import METADATA_ADDRESS, Emulator
from .wait import wait_until

if TYPE_CHECKING:
    from .lab import Lab

BOOT_DEADLINE = 300.0  # emulated, beside other tests
ENDS = re.compile(rb"\x1b\[[0-9;?]*[a-zA-Z]|\r")
ORDER_DEADLINE = 180.0
# For tmpfiles.d(5). systemd has read its units already when this is written, so it takes effect with the next boot; a reset may come
# at any time, so it's written to the disk at once.
SHELL = r"""
f /etc/systemd/system/lab-shell.service 0644 root root - [Service]\nExecStart=/bin/sh /dev/ttyS1\nRestart=always\nStandardInput=tty\nStandardOutput=tty\nTTYPath=/dev/ttyS1\nExecStartPre=/bin/stty raw -echo\nEnvironment=DEBIAN_FRONTEND=noninteractive SYSTEMD_URLIFY=0 SYSTEMD_COLORS=0 SYSTEMD_PAGER=cat\n
L /etc/systemd/system/multi-user.target.wants/lab-shell.service - - - - ../lab-shell.service
w /proc/sysrq-trigger - - - - s
"""


class Guest:
    """One machine's replacement. close() ends what it started; the lab takes its namespace away."""

    def __init__(self, lab: "Lab", name: str, image: Path, directory: Path, memory: int = 512, more: Path | None = None):
        """directory: where its disk grows. more: a file that it has as a second disk, /dev/vdb, to read."""
        self.lab = lab
        self.machine = lab.machines[name]
        self.netns = lab.netns_of(name)
        self.serial = lab.directory / "log" / f"console-{name}.log"
        self._disk = directory / f"{name}.qcow2"
        self._control = lab.directory / "run" / f"{name}.qmp"  # sockets' paths must be short
        self._shell = lab.directory / "run" / f"{name}.tty"
        self._memory = memory
        self._more = more
        self._metadata: Emulator | None = None
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
            "tuntap add dev tap0 mode tap",
            # Emulation is slow: a burst waits rather than is lost.
            f"link set tap0 mtu {model.MTU_VPC} txqueuelen 70000",
            f"link set {eni.device} master br0", "link set tap0 master br0",
            # Nobody sees this side but the guest.
            f"link set {eni.device} up", "link set tap0 up", "link set br0 up",
            f"addr add {self._server()}/24 dev br0"], netns=self.netns)

    def _server(self) -> str:
        """As whom DHCP answers: the subnet's last address, which no machine has."""
        return str(ipaddress.ip_network(f"{self.machine.address}/24", strict=False)[-2])

    def _serve_addresses(self) -> None:
        [eni] = self.machine.enis
        self._start(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--interface=br0", "--bind-interfaces",
                     "--pid-file=", "--no-ping", "--leasefile-ro", f"--dhcp-range={self.machine.address},static,255.255.255.0,infinite",
                     f"--dhcp-host={eni.mac},{self.machine.address}", f"--dhcp-option=3,{eni.gateway}",
                     f"--dhcp-option=121,{METADATA_ADDRESS}/32,0.0.0.0,0.0.0.0/0,{eni.gateway}", f"--dhcp-option=26,{model.MTU_VPC}",
                     "--log-dhcp"])

    def _start(self, argv: list[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["ip", "netns", "exec", self.netns, *argv], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        self._processes.append(process)
        return process

    def serve_metadata(self, user_data: bytes) -> None:
        """What EC2 tells the instance from now on. Before boot(), or order("system_reset")."""
        if self._metadata:
            self._metadata.close()
        self._metadata = Emulator(self.lab, associated=True, user_data=user_data)

    def boot(self) -> None:
        [eni] = self.machine.enis
        credential = base64.b64encode(SHELL.encode()).decode()
        second = ["-drive", f"file={self._more},if=virtio,format=raw,readonly=on"] if self._more else []
        self._start(["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-machine", "q35", "-cpu", "qemu64", "-smp", "2",
                     "-m", str(self._memory), "-display", "none", "-nodefaults", "-serial", f"file:{self.serial}",
                     "-serial", f"unix:{self._shell},server=on,wait=off",
                     "-smbios", f"type=11,value=io.systemd.credential.binary:tmpfiles.extra={credential}",
                     "-qmp", f"unix:{self._control},server=on,wait=off", "-drive", f"file={self._disk},if=virtio,format=qcow2", *second,
                     "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no", "-device",
                     f"virtio-net-pci,netdev=n0,mac={eni.mac},host_mtu={model.MTU_VPC}", "-object", "rng-random,id=r0,filename=/dev/urandom",
                     "-device", "virtio-rng-pci,rng=r0"])

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

    def run(self, command: str, deadline: float = ORDER_DEADLINE) -> str:
        """What a command of the guest's shell says on both outputs; it must end well."""
        end = secrets.token_hex(8)
        script = f"{{ {command}\n}} </dev/null 2>&1; echo {end[:8]}'{end[8:]}' $?\n"  # an echo of the line isn't the end
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
            sock.settimeout(deadline)
            sock.connect(str(self._shell))
            sock.sendall(script.encode())
            said = b""
            while not (found := re.search(rf"{end} (\d+)\r?\n".encode(), said)):
                piece = sock.recv(65536)
                assert piece, f"the guest is gone: {said!r}"
                said += piece
        text = ENDS.sub(b"", said[:found.start()]).decode(errors="replace")
        assert found[1] == b"0", f"{command}: exit {found[1].decode()}: {text}"
        return text

    def close(self) -> None:
        if self._metadata:
            self._metadata.close()
        for process in reversed(self._processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        self._disk.unlink()
