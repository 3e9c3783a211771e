from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.negotiation import Offer, negotiate
from kg.errors import NotAcceptable

JSON = Offer("json", ("application/sparql-results+json", "application/json"))
XML = Offer("xml", ("application/sparql-results+xml", "application/xml"))
CSV = Offer("csv", ("text/csv",))
OFFERS = (JSON, XML, CSV)


@pytest.mark.parametrize(
    ("accept", "offer", "media_type"),
    [
        (None, JSON, "application/sparql-results+json"),
        ("", JSON, "application/sparql-results+json"),
        ("*/*", JSON, "application/sparql-results+json"),
        ("text/*", CSV, "text/csv"),
        ("application/*", JSON, "application/sparql-results+json"),
        ("application/json", JSON, "application/json"),
        ("application/xml;q=0.9, text/csv;q=0.8", XML, "application/xml"),
        ("text/csv, */*;q=0.1", CSV, "text/csv"),
        ("TEXT/CSV", CSV, "text/csv"),
        ("text/csv; charset=utf-8", CSV, "text/csv"),
        ("*/*;q=0.5, application/sparql-results+json;q=0", XML, "application/sparql-results+xml"),
        ("image/png, text/csv;q=0.2", CSV, "text/csv"),
    ],
)
def test_the_best_offer_wins(accept: str | None, offer: Offer, media_type: str) -> None:
    assert negotiate(accept, OFFERS) == (offer, media_type)


@pytest.mark.parametrize("accept", ["image/png", "text/csv;q=0", "*/*;q=0"])
def test_nothing_acceptable_names_what_there_is(accept: str) -> None:
    with pytest.raises(NotAcceptable) as caught:
        negotiate(accept, OFFERS)
    assert caught.value.offered == [offer.media_type for offer in OFFERS]


@given(st.text(max_size=200))
def test_any_header_gives_an_offer_or_a_refusal(accept: str) -> None:
    try:
        offer, media_type = negotiate(accept, OFFERS)
    except NotAcceptable:
        return
    assert offer in OFFERS
    assert media_type in offer.media_types


@given(
    st.dictionaries(
        st.sampled_from([m for offer in OFFERS for m in offer.media_types]),
        st.floats(0.001, 1).map(lambda q: round(q, 3)),
        min_size=1,
    )
)
def test_nothing_the_client_likes_better_is_left_out(qualities: dict[str, float]) -> None:
    accept = ", ".join(f"{media_type};q={q}" for media_type, q in qualities.items())
    _, chosen = negotiate(accept, OFFERS)
    assert qualities[chosen] == max(qualities.values())
