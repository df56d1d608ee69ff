"""Completing a multipart upload: its parts become an object's extents, all at once, however many there are."""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import pairwise

from cumulet.base.errors import AwsError, Conflict
from cumulet.base.ids import hexid
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import reach
from ..engine import checksums, conditions, etag, listing
from ..errors import invalid_request, malformed_xml, no_such_upload
from ..events import announce
from ..state import objects, uploads
from ..state.buckets import Bucket
from ..state.objects import CHUNK, Extent
from .multipart import check_number
from .objects import ENCRYPTION

MIN_PART = 5 * 1024 * 1024
ATTEMPTS = 5
_INVALID_PART = (
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity "
    "tag may not match the part's entity tag."
)
_ORDER = "The list of parts was not in ascending order. The parts list must be specified in order by part number."


class _Plan:
    """What an upload's parts make: extents in order, the parts left over, and the object's tag, size and checksum."""

    def __init__(self) -> None:
        self.extents: list[Extent] = []
        self.unused: list[Extent] = []
        self.tags: list[str] = []
        self.sums: list[tuple[str, int]] = []
        self.algorithms: set[str] = set()
        self.size = 0

    def use(self, part: Json) -> None:
        algorithm, value = part["sum"]
        self.extents.append([part["size"], part["blob"], value])
        self.tags.append(part["etag"])
        self.sums.append((value, part["size"]))
        self.algorithms.add(algorithm)
        self.size += part["size"]


@operation(data=True)
async def complete_multipart_upload(ctx: Context, req: Json) -> Json:
    """See CompleteMultipartUpload. Parts are read a page at a time; the commit finds out whether one has changed since."""
    wanted = _wanted_parts(req)
    bucket = reach.bucket(ctx.reader, ctx.account, req)
    for _ in range(ATTEMPTS):
        reader = ctx.machine.kv.begin()
        upload = uploads.find(reader, bucket, req["Key"], req["UploadId"])
        if upload is None:
            return _completed_before(ctx, bucket, req)
        turn = uploads.turn(reader, bucket, req["UploadId"])
        plan = await _plan(ctx, bucket, req, upload, wanted)
        record = _record(req, upload, plan)
        if ctx.transact(partial(_commit, req=req, record=record, plan=plan, turn=turn)):
            return _completed(ctx, bucket, req, record)
    raise Conflict("the upload's parts keep changing")


def _wanted_parts(req: Json) -> list[Json]:
    """The request's list of parts. Raises AwsError MalformedXML, InvalidPartOrder."""
    wanted: list[Json] = (req.get("MultipartUpload") or {}).get("Parts") or []
    if not wanted or any("PartNumber" not in part or not part.get("ETag") for part in wanted):
        raise malformed_xml()
    for one in wanted:
        check_number(one["PartNumber"])
    if any(after["PartNumber"] <= before["PartNumber"] for before, after in pairwise(wanted)):
        raise AwsError("InvalidPartOrder", _ORDER, 400, members={"UploadId": req["UploadId"]})
    return wanted


async def _plan(ctx: Context, bucket: Bucket, req: Json, upload: Json, wanted: list[Json]) -> _Plan:
    plan = _Plan()
    position, after = 0, 0
    while True:
        page = uploads.parts(ctx.machine.kv.begin(), bucket, req["UploadId"], after, CHUNK)
        for number, part in page:
            asked = wanted[position] if position < len(wanted) else None
            if asked is None or number < asked["PartNumber"]:
                plan.unused.append([part["size"], part["blob"]])
                continue
            if number > asked["PartNumber"]:
                raise _invalid_part(req, asked)
            _check_part(req, upload, asked, part, last=position == len(wanted) - 1)
            plan.use(part)
            position += 1
        if len(page) < CHUNK:
            break
        after = page[-1][0]
        await asyncio.sleep(0)
    if position < len(wanted):
        raise _invalid_part(req, wanted[position])
    return plan


def _invalid_part(req: Json, asked: Json) -> AwsError:
    members = {
        "UploadId": req["UploadId"],
        "PartNumber": str(asked["PartNumber"]),
        "ETag": etag.bare(asked["ETag"]),
    }
    return AwsError("InvalidPart", _INVALID_PART, 400, members=members)


def _check_part(req: Json, upload: Json, asked: Json, part: Json, *, last: bool) -> None:
    if etag.bare(asked["ETag"]) != part["etag"]:
        raise _invalid_part(req, asked)
    algorithm, value = part["sum"]
    for member, name in checksums.MEMBERS.items():
        if member in asked and (name != algorithm or asked[member] != value):
            raise _invalid_part(req, asked)
    if upload.get("type") == "COMPOSITE" and f"Checksum{upload['algorithm']}" not in asked:
        raise invalid_request(
            f"The upload was created using a {upload['algorithm'].lower()} checksum. The complete request must include the "
            f"checksum for each part. It was missing for part {asked['PartNumber']} in the request."
        )
    if not last and part["size"] < MIN_PART:
        members = {
            "ProposedSize": str(part["size"]),
            "MinSizeAllowed": str(MIN_PART),
            "PartNumber": str(asked["PartNumber"]),
            "ETag": part["etag"],
        }
        message = "Your proposed upload is smaller than the minimum allowed size"
        raise AwsError("EntityTooSmall", message, 400, members=members)


def _record(req: Json, upload: Json, plan: _Plan) -> Json:
    """The object's record, its checksum compared with what the request says of the whole."""
    record: Json = {name: upload[name] for name in ("headers", "meta", "tags", "class") if name in upload}
    record["size"] = plan.size
    record["etag"] = etag.of_parts(plan.tags)
    record["parts"] = record["count"] = len(plan.tags)
    record["upload"] = req["UploadId"]
    record["data"] = hexid(8)
    algorithm = upload.get("algorithm") or checksums.DEFAULT
    kind = upload.get("type") or "FULL_OBJECT"
    if plan.algorithms == {algorithm}:
        if kind == "COMPOSITE":
            value = f"{checksums.composite(algorithm, [part for part, _ in plan.sums])}-{len(plan.sums)}"
        else:
            value = checksums.combine(algorithm, plan.sums)
        record["sum"], record["type"] = [algorithm, value], kind
    if req.get("ChecksumType") not in (None, kind):
        raise invalid_request(
            f"The upload was created using the {kind} checksum mode. The complete request must use the same checksum mode."
        )
    for member, name in checksums.MEMBERS.items():
        if member in req and (name != algorithm or record.get("sum", [None, None])[1] != req[member]):
            raise checksums.mismatch(name)
    if req.get("MpuObjectSize") not in (None, plan.size):
        raise invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {req['MpuObjectSize']} does not match what was computed: {plan.size}"
        )
    return record


def _commit(ctx: Context, req: Json, record: Json, plan: _Plan, turn: bytes | None) -> bool:
    """Make the object, unless a part has changed since the plan was made. Returns whether it did."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    key, upload = req["Key"], req["UploadId"]
    if uploads.turn(ctx.tx, bucket, upload) != turn or uploads.find(ctx.tx, bucket, key, upload) is None:
        return False
    old = objects.find(ctx.tx, bucket, key)
    conditions.check_write(req, key, old["etag"] if old is not None else None)
    record["time"] = int(ctx.now)
    record["chunks"] = objects.write_extents(ctx.tx, bucket, record["data"], plan.extents)
    if plan.unused:
        unused = hexid(8)
        objects.write_extents(ctx.tx, bucket, unused, plan.unused)
        ctx.schedule("s3.release", {"bucket": bucket.place, "data": unused}, ctx.now)
    uploads.clear_parts(ctx.tx, bucket, upload)
    uploads.forget(ctx.tx, bucket, key, upload)
    objects.put(ctx, bucket, key, old, record)
    announce(ctx, bucket, "ObjectCreated:CompleteMultipartUpload", key, record)
    return True


def _completed_before(ctx: Context, bucket: Bucket, req: Json) -> Json:
    """A client that never heard of its success may ask again."""
    record = objects.find(ctx.machine.kv.begin(), bucket, req["Key"])
    if record is None or record.get("upload") != req["UploadId"]:
        raise no_such_upload(req["UploadId"])
    return _completed(ctx, bucket, req, record)


def _completed(ctx: Context, bucket: Bucket, req: Json, record: Json) -> Json:
    out = {
        "Location": f"{ctx.machine.endpoint}/{bucket.name}/{listing.url(req['Key'])}",
        "Bucket": bucket.name,
        "Key": req["Key"],
        "ETag": etag.quoted(record["etag"]),
        "ServerSideEncryption": ENCRYPTION,
    }
    if "sum" in record:
        out[f"Checksum{record['sum'][0]}"] = record["sum"][1]
        out["ChecksumType"] = record["type"]
    return out
