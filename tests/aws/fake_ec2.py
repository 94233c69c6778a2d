#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A small EC2 and Auto Scaling with the documented semantics, where moto's differ (test_moto_differs.py).

    tests/aws/fake_ec2.py [--host 127.0.0.1] [--port 0] [--state FILE]

prints its URL and serves until it is stopped. What it is strict about, with the sentences of the EC2 API
Reference: an Elastic IP belongs to one private address and a private address has at most one; AssociateAddress
takes the primary address unless told otherwise, and refuses what is taken unless reassociation is allowed;
AssignPrivateIpAddresses moves an address, and the Elastic IP on it, only if reassignment is allowed, never a
primary one, never across subnets, never beyond the interface's limit. Signatures are not verified (moto's job);
the access key, and the clock within 5 minutes, are.

/control/ is for tests and the lab, JSON in and out:
    GET  state, requests (what was called, in order), associations (private to public, always the truth)
    POST state      {"interfaces": {...}, "addresses": {...}, "route_tables": {...}, "hooks": [...]}: replaces
    POST settings   {"delay_s": 0, "keys": null, "denied": [], "clock_s": 0, "address_limit": 5}: reads lag behind
                    writes by delay_s; only these access keys are good; these actions are denied; the clock is so
                    many seconds ahead of the caller's
    POST faults     [{"action": "*", "kind": "throttle", "times": 1, "seconds": 0}]: replaces; kinds are those
                    of FAULTS. A kind that begins with "done-" strikes after the action has had its effect.
    POST associate  {"allocation_id": ..., "network_interface_id": ..., "private_ip": ...}: somebody else does
"""

import argparse
import copy
import datetime
import ipaddress
import json
import socket
import struct
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

NAMESPACE = {"2016-11-15": "http://ec2.amazonaws.com/doc/2016-11-15/",
             "2011-01-01": "http://autoscaling.amazonaws.com/doc/2011-01-01/"}
SKEW_MAX_S = 300
FAULTS = ("throttle", "500", "html", "slow", "truncate", "reset", "done-500", "done-reset", "done-slow")


class Refused(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def xml(value):
    """dict: elements; list: items; None: left out."""
    if isinstance(value, dict):
        return "".join(f"<{k}>{xml(v)}</{k}>" for k, v in value.items() if v is not None)
    if isinstance(value, list):
        return "".join(f"<item>{xml(v)}</item>" for v in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape(str(value))


def tag_set(tags):
    return [{"key": k, "value": v} for k, v in tags.items()]


def numbered(params, prefix):
    """The values of PREFIX.1, PREFIX.2, ..."""
    values = []
    while f"{prefix}.{len(values) + 1}" in params:
        values.append(params[f"{prefix}.{len(values) + 1}"])
    return values


def filters(params):
    found = {}
    while (name := params.get(f"Filter.{len(found) + 1}.Name")) is not None:
        values = numbered(params, f"Filter.{len(found) + 1}.Value")
        found[name] = [v.replace("\\*", "*").replace("\\?", "?").replace("\\\\", "\\") for v in values]
    return found


def matches(params, facts, tags):
    """Whether all filters fit: `facts` are lists of values by filter name."""
    for name, wanted in filters(params).items():
        if name.startswith("tag:"):
            have = [tags[name[4:]]] if name[4:] in tags else []
        elif name in facts:
            have = facts[name]
        else:
            raise Refused("InvalidParameterValue", f"The filter '{name}' is invalid")
        if not set(have) & set(wanted):
            return False
    return True


class Cloud:
    """interfaces: {id: {subnet, cidr, vpc, zone, mac, instance, check, limit, primary, addresses: [...]}},
    addresses: {allocation: {public, association, interface, private, tags}},
    route_tables: {id: {vpc, routes: {destination: interface}}}, hooks: [[hook, group, instance]]."""

    def __init__(self):
        self.lock = threading.Lock()
        self.requests = []
        self.faults = []
        self.settings = {"delay_s": 0, "keys": None, "denied": [], "clock_s": 0, "address_limit": 5}
        self.counter = 0
        self.history = []
        self.set_state({})

    def set_state(self, state):
        self.now = {"interfaces": {}, "addresses": {}, "route_tables": {}, "hooks": []} | state
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
            addresses.append({"privateIpAddress": ip, "primary": ip == eni["primary"], "association": association})
        attachment = {"instanceId": eni["instance"], "deviceIndex": eni.get("device_index", 0), "status": "attached"} if eni.get("instance") else None
        return {"networkInterfaceId": key, "subnetId": eni["subnet"], "vpcId": eni["vpc"], "availabilityZone": eni.get("zone", "zone-a"),
                "macAddress": eni.get("mac", "02:00:00:00:00:00"), "status": "in-use" if attachment else "available",
                "privateIpAddress": eni["primary"], "sourceDestCheck": eni["check"], "interfaceType": "interface",
                "groupSet": [{"groupId": g} for g in eni.get("groups", [])], "attachment": attachment,
                "privateIpAddressesSet": addresses, "ipv4PrefixSet": [{"ipv4Prefix": p} for p in eni.get("prefixes", [])],
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
            if not wanted or key in wanted:
                first = enis[0][1]
                items.append({"instanceId": key, "instanceState": {"code": 16, "name": "running"}, "instanceType": "c7gn.large",
                              "subnetId": first["subnet"], "vpcId": first["vpc"], "privateIpAddress": first["primary"],
                              "networkInterfaceSet": [{"networkInterfaceId": k} for k, _ in enis]})
        return {"reservationSet": [{"reservationId": "r-1", "instancesSet": [item]} for item in items]}

    def DescribeRouteTables(self, params):
        state = self.seen()
        wanted = numbered(params, "RouteTableId")
        for key in wanted:
            self.get(state["route_tables"], key, "InvalidRouteTableID.NotFound")
        items = []
        for key, table in state["route_tables"].items():
            if (wanted and key not in wanted) or not matches(params, {"vpc-id": [table["vpc"]]}, {}):
                continue
            routes = [{"destinationCidrBlock": d, "networkInterfaceId": e, "state": "active" if e in state["interfaces"] else "blackhole"}
                      for d, e in table["routes"].items()]
            items.append({"routeTableId": key, "vpcId": table["vpc"], "routeSet": routes, "associationSet": [], "tagSet": []})
        return {"routeTableSet": items}

    # Writes.

    def AllocateAddress(self, params):
        key = self.new_id("eipalloc")
        used = {a["public"] for a in self.now["addresses"].values()}
        public = next(str(ip) for ip in ipaddress.ip_network("203.0.113.0/24").hosts() if str(ip) not in used)
        tags = self.tags(params, "TagSpecification.1.Tag")
        if len(used) >= self.settings["address_limit"]:
            raise Refused("AddressLimitExceeded", "The maximum number of addresses has been reached.")
        self.now["addresses"][key] = {"public": public, "tags": tags}
        return {"publicIp": public, "domain": "vpc", "allocationId": key}

    @staticmethod
    def tags(params, prefix):
        keys = numbered({k.removesuffix(".Key"): v for k, v in params.items() if k.endswith(".Key")}, prefix)
        return {key: params.get(f"{prefix}.{i}.Value", "") for i, key in enumerate(keys, 1)}

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
                    for member in ("association", "interface", "private"):
                        other.pop(member)
            address.update(association=self.new_id("eipassoc"), interface=here[0], private=private)
        return {"return": True, "associationId": address["association"]}

    def AssignPrivateIpAddresses(self, params):
        key = params["NetworkInterfaceId"]
        eni = self.get(self.now["interfaces"], key, "InvalidNetworkInterfaceID.NotFound")
        wanted = [ip for ip in numbered(params, "PrivateIpAddress") if ip not in eni["addresses"]]
        used = {ip for e in self.now["interfaces"].values() for ip in e["addresses"]}
        free = (str(ip) for ip in list(ipaddress.ip_network(eni["cidr"]).hosts())[3:] if str(ip) not in used)
        wanted += [next(free) for _ in range(int(params.get("SecondaryPrivateIpAddressCount", 0)))]
        for ip in wanted:
            if ipaddress.ip_address(ip) not in ipaddress.ip_network(eni["cidr"]):
                raise Refused("InvalidParameterValue", f"Address does not fall within the subnet's address range: {ip}")
            owner = next((e for e in self.now["interfaces"].values() if ip in e["addresses"]), None)
            if owner and (params.get("AllowReassignment", "false") != "true" or ip == owner["primary"]):
                raise Refused("InvalidParameterValue", f"[{ip}] assigned, but move is not allowed.")
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
            self.get(table, key, "InvalidID")["tags"].update(self.tags(params, "Tag"))
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

    def authorize(self, headers, action):
        words = headers.get("Authorization", "").replace(",", " ").split()
        credential = next((w.removeprefix("Credential=") for w in words if w.startswith("Credential=")), None)
        if not credential:
            raise Refused("MissingAuthenticationToken", "The request must be signed.", 403)
        keys = self.settings["keys"]
        if keys is not None and credential.split("/")[0] not in keys:
            raise Refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
        date = datetime.datetime.strptime(headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs(time.time() + self.settings["clock_s"] - date.timestamp()) > SKEW_MAX_S:
            raise Refused("RequestExpired", "Request has expired.")
        if action in self.settings["denied"]:
            raise Refused("UnauthorizedOperation", f"You are not authorized to perform this operation: {action}.", 403)

    def call(self, params, headers):
        action = params.get("Action", "")
        self.authorize(headers, action)
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
            self.AssociateAddress({"AllocationId": body["allocation_id"], "NetworkInterfaceId": body["network_interface_id"],
                                   "PrivateIpAddress": body["private_ip"]})
            self.written()
        else:
            raise KeyError(name)
        return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud = None

    def log_message(self, *_args):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string((timestamp or time.time()) + self.cloud.settings["clock_s"])

    def send(self, status, body, kind="text/xml;charset=UTF-8", headers=()):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        return data

    def do_control(self, body):
        try:
            with self.cloud.lock:
                text = json.dumps(self.cloud.control(self.path.removeprefix("/control/"), body))
            self.wfile.write(self.send(200, text, "application/json"))
        except (KeyError, Refused) as error:
            self.wfile.write(self.send(400, json.dumps({"error": repr(error)}), "application/json"))

    def do_GET(self):
        self.do_control(None)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path.startswith("/control/"):
            self.do_control(json.loads(body))
            return
        params = dict(urllib.parse.parse_qsl(body, keep_blank_values=True))
        action = params.get("Action", "")
        with self.cloud.lock:
            self.cloud.requests.append(params)
            fault = self.cloud.take_fault(action)
            kind = fault["kind"]
            if kind == "" or kind.startswith("done-") or kind in ("slow", "truncate"):
                status, text = self.answer(params)
        if kind.endswith("slow"):
            time.sleep(fault.get("seconds", 1))
        if kind in ("", "slow", "done-slow"):
            self.wfile.write(self.send(status, text))
        elif kind == "truncate":
            self.wfile.write(self.send(status, text)[:len(text) // 2])
            self.close_connection = True
        elif kind.endswith("reset"):
            # Linger 0: the peer gets a reset, not an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif kind == "throttle":
            self.wfile.write(self.send(503, self.error(params, Refused("RequestLimitExceeded", "Request limit exceeded.")),
                                       headers=[("Retry-After", str(fault["seconds"]))] if "seconds" in fault else []))
        elif kind == "html":
            self.wfile.write(self.send(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"))
        else:
            self.wfile.write(self.send(500, self.error(params, Refused("InternalError", "An internal error has occurred"))))

    def answer(self, params):
        try:
            answer = self.cloud.call(params, self.headers)
        except Refused as refused:
            return refused.status, self.error(params, refused)
        name = f"{params['Action']}Response"
        space = NAMESPACE.get(params.get("Version"), "")
        if "autoscaling" in space:
            answer = answer | {"ResponseMetadata": {"RequestId": "fake"}}
        else:
            answer = {"requestId": "fake"} | answer
        return 200, f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{space}">{xml(answer)}</{name}>'

    @staticmethod
    def error(params, refused):
        error = {"Code": refused.code, "Message": refused.message}
        if params.get("Version") == "2016-11-15":
            return f"<Response>{xml({'Errors': {'Error': error}, 'RequestID': 'fake'})}</Response>"
        return f"<ErrorResponse>{xml({'Error': {'Type': 'Sender'} | error, 'RequestId': 'fake'})}</ErrorResponse>"


def make_server(host, port):
    handler = type("CloudHandler", (Handler,), {"cloud": Cloud()})
    server = ThreadingHTTPServer((host, port), handler)
    server.daemon_threads = True
    server.cloud = handler.cloud
    return server


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
