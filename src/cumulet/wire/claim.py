"""Which service and operation a request claims to be for, found from its head alone, the cheapest evidence first.

    X-Amz-Target                              JSON services, by the prefix in the catalog
    /service/X/operation/Y                    Smithy RPC (CBOR)
    Host                                      BUCKET.s3.localhost, SERVICE.localhost, BUCKET.s3.REGION.amazonaws.com, …
    credential scope                          Authorization, or X-Amz-Credential in the query
    Action and Version                        query services, in the form or the query string
    anything else                             S3, path style

Nothing here is trusted: the claim says what to parse; whether the caller may do it is decided later, on what was parsed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from cumulet.base.errors import AwsError
from cumulet.base.messages import BytesBody, Request
from cumulet.wire import errors, models, routes
from cumulet.wire.catalog import CATALOG, Entry
from cumulet.wire.routes import Query


class Claim(NamedTuple):
    """What a request claims to be.

    `labels` are the path's labels, percent-decoded (S3: `Bucket`, `Key`, also from the host); `query` is the decoded query string, for
    the query protocol together with the form; `region` comes from the credential scope or the host, None where neither says.
    """

    service: str
    operation: str
    protocol: str
    labels: dict[str, str]
    query: Query
    region: str | None


class ClaimError(AwsError):
    """A request that names no operation; `service` and `protocol` say in whose words to answer."""

    def __init__(self, error: AwsError, service: str, protocol: str) -> None:
        super().__init__(error.code, error.message, error.status, members=error.members, headers=error.headers)
        self.service = service
        self.protocol = protocol


class Host(NamedTuple):
    """What a Host header says."""

    service: str | None
    region: str | None
    bucket: str | None


_TARGETS = {entry.target_prefix: entry for entry in CATALOG.values() if entry.target_prefix}
_VERSIONS = {entry.api_version: entry for entry in CATALOG.values() if {"query", "ec2"} & set(entry.protocols)}
_SCOPES: dict[str, list[Entry]] = {}
_ENDPOINTS: dict[str, str] = {}
for _entry in CATALOG.values():
    _SCOPES.setdefault(_entry.signing_name, []).append(_entry)
    _ENDPOINTS.setdefault(_entry.endpoint_prefix, _entry.name)
    _ENDPOINTS.setdefault(_entry.name, _entry.name)

# The last one resolves to 127.0.0.1 in the public DNS, and test suites use it.
_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".localhost", ".localhost.localstack.cloud")
_NOWHERE = Host(None, None, None)
_REGION = re.compile(r"[a-z]{2}(-[a-z]+){1,3}-[0-9]{1,2}")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]")
_REST = frozenset({"rest-json", "rest-xml"})
_EMPTY: dict[str, str] = {}


def claim(request: Request) -> Claim:
    """What a request claims to be. Raises ClaimError where it names nothing that exists.

    For the query protocol the form must already be a BytesBody. The first request of a service reads its model.
    """
    headers = request.headers
    target = headers.get("x-amz-target")
    if target is not None:
        found = _by_target(target, headers)
        if found is not None:
            return found
    path = request.path
    if path.startswith("/service/"):
        found = _by_rpc_path(path, headers)
        if found is not None:
            return found
    host = _host(headers.get("host", ""))
    scope = _scope(headers.get("authorization"), request.query)
    if host.service == "s3":
        return _s3(request, host.bucket, scope[1] if scope else host.region)
    if host.service is not None:
        return _by_entries(request, [CATALOG[host.service]], scope[1] if scope else host.region)
    if scope is not None:
        name, region = scope
        if name == "s3":
            return _s3(request, _virtual(headers.get("host", "")), region)
        entries = _SCOPES.get(name)
        if entries is None:
            raise ClaimError(_unknown_service(name), "", _spoken(request))
        return _by_entries(request, entries, region)
    if "Action=" in request.query or _is_form(request):
        form = _form(request)
        if "Action" in form:
            return _by_action(form, list(_VERSIONS.values()), None, None)
    return _s3(request, None, None)


def _unknown_service(name: str) -> AwsError:
    return AwsError("UnknownOperationException", f"Cumulet has no service {name[:64]!r}", 501)


def _spoken(request: Request) -> str:
    """The protocol that a request to an unknown service seems to speak."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return "query"
    return "json" if kind.startswith("application/x-amz-json") else "rest-json"


def _by_target(target: str, headers: dict[str, str]) -> Claim | None:
    prefix, _, name = target.rpartition(".")
    entry = _TARGETS.get(prefix)
    if entry is None:
        raise ClaimError(_unknown_service(prefix or target), "", "json")
    if name not in models.load(entry.name).operations:
        raise ClaimError(errors.unknown_operation(entry.name, "json", name), entry.name, "json")
    return Claim(entry.name, name, "json", _EMPTY, {}, _region(headers))


def _by_rpc_path(path: str, headers: dict[str, str]) -> Claim | None:
    parts = path.split("/")
    if len(parts) != 5 or parts[3] != "operation":
        return None
    protocol = "smithy-rpc-v2-cbor"
    entry = _TARGETS.get(parts[2])
    if entry is None:
        if headers.get("smithy-protocol") != "rpc-v2-cbor":
            return None
        raise ClaimError(errors.unknown_operation("", protocol, parts[4]), "", protocol)
    if protocol not in entry.protocols or parts[4] not in models.load(entry.name).operations:
        raise ClaimError(errors.unknown_operation(entry.name, protocol, parts[4]), entry.name, protocol)
    return Claim(entry.name, parts[4], protocol, _EMPTY, {}, _region(headers))


def _region(headers: dict[str, str]) -> str | None:
    scope = _scope(headers.get("authorization"), "")
    return scope[1] if scope else _host(headers.get("host", "")).region


def _scope(authorization: str | None, query: str) -> tuple[str, str] | None:
    """Service and region of the credential scope, from the header or a presigned URL."""
    if authorization is not None:
        start = authorization.find("Credential=") + 11
        end = authorization.find(",", start)
        if start < 11:
            return None
        credential = authorization[start : end if end >= 0 else None].strip()
    elif "X-Amz-Credential=" in query:
        credential = query.partition("X-Amz-Credential=")[2].partition("&")[0].replace("%2F", "/").replace("%2f", "/")
    else:
        return None
    return _credential(credential)


@lru_cache(1024)
def _credential(text: str) -> tuple[str, str] | None:
    """Service and region of `AKID/20260101/us-east-1/s3/aws4_request`."""
    parts = text.split("/")
    return (parts[-2], parts[-3]) if len(parts) >= 5 else None


@lru_cache(1024)
def _host(host: str) -> Host:
    """What a Host header says, its port aside. Addresses, `localhost` and foreign names say nothing."""
    name = host.lower()
    if not name.startswith("["):
        name = name.partition(":")[0]
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return _labels(name[: -len(suffix)])
    return _NOWHERE


@lru_cache(1024)
def _virtual(host: str) -> str | None:
    """The bucket in `bucket.localhost`: what SDKs make of the endpoint http://localhost, and sign for S3."""
    name = host.partition(":")[0]
    bucket = name.removesuffix(".localhost")
    return bucket if bucket != name and _BUCKET.fullmatch(bucket) else None


def _labels(name: str) -> Host:
    """`bucket.s3.eu-west-1`, `s3-eu-west-1`, `sts.eu-west-1`, `lambda`, and so on."""
    head, dot, last = name.rpartition(".")
    region = None
    if _REGION.fullmatch(last):
        name, region = head, last
    elif last.startswith("s3-") and _REGION.fullmatch(last[3:]):
        name, region = head + dot + "s3", last[3:]
    if name.endswith(".dualstack"):
        name = name.removesuffix(".dualstack")
    bucket, _, service = name.rpartition(".")
    if service in ("s3", "s3-accelerate"):
        if bucket == "" or _BUCKET.fullmatch(bucket):
            return Host("s3", region, bucket or None)
        return _NOWHERE
    known = _ENDPOINTS.get(name)
    return Host(known, region, None) if known else Host(None, region, None)


def _by_entries(request: Request, entries: list[Entry], region: str | None) -> Claim:
    """The operation among the services that share an endpoint or a signing name."""
    for entry in entries:
        if entry.protocols[0] in _REST:
            found = _by_path(request, entry, region)
            if found is not None:
                return found
    spoken = [entry for entry in entries if {"query", "ec2"} & set(entry.protocols)]
    if spoken:
        return _by_action(_form(request), spoken, spoken[0], region)
    entry = entries[0]
    protocol = entry.protocols[0]
    raise ClaimError(errors.unknown_operation(entry.name, protocol, ""), entry.name, protocol)


def _by_path(request: Request, entry: Entry, region: str | None) -> Claim | None:
    try:
        query = routes.parse_query(request.query)
        found = routes.find(entry.name, request.method, request.path, query)
    except ValueError:
        bad = AwsError("BadRequestException", "The request URI is not valid", 400)
        raise ClaimError(bad, entry.name, entry.protocols[0]) from None
    if found is None:
        return None
    return Claim(entry.name, found[0], entry.protocols[0], found[1], query, region)


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "")
    return request.method == "POST" and kind.startswith("application/x-www-form-urlencoded")


def _form(request: Request) -> Query:
    """The query string and, of a form, the body's parameters: what the query protocol calls the request."""
    try:
        form = routes.parse_query(request.query)
        if _is_form(request) and type(request.body) is BytesBody:
            form.update(routes.parse_query(request.body.data.decode("latin-1")))
    except ValueError:
        bad = AwsError("MalformedQueryString", "The query string contains a syntax error.", 400)
        raise ClaimError(bad, "", "query") from None
    return form


def _by_action(form: Query, entries: list[Entry], default: Entry | None, region: str | None) -> Claim:
    """The operation that a form names; `default` answers where no service has the form's version."""
    action = _text(form.get("Action"))
    version = _text(form.get("Version"))
    entry = next((entry for entry in entries if entry.api_version == version), default)
    if entry is None:
        raise ClaimError(errors.unknown_operation("", "query", action, version), "", "query")
    protocol = "ec2" if "ec2" in entry.protocols else "query"
    if not action:
        missing = AwsError("MissingAction", "The request is missing an action or a required parameter.", 400)
        raise ClaimError(missing, entry.name, protocol)
    if version != entry.api_version or action not in models.load(entry.name).operations:
        raise ClaimError(errors.unknown_operation(entry.name, protocol, action, version), entry.name, protocol)
    return Claim(entry.name, action, protocol, _EMPTY, form, region)


def _text(value: str | list[str] | None) -> str:
    return "" if value is None else value if isinstance(value, str) else value[-1]


def _s3(request: Request, bucket: str | None, region: str | None) -> Claim:
    path = request.path
    method = request.method
    if bucket is None:
        bucket, _, key = path[1:].partition("/")
    else:
        key = path[1:]
    try:
        if "%" in path or not path.isascii():
            bucket, key = routes.decode(bucket), routes.decode(key)
        query = routes.parse_query(request.query) if request.query else {}
    except ValueError:
        bad = AwsError("InvalidURI", "Couldn't parse the specified URI.", 400, members={"URI": path[:1024]})
        raise ClaimError(bad, "s3", "rest-xml") from None
    labels = {"Bucket": bucket, "Key": key} if key else {"Bucket": bucket} if bucket else _EMPTY
    if method == "OPTIONS":
        return Claim("s3", "Options", "rest-xml", labels, query, region)
    try:
        operation = routes.find_s3(method, bucket, key, query, request.headers)
        if operation is None and method == "POST":
            operation = routes.s3_post(bucket, key, request.headers.get("content-type", ""))
    except AwsError as err:
        raise ClaimError(err, "s3", "rest-xml") from None
    if operation is None:
        resource = "OBJECT" if key else "BUCKET" if bucket else "SERVICE"
        refused = errors.unknown_operation("s3", "rest-xml", method)
        refused.members["ResourceType"] = resource
        raise ClaimError(refused, "s3", "rest-xml")
    return Claim("s3", operation, "rest-xml", labels, query, region)
