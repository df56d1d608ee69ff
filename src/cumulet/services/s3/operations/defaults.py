"""Settings that every bucket has as a new one has them, until they can be changed.

What can be asked is answered, what is set to what it is already is taken, and what is deleted though it never was is gone. Any
other change is refused. Source: Amazon S3 User Guide, 'Creating a general purpose bucket' and the pages of each setting.
"""

from __future__ import annotations

from typing import Any

from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import reach
from ..errors import invalid_request, not_implemented
from ..rules import uploads
from ..state.buckets import Bucket

_FLAGS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


@operation
def put_bucket_acl(ctx: Context, req: Json) -> Json:
    """See PutBucketAcl. Buckets enforce their owner's ownership, so only what is true anyway can be set."""
    reach.bucket(ctx.tx, ctx.account, req)
    if req.get("ACL") == "private" and not any(name.startswith("Grant") for name in req):
        return {}
    raise uploads.no_acl()


@operation
def put_object_acl(ctx: Context, req: Json) -> Json:
    """See PutObjectAcl."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    reach.current(ctx.tx, bucket, req["Key"], req.get("VersionId"))
    raise uploads.no_acl()


@operation
def get_bucket_acl(ctx: Context, req: Json) -> Json:
    """See GetBucketAcl: the owner's full control."""
    return _acl(reach.bucket(ctx.tx, ctx.account, req))


@operation
def get_object_acl(ctx: Context, req: Json) -> Json:
    """See GetObjectAcl: the bucket's owner owns every object in it."""
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    reach.current(ctx.tx, bucket, req["Key"], req.get("VersionId"))
    return _acl(bucket)


def _acl(bucket: Bucket) -> Json:
    owner = reach.owner(bucket.account)
    return {"Owner": owner, "Grants": [{"Grantee": {**owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]}


@operation
def get_bucket_versioning(ctx: Context, req: Json) -> Json:
    """See GetBucketVersioning: no bucket has ever been versioned."""
    reach.bucket(ctx.tx, ctx.account, req)
    return {}


@operation
def get_bucket_request_payment(ctx: Context, req: Json) -> Json:
    """See GetBucketRequestPayment."""
    reach.bucket(ctx.tx, ctx.account, req)
    return {"Payer": "BucketOwner"}


@operation
def get_bucket_accelerate_configuration(ctx: Context, req: Json) -> Json:
    """See GetBucketAccelerateConfiguration: never set."""
    reach.bucket(ctx.tx, ctx.account, req)
    return {}


@operation
def get_bucket_logging(ctx: Context, req: Json) -> Json:
    """See GetBucketLogging: off."""
    reach.bucket(ctx.tx, ctx.account, req)
    return {}


@operation
def get_bucket_encryption(ctx: Context, req: Json) -> Json:
    """See GetBucketEncryption: what a new bucket has."""
    reach.bucket(ctx.tx, ctx.account, req)
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BucketKeyEnabled": False,
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}


@operation
def get_bucket_ownership_controls(ctx: Context, req: Json) -> Json:
    """See GetBucketOwnershipControls: what a new bucket has."""
    reach.bucket(ctx.tx, ctx.account, req)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}


@operation
def get_public_access_block(ctx: Context, req: Json) -> Json:
    """See GetPublicAccessBlock: what a new bucket has."""
    reach.bucket(ctx.tx, ctx.account, req)
    return {"PublicAccessBlockConfiguration": dict.fromkeys(_FLAGS, True)}


def _absent(ctx: Context, req: Json, code: str, message: str) -> AwsError:
    bucket = reach.bucket(ctx.tx, ctx.account, req)
    return AwsError(code, message, 404, members={"BucketName": bucket.name})


@operation
def get_bucket_policy(ctx: Context, req: Json) -> Json:
    """See GetBucketPolicy: none."""
    raise _absent(ctx, req, "NoSuchBucketPolicy", "The bucket policy does not exist")


@operation
def get_bucket_policy_status(ctx: Context, req: Json) -> Json:
    """See GetBucketPolicyStatus: no policy."""
    raise _absent(ctx, req, "NoSuchBucketPolicy", "The bucket policy does not exist")


@operation
def get_bucket_cors(ctx: Context, req: Json) -> Json:
    """See GetBucketCors: none."""
    raise _absent(ctx, req, "NoSuchCORSConfiguration", "The CORS configuration does not exist")


@operation
def get_bucket_website(ctx: Context, req: Json) -> Json:
    """See GetBucketWebsite: none."""
    message = "The specified bucket does not have a website configuration"
    raise _absent(ctx, req, "NoSuchWebsiteConfiguration", message)


@operation
def get_bucket_lifecycle_configuration(ctx: Context, req: Json) -> Json:
    """See GetBucketLifecycleConfiguration: none."""
    raise _absent(ctx, req, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist")


@operation
def get_bucket_replication(ctx: Context, req: Json) -> Json:
    """See GetBucketReplication: none."""
    message = "The replication configuration was not found"
    raise _absent(ctx, req, "ReplicationConfigurationNotFoundError", message)


@operation
def get_object_lock_configuration(ctx: Context, req: Json) -> Json:
    """See GetObjectLockConfiguration: none."""
    message = "Object Lock configuration does not exist for this bucket"
    raise _absent(ctx, req, "ObjectLockConfigurationNotFoundError", message)


@operation
def get_object_retention(ctx: Context, req: Json) -> Json:
    """See GetObjectRetention: no bucket has Object Lock."""
    reach.bucket(ctx.tx, ctx.account, req)
    raise invalid_request("Bucket is missing Object Lock Configuration")


@operation
def get_object_legal_hold(ctx: Context, req: Json) -> Json:
    """See GetObjectLegalHold: no bucket has Object Lock."""
    reach.bucket(ctx.tx, ctx.account, req)
    raise invalid_request("Bucket is missing Object Lock Configuration")


# changes that change nothing


def _same(wanted: Any, now: Any, header: str) -> Json:
    if wanted != now:
        raise not_implemented(header)
    return {}


@operation
def put_public_access_block(ctx: Context, req: Json) -> Json:
    """See PutPublicAccessBlock: all four stay on."""
    reach.bucket(ctx.tx, ctx.account, req)
    wanted = req["PublicAccessBlockConfiguration"]
    return _same([bool(wanted.get(flag)) for flag in _FLAGS], [True] * 4, "PublicAccessBlockConfiguration")


@operation
def put_bucket_ownership_controls(ctx: Context, req: Json) -> Json:
    """See PutBucketOwnershipControls: the bucket's owner stays owner of every object."""
    reach.bucket(ctx.tx, ctx.account, req)
    rules = req["OwnershipControls"].get("Rules") or []
    wanted = [rule.get("ObjectOwnership") for rule in rules]
    return _same(wanted, ["BucketOwnerEnforced"], "ObjectOwnership")


@operation
def put_bucket_encryption(ctx: Context, req: Json) -> Json:
    """See PutBucketEncryption: SSE-S3 stays the default."""
    reach.bucket(ctx.tx, ctx.account, req)
    (rule, *more) = req["ServerSideEncryptionConfiguration"].get("Rules") or [{}]
    wanted = (rule.get("ApplyServerSideEncryptionByDefault") or {}).get("SSEAlgorithm")
    blocked = (rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType") or ["SSE-C"]
    return _same((wanted, blocked, more), ("AES256", ["SSE-C"], []), "ServerSideEncryptionConfiguration")


# what never was is easily deleted


@operation
def delete_bucket_policy(ctx: Context, req: Json) -> Json:
    """See DeleteBucketPolicy."""
    return _nothing(ctx, req)


@operation
def delete_bucket_cors(ctx: Context, req: Json) -> Json:
    """See DeleteBucketCors."""
    return _nothing(ctx, req)


@operation
def delete_bucket_website(ctx: Context, req: Json) -> Json:
    """See DeleteBucketWebsite."""
    return _nothing(ctx, req)


@operation
def delete_bucket_lifecycle(ctx: Context, req: Json) -> Json:
    """See DeleteBucketLifecycle."""
    return _nothing(ctx, req)


@operation
def delete_bucket_replication(ctx: Context, req: Json) -> Json:
    """See DeleteBucketReplication."""
    return _nothing(ctx, req)


@operation
def delete_bucket_encryption(ctx: Context, req: Json) -> Json:
    """See DeleteBucketEncryption: back to SSE-S3, which it is."""
    return _nothing(ctx, req)


def _nothing(ctx: Context, req: Json) -> Json:
    reach.bucket(ctx.tx, ctx.account, req)
    return {}
