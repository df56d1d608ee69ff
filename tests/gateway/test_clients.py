"""Real clients: botocore, urllib3, the standard library and curl, as people have them."""

from __future__ import annotations

import asyncio
import hashlib
import http.client
import io
import subprocess
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from cumulet.base.messages import Request, Response
from cumulet.gateway import body

MIB = 1024 * 1024


class Shelf:
    """Enough of S3's PutObject and GetObject to talk to its clients."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.trailers: dict[str, str] = {}
        self.continued = 0

    async def __call__(self, request: Request) -> Response:
        if request.path.startswith("/denied"):
            return Response(403, [("Content-Type", "application/xml")], b"<Error><Code>AccessDenied</Code></Error>")
        if request.method == "PUT":
            self.continued += "expect" in request.headers
            content: Any = request.body
            if request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
                content = body.decode(request, None)
            data = self.objects[request.path] = await content.read()
            self.trailers = getattr(content, "trailers", {})
            return Response(200, [("ETag", f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"')])
        data = self.objects[request.path]
        if request.method == "HEAD":
            return Response(200, [("Content-Length", str(len(data)))])
        return Response(200, [("ETag", '"x"')], data)


def client(port: int, **config: Any) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=10, **config),
    )


@pytest.mark.parametrize("size", [0, 5, 3 * MIB])
async def test_boto3_puts_and_gets(size: int, serving: Any) -> None:
    shelf = Shelf()
    data = bytes(range(250)) * (size // 250)
    async with serving(shelf) as server:
        s3 = client(server.port)

        def work() -> None:
            # bytes: signed digest and Expect; a file: aws-chunked with a trailing checksum.
            for content in (data, io.BytesIO(data)):
                s3.put_object(Bucket="b", Key="a/b c+d", Body=content)
                assert s3.get_object(Bucket="b", Key="a/b c+d")["Body"].read() == data
                assert s3.head_object(Bucket="b", Key="a/b c+d")["ContentLength"] == len(data)

        await asyncio.to_thread(work)
        assert list(shelf.objects) == ["/b/a/b%20c%2Bd"]
        assert shelf.continued == 2
        s3.close()


async def test_boto3_is_refused_before_it_sends(serving: Any) -> None:
    async with serving(Shelf()) as server:
        s3 = client(server.port)

        def work() -> None:
            for _ in range(3):
                with pytest.raises(ClientError, match="AccessDenied"):
                    s3.put_object(Bucket="denied", Key="k", Body=bytes(5 * MIB))

        await asyncio.to_thread(work)
        s3.close()


async def test_boto3_sends_trailing_checksums(serving: Any) -> None:
    shelf = Shelf()
    async with serving(shelf) as server:
        s3 = client(server.port)

        def work() -> None:
            s3.put_object(Bucket="b", Key="k", Body=io.BytesIO(b"x" * MIB), ChecksumAlgorithm="CRC32")

        await asyncio.to_thread(work)
        assert shelf.objects["/b/k"] == b"x" * MIB
        s3.close()


async def test_urllib3_sends_chunks_and_sees_early_answers(serving: Any) -> None:
    shelf = Shelf()
    async with serving(shelf) as server:
        pool = urllib3.HTTPConnectionPool("127.0.0.1", server.port, maxsize=1)

        def work() -> None:
            pieces = [b"x" * n for n in (1, 100_000, 3_000_000)]
            assert pool.request("PUT", "/k", body=iter(pieces), retries=False).status == 200
            assert pool.request("GET", "/k").data == b"".join(pieces)
            # No Expect: it sends all of it, and must still see the answer.
            assert pool.request("PUT", "/denied", body=bytes(8 * MIB), retries=False).status == 403
            assert pool.request("GET", "/k").status == 200

        await asyncio.to_thread(work)
        pool.close()


async def test_http_client(serving: Any) -> None:
    async with serving(Shelf()) as server:

        def work() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            for size in (0, 10, 2 * MIB):
                connection.request("PUT", "/k", body=bytes(size))
                assert connection.getresponse().read() == b""
                connection.request("GET", "/k")
                assert len(connection.getresponse().read()) == size
            connection.close()

        await asyncio.to_thread(work)


async def test_curl(serving: Any, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    await asyncio.to_thread(source.write_bytes, bytes(3 * MIB) + b"end")
    shelf = Shelf()
    async with serving(shelf) as server:

        async def curl(*arguments: str) -> str:
            command = ("curl", "-sS", "--max-time", "10", "-w", "%{http_code} %{num_connects}\n", *arguments)
            process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
            out, _ = await process.communicate()
            assert process.returncode == 0
            return out.decode()

        base = f"http://localhost:{server.port}"
        assert await curl("-T", str(source), f"{base}/k") == "200 1\n"
        assert shelf.continued == 1
        assert await curl("-T", str(source), "-H", "Transfer-Encoding: chunked", f"{base}/ü") == "200 1\n"
        assert await curl("-o", str(target), f"{base}/%c3%bc", "-o", str(target), f"{base}/k") == "200 1\n200 0\n"
        assert await asyncio.to_thread(target.read_bytes) == shelf.objects["/k"]
        assert await curl("-0", "-o", str(target), f"{base}/k") == "200 1\n"
        assert (await curl("-I", f"{base}/k")).startswith("HTTP/1.1 200 OK")
        assert await curl("--http2", "-o", str(target), f"{base}/k") == "200 1\n"
