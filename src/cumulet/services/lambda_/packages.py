"""Code packages: a zip file arrives, is checked and unpacked, and lives as a blob that its directory can be rebuilt from.

Directories are named by the zip's SHA-256 and are a cache: they may go at any time but while a function runs from them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cumulet.base.errors import AwsError, StoreError
from cumulet.base.ids import hexid
from cumulet.base.messages import BodyTooLarge
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.machine import Machine
from cumulet.run.functions import BadArchive, unpack

from . import errors, rules, state
from .state import Package

SWEEP_AFTER = 1200.0
"""Seconds that an unused directory stays: longer than any invocation that still runs from it."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A package that was checked and unpacked and that nothing refers to yet."""

    package: Package
    blob: str


def root(machine: Machine) -> Path:
    """Where packages are unpacked: beside what else workers are shown."""
    return machine.functions.root / "code"


def clean(machine: Machine) -> None:
    """Remove the directories that an earlier process left and nobody holds. For the start of the service, inside a running loop."""
    if machine.settings.ephemeral:
        return
    place = machine.settings.directory / "functions" / "code"
    reader = machine.kv.begin()
    found = [Path(entry.path) for entry in os.scandir(place)] if place.is_dir() else []
    unused = [path for path in found if path.name.startswith(".") or state.package_blob(reader, path.name) is None]
    # Renamed before anybody can find them; removed when there is time.
    doomed = [path.rename(path.with_name(f".{hexid(8)}")) for path in unused]
    if doomed:
        asyncio.get_running_loop().run_in_executor(None, _remove, doomed)


def _remove(directories: list[Path]) -> None:
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)


def directory(machine: Machine, package: Package) -> Path:
    """The directory of an unpacked package, there or not."""
    return root(machine) / package.digest


def sha256(package: Package) -> str:
    """The digest as AWS prints it in CodeSha256."""
    return base64.b64encode(bytes.fromhex(package.digest)).decode()


@asynccontextmanager
async def receive(ctx: Context, source: Json) -> AsyncIterator[Upload]:
    """Fetch, check, unpack and store a zip file. Within the block, a transaction may `hold` it; what is not held goes. Raises AwsError."""
    data = source.get("ZipFile")
    if data is None:
        data = await _fetch(ctx, source)
    package = await ctx.offload(_unpack, data, root(ctx.machine))
    writer = ctx.machine.blobs.create()
    try:
        await writer.write(data)
        await writer.finish()
        yield Upload(package, writer.id)
    finally:
        # Where the blob has been adopted there is no intent left to abort.
        await writer.abort()


async def _fetch(ctx: Context, source: Json) -> bytes:
    wanted = {"Bucket": source["S3Bucket"], "Key": source["S3Key"]}
    if source.get("S3ObjectVersion"):
        wanted["VersionId"] = source["S3ObjectVersion"]
    try:
        found = await ctx.acall("s3", "GetObject", wanted)
    except AwsError as err:
        raise errors.invalid(
            f"Error occurred while GetObject. S3 Error Code: {err.code}. S3 Error Message: {err.message}"
        ) from err
    body = found["Body"]
    try:
        data: bytes = body if isinstance(body, bytes) else await body.read(rules.MAX_UNZIPPED)
    except BodyTooLarge as err:
        raise _too_large() from err
    return data


def _unpack(data: bytes, into: Path) -> Package:
    package = measure(data)
    target = into / package.digest
    if target.is_dir():
        return package
    try:
        unpack(data, target)
    except BadArchive as err:
        raise errors.invalid(str(err)) from err
    except OSError as err:
        message = f"The code cannot be unpacked: {err.strerror}"
        raise AwsError("ServiceException", message, 500, members={"Type": "Service"}) from err
    return package


def measure(data: bytes) -> Package:
    """What a zip file says of itself. Raises AwsError for one that is none, is empty or is too large unzipped."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as err:
        raise _unreadable() from err
    if not members:
        raise errors.invalid("Uploaded file must be a non-empty zip")
    unzipped = sum(member.file_size for member in members)
    if unzipped > rules.MAX_UNZIPPED:
        raise _too_large()
    return Package(hashlib.sha256(data).hexdigest(), len(data), unzipped)


def _unreadable() -> AwsError:
    return errors.invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")


def _too_large() -> AwsError:
    return errors.invalid(f"Unzipped size must be smaller than {rules.MAX_UNZIPPED} bytes")


async def ensure(ctx: Context, package: Package) -> None:
    """Have the package's directory there, rebuilt from its blob where it is missing. Raises StoreError, OSError."""
    if directory(ctx.machine, package).is_dir():
        return
    blob = state.package_blob(ctx.machine.kv.begin(), package.digest)
    if blob is None:
        raise StoreError(f"the code package {package.digest} is gone")
    await ctx.offload(_unpack, await _read(ctx.machine, blob), root(ctx.machine))


async def _read(machine: Machine, blob: str) -> bytes:
    reader = machine.blobs.open(blob)
    try:
        return b"".join([chunk async for chunk in reader.chunks(0, reader.size)])
    finally:
        reader.close()


# within a transaction


def hold(ctx: Context, upload: Upload) -> None:
    """One reference to a package that has just been received."""
    if state.hold(ctx.tx, upload.package.digest, upload.blob):
        ctx.machine.blobs.adopt(ctx.tx, upload.blob)


def hold_again(ctx: Context, package: Package) -> None:
    """One more reference to a package that somebody holds."""
    state.hold(ctx.tx, package.digest)


def drop(ctx: Context, package: Package) -> None:
    """One reference less; blob and directory go some time after the last one."""
    blob = state.drop(ctx.tx, package.digest)
    if blob is not None:
        ctx.machine.blobs.release(ctx.tx, blob)
        ctx.schedule(
            "lambda.sweep", {"digest": package.digest}, ctx.now + SWEEP_AFTER, job_id=f"lambda-sweep-{package.digest}"
        )


async def sweep(ctx: Context, digest: str) -> None:
    """Remove the directory of a package unless somebody holds it again."""
    unused = root(ctx.machine) / digest
    if state.package_blob(ctx.machine.kv.begin(), digest) is None and unused.is_dir():
        doomed = unused.with_name(f".{hexid(8)}")
        unused.rename(doomed)
        await ctx.offload(shutil.rmtree, doomed, ignore_errors=True)
