"""Identity providers as records: OpenID Connect (whose tokens STS takes where it knows their keys) and SAML."""

from __future__ import annotations

from xml.parsers import expat

from cumulet.base.errors import AwsError
from cumulet.base.ids import hexid
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import rules, state

_CLIENTS = 100
_THUMBPRINTS = 5
_METADATA = 512 * 1024
"""Bytes of SAML metadata that fit into a record; AWS takes up to 10 MB."""

_HUNDRED_YEARS = 3_155_760_000


@operation
def create_open_id_connect_provider(ctx: Context, req: Json) -> Json:
    """Thumbprints are kept as given and not looked up. See IAM API Reference, 'CreateOpenIDConnectProvider'."""
    _refuse(req, "ContextProvider", "IdentityCenterInstanceArn")
    url = req["Url"]
    name = url.removeprefix("https://").removesuffix("/")
    if not url.startswith("https://") or not name:
        raise rules.validation("Invalid Open ID Connect Provider URL")
    if state.entity(ctx, "oidc-provider", name) is not None:
        raise rules.exists(f"Provider with url {url} already exists.")
    rules.check_quota(ctx, "oidc-provider")
    tags = rules.merged_tags([], req.get("Tags", []))
    record = {
        "name": name,
        "id": hexid(),
        "path": "/",
        "created": int(ctx.now),
        "clients": _clients(req.get("ClientIDList", [])),
        "thumbprints": _thumbprints(req.get("ThumbprintList", [])),
        "tags": tags,
    }
    state.create(ctx, "oidc-provider", record)
    made = {"OpenIDConnectProviderArn": rules.make_arn(ctx, "oidc-provider", record)}
    return {**made, "Tags": tags} if tags else made


@operation
def get_open_id_connect_provider(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetOpenIDConnectProvider'."""
    record = _oidc(ctx, req)
    return {
        "Url": record["name"],
        "ClientIDList": record["clients"],
        "ThumbprintList": record["thumbprints"],
        "CreateDate": record["created"],
        "Tags": record["tags"],
    }


@operation
def list_open_id_connect_providers(ctx: Context, _req: Json) -> Json:
    """See IAM API Reference, 'ListOpenIDConnectProviders'."""
    found, _ = state.entities(ctx, "oidc-provider", "/", "", rules.QUOTAS["oidc-provider"])
    return {"OpenIDConnectProviderList": [{"Arn": rules.make_arn(ctx, "oidc-provider", record)} for record in found]}


@operation
def add_client_id_to_open_id_connect_provider(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'AddClientIDToOpenIDConnectProvider'."""
    record = _oidc(ctx, req)
    if req["ClientID"] not in record["clients"]:
        state.put(ctx, "oidc-provider", {**record, "clients": _clients([*record["clients"], req["ClientID"]])})


@operation
def remove_client_id_from_open_id_connect_provider(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'RemoveClientIDFromOpenIDConnectProvider'."""
    record = _oidc(ctx, req)
    kept = [client for client in record["clients"] if client != req["ClientID"]]
    state.put(ctx, "oidc-provider", {**record, "clients": kept})


@operation
def update_open_id_connect_provider_thumbprint(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'UpdateOpenIDConnectProviderThumbprint'."""
    record = _oidc(ctx, req)
    state.put(ctx, "oidc-provider", {**record, "thumbprints": _thumbprints(req["ThumbprintList"])})


@operation
def delete_open_id_connect_provider(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteOpenIDConnectProvider'."""
    state.drop(ctx, "oidc-provider", _oidc(ctx, req))


@operation
def create_saml_provider(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'CreateSAMLProvider'."""
    _refuse(req, "AddPrivateKey", "ContextProvider", "IdentityCenterInstanceArn")
    name = req["Name"]
    if state.entity(ctx, "saml-provider", name) is not None:
        raise rules.exists(f"Provider with name {name} already exists.")
    rules.check_quota(ctx, "saml-provider")
    _check_metadata(req["SAMLMetadataDocument"])
    tags = rules.merged_tags([], req.get("Tags", []))
    record = {
        "name": name,
        "id": "ASP" + hexid(16),
        "path": "/",
        "created": int(ctx.now),
        "encryption": req.get("AssertionEncryptionMode"),
        "tags": tags,
    }
    state.create(ctx, "saml-provider", record)
    state.put_part(ctx, "metadata", record["id"], "", req["SAMLMetadataDocument"])
    made = {"SAMLProviderArn": rules.make_arn(ctx, "saml-provider", record)}
    return {**made, "Tags": tags} if tags else made


@operation
def get_saml_provider(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'GetSAMLProvider'."""
    record = rules.existing_provider(ctx, "saml-provider", req["SAMLProviderArn"])
    shown = {
        "SAMLProviderUUID": record["id"],
        "SAMLMetadataDocument": state.part(ctx, "metadata", record["id"], ""),
        "CreateDate": record["created"],
        "ValidUntil": record["created"] + _HUNDRED_YEARS,
        "Tags": record["tags"],
    }
    if record["encryption"]:
        shown["AssertionEncryptionMode"] = record["encryption"]
    return shown


@operation
def list_saml_providers(ctx: Context, _req: Json) -> Json:
    """See IAM API Reference, 'ListSAMLProviders'."""
    found, _ = state.entities(ctx, "saml-provider", "/", "", rules.QUOTAS["saml-provider"])
    shown = [
        {
            "Arn": rules.make_arn(ctx, "saml-provider", record),
            "CreateDate": record["created"],
            "ValidUntil": record["created"] + _HUNDRED_YEARS,
        }
        for record in found
    ]
    return {"SAMLProviderList": shown}


@operation
def update_saml_provider(ctx: Context, req: Json) -> Json:
    """See IAM API Reference, 'UpdateSAMLProvider'."""
    _refuse(req, "AddPrivateKey", "RemovePrivateKey", "ContextProvider", "IdentityCenterInstanceArn")
    record = rules.existing_provider(ctx, "saml-provider", req["SAMLProviderArn"])
    if "SAMLMetadataDocument" in req:
        _check_metadata(req["SAMLMetadataDocument"])
        state.put_part(ctx, "metadata", record["id"], "", req["SAMLMetadataDocument"])
    if "AssertionEncryptionMode" in req:
        record = {**record, "encryption": req["AssertionEncryptionMode"]}
    state.put(ctx, "saml-provider", record)
    return {"SAMLProviderArn": req["SAMLProviderArn"]}


@operation
def delete_saml_provider(ctx: Context, req: Json) -> None:
    """See IAM API Reference, 'DeleteSAMLProvider'."""
    record = rules.existing_provider(ctx, "saml-provider", req["SAMLProviderArn"])
    state.drop(ctx, "saml-provider", record)


def _oidc(ctx: Context, req: Json) -> Json:
    return rules.existing_provider(ctx, "oidc-provider", req["OpenIDConnectProviderArn"])


def _refuse(req: Json, *members: str) -> None:
    for member in members:
        if member in req:
            raise AwsError("NotImplemented", f"Cumulet does not implement the parameter {member} yet.", 501)


def _clients(clients: list[str]) -> list[str]:
    if len(clients) > _CLIENTS:
        raise rules.limit(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {_CLIENTS}")
    return list(dict.fromkeys(clients))


def _thumbprints(thumbprints: list[str]) -> list[str]:
    if len(thumbprints) > _THUMBPRINTS:
        raise AwsError("InvalidInput", f"Thumbprint list must contain fewer than {_THUMBPRINTS} entries.", 400)
    return thumbprints


def _check_metadata(document: str) -> None:
    """Metadata must be an EntityDescriptor, and may define no entities of its own. Raises InvalidInput, LimitExceeded."""
    raw = document.encode()
    if len(raw) > _METADATA:
        raise rules.limit(f"Cannot exceed quota for SAMLMetadataDocument: {_METADATA}")
    roots: list[str] = []
    wrong: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _attributes: roots.append(name) if not roots else None
    parser.StartDoctypeDeclHandler = lambda *_: wrong.append("DOCTYPE")
    try:
        parser.Parse(raw, True)
    except expat.ExpatError:
        wrong.append("syntax")
    if wrong or not roots or roots[0] != "urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor":
        raise AwsError("InvalidInput", "Could not parse metadata", 400)
