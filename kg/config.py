"""Settings: flags, then environment (``CHIPTRAIL_*``), then defaults."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

from kg.errors import InvalidInput
from kg.namespaces import DEFAULT_BASE
from kg.serving.egress import Egress, read_networks, read_targets
from kg.serving.limits import Limits

PREFIX = "CHIPTRAIL_"


@dataclass(frozen=True)
class Settings:
    base: str = DEFAULT_BASE
    """Base IRI of everything that the graph names; the serving address may differ."""
    store: Path = Path("store")
    """Directory of the built store."""
    host: str = "127.0.0.1"
    port: int = 8000
    default_graph: Literal["union", "strict"] = "union"
    """What a query's default graph is: the merge of all graphs, or the store's own."""
    write_token: str = ""
    """Bearer token for writes; without one every write is refused."""
    write_tokens: str = ""
    """File of more of them with the names of their holders: NAME sha256:HEX a line, # comments."""
    nanopub_key: str = ""
    """File of an RSA private key (PKCS #8, PEM) that signs exported nanopublications."""
    trusted_proxies: str = ""
    """Addresses (with commas) whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    service_targets: str = ""
    """Endpoints that SERVICE may ask: IRIs, with spaces."""
    load_targets: str = ""
    """Documents that LOAD may fetch: IRIs, with spaces; one that ends in ``/`` covers all below."""
    remote_networks: str = ""
    """Networks that are not public in which these may be (``10.0.0.0/8``), with spaces."""
    connections: int = 4096
    """Open connections; one more ends the one that has been idle longest."""
    header_bytes: int = 64 << 10
    """Bytes of a request's first line and headers together, the URL in them."""
    header_timeout: float = 15.0
    """Seconds that they may take to arrive."""
    body_timeout: float = 60.0
    """Seconds that a request's body may take to arrive."""
    listeners: int = 200
    """Clients that follow the changes as they come."""
    stall_timeout: float = 60.0
    """Seconds that a client may take none of an answer that is ready for it."""
    limits: Limits = field(default_factory=Limits)

    @property
    def egress(self) -> Egress:
        """What SERVICE and LOAD may reach."""
        return Egress(
            read_targets(self.service_targets),
            read_targets(self.load_targets),
            read_networks(self.remote_networks),
        )


_EGRESS: dict[str, Callable[[str], object]] = {
    "service_targets": read_targets,
    "load_targets": read_targets,
    "remote_networks": read_networks,
}


def load_settings(
    flags: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Settings:
    """``flags`` (None values count as not given) over the environment over the defaults.

    Raises InvalidInput for a value that does not fit, naming the variable.
    """
    environment = os.environ if environment is None else environment
    given = {name: value for name, value in flags.items() if value is not None}
    limits = _from_environment(Limits, environment)
    settings = {"limits": Limits(**limits)} | _from_environment(Settings, environment) | given
    loaded = Settings(**settings)
    for name, read in _EGRESS.items():
        try:
            read(getattr(loaded, name))
        except InvalidInput as error:
            raise InvalidInput(f"{PREFIX}{name.upper()}: {error}") from None
    return loaded


def variables() -> list[tuple[str, object, str]]:
    """Name, default and type of every environment variable, for ``serve --help``."""
    return [
        (PREFIX + f.name.upper(), getattr(kind(), f.name), str(f.type))
        for kind in (Settings, Limits)
        for f in dataclasses.fields(kind)
        if f.name != "limits"
    ]


def _from_environment(kind: type[Any], environment: Mapping[str, str]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {
        f.name: _parse(PREFIX + f.name.upper(), environment[PREFIX + f.name.upper()], hints[f.name])
        for f in dataclasses.fields(kind)
        if PREFIX + f.name.upper() in environment
    }


_BOOLEANS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False}


def _parse(name: str, text: str, kind: Any) -> Any:
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise InvalidInput(f"{name} must be true or false (or 1, 0, on, off), not {text!r}")
        return _BOOLEANS[text.lower()]
    if kind in (int, float, Path):
        try:
            return kind(text)
        except ValueError:
            raise InvalidInput(f"{name} must be a number, not {text!r}") from None
    if kind is not str and text not in kind.__args__:
        raise InvalidInput(f"{name} must be one of {', '.join(kind.__args__)}, not {text!r}")
    return text
