"""References to blobs: whatever happens to objects and uploads, every byte is found while it is wanted, and let go after."""

from __future__ import annotations

import asyncio
import gc
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from cumulet.base.context import root
from cumulet.base.errors import AwsError
from cumulet.base.messages import BodyBroken, StreamBody
from cumulet.config import Settings
from cumulet.kernel.context import Context
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.machine import Machine
from cumulet.kernel.registry import Registry
from cumulet.services.s3 import jobs
from cumulet.services.s3 import service as s3_service
from cumulet.services.s3.operations import completing
from cumulet.store import memory

ACCOUNT = "123456789012"


class Ledger:
    """A Blobs that keeps count of references and of writers that are still open."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.references: Counter[str] = Counter()
        self.writing: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def create(self) -> Any:
        writer = self.inner.create()
        self.writing.add(writer.id)
        abort = writer.abort

        async def aborted() -> None:
            self.writing.discard(writer.id)
            await abort()

        try:
            writer.abort = aborted
        except AttributeError:
            return _Writer(writer, aborted)
        return writer

    def adopt(self, tx: Any, blob: str) -> None:
        self.inner.adopt(tx, blob)
        self.writing.discard(blob)
        self.references[blob] += 1

    def link(self, tx: Any, blob: str) -> None:
        self.inner.link(tx, blob)
        self.references[blob] += 1

    def release(self, tx: Any, blob: str) -> None:
        self.inner.release(tx, blob)
        self.references[blob] -= 1

    @property
    def total(self) -> int:
        assert all(count >= 0 for count in self.references.values())
        return sum(self.references.values())


class _Writer:
    """A BlobWriter whose `abort` is another."""

    def __init__(self, inner: Any, abort: Any) -> None:
        self.inner = inner
        self.abort = abort

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


Scenario = Callable[[Context, Ledger], Coroutine[Any, Any, None]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scenario], None]:
    """Run a scenario on a kernel of its own, where parts may be small and readers are waited for but briefly."""
    monkeypatch.setattr(completing, "MIN_PART", 1)
    monkeypatch.setattr(jobs, "READING", 0.01)

    async def main(scenario: Scenario) -> None:
        kv, blobs = memory.open()
        ledger: Any = Ledger(blobs)

        def no_functions(machine: Machine) -> Any:
            raise AssertionError("nobody runs functions here")

        machine = Machine(Settings(ephemeral=True), kv, ledger, no_functions)
        kernel = Kernel(machine, Registry(["s3"], lambda _: s3_service))
        await kernel.start()
        try:
            ctx = Context(kernel, "s3", root(ACCOUNT), ACCOUNT, "us-east-1", "0123456789ABCDEF")
            await ctx.acall("s3", "CreateBucket", {"Bucket": "box"})
            await scenario(ctx, ledger)
        finally:
            await kernel.close(1.0)

    return lambda scenario: asyncio.run(main(scenario))


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.002)
    raise AssertionError("it never came true")


async def upload(
    ctx: Context, key: str, numbers: range, size: int = 7
) -> tuple[dict[str, Any], list[dict[str, Any]], bytes]:
    """Begin an upload and send parts: its names, what completing wants, and the bytes."""
    names: dict[str, Any] = {"Bucket": "box", "Key": key}
    names["UploadId"] = (await ctx.acall("s3", "CreateMultipartUpload", dict(names)))["UploadId"]
    parts, whole = [], b""
    for number in numbers:
        data = random.Random(number).randbytes(size)
        done = await ctx.acall("s3", "UploadPart", {**names, "PartNumber": number, "Body": data})
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
        whole += data
    return names, parts, whole


async def read(ctx: Context, key: str, **more: Any) -> bytes:
    body = (await ctx.acall("s3", "GetObject", {"Bucket": "box", "Key": key, **more}))["Body"]
    return body if isinstance(body, bytes) else bytes(await body.read())


def test_an_object_of_many_parts(run: Callable[[Scenario], None]) -> None:
    async def scenario(ctx: Context, ledger: Ledger) -> None:
        names, parts, whole = await upload(ctx, "k", range(1, 1202))
        used = [part for part in parts if part["PartNumber"] % 2]
        whole = b"".join(whole[7 * n : 7 * n + 7] for n in range(0, 1201, 2))
        await ctx.acall("s3", "CompleteMultipartUpload", {**names, "MultipartUpload": {"Parts": used}})
        await until(lambda: ledger.total == 601)
        assert await read(ctx, "k") == whole
        for begin, end in ((0, 0), (249 * 7, 251 * 7), (250 * 7, 250 * 7), (499 * 7 + 3, 601 * 7 - 1), (10, 4100)):
            assert await read(ctx, "k", Range=f"bytes={begin}-{end}") == whole[begin : end + 1]
        for number in (1, 250, 251, 500, 501, 601):
            assert await read(ctx, "k", PartNumber=number) == whole[7 * number - 7 : 7 * number]
        await ctx.acall("s3", "CopyObject", {"Bucket": "box", "Key": "copy", "CopySource": "box/k"})
        assert ledger.total == 1202
        await ctx.acall("s3", "DeleteObject", {"Bucket": "box", "Key": "k"})
        await until(lambda: ledger.total == 601)
        assert await read(ctx, "copy") == whole
        same = {"Bucket": "box", "Key": "copy", "CopySource": "box/copy", "MetadataDirective": "REPLACE"}
        await ctx.acall("s3", "CopyObject", same)
        assert await read(ctx, "copy") == whole
        await until(lambda: ledger.total == 601)
        await ctx.acall("s3", "PutObject", {"Bucket": "box", "Key": "copy", "Body": b"small"})
        await until(lambda: ledger.total == 0)

    run(scenario)


def test_a_running_read_sees_the_object_to_its_end(run: Callable[[Scenario], None]) -> None:
    async def scenario(ctx: Context, ledger: Ledger) -> None:
        for count in (3, 600):
            names, parts, whole = await upload(ctx, "k", range(1, count + 1))
            await ctx.acall("s3", "CompleteMultipartUpload", {**names, "MultipartUpload": {"Parts": parts}})
            never_read = (await ctx.acall("s3", "GetObject", {"Bucket": "box", "Key": "k"}))["Body"]
            body = (await ctx.acall("s3", "GetObject", {"Bucket": "box", "Key": "k"}))["Body"]
            pieces = aiter(body)
            got = await anext(pieces)
            await ctx.acall("s3", "DeleteObject", {"Bucket": "box", "Key": "k"})
            with pytest.raises(AwsError, match="NoSuchKey"):
                await read(ctx, "k")
            await asyncio.sleep(0.05)
            async for piece in pieces:
                got += piece
            assert got == whole
            assert ledger.total == count
            del body, pieces, never_read
            gc.collect()
            await until(lambda: ledger.total == 0)

    run(scenario)


def test_uploads_that_end_without_an_object(run: Callable[[Scenario], None]) -> None:
    async def scenario(ctx: Context, ledger: Ledger) -> None:
        names, _, _ = await upload(ctx, "k", range(1, 600))
        await upload(ctx, "k", range(1, 300))
        await upload(ctx, "other", range(1, 4))
        await ctx.acall("s3", "UploadPart", {**names, "PartNumber": 1, "Body": b"again"})
        assert ledger.total == 599 + 299 + 3
        await ctx.acall("s3", "AbortMultipartUpload", names)
        await until(lambda: ledger.total == 302)
        await ctx.acall("s3", "DeleteBucket", {"Bucket": "box"})
        await until(lambda: ledger.total == 0)

    run(scenario)


def test_a_part_that_changes_while_its_upload_completes(run: Callable[[Scenario], None]) -> None:
    async def scenario(ctx: Context, ledger: Ledger) -> None:
        names, parts, _ = await upload(ctx, "k", range(1, 301))
        done = asyncio.create_task(
            ctx.acall("s3", "CompleteMultipartUpload", {**names, "MultipartUpload": {"Parts": parts}})
        )
        await asyncio.sleep(0)
        await ctx.acall("s3", "UploadPart", {**names, "PartNumber": 1, "Body": b"new"})
        with pytest.raises(AwsError, match="InvalidPart"):
            await done
        assert ledger.total == 300

    run(scenario)


@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_a_body_that_breaks_leaves_nothing(run: Callable[[Scenario], None], size: int) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * (size // 10)
        raise BodyBroken("gone")

    async def scenario(ctx: Context, ledger: Ledger) -> None:
        put = {"Bucket": "box", "Key": "k"}
        with pytest.raises(BodyBroken):
            await ctx.acall("s3", "PutObject", {**put, "Body": StreamBody(breaking(), size + 1)})
        names, _, _ = await upload(ctx, "k", range(1, 1))
        with pytest.raises(BodyBroken):
            await ctx.acall("s3", "UploadPart", {**names, "PartNumber": 1, "Body": StreamBody(breaking(), size + 1)})
        for wrong in ({"ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, {"ChecksumCRC32": "AAAAAA=="}):
            with pytest.raises(AwsError, match="BadDigest"):
                await ctx.acall("s3", "PutObject", {**put, "Body": b"x" * size, **wrong})
        assert not ledger.writing
        assert ledger.total == 0
        with pytest.raises(AwsError, match="NoSuchKey"):
            await read(ctx, "k")

    run(scenario)


def test_a_bucket_deleted_under_an_upload(run: Callable[[Scenario], None]) -> None:
    async def scenario(ctx: Context, ledger: Ledger) -> None:
        async def slow() -> AsyncIterator[bytes]:
            yield b"x" * 200_000
            await ctx.acall("s3", "DeleteBucket", {"Bucket": "box"})
            yield b"x"

        with pytest.raises(AwsError, match="NoSuchBucket"):
            await ctx.acall("s3", "PutObject", {"Bucket": "box", "Key": "k", "Body": StreamBody(slow(), 200_001)})
        assert not ledger.writing
        assert ledger.total == 0

    run(scenario)
