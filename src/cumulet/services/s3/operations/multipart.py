"""Multipart uploads: begun, filled with parts, given up. A part is a blob, and no byte of it moves again."""

from __future__ import annotations

from functools import partial

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import reach
from ..engine import checksums, etag
from ..engine.checksums import Expected
from ..errors import invalid_argument, invalid_request, no_such_upload
from ..rules import names
from ..rules import uploads as rules
from ..state import uploads
from ..state.buckets import Bucket
from .objects import ENCRYPTION, MAX_PARTS, sent_headers, take


@operation(data=True)
def create_multipart_upload(ctx: Context, req: Json) -> Json:
    """See CreateMultipartUpload."""
    key = req["Key"]
    rules.refuse(req)
    names.check_key(key)
    algorithm, kind = _checksum_of(req)
    record = rules.described(req)
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    upload = uploads.new_id(ctx.now)
    record["initiated"] = int(ctx.now)
    record["initiator"] = ctx.principal.arn
    out = {"Bucket": bucket.name, "Key": key, "UploadId": upload, "ServerSideEncryption": ENCRYPTION}
    if algorithm is not None:
        record["algorithm"], record["type"] = algorithm, kind
        out["ChecksumAlgorithm"], out["ChecksumType"] = algorithm, kind
    uploads.create(ctx.tx, bucket, key, upload, record)
    return out


def _checksum_of(req: Json) -> tuple[str | None, str | None]:
    """The algorithm and type that an upload is to have; None where the server is free. Raises AwsError InvalidRequest."""
    algorithm, kind = req.get("ChecksumAlgorithm"), req.get("ChecksumType")
    if algorithm is None:
        if kind is not None:
            raise invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return None, None
    algorithm = algorithm.upper()
    if algorithm not in checksums.ALGORITHMS:
        raise invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types."
        )
    kind = (kind or checksums.default_type(algorithm)).upper()
    if kind not in ("FULL_OBJECT", "COMPOSITE"):
        raise invalid_request("Value for x-amz-checksum-type header is invalid.")
    if not checksums.type_allowed(algorithm, kind):
        raise invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return algorithm, kind


def check_number(number: int) -> None:
    """Raise InvalidArgument for a number that no part can have."""
    if not 1 <= number <= MAX_PARTS:
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive"
        raise invalid_argument(message, "partNumber", str(number))


def find(ctx: Context, bucket: Bucket, req: Json) -> Json:
    """The upload that a request names. Raises AwsError NoSuchUpload."""
    reader = ctx.reader
    record = uploads.find(reader, bucket, req["Key"], req["UploadId"])
    if record is None:
        raise no_such_upload(req["UploadId"])
    return record


@operation(data=True)
async def upload_part(ctx: Context, req: Json) -> Json:
    """See UploadPart."""
    check_number(req["PartNumber"])
    rules.refuse(req)
    wanted = checksums.expected(req, sent_headers(ctx, req))
    bucket = reach.bucket(ctx.reader, ctx.account, req)
    record = find(ctx, bucket, req)
    algorithm = record.get("algorithm")
    given = wanted.algorithm if wanted is not None else None
    if algorithm is not None and given != algorithm and (given is not None or record["type"] == "COMPOSITE"):
        sent = given.lower() if given is not None else "null"
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {algorithm.lower()}, actual checksum Type: {sent}"
        )
    part = await receive_part(ctx, req, algorithm, wanted)
    out = {"ETag": etag.quoted(part["etag"]), "ServerSideEncryption": ENCRYPTION}
    if wanted is not None or algorithm is not None:
        out[f"Checksum{part['sum'][0]}"] = part["sum"][1]
    return out


async def receive_part(ctx: Context, req: Json, algorithm: str | None, wanted: Expected | None) -> Json:
    """Read a part's bytes into a blob and commit it; returns the part's record."""
    named = wanted or (Expected(algorithm, None) if algorithm is not None else None)
    got = await take(ctx, req, named, rows=False)
    assert got.blob is not None
    kind = named.algorithm if named is not None else checksums.DEFAULT
    part = {"blob": got.blob.id, "size": got.size, "etag": got.md5, "sum": [kind, got.checksum]}
    try:
        return ctx.transact(partial(_store_part, req=req, part=part))
    except BaseException:
        await got.blob.abort()
        raise


def _store_part(ctx: Context, req: Json, part: Json) -> Json:
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    if uploads.find(ctx.tx, bucket, req["Key"], req["UploadId"]) is None:
        raise no_such_upload(req["UploadId"])
    part = {**part, "time": int(ctx.now)}
    ctx.machine.blobs.adopt(ctx.tx, part["blob"])
    uploads.put_part(ctx, bucket, req["UploadId"], req["PartNumber"], part)
    return part


@operation(data=True)
def abort_multipart_upload(ctx: Context, req: Json) -> Json:
    """See AbortMultipartUpload."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    upload = req["UploadId"]
    if uploads.find(ctx.tx, bucket, req["Key"], upload) is None:
        raise no_such_upload(upload)
    uploads.forget(ctx.tx, bucket, req["Key"], upload)
    if uploads.drop_parts(ctx, bucket, upload):
        ctx.schedule("s3.drop_upload", {"bucket": bucket.place, "upload": upload}, ctx.now)
    return {}
