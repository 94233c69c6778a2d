# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""AWS's Query interface as a server sees it: parameters in, XML out. For fake_ec2.py."""

from xml.sax.saxutils import escape

NAMESPACE = {"2016-11-15": "http://ec2.amazonaws.com/doc/2016-11-15/",
             "2011-01-01": "http://autoscaling.amazonaws.com/doc/2011-01-01/"}


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


def read_tags(params, prefix):
    """{key: value} of PREFIX.1.Key, PREFIX.1.Value, ..."""
    keys = numbered({k.removesuffix(".Key"): v for k, v in params.items() if k.endswith(".Key")}, prefix)
    return {key: params.get(f"{prefix}.{i}.Value", "") for i, key in enumerate(keys, 1)}


def success(params, answer):
    name = f"{params['Action']}Response"
    space = NAMESPACE.get(params.get("Version"), "")
    if "autoscaling" in space:
        answer = answer | {"ResponseMetadata": {"RequestId": "fake"}}
    else:
        answer = {"requestId": "fake"} | answer
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} xmlns="{space}">{xml(answer)}</{name}>'


def failure(params, refused):
    """Each service in its own grammar."""
    error = {"Code": refused.code, "Message": refused.message}
    if params.get("Version") == "2016-11-15":
        return f"<Response>{xml({'Errors': {'Error': error}, 'RequestID': 'fake'})}</Response>"
    return f"<ErrorResponse>{xml({'Error': {'Type': 'Sender'} | error, 'RequestId': 'fake'})}</ErrorResponse>"
