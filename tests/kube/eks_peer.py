#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""What an EKS cluster has before its API server, as far as logins go: the authenticator, and STS behind it.

    PYTHON tests/kube/eks_peer.py    # a Python that has botocore: tests/aws/peers-moto makes one

The authenticator follows aws-iam-authenticator (pkg/token/token.go, Verify): what it demands of a token, and that it asks
STS with the cluster's own name in the header. STS knows the keys in `secrets`, and computes signatures by botocore. Prints
{"authenticator": URL}; then takes lines that are merged into SETTINGS, and answers each with all of
them and `reviews`: what was decided about each token.
"""

import base64
import datetime
import json
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PREFIX = "k8s-aws-v1."
HEADER = "x-k8s-aws-id"
TOKEN_MAX = 4096  # bytes
LIFETIME_S = 15 * 60
SKEW_S = 5 * 60
PARAMETERS = {"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-security-token",
              "x-amz-signature", "x-amz-signedheaders"}
SETTINGS = {
    "cluster": "prod",
    "hosts": ["sts.eu-central-1.amazonaws.com"],  # of the partition
    "secrets": {},  # access key: {"secret", "token", "arn"}
    "entries": {},  # ARN: {"user", "groups"}
    "age_max_s": LIFETIME_S,  # less: for tests that can't wait
}
reviews: list = []


class Refused(Exception):
    """Why a token, or a question to STS, isn't taken."""


def age_of(date):
    made = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    return time.time() - made.timestamp()


# ---- STS

def get_caller_identity(path, headers):
    """The caller's ARN."""
    url = urllib.parse.urlsplit(path)
    query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=True))
    if (query.get("Action"), query.get("Version")) != ("GetCallerIdentity", "2011-06-15"):
        raise Refused("InvalidAction")
    key, *scope = query["X-Amz-Credential"].split("/")
    known = SETTINGS["secrets"].get(key)
    if known is None or query.get("X-Amz-Security-Token") != known.get("token"):
        raise Refused("InvalidClientTokenId")
    if known.get("ends", time.time() + 1) < time.time():
        raise Refused("ExpiredToken")
    age = age_of(query["X-Amz-Date"])
    if age > LIFETIME_S or age < -SKEW_S:
        raise Refused("SignatureDoesNotMatch: Signature expired, or not yet current")
    names = query["X-Amz-SignedHeaders"].split(";")
    unsigned = url.query.rpartition("&X-Amz-Signature=")[0]
    request = AWSRequest("GET", f"https://{headers['Host']}/?{unsigned}", headers={n: headers[n] or "" for n in names if n != "host"})
    request.context["timestamp"] = query["X-Amz-Date"]
    date, region, service, end = scope
    host = [f"sts.{region}.amazonaws.com", f"sts.{region}.amazonaws.com.cn"]
    if (date, service, end) != (query["X-Amz-Date"][:8], "sts", "aws4_request") or headers["Host"] not in host or "host" not in names:
        raise Refused("SignatureDoesNotMatch: Credential should be scoped to a valid region")
    auth = SigV4QueryAuth(Credentials(key, known["secret"], known.get("token")), "sts", region)
    if auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request) != query["X-Amz-Signature"]:
        raise Refused("SignatureDoesNotMatch")
    return known["arn"]


class Sts(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def do_GET(self):
        try:
            arn = get_caller_identity(self.path, self.headers)
            status, body = 200, {"GetCallerIdentityResponse": {
                "GetCallerIdentityResult": {"Account": arn.split(":")[4], "Arn": arn, "UserId": "AROAEXAMPLE:i-a"},
                "ResponseMetadata": {"RequestId": "00000000-0000-0000-0000-000000000000"}}}
        except (Refused, KeyError, ValueError) as error:
            status, body = 403, {"Error": {"Code": str(error), "Type": "Sender"}}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


# ---- the authenticator

def canonical(arn):
    """A session's role: arn:aws:sts::1:assumed-role/ROLE/SESSION is arn:aws:iam::1:role/ROLE."""
    parts = arn.split(":")
    words = parts[5].split("/")
    return f"arn:{parts[1]}:iam::{parts[4]}:role/{words[1]}" if words[0] == "assumed-role" else arn


def read_token(token):
    """Its URL, if it is one that may be asked."""
    if len(token) > TOKEN_MAX or not token.startswith(PREFIX):
        raise Refused("no token of EKS")
    text = token[len(PREFIX):]
    if "=" in text:
        raise Refused("padded")
    url = urllib.parse.urlsplit(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode())
    if url.scheme != "https" or url.netloc not in SETTINGS["hosts"] or url.path != "/" or url.fragment:
        raise Refused(f"leads to {url.scheme}://{url.netloc}{url.path}")
    pairs = urllib.parse.parse_qsl(url.query, strict_parsing=True)
    query = {name.lower(): value for name, value in pairs}
    if len(query) != len(pairs) or not query.keys() <= PARAMETERS:
        raise Refused("parameters that aren't allowed")
    if query["action"] != "GetCallerIdentity" or HEADER not in query["x-amz-signedheaders"].split(";"):
        raise Refused("isn't signed for a cluster")
    if not 0 <= int(query["x-amz-expires"]) <= LIFETIME_S:
        raise Refused("X-Amz-Expires")
    return url, query


def review(token, seen):
    url, query = read_token(token)
    seen |= {"key": query["x-amz-credential"].split("/")[0], "date": query["x-amz-date"], "age": age_of(query["x-amz-date"])}
    seen["made"] = time.time() - seen["age"]
    if seen["age"] > SETTINGS["age_max_s"]:
        raise Refused("X-Amz-Date parameter is expired")
    ask = urllib.request.Request(f"http://127.0.0.1:{sts.server_address[1]}/?{url.query}",
                                 headers={"Host": url.netloc, HEADER: SETTINGS["cluster"], "Accept": "application/json"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(ask, timeout=10) as answer:
            arn = json.load(answer)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Arn"]
    except urllib.error.HTTPError as error:
        raise Refused(f"STS: {json.load(error)['Error']['Code']}") from error
    entry = SETTINGS["entries"].get(canonical(arn))
    if entry is None:
        raise Refused(f"{arn} is not mapped")
    return {"username": entry["user"], "groups": entry["groups"]}


class Authenticator(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen = {"ok": False, "why": ""}
        try:
            status = {"authenticated": True, "user": review(question["spec"]["token"], seen)}
            seen["ok"] = True
        except (Refused, KeyError, ValueError) as error:
            status = {"authenticated": False}
            seen["why"] = str(error)
        reviews.append(seen)
        data = json.dumps({"apiVersion": question["apiVersion"], "kind": "TokenReview", "status": status}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def serve(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


sts = serve(Sts)


def main():
    authenticator = serve(Authenticator)
    print(json.dumps({"authenticator": f"http://127.0.0.1:{authenticator.server_address[1]}/authenticate"}), flush=True)
    for line in sys.stdin:
        SETTINGS.update(json.loads(line))
        print(json.dumps(SETTINGS | {"reviews": reviews}), flush=True)


if __name__ == "__main__":
    main()
