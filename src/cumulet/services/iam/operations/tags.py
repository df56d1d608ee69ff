"""Tags of everything that has tags."""

from __future__ import annotations

from collections.abc import Callable

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state


@operation
def tag_user(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'TagUser'."""
    _tag(ctx, "user", req)


@operation
def tag_role(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'TagRole'."""
    _tag(ctx, "role", req)


@operation
def tag_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'TagPolicy'."""
    _tag(ctx, "policy", req)


@operation
def tag_instance_profile(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'TagInstanceProfile'."""
    _tag(ctx, "instance-profile", req)


@operation
def tag_open_id_connect_provider(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'TagOpenIDConnectProvider'."""
    _tag(ctx, "oidc-provider", req)


@operation
def tag_saml_provider(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'TagSAMLProvider'."""
    _tag(ctx, "saml-provider", req)


@operation
def tag_mfa_device(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'TagMFADevice'."""
    _tag(ctx, "mfa", req)


@operation
def untag_user(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UntagUser'."""
    _untag(ctx, "user", req)


@operation
def untag_role(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UntagRole'."""
    _untag(ctx, "role", req)


@operation
def untag_policy(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UntagPolicy'."""
    _untag(ctx, "policy", req)


@operation
def untag_instance_profile(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UntagInstanceProfile'."""
    _untag(ctx, "instance-profile", req)


@operation
def untag_open_id_connect_provider(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UntagOpenIDConnectProvider'."""
    _untag(ctx, "oidc-provider", req)


@operation
def untag_saml_provider(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UntagSAMLProvider'."""
    _untag(ctx, "saml-provider", req)


@operation
def untag_mfa_device(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UntagMFADevice'."""
    _untag(ctx, "mfa", req)


@operation
def list_user_tags(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListUserTags'."""
    return _list(ctx, "user", req)


@operation
def list_role_tags(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListRoleTags'."""
    return _list(ctx, "role", req)


@operation
def list_policy_tags(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListPolicyTags'."""
    return _list(ctx, "policy", req)


@operation
def list_instance_profile_tags(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListInstanceProfileTags'."""
    return _list(ctx, "instance-profile", req)


@operation
def list_open_id_connect_provider_tags(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListOpenIDConnectProviderTags'."""
    return _list(ctx, "oidc-provider", req)


@operation
def list_saml_provider_tags(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListSAMLProviderTags'."""
    return _list(ctx, "saml-provider", req)


@operation
def list_mfa_device_tags(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'ListMFADeviceTags'."""
    return _list(ctx, "mfa", req)


_FIND: dict[state.Kind, Callable[[Context, Json], Json]] = {
    "user": lambda ctx, req: rules.existing(ctx, "user", req["UserName"]),
    "role": lambda ctx, req: rules.existing(ctx, "role", req["RoleName"]),
    "policy": lambda ctx, req: rules.existing_policy(ctx, req["PolicyArn"]),
    "instance-profile": lambda ctx, req: rules.existing(ctx, "instance-profile", req["InstanceProfileName"]),
    "oidc-provider": lambda ctx, req: rules.existing_provider(ctx, "oidc-provider", req["OpenIDConnectProviderArn"]),
    "saml-provider": lambda ctx, req: rules.existing_provider(ctx, "saml-provider", req["SAMLProviderArn"]),
    "mfa": lambda ctx, req: rules.existing_device(ctx, req["SerialNumber"]),
}


def _tag(ctx: Context, kind: state.Kind, req: Json) -> None:
    record = _FIND[kind](ctx, req)
    _put(ctx, kind, req, record, rules.merged_tags(record.get("tags", []), req["Tags"]))


def _untag(ctx: Context, kind: state.Kind, req: Json) -> None:
    record = _FIND[kind](ctx, req)
    _put(ctx, kind, req, record, rules.without_tags(record.get("tags", []), req["TagKeys"]))


def _put(ctx: Context, kind: state.Kind, req: Json, record: Json, tags: list[Json]) -> None:
    if kind == "policy":
        record = rules.own_policy(ctx, req["PolicyArn"])
    changed = {**record, "tags": tags}
    state.put(ctx, kind, changed)
    if kind in ("user", "role"):
        authority.publish(ctx, "user" if kind == "user" else "role", changed)
    if kind == "user":
        authority.reissue(ctx, changed)


def _list(ctx: Context, kind: state.Kind, req: Json) -> Json:
    past = rules.marker(req)
    tags = sorted(_FIND[kind](ctx, req).get("tags", []), key=lambda tag: str(tag["Key"]))
    return rules.paged("Tags", [tag for tag in tags if tag["Key"] > past], req, lambda tag: str(tag["Key"]))
