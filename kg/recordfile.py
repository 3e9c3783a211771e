"""The records that rules work on, in a file of the snapshot: read without asking the engine.

One JSON object: kind → list of records. JSON has no dates and no exact numbers, so a date is
``{"$date": "2025-04-09"}``, a time ``{"$time": …}`` and a decimal ``{"$decimal": "3.2"}``.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kg.errors import Defect
from kg.records import Header, Located, Records
from kg.recovery import ALL_KINDS, EVALUATED, WHERE

RECORDS_FILE = "records.json"

_READERS: dict[str, Callable[[str], object]] = {
    "$date": datetime.date.fromisoformat,
    "$time": datetime.datetime.fromisoformat,
    "$decimal": Decimal,
}


def write_records(path: Path, records: Records) -> None:
    """Write those of ``records`` that the policy evaluator works on (``EVALUATED``).

    A file that stood there stays as it is for whoever has another link to it.
    """
    kinds: dict[str, list[dict[str, Any]]] = {}
    for item in records:
        if item.kind not in EVALUATED:
            continue
        fields = item.record.model_dump(by_alias=True, exclude_defaults=True)
        kinds.setdefault(item.kind, []).append(fields)
    path.unlink(missing_ok=True)
    path.write_text(json.dumps(kinds, default=_as_json, ensure_ascii=False), encoding="utf-8")


def read_records_file(path: Path) -> Records:
    """What :func:`write_records` wrote; every record stands in the "graph".

    Raises FileNotFoundError; Defect where the file is of another version of this program.
    """
    try:
        return records_of(path.read_text(encoding="utf-8"))
    except Defect as error:
        raise Defect(f"{path} cannot be read: build the store again ({error})") from error


def records_of(text: str) -> Records:
    """The records in the text of such a file. Raises Defect as :func:`read_records_file`."""
    try:
        kinds: dict[str, list[Any]] = json.loads(text, object_hook=_from_json)
        return Records([_located(kind, fields) for kind, all_ in kinds.items() for fields in all_])
    except (ValidationError, ValueError, KeyError) as error:
        raise Defect(f"records of another version of Chiptrail: {error}") from error


def _located(kind: str, fields: dict[str, Any]) -> Located:
    return Located(kind, ALL_KINDS[kind].model_validate(fields), Header(), WHERE, None)


def _as_json(value: object) -> dict[str, str]:
    if isinstance(value, datetime.datetime):
        return {"$time": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$date": value.isoformat()}
    if isinstance(value, Decimal):
        return {"$decimal": str(value)}
    raise TypeError(f"a record holds a {type(value).__name__}")


def _from_json(value: dict[str, Any]) -> object:
    if len(value) == 1:
        ((key, text),) = value.items()
        if key in _READERS:
            return _READERS[key](text)
    return value
