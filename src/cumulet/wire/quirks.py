"""What the models do not say: the oddities of single services, in one place, each with a test of its name.

The generators name no service, and the claims only the one whose addresses are like no other's. Sources: the pages 'Error
responses' and the operations' own pages of the Amazon S3 API Reference, 'Common Errors' of each service's API Reference, and
botocore's `handlers.py` for what clients tolerate.
"""

from __future__ import annotations

from typing import Any, NamedTuple

S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# Names of the root elements of S3's responses, by operation: the model only names the shapes.
ROOT_ELEMENTS: dict[tuple[str, str], str] = {
    ("s3", operation): root
    for operation, root in (
        ("CompleteMultipartUpload", "CompleteMultipartUploadResult"),
        ("CreateMultipartUpload", "InitiateMultipartUploadResult"),
        ("CreateSession", "CreateSessionResult"),
        ("DeleteObjects", "DeleteResult"),
        ("GetBucketAccelerateConfiguration", "AccelerateConfiguration"),
        ("GetBucketAcl", "AccessControlPolicy"),
        ("GetBucketCors", "CORSConfiguration"),
        ("GetBucketLifecycleConfiguration", "LifecycleConfiguration"),
        ("GetBucketLocation", "LocationConstraint"),
        ("GetBucketLogging", "BucketLoggingStatus"),
        ("GetBucketNotificationConfiguration", "NotificationConfiguration"),
        ("GetBucketRequestPayment", "RequestPaymentConfiguration"),
        ("GetBucketTagging", "Tagging"),
        ("GetBucketVersioning", "VersioningConfiguration"),
        ("GetBucketWebsite", "WebsiteConfiguration"),
        ("GetObjectAcl", "AccessControlPolicy"),
        ("GetObjectAttributes", "GetObjectAttributesResponse"),
        ("GetObjectTagging", "Tagging"),
        ("ListBucketAnalyticsConfigurations", "ListBucketAnalyticsConfigurationResult"),
        ("ListBucketIntelligentTieringConfigurations", "ListBucketIntelligentTieringConfigurationsResult"),
        ("ListBucketInventoryConfigurations", "ListInventoryConfigurationsResult"),
        ("ListBucketMetricsConfigurations", "ListMetricsConfigurationsResult"),
        ("ListBuckets", "ListAllMyBucketsResult"),
        ("ListDirectoryBuckets", "ListAllMyDirectoryBucketsResult"),
        ("ListMultipartUploads", "ListMultipartUploadsResult"),
        ("ListObjectVersions", "ListVersionsResult"),
        ("ListObjects", "ListBucketResult"),
        ("ListObjectsV2", "ListBucketResult"),
        ("ListParts", "ListPartsResult"),
    )
}

# The response is the member's text in the root element itself, and the root is there when the member is not.
TEXT_ROOT: dict[tuple[str, str], str] = {("s3", "GetBucketLocation"): "LocationConstraint"}

# A response that carries this member is a part of the whole: 206.
PARTIAL_CONTENT: dict[tuple[str, str], str] = {
    ("s3", "GetObject"): "ContentRange",
    ("s3", "HeadObject"): "ContentRange",
}

# XML timestamps always with milliseconds: 2009-10-12T17:50:30.000Z.
MILLISECONDS = frozenset({"s3"})

# Conditions with an unreadable date are no conditions (RFC 9110), so these headers never fail to parse.
LENIENT_DATES = frozenset({"if-modified-since", "if-unmodified-since"})

# Constraints that S3 answers with errors of its own; in its documents it only says that a document is not what the schema says.
SCHEMA_ONLY = frozenset({"s3"})
UNCHECKED_ENUMS = frozenset({"BucketLocationConstraint", "Event", "FilterRuleName"})
MALFORMED_XML = "The XML you provided was not well-formed or did not validate against our published schema"

# What a service calls a request that breaks its model's constraints, where that is not its protocol's usual name.
VALIDATION_CODES: dict[str, str] = {
    "apigateway": "BadRequestException",
    "apigatewayv2": "BadRequestException",
    "athena": "InvalidRequestException",
    "codebuild": "InvalidInputException",
    "cognito-identity": "InvalidParameterException",
    "cognito-idp": "InvalidParameterException",
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "glue": "InvalidInputException",
    "logs": "InvalidParameterException",
    "sns": "InvalidParameter",
}

# Prefixes of `__type` in error bodies.
TYPE_PREFIXES: dict[str, str] = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810#",
    "sqs": "com.amazonaws.sqs#",
}
CORAL_PREFIXES: dict[str, str] = {
    "SerializationException": "com.amazon.coral.service#",
    "UnknownOperationException": "com.amazon.coral.service#",
    "UnrecognizedClientException": "com.amazon.coral.service#",
    "InvalidSignatureException": "com.amazon.coral.service#",
    "AccessDeniedException": "com.amazon.coral.service#",
    "ValidationException": "com.amazon.coral.validate#",
}

# Services whose every response carries the CRC-32 of its body.
CRC32 = frozenset({"dynamodb", "dynamodbstreams"})

# The names that SQS's errors had when it spoke the query protocol; clients look for them in x-amzn-query-error.
QUERY_ERRORS: dict[str, dict[str, str]] = {
    "sqs": {
        name: "AWS.SimpleQueueService." + (old or name)
        for name, old in (
            ("BatchEntryIdsNotDistinct", ""),
            ("BatchRequestTooLong", ""),
            ("EmptyBatchRequest", ""),
            ("InvalidBatchEntryId", ""),
            ("MessageNotInflight", ""),
            ("PurgeQueueInProgress", ""),
            ("QueueDeletedRecently", ""),
            ("QueueDoesNotExist", "NonExistentQueue"),
            ("TooManyEntriesInBatchRequest", ""),
            ("UnsupportedOperation", ""),
        )
    }
    | {"QueueNameExists": "QueueAlreadyExists"}
}

# Keys of an error body that the model puts into every error structure: filled when the operation gave none.
FAULT_MEMBER = "Type"

# S3's statuses for the errors that its model does not list.
S3_STATUS: dict[str, int] = {
    "AccessDenied": 403,
    "AccessControlListNotSupported": 400,
    "AccountProblem": 403,
    "AllAccessDisabled": 403,
    "AuthorizationHeaderMalformed": 400,
    "BucketNotEmpty": 409,
    "ConditionalRequestConflict": 409,
    "CrossLocationLoggingProhibited": 403,
    "ExpiredToken": 400,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidBucketState": 409,
    "InvalidPayer": 403,
    "InvalidRange": 416,
    "InvalidSecurity": 403,
    "MethodNotAllowed": 405,
    "MissingContentLength": 411,
    "NoSuchBucketPolicy": 404,
    "NoSuchCORSConfiguration": 404,
    "NoSuchConfiguration": 404,
    "NoSuchLifecycleConfiguration": 404,
    "NoSuchObjectLockConfiguration": 404,
    "NoSuchPublicAccessBlockConfiguration": 404,
    "NoSuchTagSet": 404,
    "NoSuchVersion": 404,
    "NoSuchWebsiteConfiguration": 404,
    "NotImplemented": 501,
    "NotModified": 304,
    "ObjectLockConfigurationNotFoundError": 404,
    "OperationAborted": 409,
    "OwnershipControlsNotFoundError": 404,
    "PermanentRedirect": 301,
    "PreconditionFailed": 412,
    "ReplicationConfigurationNotFoundError": 404,
    "RequestTimeTooSkewed": 403,
    "RequestTimeout": 400,
    "RestoreAlreadyInProgress": 409,
    "ServerSideEncryptionConfigurationNotFoundError": 404,
    "ServiceUnavailable": 503,
    "SignatureDoesNotMatch": 403,
    "SlowDown": 503,
    "XAmzContentSHA256Mismatch": 400,
}


class Argument(NamedTuple):
    """How S3 refuses a header or query parameter of the wrong type."""

    code: str
    message: str
    members: dict[str, Any]


def bad_argument(name: str, value: str) -> Argument:
    """S3's words for a parameter `name` that cannot be `value`."""
    if name == "partNumber":
        message = "Part number must be an integer between 1 and 10000, inclusive"
    elif name.startswith("x-amz-") or name[:1].isupper():
        message = f"The value of {name} is invalid"
    else:
        message = f"Provided {name} not an integer or within integer range"
    return Argument("InvalidArgument", message, {"ArgumentName": name, "ArgumentValue": value})
