#!/usr/bin/python3 -B
# SPDX-License-Identifier: GPL-3.0-or-later
# SPDX-FileCopyrightText: The eipgw authors
"""schema.py PACKAGE.tgz TYPE...: the AWS provider's schema of these types as JSON, from the npm package @cdktf/provider-aws.

That package is generated from the provider's schema: each attribute has a comment with its flags, and a line with its type. A data
source's type begins with "data.". How many blocks of a kind there may be isn't in there, nor which of the optional attributes get
a value by themselves: of those at the top, all are said to.
"""

import json
import re
import sys
import tarfile

FLAGS = re.compile(r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n(.*?)(?=\n    // |\n        // |\Z)",
                   re.DOTALL)
HCL = re.compile(r"^            (\w+): \{\n                value: .*\n                isBlock: (true|false),\n                type: \"(\w+)\",\n"
                 r"                storageClassType: \"(\w+)\"", re.MULTILINE)
HCL_NESTED = re.compile(HCL.pattern.replace(" " * 16, " " * 12).replace("^" + " " * 12, "^" + " " * 8), re.MULTILINE)
NEW = re.compile(r"= new (\w+?)(List|Map|OutputReference)\(this, \"\w+\"(?:, (true|false))?\)")
GETTER = re.compile(r"(tolist\(this\.)?get(\w+?)Attribute\('")
# How a type is called there -> in Terraform's own notation of types.
SIMPLE = {"string": "string", "number": "number", "boolean": "bool"}
GETTERS = {"String": "string", "Number": "number", "Boolean": "bool", "List": ["list", "string"], "NumberList": ["list", "number"],
           "StringMap": ["map", "string"], "BooleanMap": ["map", "bool"], "NumberMap": ["map", "number"], "AnyMap": ["map", "string"]}


def parts(text):
    """Classes by name, and the functions that tell what may be configured in a block."""
    classes = dict(re.findall(r"^class (\w+) extends (.*?)^\}", text, re.MULTILINE | re.DOTALL))
    functions = dict(re.findall(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", text, re.MULTILINE | re.DOTALL))
    return classes, functions


def hcl_type(kind, storage):
    if kind == "simple":
        return SIMPLE[storage]
    element = SIMPLE[re.sub("(List|Map)$", "", storage)]
    return [kind, element]


def getter_type(text):
    """None where a comment is left over from what isn't there any more."""
    match = GETTER.search(text)
    if not match:
        return None
    kind = GETTERS[match[2]]
    return ["set", kind[1]] if match[1] else kind


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


class Reader:
    def __init__(self, text, types):
        self.classes, self.functions = parts(text)
        self.required = {name: set(re.findall(r"^    readonly (\w+):", body, re.MULTILINE))
                         for name, body in re.findall(r"^export interface (\w+) (.*?)^\}", types, re.MULTILINE | re.DOTALL)}

    def object(self, base):
        """An attribute's type that is an object."""
        members = {}
        for name, *_flags, rest in FLAGS.findall(self.classes[base + "OutputReference"]):
            new = NEW.search(rest)
            kind = self.nested_type(new) if new else getter_type(rest)
            if kind:
                members[name] = kind
        return ["object", members]

    def nested_type(self, new):
        kind = "map" if new[2] == "Map" else "set" if new[3] == "true" else "list"
        return [kind, self.object(new[1])]

    def block(self, body, hcl, interface):
        attributes, blocks = {}, {}
        top = interface.endswith("Config")
        for name, *_flags, rest in FLAGS.findall(body):
            new = NEW.search(rest)
            if name in hcl and hcl[name][0] == "true":
                base = new[1]
                inner = {n: more for n, *more in HCL_NESTED.findall(self.functions[base[0].lower() + base[1:]])}
                blocks[name] = {"nesting": hcl[name][1].replace("struct", "single"),
                                "block": self.block(self.classes[base + "OutputReference"], inner, base)}
            elif name not in hcl:
                kind = self.nested_type(new) if new else getter_type(rest)
                if kind:
                    attributes[name] = {"type": kind, "computed": True}
        for name, (is_block, kind, storage) in hcl.items():
            if is_block == "false":
                flags = {"required": True} if camel(name) in self.required[interface] else {"optional": True, "computed": top}
                attributes[name] = flags | {"type": hcl_type(kind, storage)}
        return {"attributes": attributes, "blocks": blocks}

    def top(self):
        [(name, body)] = [(name, body) for name, body in self.classes.items()
                          if body.startswith(("cdktf.TerraformResource", "cdktf.TerraformDataSource"))]
        block = self.block(body, {n: more for n, *more in HCL.findall(body)}, name + "Config")
        # It has no comment of its own where it can't be given.
        block["attributes"].setdefault("id", {"type": "string", "computed": True})
        return block


def main():
    schema = {"resources": {}, "data": {}}
    with tarfile.open(sys.argv[1]) as package:
        for word in sys.argv[2:]:
            kind = "data" if word.startswith("data.") else "resources"
            name = word.removeprefix("data.")
            folder = ("data-" if kind == "data" else "") + (name if kind == "data" else name.removeprefix("aws_")).replace("_", "-")
            text, types = (package.extractfile(f"package/lib/{folder}/index.{end}").read().decode() for end in ("js", "d.ts"))
            schema[kind][name] = Reader(text, types).top()
    json.dump(schema, sys.stdout, indent=1, sort_keys=True)


main()
