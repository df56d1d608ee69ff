"""Digests of the XML documents that some requests carry: what the client says of them must hold."""

from __future__ import annotations

from cumulet.base.messages import BytesBody
from cumulet.kernel.context import Context

from .engine import checksums, etag
from .errors import invalid_request


def check(ctx: Context, method: str, subresource: str, *, required: bool = False) -> None:
    """Compare the document with Content-MD5 and `x-amz-checksum-*`. Raises AwsError InvalidRequest, InvalidDigest, BadDigest.

    `method` and `subresource` (`tagging`) say which request the document belongs to: a call from within has none. `required`:
    a request without any digest is refused.
    """
    request = ctx.request
    if request is None or request.method != method or subresource not in request.query:
        return
    headers = request.headers
    md5 = headers.get("content-md5")
    found = {f"Checksum{name}": headers[header] for header, name in checksums.HEADERS.items() if header in headers}
    expected = checksums.expected(found, headers)
    if required and md5 is None and expected is None:
        raise invalid_request("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
    if not isinstance(request.body, BytesBody):
        return
    data = request.body.data
    if md5 is not None and (named := etag.content_md5(md5)) != (calculated := etag.of(data)):
        raise etag.bad_digest(named, calculated)
    if expected is not None:
        expected.check(checksums.compute(expected.algorithm, data), getattr(request.body, "trailers", None))
