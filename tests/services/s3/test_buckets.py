"""Buckets: names, places, owners, pages."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from cumulet.base.errors import AwsError
from cumulet.services.s3.rules import names

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client


def refused(call: Any, **params: Any) -> tuple[str, int]:
    """The code and status with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response: Any = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    "name",
    ["ab", "Abc", "a_b", "-abc", "abc-", ".abc", "a..b", "192.168.1.2", "xn--abc", "sthree-x", "x-s3alias", "x--ol-s3",
     "a" * 64, "a b", "ü-bucket", "abc\n"],
)  # fmt: skip
def test_bad_names(name: str) -> None:
    with pytest.raises(AwsError, match=r"InvalidBucketName: The specified bucket is not valid\."):
        names.check_bucket(name)


@pytest.mark.parametrize("name", ["abc", "a" * 63, "a.b-c.1", "1234", "my.bucket"])
def test_good_names(name: str) -> None:
    names.check_bucket(name)


def test_places() -> None:
    assert names.place(None, "us-east-1") == ("us-east-1", "")
    assert names.place({"LocationConstraint": "EU"}, "us-east-1") == ("eu-west-1", "EU")
    assert names.place({"LocationConstraint": "eu-west-3"}, "eu-west-3") == ("eu-west-3", "eu-west-3")
    for wanted, region, code in (
        ("us-east-1", "us-east-1", "InvalidLocationConstraint"),
        ("mars-1", "us-east-1", "InvalidLocationConstraint"),
        ("eu-west-1", "eu-west-3", "IllegalLocationConstraintException"),
        ("", "eu-west-3", "IllegalLocationConstraintException"),
    ):
        with pytest.raises(AwsError, match=code):
            names.place({"LocationConstraint": wanted}, region)


def test_the_life_of_a_bucket(cloud: Any, s3: S3Client, bucket: str) -> None:
    assert s3.create_bucket(Bucket=bucket)["Location"] == f"/{bucket}"
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refused(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    assert refused(s3.head_bucket, Bucket=bucket) == ("404", 404)
    assert refused(s3.list_objects_v2, Bucket=bucket) == ("NoSuchBucket", 404)
    assert refused(s3.delete_bucket, Bucket=bucket) == ("NoSuchBucket", 404)
    other = cloud.client("s3", account="987654321098")
    other.create_bucket(Bucket=bucket)
    assert other.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert refused(s3.create_bucket, Bucket=bucket) == ("BucketAlreadyExists", 409)
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket=bucket)
    response: Any = caught.value.response["ResponseMetadata"]
    assert (response["HTTPStatusCode"], response["HTTPHeaders"]["x-amz-bucket-region"]) == (403, "us-east-1")


def test_a_bucket_elsewhere(cloud: Any, s3: S3Client, account: str) -> None:
    far = cloud.client("s3", account=account, region="eu-west-3")
    name = f"far-{uuid.uuid4().hex[:20]}"
    assert refused(far.create_bucket, Bucket=name) == ("IllegalLocationConstraintException", 400)
    config: Any = {"LocationConstraint": "eu-west-3"}
    far.create_bucket(Bucket=name, CreateBucketConfiguration=config)
    assert refused(far.create_bucket, Bucket=name, CreateBucketConfiguration=config) == ("BucketAlreadyOwnedByYou", 409)
    assert far.get_bucket_location(Bucket=name)["LocationConstraint"] == "eu-west-3"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-3"
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    assert far.get_object(Bucket=name, Key="k")["Body"].read() == b"x"


def test_an_account_lists_its_own_in_pages(cloud: Any) -> None:
    mine = cloud.client("s3", account=f"74{uuid.uuid4().int % 10**10:010}")
    tail = uuid.uuid4().hex[:12]
    wanted = [f"{head}-{tail}" for head in ("aaa", "bbb", "bbc")]
    assert mine.list_buckets()["Buckets"] == []
    for name in reversed(wanted):
        mine.create_bucket(Bucket=name)
    got = mine.list_buckets()
    assert [one["Name"] for one in got["Buckets"]] == wanted
    assert len(got["Owner"]["ID"]) == 64
    page = mine.list_buckets(MaxBuckets=2)
    assert [one["Name"] for one in page["Buckets"]] == wanted[:2]
    rest = mine.list_buckets(MaxBuckets=2, ContinuationToken=page["ContinuationToken"])
    assert [one["Name"] for one in rest["Buckets"]] == wanted[2:]
    assert "ContinuationToken" not in rest
    assert [one["Name"] for one in mine.list_buckets(Prefix="bb")["Buckets"]] == wanted[1:]
    assert mine.list_buckets(BucketRegion="eu-west-1")["Buckets"] == []


def test_what_a_new_bucket_has(s3: S3Client, bucket: str) -> None:
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    owner = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    for call, code in (
        (s3.get_bucket_policy, "NoSuchBucketPolicy"),
        (s3.get_bucket_cors, "NoSuchCORSConfiguration"),
        (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
        (s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
        (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
        (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
        (s3.get_bucket_tagging, "NoSuchTagSet"),
    ):
        assert refused(call, Bucket=bucket) == (code, 404)
    versioning: Any = {"Status": "Enabled"}
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=versioning) == (
        "NotImplemented",
        501,
    )
    assert refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == ("AccessControlListNotSupported", 400)
    name = f"acl-{uuid.uuid4().hex[:20]}"
    assert refused(s3.create_bucket, Bucket=name, ACL="public-read") == ("InvalidBucketAclWithObjectOwnership", 400)
    assert refused(s3.create_bucket, Bucket=name, ObjectLockEnabledForBucket=True) == ("NotImplemented", 501)


def test_settings_can_be_set_to_what_they_are(s3: S3Client, bucket: str) -> None:
    flags = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    block: Any = dict.fromkeys(flags, True)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    opened: Any = {**block, "BlockPublicPolicy": False}
    assert refused(s3.put_public_access_block, Bucket=bucket, PublicAccessBlockConfiguration=opened)[1] == 501
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    other: Any = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    assert refused(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls=other)[1] == 501
    for algorithm, status in (("AES256", 200), ("aws:kms", 501)):
        rules: Any = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]}
        wanted: Any = {"Bucket": bucket, "ServerSideEncryptionConfiguration": rules}
        if status == 200:
            s3.put_bucket_encryption(**wanted)
        else:
            assert refused(s3.put_bucket_encryption, **wanted)[1] == status
    for call in (
        s3.delete_bucket_policy,
        s3.delete_bucket_cors,
        s3.delete_bucket_website,
        s3.delete_bucket_lifecycle,
        s3.delete_bucket_replication,
        s3.delete_bucket_encryption,
    ):
        call(Bucket=bucket)


def test_tags(s3: S3Client, bucket: str) -> None:
    tags: Any = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    assert refused(s3.get_bucket_tagging, Bucket=bucket) == ("NoSuchTagSet", 404)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags
    twice: Any = {"TagSet": [tags[0], tags[0]]}
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=twice) == ("InvalidTag", 400)
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
