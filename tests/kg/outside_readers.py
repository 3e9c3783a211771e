"""What outside libraries make of the exports; run as a process, it prints JSON.

A process of its own, because these libraries change how rdflib reads literals and use parts of
it that are deprecated, and because here nothing may reach the network.
"""

from __future__ import annotations

import csv
import json
import socket
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def no_network(*_: object) -> None:
    raise OSError("no network in tests")


def nanopubs(files: list[str]) -> list[Json]:
    """Each file (TriG) as the library of the nanopublication network judges it."""
    from nanopub import Nanopub
    from rdflib import ConjunctiveGraph

    found = []
    for file in files:
        graph = ConjunctiveGraph()
        graph.parse(file, format="trig")
        publication = Nanopub(rdf=graph)
        signed = publication.signed_with_public_key is not None
        found.append(
            {
                "valid": publication.is_valid,
                "assertions": len(publication.assertion),
                "trusty": publication.has_valid_trusty if signed else None,
                "signature": publication.has_valid_signature if signed else None,
                "uri": str(publication.metadata.np_uri),
            }
        )
    return found


def new_key(files: list[str]) -> None:
    from Crypto.PublicKey import RSA

    Path(files[0]).write_bytes(RSA.generate(2048).export_key("PEM", pkcs=8))


def ftm(files: list[str]) -> Json:
    """Findings on the entities (first file) and the statements (second), and their numbers."""
    from followthemoney import model
    from followthemoney.dataset import Dataset
    from followthemoney.statement import StatementEntity
    from followthemoney.statement.serialize import read_csv_statements

    lines = Path(files[0]).read_text(encoding="utf-8").splitlines()
    entities = {entity["id"]: entity for entity in map(json.loads, lines)}
    findings = [f for entity in entities.values() for f in _findings(model, entities, entity)]
    with Path(files[1]).open("rb") as file:
        statements = list(read_csv_statements(file))
    with Path(files[1]).open(encoding="utf-8", newline="") as text:
        types = [row["prop_type"] for row in csv.DictReader(text, dialect="unix")]
    findings += [f"{s!r}: key" for s in statements if s.id != s.generate_key()]
    findings += [
        f"{s!r}: type" for s, kind in zip(statements, types, strict=True) if s.prop_type != kind
    ]
    dataset = Dataset.make({"name": "chiptrail", "title": "Chiptrail"})
    huawei = StatementEntity.from_statements(
        dataset, [s for s in statements if s.entity_id == "chiptrail-huawei"]
    )
    return {
        "findings": findings,
        "entities": len(entities),
        "lines": len(lines),
        "stated": len({s.entity_id for s in statements}),
        "huawei": {"name": huawei.get("name"), "country": huawei.get("country")},
    }


def _findings(model: Any, entities: dict[str, Json], entity: Json) -> list[str]:
    from followthemoney.exc import InvalidData

    name, schema = entity["id"], model.get(entity["schema"])
    found = [f"{name}: lacks {p}" for p in schema.required if not entity["properties"].get(p)]
    try:
        schema.validate(entity)
    except InvalidData as error:
        found.append(f"{name}: {error.errors}")
    cleaned = model.get_proxy(entity, cleaned=False)
    for prop, values in entity["properties"].items():
        described = schema.get(prop)
        if described is None:
            found.append(f"{name}: no property {prop}")
        elif sorted(cleaned.get(prop)) != sorted(values):
            found.append(f"{name}: {prop} {values} is read as {cleaned.get(prop)}")
        elif described.type.name == "entity":
            found += [
                f"{name}: {prop} must not be {value}"
                for value in values
                if value not in entities
                or not model.get(entities[value]["schema"]).is_a(described.range)
            ]
    return found


if __name__ == "__main__":
    socket.socket.connect = no_network  # type: ignore[method-assign,assignment]
    readers = {"nanopubs": nanopubs, "new-key": new_key, "ftm": ftm}
    sys.stdout.write(json.dumps(readers[sys.argv[1]](sys.argv[2:])))
