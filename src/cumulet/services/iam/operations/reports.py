"""The credential report, and what users may have on AWS and never have here."""

from __future__ import annotations

import csv
import io
from collections.abc import Generator

from cumulet.base.clock import at
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state
from .users import ROOT_CREATED, caller_name

_FRESH = 4 * 3600
_BATCH = 50
_HEAD = [
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
]


@operation
def generate_credential_report(ctx: Context, _req: Json) -> Json:
    """A report is good for four hours. See IAM API Reference, 'GenerateCredentialReport'."""
    made = state.setting(ctx, "report")
    if made is not None and ctx.now - made < _FRESH:
        return {"State": "COMPLETE"}
    state.set_setting(ctx, "report", int(ctx.now))
    return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}


@operation
def get_credential_report(ctx: Context, _req: Json) -> Generator[None, None, Json]:
    """Written as it is read, of the present state. See IAM API Reference, 'GetCredentialReport'."""
    made = state.setting(ctx, "report")
    if made is None:
        raise AwsError("ReportNotPresent", "No report exists. Use the GenerateCredentialReport operation.", 410)
    if ctx.now - made >= _FRESH:
        raise AwsError("ReportExpired", "The report has expired. Use the GenerateCredentialReport operation.", 410)
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(_HEAD)
    root_arn = f"arn:aws:iam::{ctx.account}:root"
    root = ["<root_account>", root_arn, _time(ROOT_CREATED), "not_supported", "no_information"]
    table.writerow([*root, "not_supported", "not_supported", "false", *_keys(ctx, ctx.account), *_no_certificates()])
    past = ""
    while True:
        page, past = state.entities(ctx, "user", "/", past, _BATCH)
        for user in page:
            table.writerow(_row(ctx, user))
            yield
        if len(page) < _BATCH:
            break
    return {"Content": out.getvalue().encode(), "ReportFormat": "text/csv", "GeneratedTime": made}


@operation
def list_ssh_public_keys(ctx: Context, req: Json) -> Json:
    """There are none here. See IAM API Reference, 'ListSSHPublicKeys'."""
    return _none(ctx, req, "SSHPublicKeys")


@operation
def list_signing_certificates(ctx: Context, req: Json) -> Json:
    """There are none here. See IAM API Reference, 'ListSigningCertificates'."""
    return _none(ctx, req, "Certificates")


@operation
def list_service_specific_credentials(ctx: Context, req: Json) -> Json:
    """There are none here. See IAM API Reference, 'ListServiceSpecificCredentials'."""
    return _none(ctx, req, "ServiceSpecificCredentials")


@operation
def list_server_certificates(_ctx: Context, _req: Json) -> Json:
    """There are none here. See IAM API Reference, 'ListServerCertificates'."""
    return {"ServerCertificateMetadataList": [], "IsTruncated": False}


def _none(ctx: Context, req: Json, member: str) -> Json:
    name = req.get("UserName") or (None if req.get("AllUsers") else caller_name(ctx))
    if name is not None:
        rules.existing(ctx, "user", name)
    return {member: [], "IsTruncated": False}


def _row(ctx: Context, user: Json) -> list[str]:
    login = state.part(ctx, "login", user["id"], "")
    who = [user["name"], rules.make_arn(ctx, "user", user), _time(user["created"])]
    if login is None:
        password = ["false", "N/A", "N/A", "N/A"]
    else:
        policy = state.setting(ctx, "passwords") or {}
        age = policy.get("MaxPasswordAge")
        next_one = _time(login["changed"] + age * 86_400) if age else "N/A"
        password = ["true", "no_information", _time(login["changed"]), next_one]
    mfa = "true" if state.parts(ctx, "device", user["id"], "", 1) else "false"
    return [*who, *password, mfa, *_keys(ctx, user["id"]), *_no_certificates()]


def _keys(ctx: Context, owner_id: str) -> list[str]:
    columns: list[str] = []
    for _, key in state.access_keys(ctx, owner_id, "", rules.ACCESS_KEYS):
        columns += ["true" if key["status"] == "Active" else "false", _time(key["created"]), "N/A", "N/A", "N/A"]
    return columns + ["false", "N/A", "N/A", "N/A", "N/A"] * (rules.ACCESS_KEYS - len(columns) // 5)


def _no_certificates() -> list[str]:
    return ["false", "N/A", "false", "N/A"]


def _time(seconds: float) -> str:
    return at(seconds).isoformat(timespec="seconds")
