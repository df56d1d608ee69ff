"""Listings of objects, both versions of the call."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from cumulet.base import paging
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation
from cumulet.store import records
from cumulet.store.api import Reader

from .. import reach
from ..engine import listing
from ..engine.listing import Found
from ..errors import invalid_argument
from ..state.buckets import Bucket

MAX_KEYS = 1000
DECODED_AT_ONCE = 256


def fetcher(reader: Reader, space: bytes) -> listing.Fetch:
    """Reads of a space of the store, by positions within it."""
    cut = len(space)

    def fetch(lo: bytes, hi: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        return [(key[cut:], value) for key, value in reader.range(space + lo, space + hi, limit)]

    return fetch


def limit_of(req: Json, name: str, argument: str) -> int:
    """A page's size: at most 1000. Raises AwsError InvalidArgument for a negative one."""
    wanted: int = req.get(name, MAX_KEYS)
    if not 0 <= wanted < 2**31:
        message = f"Argument {argument} must be an integer between 0 and 2147483647"
        raise invalid_argument(message, argument, str(wanted))
    return min(wanted, MAX_KEYS)


def is_url(req: Json) -> bool:
    """Whether names are to be written percent-encoded. Raises AwsError InvalidArgument."""
    kind = req.get("EncodingType")
    if kind not in (None, "", "url"):
        raise invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", kind)
    return kind == "url"


def encode_members(out: Json, names: tuple[str, ...]) -> None:
    """Percent-encode members of a listing, common prefixes included, and say so."""
    for name in names:
        if out.get(name):
            out[name] = listing.url(out[name])
    for entry in out.get("CommonPrefixes", ()):
        entry["Prefix"] = listing.url(entry["Prefix"])
    out["EncodingType"] = "url"


def _contents(found: Found, owner: Json | None, *, url: bool) -> Generator[None, None, list[Json]]:
    contents = []
    for number, (name, _, raw) in enumerate(found.items, 1):
        record: Any = records.decode(raw)
        entry: Json = {
            "Key": listing.url(name) if url else name,
            "LastModified": record["time"],
            "ETag": f'"{record["etag"]}"',
            "Size": record["size"],
            "StorageClass": record.get("class", "STANDARD"),
        }
        if "sum" in record:
            entry["ChecksumAlgorithm"] = [record["sum"][0]]
            entry["ChecksumType"] = record.get("type", "FULL_OBJECT")
        if owner is not None:
            entry["Owner"] = owner
        contents.append(entry)
        if not number % DECODED_AT_ONCE:
            yield
    return contents


def _page(
    ctx: Context, bucket: Bucket, req: Json, position: bytes, owner: Json | None
) -> Generator[None, None, tuple[Json, Found]]:
    limit = limit_of(req, "MaxKeys", "maxKeys")
    url = is_url(req)
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    found = yield from listing.walk(fetcher(ctx.tx, bucket.objects), prefix, delimiter, position, limit)
    contents = yield from _contents(found, owner, url=url)
    out: Json = {
        "Name": bucket.name,
        "Prefix": prefix,
        "MaxKeys": limit,
        "IsTruncated": found.position is not None,
    }
    if contents:
        out["Contents"] = contents
    if found.prefixes:
        out["CommonPrefixes"] = [{"Prefix": one} for one in found.prefixes]
    if delimiter:
        out["Delimiter"] = delimiter
    return out, found


@operation(data=True)
def list_objects_v2(ctx: Context, req: Json) -> Generator[None, None, Json]:
    """See ListObjectsV2."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    after = req.get("StartAfter", "")
    token = req.get("ContinuationToken")
    if token is None:
        position = listing.start(after, req.get("Prefix", ""), req.get("Delimiter", ""))
    else:
        decoded = paging.decode(token)
        if decoded is None:
            raise invalid_argument("The continuation token provided is incorrect", "continuation-token", token)
        position = decoded
    owner = reach.owner(bucket.account) if req.get("FetchOwner") else None
    out, found = yield from _page(ctx, bucket, req, position, owner)
    out["KeyCount"] = len(found.items) + len(found.prefixes)
    if after:
        out["StartAfter"] = after
    if token is not None:
        out["ContinuationToken"] = token
    if found.position is not None:
        out["NextContinuationToken"] = paging.encode(found.position)
    if is_url(req):
        encode_members(out, ("Prefix", "Delimiter", "StartAfter"))
    return out


@operation(data=True)
def list_object_versions(ctx: Context, req: Json) -> Generator[None, None, Json]:
    """See ListObjectVersions. In a bucket that has never been versioned every object has one version, `null`."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    marker, delimiter = req.get("KeyMarker", ""), req.get("Delimiter", "")
    if req.get("VersionIdMarker") and not marker:
        message = "A version-id marker cannot be specified without a key marker."
        raise invalid_argument(message, "version-id-marker", req["VersionIdMarker"])
    position = listing.start(marker, req.get("Prefix", ""), delimiter)
    out, found = yield from _page(ctx, bucket, req, position, reach.owner(bucket.account))
    out["Versions"] = [{**one, "VersionId": "null", "IsLatest": True} for one in out.pop("Contents", ())]
    out["KeyMarker"], out["VersionIdMarker"] = marker, req.get("VersionIdMarker", "")
    if found.position is not None:
        out["NextKeyMarker"] = found.last
        if found.items and found.items[-1][0] == found.last:
            out["NextVersionIdMarker"] = "null"
    if is_url(req):
        encode_members(out, ("Prefix", "Delimiter", "KeyMarker", "NextKeyMarker"))
    return out


@operation(data=True)
def list_objects(ctx: Context, req: Json) -> Generator[None, None, Json]:
    """See ListObjects. NextMarker comes with a delimiter only, as in AWS."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    marker, delimiter = req.get("Marker", ""), req.get("Delimiter", "")
    position = listing.start(marker, req.get("Prefix", ""), delimiter)
    out, found = yield from _page(ctx, bucket, req, position, reach.owner(bucket.account))
    out["Marker"] = marker
    if found.position is not None and delimiter:
        out["NextMarker"] = found.last
    if is_url(req):
        encode_members(out, ("Prefix", "Delimiter", "Marker", "NextMarker"))
    return out
