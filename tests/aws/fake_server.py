# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""The transport of the fake EC2 (fake_ec2.py): HTTP, the faults on its way, and the entrance for tests."""

import json
import socket
import socketserver
import struct
import time
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fake_query import Refused, failure, success

# "tamper" changes the body before its signature is looked at, "empty" is a success that says nothing.
FAULTS = ("throttle", "500", "html", "slow", "truncate", "reset", "empty", "tamper", "done-500", "done-reset", "done-slow")


@dataclass
class Call:
    """A request as it arrived."""

    path: str
    headers: object
    body: bytes
    params: dict


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
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/control/"):
            self.do_control(json.loads(body))
            return
        params = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
        action = params.get("Action", "")
        with self.cloud.lock:
            self.cloud.requests.append(params)
            fault = self.cloud.take_fault(action)
            kind = fault["kind"]
            if kind == "tamper":
                body += b"&Tampered=true"
            if kind == "" or kind.startswith("done-") or kind in ("slow", "truncate", "tamper"):
                status, text = self.answer(Call(self.path, self.headers, body, params))
        if kind.endswith("slow"):
            time.sleep(fault.get("seconds", 1))
        if kind in ("", "slow", "tamper", "done-slow"):
            self.wfile.write(self.send(status, text))
        elif kind == "truncate":
            self.wfile.write(self.send(status, text)[:len(text) // 2])
            self.close_connection = True
        elif kind.endswith("reset"):
            # Linger 0: the peer gets a reset, not an end.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
        elif kind == "throttle":
            self.wfile.write(self.send(503, failure(params, Refused("RequestLimitExceeded", "Request limit exceeded.")),
                                       headers=[("Retry-After", str(fault["seconds"]))] if "seconds" in fault else []))
        elif kind == "empty":
            self.wfile.write(self.send(200, success(params, {})))
        elif kind == "html":
            self.wfile.write(self.send(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html"))
        else:
            self.wfile.write(self.send(500, failure(params, Refused("InternalError", "An internal error has occurred"))))

    def answer(self, call):
        try:
            return 200, success(call.params, self.cloud.call(call))
        except Refused as refused:
            return refused.status, failure(call.params, refused)


class Server(ThreadingHTTPServer):
    """http.server asks the name service what an address is called, and in a network namespace nobody answers, for ten seconds."""

    daemon_threads = True

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def serve(cloud, host, port):
    """Not begun yet: serve_forever() is the caller's."""
    handler = type("CloudHandler", (Handler,), {"cloud": cloud})
    server = Server((host, port), handler)
    server.cloud = cloud
    return server
