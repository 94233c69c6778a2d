#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The fake EC2 (fake_ec2.py) and the metadata service of one of its instances, for a gateway in a namespace.

    ip netns exec NAME tests/aws/fake_cloud.py INTERFACE

Both listen on loopback. Prints {"ec2": URL, "imds": URL}; then takes lines {"name": ..., "body": ...}, as of
fake_ec2's /control/, and answers each with a line. Beyond those:
    imds    changes those that it names:
            away                no answers
            key, secret, token  what the role gives; key "": there's no role
            lifetime_s          for so long
            associations        the metadata follow EC2's truth, their associations only if this is true
            notices             {path below meta-data/: text}: that the instance is to go, and why
            It answers with all of them, and "handed": the last key that was given.
"""

import argparse
import datetime
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler

import fake_ec2
from fake_server import Server

TOKEN = "fake-token"
ROLES = "meta-data/iam/security-credentials/"
MACS = "meta-data/network/interfaces/macs/"

SETTINGS = {"away": False, "key": "AKIDFAKE0000000000", "secret": "fake-secret-key", "token": "fake-session-token",
            "lifetime_s": 3600, "associations": True, "notices": {}, "handed": ""}


class Metadata(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cloud = None
    interface = ""
    settings: dict = {}

    def log_message(self, *_args):
        pass

    def reply(self, status, text=""):
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_PUT(self):
        if self.settings["away"]:
            self.close_connection = True
        elif self.path == "/latest/api/token":
            data = TOKEN.encode()
            self.send_response(200)
            self.send_header("X-aws-ec2-metadata-token-ttl-seconds",
                             self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "60"))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        else:
            self.reply(404)

    def do_GET(self):
        if self.settings["away"]:
            self.close_connection = True
        elif self.headers.get("X-aws-ec2-metadata-token") != TOKEN:
            self.reply(401)
        else:
            with self.cloud.lock:
                text = self.lookup(self.path.removeprefix("/latest/"))
            self.reply(404 if text is None else 200, text or "")

    def lookup(self, path):
        eni = self.cloud.now["interfaces"].get(self.interface)
        if not eni or not eni["instance"]:
            return None  # detached: the instance has none
        plain = {"meta-data/instance-id": eni["instance"], "meta-data/instance-type": "c7gn.large",
                 "meta-data/placement/region": "eu-central-1", "meta-data/placement/availability-zone": eni.get("zone", "eu-central-1a"),
                 "meta-data/services/domain": "amazonaws.com", "meta-data/services/partition": "aws",
                 "meta-data/mac": eni["mac"], "meta-data/local-ipv4": eni["primary"], MACS: eni["mac"] + "/"}
        plain |= {f"meta-data/{name}": text for name, text in self.settings["notices"].items()}
        if path in plain:
            return plain[path]
        if path.startswith(ROLES) and self.settings["key"]:
            return "role" if path == ROLES else self.credentials()
        base = f"{MACS}{eni['mac']}/"
        return self.lookup_interface(eni, path.removeprefix(base)) if path.startswith(base) else None

    def lookup_interface(self, eni, name):
        mine = [a for a in self.cloud.now["addresses"].values() if a.get("interface") == self.interface]
        mine = mine if self.settings["associations"] else []
        table = {"interface-id": self.interface, "device-number": "0", "subnet-id": eni["subnet"], "vpc-id": eni["vpc"],
                 "subnet-ipv4-cidr-block": eni["cidr"], "vpc-ipv4-cidr-blocks": "10.0.0.0/16",
                 "local-ipv4s": "\n".join(eni["addresses"])}
        if mine:
            table["public-ipv4s"] = table["ipv4-associations/"] = "\n".join(a["public"] for a in mine)
        table |= {f"ipv4-associations/{a['public']}": a["private"] for a in mine}
        return table.get(name)

    def credentials(self):
        self.settings["handed"] = self.settings["key"]
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.settings["lifetime_s"])
        return json.dumps({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": self.settings["key"],
                           "SecretAccessKey": self.settings["secret"], "Token": self.settings["token"],
                           "LastUpdated": "2026-01-01T00:00:00Z", "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ")})


def main():
    parser = argparse.ArgumentParser(description="A fake EC2 and the metadata of one instance.")
    parser.add_argument("interface")
    args = parser.parse_args()
    ec2 = fake_ec2.make_server("127.0.0.1", 0)
    settings = dict(SETTINGS)
    handler = type("MetadataHandler", (Metadata,), {"cloud": ec2.cloud, "interface": args.interface, "settings": settings})
    imds = Server(("127.0.0.1", 0), handler)
    for server in (ec2, imds):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"ec2": f"http://127.0.0.1:{ec2.server_address[1]}/", "imds": f"http://127.0.0.1:{imds.server_address[1]}"}),
          flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if order["name"] == "imds":
            settings.update(order["body"])
            answer = settings
        else:
            with ec2.cloud.lock:
                answer = ec2.cloud.control(order["name"], order.get("body"))
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
