# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""eipgw-user-data in a namespace that has an instance's network card, beside AWS's emulator of the metadata service and moto."""

import gzip
import json
import os
import secrets
import socket
import stat
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from awspeers import BUILD, clean_env
from instance import CONFIGURATION, DEADLINE_S, PROGRAM, Metadata, Run, files, finish, user_data
from test_imds import keys

WITH_CARD = CONFIGURATION | {"gateway": {"uplink": "ens5"}}


@pytest.fixture
def near_moto(metadata, tmp_path):
    """The emulator where moto is, which has no such card: user data must name one."""
    service = Metadata(metadata, tmp_path)
    yield service
    service.stop()


def test_the_configuration_is_made_of_user_data_and_what_the_instance_knows(service, network, run):
    service.start_with(user_data())

    assert finish(service, run)[0] == 0

    config = json.loads(files(run)["gateway.json"])
    assert config["gateway"]["name"] == "i-0123456789abcdef0"
    assert config["gateway"]["uplink"] == network[1]
    assert config["gateway"]["address"] == "10.0.1.200"
    assert config["kubernetes"]["group"] == "partners"
    assert set(files(run)) == {"gateway.json", "user-data.state"}
    done = subprocess.run([BUILD / "gateway" / "eipgwd", "--config", run / "gateway.json", "--check-config"], check=False,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("data, reason", [
    (b"#cloud-config\n", "user data: isn't eipgw's JSON object: it seems to be for cloud-init"),
    (user_data({"gatway": {}}), "user data: configuration.gatway: "),
    (user_data({"source": "kubernetes", "ownership": "ec2"}), "configuration.kubernetes.group: the key is missing"),
    (user_data(secret={"parameter": "a b"}), "user data: secret.parameter: is no name of a parameter"),
    (b'{"eipgw": 1,', "user data: "),
    (user_data(host_firewall={"metrics_from": ["10.0.0.1/16"]}), "user data: host_firewall.metrics_from[0]: "),
    (user_data(host_firewall={"metrics_from": ["10.0.0.0/16"]}), "host_firewall.metrics_from: needs configuration.metrics.listen"),
])
def test_what_is_wrong_is_said_with_its_path_and_leaves_no_configuration(service, run, data, reason):
    service.start_with(data)

    code, log = finish(service, run)

    assert code == 3
    assert f"<3>user-data: {reason}" in log and "forwards nothing" in log
    assert list(files(run)) == ["user-data.state"] and reason in files(run)["user-data.state"]


@pytest.fixture
def odd_metadata():
    """odd_metadata(status, body): a metadata service that answers so when it's asked for user data, as the emulator can't."""
    servers = []

    def serve(status, body):
        class Handler(BaseHTTPRequestHandler):
            def answer(self, code, text):
                self.send_response(code)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_PUT(self):
                self.answer(200, b"token")

            def do_GET(self):
                self.answer(status, body) if self.path == "/latest/user-data" else self.answer(404, b"")

            def log_message(self, *_):
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.05,), daemon=True).start()
        return SimpleNamespace(url=f"http://127.0.0.1:{servers[-1].server_address[1]}", prefix=())

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_instance_without_user_data_is_told_so(odd_metadata, run):
    code, log = finish(odd_metadata(404, b""), run)
    assert code == 3 and "<3>user-data: user data: the instance has none" in log


def test_compressed_user_data_are_told(odd_metadata, run):
    with Run(odd_metadata(200, gzip.compress(user_data())), run) as program:
        program.wait_for("instance metadata: user-data: isn't text (is it compressed?)")


def test_a_disabled_metadata_service_ends_it(odd_metadata, run):
    code, log = finish(odd_metadata(403, b""), run)
    assert code == 3 and "disabled for this instance" in log


def test_an_unreachable_metadata_service_is_asked_again(service, run):
    with Run(service, run) as program:  # nobody listens there yet
        program.wait_for("trying again")
        service.start_with(user_data())
        assert program.wait() == 0
    assert "gateway.json" in files(run)


def test_where_no_metadata_service_is_it_ends_and_says_so(service, run, tmp_path):
    """Nobody listens there. Who started it, as a boot does, goes on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        with Run(service, run, "--wait", "2", env={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as program:
            assert program.wait() == 1
        told = []
        while not told or "no metadata service has answered" not in told[-1]:
            told.append(systemd.recv(4096, socket.MSG_DONTWAIT).decode())
    assert told[0] == "STATUS=waits for the instance's metadata\n"
    lines = [line for line in program.log().splitlines() if line.startswith("<3>")]
    assert len(lines) == 1 and "no metadata service has answered for 2 s (" in lines[0], program.log()
    assert "[EIPGW-1038]" in lines[0] and "/etc/eipgw/gateway.json" in lines[0]
    assert list(files(run)) == ["user-data.state"] and "no metadata service has answered" in files(run)["user-data.state"]


@pytest.mark.parametrize("wait", ["0", "-1", "86401", "4294967298", "x", ""])
def test_a_wrong_wait_is_refused(wait):
    done = subprocess.run([PROGRAM, f"--wait={wait}"], check=False, capture_output=True, text=True)
    assert done.returncode == 2 and "--wait: is no number from 1 to 86400" in done.stderr


def test_only_the_metadata_are_not_waited_for(service, run):
    """User data are there; the secret's parameter can't be reached for longer than the metadata may be silent."""
    service.start_with(user_data(secret={"parameter": "/a", "url": "http://127.0.0.1:1"}))
    with Run(service, run, "--wait", "1") as program:
        program.wait_for("trying again")
        with pytest.raises(subprocess.TimeoutExpired):
            program.process.wait(3)


def test_eipgwd_and_eipgw_find_what_it_left(service, run):
    """Where people look: in /run/eipgw, as long as there is no /etc/eipgw/gateway.json."""
    script = ('! [ -d /etc/eipgw ] || mount -t tmpfs none /etc/eipgw; mount -t tmpfs none /run; mkdir /run/eipgw; mount --bind "$0" /run/eipgw; exec "$@"')
    where = [*service.prefix, "unshare", "-m", "sh", "-ec", script, run]

    def there(*argv):
        return subprocess.run([*where, *argv], capture_output=True, text=True, check=False, env=clean_env(), timeout=DEADLINE_S)

    service.start_with(user_data())
    assert there(PROGRAM, "--imds-url", service.url).returncode == 0
    assert there(BUILD / "gateway" / "eipgwd", "--check-config").stdout == "/run/eipgw/gateway.json: no error found\n"
    service.stop()
    service.start_with(user_data({"source": "kubernetes"}))
    assert there(PROGRAM, "--imds-url", service.url).returncode == 3
    status = there(BUILD / "cli" / "eipgw", "status")
    assert status.returncode == 5 and "; user data: " not in status.stdout
    assert "configuration.kubernetes.group: the key is missing" in status.stderr


@pytest.fixture
def role(moto):
    """Credentials of a role that may read one parameter; moto checks signatures from now on."""
    made = moto.boto("""
role = iam.create_role(RoleName="gw", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
iam.put_role_policy(RoleName="gw", PolicyName="p", PolicyDocument=json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*"}]}))
show(sts.assume_role(RoleArn=role, RoleSessionName="i-1")["Credentials"])
""")
    moto.check_signatures(True)
    yield keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])
    moto.check_signatures(False)
    moto.post("moto-api/reset")


def put_parameter(moto, value):
    moto.check_signatures(False)
    moto.boto(f'client("ssm").put_parameter(Name="/eipgw/partners/secret", Type="SecureString", Value={value!r}, Overwrite=True)')
    moto.check_signatures(True)


def test_the_secret_is_fetched_once_it_is_there_and_good(near_moto, run, moto, role):
    good = secrets.token_hex(32)
    near_moto.start_with(user_data(WITH_CARD, secret={"parameter": "/eipgw/partners/secret", "url": moto.url}), role)

    with Run(near_moto, run) as program:
        program.wait_for("ParameterNotFound")
        assert "ParameterNotFound" in files(run)["user-data.state"]
        put_parameter(moto, "tooshort")
        program.wait_for("the parameter /eipgw/partners/secret: ")
        put_parameter(moto, good)
        assert program.wait() == 0

    assert files(run)["group.secret"] == good and stat.S_IMODE(os.stat(run / "group.secret").st_mode) == 0o640
    assert json.loads(files(run)["gateway.json"])["failover"]["secret_file"] == str(run / "group.secret")
    for text in (program.log(), files(run)["gateway.json"], files(run)["user-data.state"]):
        assert good not in text and "tooshort" not in text


def test_a_refused_signature_is_told(near_moto, run, moto, role):
    put_parameter(moto, secrets.token_hex(32))
    near_moto.start_with(user_data(WITH_CARD, secret={"parameter": "/eipgw/partners/secret", "url": moto.url}),
                         role | {"SecretAccessKey": "wrong"})

    with Run(near_moto, run) as program:
        program.wait_for("trying again")

    assert "ssm:GetParameter: HTTP 40" in program.log()
    assert "group.secret" not in files(run)
