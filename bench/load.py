"""A load generator: the same prepared request over and over on some keep-alive connections, and what it cost the server.

The request is signed once; a signature holds for fifteen minutes. The server's cost is the processor time of its process and
of all its descendants (function workers too), read from /proc. Small requests come from `wrk` where that is installed: a client
in Python takes as long as the server does, so that the server sleeps and is woken at every request, which it is charged for.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials

PATIENCE = 15.0
"""Seconds that a server may take for an answer before its case counts as failed."""
TICK = os.sysconf("SC_CLK_TCK")
WRK = shutil.which("wrk")
"""The load generator for small requests; None: the one in Python below."""


@dataclass
class Result:
    """`cpu_us`: the server's processor time per request. `p50_us`, `best_us`: wall time of a request as its client saw it."""

    requests: int
    seconds: float
    cpu_us: float
    p50_us: float
    best_us: float

    @property
    def per_second(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


ROOT = botocore.credentials.Credentials("test", "test")


def signed(
    method: str,
    url: str,
    service: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    credentials: botocore.credentials.Credentials = ROOT,
) -> bytes:
    """A whole HTTP/1.1 request, signed with the default key where no other is given."""
    request = botocore.awsrequest.AWSRequest(method, url, data=body, headers=headers or {})
    if headers and headers.get("x-amz-content-sha256") == "UNSIGNED-PAYLOAD":
        # Over plain HTTP botocore signs the payload whatever the header says.
        request.context["client_config"] = botocore.config.Config(s3={"payload_signing_enabled": False})
    kind = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
    kind(credentials, service, "us-east-1").add_auth(request)
    _, _, rest = url.partition("://")
    host, slash, target = rest.partition("/")
    lines = [f"{method} {slash}{target} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}"]
    lines += [
        f"{name}: {value}" for name, value in request.headers.items() if name.lower() not in ("host", "content-length")
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def descendants(pid: int) -> list[int]:
    """The process and everything below it."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                continue
    return found


def cpu_times(pid: int) -> dict[int, float]:
    """User and system seconds of a process and each living descendant, with those of their ended children."""
    found = {}
    for one in descendants(pid):
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[one] = sum(int(field) for field in fields[11:15]) / TICK
    return found


def cpu_since(pid: int, before: dict[int, float]) -> float:
    """Seconds spent since `before`; what ended in between counts for nothing."""
    return sum(seconds - before.get(one, 0.0) for one, seconds in cpu_times(pid).items())


def rss_mb(pid: int) -> float:
    """Resident memory of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def wrk(pid: int, url: str, request: bytes, *, clients: int, seconds: float) -> Result:
    """The same as `run`, by wrk: its histogram is too coarse for `best_us`, which is its least latency."""
    assert WRK is not None
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, target, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines if not line.startswith("Content-Length"))
    script = [f"wrk.method = {json.dumps(method)}", f"wrk.path = {json.dumps(target)}"]
    script += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    if body:
        script.append(f"wrk.body = {json.dumps(body.decode())}")
    script.append(
        "done = function(summary, latency) io.write(string.format("
        "'%d %d %d %d %d\\n', summary.requests, summary.duration, summary.errors.status, latency:percentile(50), latency.min)) end"
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write("\n".join(script))
        file.flush()
        command = [WRK, "-t1", f"-c{clients}", f"-d{max(1, round(seconds))}s", "-s", file.name, url]
        cpu = cpu_times(pid)
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        spent = cpu_since(pid, cpu)
    requests, duration, failed, p50, best = map(int, re.findall(r"\d+", said.strip().splitlines()[-1]))
    if failed:
        raise RuntimeError(f"the server answered {failed} requests with an error")
    return Result(requests, duration / 1e6, spent / requests * 1e6, p50, best)


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at >= 0:
        left = int(lower[at + 15 : lower.index(b"\r\n", at)])
        while left:
            left -= len(await reader.read(min(left, 1 << 20)))
    elif b"transfer-encoding: chunked" in lower:
        while (size := int((await reader.readline()).split(b";")[0], 16)) > 0:
            await reader.readexactly(size + 2)
        await reader.readline()
    return status


async def _client(port: int, request: bytes, until: float, times: list[float], limit: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        while time.perf_counter() < until and len(times) < limit:
            begun = time.perf_counter()
            status = await _one(reader, writer, request)
            if status >= 300:
                raise RuntimeError(f"the server answered {status}")
            times.append(time.perf_counter() - begun)
    finally:
        writer.close()


def run(pid: int, port: int, request: bytes, *, clients: int, seconds: float, limit: int = 10**9) -> Result:
    """Send `request` for `seconds` from `clients` connections, at most `limit` times in all."""
    times: list[float] = []

    async def everybody() -> None:
        until = time.perf_counter() + seconds
        everyone = asyncio.gather(*(_client(port, request, until, times, limit) for _ in range(clients)))
        try:
            await asyncio.wait_for(everyone, seconds + PATIENCE)
        except TimeoutError:
            raise RuntimeError(f"no answer for {PATIENCE:.0f} s") from None

    async def one() -> None:
        try:
            await asyncio.wait_for(_client(port, request, time.perf_counter() + 60, [], 1), PATIENCE)
        except TimeoutError:
            raise RuntimeError(f"no answer for {PATIENCE:.0f} s") from None

    asyncio.run(one())
    cpu, begun = cpu_times(pid), time.perf_counter()
    asyncio.run(everybody())
    spent, elapsed = cpu_since(pid, cpu), time.perf_counter() - begun
    ordered = sorted(times)
    return Result(len(times), elapsed, spent / len(times) * 1e6, ordered[len(times) // 2] * 1e6, ordered[0] * 1e6)
