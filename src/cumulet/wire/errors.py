"""Errors on the wire: an AwsError in the words, shape, status and headers of each protocol.

json        {"__type": "Code", "message": …}            x-amzn-RequestId, x-amzn-query-error where a service had query
rest-json   {"message" | "Message": …, members}         x-amzn-ErrorType, x-amzn-RequestId
query       <ErrorResponse><Error><Type>Sender</Type>…  x-amzn-RequestId
rest-xml    <Error><Code>…<RequestId><HostId></Error>   x-amz-request-id, x-amz-id-2
ec2, smithy-rpc-v2-cbor: only their errors are spoken until a service needs the rest
"""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from typing import Any
from zlib import crc32

from cumulet.base.errors import AwsError
from cumulet.base.messages import Response
from cumulet.wire import models, quirks
from cumulet.wire.values import dumps, escape, header, header_name, iso
from cumulet.wire.xml import DECLARATION

HOST_ID = base64.b64encode(os.urandom(56)).decode()
"""What S3 calls the host that answered (x-amz-id-2): this process."""

_STATUS = {
    "AccessDenied": 403,
    "AccessDeniedException": 400,
    "ExpiredToken": 403,
    "IncompleteSignature": 400,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InternalServiceError": 500,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "NotImplemented": 501,
    "OptInRequired": 403,
    "RequestExpired": 400,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
}
_REST_STATUS = {
    "AccessDeniedException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "UnknownOperationException": 404,
    "UnrecognizedClientException": 403,
    "IncompleteSignatureException": 403,
    "ExpiredTokenException": 403,
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
}


class _Known:
    """The error structures of a service, by their names and by their codes on the wire."""

    def __init__(self, service: str) -> None:
        try:
            self.model: models.Model | None = models.load(service)
        except KeyError:
            self.model = None
        self.shapes: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, str] = {}
        self.names: dict[str, str] = {}
        modelled = self.model.shapes.items() if self.model else ()
        errors = {name: shape for name, shape in modelled if shape.get("exception") or "error" in shape}
        for name, shape in errors.items():
            self.shapes[name] = shape
            self.names[name] = name
            self.codes[name] = shape.get("error", {}).get("code", name)
        for name, code in self.codes.items():  # after all names: one error's code may be another's name
            self.shapes.setdefault(code, errors[name])
            self.names.setdefault(code, name)

    def status(self, error: AwsError, defaults: dict[str, int]) -> int:
        """What the error says, else the model, else what its name means everywhere."""
        if error.status is not None:
            return error.status
        shape = self.shapes.get(error.code, {})
        modelled: int | None = shape.get("error", {}).get("httpStatusCode")
        if modelled is not None:
            return modelled
        return defaults.get(error.code) or _STATUS.get(error.code) or (500 if shape.get("fault") else 400)

    def message_key(self, code: str) -> str:
        """The key of the message on the wire: `message`, or `Message` where the structure has that."""
        for name, member in self.shapes.get(code, {}).get("members", {}).items():
            if name.lower() == "message":
                return str(member.get("locationName", name))
        return "message"


@lru_cache(None)
def _known(service: str) -> _Known:
    return _Known(service)


def fail(protocol: str, service: str, error: AwsError, request_id: str) -> Response:
    """The response that tells a client of `error`, in the protocol it speaks."""
    known = _known(service)
    if protocol == "rest-xml":
        response = _bare_xml(known, error, request_id)
    elif protocol == "rest-json":
        response = _rest_json(known, error, request_id)
    elif protocol in ("query", "ec2"):
        response = _query(known, protocol, error, request_id)
    elif protocol == "smithy-rpc-v2-cbor":
        response = _cbor(known, service, error, request_id)
    else:
        response = _json(known, service, error, request_id)
    response.headers.extend((header_name(name), header(value)) for name, value in error.headers.items())
    return response


def _json(known: _Known, service: str, error: AwsError, request_id: str) -> Response:
    body = dumps(_json_body(known, service, error))
    version = known.model.metadata.get("jsonVersion", "1.1") if known.model else "1.1"
    headers = [("x-amzn-RequestId", request_id), ("Content-Type", f"application/x-amz-json-{version}")]
    headers += _query_error(known, service, error)
    if service in quirks.CRC32:
        headers.append(("x-amz-crc32", str(crc32(body))))
    return Response(known.status(error, {}), headers, body)


def _json_body(known: _Known, service: str, error: AwsError) -> dict[str, Any]:
    name = known.names.get(error.code, error.code)
    prefix = quirks.TYPE_PREFIXES.get(service, "")
    body: dict[str, Any] = {}
    if prefix and name not in known.shapes:
        prefix = quirks.CORAL_PREFIXES.get(name, prefix)
    body["__type"] = prefix + name
    if error.message:
        body[known.message_key(error.code)] = error.message
    return body | error.members


def _query_error(known: _Known, service: str, error: AwsError) -> list[tuple[str, str]]:
    """Services that once spoke the query protocol repeat the code they had then, and whose fault it was."""
    if known.model is None or "awsQueryCompatible" not in known.model.metadata:
        return []
    name = known.names.get(error.code, error.code)
    old = quirks.QUERY_ERRORS.get(service, {}).get(name) or known.codes.get(name, name)
    fault = "Receiver" if known.status(error, {}) >= 500 else "Sender"
    return [("x-amzn-query-error", f"{old};{fault}")]


def _rest_json(known: _Known, error: AwsError, request_id: str) -> Response:
    status = known.status(error, _REST_STATUS)
    name = known.names.get(error.code, error.code)
    headers = [
        ("x-amzn-RequestId", request_id),
        ("x-amzn-ErrorType", header(name)),
        ("Content-Type", "application/json"),
    ]
    modelled = known.shapes.get(error.code, {}).get("members", {})
    body: dict[str, Any] = {}
    if quirks.FAULT_MEMBER in modelled:
        body[quirks.FAULT_MEMBER] = "Service" if status >= 500 else "User"
    if error.message:
        body[known.message_key(error.code)] = error.message
    for key, value in error.members.items():
        member = modelled.get(key, {})
        if member.get("location") == "header":
            headers.append((member.get("locationName", key), header(value)))
        else:
            body[member.get("locationName", key)] = value
    return Response(status, headers, dumps(body))


def _query(known: _Known, protocol: str, error: AwsError, request_id: str) -> Response:
    status = known.status(error, {})
    code = known.codes.get(error.code, error.code)
    inner = f"<Code>{escape(code)}</Code><Message>{escape(error.message)}</Message>{_elements(error.members)}"
    if protocol == "ec2":
        text = (
            f"{DECLARATION}<Response><Errors><Error>{inner}</Error></Errors>"
            f"<RequestID>{escape(request_id)}</RequestID></Response>"
        )
    else:
        namespace = known.model.metadata.get("xmlNamespace", "") if known.model else ""
        fault = "Receiver" if status >= 500 else "Sender"
        text = (
            f'<ErrorResponse xmlns="{namespace}"><Error><Type>{fault}</Type>{inner}</Error>'
            f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
        )
    return Response(status, [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml")], text.encode())


def _bare_xml(known: _Known, error: AwsError, request_id: str) -> Response:
    status = known.status(error, quirks.S3_STATUS)
    headers = [("x-amz-request-id", request_id), ("x-amz-id-2", HOST_ID)]
    if status == 304:
        return Response(status, headers)
    text = (
        f"{DECLARATION}<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        f"{_elements(error.members)}<RequestId>{escape(request_id)}</RequestId><HostId>{HOST_ID}</HostId></Error>"
    )
    return Response(status, [*headers, ("Content-Type", "application/xml")], text.encode())


def _elements(members: dict[str, Any]) -> str:
    """Further members of an error as elements, in the order given."""
    return "".join(f"<{name}>{_element(value)}</{name}>" for name, value in members.items() if value is not None)


def _element(value: Any) -> str:
    if isinstance(value, dict):
        return _elements(value)
    if isinstance(value, (list, tuple)):
        return "".join(f"<member>{_element(item)}</member>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return iso(value)
    return escape(str(value))


def _cbor(known: _Known, service: str, error: AwsError, request_id: str) -> Response:
    pairs = {"__type": known.names.get(error.code, error.code), "message": error.message}
    body = bytes([0xA0 + len(pairs)]) + b"".join(_cbor_text(key) + _cbor_text(value) for key, value in pairs.items())
    headers = [
        ("x-amzn-RequestId", request_id),
        ("smithy-protocol", "rpc-v2-cbor"),
        ("Content-Type", "application/cbor"),
        *_query_error(known, service, error),
    ]
    return Response(known.status(error, {}), headers, body)


def _cbor_text(text: str) -> bytes:
    raw = text.encode()[:65535]
    return b"\x79" + len(raw).to_bytes(2, "big") + raw


# ------------------------------------------------------------------------------------------ errors that the wire itself finds


def unknown_operation(service: str, protocol: str, name: str, version: str | None = None) -> AwsError:
    """What a service says when it is asked for an operation that it does not have."""
    if protocol in ("query", "ec2"):
        if protocol == "ec2":
            return AwsError("InvalidAction", f"The action {name} is not valid for this web service.", 400)
        asked = version or "NO_VERSION_SPECIFIED"
        return AwsError("InvalidAction", f"Could not find operation {name} for version {asked}", 400)
    if protocol == "rest-xml":
        return AwsError(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            405,
            members={"Method": name, "ResourceType": "SERVICE"} if name else {},
        )
    return AwsError("UnknownOperationException", "", 404 if protocol != "json" else 400)


def invalid(service: str, protocol: str, text: str) -> AwsError:
    """A request that breaks its model's constraints."""
    usual = "ValidationError" if protocol in ("query", "ec2") else "ValidationException"
    return AwsError(quirks.VALIDATION_CODES.get(service, usual), text, 400)


def serialization_error(err: Exception) -> AwsError:
    """A JSON body with bad syntax (no message, as AWS) or a value of the wrong type."""
    return AwsError("SerializationException", str(err) if isinstance(err, ValueError) else "", 400)


def malformed_input(err: Exception) -> AwsError:
    """A form whose values or keys do not fit the operation."""
    return AwsError("MalformedInput", str(err) if isinstance(err, ValueError) else "", 400)


def malformed_xml() -> AwsError:
    """An XML body with bad syntax or that breaks its schema."""
    return AwsError("MalformedXML", quirks.MALFORMED_XML, 400)


def missing_body() -> AwsError:
    """No body where the operation needs a document."""
    return AwsError("MissingRequestBodyError", "Request Body is empty", 400)


def bad_argument(name: str, value: str) -> AwsError:
    """A header or query parameter of the wrong type."""
    argument = quirks.bad_argument(name, value)
    return AwsError(argument.code, argument.message, 400, members=argument.members)
