"""Verdicts as schema.org ClaimReview, the form in which fact checks are exchanged.

A rating on a scale is given only where the verdict speaks to the truth of what is reviewed.
Where it does not (outdated, disputed, unverified) the rating is a word. A verdict on the
attribution ("it was said") reviews the saying, never the content.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from kg.exports.material import Material

Json = dict[str, Any]

CONTEXT = "https://schema.org"
WORST, BEST = 1, 5


class Rating(NamedTuple):
    """``value`` from 1 (false) to 5 (true), None where the verdict is not on that scale."""

    value: int | None
    name: str
    meaning: str


RATINGS = {
    "supported": Rating(5, "Supported", "evidence says the same"),
    "partly-supported": Rating(3, "Partly supported", "evidence bears out a part, not all of it"),
    "misleading": Rating(2, "Misleading", "true in words, but gives a wrong picture"),
    "refuted": Rating(1, "Refuted", "evidence says otherwise"),
    "outdated": Rating(None, "Outdated", "it held when it was said and no longer does"),
    "disputed": Rating(None, "Disputed", "good evidence stands on both sides"),
    "unverified": Rating(None, "Unverified", "no evidence was found for it or against it"),
}
"""By verdict; the scale is the one that fact checkers commonly use."""


def write_reviews(material: Material, out: BinaryIO) -> None:
    """A schema.org DataFeed with every review."""
    feed = {
        "@context": CONTEXT,
        "@type": "DataFeed",
        "name": f"{material.dataset.get('title', 'Chiptrail')}: verdicts",
        "license": material.dataset.get("licence"),
        "version": material.version,
        "dateModified": material.dataset.get("as_of"),
    }
    head = json.dumps(feed, ensure_ascii=False)[:-1]
    out.write(f'{head}, "dataFeedElement": ['.encode())
    separator = "\n"
    for item in reviews(material):
        out.write((separator + json.dumps(item, ensure_ascii=False)).encode())
        separator = ",\n"
    out.write(b"\n]}\n")


def reviews(material: Material) -> Iterator[Json]:
    """One ClaimReview for each verdict, in the order of the claims."""
    for claim in material.catalogue.documents("claims"):
        for verdict in claim.get("verdicts", []):
            yield review(material, claim, verdict)


def review(material: Material, claim: Json, verdict: Json) -> Json:
    """``claim``: a document of the collection; ``verdict``: one of its ``verdicts``."""
    said_only = verdict["scope"]["id"] == "attribution"
    return _compact(
        {
            "@type": "ClaimReview",
            "@id": verdict["iri"],
            "url": claim["iri"],
            "datePublished": claim["recorded"]["from"][:10],
            "author": _chiptrail(material),
            "claimReviewed": _reviewed(claim, said_only),
            "itemReviewed": _claim(claim),
            "reviewRating": _rating(verdict, said_only),
            "reviewBody": verdict.get("reason"),
            "isBasedOn": [_evidence(item) for item in verdict.get("evidence", [])],
            "license": material.dataset.get("licence"),
            "version": material.version,
        }
    )


def _chiptrail(material: Material) -> Json:
    base = material.names.base
    return {"@type": "Organization", "@id": base, "name": "Chiptrail", "url": base}


def _reviewed(claim: Json, said_only: bool) -> str:
    text = str(claim["paraphrase"])
    if said_only and "speaker" in claim:
        text = f"{claim['speaker']['label']} said: {text}"
    denied = claim.get("polarity", {}).get("id") == "denied"
    return f"Denied: {text}" if denied else text


def _claim(claim: Json) -> Json:
    speaker = claim.get("speaker")
    return _compact(
        {
            "@type": "Claim",
            "@id": claim["iri"],
            "author": speaker and {"@id": speaker["iri"], "name": speaker["label"]},
            "datePublished": claim.get("stated", {}).get("latest"),
            "appearance": _work(claim.get("source")),
            "firstAppearance": _work(claim.get("upstream")),
        }
    )


def _work(citation: Json | None) -> Json | None:
    if citation is None:
        return None
    head = {"@type": "CreativeWork", "@id": citation["iri"], "name": citation["label"]}
    return _compact(head | {"url": citation.get("url")})


def _evidence(citation: Json) -> Json:
    return _compact(
        {
            "@type": "CreativeWork",
            "@id": citation["iri"],
            "url": citation.get("url"),
            "abstract": citation.get("fact"),
        }
    )


def _rating(verdict: Json, said_only: bool) -> Json:
    rating = RATINGS[verdict["verdict"]["id"]]
    scale = {"ratingValue": rating.value, "worstRating": WORST, "bestRating": BEST}
    about = "that it was said, not what was said" if said_only else "what was said"
    return {
        "@type": "Rating",
        **(scale if rating.value is not None else {}),
        "alternateName": f"Said: {rating.name.lower()}" if said_only else rating.name,
        "ratingExplanation": f"{rating.name}: {rating.meaning}. Reviewed is {about}.",
    }


def _compact(document: Json) -> Json:
    return {key: value for key, value in document.items() if value not in (None, [], {})}
