"""Downloads: the URL that GetFunction and GetLayerVersion give as Location, and the answer to it.

The URL carries a signature over the package's digest and its last second, so that it works without credentials, as S3's presigned
URLs do, for ten minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

from cumulet.base.errors import StoreError
from cumulet.base.messages import Request, Response, StreamBody
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.store.api import BlobReader

from . import state
from .state import Package

PREFIX = "/_cumulet/lambda/code/"
SECONDS = 600


def location(ctx: Context, package: Package) -> str:
    """A URL from which the package's zip file can be downloaded for ten minutes."""
    secret = state.secret(ctx.tx)
    if secret is None:
        secret = os.urandom(32)
        state.put_secret(ctx.tx, secret)
    expires = str(int(ctx.now) + SECONDS)
    return f"{ctx.machine.endpoint}{PREFIX}{package.digest}?Expires={expires}&Signature={_sign(secret, package.digest, expires)}"


def _sign(secret: bytes, digest: str, expires: str) -> str:
    return hmac.new(secret, f"{digest}\n{expires}".encode(), hashlib.sha256).hexdigest()


def serve(kernel: Kernel, request: Request) -> Response:
    """The answer to a request below PREFIX."""
    machine = kernel.machine
    reader = machine.kv.begin()
    digest = request.path.removeprefix(PREFIX)
    query = parse_qs(request.query)
    expires, signature = query.get("Expires", [""])[0], query.get("Signature", [""])[0]
    secret = state.secret(reader)
    if secret is None or not hmac.compare_digest(
        _sign(secret, digest, expires), signature.encode("ascii", "replace").decode()
    ):
        return _refuse(403, "The signature of this URL is wrong.\n")
    if machine.clock.time() > int(expires):
        return _refuse(403, "This URL has expired.\n")
    if request.method not in ("GET", "HEAD"):
        return _refuse(405, "This URL can only be read.\n")
    blob = state.package_blob(reader, digest)
    try:
        found = machine.blobs.open(blob) if blob is not None else None
    except StoreError:
        found = None
    if found is None:
        return _refuse(404, "The code is gone.\n")
    headers = [("content-type", "application/zip"), ("content-length", str(found.size))]
    if request.method == "HEAD":
        found.close()
        return Response(200, headers)
    return Response(200, headers[:1], StreamBody(_chunks(found), found.size))


async def _chunks(found: BlobReader) -> AsyncIterator[bytes]:
    try:
        async for chunk in found.chunks(0, found.size):
            yield chunk
    finally:
        found.close()


def _refuse(status: int, why: str) -> Response:
    return Response(status, [("content-type", "text/plain; charset=utf-8")], why.encode())
