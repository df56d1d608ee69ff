"""Copies. Bytes are not copied: a row is small, and a blob gets one more reference. Only a part's copy moves bytes."""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple
from urllib.parse import unquote

from cumulet.base.errors import AwsError, Conflict
from cumulet.base.ids import hexid
from cumulet.base.messages import BytesBody
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import bodies, reach
from ..bodies import StoredBody
from ..engine import checksums, conditions, etag, ranges, tags
from ..errors import invalid_argument, invalid_request, not_implemented
from ..events import announce
from ..rules import names, uploads
from ..state import objects
from ..state.buckets import Bucket
from .multipart import check_number, find, receive_part
from .objects import ENCRYPTION

ATTEMPTS = 5
LEASE = 3600.0
"""Seconds until links to blobs that a copy made, and never committed, are given back."""
_VERSION = re.compile(r"\?versionId=([^&]*)\Z")
_TO_ITSELF = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, "
    "storage class, website redirect location or encryption attributes."
)


class Source(NamedTuple):
    """Where to copy from. `version` is None where the current object is meant."""

    bucket: str
    key: str
    version: str | None


class _Changed(Exception):
    """The source is not what it was when the copy began."""


def source(header: str) -> Source:
    """The source that `x-amz-copy-source` names. Raises AwsError InvalidArgument."""
    found = _VERSION.search(header)
    version = unquote(found[1]) if found is not None else None
    path = header[: found.start()] if found is not None else header
    if path.startswith("arn:"):
        raise not_implemented("x-amz-copy-source")
    try:
        bucket, slash, key = unquote(path, errors="strict").removeprefix("/").partition("/")
    except UnicodeDecodeError:
        bucket, slash, key = "", "", ""
    if not (bucket and slash and key):
        message = "Invalid copy source object key" if bucket and slash else "Invalid copy source bucket name"
        raise invalid_argument(message, "x-amz-copy-source", header)
    return Source(bucket, key, version)


def _open(ctx: Context, req: Json, where: Source) -> tuple[Bucket, Json]:
    """The source's bucket and record, conditions held."""
    reader = ctx.machine.kv.begin()
    named = {"Bucket": where.bucket}
    if "ExpectedSourceBucketOwner" in req:
        named["ExpectedBucketOwner"] = req["ExpectedSourceBucketOwner"]
    bucket = reach.bucket(reader, ctx.account, named)
    record = reach.current(reader, bucket, where.key, where.version)
    reach.readable(record)
    conditions.check_copy(req, record["etag"], record["time"])
    return bucket, record


@operation(data=True)
async def copy_object(ctx: Context, req: Json) -> Json:
    """See CopyObject."""
    where = source(req["CopySource"])
    uploads.refuse(req)
    names.check_key(req["Key"])
    for name, word in (("MetadataDirective", "metadata"), ("TaggingDirective", "tagging")):
        if req.get(name, "COPY") not in ("COPY", "REPLACE"):
            raise invalid_argument(f"Unknown {word} directive.", f"x-amz-{word}-directive", req[name])
    reach.bucket(ctx.reader, ctx.account, req)
    for _ in range(ATTEMPTS):
        bucket, record = _open(ctx, req, where)
        if record["size"] > uploads.MAX_OBJECT:
            raise invalid_request(
                "The specified copy source is larger than the maximum allowable size for a copy source: "
                f"{uploads.MAX_OBJECT}"
            )
        _refuse_idle(req, where, record)
        try:
            made = await _copy(ctx, req, where, bucket, record)
        except _Changed:
            continue
        result: Json = {"ETag": etag.quoted(made["etag"]), "LastModified": made["time"]}
        if "sum" in made:
            result[f"Checksum{made['sum'][0]}"] = made["sum"][1]
            result["ChecksumType"] = "FULL_OBJECT"
        out: Json = {"CopyObjectResult": result, "ServerSideEncryption": ENCRYPTION}
        if where.version is not None:
            out["CopySourceVersionId"] = where.version
        return out
    raise Conflict("the source keeps changing")


def _refuse_idle(req: Json, where: Source, record: Json) -> None:
    """A copy to itself has to change something. Raises AwsError InvalidRequest."""
    if (where.bucket, where.key) != (req["Bucket"], req["Key"]) or req.get("MetadataDirective") == "REPLACE":
        return
    if {"ServerSideEncryption", "WebsiteRedirectLocation", "ChecksumAlgorithm"} & req.keys():
        return
    if req.get("StorageClass", "STANDARD") == record.get("class", "STANDARD"):
        raise invalid_request(_TO_ITSELF)


async def _copy(ctx: Context, req: Json, where: Source, bucket: Bucket, record: Json) -> Json:
    """Make the copy; returns its record. Raises _Changed."""
    made = _described(req, record)
    await _summed(ctx, req, bucket, record, made)
    if "blob" in record:
        made["blob"] = record["blob"]
    elif "data" in record:
        made["data"], made["chunks"], made["count"] = hexid(8), record["chunks"], record["count"]
    last = len(record.get("chunks", ())) - 1
    intent = ""
    try:
        for number in range(last):
            intent = intent or ctx.transact(partial(_intend, req=req, data=made["data"]))
            ctx.transact(partial(_link, req=req, where=where, record=record, made=made, number=number))
        return ctx.transact(partial(_commit, req=req, where=where, record=record, made=made, last=last, intent=intent))
    except BaseException:
        if intent:
            ctx.transact(partial(_intend, req=req, data=made["data"], due=0.0, job_id=intent))
        raise


def _described(req: Json, record: Json) -> Json:
    """The copy's headers, metadata, tags and storage class, as the directives say."""
    made = uploads.described(req)
    if req.get("MetadataDirective") != "REPLACE":
        redirect = made["headers"].get("WebsiteRedirectLocation")
        made["headers"] = {
            name: value for name, value in record["headers"].items() if name != "WebsiteRedirectLocation"
        }
        if redirect is not None:
            made["headers"]["WebsiteRedirectLocation"] = redirect
        made.pop("meta", None)
        if "meta" in record:
            made["meta"] = record["meta"]
    made.pop("tags", None)
    if req.get("TaggingDirective") == "REPLACE":
        if req.get("Tagging"):
            made["tags"] = tags.from_header(req["Tagging"])
    elif "tags" in record:
        made["tags"] = record["tags"]
    made["size"] = record["size"]
    return made


async def _summed(ctx: Context, req: Json, bucket: Bucket, record: Json, made: Json) -> None:
    """The copy's tag and checksum. Those of a multipart object do not fit its copy, which is made at one go."""
    known = record.get("sum")
    wanted = req.get("ChecksumAlgorithm", "").upper() or (known[0] if known is not None else checksums.DEFAULT)
    if wanted not in checksums.ALGORITHMS:
        raise invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types."
        )
    fits = known is not None and known[0] == wanted and record.get("type", "FULL_OBJECT") == "FULL_OBJECT"
    if fits and "-" not in record["etag"]:
        made["etag"], made["sum"] = record["etag"], known
        return
    if objects.is_row(record):
        data = objects.row(ctx.machine.kv.begin(), bucket, source(req["CopySource"]).key)
        found = await bodies.digest(ctx, BytesBody(data), wanted)
    else:
        found = await bodies.digest(ctx, StoredBody(ctx.machine, bucket, record, 0, record["size"]), wanted)
    made["etag"], made["sum"] = found.md5, [wanted, found.checksum]


def _still(ctx: Context, where: Source, record: Json) -> Bucket:
    """The source's bucket, the source being what it was."""
    bucket = reach.bucket(ctx.tx, ctx.account, {"Bucket": where.bucket})
    if objects.find(ctx.tx, bucket, where.key) != record:
        raise _Changed
    return bucket


def _intend(ctx: Context, req: Json, data: str, due: float | None = None, job_id: str | None = None) -> str:
    """Have the links that are about to be made given back, unless the copy's commit cancels that."""
    place = reach.bucket(ctx.tx, ctx.account, req).place
    detail = {"bucket": place, "data": data}
    return ctx.schedule("s3.release", detail, ctx.now + LEASE if due is None else due, job_id=job_id)


def _link(ctx: Context, req: Json, where: Source, record: Json, made: Json, number: int) -> None:
    origin = _still(ctx, where, record)
    chunk = objects.read_chunk(ctx.tx, origin, record["data"], number)
    if chunk is None:
        raise _Changed
    for extent in chunk:
        ctx.machine.blobs.link(ctx.tx, extent[1])
    objects.write_chunk(ctx.tx, reach.bucket(ctx.tx, ctx.account, req), made["data"], number, chunk)


def _commit(ctx: Context, req: Json, where: Source, record: Json, made: Json, last: int, intent: str) -> Json:
    origin = _still(ctx, where, record)
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    key = req["Key"]
    old = objects.find(ctx.tx, bucket, key)
    conditions.check_write(req, key, old["etag"] if old is not None else None)
    data = objects.row(ctx.tx, origin, where.key) if objects.is_row(record) and record["size"] else None
    if "blob" in made:
        ctx.machine.blobs.link(ctx.tx, made["blob"])
    elif "data" in made:
        _link(ctx, req, where, record, made, last)
    if intent:
        ctx.cancel(intent)
    stored = {**made, "time": int(ctx.now)}
    objects.put(ctx, bucket, key, old, stored, data)
    announce(ctx, bucket, "ObjectCreated:Copy", key, stored)
    return stored


@operation(data=True)
async def upload_part_copy(ctx: Context, req: Json) -> Json:
    """See UploadPartCopy. The part's digest needs the bytes to be read; they become a blob of their own."""
    check_number(req["PartNumber"])
    uploads.refuse(req)
    where = source(req["CopySource"])
    bucket = reach.bucket(ctx.reader, ctx.account, req)
    upload = find(ctx, bucket, req)
    origin, record = _open(ctx, req, where)
    offset, length = 0, record["size"]
    if "CopySourceRange" in req:
        offset, length = ranges.copy_source(req["CopySourceRange"], record["size"])
    if length > uploads.MAX_OBJECT:
        raise AwsError(
            "InvalidRequest",
            f"The specified copy source is larger than the maximum allowable size for a copy source: {uploads.MAX_OBJECT}",
            400,
        )
    body: BytesBody | StoredBody
    if objects.is_row(record):
        data = objects.row(ctx.machine.kv.begin(), origin, where.key) if record["size"] else b""
        body = BytesBody(data[offset : offset + length])
    else:
        body = StoredBody(ctx.machine, origin, record, offset, length)
    part = await receive_part(ctx, {**req, "Body": body}, upload.get("algorithm"), None)
    result: Json = {"ETag": etag.quoted(part["etag"]), "LastModified": part["time"]}
    if "algorithm" in upload:
        result[f"Checksum{part['sum'][0]}"] = part["sum"][1]
    out: Json = {"CopyPartResult": result, "ServerSideEncryption": ENCRYPTION}
    if where.version is not None:
        out["CopySourceVersionId"] = where.version
    return out
