"""OpenID Connect and SAML providers as records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

METADATA = (
    '<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="x">'
    "<!-- " + "padding " * 130 + " --></md:EntityDescriptor>"
)


def refused(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture
def iam(cloud: Any, account: str) -> Any:
    return cloud.client("iam", account=account)


def test_open_id_connect(iam: Any, account: str) -> None:
    url = "https://token.actions.example.com/path"
    print_ = "a" * 40
    made = iam.create_open_id_connect_provider(
        Url=url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=[print_], Tags=[{"Key": "a", "Value": "b"}]
    )
    arn = made["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{account}:oidc-provider/token.actions.example.com/path"
    assert refused(iam.create_open_id_connect_provider, Url=url) == (
        "EntityAlreadyExists",
        f"Provider with url {url} already exists.",
    )
    assert refused(iam.create_open_id_connect_provider, Url="http://x.example.com")[0] == "ValidationError"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="two")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="sts.amazonaws.com")
    got = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (got["Url"], got["ClientIDList"], got["ThumbprintList"]) == (url.removeprefix("https://"), ["two"], [print_])
    assert got["Tags"] == [{"Key": "a", "Value": "b"}]
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["b" * 40])
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": arn}]
    many = [f"client{number}" for number in range(100)]
    assert refused(iam.create_open_id_connect_provider, Url="https://y.example.com", ClientIDList=[*many, "z"])[0] in (
        "LimitExceeded",
        "ValidationError",
    )
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refused(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn) == (
        "NoSuchEntity",
        f"OpenIDConnect Provider not found for arn {arn}",
    )
    assert refused(iam.get_open_id_connect_provider, OpenIDConnectProviderArn="arn:aws:iam::1:user/nobody")[0] == (
        "InvalidInput"
    )


def test_saml(iam: Any, account: str) -> None:
    arn = iam.create_saml_provider(Name="Corp", SAMLMetadataDocument=METADATA)["SAMLProviderArn"]
    assert arn == f"arn:aws:iam::{account}:saml-provider/Corp"
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == METADATA
    assert refused(iam.create_saml_provider, Name="corp", SAMLMetadataDocument=METADATA)[0] == "EntityAlreadyExists"
    changed = METADATA.replace('entityID="x"', 'entityID="y"')
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=changed)
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == changed
    assert [provider["Arn"] for provider in iam.list_saml_providers()["SAMLProviderList"]] == [arn]
    assert iam.get_account_summary()["SummaryMap"]["Providers"] == 1
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert refused(iam.get_saml_provider, SAMLProviderArn=arn) == ("NoSuchEntity", f"Manifest not found for arn {arn}")


@pytest.mark.parametrize(
    "document",
    [
        METADATA.replace("</md:EntityDescriptor>", ""),
        METADATA.replace("EntityDescriptor", "Other"),
        METADATA.replace('<?xml version="1.0"?>', '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'),
        "x" * 1000,
    ],
)
def test_metadata_must_be_metadata(iam: Any, document: str) -> None:
    assert refused(iam.create_saml_provider, Name="x", SAMLMetadataDocument=document) == (
        "InvalidInput",
        "Could not parse metadata",
    )
