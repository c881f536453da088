# SPDX-License-Identifier: GPL-2.0-only
"""The JSON Schemas of schemas/, with their references to one another resolved."""
import functools
import json
import pathlib

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"


@functools.lru_cache(maxsize=None)
def load(name):
    return json.loads((SCHEMAS / f"{name}.json").read_text())


@functools.lru_cache(maxsize=None)
def validator(name):
    schema = load(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    try:  # jsonschema 4.18 and newer
        import referencing
    except ImportError:
        resolver = jsonschema.RefResolver(
            schema["$id"], schema, store={f"{p.stem}.json": load(p.stem) for p in SCHEMAS.glob("*.json")})
        return jsonschema.Draft202012Validator(schema, resolver=resolver)
    registry = referencing.Registry().with_resources(
        (f"{p.stem}.json", referencing.Resource.from_contents(load(p.stem))) for p in SCHEMAS.glob("*.json"))
    return jsonschema.Draft202012Validator(schema, registry=registry)


def validate(name, value):
    """Raise AssertionError naming every place where VALUE is not as the schema says."""
    wrong = [f"{'/'.join(map(str, e.absolute_path)) or '(top)'}: {e.message[:300]}"
             for e in sorted(validator(name).iter_errors(value), key=lambda e: list(map(str, e.absolute_path)))]
    assert not wrong, f"output is not as schemas/{name}.json says:\n  " + "\n  ".join(wrong[:20])
