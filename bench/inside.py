"""What trust costs within one process: a signature verified and root authorised; a role with ten policies judged."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from load import signed

from cumulet.auth import grants
from cumulet.auth.authenticate import authenticate
from cumulet.auth.policy.authorise import Authority, authorise
from cumulet.auth.policy.context import LazyContext
from cumulet.auth.policy.evaluate import AuthRequest
from cumulet.base.context import Principal
from cumulet.base.messages import BytesBody, Request
from cumulet.kernel.rights import authority
from cumulet.store import memory

LOOPS = 3000
ACCOUNT = "000000000000"


def costs() -> dict[str, float]:
    """Processor microseconds, the best of several rounds."""
    kv, _ = memory.open()
    tx = kv.begin()
    policies = []
    for number in range(10):
        names = [f"other-{number}-{count}" for count in range(4)] if number < 9 else ["a", "b", "c", "bench"]
        statements = [{"Effect": "Allow", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::{name}/*"} for name in names]
        policies.append((f"p{number}", json.dumps({"Version": "2012-10-17", "Statement": statements})))
    grants.put(tx, ACCOUNT, "role", "reader", "AROA1", inline=policies, attached=[])
    kv.commit(tx)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/me"
    role = Principal("role", ACCOUNT, arn, "AROA1:me", "reader", "me")
    root = Principal("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root")
    request = _get()
    now = time.time()

    def verify() -> None:
        authenticate(kv.begin(), request, service="s3", protocol="rest-xml", now=now)
        _judge(root, Authority())

    return {
        "signature verified, root authorised": _best(verify),
        "a role with ten policies judged": _best(lambda: _judge(role, authority(kv.begin(), role))),
    }


def _judge(principal: Principal, rights: Authority) -> None:
    context = LazyContext(principal, now=0.0, region="us-east-1", source_ip="127.0.0.1")
    question = AuthRequest("s3:GetObject", "arn:aws:s3:::bench/small", principal, context)
    if not authorise(question, rights, resource_policy=None, resource_account=ACCOUNT).allowed:
        raise RuntimeError("refused")


def _get() -> Request:
    head = signed("GET", "http://127.0.0.1:4566/bench/small", "s3").decode().split("\r\n\r\n")[0].split("\r\n")
    headers = {name.lower(): value for name, value in (one.split(": ", 1) for one in head[1:])}
    return Request("GET", "/bench/small", headers, BytesBody())


def _best(run: Callable[[], None]) -> float:
    found = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(LOOPS):
            run()
        found.append((time.process_time() - begun) / LOOPS * 1e6)
    return min(found)
