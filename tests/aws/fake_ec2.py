#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A small EC2 and Auto Scaling with the documented semantics, where moto's differ (test_moto_differs.py).

    tests/aws/fake_ec2.py [--host 127.0.0.1] [--port 0] [--state FILE]

prints its URL and serves until it is stopped. What it is strict about, with the sentences of the EC2 API
Reference: an Elastic IP belongs to one private address and a private address has at most one; AssociateAddress
takes the primary address unless told otherwise, and refuses what is taken unless reassociation is allowed;
AssignPrivateIpAddresses moves an address, and the Elastic IP on it, only if reassignment is allowed, never a
primary one, never across subnets, never beyond the interface's limit. The clock must be right within 5 minutes;
signatures and policies are looked at if they are given.

This file has the state and the calls; fake_access.py and fake_policy.py who may make them, fake_query.py the
Query interface, fake_server.py the transport and its faults.

/control/ is for tests and the lab, JSON in and out:
    GET  state, requests (what was called, in order), associations (private to public, always the truth)
    POST state      {"interfaces": {...}, "addresses": {...}, "route_tables": {...}, "hooks": [...]}: replaces
    POST settings   changes those that it names:
                    delay_s        reads lag behind writes so long
                    clock_s        EC2's clock is so many seconds ahead
                    keys           only these access keys are good; null: all
                    secrets        {access key: {"secret": ..., "token": ..., "ends_s": ...}}: signatures are verified,
                                   and the token; after ends_s, seconds since 1970, both have expired. null: not
                    region         the only good one in signatures; null: any
                    denied         these actions are
                    policy         the caller's, as in docs/iam; null: everything is allowed
                    address_limit  so many Elastic IPs may be allocated
    POST faults     [{"action": "*", "kind": "throttle", "times": 1, "seconds": 0}]: replaces; kinds are those
                    of fake_server.FAULTS. A kind that begins with "done-" strikes after the action has had its
                    effect.
    POST associate  {"allocation_id": ..., "network_interface_id": ..., "private_ip": ...}: somebody else does
    POST call       {"Action": ..., ...}: any call of somebody else, whatever the settings say
"""

import argparse
import copy
import ipaddress
import itertools
import json
import threading
import time

from fake_access import authorize
from fake_query import Refused, matches, numbered, read_tags, tag_set
from fake_server import FAULTS, serve


class Cloud:
    """interfaces: {id: {subnet, cidr, vpc, zone, mac, instance, check, limit, primary, addresses: [...]}},
    addresses: {allocation: {public, association, interface, private, tags}}, groups: {id: {inbound: [rule], outbound:
    [rule]}} with rule {protocol, from, to, cidrs, groups, lists}, interfaces also {status, type, instance_state, public},
    route_tables: {id: {vpc, subnets: [...], routes: {destination: interface or gateway}, tags}}, hooks: [[hook, group,
    instance]], scaling_groups: {Auto Scaling group: tags}."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []
        self.faults = []
        self.settings = {"delay_s": 0, "clock_s": 0, "keys": None, "secrets": None, "region": None, "denied": [],
                         "policy": None, "address_limit": 5}
        self.counter = 0
        self.history = []
        self.set_state({})

    def set_state(self, state):
        self.now = {"interfaces": {}, "addresses": {}, "route_tables": {}, "hooks": [], "groups": {}} | state
        for eni in self.now["interfaces"].values():
            eni.setdefault("check", True)
            eni.setdefault("limit", 10)
            eni.setdefault("tags", {})
            eni["addresses"] = [eni["primary"]] + [a for a in eni.get("addresses", []) if a != eni["primary"]]
        for address in self.now["addresses"].values():
            address.setdefault("tags", {})
        self.history = [(0.0, copy.deepcopy(self.now))]

    def written(self):
        self.history = self.history[-200:] + [(time.monotonic(), copy.deepcopy(self.now))]

    def seen(self):
        """The state as reads show it: eventual consistency."""
        limit = time.monotonic() - self.settings["delay_s"]
        return next(state for at, state in reversed(self.history) if at <= limit or at == self.history[0][0])

    def new_id(self, kind):
        self.counter += 1
        return f"{kind}-{self.counter:017x}"

    @staticmethod
    def get(table, key, code):
        if key not in table:
            raise Refused(code, f"The ID '{key}' does not exist")
        return table[key]

    # Reads.

    def DescribeAddresses(self, params):
        state = self.seen()
        wanted = numbered(params, "AllocationId")
        for key in wanted:
            self.get(state["addresses"], key, "InvalidAllocationID.NotFound")
        public = numbered(params, "PublicIp")
        for ip in public:
            if ip not in [a["public"] for a in state["addresses"].values()]:
                raise Refused("InvalidAddress.NotFound", f"Address '{ip}' not found.")
        items = []
        for key, a in state["addresses"].items():
            eni = state["interfaces"].get(a.get("interface"), {})
            facts = {"allocation-id": [key], "public-ip": [a["public"]], "private-ip-address": [a.get("private")],
                     "network-interface-id": [a.get("interface")], "instance-id": [eni.get("instance")],
                     "association-id": [a.get("association")], "tag-key": list(a["tags"])}
            if (wanted and key not in wanted) or (public and a["public"] not in public) or not matches(params, facts, a["tags"]):
                continue
            items.append({"allocationId": key, "publicIp": a["public"], "domain": "vpc", "associationId": a.get("association"),
                          "networkInterfaceId": a.get("interface"), "instanceId": eni.get("instance"),
                          "privateIpAddress": a.get("private"), "tagSet": tag_set(a["tags"]) if a["tags"] else None})
        return {"addressesSet": items}

    def DescribeNetworkInterfaces(self, params):
        state = self.seen()
        wanted = numbered(params, "NetworkInterfaceId")
        for key in wanted:
            self.get(state["interfaces"], key, "InvalidNetworkInterfaceID.NotFound")
        if wanted and "MaxResults" in params:
            raise Refused("InvalidParameterCombination", "NetworkInterfaceIds and MaxResults exclude each other")
        items = []
        for key, eni in sorted(state["interfaces"].items()):
            facts = {"network-interface-id": [key], "addresses.private-ip-address": eni["addresses"],
                     "private-ip-address": [eni["primary"]], "attachment.instance-id": [eni.get("instance")],
                     "subnet-id": [eni["subnet"]], "vpc-id": [eni["vpc"]], "mac-address": [eni.get("mac")]}
            if (not wanted or key in wanted) and matches(params, facts, eni["tags"]):
                items.append(self.interface_item(state, key, eni))
        size = int(params.get("MaxResults", 1000))
        first = int(params.get("NextToken", "0"))
        token = str(first + size) if first + size < len(items) else None
        return {"networkInterfaceSet": items[first:first + size], "nextToken": token}

    @staticmethod
    def interface_item(state, key, eni):
        eips = {a["private"]: (k, a) for k, a in state["addresses"].items() if a.get("interface") == key}
        addresses = []
        for ip in eni["addresses"]:
            association = None
            if ip in eips:
                association = {"allocationId": eips[ip][0], "associationId": eips[ip][1]["association"], "publicIp": eips[ip][1]["public"]}
            elif ip == eni["primary"] and eni.get("public"):
                association = {"publicIp": eni["public"], "ipOwnerId": "amazon"}
            addresses.append({"privateIpAddress": ip, "primary": ip == eni["primary"], "association": association})
        attachment = {"instanceId": eni["instance"], "deviceIndex": eni.get("device_index", 0), "status": "attached"} if eni.get("instance") else None
        return {"networkInterfaceId": key, "subnetId": eni["subnet"], "vpcId": eni["vpc"], "availabilityZone": eni.get("zone", "zone-a"),
                "macAddress": eni.get("mac", "02:00:00:00:00:00"), "status": eni.get("status", "in-use" if attachment else "available"),
                "privateIpAddress": eni["primary"], "sourceDestCheck": eni["check"], "interfaceType": eni.get("type", "interface"),
                "groupSet": [{"groupId": g} for g in eni.get("groups", [])], "attachment": attachment,
                "association": addresses[0]["association"], "privateIpAddressesSet": addresses, "ipv4PrefixSet": [{"ipv4Prefix": p} for p in eni.get("prefixes", [])],
                "tagSet": tag_set(eni["tags"])}

    def DescribeInstances(self, params):
        wanted = numbered(params, "InstanceId")
        found = {}
        for key, eni in self.seen()["interfaces"].items():
            if eni.get("instance"):
                found.setdefault(eni["instance"], []).append((key, eni))
        for key in wanted:
            self.get(found, key, "InvalidInstanceID.NotFound")
        items = []
        for key, enis in found.items():
            if (not wanted or key in wanted) and matches(params, {"instance-id": [key]}, {}):
                first = enis[0][1]
                items.append({"instanceId": key, "instanceState": {"name": first.get("instance_state", "running")}, "instanceType": "c7gn.large",
                              "subnetId": first["subnet"], "vpcId": first["vpc"], "privateIpAddress": first["primary"],
                              "networkInterfaceSet": [{"networkInterfaceId": k} for k, _ in enis]})
        return {"reservationSet": [{"reservationId": "r-1", "instancesSet": [item]} for item in items]}

    def DescribeSecurityGroups(self, params):
        groups = self.seen()["groups"]
        wanted = numbered(params, "GroupId")
        for key in wanted:
            self.get(groups, key, "InvalidGroup.NotFound")

        def rules(group, direction):
            return [{"ipProtocol": r["protocol"], "fromPort": r.get("from"), "toPort": r.get("to"),
                     "groups": [{"userId": "1", "groupId": g} for g in r.get("groups", [])],
                     "ipRanges": [{"cidrIp": c} for c in r.get("cidrs", [])], "ipv6Ranges": [],
                     "prefixListIds": [{"prefixListId": p} for p in r.get("lists", [])]} for r in group[direction]]
        return {"securityGroupInfo": [{"groupId": key, "groupName": key, "ipPermissions": rules(group, "inbound"),
                                       "ipPermissionsEgress": rules(group, "outbound")}
                                      for key, group in groups.items() if not wanted or key in wanted]}

    def DescribeRouteTables(self, params):
        state = self.seen()
        wanted = numbered(params, "RouteTableId")
        for key in wanted:
            self.get(state["route_tables"], key, "InvalidRouteTableID.NotFound")
        items = []
        for key, table in state["route_tables"].items():
            if (wanted and key not in wanted) or not matches(
                    params, {"vpc-id": [table["vpc"]], "route-table-id": [key]}, {}):
                continue
            routes = [{"destinationCidrBlock": d, "networkInterfaceId": e if e.startswith("eni-") else None,
                       "gatewayId": None if e.startswith("eni-") else e,
                       "state": "active" if e in state["interfaces"] or not e.startswith("eni-") else "blackhole"}
                      for d, e in table["routes"].items()]
            subnets = [{"routeTableId": key, "subnetId": subnet} for subnet in table.get("subnets", [])]
            items.append({"routeTableId": key, "vpcId": table["vpc"], "routeSet": routes, "associationSet": subnets, "tagSet": []})
        return {"routeTableSet": items}

    # Writes.

    def AllocateAddress(self, params):
        key = self.new_id("eipalloc")
        used = {a["public"] for a in self.now["addresses"].values()}
        public = next(str(ip) for ip in ipaddress.ip_network("203.0.113.0/24").hosts() if str(ip) not in used)
        tags = read_tags(params, "TagSpecification.1.Tag")
        if len(used) >= self.settings["address_limit"]:
            raise Refused("AddressLimitExceeded", "The maximum number of addresses has been reached.")
        self.now["addresses"][key] = {"public": public, "tags": tags}
        return {"publicIp": public, "domain": "vpc", "allocationId": key}

    def AssociateAddress(self, params):
        address = self.get(self.now["addresses"], params["AllocationId"], "InvalidAllocationID.NotFound")
        eni = self.get(self.now["interfaces"], params["NetworkInterfaceId"], "InvalidNetworkInterfaceID.NotFound")
        private = params.get("PrivateIpAddress", eni["primary"])
        if private not in eni["addresses"]:
            raise Refused("InvalidParameterValue", f"{private} is not assigned to {params['NetworkInterfaceId']}")
        here = (params["NetworkInterfaceId"], private)
        if (address.get("interface"), address.get("private")) != here:
            # "Reassociation is automatic, but you can specify false to ensure the operation fails".
            if params.get("AllowReassociation", "true") != "true":
                taken = address.get("association") or next(
                    (a["association"] for a in self.now["addresses"].values() if (a.get("interface"), a.get("private")) == here), None)
                if taken:
                    raise Refused("Resource.AlreadyAssociated", f"already associated: {taken}")
            for other in self.now["addresses"].values():
                if (other.get("interface"), other.get("private")) == here:
                    self.forget_association(other)
            address.update(association=self.new_id("eipassoc"), interface=here[0], private=private)
        return {"return": True, "associationId": address["association"]}

    @staticmethod
    def forget_association(address):
        for member in ("association", "interface", "private"):
            address.pop(member, None)

    def DisassociateAddress(self, params):
        for address in self.now["addresses"].values():
            if address.get("association") == params["AssociationId"]:
                self.forget_association(address)
                return {"return": True}
        raise Refused("InvalidAssociationID.NotFound", f"The association ID '{params['AssociationId']}' does not exist")

    def ReleaseAddress(self, params):
        address = self.get(self.now["addresses"], params["AllocationId"], "InvalidAllocationID.NotFound")
        if address.get("association"):
            raise Refused("InvalidIPAddress.InUse", f"Address {address['public']} is in use.")
        del self.now["addresses"][params["AllocationId"]]
        return {"return": True}

    def UnassignPrivateIpAddresses(self, params):
        eni = self.get(self.now["interfaces"], params["NetworkInterfaceId"], "InvalidNetworkInterfaceID.NotFound")
        for ip in numbered(params, "PrivateIpAddress"):
            if ip not in eni["addresses"] or ip == eni["primary"]:
                raise Refused("InvalidParameterValue", f"{ip} is no secondary address of {params['NetworkInterfaceId']}")
            eni["addresses"].remove(ip)
            for address in self.now["addresses"].values():
                if address.get("interface") == params["NetworkInterfaceId"] and address["private"] == ip:
                    self.forget_association(address)
        return {"return": True}

    def AssignPrivateIpAddresses(self, params):
        key = params["NetworkInterfaceId"]
        eni = self.get(self.now["interfaces"], key, "InvalidNetworkInterfaceID.NotFound")
        wanted = [ip for ip in numbered(params, "PrivateIpAddress") if ip not in eni["addresses"]]
        used = {ip for e in self.now["interfaces"].values() for ip in e["addresses"]}
        free = (str(ip) for ip in list(ipaddress.ip_network(eni["cidr"]).hosts())[3:] if str(ip) not in used)
        count = int(params.get("SecondaryPrivateIpAddressCount", 0))
        wanted += list(itertools.islice(free, count)) if count else []
        for ip in wanted:
            if ipaddress.ip_address(ip) not in ipaddress.ip_network(eni["cidr"]):
                raise Refused("InvalidParameterValue", f"Address does not fall within the subnet's address range: {ip}")
            owner = next((e for e in self.now["interfaces"].values() if ip in e["addresses"]), None)
            if owner and (params.get("AllowReassignment", "false") != "true" or ip == owner["primary"]):
                raise Refused("InvalidParameterValue", f"[{ip}] assigned, but move is not allowed.")
        if count and len(wanted) < count:
            raise Refused("InsufficientFreeAddressesInSubnet", "There are not enough free addresses in the subnet.")
        if len(eni["addresses"]) + len(wanted) > eni["limit"]:
            raise Refused("PrivateIpAddressLimitExceeded", f"Number of private addresses will exceed limit of {eni['limit']}.")
        for ip in wanted:
            for owner in self.now["interfaces"].values():
                if ip in owner["addresses"]:
                    owner["addresses"].remove(ip)
            eni["addresses"].append(ip)
            # "Any Elastic IP associated with it is also moved."
            for address in self.now["addresses"].values():
                if address.get("private") == ip and address.get("interface"):
                    address.update(interface=key, association=self.new_id("eipassoc"))
        return {"networkInterfaceId": key, "assignedPrivateIpAddressesSet": [{"privateIpAddress": ip} for ip in wanted]}

    def DeleteNetworkInterface(self, params):
        key = params["NetworkInterfaceId"]
        if self.get(self.now["interfaces"], key, "InvalidNetworkInterfaceID.NotFound").get("instance"):
            raise Refused("InvalidNetworkInterface.InUse", f"Interface: [{key}] in use.")
        del self.now["interfaces"][key]
        for address in self.now["addresses"].values():
            if address.get("interface") == key:
                self.forget_association(address)
        return {"return": True}

    def ModifyNetworkInterfaceAttribute(self, params):
        eni = self.get(self.now["interfaces"], params["NetworkInterfaceId"], "InvalidNetworkInterfaceID.NotFound")
        eni["check"] = params["SourceDestCheck.Value"] == "true"
        return {"return": True}

    def ReplaceRoute(self, params):
        table = self.get(self.now["route_tables"], params["RouteTableId"], "InvalidRouteTableID.NotFound")
        if params["DestinationCidrBlock"] not in table["routes"]:
            raise Refused("InvalidRoute.NotFound", "There is no route defined for it in the route table. Use CreateRoute instead.")
        self.get(self.now["interfaces"], params["NetworkInterfaceId"], "InvalidNetworkInterfaceID.NotFound")
        table["routes"][params["DestinationCidrBlock"]] = params["NetworkInterfaceId"]
        return {"return": True}

    def CreateTags(self, params):
        for key in numbered(params, "ResourceId"):
            table = self.now["addresses"] if key.startswith("eipalloc-") else self.now["interfaces"]
            self.get(table, key, "InvalidID")["tags"].update(read_tags(params, "Tag"))
        return {"return": True}

    def hook(self, params):
        hook = [params["LifecycleHookName"], params["AutoScalingGroupName"], params["InstanceId"]]
        if hook not in self.now["hooks"]:
            raise Refused("ValidationError", f"No active Lifecycle Action found with instance ID {hook[2]}")
        return hook

    def RecordLifecycleActionHeartbeat(self, params):
        self.hook(params)
        return {"RecordLifecycleActionHeartbeatResult": {}}

    def CompleteLifecycleAction(self, params):
        self.now["hooks"].remove(self.hook(params))
        return {"CompleteLifecycleActionResult": {}}

    # The way of a call.

    def call(self, call):
        """A fake_server.Call."""
        authorize(self.settings, self.now, call)
        return self.do(call.params)

    def do(self, params):
        action = params.get("Action", "")
        method = getattr(self, action, None) if action[:1].isupper() else None
        if method is None:
            raise Refused("InvalidAction", f"The action {action} is not valid for this web service.")
        if params.get("DryRun") == "true":
            raise Refused("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412)
        try:
            answer = method(params)
        except KeyError as error:
            raise Refused("MissingParameter", f"The request must contain the parameter {error.args[0]}") from error
        if not action.startswith("Describe"):
            self.written()
        return answer

    def take_fault(self, action):
        for fault in self.faults:
            if fault.get("action", "*") in ("*", action) and fault.get("times", 1) > 0:
                fault["times"] = fault.get("times", 1) - 1
                return fault
        return {"kind": ""}

    def associations(self):
        return [{"public": a["public"], "private": a["private"], "allocation_id": k, "network_interface_id": a["interface"],
                 "instance_id": self.now["interfaces"].get(a["interface"], {}).get("instance")}
                for k, a in self.now["addresses"].items() if a.get("interface")]

    def control(self, name, body):
        if body is None:
            return {"state": self.now, "requests": self.requests, "associations": self.associations(), "settings": self.settings}[name]
        if name == "state":
            self.set_state(body)
        elif name == "settings":
            self.settings |= body
        elif name == "faults":
            if any(f["kind"] not in FAULTS for f in body):
                raise KeyError(name)
            self.faults = body
        elif name == "requests":
            self.requests = body
        elif name == "associate":
            self.do({"Action": "AssociateAddress", "AllocationId": body["allocation_id"],
                     "NetworkInterfaceId": body["network_interface_id"], "PrivateIpAddress": body["private_ip"]})
        elif name == "call":
            return self.do(body)
        else:
            raise KeyError(name)
        return {}


def make_server(host, port):
    return serve(Cloud(), host, port)


def main():
    parser = argparse.ArgumentParser(description="A small, strict EC2 for tests.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--state", help="JSON, as for POST /control/state")
    args = parser.parse_args()
    server = make_server(args.host, args.port)
    if args.state:
        with open(args.state, encoding="utf-8") as file:
            server.cloud.set_state(json.load(file))
    print(f"http://{args.host}:{server.server_address[1]}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
