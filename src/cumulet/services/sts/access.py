"""What each STS operation needs. Source: Service Authorization Reference, 'Actions, resources, and condition keys for AWS
Security Token Service'.

AssumeRole is judged by the operation itself: the role's trust policy must allow it, whatever the caller's own policies say.
"""

from __future__ import annotations

from cumulet.kernel.access import FREE, Access

TABLE: dict[str, Access] = {
    "AssumeRole": FREE,
    "AssumeRoleWithWebIdentity": FREE,
    "DecodeAuthorizationMessage": Access("sts:DecodeAuthorizationMessage"),
    "GetAccessKeyInfo": Access("sts:GetAccessKeyInfo"),
    "GetCallerIdentity": FREE,
    "GetFederationToken": Access("sts:GetFederationToken", "arn:aws:sts::{account}:federated-user/{Name}"),
    "GetSessionToken": FREE,
}
