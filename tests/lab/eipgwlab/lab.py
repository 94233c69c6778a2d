# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Lab: one model of a VPC in network namespaces, with its pods, traffic, exit counter and daemons.

    with Lab("cni-nft") as lab:
        lab.start_daemons()
        assert lab.pods["p1"].probe().seen == lab.eip("bank")
        assert lab.foreign() == {}
        assert lab.check_logs() == []
"""

import atexit
import contextlib
import ipaddress
import json
import os
import secrets
import signal
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from . import cni, configs, evidence, model, netns, services, state, topology
from .agent import ECHO_PORT, PUSH_PORT, UDP_PORT, Agent, Station
from .build import program, tools
from .daemons import Daemon
from .exits import ZERO, ExitCounter, ExitRow, Mark, by_source
from .model import EgressIp, Machine, Pod


class PodStation(Station):
    """A pod: a station whose default destination is the server that is only its own."""

    def __init__(self, pod: Pod, netns_name: str, start_agent: Any):
        super().__init__(pod.name, netns_name, start_agent, pod.server)
        self.pod = pod

    @property
    def address(self) -> str:
        return self.pod.address

    @property
    def node(self) -> str:
        return self.pod.node


class Vm(Station):
    """An instance of the private subnet that isn't a node."""

    def __init__(self, machine: Machine, netns_name: str, server: str, start_agent: Any):
        super().__init__(machine.name, netns_name, start_agent, server)
        self.address = machine.address


class Lab:
    """A lab that is up from entering the with block until leaving it, however it is left."""

    def __init__(self, flavour: str = "cni-nft", *, name: str | None = None, detached: bool = False,
                 sgp_veth_prefix: str = "vlan", three: bool = False):
        """detached: the lab outlives this process (for interactive use).

        three: with a third gateway, gw-c, and a third egress IP.

        sgp_veth_prefix: the CNI names the host's end of a strict-mode branch pod vlan<hash>.
        """
        self.flavour = cni.FLAVOURS[flavour]
        self.name = name or secrets.token_hex(3)
        self.prefix = f"eglab-{self.name}"
        self.directory = state.root() / self.name
        self.detached = detached
        self.attached = False
        self.gateways = model.THREE_GATEWAYS if three else model.GATEWAYS
        self.machines: dict[str, Machine] = model.machines(three)
        self.egress_ips: dict[str, EgressIp] = dict(model.THREE_EGRESS_IPS if three else model.EGRESS_IPS)
        self.carriers: dict[str, str] = {name: "gw-a" for name in self.egress_ips}
        self.stations: dict[str, Station] = {}
        self.pods: dict[str, PodStation] = {}
        self.vms: dict[str, Vm] = {}
        self.daemons: dict[str, Daemon] = {}
        self._servers: dict[str, str] = {}        # pod name -> server, also of pods that are gone
        self._expected: dict[str, frozenset[str]] = {}
        self._sgp_veth_prefix = sgp_veth_prefix
        self._lifeline: tuple[int, int] | None = None
        self._baseline: Mark = ZERO
        self._names: list[str] = []
        self._is_up = False

    # ---- life ------------------------------------------------------------------------------------

    def __enter__(self) -> "Lab":
        return self.up()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.down()

    def up(self) -> "Lab":
        """Builds everything but the daemons. On any failure nothing is left behind."""
        state.sweep()
        tools()
        _clean_up_on_signals()
        try:
            self._build()
        except BaseException:
            self.down()
            raise
        return self

    def _build(self) -> None:
        core = list(topology.CORE) + (["natgw"] if self.flavour.nat_gateway else [])
        self._names = [self.netns_of(name) for name in (*core, *self.machines)]
        if state.read(self.directory):
            raise RuntimeError(f"there is a lab named {self.name} already")
        self._is_up = True
        state.create(self.directory, self._state())
        if not self.detached:
            self._lifeline = os.pipe()
            atexit.register(self.down)
        self._build_network()
        for name in (*core, *self.machines):
            self._station(name)
        self._build_exit()
        self.stations["inet"].listen(tcp=ECHO_PORT, udp=UDP_PORT, push=PUSH_PORT, icmp=True)
        pods = [self._new_pod(name, node, address, egress)
                for name, node, address, egress in model.DEFAULT_PODS]
        self._plug(pods)
        for node in model.NODES:
            self.cni_restore(node)
        self._make_daemons()

    def down(self) -> None:
        """Ends daemons and helpers and removes namespaces and files. Safe to call again."""
        if not self._is_up:
            return
        with _signals_ignored():
            self._is_up = False
            atexit.unregister(self.down)
            for station in (*self.stations.values(), *self.pods.values(), *self.vms.values()):
                station.forget_agent()
            state.remove(self.directory, self._names)
            for daemon in self.daemons.values():
                daemon.close()
            if self._lifeline:
                os.close(self._lifeline[0])
                os.close(self._lifeline[1])
                self._lifeline = None

    @classmethod
    def attach(cls, name: str) -> "Lab":
        """A lab that another process brought up with detached=True."""
        found = state.read(state.root() / name)
        if found is None:
            raise LookupError(f"there is no lab named {name}")
        lab = cls(found["flavour"], name=name, detached=True)
        lab.attached = lab._is_up = True
        lab._names = list(found["namespaces"])
        for machine in (*topology.CORE, *lab.machines):
            lab._station(machine)
        for fields in found["pods"]:
            pod = Pod(**fields)
            lab.pods[pod.name] = lab._pod_station(pod)
        lab._servers = dict(found["servers"])
        lab._expected = {pod: frozenset(sources) for pod, sources in found["expected"].items()}
        lab._make_daemons()
        for daemon_name, pid in found["daemons"].items():
            lab.daemons[daemon_name].adopt(pid)
        return lab

    def _state(self) -> dict[str, Any]:
        owner = None if self.detached else {"pid": os.getpid(), "birth": state.birth(os.getpid())}
        return {
            "name": self.name, "flavour": self.flavour.name, "owner": owner,
            "namespaces": self._names,
            "pods": [vars(station.pod) for station in self.pods.values()],
            "servers": self._servers,
            "expected": {pod: sorted(sources) for pod, sources in self._expected.items()},
            "daemons": {name: d.pid for name, d in self.daemons.items() if d.pid},
        }

    def save(self) -> None:
        """Writes the state file, for other processes that look at this lab."""
        state.write(self.directory, self._state())

    # ---- building --------------------------------------------------------------------------------

    def netns_of(self, name: str) -> str:
        """The full name of a namespace, as ip netns shows it."""
        return f"{self.prefix}-{name}"

    def _build_network(self) -> None:
        machines = self.machines.values()
        natgw = self.flavour.nat_gateway
        netns.ip_batch(f"netns add {name}" for name in self._names)
        for name in self._names:
            netns.sysctl(name, topology.COMMON_SYSCTLS)
        for name in ("igw", "vpc", *(["natgw"] if natgw else [])):
            netns.sysctl(self.netns_of(name), topology.ROUTER_SYSCTLS)
        for machine in machines:
            netns.sysctl(self.netns_of(machine.name), topology.NODE_SYSCTLS
                         if machine.name in model.NODES else topology.GATEWAY_SYSCTLS)
        netns.sysctl(self.netns_of("inet"), topology.INTERNET_SYSCTLS)
        netns.ip_batch(topology.cables(self.prefix, machines, natgw))
        netns.ip_batch(topology.internet_lines(), self.netns_of("inet"))
        netns.ip_batch(topology.igw_lines(), self.netns_of("igw"))
        netns.ip_batch(topology.vpc_lines(machines, natgw), self.netns_of("vpc"))
        for machine in machines:
            netns.ip_batch(topology.machine_lines(machine), self.netns_of(machine.name))
        self._forwarding([(m, eni) for m in machines for eni in m.enis])
        self.nft("vpc", topology.source_check(machines))
        if natgw:
            netns.ip_batch(topology.natgw_lines(), self.netns_of("natgw"))
            self.nft("natgw", topology.NATGW_RULES)
        for node in model.NODES:
            lines = [topology.CNI_MARK_RULE]
            if self.flavour.branch_pods:
                lines += topology.strict_groups_lines()
                netns.sysctl(self.netns_of(node), topology.STRICT_GROUPS_SYSCTLS)
            netns.ip_batch(lines, self.netns_of(node))
            netns.sysctl(self.netns_of(node), {"net.ipv4.conf.eth0.rp_filter": 2})

    def _forwarding(self, enis: list[tuple[Machine, model.Eni]]) -> None:
        lines = [line for machine, eni in enis for line in topology.forwarding_lines(machine, [eni])]
        netns.execute(["bridge", "-batch", "-"], netns=self.netns_of("vpc"),
                      stdin="\n".join(lines) + "\n")

    def _build_exit(self) -> None:
        igw = self.stations["igw"].agent
        igw.call("igw_load", object=str(tools() / "igw.bpf.o"), inside="vpc0", outside="inet0")
        for machine in self.machines.values():
            if machine.public:
                self.map_public(machine.public, machine.address)
        for egress_ip in self.egress_ips.values():
            self.map_public(egress_ip.public, egress_ip.private[self.carriers[egress_ip.name]])
        if self.flavour.nat_gateway:
            self.map_public(model.NATGW_PUBLIC, model.NATGW_PRIVATE)

    def _station(self, name: str) -> Station:
        station = Station(name, self.netns_of(name), lambda: self._start_agent(name))
        self.stations[name] = station
        return station

    def _pod_station(self, pod: Pod) -> PodStation:
        return PodStation(pod, self.netns_of(pod.name), lambda: self._start_agent(pod.name))

    def _start_agent(self, name: str) -> Agent:
        path = self.directory / "agent" / f"{name}.sock"
        if self.attached and path.exists():
            return Agent(path)
        read_end = self._lifeline[0] if self._lifeline else None
        log = self.directory / "log" / f"labtool-{name}.log"
        return Agent.start(self.netns_of(name), path, read_end, log)

    def _make_daemons(self) -> None:
        for name in model.NODES:
            self.daemons[name] = Daemon(name, "eipgw-noded", self.netns_of(name), self.directory,
                                        configs.node(self, name))
        for name in self.gateways:
            self.daemons[name] = Daemon(name, "eipgwd", self.netns_of(name), self.directory,
                                        configs.gateway(self, name))

    # ---- pods ------------------------------------------------------------------------------------

    def _new_pod(self, name: str, node: str, address: str, egress: str | None, namespace: str = "default") -> Pod:
        machine = self.machines[node]
        server = self._servers.setdefault(name, model.server_of(len(self._servers)))
        pod = Pod(name, node, address, server, egress, namespace)
        prefix = "eni"
        if name in self.flavour.branch_pods:
            taken = {s.pod.vlan for s in self.pods.values() if s.pod.node == node}
            pod.vlan = next(n for n in range(1, 100) if n not in taken)
            prefix = self._sgp_veth_prefix
        elif machine.eni_of(address) is None:
            self.assign_private(node, address)
        pod.veth = model.veth_name(prefix, pod.namespace, name)
        self.expect(name, self._usual_sources(node, egress))
        return pod

    def _usual_sources(self, node: str, egress: str | None) -> set[str]:
        if egress:
            return {self.egress_ips[egress].public}
        if self.flavour.nat_gateway:
            return {model.NATGW_PUBLIC}
        public = self.machines[node].public
        return {public} if public else set()

    def _eni_of(self, pod: Pod) -> model.Eni:
        machine = self.machines[pod.node]
        if pod.vlan is not None:
            device = f"vlan.eth.{pod.vlan}"
            found = next((eni for eni in machine.enis if eni.device == device), None)
        else:
            found = machine.eni_of(pod.address)
        if found is None:
            raise LookupError(f"no interface of {pod.node} owns {pod.address}")
        return found

    def _plug(self, pods: list[Pod]) -> None:
        """Makes pods, all at once: three rounds of ip(8) instead of three for each."""
        names = [self.netns_of(pod.name) for pod in pods]
        self._names += names
        self.save()
        for pod in pods:
            if pod.vlan is not None:
                self._attach_branch(pod)
        netns.ip_batch([f"netns add {name}" for name in names] +
                       [topology.pod_cable(self.prefix, pod) for pod in pods])
        for pod in pods:
            netns.sysctl(self.netns_of(pod.name), topology.COMMON_SYSCTLS)
            netns.ip_batch(topology.pod_lines(pod), self.netns_of(pod.name))
        for node in {pod.node: None for pod in pods}:
            lines = [line for pod in pods if pod.node == node
                     for line in topology.pod_node_lines(pod, self._eni_of(pod))]
            netns.ip_batch(lines, self.netns_of(node))
        for pod in pods:
            station = self.pods[pod.name] = self._pod_station(pod)
            station.listen(tcp=ECHO_PORT, udp=UDP_PORT, push=PUSH_PORT)
        self.save()

    def _attach_branch(self, pod: Pod) -> None:
        """A branch interface: AWS takes the pod's address off the node's own interface."""
        machine = self.machines[pod.node]
        assert pod.vlan is not None
        eni = topology.branch_eni(pod.vlan, pod.address, machine.zone)
        machine.enis.append(eni)
        netns.ip_batch([topology.cable(self.prefix, (machine.name, eni.device),
                                       ("vpc", machine.port(eni)), model.MTU_VPC, eni.mac)])
        netns.ip_batch(topology.port_lines(machine, eni), self.netns_of("vpc"))
        self._forwarding([(machine, eni)])
        self.nft("vpc", f'add element bridge vpc interface {{ "{machine.port(eni)}" }}\n'
                 f"add element bridge vpc owned {{ {topology.source_elements(machine, eni)[0]} }}")

    def add_pod(self, name: str, node: str, address: str, egress: str | None = None,
                namespace: str = "default") -> PodStation:
        """Plugs a pod in as the CNI does. Its name keeps its server, and on strict branch flavours
        the branch_pods keep their branch interface. egress only says what the exit may see."""
        pod = self._new_pod(name, node, address, egress, namespace)
        self._plug([pod])
        self._services_changed()
        return self.pods[name]

    def delete_pod(self, name: str) -> None:
        """Unplugs a pod as the CNI does; what its flows left behind at the exit stays counted."""
        station = self.pods.pop(name)
        pod = station.pod
        machine = self.machines[pod.node]
        eni = self._eni_of(pod)
        station.forget_agent()
        netns.ip_batch(topology.pod_gone_lines(pod, eni), self.netns_of(pod.node), force=True)
        netns.delete([station.netns])
        self._names.remove(station.netns)
        if pod.vlan is not None:
            machine.enis.remove(eni)
        self.save()
        self._services_changed()

    def replace_pod(self, name: str, address: str) -> PodStation:
        """Deletes a pod and brings it back under its name on the same node, with another address."""
        pod = self.pods[name].pod
        self.delete_pod(name)
        return self.add_pod(name, pod.node, address, pod.egress, pod.namespace)

    def add_namespace(self, name: str) -> str:
        """An empty one, for what a test builds itself. Its full name."""
        full = self.netns_of(name)
        self._names.append(full)
        self.save()
        netns.ip_batch([f"netns add {full}"])
        netns.sysctl(full, topology.COMMON_SYSCTLS)
        return full

    def stand_in(self, name: str, sources: Iterable[str]) -> str:
        """A server for packets that no pod of the lab sends, which the exit may see from these sources only."""
        self.expect(name, sources)
        return self._servers.setdefault(name, model.server_of(len(self._servers)))

    # ---- the VPC and AWS -------------------------------------------------------------------------

    def assign_private(self, machine_name: str, address: str, device: str = "eth0") -> None:
        """AssignPrivateIpAddresses: from now on the interface owns the address, or prefix."""
        machine = self.machines[machine_name]
        eni = next(eni for eni in machine.enis if eni.device == device)
        eni.secondary.append(address)
        each = [str(a) for a in ipaddress.IPv4Network(address)]
        netns.ip_batch(topology.neighbour_lines(eni, each), self.netns_of("vpc"))
        self.nft("vpc", f'add element bridge vpc owned {{ "{machine.port(eni)}" . {address} }}')

    def map_public(self, public: str, private: str) -> None:
        """AssociateAddress with reassociation allowed."""
        self.stations["igw"].agent.call("igw_map", public=public, private=private)

    def unmap_public(self, public: str) -> None:
        """DisassociateAddress: packets from and to it die at the internet gateway."""
        self.stations["igw"].agent.call("igw_unmap", public=public)

    def move_egress(self, name: str, gateway: str) -> None:
        """Associates an egress IP with another gateway's private address. Configs are not touched."""
        egress_ip = self.egress_ips[name]
        self.map_public(egress_ip.public, egress_ip.private[gateway])
        self.carriers[name] = gateway

    def add_vm(self, name: str, address: str, sources: Iterable[str] = ()) -> Vm:
        """Starts an instance in the private subnet; sources are what the exit may see of it."""
        machine = Machine(name, "p", [model.Eni("eth0", address, "p")])
        eni = machine.enis[0]
        netns_name = self.netns_of(name)
        self._names.append(netns_name)
        self._servers[name] = model.server_of(len(self._servers))
        self.expect(name, sources)
        self.save()
        netns.ip_batch([f"netns add {netns_name}",
                        topology.cable(self.prefix, (name, eni.device), ("vpc", machine.port(eni)),
                                       model.MTU_VPC, eni.mac)])
        netns.sysctl(netns_name, topology.COMMON_SYSCTLS)
        netns.ip_batch(topology.machine_lines(machine), netns_name)
        netns.ip_batch(topology.port_lines(machine, eni), self.netns_of("vpc"))
        self._forwarding([(machine, eni)])
        self.nft("vpc", f'add element bridge vpc interface {{ "{machine.port(eni)}" }}\n'
                 f"add element bridge vpc owned {{ {topology.source_elements(machine, eni)[0]} }}")
        vm = Vm(machine, netns_name, self._servers[name], lambda: self._start_agent(name))
        self.vms[name] = vm
        return vm

    def route_private(self, machine: str | None) -> None:
        """ReplaceRoute of the private subnet's default route: to a machine, or to nothing."""
        target = self.machines[machine].enis[0] if machine else None
        netns.ip_batch([topology.private_route(target)], self.netns_of("vpc"))

    def check_interface(self, machine_name: str, on: bool) -> None:
        """The source/dest check of a machine's primary interface."""
        machine = self.machines[machine_name]
        port = f'{{ "{machine.port(machine.enis[0])}" }}'
        self.nft("vpc", f"add element bridge vpc unchecked {port}" +
                 (f"\ndelete element bridge vpc unchecked {port}" if on else ""))

    def cut(self, machine: str) -> None:
        """Nothing gets to or from a machine any more. It is dead for everybody else; for itself its
        links are up, as when AWS loses a host or a network."""
        self._cut("add", machine)

    def mend(self, machine: str) -> None:
        self._cut("delete", machine)

    def _cut(self, verb: str, machine_name: str) -> None:
        machine = self.machines[machine_name]
        ports = ", ".join(f'"{machine.port(eni)}"' for eni in machine.enis)
        self.nft("vpc", f"{verb} element bridge vpc cut {{ {ports} }}")

    def source_check_drops(self) -> dict[tuple[str, str], int]:
        """What AWS's source check dropped: {(machine, source address): packets}."""
        return self._check_drops("denied")

    def dest_check_drops(self) -> dict[tuple[str, str], int]:
        """The same by the destination check: {(machine, destination address): packets}."""
        return self._check_drops("undelivered")

    def _check_drops(self, which: str) -> dict[tuple[str, str], int]:
        listing = netns.execute(["nft", "-j", "list", "set", "bridge", "vpc", which],
                                netns=self.netns_of("vpc"))
        drops: dict[tuple[str, str], int] = {}
        for item in json.loads(listing.stdout)["nftables"]:
            for element in item.get("set", {}).get("elem", []):
                port, source = element["elem"]["val"]["concat"]
                key = (port.partition(".")[0], source)
                drops[key] = drops.get(key, 0) + element["elem"]["counter"]["packets"]
        return drops

    # ---- the CNI, kube-proxy and other people's commands ------------------------------------------

    def nft(self, name: str, script: str) -> None:
        netns.execute(["nft", "-f", "-"], netns=self.netns_of(name), stdin=script)

    def cni_restore(self, node: str) -> None:
        """Installs the flavour's rules of CNI and kube-proxy again; a no-op where they stand."""
        pods = {name: station.pod for name, station in self.pods.items()}
        text = cni.restore_input(self.flavour, node, self.machines[node].address,
                                 services.services(pods, list(self._servers.values())))
        netns.execute([f"{self.flavour.backend}-restore"], netns=self.netns_of(node), stdin=text,
                      env={"XTABLES_LOCKFILE": str(self.directory / f"xtables-{node}.lock")})
        script = cni.nft_connmark(self.flavour)
        if script:
            self.nft(node, script)

    def _services_changed(self) -> None:
        for node in model.NODES:
            self.cni_restore(node)

    def flush_ruleset(self, node: str) -> None:
        """nft flush ruleset, as a reload of nftables.service does it."""
        self.nft(node, "flush ruleset")

    def flush_conntrack(self, name: str) -> None:
        self.run(name, "conntrack", "-F")

    def run(self, name: str, *argv: str, check: bool = True) -> str:
        """Runs a command in a namespace ("node1", "p1", "vpc" ...) and returns its output."""
        return netns.execute(list(argv), netns=self.netns_of(name), check=check).stdout

    # ---- the exit --------------------------------------------------------------------------------

    @property
    def exit(self) -> ExitCounter:
        return ExitCounter(self.stations["igw"].agent)

    def exit_mark(self) -> Mark:
        """A reading of the exit counter, for since=."""
        return self.exit.mark()

    def exit_reset(self) -> None:
        """Lets all figures of the exit count from now on."""
        self._baseline = self.exit_mark()

    def exit_rows(self, since: Mark | None = None) -> list[ExitRow]:
        return self.exit.rows(since or self._baseline)

    def exit_counts(self, since: Mark | None = None, side: str = "vpc") -> dict[str, int]:
        """Packets by source at the internet exit. Side "vpc" also shows private sources that have no
        public address, and so died at the internet gateway; side "wire" shows what left."""
        return by_source(self.exit_rows(since), side)

    def expect(self, pod: str, sources: Iterable[str]) -> None:
        """Says which public addresses the exit may see for a pod from now on."""
        self._expected[pod] = frozenset(sources)

    def expected(self, pod: str) -> frozenset[str]:
        return self._expected[pod]

    def foreign_rows(self, pod: str, since: Mark | None = None) -> list[ExitRow]:
        """The exit's rows that are a pod's and have a source that is not expected for it.

        A row is the pod's if it goes to the pod's own server or comes with the pod's address as it
        is. A packet that the internet gateway dropped for want of a public address counts too.
        """
        station = self.pods.get(pod) or self.vms.get(pod)
        address = station.address if station else None
        allowed = self._expected[pod] | model.ROUTER_ADDRESSES
        return [
            row for row in self.exit_rows(since)
            if row.side == "vpc" and row.source not in allowed
            and (row.destination == self._servers[pod] or row.inside == address)
        ]

    def foreign_for(self, pod: str, since: Mark | None = None) -> int:
        return sum(row.packets for row in self.foreign_rows(pod, since))

    def foreign(self, since: Mark | None = None) -> dict[str, int]:
        """{pod: packets with a wrong source}, for all pods that ever lived; {} is what we want."""
        counts = {pod: self.foreign_for(pod, since) for pod in self._servers}
        return {pod: count for pod, count in counts.items() if count}

    def seen_for(self, pod: str, since: Mark | None = None) -> dict[str, int]:
        """Packets to a pod's own server by source at the exit."""
        rows = [row for row in self.exit_rows(since) if row.destination == self._servers[pod]]
        return by_source(rows, "vpc")

    def eip(self, name: str = "bank") -> str:
        return self.egress_ips[name].public

    # ---- daemons ---------------------------------------------------------------------------------

    def daemons_built(self) -> bool:
        return program("eipgwd") is not None and program("eipgw-noded") is not None

    def start_daemons(self, names: Iterable[str] = ("gw-a", "node1", "node2")) -> None:
        """Starts daemons side by side and waits until all are ready."""
        started = [self.daemons[name] for name in names]
        for daemon in started:
            daemon.start(wait_ready=False)
        for daemon in started:
            daemon.wait_ready()
        self.save()

    def kill_daemons(self) -> None:
        for daemon in self.daemons.values():
            daemon.kill()

    def stop_daemons(self) -> None:
        for daemon in self.daemons.values():
            daemon.stop()

    def check_logs(self, allow: Iterable[str] = ()) -> list[str]:
        """What is wrong in the daemons' logs; patterns of allow are expected warnings or errors."""
        patterns = list(allow)
        return [line for daemon in self.daemons.values() for line in daemon.problems(patterns)]

    def collect(self, directory: Path) -> None:
        """Puts everything that one would want to see after a failure into a directory."""
        evidence.collect(self, directory)


def _clean_up_on_signals() -> None:
    """SIGTERM and SIGHUP end the process through its finally blocks, as SIGINT does in Python."""

    def leave(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, leave)


@contextlib.contextmanager
def _signals_ignored() -> Iterator[None]:
    """A second Ctrl-C must not interrupt the cleaning up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
