"""The records as tables: one long table, or a table for each collection."""

from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterator
from io import TextIOWrapper
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from kg.catalogue import COLLECTIONS, Catalogue, flatten
from kg.exports.material import Material


def write_long(material: Material, out: BinaryIO) -> None:
    """One table: collection, id, field, value; a row a value."""
    text = TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(["collection", "id", "field", "value"])
    for collection in COLLECTIONS:
        for document in material.catalogue.documents(collection):
            rows = flatten(document).items()
            writer.writerows((collection, document["id"], key, value) for key, value in rows)
    text.detach()


def write_zip(material: Material, out: BinaryIO) -> None:
    """``<collection>.csv``, a row a record, and ``datapackage.json`` that describes them.

    The same records give the same bytes. Lists within a cell are joined by ``" | "``.
    """
    catalogue, resources = material.catalogue, []
    with ZipFile(out, "w", ZIP_DEFLATED) as archive:
        for collection in COLLECTIONS:
            columns = _columns(catalogue, collection)
            if columns:
                with archive.open(_member(material, f"{collection}.csv"), "w") as file:
                    _write_table(catalogue, collection, columns, file)
                resources.append(_resource(collection, columns))
        text = json.dumps(_package(material, resources), indent=2, ensure_ascii=False)
        archive.writestr(_member(material, "datapackage.json"), text + "\n")


def rows(catalogue: Catalogue, collection: str) -> Iterator[dict[str, str]]:
    return (flatten(document) for document in catalogue.documents(collection))


def _columns(catalogue: Catalogue, collection: str) -> list[str]:
    """Every field that some record has, in the order in which they turn up."""
    return list(dict.fromkeys(key for row in rows(catalogue, collection) for key in row))


def _write_table(catalogue: Catalogue, collection: str, columns: list[str], file: Any) -> None:
    text = TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(rows(catalogue, collection))
    text.flush()
    text.detach()


def _member(material: Material, name: str) -> ZipInfo:
    day = datetime.date.fromisoformat(str(material.dataset["as_of"]))
    member = ZipInfo(name, (day.year, day.month, day.day, 0, 0, 0))
    member.compress_type = ZIP_DEFLATED
    return member


def _resource(collection: str, columns: list[str]) -> dict[str, Any]:
    return {
        "name": collection,
        "path": f"{collection}.csv",
        "profile": "tabular-data-resource",
        "schema": {
            "fields": [{"name": name, "type": "string"} for name in columns],
            "primaryKey": "id",
        },
    }


def _package(material: Material, resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A Tabular Data Package (specs.frictionlessdata.io)."""
    dataset = material.dataset
    return {
        "profile": "tabular-data-package",
        "name": "chiptrail",
        "title": dataset["title"],
        "description": dataset["description"],
        "version": f"{dataset['version']}+{material.version}",
        "licenses": [{"path": dataset["licence"]}],
        "resources": resources,
    }
