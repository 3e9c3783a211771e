"""Records made up by Hypothesis, from the types of their fields: a new field is tried at once."""

from __future__ import annotations

import datetime
import types
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from kg.metrics import METRICS
from kg.policy.records import Citation
from kg.records import Chip, Claim, Entity, Figure, Firm, Record

URL = st.from_regex(r"https?://[a-z]{1,8}\.example/[a-z0-9]{0,8}", fullmatch=True)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12),
    bool: st.booleans(),
    int: st.integers(-(10**9), 10**9),
    Decimal: st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False),
    datetime.date: st.dates(datetime.date(1000, 1, 1)),
    datetime.datetime: st.datetimes(
        datetime.datetime(1000, 1, 1), timezones=st.just(datetime.UTC)
    ).map(lambda time: time.replace(microsecond=0, fold=0)),
    type(None): st.none(),
}
# What the type of a field does not say, and the data model does.
GIVEN: dict[tuple[type[Record], str], st.SearchStrategy[Any]] = {
    (Entity, "class"): st.sampled_from(["Place", "Person", "Source"]),
    (Firm, "class"): st.sampled_from(["Company", "GovernmentBody", "Source"]),
    (Chip, "class"): st.sampled_from(["Chip", "ComputeSystem"]),
    **{
        (kind, "names"): st.dictionaries(
            st.sampled_from(["en", "zh", "zh-hant"]), st.lists(PLAIN[str], max_size=2)
        )
        for kind in (Entity, Firm, Chip)
    },
    (Figure, "metric"): st.sampled_from(sorted(METRICS)),
    (Figure, "status"): st.sampled_from(["reported", "verified", "estimated"]),
    (Claim, "span"): st.tuples(st.integers(0, 99), st.integers(0, 99)).map(
        lambda span: f"{span[0]}-{span[1]}"
    ),
    **{
        (Citation, name): st.none() | st.from_regex(pattern, fullmatch=True)
        for name, pattern in {
            "fr": "[1-9][0-9] FR [1-9][0-9]{1,5}",
            "document": "20[0-9]{2}-[0-9]{5}",
            "rin": "0694-A[A-Z][0-9]{2}",
            "docket": "[0-9]{6}-[0-9]{4}",
            "cfr": "15 CFR [0-9]{3}",
            "number": "No[.] [0-9]{1,3}",
        }.items()
    },
}


def records(kind: type[Record]) -> st.SearchStrategy[Record]:
    return _fields(kind).map(kind.model_validate)


def _fields(kind: type[Record]) -> st.SearchStrategy[dict[str, Any]]:
    required, optional = {}, {}
    for name, info in kind.model_fields.items():
        key = info.alias or name
        given = GIVEN.get((kind, key))
        values = _values(info.annotation, info.metadata) if given is None else given
        (required if info.is_required() else optional)[key] = values
    return st.fixed_dictionaries(required, optional=optional)


def _values(annotation: Any, metadata: Sequence[Any] = ()) -> st.SearchStrategy[Any]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _values(arguments[0], arguments[1:])
    if origin in (Union, types.UnionType):
        return st.one_of(*map(_values, arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (list, tuple):
        return _list(arguments[0], metadata)
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return _fields(annotation)
    return _text(metadata) if annotation is str else PLAIN[annotation]


def _text(metadata: Sequence[Any]) -> st.SearchStrategy[str]:
    for constraint in metadata:
        if pattern := getattr(constraint, "pattern", None):
            return URL if "http" in pattern else st.from_regex(pattern, fullmatch=True)
    return PLAIN[str]


def _list(annotation: Any, metadata: Sequence[Any]) -> st.SearchStrategy[list[Any]]:
    """No text stands twice in a list: triples would not keep both."""
    least = max((getattr(constraint, "min_length", 0) for constraint in metadata), default=0)
    texts = (get_args(annotation) or [annotation])[0] is str
    return st.lists(_values(annotation), min_size=least, max_size=3, unique=texts)
