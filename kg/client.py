"""A client of a running Chiptrail server. It takes nothing but the standard library.

::

    client = Client("http://127.0.0.1:8000")
    for claim in client.claims(about="nvidia-h20", hedge="reported"):
        print(claim["id"], claim["label"], claim["source"]["label"])

Answers are the JSON of the API as it stands, typed as dictionaries that may hold more than is named
here; errors are those of ``kg.errors``, made again from the server's problem documents.
"""

from __future__ import annotations

import datetime
import http.client
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NotRequired, TypeAlias, TypedDict, cast
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import Request, urlopen

from kg import errors

Record: TypeAlias = dict[str, Any]
One: TypeAlias = str | int | float | datetime.date
Filter: TypeAlias = One | Sequence[One] | None
"""None is as if not given; several values of one filter mean any of them."""


class Iri(str):
    """An IRI in the answer to a query, told apart from a string."""


Value: TypeAlias = "Iri | str | int | float | Decimal | bool | tuple[Value, ...]"
"""A triple term is a tuple of three. Text loses its language, a day stays text (YYYY-MM-DD)."""
Row: TypeAlias = dict[str, Value]
"""Variable → value; an unbound variable is absent."""


class Named(TypedDict):
    """A thing that a record refers to."""

    id: str
    iri: str
    label: str


class Source(Named):
    """``url``: absent where the source is not on the web; ``reliability``: A (best) to F."""

    url: NotRequired[str]
    reliability: NotRequired[str]


class Verdict(TypedDict):
    iri: str
    verdict: Named
    reason: NotRequired[str]
    evidence: NotRequired[list[Source]]
    corrected_by: NotRequired[Named]


class Claim(TypedDict):
    """What a document says. ``upstream``: the report that it retells, where it names one."""

    id: str
    iri: str
    label: str
    paraphrase: str
    hedge: Named
    polarity: Named
    subject: Named
    property: Named
    source: Source
    upstream: NotRequired[Source]
    speaker: NotRequired[Named]
    verdicts: NotRequired[list[Verdict]]


class Side(TypedDict):
    """A claim as a contradiction shows it."""

    id: str
    iri: str
    paraphrase: str
    hedge: Named
    polarity: Named
    source: Source
    upstream: NotRequired[Source]
    speaker: NotRequired[Named]
    verdicts: NotRequired[list[Verdict]]


class Settled(TypedDict):
    """``text``: what settled it, or what would."""

    settled: bool
    text: str


class Contradiction(TypedDict):
    """Between ``claims``, or between ``measurements`` on both sides of a rule's threshold.

    ``independent_origins``: the reports behind them, retellings of one counted once.
    """

    id: str
    iri: str
    label: str
    kind: str
    independent_origins: list[Source]
    claims: NotRequired[list[Side]]
    measurements: NotRequired[list[Record]]
    settled_by: Settled


class Match(TypedDict):
    text: str
    field: str
    how: str


class Hit(TypedDict):
    """``score``: from 0 to 100; ``url``: path of the record's JSON document."""

    id: str
    iri: str
    type: str
    label: str
    collection: str
    url: str
    score: float
    matched: Match


class Page(TypedDict):
    """``next``: path of the next page. ``count``: of all pages, or more if ``count_truncated``."""

    items: list[Record]
    next: str | None
    count: int
    count_truncated: bool


class Citation(TypedDict):
    label: str
    url: str | None


class UsStatus(TypedDict):
    requirement: str
    paragraph: str | None
    review: str | None
    exception: str | None
    letter: str | None
    rules: list[Record]


class ControlStatus(TypedDict):
    """``us``: what US rules ask; ``others``: of other states; ``missing``: what is not known."""

    chip: str
    destination: str
    date: str
    us: UsStatus
    others: list[Record]
    missing: list[str]
    explanation: str
    citations: list[Citation]
    notice: str


class PartyStatus(TypedDict):
    """``status``: listed, not-listed or conflicting; ``basis``: listing or ownership."""

    firm: str | None
    date: str
    known_at: str | None
    status: str
    basis: str | None
    listings: list[Record]
    explanation: str
    citations: list[Citation]
    notice: str


class Stats(TypedDict):
    """``base``: the base IRI of all names, which may differ from the server's address."""

    version: str
    base: str
    quads: int
    collections: dict[str, int]


class Client:
    """Every method raises errors of ``kg.errors``: InvalidInput and its kin for a bad question,
    NotFound, LimitExceeded, Unavailable where no answer came (try again), Defect where it makes
    no sense.

    Not for several threads at once: ``version`` is of the last answer.
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8000", timeout: float = 60.0, max_bytes: int = 64 << 20
    ) -> None:
        """``timeout``: seconds without a byte; ``max_bytes``: of one answer, held in memory.

        Raises InvalidInput for a ``url`` that is not http or https.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise errors.InvalidInput(f"the server's URL must begin with http(s)://, not {url!r}")
        self.url, self.timeout, self.max_bytes = url.rstrip("/"), timeout, max_bytes
        self.version: str | None = None
        """The first 16 digits of the data version of the last answer; None if it named none."""

    def stats(self) -> Stats:
        return cast(Stats, self._get("/api/stats"))

    def search(self, text: str, types: Sequence[str] = (), limit: int = 20) -> list[Hit]:
        """The best hits. ``types``: kinds such as Chip, Company, Claim; none means all."""
        answer = self._get("/api/search", q=text, type=",".join(types) or None, limit=limit)
        return cast(list[Hit], answer["items"])

    def get(self, collection: str, slug: str) -> Record:
        """A record by its slug. UnknownName carries the nearest slugs."""
        return self._get(f"/api/{quote(collection, safe='')}/{quote(slug, safe='')}")

    def pages(self, collection: str, **filters: Filter) -> Iterator[Page]:
        """The list, page by page; ``filters`` also take sort, limit, valid_at and known_at.

        A field that cannot be filtered is an InvalidInput that names those that can.
        """
        page = cast(Page, self._get(f"/api/{quote(collection, safe='')}", **filters))
        yield page
        while page["next"] is not None:
            page = cast(Page, self._get(page["next"]))
            yield page

    def records(self, collection: str, **filters: Filter) -> Iterator[Record]:
        """Every record of the list; the next page is asked for when it is needed."""
        for page in self.pages(collection, **filters):
            yield from page["items"]

    def claims(self, about: str | None = None, **filters: Filter) -> Iterator[Claim]:
        """``about``: slug of anything that they mention. Other filters: hedge, verdict, source…"""
        return cast(Iterator[Claim], self.records("claims", about=about, **filters))

    def contradictions(
        self, about: str | None = None, **filters: Filter
    ) -> Iterator[Contradiction]:
        return cast(Iterator[Contradiction], self.records("contradictions", about=about, **filters))

    def control_status(
        self, chip: str, destination: str, date: One, **circumstances: Filter
    ) -> ControlStatus:
        """Could ``chip`` go to ``destination`` on ``date``? ``circumstances``: end_user_hq,
        ship_from, end_user, end_use, known_at.
        """
        asked = {"chip": chip, "destination": destination, "date": date} | circumstances
        return cast(ControlStatus, self._get("/api/control-status", **asked))

    def party_status(
        self,
        date: One,
        firm: str | None = None,
        owners: Mapping[str, float] | None = None,
        known_at: One | None = None,
    ) -> PartyStatus:
        """Of ``firm``, or of a firm unknown to the base with these ``owners`` (→ percent)."""
        owners = owners or {}
        asked = {"firm": firm, "owner": list(owners), "ownership": list(owners.values())}
        answer = self._get("/api/party-status", date=date, known_at=known_at, **asked)
        return cast(PartyStatus, answer)

    def query(self, sparql: str) -> list[Row]:
        """The rows of a SELECT. LimitExceeded names the limit of the endpoint that ended it."""
        results = self.results(sparql)
        if "results" not in results:
            raise errors.InvalidInput("not a SELECT; ask() answers an ASK")
        return [
            {name: _value(term) for name, term in row.items()}
            for row in results["results"]["bindings"]
        ]

    def ask(self, sparql: str) -> bool:
        """The answer to an ASK."""
        results = self.results(sparql)
        if "boolean" not in results:
            raise errors.InvalidInput("not an ASK; query() gives the rows of a SELECT")
        return bool(results["boolean"])

    def results(self, sparql: str) -> Record:
        """A SELECT or ASK, as SPARQL 1.1 Query Results JSON."""
        headers = {
            "Accept": "application/sparql-results+json, application/problem+json;q=0.1",
            "Content-Type": "application/sparql-query; charset=utf-8",
        }
        body = sparql.encode("utf-8")
        return self._json(Request(f"{self.url}/sparql", body, headers))  # noqa: S310 - see __init__

    # --- the wire ---------------------------------------------------------------------------------

    def _get(self, path: str, **parameters: Filter) -> Record:
        given = {name: value for name, value in parameters.items() if value is not None}
        url = f"{self.url}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")
        return self._json(Request(url, headers={"Accept": "application/json"}))  # noqa: S310

    def _json(self, request: Request) -> Record:
        body = self._bytes(request)
        try:
            return cast(Record, json.loads(body))
        except ValueError:
            message = f"{request.full_url}: the answer is not JSON, or was cut off"
            raise errors.Defect(message) from None

    def _bytes(self, request: Request) -> bytes:
        try:
            with urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                self.version = _version(answer.headers.get("ETag"))
                body: bytes = answer.read(self.max_bytes + 1)
        except HTTPError as error:
            with error:
                raise _error(error) from None
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise errors.Unavailable(f"{self.url} does not answer: {reason}") from None
        if len(body) > self.max_bytes:
            message = f"the answer is longer than {self.max_bytes} bytes"
            raise errors.LimitExceeded(message, "max_bytes", self.max_bytes)
        return body


def _version(etag: str | None) -> str | None:
    """An ETag is ``"version.form"``."""
    return etag.removeprefix("W/").strip('"').partition(".")[0] if etag else None


# --- values ---------------------------------------------------------------------------------------

_XSD = "http://www.w3.org/2001/XMLSchema#"
_NUMBERS: dict[str, Callable[[str], Value]] = {
    **dict.fromkeys(("integer", "int", "long", "short", "nonNegativeInteger"), int),
    **dict.fromkeys(("double", "float"), float),
    "decimal": Decimal,
    "boolean": ("true", "1").__contains__,
}


def _value(term: Record) -> Value:
    if term["type"] == "uri":
        return Iri(term["value"])
    if term["type"] == "triple":
        return tuple(_value(term["value"][part]) for part in ("subject", "predicate", "object"))
    datatype = term.get("datatype", "")
    read = _NUMBERS.get(datatype.removeprefix(_XSD)) if datatype.startswith(_XSD) else None
    return read(term["value"]) if read else str(term["value"])


# --- errors ---------------------------------------------------------------------------------------


def _error(answer: HTTPError) -> errors.ChiptrailError:
    """The error that a problem document (RFC 9457) tells of."""
    problem = _problem(answer)
    detail = str(problem.get("detail") or answer.reason)
    if "limit" in problem:
        return errors.LimitExceeded(detail, problem["limit"], problem.get("value", 0))
    if "kind" in problem:
        nearest = problem.get("nearest", ())
        return errors.UnknownName(problem["kind"], problem.get("name", ""), nearest)
    if "offered" in problem:
        return errors.NotAcceptable(detail, problem["offered"])
    if answer.code == http.HTTPStatus.SERVICE_UNAVAILABLE:
        retry = answer.headers.get("Retry-After", "")
        return errors.Unavailable(detail, int(retry) if retry.isdecimal() else 1)
    if answer.code == http.HTTPStatus.BAD_REQUEST and "line" in problem:
        return errors.InvalidQuery(detail, problem["line"], problem.get("column"))
    return _by_status(answer.code, detail)


def _problem(answer: HTTPError) -> Record:
    try:
        problem = json.loads(answer.read(1 << 20))
    except (ValueError, OSError, http.client.HTTPException):
        return {}  # a proxy's page, say
    return problem if isinstance(problem, dict) else {}


_BY_STATUS: dict[int, type[errors.ChiptrailError]] = {
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    410: errors.Gone,
    412: errors.Conflict,
    502: errors.RemoteFailure,
    504: errors.RemoteTimeout,
}


def _by_status(status: int, detail: str) -> errors.ChiptrailError:
    other: type[errors.ChiptrailError] = errors.InvalidInput
    if status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        other = errors.Defect
    return _BY_STATUS.get(status, other)(detail)
