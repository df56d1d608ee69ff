"""S3's errors in S3's words. Source: Amazon S3 API Reference, 'Error responses' ('List of error codes')."""

from __future__ import annotations

from cumulet.base.errors import AwsError


def no_such_bucket(name: str) -> AwsError:
    """404: nobody has a bucket of that name."""
    return AwsError("NoSuchBucket", "The specified bucket does not exist", 404, members={"BucketName": name})


def no_such_key(key: str) -> AwsError:
    """404: the bucket has no such object."""
    return AwsError("NoSuchKey", "The specified key does not exist.", 404, members={"Key": key})


def no_such_version(key: str, version: str) -> AwsError:
    """404: the object has no such version."""
    members = {"Key": key, "VersionId": version}
    return AwsError("NoSuchVersion", "The specified version does not exist.", 404, members=members)


def no_such_upload(upload_id: str) -> AwsError:
    """404: the multipart upload is unknown, or over."""
    message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    return AwsError("NoSuchUpload", message, 404, members={"UploadId": upload_id})


def access_denied() -> AwsError:
    """403: the caller may not."""
    return AwsError("AccessDenied", "Access Denied", 403)


def invalid_argument(message: str, name: str, value: str) -> AwsError:
    """400: a parameter has a value that cannot be used."""
    return AwsError("InvalidArgument", message, 400, members={"ArgumentName": name, "ArgumentValue": value})


def invalid_request(message: str) -> AwsError:
    """400: the request contradicts itself or lacks something."""
    return AwsError("InvalidRequest", message, 400)


def malformed_xml() -> AwsError:
    """400: the document does not follow S3's schema."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedXML", message, 400)


def precondition_failed(condition: str) -> AwsError:
    """412: the header `condition` did not hold."""
    message = "At least one of the pre-conditions you specified did not hold"
    return AwsError("PreconditionFailed", message, 412, members={"Condition": condition})


def not_implemented(header: str) -> AwsError:
    """501: AWS knows this header or parameter, Cumulet does not yet; it is named."""
    message = "A header you provided implies functionality that is not implemented"
    return AwsError("NotImplemented", message, 501, members={"Header": header})
