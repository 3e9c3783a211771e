from __future__ import annotations

from ipaddress import ip_address

import pytest

from kg.errors import InvalidInput
from kg.serving.egress import NOTHING, Egress, Url, is_public, read_networks, read_targets

EGRESS = Egress(
    services=read_targets("http://one.example/sparql https://two.example:8443/q"),
    documents=read_targets("https://data.example/open/ http://one.example/a.ttl"),
    networks=read_networks("10.1.0.0/16 fd00::/8"),
)


@pytest.mark.parametrize(
    ("verb", "iri", "allowed"),
    [
        ("SERVICE", "http://one.example/sparql", True),
        ("SERVICE", "HTTP://ONE.example:80/sparql", True),
        ("SERVICE", "http://one.example/sparql#part", True),
        ("SERVICE", "https://two.example:8443/q", True),
        ("SERVICE", "https://one.example/sparql", False),
        ("SERVICE", "http://one.example:81/sparql", False),
        ("SERVICE", "http://one.example/sparql/", False),
        ("SERVICE", "http://one.example/sparql?x", False),
        ("SERVICE", "http://one.example/Sparql", False),
        ("SERVICE", "http://one.example.net/sparql", False),
        ("SERVICE", "http://me@one.example/sparql", False),
        ("SERVICE", "http://one.example@evil.example/sparql", False),
        ("SERVICE", "http://one.example/a.ttl", False),
        ("SERVICE", "", False),
        ("LOAD", "http://one.example/a.ttl", True),
        ("LOAD", "http://one.example/a.ttl/b", False),
        ("LOAD", "https://data.example/open/", True),
        ("LOAD", "https://data.example/open/a/b.ttl?v=1", True),
        ("LOAD", "https://data.example/open", False),
        ("LOAD", "https://data.example/openly.ttl", False),
        ("LOAD", "http://data.example/open/a.ttl", False),
        ("LOAD", "https://data.example:444/open/a.ttl", False),
        ("LOAD", "https://data.example/open/../secret", False),
        ("LOAD", "https://data.example/open/%2e%2E/secret", False),
        ("LOAD", "https://data.example/open/%252e%252e%252fsecret", False),
        ("LOAD", "https://data.example/open/..%5Csecret", False),
        ("LOAD", "https://data.example/open/a?..", True),
        ("LOAD", "http://one.example/sparql", False),
        ("LOAD", "file:///etc/passwd", False),
        ("LOAD", "https://data.example/open/a\r\nX: y", False),
    ],
)
def test_only_what_is_listed_is_allowed(verb: str, iri: str, allowed: bool) -> None:
    assert EGRESS.allows(verb, iri) is allowed
    assert not NOTHING.allows(verb, iri)


@pytest.mark.parametrize(
    "target",
    [
        "ftp://one.example/",
        "one.example",
        "//one.example/",
        "http:///path",
        "http://one.example:port/",
        "http://one.example:99999/",
        "http://user:password@one.example/",
        "http://[::1/",
        "http://[fe80::1%25eth0]/",
        "http://one.example/<a>",
    ],
)
def test_what_cannot_be_a_target_is_refused(target: str) -> None:
    with pytest.raises(InvalidInput):
        read_targets(f"http://fine.example/ {target}")


@pytest.mark.parametrize(
    ("iri", "sent"),
    [
        ("http://one.example", "http://one.example/"),
        ("https://one.example:443/a?b=c#d", "https://one.example/a?b=c"),
        (
            "http://bücher.example/ä/%C3%A4?q=ü",
            "http://xn--bcher-kva.example/%C3%A4/%C3%A4?q=%C3%BC",
        ),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
    ],
)
def test_an_iri_is_sent_as_a_uri(iri: str, sent: str) -> None:
    assert str(Url.of(iri)) == sent


@pytest.mark.parametrize("address", ["8.8.8.8", "192.31.196.1", "2606:4700::1111", "2a00:1450::1"])
def test_public_addresses(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254"),
        *("172.16.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1"),
        *("224.0.0.1", "233.252.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"),
        *("64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1"),
        *("fc00::1", "fd12::1", "fe80::1", "fec0::1", "ff02::1", "2606:4700::1%eth0"),
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    ("iri", "address", "permitted"),
    [
        ("http://one.example/", "8.8.8.8", True),
        ("http://one.example/", "127.0.0.1", False),
        ("http://one.example/", "10.1.2.3", True),
        ("http://one.example/", "10.2.2.3", False),
        ("http://one.example/", "fd00::1", True),
        ("http://localhost/", "127.0.0.1", True),
        ("http://localhost/", "::1", True),
        ("http://localhost/", "10.2.2.3", False),
        ("http://localhost.example/", "127.0.0.1", False),
        ("http://127.0.0.1/", "127.0.0.1", True),
        ("http://127.1/", "127.0.0.1", False),
        ("http://2130706433/", "127.0.0.1", False),
    ],
)
def test_a_name_leads_to_public_addresses_only(iri: str, address: str, permitted: bool) -> None:
    assert EGRESS.permits(Url.of(iri), ip_address(address)) is permitted
