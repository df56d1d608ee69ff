"""`make bench`: operations per second, processor time per request, and the ratio to moto's server in the same run.

Figures are of this machine, now; docs/performance.md keeps some. Nothing here asserts anything.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.credentials import Credentials

sys.path.insert(0, str(Path(__file__).parent))

import inside
import servers
from load import WRK, Result, cpu_since, cpu_times, rss_mb, run, signed, wrk

KB = b"x" * 1024
MB16 = b"x" * (16 << 20)
UNSIGNED = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "Content-Type": "application/octet-stream"}


def client(server: servers.Server, service: str) -> Any:
    """A boto3 client of the default account."""
    make: Any = boto3.client
    return make(
        service,
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
    )


def s3_cases(server: servers.Server, seconds: float, *, peer: bool = False) -> dict[str, Result]:
    """Put and get, small and large. A peer that answers a case with an error has no figure there."""
    s3 = client(server, "s3")
    s3.create_bucket(Bucket="bench")
    s3.put_object(Bucket="bench", Key="small", Body=KB)
    s3.put_object(Bucket="bench", Key="large", Body=MB16)
    url = f"{server.url}/bench"

    def few(request: bytes) -> Result:
        return small(server, request, 16, seconds)

    def large(request: bytes) -> Result:
        return run(server.pid, server.port, request, clients=2, seconds=seconds)

    found = {}
    for name, measure, request in (
        ("S3 PUT 1 KB", few, signed("PUT", f"{url}/small2", "s3", KB)),
        ("S3 GET 1 KB", few, signed("GET", f"{url}/small", "s3")),
        ("S3 PUT 16 MB", large, signed("PUT", f"{url}/large2", "s3", MB16, UNSIGNED)),
        ("S3 PUT 16 MB, signed", large, signed("PUT", f"{url}/large2", "s3", MB16)),
        ("S3 GET 16 MB", large, signed("GET", f"{url}/large", "s3")),
    ):
        try:
            found[name] = measure(request)
        except RuntimeError as err:
            if not peer:
                raise
            print(f"  {server.name}, {name}: {err}")
    return found


def role_case(server: servers.Server, seconds: float) -> Result:
    """The small get again, by a role with ten policies of four statements of which only the last one allows it."""
    iam, account = client(server, "iam"), "000000000000"
    who = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [who]})
    role = iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    for number in range(10):
        names = [f"other-{number}-{count}" for count in range(4)] if number < 9 else ["a", "b", "c", "bench"]
        statements = [{"Effect": "Allow", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::{name}/*"} for name in names]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName="reader", PolicyName=f"p{number}", PolicyDocument=document)
    given = client(server, "sts").assume_role(RoleArn=role, RoleSessionName="bench")["Credentials"]
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return small(server, signed("GET", f"{server.url}/bench/small", "s3", credentials=keys), 16, seconds)


def small(server: servers.Server, request: bytes, clients: int, seconds: float) -> Result:
    """Many small requests, by wrk where there is one."""
    if WRK:
        return wrk(server.pid, server.url, request, clients=clients, seconds=seconds)
    return run(server.pid, server.port, request, clients=clients, seconds=seconds)


def zipped(source: str) -> bytes:
    """A function's zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", source)
    return buffer.getvalue()


def make_function(server: servers.Server) -> Any:
    """A function that returns its event; the Lambda client."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    iam = client(server, "iam")
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    # Without it nothing would be logged, and an invocation be cheaper than it is.
    execution = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName="bench", PolicyArn=execution)
    functions = client(server, "lambda")
    functions.create_function(
        FunctionName="echo",
        Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
        Handler="app.handler",
        Role=role,
        Code={"ZipFile": zipped("def handler(event, context):\n    return event\n")},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
    return functions


def lambda_cases(server: servers.Server, seconds: float) -> None:
    """Warm invocations from one connection; cold starts, each after a change of configuration."""
    functions = make_function(server)
    path = "/2015-03-31/functions/echo/invocations"
    request = signed("POST", server.url + path, "lambda", b'{"a":1}', {"Content-Type": "application/json"})
    warm = small(server, request, 1, seconds)
    print(
        f"  Lambda warm invoke      {warm.per_second:9.0f}/s {warm.cpu_us:8.0f} µs CPU   "
        f"p50 {warm.p50_us:.0f} µs, best {warm.best_us:.0f} µs"
    )
    walls, cpus = [], []
    for round_ in range(12):
        functions.update_function_configuration(FunctionName="echo", Environment={"Variables": {"ROUND": str(round_)}})
        functions.get_waiter("function_updated_v2").wait(FunctionName="echo", WaiterConfig={"Delay": 1})
        cold = signed("POST", server.url + path, "lambda", b'{"a":1}', {"Content-Type": "application/json"})
        before, begun = cpu_times(server.pid), time.perf_counter()
        _single(server, cold)
        walls.append(time.perf_counter() - begun)
        cpus.append(cpu_since(server.pid, before))
    print(
        f"  Lambda cold start                     {statistics.mean(cpus) * 1e3:8.1f} ms CPU   "
        f"best {min(walls) * 1e3:.1f} ms, median {statistics.median(walls) * 1e3:.1f} ms"
    )


def _single(server: servers.Server, request: bytes) -> None:
    import asyncio

    from load import _one

    async def once() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        if await _one(reader, writer, request) >= 300:
            raise RuntimeError("the invocation failed")
        writer.close()

    asyncio.run(once())


def boots(make: Callable[[], servers.Server | None], times: int) -> list[float]:
    """Seconds from the start of the process to the first ListBuckets, several times."""
    found = []
    for _ in range(times):
        server = make()
        assert server is not None
        found.append(server.boot)
        server.stop()
    return found


def line(name: str, ours: Result, theirs: Result | None) -> str:
    """One row of the table."""
    ratio = f"{theirs.cpu_us / ours.cpu_us:6.1f} x" if theirs else "      –"
    peer = f"{theirs.cpu_us:9.0f} µs" if theirs else "        –   "
    rate = f"{ours.per_second:9.0f}/s" if "MB" not in name else f"{16 * 1.048576 / ours.cpu_us * 1e6:5.0f} MB/s CPU"
    return f"  {name:22s} {rate:>14s} {ours.cpu_us:9.0f} µs {peer}   {ratio}"


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each case runs")
    parser.add_argument("--no-peer", action="store_true", help="leave moto out")
    options = parser.parse_args()
    servers.cumulet().stop()  # fills the caches of compiled code and models, as a first start does
    server = servers.cumulet()
    idle = rss_mb(server.pid)
    peer = None if options.no_peer else servers.moto()
    try:
        ours = s3_cases(server, options.seconds)
        theirs = s3_cases(peer, options.seconds, peer=True) if peer else {}
        title = f"moto {peer.version}" if peer else "moto"
        print(f"\n  cumulet {server.version} against {title}; CPU is the server's, per request")
        print(f"  small requests by {'wrk' if WRK else 'a client in Python: wrk is not installed'}\n")
        print(f"  {'':22s} {'cumulet':>14s} {'CPU':>12s} {title:>12s}     ratio")
        for name, result in ours.items():
            print(line(name, result, theirs.get(name)))
        judged = role_case(server, options.seconds)
        print(line("GET as a role", judged, None), " ten policies of four statements")
        for name, spent in inside.costs().items():
            print(f"    {name:42s} {spent:5.1f} µs in process")
        lambda_cases(server, options.seconds)
        print(
            f"  idle memory             {idle:9.1f} MB"
            + (f"   ({title}: {rss_mb(peer.pid):.0f} MB after the cases)" if peer else "")
        )
    finally:
        server.stop()
        if peer:
            peer.stop()
    booted = boots(servers.cumulet, 5)
    print(f"  start to ListBuckets    best {min(booted):.3f} s, median {statistics.median(booted):.3f} s")
    if peer:
        print(f"    moto                  {peer.boot:.3f} s")


if __name__ == "__main__":
    main()
