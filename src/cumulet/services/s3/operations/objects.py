"""Objects written, read and deleted one at a time, or many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import format_datetime
from functools import partial

from cumulet.base.errors import AwsError
from cumulet.base.messages import BytesBody
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import bodies, documents, reach
from ..bodies import Received, StoredBody
from ..engine import checksums, conditions, etag, ranges
from ..engine.checksums import Expected
from ..errors import invalid_argument, invalid_request, malformed_xml, not_implemented
from ..events import announce
from ..rules import names, uploads
from ..state import objects
from ..state.buckets import Bucket

ENCRYPTION = "AES256"
MAX_PARTS = 10_000
MAX_DELETES = 1000
DELETES_AT_ONCE = 45
_NO_HEADERS: Mapping[str, str] = {}
_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}
_CONDITIONS = frozenset(conditions.READ)
_ELSEWHERE = ("IfMatchLastModifiedTime", "IfMatchSize")


def sent_headers(ctx: Context, req: Json) -> Mapping[str, str]:
    """The HTTP headers that belong to a streamed body; a call from within has none, whatever request it happens in."""
    request = ctx.request
    return request.headers if request is not None and req.get("Body") is request.body else _NO_HEADERS


async def take(ctx: Context, req: Json, wanted: Expected | None, *, rows: bool = True) -> Received:
    """Read a request's body and check it against what the client said of it. Raises AwsError; nothing is left then."""
    md5 = etag.content_md5(req["ContentMD5"]) if "ContentMD5" in req else None
    body = bodies.as_body(req.get("Body"))
    uploads.check_length(body.length)
    algorithm = wanted.algorithm if wanted is not None else checksums.DEFAULT
    if rows and isinstance(body, BytesBody) and len(body.data) <= objects.INLINE:
        got = bodies.small(body.data, algorithm, getattr(body, "trailers", None))
    else:
        got = await bodies.receive(ctx, body, algorithm, rows=rows)
    try:
        if wanted is not None:
            wanted.check(got.checksum, got.trailers)
        if md5 is not None and md5 != got.md5:
            raise etag.bad_digest(md5, got.md5)
    except AwsError:
        if got.blob is not None:
            await got.blob.abort()
        raise
    return got


@operation(data=True)
async def put_object(ctx: Context, req: Json) -> Json:
    """See PutObject."""
    key = req["Key"]
    uploads.refuse(req)
    names.check_key(key)
    wanted = checksums.expected(req, sent_headers(ctx, req))
    record = uploads.described(req)
    body = req.get("Body")
    if not (isinstance(body, BytesBody) and len(body.data) <= objects.INLINE):
        _check_before(ctx, req)
    got = await take(ctx, req, wanted)
    algorithm = wanted.algorithm if wanted is not None else checksums.DEFAULT
    record["size"] = got.size
    record["etag"] = got.md5
    record["sum"] = [algorithm, got.checksum]
    if got.blob is not None:
        record["blob"] = got.blob.id
    try:
        ctx.transact(partial(store, req=req, record=record, data=got.data, event="ObjectCreated:Put"))
    except BaseException:
        if got.blob is not None:
            await got.blob.abort()
        raise
    return {
        "ETag": f'"{got.md5}"',
        f"Checksum{algorithm}": got.checksum,
        "ChecksumType": "FULL_OBJECT",
        "ServerSideEncryption": ENCRYPTION,
    }


def _check_before(ctx: Context, req: Json) -> None:
    """Refuse what will be refused anyway before a long body is read."""
    reader = ctx.reader
    bucket = reach.bucket(reader, ctx.account, req)
    if "IfNoneMatch" in req or "IfMatch" in req:
        old = objects.find(reader, bucket, req["Key"])
        conditions.check_write(req, req["Key"], old["etag"] if old is not None else None)


def store(ctx: Context, req: Json, record: Json, data: bytes | None, event: str) -> None:
    """Within a transaction: put a new object where the request says, its blob adopted, and tell of it."""
    key = req["Key"]
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    old = objects.find(ctx.tx, bucket, key)
    if "IfNoneMatch" in req or "IfMatch" in req:
        conditions.check_write(req, key, old["etag"] if old is not None else None)
    record["time"] = int(ctx.now)
    if "blob" in record:
        ctx.machine.blobs.adopt(ctx.tx, record["blob"])
    objects.put(ctx, bucket, key, old, record, data)
    if bucket.rules:
        announce(ctx, bucket, event, key, record)


# reading


@operation(data=True)
async def get_object(ctx: Context, req: Json) -> Json:
    """See GetObject."""
    reader = ctx.reader
    bucket = reach.bucket(reader, ctx.account, req)
    key = req["Key"]
    record = reach.shown(ctx, bucket, key, req.get("VersionId"))
    if "class" in record:
        reach.readable(record)
    out, offset, length = _describe(ctx, bucket, req, record)
    if objects.is_row(record):
        data = objects.row(reader, bucket, key) if record["size"] else b""
        if len(data) != record["size"]:
            raise AwsError("InternalError", "We encountered an internal error. Please try again.", 500)
        out["Body"] = data if length == len(data) else data[offset : offset + length]
    else:
        out["Body"] = StoredBody(ctx.machine, bucket, record, offset, length) if length else b""
    return out


@operation(data=True)
async def head_object(ctx: Context, req: Json) -> Json:
    """See HeadObject."""
    reader = ctx.reader
    bucket = reach.bucket(reader, ctx.account, req)
    record = reach.shown(ctx, bucket, req["Key"], req.get("VersionId"))
    return _describe(ctx, bucket, req, record)[0]


def _describe(ctx: Context, bucket: Bucket, req: Json, record: Json) -> tuple[Json, int, int]:
    """The response's headers, and the offset and length of the bytes that go with them."""
    tag = record["etag"]
    size: int = record["size"]
    if not _CONDITIONS.isdisjoint(req):
        conditions.check_read(req, tag, record["time"], {"ETag": f'"{tag}"'})
    out: Json = {
        "AcceptRanges": "bytes",
        "LastModified": record["time"],
        "ETag": f'"{tag}"',
        "ServerSideEncryption": ENCRYPTION,
        **record["headers"],
    }
    if "meta" in record:
        out["Metadata"] = uploads.printed(record["meta"])
    if "class" in record:
        out["StorageClass"] = record["class"]
    if "tags" in record:
        out["TagCount"] = len(record["tags"])
    offset, length, value = 0, size, record.get("sum")
    if "PartNumber" in req:
        offset, length, value = _part(ctx, bucket, req, record)
        out["ContentRange"] = f"bytes {offset}-{offset + length - 1}/{size}" if length else None
        if "parts" in record:
            out["PartsCount"] = record["parts"]
    elif "Range" in req and (found := ranges.read(req["Range"], size)) is not None:
        offset, length = found
        out["ContentRange"] = f"bytes {offset}-{offset + length - 1}/{size}"
        if length < size:
            value = None
    out["ContentLength"] = length
    if value is not None and req.get("ChecksumMode", "").upper() == "ENABLED":
        out[f"Checksum{value[0]}"] = value[1]
        out["ChecksumType"] = record.get("type", "FULL_OBJECT")
    for name in req:
        if name in _OVERRIDES:
            value = req[name]
            out[_OVERRIDES[name]] = format_datetime(value, usegmt=True) if name == "ResponseExpires" else value
    refuse_customer_key(req)
    return out, offset, length


def refuse_customer_key(req: Json) -> None:
    """Raise for a read with a key of the client's own: no object here is encrypted with one."""
    if "SSECustomerAlgorithm" in req or "SSECustomerKey" in req:
        raise invalid_request("The encryption parameters are not applicable to this object.")


def _part(ctx: Context, bucket: Bucket, req: Json, record: Json) -> tuple[int, int, list[str] | None]:
    """Offset, length and checksum of the part that the request names."""
    number = req["PartNumber"]
    if "Range" in req:
        raise invalid_request("Cannot specify both Range header and partNumber query parameter")
    if not 1 <= number <= MAX_PARTS:
        message = "Part number must be an integer between 1 and 10000, inclusive"
        raise invalid_argument(message, "partNumber", str(number))
    if number > record.get("parts", 1):
        members = {"PartNumberRequested": str(number), "ActualPartCount": str(record.get("parts", 1))}
        raise AwsError("InvalidPartNumber", "The requested partnumber is not satisfiable", 416, members=members)
    if "parts" not in record:
        return 0, record["size"], record.get("sum")
    ordinal, at = divmod(number - 1, objects.CHUNK)
    chunk = objects.read_chunk(ctx.reader, bucket, record["data"], ordinal)
    if chunk is None:
        raise AwsError("InternalError", "We encountered an internal error. Please try again.", 500)
    sizes: list[int] = [extent[0] for extent in chunk[: at + 1]]
    value = [record["sum"][0], chunk[at][2]] if "sum" in record else None
    return record["chunks"][ordinal] + sum(sizes[:-1]), sizes[-1], value


# deleting


@operation(data=True)
def delete_object(ctx: Context, req: Json) -> Json:
    """See DeleteObject."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    for name in _ELSEWHERE:
        if name in req:
            raise not_implemented(name)
    version = req.get("VersionId")
    _delete(ctx, bucket, req["Key"], version, req)
    return {"VersionId": version} if version is not None else {}


def _delete(ctx: Context, bucket: Bucket, key: str, version: str | None, condition: Json) -> None:
    """Delete an object; one that is not there is deleted already."""
    names.check_key(key)
    if "MFA" in condition:
        raise not_implemented("x-amz-mfa")
    old = objects.find(ctx.tx, bucket, key)
    if condition.get("IfMatch") is not None:
        conditions.check_write({"IfMatch": condition["IfMatch"]}, key, old["etag"] if old is not None else None)
    if old is None or version not in (None, "null"):
        return
    objects.delete(ctx, bucket, key, old)
    announce(ctx, bucket, "ObjectRemoved:Delete", key)


@operation(data=True)
async def delete_objects(ctx: Context, req: Json) -> Json:
    """See DeleteObjects. Keys are deleted a few at a time, each for itself, as in AWS."""
    document = req["Delete"]
    wanted = document.get("Objects") or []
    if not 1 <= len(wanted) <= MAX_DELETES:
        raise malformed_xml()
    documents.check(ctx, "POST", "delete", required=True)
    reach.bucket(ctx.reader, ctx.account, req)
    deleted: list[Json] = []
    errors: list[Json] = []
    for begin in range(0, len(wanted), DELETES_AT_ONCE):
        if begin:
            await asyncio.sleep(0)
        some = wanted[begin : begin + DELETES_AT_ONCE]
        done, failed = ctx.transact(partial(_delete_some, req=req, entries=some))
        deleted += done
        errors += failed
    out: Json = {"Errors": errors} if errors else {}
    if not document.get("Quiet"):
        out["Deleted"] = deleted
    return out


def _delete_some(ctx: Context, req: Json, entries: list[Json]) -> tuple[list[Json], list[Json]]:
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    deleted, errors = [], []
    for entry in entries:
        key, version = entry["Key"], entry.get("VersionId")
        named = {"Key": key, "VersionId": version} if version is not None else {"Key": key}
        action = "s3:DeleteObject" if version is None else "s3:DeleteObjectVersion"
        refused = ctx.refusal(action, f"arn:aws:s3:::{bucket.name}/{key}")
        if refused is not None:
            errors.append({**named, "Code": refused.code, "Message": refused.message})
            continue
        try:
            _delete(ctx, bucket, key, version, {"IfMatch": entry.get("ETag")})
            deleted.append(named)
        except AwsError as err:
            errors.append({**named, "Code": err.code, "Message": err.message})
    return deleted, errors
