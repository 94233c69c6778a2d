# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""A real control plane for one test file: etcd and kube-apiserver, and a kube-scheduler that wants a Lease.

No controllers run: a Namespace's deletion never finishes, nobody makes default service accounts or
watches over nodes; the tests play kubelet and controllers through kubeclient.
"""

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from kubeclient import ApiError, Client, load, object_of

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests" / "lab"))

from eipgwlab.wait import wait_until  # noqa: E402

# Who may ask, by token or certificate, and in which groups he is.
USERS = {"admin": ("system:masters",), "gateway": ("eipgw:gateways",), "nobody": ()}
START_S = 120
AUDIT = {
    "apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"],
    "rules": [{"level": "None", "users": ["admin", "system:apiserver"]}, {"level": "Metadata"}],
}


def build_peers():
    """(directory of the programs, None), or (None, why there is none)."""
    done = subprocess.run([HERE / "peers-kube"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == 77:
        return None, done.stdout.strip().removeprefix("SKIP: ")
    assert done.returncode == 0, f"peers-kube: status {done.returncode}"
    return Path(done.stdout.strip()), None


def deploy_ours(plane, *paths):
    """Our namespace, CRDs and the rights of a gateway, in a new control plane; returns when a gateway may get `paths`."""
    admin, client = plane.client(), plane.client("gateway")
    admin.create(object_of("Namespace", "eipgw-system"))
    for found in load(*sorted((TOP / "deploy" / "crds").glob("*.yaml")), TOP / "deploy" / "rbac-gateway.yaml"):
        admin.create(found)
    wait_until(lambda: all(client.raw("GET", path)[0] == 200 for path in paths), 30, "the rights and the kinds are there")


def built_peers():
    """The directory of programs that peers-kube built at any time, or EIPGW_KUBE_PEERS; None: there is none. Builds nothing."""
    if named := os.environ.get("EIPGW_KUBE_PEERS"):
        return Path(named)
    home = os.environ.get("XDG_CACHE_HOME") or (os.path.join(os.environ["HOME"], ".cache") if os.environ.get("HOME") else None)
    folder = Path(home, "eipgw", "peers") if home else TOP / "build" / "peers"
    found = [place for place in folder.glob("kube-*") if place.suffix != ".new"
             and all(os.access(place / program, os.X_OK) for program in ("etcd", "kube-apiserver"))]
    return max(found, key=lambda place: place.stat().st_mtime, default=None)


def free_port(address):
    """Below the ports that the kernel gives out, so that nobody gets it between now and its use by chance."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as found, contextlib.suppress(OSError):
            found.bind((address, port))
            return port


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, stdin=subprocess.DEVNULL)


class Authority:
    """A certificate authority: what the server shows and what users may log in with."""

    def __init__(self, folder, name="test-ca"):
        self.folder = folder
        self.ca_file, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2,
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.ca_file)

    def issue(self, stem, subject, names=""):
        """(certificate file, key file)"""
        certificate, key, request = (self.folder / f"{stem}.{end}" for end in ("crt", "key", "csr"))
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject,
                "-keyout", key, "-out", request)
        more = self.folder / f"{stem}.ext"
        lines = ["basicConstraints=CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth"]
        more.write_text("\n".join(lines + ([f"subjectAltName={names}"] if names else [])) + "\n")
        openssl("x509", "-req", "-in", request, "-CA", self.ca_file, "-CAkey", self.key, "-CAcreateserial", "-days", 2,
                "-extfile", more, "-out", certificate)
        return certificate, key


class Process:
    """Ends with the thread that started it, however that ends."""

    def __init__(self, argv, log, inside):
        self.log = log
        with open(log, "ab") as out, inside():
            self.popen = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, argv)], stdin=subprocess.DEVNULL,
                                          stdout=out, stderr=out, cwd=log.parent)

    def alive(self):
        return self.popen.poll() is None

    def send(self, number):
        self.popen.send_signal(number)

    def end(self, number=signal.SIGKILL):
        if self.alive():
            self.send(number)
        return self.popen.wait(30)

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


class ControlPlane:
    """etcd and kube-apiserver on random ports of one address. start() before anything else, stop() at the end.

    bind: the API server's address; etcd is always on loopback. inside(): a context in which they are started
    and asked, such as a network namespace, whose loopback must be up.
    """

    def __init__(self, place, *, bind="127.0.0.1", inside=contextlib.nullcontext):
        self.place, self.bind, self.inside = place, bind, inside
        self.folder = Path(tempfile.mkdtemp(prefix="eipgw-kube-"))
        self.authority = Authority(self.folder)
        self.tokens = {user: os.urandom(12).hex() for user in USERS}
        self.audit_log = self.folder / "audit.log"
        self.etcd = self.server = self.port = None
        self.flags = ()
        self.clients, self.etcd_connection = {}, None
        self._prepare()

    def _prepare(self):
        self.authority.issue("server", "/CN=kube-apiserver", f"IP:{self.bind},DNS:localhost,DNS:kubernetes.default.svc")
        key = self.folder / "accounts.key"
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        openssl("ec", "-in", key, "-pubout", "-out", self.folder / "accounts.pub")
        (self.folder / "audit.json").write_text(json.dumps(AUDIT))
        rows = [f'{self.tokens[user]},{user},{user},"{",".join(groups)}"' for user, groups in USERS.items()]
        (self.folder / "tokens.csv").write_text("\n".join(rows) + "\n")

    # ---- life

    def start(self, *flags):
        """Starts what doesn't run and waits until the API server is ready. Flags are added to ours."""
        self.flags = flags
        for _ in range(5):
            with self.inside():
                self.port = self.port or free_port(self.bind)
                self.etcd_ports = [free_port("127.0.0.1") for _ in range(2)] if self.etcd is None else self.etcd_ports
            if self._start_once():
                return self
        raise AssertionError(f"no free ports\n{self.etcd.tail()}\n{self.server.tail()}")

    def _start_once(self):
        """False: a port was taken in between."""
        if self.etcd is None:
            self.etcd = Process(self._etcd_argv(), self.folder / "etcd.log", self.inside)
        self.server = Process(self._server_argv(), self.folder / "apiserver.log", self.inside)

        def alive():
            return self.etcd.alive() and self.server.alive()

        wait_until(lambda: self.ready() or not alive(), START_S, "the API server is ready", 0.05)
        if alive():
            return True
        for process in (self.server, self.etcd):
            process.end()
        said = self.etcd.tail() + self.server.tail()
        assert "address already in use" in said, f"the control plane doesn't start:\n{said}"
        shutil.rmtree(self.folder / "etcd", ignore_errors=True)
        self.etcd = self.port = None
        return False

    def _etcd_argv(self):
        client, peer = (f"http://127.0.0.1:{port}" for port in self.etcd_ports)
        return [self.place / "etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "warn",
                "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
                "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]

    def _server_argv(self):
        f = self.folder
        return [self.place / "kube-apiserver", f"--etcd-servers=http://127.0.0.1:{self.etcd_ports[0]}",
                f"--secure-port={self.port}", f"--bind-address={self.bind}", f"--advertise-address={self.bind}",
                "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
                f"--tls-cert-file={f}/server.crt", f"--tls-private-key-file={f}/server.key", f"--cert-dir={f}",
                f"--client-ca-file={self.authority.ca_file}", f"--token-auth-file={f}/tokens.csv",
                "--service-account-issuer=https://kubernetes.default.svc", f"--service-account-key-file={f}/accounts.pub",
                f"--service-account-signing-key-file={f}/accounts.key", "--authorization-mode=RBAC",
                f"--audit-policy-file={f}/audit.json", f"--audit-log-path={self.audit_log}", *self.flags]

    def ready(self):
        client = Client((self.bind, self.port), self.authority.ca_file, token=self.tokens["admin"], inside=self.inside)
        try:
            return client.raw("GET", "/readyz")[0] == 200
        except OSError:
            return False
        finally:
            client.close()

    def kill(self):
        """Takes the API server away in the middle of everything; etcd stays. start() brings it back, on the same port."""
        self.server.end(signal.SIGKILL)

    def restart(self, *flags):
        self.kill()
        return self.start(*flags)

    def pause(self):
        """Connections stay and nothing is answered, as with a server that hangs."""
        self.server.send(signal.SIGSTOP)
        os.waitid(os.P_PID, self.server.popen.pid, os.WSTOPPED)  # all its threads have stopped

    def resume(self):
        self.server.send(signal.SIGCONT)

    def mend(self):
        """Whatever a test did to it: it runs, with the usual flags."""
        if self.server.alive():
            self.resume()
        if not self.server.alive() or self.flags:
            self.restart()

    def stop(self):
        for process in (self.server, self.etcd):
            if process:
                process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- who asks

    def client(self, user="admin"):
        if user not in self.clients:
            self.clients[user] = self.client_with(token=self.tokens[user])
        return self.clients[user]

    def client_with(self, **login):
        """Client(token=... or certificate=...)"""
        return Client((self.bind, self.port), self.authority.ca_file, inside=self.inside, **login)

    def certificate(self, user):
        """(certificate file, key file) to log in with."""
        groups = "".join(f"/O={group}" for group in USERS.get(user, ()))
        return self.authority.issue(f"user-{user}", f"{groups}/CN={user}")

    def kubeconfig(self, user="admin", *, certificate=False):
        """Writes one, with token or certificate. Its path. (JSON is YAML.)"""
        login = {"token": self.tokens[user]}
        if certificate:
            login = dict(zip(("client-certificate", "client-key"), map(str, self.certificate(user))))
        path = self.folder / f"kubeconfig-{user}{'-certificate' if certificate else ''}"
        path.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": f"https://{self.bind}:{self.port}",
                                                      "certificate-authority": str(self.authority.ca_file)}}],
            "users": [{"name": user, "user": login}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}]}, indent=1))
        return path

    def account_kubeconfig(self, namespace, account):
        """Writes one with a token of the service account. Its path."""
        found = json.loads(self.kubeconfig("nobody").read_text())
        found["users"][0]["user"] = {"token": self.client().token_for(namespace, account)}
        path = self.folder / f"kubeconfig-{account}"
        path.write_text(json.dumps(found))
        return path

    # ---- what the API server saw, and what it can be made to do

    def audit(self, **wanted):
        """Requests as the API server logged them, of all users but the tests' own admin: user=, verb=, code=, resource=."""
        lines = self.audit_log.read_text().splitlines() if self.audit_log.exists() else []
        found = []
        for line in lines:
            with contextlib.suppress(ValueError):  # the last one may be half written
                event = json.loads(line)
                reference = event.get("objectRef", {})
                row = {"user": event["user"].get("username", ""), "verb": event["verb"], "stage": event["stage"],
                       "code": event.get("responseStatus", {}).get("code"), "uri": event["requestURI"],
                       "resource": reference.get("resource"), "sub": reference.get("subresource"),
                       "agent": event.get("userAgent", "")}
                if all(row[key] == value for key, value in wanted.items()):
                    found.append(row)
        return found

    def _etcd(self, call, **body):
        """On one kept connection; not for several threads."""
        if self.etcd_connection is None:
            self.etcd_connection = http.client.HTTPConnection("127.0.0.1", self.etcd_ports[0], timeout=30)
            with self.inside():
                self.etcd_connection.connect()
            self.etcd_connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.etcd_connection.request("POST", f"/v3/kv/{call}", json.dumps(body).encode())
        answer = self.etcd_connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return json.loads(content)

    def etcd_txn(self, operations):
        """Writes past the API server, which tells it as its own: operations of etcd's JSON, at most 128."""
        self._etcd("txn", success=operations)

    def forked(self):
        """In a process that was forked from the one that started all: nothing is shared with that one."""
        self.etcd_connection, self.clients = None, {}

    def compact(self):
        """Forgets all history, in etcd and in the API server's cache: older resource versions are 410 from now on."""
        revision = self._etcd("range", key="AA==")["header"]["revision"]
        self._etcd("compaction", revision=revision, physical=True)
        self.restart(*self.flags)

    @contextlib.contextmanager
    def throttled(self, user):
        """Every request of that user is answered with 429 and Retry-After, for a minute at most.

        His requests get a priority level with a single seat, and one that never sends its body sits on it.
        """
        admin, name = self.client(), f"throttle-{user}"
        admin.apply(object_of("PriorityLevelConfiguration", name, {"type": "Limited", "limited": {
            "nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0, "limitResponse": {"type": "Reject"}}}))
        rule = {"subjects": [{"kind": "User", "user": {"name": user}}],
                "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True,
                                   "namespaces": ["*"]}],
                "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}
        admin.apply(object_of("FlowSchema", name, {
            "priorityLevelConfiguration": {"name": name}, "matchingPrecedence": 2, "rules": [rule]}))

        client = self.client_with(token=self.tokens[user])

        def sit():
            sitter = client.connect()
            sitters.append(sitter)
            headers = client.headers(**{"Content-Type": "application/json", "Content-Length": "1000"})
            sitter.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", b"{", headers)
            # Until the level is in force, whoever sits down has another seat.
            return client.raw("GET", "/version")[0] == 429

        sitters = []
        try:
            wait_until(sit, 30, f"{user} is throttled", 0.1)
            yield
        finally:
            for sitter in sitters:
                sitter.close()
            for kind in ("FlowSchema", "PriorityLevelConfiguration"):
                with contextlib.suppress(ApiError):
                    admin.delete(kind, name)
            wait_until(lambda: client.raw("GET", "/version")[0] != 429, 30, f"{user} is not throttled any more", 0.05)
            client.close()

    @contextlib.contextmanager
    def contender(self, namespace, lease, duration=6, deadline=4, period=1):
        """A kube-scheduler that wants the Lease: leader election as everybody else does it. Yields its Process."""
        program = self.place / "kube-scheduler"
        assert program.exists(), f"EIPGW_KUBE_PEERS: this test needs {program}"
        config = self.kubeconfig()
        argv = [program, "--secure-port=0", "--leader-elect=true", "--leader-elect-resource-lock=leases",
                *(f"--{what}kubeconfig={config}" for what in ("", "authentication-", "authorization-")),
                f"--leader-elect-resource-namespace={namespace}", f"--leader-elect-resource-name={lease}",
                f"--leader-elect-lease-duration={duration}s", f"--leader-elect-renew-deadline={deadline}s",
                f"--leader-elect-retry-period={period}s"]
        process = Process(argv, self.folder / f"scheduler-{lease}.log", self.inside)
        try:
            yield process
        finally:
            process.end()
