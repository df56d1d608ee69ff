"""GetObjectAttributes: what is known of an object without its headers."""

from __future__ import annotations

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import reach
from ..errors import invalid_argument
from ..state import objects
from ..state.buckets import Bucket
from .objects import refuse_customer_key as refuserefuse_customer_key

KNOWN = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})
MAX_PARTS = 1000


@operation(data=True)
def get_object_attributes(ctx: Context, req: Json) -> Json:
    """See GetObjectAttributes."""
    asked = set(req.get("ObjectAttributes") or ())
    if not asked or not asked <= KNOWN:
        message = "Invalid attribute name specified."
        raise invalid_argument(message, "x-amz-object-attributes", ",".join(sorted(asked - KNOWN)))
    refuserefuse_customer_key(req)
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    record = reach.current(ctx.tx, bucket, req["Key"], req.get("VersionId"))
    out: Json = {"LastModified": record["time"]}
    if "ETag" in asked:
        out["ETag"] = record["etag"]
    if "StorageClass" in asked:
        out["StorageClass"] = record.get("class", "STANDARD")
    if "ObjectSize" in asked:
        out["ObjectSize"] = record["size"]
    if "Checksum" in asked and "sum" in record:
        name, value = record["sum"]
        out["Checksum"] = {
            f"Checksum{name}": value.partition("-")[0],
            "ChecksumType": record.get("type", "FULL_OBJECT"),
        }
    if "ObjectParts" in asked and "parts" in record:
        out["ObjectParts"] = _parts(ctx, bucket, req, record)
    return out


def _parts(ctx: Context, bucket: Bucket, req: Json, record: Json) -> Json:
    """The parts, where S3 lists them: those of a composite checksum; else only their number."""
    total = record["parts"]
    if record.get("type") != "COMPOSITE":
        return {"TotalPartsCount": total}
    after, limit = req.get("PartNumberMarker", 0), min(req.get("MaxParts", MAX_PARTS), MAX_PARTS)
    last = min(after + limit, total)
    shown = []
    for ordinal in range(after // objects.CHUNK, -(-last // objects.CHUNK)):
        chunk = objects.read_chunk(ctx.tx, bucket, record["data"], ordinal)
        if chunk is None:
            raise AwsError("InternalError", "We encountered an internal error. Please try again.", 500)
        for number, extent in enumerate(chunk, ordinal * objects.CHUNK + 1):
            if after < number <= last:
                shown.append({"PartNumber": number, "Size": extent[0], f"Checksum{record['sum'][0]}": extent[2]})
    return {
        "TotalPartsCount": total,
        "PartNumberMarker": after,
        "NextPartNumberMarker": last,
        "MaxParts": limit,
        "IsTruncated": last < total,
        "Parts": shown,
    }
