# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""Who may call the fake EC2 (fake_ec2.py), and what it answers whom it refuses.

Signatures are verified only if secrets are given, and by botocore: this then has to run in moto's environment.
"""

import datetime
import hashlib
import time

from fake_policy import Denied, decide, requests_of
from fake_query import Refused

SKEW_MAX_S = 300
SERVICES = {"2016-11-15": "ec2", "2011-01-01": "autoscaling"}
NOT_VALID = "AWS was not able to validate the provided access credentials"
NO_MATCH = "The request signature that we calculated does not match the signature that you provided."


def authorization(headers):
    """(access key, [date, region, service, "aws4_request"], [signed headers], signature)"""
    algorithm, *words = headers.get("Authorization", "").replace(",", " ").split()[:4] or [""]
    parts = dict(word.partition("=")[::2] for word in words)
    if not parts or "X-Amz-Date" not in headers:
        raise Refused("MissingAuthenticationToken", "The request must be signed.", 403)
    key, *scope = parts.get("Credential", "").split("/")
    if algorithm != "AWS4-HMAC-SHA256" or parts.keys() != {"Credential", "SignedHeaders", "Signature"} or len(scope) != 4:
        raise Refused("IncompleteSignature", "The Authorization header isn't one of Signature Version 4")
    return key, scope, parts["SignedHeaders"].split(";"), parts["Signature"]


def check_clock(settings, date):
    """EC2 calls a request of the past expired; one of the future has no valid signature yet."""
    sent = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()
    age = time.time() + settings["clock_s"] - sent
    if age > SKEW_MAX_S:
        raise Refused("RequestExpired", "Request has expired.")
    if age < -SKEW_MAX_S:
        raise Refused("AuthFailure", NOT_VALID, 401)


def check_signature(settings, call, signed_by):
    """As an independent implementation computes it from the request as it arrived."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    key, scope, names, signature = signed_by
    headers, secret = call.headers, settings["secrets"].get(key)
    if secret is None or headers.get("X-Amz-Security-Token") != secret.get("token"):
        raise Refused("AuthFailure", NOT_VALID, 401)
    if "ends_s" in secret and secret["ends_s"] < time.time():
        raise Refused("RequestExpired", "Request has expired.")
    must = {"host"} | {name.lower() for name in headers if name.lower().startswith("x-amz-")}
    date = headers["X-Amz-Date"]
    wanted = [date[:8], settings["region"] or scope[1], SERVICES.get(call.params.get("Version")), "aws4_request"]
    if not must <= set(names) or scope != wanted:
        raise Refused("SignatureDoesNotMatch", NO_MATCH, 403)
    if headers.get("X-Amz-Content-SHA256") not in (None, hashlib.sha256(call.body).hexdigest()):
        raise Refused("SignatureDoesNotMatch", NO_MATCH, 403)
    request = AWSRequest("POST", f"http://{headers['Host']}{call.path}", data=call.body,
                         headers={name: headers[name] for name in names})
    request.context["timestamp"] = date
    auth = SigV4Auth(Credentials(key, secret["secret"], secret.get("token")), scope[2], scope[1])
    if auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request) != signature:
        raise Refused("SignatureDoesNotMatch", NO_MATCH, 403)


def check_policy(settings, state, params):
    try:
        for request in requests_of(state, params):
            decide(settings["policy"], request)
    except Denied as denied:
        raise Refused("UnauthorizedOperation", f"You are not authorized to perform this operation. {denied}", 403) from denied


def authorize(settings, state, call):
    """Refused, or nothing."""
    signed_by = authorization(call.headers)
    if settings["keys"] is not None and signed_by[0] not in settings["keys"]:
        raise Refused("AuthFailure", NOT_VALID, 401)
    check_clock(settings, call.headers["X-Amz-Date"])
    if settings["secrets"] is not None:
        check_signature(settings, call, signed_by)
    action = call.params.get("Action", "")
    if action in settings["denied"]:
        raise Refused("UnauthorizedOperation", f"You are not authorized to perform this operation: {action}.", 403)
    if settings["policy"] is not None:
        check_policy(settings, state, call.params)
