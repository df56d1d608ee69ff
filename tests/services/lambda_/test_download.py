"""The Location of GetFunction is a URL that works, as curl would use it."""

from __future__ import annotations

import io
import json
import sys
import urllib.error
import urllib.request
import zipfile
from typing import Any

import pytest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def test_code_can_be_downloaded_and_only_with_its_signature(cloud: Any, account: str) -> None:
    iam, functions = cloud.client("iam", account=account), cloud.client("lambda", account=account)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return event\n")
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    code = {"ZipFile": buffer.getvalue()}
    functions.create_function(FunctionName="f", Runtime=runtime, Handler="app.handler", Role=role, Code=code)
    url = functions.get_function(FunctionName="f")["Code"]["Location"]
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == buffer.getvalue()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url[:-4] + "0000", timeout=10)
    assert caught.value.code == 403
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(cloud.endpoint + "/_cumulet/nothing", timeout=10)
    assert caught.value.code == 404
