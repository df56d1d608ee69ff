"""Lambda's errors in AWS's words. Source: the 'Errors' sections of the AWS Lambda API Reference."""

from __future__ import annotations

from cumulet.base.errors import AwsError

_USER = {"Type": "User"}


def invalid(message: str) -> AwsError:
    """A parameter that cannot be what it is."""
    return AwsError("InvalidParameterValueException", message, 400, members=_USER)


def conflict(message: str) -> AwsError:
    """The resource exists, or is in a state that forbids this."""
    return AwsError("ResourceConflictException", message, 409, members=_USER)


def not_found(message: str) -> AwsError:
    """No such resource."""
    return AwsError("ResourceNotFoundException", message, 404, members=_USER)


def no_function(arn: str) -> AwsError:
    """No such function, version or alias."""
    return not_found(f"Function not found: {arn}")


def precondition(where: str) -> AwsError:
    """The RevisionId is not the latest; `where` names the calls that tell it."""
    message = f"The Revision Id provided does not match the latest Revision Id. Call the {where} API to retrieve the latest Revision Id"
    return AwsError("PreconditionFailedException", message, 412, members=_USER)


def denied(message: str) -> AwsError:
    """Who asks may not."""
    return AwsError("AccessDeniedException", message, 403)


def too_large(limit: int, operation: str) -> AwsError:
    """A request over its size limit in bytes."""
    return AwsError(
        "RequestTooLargeException",
        f"Request must be smaller than {limit} bytes for the {operation} operation",
        413,
        members=_USER,
    )


def throttled(reason: str, retry_after: int = 1) -> AwsError:
    """No concurrency is left; `reason` is one of AWS's ThrottleReason values, `retry_after` is in seconds."""
    return AwsError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        429,
        members={"Type": "User", "Reason": reason, "retryAfterSeconds": str(retry_after)},
    )


def missing(parameter: str, why: str) -> AwsError:
    """A parameter that AWS honours and Cumulet cannot yet: refused, never ignored."""
    return AwsError("NotImplemented", f"Cumulet does not implement {parameter} yet: {why}", 501)
