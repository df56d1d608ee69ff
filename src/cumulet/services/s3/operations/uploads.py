"""Listings of multipart uploads and of their parts."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation
from cumulet.store import keys, records

from .. import reach
from ..engine import etag, listing
from ..errors import invalid_argument, no_such_upload
from ..state import uploads
from ..state.buckets import Bucket
from .listing import MAX_KEYS, encode_members, fetcher, is_url, limit_of


@operation(data=True)
def list_parts(ctx: Context, req: Json) -> Json:
    """See ListParts."""
    limit = limit_of(req, "MaxParts", "max-parts")
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    key, upload = req["Key"], req["UploadId"]
    record = uploads.find(ctx.tx, bucket, key, upload)
    if record is None:
        raise no_such_upload(upload)
    after = req.get("PartNumberMarker", 0)
    if after < 0:
        message = "Argument part-number-marker must be an integer between 0 and 2147483647"
        raise invalid_argument(message, "part-number-marker", str(after))
    page = uploads.parts(ctx.tx, bucket, upload, after, limit + 1)
    shown = page[:limit]
    out: Json = {
        "Bucket": bucket.name,
        "Key": key,
        "UploadId": upload,
        "PartNumberMarker": after,
        "NextPartNumberMarker": shown[-1][0] if shown else 0,
        "MaxParts": limit,
        "IsTruncated": len(page) > limit,
        "Parts": [_part(number, part, record) for number, part in shown],
        "Initiator": {"ID": record["initiator"]},
        "Owner": reach.owner(bucket.account),
        "StorageClass": record.get("class", "STANDARD"),
    }
    if "algorithm" in record:
        out["ChecksumAlgorithm"], out["ChecksumType"] = record["algorithm"], record["type"]
    return out


def _part(number: int, part: Json, upload: Json) -> Json:
    out = {"PartNumber": number, "LastModified": part["time"], "ETag": etag.quoted(part["etag"]), "Size": part["size"]}
    if "algorithm" in upload:
        out[f"Checksum{part['sum'][0]}"] = part["sum"][1]
    return out


@operation(data=True)
def list_multipart_uploads(ctx: Context, req: Json) -> Generator[None, None, Json]:
    """See ListMultipartUploads."""
    limit = limit_of(req, "MaxUploads", "max-uploads") or MAX_KEYS
    url = is_url(req)
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    marker, upload_marker = req.get("KeyMarker", ""), req.get("UploadIdMarker", "") if req.get("KeyMarker") else ""
    position = keys.pack(marker, upload_marker) + b"\x00" if upload_marker else _after_key(marker, prefix, delimiter)
    walk = listing.walk(fetcher(ctx.tx, bucket.uploads), prefix, delimiter, position, limit)
    found = yield from walk
    shown = [_upload(bucket, at, records.decode(raw), url=url) for _, at, raw in found.items]
    out: Json = {
        "Bucket": bucket.name,
        "KeyMarker": marker,
        "UploadIdMarker": upload_marker,
        "Prefix": prefix,
        "MaxUploads": limit,
        "IsTruncated": found.position is not None,
        "Uploads": shown,
    }
    if delimiter:
        out["Delimiter"] = delimiter
    if found.prefixes:
        out["CommonPrefixes"] = [{"Prefix": one} for one in found.prefixes]
    if found.position is not None:
        out["NextKeyMarker"] = found.last
        ended_in_prefix = bool(found.prefixes) and found.prefixes[-1] == found.last
        out["NextUploadIdMarker"] = "" if ended_in_prefix else shown[-1]["UploadId"]
    if url:
        encode_members(out, ("Prefix", "Delimiter", "KeyMarker", "NextKeyMarker"))
    return out


def _after_key(marker: str, prefix: str, delimiter: str) -> bytes:
    """Behind every upload of the key `marker`."""
    if not marker:
        return b""
    if marker.startswith(prefix) and listing.rolled(marker, prefix, delimiter) == marker:
        return listing.start(marker, prefix, delimiter)
    return keys.pack(marker) + b"\xff"


def _upload(bucket: Bucket, at: bytes, record: Any, *, url: bool) -> Json:
    key, upload = keys.unpack(at)
    entry = {
        "Key": listing.url(str(key)) if url else str(key),
        "UploadId": str(upload),
        "Initiated": record["initiated"],
        "StorageClass": record.get("class", "STANDARD"),
        "Owner": reach.owner(bucket.account),
        "Initiator": {"ID": record["initiator"]},
    }
    if "algorithm" in record:
        entry["ChecksumAlgorithm"], entry["ChecksumType"] = record["algorithm"], record["type"]
    return entry
