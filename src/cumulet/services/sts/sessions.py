"""What a session brings along, checked and measured; and what it inherits from the session that asks for it.

Sources: STS API Reference, 'AssumeRole'; IAM User Guide, 'Session policies', 'Pass session tags in AWS STS', 'Monitor and
control actions taken with assumed roles'.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import ceil

from cumulet.auth import credentials
from cumulet.auth.policy.parse import parse
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context

_PACKED = 2048
_MAX_POLICIES = 10
_MAX_TAGS = 50
_TOKEN = 400
"""Characters of our session tokens."""


@dataclass(frozen=True, slots=True)
class Brought:
    """`policies` are documents and ARNs; `tags` are the session's, those that it inherits included. `packed`: how many per
    cent of the allowed space that takes, None where it brings nothing."""

    policies: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    transitive: tuple[str, ...] = ()
    source_identity: str = ""
    packed: int | None = None


def brought(ctx: Context, req: Json, account: str) -> Brought:
    """What the session of a request brings along; managed policies are those of `account`.

    Raises MalformedPolicyDocument, PackedPolicyTooLarge, ValidationError, InvalidParameterValue, NotImplemented.
    """
    for parameter in ("ProvidedContexts", "MinimumSessionTokenSize"):
        wanted = req.get(parameter)
        if wanted and not (parameter == "MinimumSessionTokenSize" and wanted <= _TOKEN):
            raise AwsError("NotImplemented", f"Cumulet does not implement the parameter {parameter} yet.", 501)
    policies = []
    if req.get("Policy"):
        parse(req["Policy"], "identity")
        policies.append(req["Policy"])
    arns = [policy["arn"] for policy in req.get("PolicyArns") or () if policy.get("arn")]
    if len(arns) > _MAX_POLICIES:
        raise AwsError("ValidationError", f"A session can have at most {_MAX_POLICIES} managed policies.", 400)
    if arns:
        try:
            ctx.call("iam", "PoliciesForSession", {"PolicyArns": arns}, account=account)
        except AwsError as err:
            raise AwsError("MalformedPolicyDocument", err.message, 400) from None
    own = _tags(req)
    made = _inherit(ctx, Brought((*policies, *arns), own, tuple(req.get("TransitiveTagKeys") or ())))
    made = replace(made, source_identity=_source_identity(ctx, req))
    return replace(made, packed=_packed(policies, arns, own))


def _tags(req: Json) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in req.get("Tags") or ()}
    names = {name.lower() for name in tags}
    if len(names) != len(req.get("Tags") or ()):
        raise _parameter("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if len(tags) > _MAX_TAGS:
        raise AwsError("ValidationError", f"A session can have at most {_MAX_TAGS} tags.", 400)
    if any(name.startswith("aws:") for name in names):
        raise _parameter("Tag keys starting with aws: are reserved for AWS use.")
    for name in req.get("TransitiveTagKeys") or ():
        if name.lower() not in names:
            raise _parameter("The specified transitive tag key must be included in the requested tags.")
    return tags


def _inherit(ctx: Context, session: Brought) -> Brought:
    """Add the transitive tags of the calling session."""
    caller = _calling_key(ctx)
    if caller is None or not caller.transitive_tags:
        return session
    wanted = {name.lower() for name in caller.transitive_tags}
    if wanted & {name.lower() for name in session.tags}:
        raise _parameter(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
            "calling session."
        )
    inherited = {name: value for name, value in caller.session_tags.items() if name.lower() in wanted}
    return replace(
        session, tags={**session.tags, **inherited}, transitive=(*session.transitive, *caller.transitive_tags)
    )


def _source_identity(ctx: Context, req: Json) -> str:
    """Once set, it stays for the whole chain of roles."""
    wanted = str(req.get("SourceIdentity") or "")
    caller = _calling_key(ctx)
    given = caller.source_identity if caller is not None else ""
    if given and wanted and wanted != given:
        raise AwsError("AccessDenied", "The source identity of a session cannot be changed by role chaining.", 403)
    return given or wanted


def _calling_key(ctx: Context) -> credentials.AccessKey | None:
    if ctx.principal.kind != "role" or not ctx.principal.access_key:
        return None
    return credentials.lookup(ctx.readable, ctx.principal.access_key)


def _packed(policies: list[str], arns: list[str], tags: dict[str, str]) -> int | None:
    size = sum(map(len, policies)) + sum(map(len, arns)) + sum(len(name) + len(value) for name, value in tags.items())
    if not size:
        return None
    part = ceil(100 * size / _PACKED)
    if part > 100:
        raise AwsError(
            "PackedPolicyTooLarge", f"Packed policy consumes {part}% of allotted space, please use smaller policy.", 400
        )
    return part


def _parameter(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message, 400)
