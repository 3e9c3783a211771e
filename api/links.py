"""Link headers (RFC 8288): what a document is about, its other forms, its licence, its dataset."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from api.negotiation import Offer
from api.service import Service

_SAFE = ":/?#[]@!$&'()*+,;=%~"
"""What stands in an IRI as it is; everything else that is no letter or digit is encoded."""


def link(target: str, rel: str, media_type: str = "") -> str:
    kind = f'; type="{media_type}"' if media_type else ""
    return f'<{quote(target, safe=_SAFE)}>; rel="{rel}"{kind}'


def header(links: Iterable[str]) -> dict[str, str]:
    return {"Link": ", ".join(links)}


def document_links(service: Service, path: str, offers: Iterable[Offer], sent: Offer) -> list[str]:
    """Of the document at ``path`` with the suffix of ``sent``: other forms and what it is part of.

    The canonical address lies under the base IRI, wherever the document was fetched from.
    """
    others = [offer for offer in offers if offer is not sent]
    return [
        *(link(f"{path}.{offer.name}", "alternate", offer.media_type) for offer in others),
        link(f"{service.names.base}{path.removeprefix('/')}.{sent.name}", "canonical"),
        link("/.well-known/void", "describedby"),
        *license_links(service),
    ]


def license_links(service: Service) -> list[str]:
    licence = (service.snapshot.facts.get("dataset") or {}).get("licence")
    return [link(licence, "license")] if licence else []
