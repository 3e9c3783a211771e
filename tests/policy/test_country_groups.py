"""The country groups against the regulation's own table."""

from __future__ import annotations

import datetime
import json

import pytest

from kg.policy.names import Names
from kg.policy.rulebook import Rulebook
from kg.records import Records
from tests.policy.conftest import SHARED

TABLE = SHARED / "data" / "country-groups.json"
AS_OF = datetime.date(2026, 7, 23)
OTHER_NAMES = {
    "Burma": "MM",
    "China (PRC)": "CN",
    "Congo (Democratic Republic of)": "CD",
    "Czech Republic": "CZ",
    "Korea, North": "KP",
    "Korea, South": "KR",
    "South Sudan, Republic of": "SS",
}


@pytest.mark.skipif(not TABLE.is_file(), reason="the shared table is not here")
@pytest.mark.parametrize("group", ["D:1", "D:4", "D:5", "A:5", "A:6"])
def test_members(group: str, book: Rulebook, records: Records) -> None:
    names = Names.from_records(records)
    table = json.loads(TABLE.read_text(encoding="utf-8"))["groups"][group]
    expected = {names.place(OTHER_NAMES.get(name, name)) for name in table}
    slug = f"country-group-{group.lower().replace(':', '')}"
    members = {m.place for m in book.groups[slug].members if m.holds(AS_OF)}
    # Hong Kong has no row: the regulations treat it as China.
    assert members - {"hong-kong"} == expected
    assert ("hong-kong" in members) == ("china" in members)
