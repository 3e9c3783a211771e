"""(Server.) What SERVICE and LOAD may reach: a list of targets, and what addresses are public.

Nothing is reached that is not listed. A listed name is reached at public addresses only: an
address on loopback or in a private network must be listed itself, as the host of a target or
within one of ``networks``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import quote, unquote, urlsplit

from kg.errors import InvalidInput

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PORTS = {"http": 80, "https": 443}
_NOT_IN_IRI = re.compile(r"[\x00-\x20\x7f<>\"{}|\\^`]")
_NOT_IN_HOST = re.compile(r"[^a-z0-9._:-]")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_SPECIAL = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))
"""Of the registries of special addresses what not every version of Python knows."""


@dataclass(frozen=True)
class Url:
    """An absolute http or https IRI, taken apart; ``path`` with its query, as it is sent."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def of(cls, iri: str) -> Url:
        """:raises InvalidInput: it is not one, or holds a user name or a password."""
        if _NOT_IN_IRI.search(iri):
            raise InvalidInput(f"not an IRI: {iri!r}")
        try:
            parts = urlsplit(iri)
            host = (parts.hostname or "").encode("idna").decode("ascii").lower()
            port = parts.port
            path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
            query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
        except ValueError as error:  # of the port, of brackets, of what cannot be encoded
            raise InvalidInput(f"not an IRI: {iri!r} ({error})") from None
        if parts.scheme not in _PORTS:
            raise InvalidInput(f"only http and https are reached, not {iri!r}")
        if "@" in parts.netloc:
            raise InvalidInput("an IRI with a user name or a password is not reached")
        if not host or _NOT_IN_HOST.search(host):
            raise InvalidInput(f"there is no host in {iri!r}")
        port = _PORTS[parts.scheme] if port is None else port
        return cls(parts.scheme, host, port, f"{path}?{query}" if query else path)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """Host and port as they stand in an IRI, without a port that goes without saying."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The host where it is an address and not a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def is_plain(self) -> bool:
        """No segment of its path leads up, in whatever spelling."""
        path = unquote(unquote(self.path.partition("?")[0])).replace("\\", "/")
        return not any(segment in (".", "..") for segment in path.split("/"))


@dataclass(frozen=True)
class Egress:
    """The targets that are allowed; without any, none are.

    ``services``: endpoints of SERVICE. ``documents``: of LOAD; one that ends in ``/`` stands
    for all below it. ``networks``: where names may lead although it is not public.
    """

    services: frozenset[Url] = frozenset()
    documents: frozenset[Url] = frozenset()
    networks: tuple[Network, ...] = ()

    def allows(self, verb: str, iri: str) -> bool:
        """Whether SERVICE or LOAD (``verb``) may reach ``iri``."""
        try:
            url = Url.of(iri)
        except InvalidInput:
            return False
        if verb == "SERVICE":
            return url in self.services
        return url in self.documents or any(_is_below(url, one) for one in self.documents)

    def permits(self, url: Url, address: Address) -> bool:
        """Whether ``url``, an allowed target, may be reached at this address."""
        return (
            url.address is not None
            or is_public(address)
            or (url.host == "localhost" and address.is_loopback)
            or any(address in network for network in self.networks)
        )


NOTHING = Egress()


def read_targets(text: str) -> frozenset[Url]:
    """IRIs with white space between them. Raises InvalidInput for what cannot be a target."""
    return frozenset(map(Url.of, text.split()))


def read_networks(text: str) -> tuple[Network, ...]:
    """As ``10.0.0.0/8 fd00::/8``. Raises InvalidInput."""
    try:
        return tuple(map(ip_network, text.split()))
    except ValueError as error:
        raise InvalidInput(str(error)) from None


def is_public(address: Address) -> bool:
    """Anybody may reach it, and it is one machine's.

    ``is_global`` alone lets multicast through, and IPv6 addresses that carry an IPv4 address
    which a gateway on the way may translate to (6to4, NAT64, IPv4-compatible ones).
    """
    if any(address in network for network in _SPECIAL):
        return False
    if isinstance(address, IPv6Address):
        inside = address in _GLOBAL_UNICAST and address.scope_id is None
        return inside and address.is_global and address.sixtofour is None
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_below(url: Url, folder: Url) -> bool:
    same = (url.scheme, url.host, url.port) == (folder.scheme, folder.host, folder.port)
    below = folder.path.endswith("/") and url.path.startswith(folder.path)
    return same and below and url.is_plain
