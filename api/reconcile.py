"""``/reconcile``: the Reconciliation Service API 0.2, as OpenRefine speaks it.

https://www.w3.org/community/reports/reconciliation/CG-FINAL-specs-0.2-20230410/

Things are called by their slugs, types by the local names of our classes, properties by the
names of the fields that REST documents have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from api.conditional import etag, headers, not_modified
from api.pages import templates
from api.service import Service, service_of
from kg.catalogue import Candidate, Question, Reconciler, Wish
from kg.catalogue.properties import Value, properties
from kg.catalogue.view import Json, Kind
from kg.errors import InvalidInput, LimitExceeded, NotFound, UnsupportedMedia

router = APIRouter(prefix="/reconcile", tags=["Reconciliation"])

MAX_QUERIES, MAX_IDS, MAX_CANDIDATES = 1000, 1000, 100
SUGGESTED = 20
FORM = "application/x-www-form-urlencoded"
PREVIEW_SIZE = (430, 300)
PREVIEW_POLICY = "default-src 'none'; frame-ancestors *"
_DEFAULT_KINDS = ("Chip", "ComputeSystem", "Company", "GovernmentBody", "Place", "Person")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")


class Reference(BaseModel):
    id: str
    name: str | None = None


PropertyValue = bool | int | float | str | Reference


class PropertyQuery(BaseModel):
    pid: str
    v: PropertyValue | list[PropertyValue]


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    query: str = ""
    type: str | list[str] | None = None
    type_strict: Literal["any", "should", "all"] = "any"
    limit: Annotated[int, Field(ge=1, le=MAX_CANDIDATES)] = 5
    properties: list[PropertyQuery] = []


class Settings(BaseModel):
    limit: Annotated[int, Field(ge=0)] = 0


class ExtendProperty(BaseModel):
    id: str
    settings: Settings = Settings()


class ExtendQuery(BaseModel):
    ids: Annotated[list[str], Field(max_length=MAX_IDS)]
    properties: list[ExtendProperty]


Batch = TypeAdapter(dict[str, Query])
Extension = TypeAdapter(ExtendQuery)
T = TypeVar("T")


# --- manifest, queries, extension: one address ----------------------------------------------------


@router.get("", summary="The manifest; or, with queries or extend, their answer")
async def ask(request: Request) -> Response:
    given = _only(request.query_params.multi_items(), ("queries", "extend"))
    if given:
        return await _answer(request, given)
    service, root = service_of(request), _root(request)
    tag = etag(service.version, f"manifest {root}")
    return not_modified(request, tag) or JSONResponse(manifest(service, root), headers=headers(tag))


@router.post("", summary="A batch of queries, or of things whose properties are wanted")
async def ask_by_form(request: Request) -> Response:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMedia(f"queries are posted as {FORM}", [FORM])
    text = await _body(request, service_of(request).settings.limits.query_bytes)
    given = _only(parse_qsl(text, keep_blank_values=True), ("queries", "extend"))
    if not given:
        raise InvalidInput("the form has neither queries nor extend")
    return await _answer(request, given)


async def _answer(request: Request, given: Mapping[str, str]) -> Response:
    if len(given) > 1:
        raise InvalidInput("ask either with queries or with extend, not both")
    service = service_of(request)
    if "queries" in given:
        batch = _read(Batch, "queries", given["queries"])
        if len(batch) > MAX_QUERIES:
            message = f"{len(batch)} queries; ask at most {MAX_QUERIES} at once"
            raise LimitExceeded(message, "batch_rows", MAX_QUERIES)
        return JSONResponse(await run_in_threadpool(_results, service, batch))
    wanted = _read(Extension, "extend", given["extend"])
    return JSONResponse(await run_in_threadpool(_extended, service, wanted))


def manifest(service: Service, root: str) -> Json:
    """What the service offers; ``root`` is the address at which it is reached."""
    kinds = service.catalogue.search.thing_kinds
    width, height = PREVIEW_SIZE
    return {
        "versions": ["0.2"],
        "name": "Chiptrail",
        "identifierSpace": service.names.prefixes["id"],
        "schemaSpace": service.names.prefixes["ct"],
        "documentation": f"{root}/docs",
        "defaultTypes": [_kind_reference(kinds[k]) for k in _DEFAULT_KINDS if k in kinds],
        "view": {"url": f"{root}/id/{{{{id}}}}"},
        "preview": {
            "url": f"{root}/reconcile/preview?id={{{{id}}}}",
            "width": width,
            "height": height,
        },
        "suggest": {sort: _suggest_paths(root, sort) for sort in ("entity", "type", "property")},
        "extend": {
            "propose_properties": {
                "service_url": root,
                "service_path": "/reconcile/extend/propose",
            },
            "property_settings": [
                {
                    "name": "limit",
                    "type": "number",
                    "label": "Values at most",
                    "default": 0,
                    "help_text": "How many values of the property at most; 0: all of them.",
                }
            ],
        },
    }


def _suggest_paths(root: str, sort: str) -> dict[str, str]:
    return {
        "service_url": root,
        "service_path": f"/reconcile/suggest/{sort}",
        "flyout_service_url": root,
        "flyout_service_path": f"/reconcile/flyout/{sort}?id=${{id}}",
    }


# --- queries --------------------------------------------------------------------------------------


def _results(service: Service, batch: Mapping[str, Query]) -> Json:
    reconciler = Reconciler(service.catalogue)
    answers: Json = {}
    for name, query in batch.items():
        try:
            found = reconciler.candidates(_question(service, query))
        except InvalidInput as error:
            raise InvalidInput(f"query {name}: {error}") from error
        answers[name] = {"result": [_candidate(service, one) for one in found]}
    return answers


def _question(service: Service, query: Query) -> Question:
    if not query.query and not query.properties:
        raise InvalidInput("a query needs a text or properties")
    kinds = [query.type] if isinstance(query.type, str) else query.type or []
    return Question(
        query.query,
        tuple(_local(service, kind) for kind in kinds),
        query.type_strict,
        tuple(_wish(wanted) for wanted in query.properties),
        query.limit,
    )


def _wish(wanted: PropertyQuery) -> Wish:
    values = wanted.v if isinstance(wanted.v, list) else [wanted.v]
    plain = (value.id if isinstance(value, Reference) else value for value in values)
    return Wish(wanted.pid, tuple(plain))


def _candidate(service: Service, found: Candidate) -> Json:
    kinds = service.catalogue.search.kinds
    return {
        "id": found.id,
        "name": found.label,
        "description": f"{kinds[found.kinds[0]].label}, found by {found.matched}",
        "type": [{"id": kind, "name": kinds[kind].label} for kind in found.kinds],
        "score": found.score,
        "match": found.match,
        "features": [{"id": name, "value": value} for name, value in found.features.items()],
    }


# --- suggestions ----------------------------------------------------------------------------------


@router.get("/suggest/entity", summary="Things whose name begins so")
async def suggest_entity(request: Request) -> Response:
    service = service_of(request)
    given = _only(request.query_params.multi_items(), ("prefix", "cursor", "type"))
    kinds = [_local(service, kind) for kind in given.get("type", "").split(",") if kind]
    search = service.catalogue.search
    hits = search.things(given.get("prefix", ""), kinds)
    found = [
        {
            "id": hit.slug,
            "name": hit.label,
            "description": search.kinds[hit.kind].label,
            "notable": [{"id": hit.kind, "name": search.kinds[hit.kind].label}],
        }
        for hit in _from_cursor(hits, given)
    ]
    return JSONResponse({"result": found})


@router.get("/suggest/type", summary="Types whose name begins so")
async def suggest_type(request: Request) -> Response:
    given = _only(request.query_params.multi_items(), ("prefix", "cursor"))
    kinds = service_of(request).catalogue.search.thing_kinds
    fitting = [kind for kind in kinds.values() if _begins(given, kind.id, kind.label)]
    return JSONResponse({"result": [_kind_full(k, kinds) for k in _from_cursor(fitting, given)]})


@router.get("/suggest/property", summary="Properties whose name begins so")
async def suggest_property(request: Request) -> Response:
    given = _only(request.query_params.multi_items(), ("prefix", "cursor"))
    known = Reconciler(service_of(request).catalogue).properties
    fitting = [pair for pair in known.items() if _begins(given, *pair)]
    found = [{"id": name, "name": label} for name, label in _from_cursor(fitting, given)]
    return JSONResponse({"result": found})


def _begins(given: Mapping[str, str], *names: str) -> bool:
    """Whether a word of one of ``names`` begins with the prefix."""
    prefix = given.get("prefix", "").casefold().strip()
    starts = (re.split(r"[\W_]+", name.casefold()) for name in names)
    return any(name.casefold().startswith(prefix) for name in names) or any(
        word.startswith(prefix) for words in starts for word in words
    )


def _from_cursor(found: Sequence[T], given: Mapping[str, str]) -> Sequence[T]:
    cursor = given.get("cursor", "0")
    if not (cursor.isdecimal() and cursor.isascii()):
        raise InvalidInput(f"cursor is how many results to leave out, not {cursor!r}")
    start = int(cursor[:9])
    return found[start : start + SUGGESTED]


def _kind_full(kind: Kind, kinds: Mapping[str, Kind]) -> Json:
    broader = [_kind_reference(kinds[above]) for above in kind.broader if above in kinds]
    return _kind_reference(kind) | {"description": kind.description, "broader": broader}


def _kind_reference(kind: Kind) -> dict[str, Any]:
    return {"id": kind.id, "name": kind.label}


# --- previews -------------------------------------------------------------------------------------


@router.get("/preview", summary="A thing in short, as HTML to show in a frame")
async def preview(request: Request, id: str) -> Response:  # noqa: A002 - the protocol's name
    service = service_of(request)
    html = _snippet(request, service, _thing(service, id))
    return HTMLResponse(html, headers={"Content-Security-Policy": PREVIEW_POLICY})


@router.get("/flyout/{sort}", summary="A thing, type or property in short, as HTML in JSON")
async def flyout(
    request: Request,
    sort: Literal["entity", "type", "property"],
    id: str,  # noqa: A002 - the protocol's name
) -> Response:
    service = service_of(request)
    if sort == "entity":
        html = _snippet(request, service, _thing(service, id))
    elif sort == "type":
        kind = _known(service.catalogue.search.thing_kinds.get(_local(service, id)), id)
        html = _render("flyout.html", title=kind.label, text=kind.description)
    else:
        label = Reconciler(service.catalogue).properties.get(id)
        html = _render("flyout.html", title=_known(label, id), text=f"Field {id} of a document.")
    return JSONResponse({"id": id, "html": html})


def _known(found: T | None, name: str) -> T:
    if found is None:
        raise NotFound(f"nothing here is called {name!r}")
    return found


def _thing(service: Service, identifier: str) -> Json:
    return _known(Reconciler(service.catalogue).document(identifier), identifier)


def _snippet(request: Request, service: Service, document: Json) -> str:
    kinds = service.catalogue.search.kinds
    facts = [(key, document[key]["label"]) for key in _SHOWN if "label" in document.get(key, {})]
    return _render(
        "preview.html",
        document=document,
        kind=kinds[document["type"]].label,
        facts=[(key.replace("_", " "), text) for key, text in facts],
        address=f"{_root(request)}/id/{document['id']}",
    )


_SHOWN = ("maker", "kind", "country", "designed_in", "configuration_of", "parent", "part_of")


def _render(template: str, **context: Any) -> str:
    return templates.get_template(f"reconcile/{template}").render(context)


# --- data extension -------------------------------------------------------------------------------


@router.get("/extend/propose", summary="Properties that things of a type have, most used first")
async def propose(request: Request) -> Response:
    given = _only(request.query_params.multi_items(), ("type", "limit"))
    service = service_of(request)
    reconciler = Reconciler(service.catalogue)
    kind = _local(service, given.get("type", ""))
    known = reconciler.properties_of(kind) if kind else reconciler.properties
    limit = _whole("limit", given.get("limit", str(len(known))))
    found = [{"id": name, "name": label} for name, label in list(known.items())[:limit]]
    return JSONResponse({"properties": found, "limit": limit} | ({"type": kind} if kind else {}))


def _extended(service: Service, wanted: ExtendQuery) -> Json:
    reconciler = Reconciler(service.catalogue)
    for column in wanted.properties:
        if column.id not in reconciler.properties:
            raise InvalidInput(f"no property {column.id!r}; see /reconcile/suggest/property")
    rows: Json = {}
    for identifier in wanted.ids:
        document = reconciler.document(identifier)
        values = properties(document) if document else {}
        rows[identifier] = {
            column.id: [
                _cell(service, value)
                for value in values.get(column.id, [])[: column.settings.limit or None]
            ]
            for column in wanted.properties
        }
    meta = [{"id": c.id, "name": reconciler.properties[c.id]} for c in wanted.properties]
    return {"meta": meta, "rows": rows}


def _cell(service: Service, value: Value) -> dict[str, Any]:
    """A value in the words of the protocol; only things can be referred to."""
    if isinstance(value, dict):
        is_thing = value["iri"] == service.names.prefixes["id"] + value["id"]
        label = value.get("label", value["id"])
        return {"id": value["id"], "name": label} if is_thing else {"str": label}
    if isinstance(value, bool):
        return {"str": str(value).lower()}
    if isinstance(value, int | float):
        return {"int": value} if isinstance(value, int) else {"float": value}
    return {"date": f"{value}T00:00:00Z"} if _DAY.fullmatch(value) else {"str": value}


# --- reading the request --------------------------------------------------------------------------


def _only(pairs: Iterable[tuple[str, str]], allowed: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in pairs:
        if name not in allowed:
            raise InvalidInput(f"no parameter {name!r} here; there are: {', '.join(allowed)}")
        if given.setdefault(name, value) != value:
            raise InvalidInput(f"{name} is given twice with different values")
    return given


async def _body(request: Request, at_most: int) -> str:
    """The body as text, not read beyond its limit."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > at_most:
            raise LimitExceeded(f"a form has at most {at_most} bytes", "query_bytes", at_most)
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput("the form is not UTF-8") from error


def _read(form: TypeAdapter[T], name: str, text: str) -> T:
    try:
        return form.validate_json(text)
    except ValidationError as error:
        found = (f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise InvalidInput(f"{name}: {'; '.join(found)}") from error


def _whole(name: str, text: str) -> int:
    if not (text.isdecimal() and text.isascii()):
        raise InvalidInput(f"{name} must be a whole number, not {text!r}")
    return int(text[:9])


def _local(service: Service, kind: str) -> str:
    """The local name of a type that may be given as an IRI or with our prefix."""
    return kind.removeprefix(service.names.prefixes["ct"]).removeprefix("ct:")


def _root(request: Request) -> str:
    return str(request.base_url).rstrip("/")
