"""The part of JSON Schema that schema.json uses.

Anything else in it is an error, so that nothing is checked less than it seems.
"""

import re

_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}
_KEYWORDS = {
    "$schema",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "oneOf",
    "dependentRequired",
    "if",
    "then",
    "else",
}


def errors(value, schema, root, path="$"):
    unknown = set(schema) - _KEYWORDS
    if unknown:
        return [f"{path}: the schema uses {sorted(unknown)}, which this validator does not know"]
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return errors(value, root["$defs"][name], root, path)
    found = []
    kind = schema.get("type")
    if kind == "integer":
        is_right = isinstance(value, int) and not isinstance(value, bool)
    else:
        is_right = kind is None or isinstance(value, _TYPES[kind])
    if not is_right:
        return [f"{path}: {value!r} is not of type {kind}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{path}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{path}: {value!r} does not match {schema['pattern']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{path}: {value} is below {schema['minimum']}")
    if "maximum" in schema and value > schema["maximum"]:
        found.append(f"{path}: {value} is above {schema['maximum']}")
    if isinstance(value, dict):
        found += _object_errors(value, schema, root, path)
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{path}: {len(value)} items")
        for index, item in enumerate(value):
            found += errors(item, schema.get("items", {}), root, f"{path}[{index}]")
    if "oneOf" in schema:
        tries = [errors(value, option, root, path) for option in schema["oneOf"]]
        if sum(not each for each in tries) != 1:
            found.append(
                f"{path}: fits {sum(not each for each in tries)} of the alternatives, not one: {min(tries, key=len)[:1]}"
            )
    if "if" in schema:
        branch = "else" if errors(value, schema["if"], root, path) else "then"
        found += errors(value, schema.get(branch, {}), root, path)
    return found


def _object_errors(value, schema, root, path):
    found = [f"{path}: {name} is missing" for name in schema.get("required", ()) if name not in value]
    properties = schema.get("properties", {})
    for name, item in value.items():
        if name in properties:
            found += errors(item, properties[name], root, f"{path}.{name}")
        elif schema.get("additionalProperties") is False:
            found.append(f"{path}: {name} is unknown")
    for name, needed in schema.get("dependentRequired", {}).items():
        if name in value:
            found += [f"{path}: {name} needs {other}" for other in needed if other not in value]
    return found
