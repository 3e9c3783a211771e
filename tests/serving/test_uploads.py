from __future__ import annotations

import pytest

from kg.errors import Forbidden, LimitExceeded
from kg.serving import Limits
from kg.serving.uploads import inspect

LIMITS = Limits(upload_bytes=1 << 20)
TURTLE, JSON_LD, RDF_XML = "text/turtle", "application/ld+json", "application/rdf+xml"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<a> <b> " + b"[ <b> " * 300 + b"]" * 300 + b".", TURTLE),
        (b"<a> <b> " + b"(" * 300 + b")" * 300 + b".", TURTLE),
        (b"<a> <b> " + b"<<( <a> <b> " * 300 + b")>>" * 300 + b".", "application/n-triples"),
        (b'{"a":' * 300 + b"1" + b"}" * 300, JSON_LD),
        (b"[" * 4000, JSON_LD),
        (b"<a>" * 300 + b"</a>" * 300, RDF_XML),
    ],
)
def test_deep_documents_are_refused(body: bytes, media_type: str) -> None:
    with pytest.raises(LimitExceeded) as caught:
        inspect(body, media_type, LIMITS)
    assert caught.value.limit == "upload_nesting"


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<a> <b> " + b"(1)," * 1000 + b"() .", TURTLE),
        (b"<a> <b> '''" + b"((((" * 1000 + b"''' . # " + b"[" * 1000, TURTLE),
        (b'{"a": "' + b"{" * 1000 + b'"}', JSON_LD),
        (b"<r>" + b"<a/>" * 1000 + b"<b></b>" * 1000 + b"</r>", RDF_XML),
    ],
)
def test_broad_documents_pass(body: bytes, media_type: str) -> None:
    inspect(body, media_type, LIMITS)


@pytest.mark.parametrize("start", [b"<!DOCTYPE a [", b"<?xml version='1.0'?>\n<!doctype a>"])
def test_a_document_type_is_refused(start: bytes) -> None:
    with pytest.raises(Forbidden):
        inspect(start + b"<a/>", RDF_XML, LIMITS)


def test_a_long_document_is_refused() -> None:
    with pytest.raises(LimitExceeded) as caught:
        inspect(b" " * ((1 << 20) + 1), TURTLE, LIMITS)
    assert caught.value.limit == "upload_bytes"
