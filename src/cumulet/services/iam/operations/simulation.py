"""What would happen: simulated decisions, and the condition keys that policies ask for.

The decision is the policy engine's, the same that judges real calls; here its question is put together.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from cumulet.auth.policy.authorise import Authority
from cumulet.auth.policy.evaluate import AuthRequest, decide, global_keys
from cumulet.auth.policy.model import Named, Policy, Statement
from cumulet.auth.policy.parse import Kind, parse
from cumulet.auth.policy.simulate import Simulation, context_keys, positions, simulate
from cumulet.base import arn
from cumulet.base.context import ANONYMOUS, Principal
from cumulet.base.errors import AwsError
from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.kernel.service import operation

from .. import authority, rules, state

_SOURCE_TYPE = "IAM Policy"
_TIMES = ("aws:currenttime", "aws:epochtime")


@dataclass(slots=True)
class _Scene:
    """Who asks, under which policies. `texts` are the documents of the policies, by the identity of their Named."""

    principal: Principal
    now: float
    identity: list[Named] = field(default_factory=list)
    boundary: list[Named] | None = None
    resource: Named | None = None
    owner: str = ""
    keys: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)

    def compiled(self, name: str, text: str, kind: Kind = "identity") -> Named:
        """A policy of the scene."""
        named = Named(name, parse(text, kind, "InvalidInput"))
        self.texts[id(named)] = text
        return named


@operation
def simulate_custom_policy(ctx: Context, req: Json) -> Generator[None, None, Json]:
    """Of policies that are given. See IAM API Reference, 'SimulateCustomPolicy'."""
    return (yield from _simulated(ctx, req, _Scene(_nobody(ctx), ctx.now)))


@operation
def simulate_principal_policy(ctx: Context, req: Json) -> Generator[None, None, Json]:
    """Of what a user, group or role has, and of more that is given. See IAM API Reference, 'SimulatePrincipalPolicy'."""
    if "PolicyExclusionList" in req:
        raise AwsError("NotImplemented", "Cumulet does not implement the parameter PolicyExclusionList yet.", 501)
    kind, owner = _source(ctx, req["PolicySourceArn"])
    scene = _Scene(_principal(ctx, kind, owner), ctx.now)
    for name, text in _documents(ctx, kind, owner):
        scene.identity.append(scene.compiled(name, text))
    if "boundary" in owner:
        policy = rules.existing_policy(ctx, owner["boundary"])
        text = authority.document(ctx, owner["boundary"], policy)
        scene.boundary = [scene.compiled(policy["name"], text)]
    if kind != "group":
        scene.keys = dict(global_keys(scene.principal))
    return (yield from _simulated(ctx, req, scene))


@operation
def get_context_keys_for_custom_policy(_ctx: Context, req: Json) -> Generator[None, None, Json]:
    """See IAM API Reference, 'GetContextKeysForCustomPolicy'."""
    return {"ContextKeyNames": (yield from _context_keys(req, []))}


@operation
def get_context_keys_for_principal_policy(ctx: Context, req: Json) -> Generator[None, None, Json]:
    """See IAM API Reference, 'GetContextKeysForPrincipalPolicy'."""
    kind, owner = _source(ctx, req["PolicySourceArn"])
    own = [parse(text, "identity") for _, text in _documents(ctx, kind, owner)]
    return {"ContextKeyNames": (yield from _context_keys(req, own))}


def _context_keys(req: Json, policies: list[Policy]) -> Generator[None, None, list[str]]:
    for text in req.get("PolicyInputList", ()):
        policies.append(parse(text, "identity", "InvalidInput"))
        yield
    return context_keys(policies)


def _simulated(ctx: Context, req: Json, scene: _Scene) -> Generator[None, None, Json]:
    yield from _complete(req, scene)
    actions, resources = req["ActionNames"], req.get("ResourceArns") or ["*"]
    for action in actions:
        vendor, colon, name = action.partition(":")
        if not (vendor and colon and name) or "*" in action or "?" in action:
            raise AwsError("InvalidInput", f"Invalid action name: {action}", 400)
    start = rules.number_marker(req)
    results = []
    for number in range(start, min(start + rules.page_size(req), len(actions) * len(resources))):
        action, resource = actions[number // len(resources)], resources[number % len(resources)]
        results.append((number + 1, _evaluated(ctx, scene, action, resource, specific="ResourceArns" in req)))
        yield
    answer = rules.paged("EvaluationResults", results, req, lambda entry: str(entry[0]))
    answer["EvaluationResults"] = [result for _, result in answer["EvaluationResults"]]
    return answer


def _complete(req: Json, scene: _Scene) -> Generator[None, None, None]:
    """Add to the scene what the request gives. Raises InvalidInput, NotImplemented."""
    if "ResourceHandlingOption" in req:
        raise AwsError("NotImplemented", "Cumulet does not implement the parameter ResourceHandlingOption yet.", 501)
    for number, text in enumerate(req.get("PolicyInputList", ()), 1):
        scene.identity.append(scene.compiled(f"PolicyInputList.{number}", text))
        yield
    boundaries = []
    for number, text in enumerate(req.get("PermissionsBoundaryPolicyInputList", ()), 1):
        boundaries.append(scene.compiled(f"PermissionsBoundaryPolicyInputList.{number}", text))
        yield
    scene.boundary = boundaries or scene.boundary
    if "CallerArn" in req:
        scene.principal = _caller(req["CallerArn"])
        scene.keys = dict(global_keys(scene.principal))
    if "ResourcePolicy" in req:
        if "CallerArn" not in req and not (scene.principal.kind == "user" and scene.principal.user_id):
            raise AwsError("InvalidInput", "CallerArn is required with a ResourcePolicy.", 400)
        scene.resource = scene.compiled("ResourcePolicy", req["ResourcePolicy"], "resource")
    if "ResourceOwner" in req:
        parts = arn.parse(req["ResourceOwner"])
        scene.owner = parts.account if parts is not None else req["ResourceOwner"]
    for key, value in global_keys(ANONYMOUS, now=scene.now).items():
        if key in _TIMES:
            scene.keys.setdefault(key, value)
    for entry in req.get("ContextEntries", ()):
        if "ContextKeyName" in entry:
            scene.keys[entry["ContextKeyName"].lower()] = list(entry.get("ContextKeyValues", ()))


def _evaluated(ctx: Context, scene: _Scene, action: str, resource: str, *, specific: bool) -> Json:
    request = AuthRequest(action, resource, scene.principal, scene.keys)
    parts = arn.parse(resource)
    owner = scene.owner or (parts.account if parts is not None and parts.account else ctx.account)
    done = simulate(request, Authority(scene.identity, scene.boundary, None), scene.resource, owner)
    more: Json = {"MatchedStatements": _matched(scene, done), "MissingContextValues": done.missing_keys}
    if scene.boundary is not None:
        allowed = decide(_statements(scene.boundary), request).allowed
        more["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    if done.verdict.cross_account:
        more["EvalDecisionDetails"] = _details(scene, request)
    result: Json = {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": done.decision, **more}
    if specific:
        result["ResourceSpecificResults"] = [
            {"EvalResourceName": resource, "EvalResourceDecision": done.decision, **more}
        ]
    return result


def _details(scene: _Scene, request: AuthRequest) -> dict[str, str]:
    said = {"IAM Policy": decide(_statements(scene.identity), request).effect}
    if scene.resource is not None:
        said["Resource Policy"] = decide(scene.resource.policy.statements, request).effect
    words = {"Allow": "allowed", "Deny": "explicitDeny", "None": "implicitDeny"}
    return {policy: words[effect] for policy, effect in said.items()}


def _statements(policies: list[Named]) -> list[Statement]:
    return [statement for named in policies for statement in named.policy.statements]


def _matched(scene: _Scene, done: Simulation) -> list[Json]:
    shown = []
    for named, statement in done.matched:
        index = next(number for number, one in enumerate(named.policy.statements) if one is statement)
        start, end = positions(scene.texts[id(named)])[index]
        shown.append(
            {
                "SourcePolicyId": named.name,
                "SourcePolicyType": _SOURCE_TYPE,
                "StartPosition": {"Line": start.line, "Column": start.column},
                "EndPosition": {"Line": end.line, "Column": end.column},
            }
        )
    return shown


def _source(ctx: Context, text: str) -> tuple[state.Owner, Json]:
    """The user, group or role of an ARN. Raises InvalidInput, NoSuchEntity."""
    parts = arn.parse(text)
    kind = parts.resource.partition("/")[0] if parts is not None and parts.service == "iam" else ""
    for known in ("user", "group", "role"):
        if kind == known:
            owner_kind: state.Owner = known
            owner = rules.existing(ctx, owner_kind, text.rpartition("/")[2])
            if rules.make_arn(ctx, owner_kind, owner) != text:
                raise rules.missing(f"The {kind} with name {text.rpartition('/')[2]} cannot be found.")
            return owner_kind, owner
    raise AwsError("InvalidInput", f"Invalid Entity Arn: {text}", 400)


def _documents(ctx: Context, kind: state.Owner, owner: Json) -> list[tuple[str, str]]:
    """Names and texts of the policies that an entity has by itself and by its groups."""
    found = [(f"{kind}_{owner['name']}_{name}", text) for name, text in state.inlines(ctx, owner, "", state.MANY)]
    for policy_arn, name in state.attached(ctx, owner, "", state.MANY):
        found.append((name, authority.document(ctx, policy_arn, rules.existing_policy(ctx, policy_arn))))
    if kind == "user":
        for _, group in state.parts(ctx, "membership", owner["id"], "", state.MANY):
            found += _documents(ctx, "group", rules.existing(ctx, "group", group))
    return found


def _principal(ctx: Context, kind: state.Owner, owner: Json) -> Principal:
    if kind == "role":
        tags = {tag["Key"]: tag["Value"] for tag in owner["tags"]}
        session = arn.make("sts", "", ctx.account, f"assumed-role/{owner['name']}/simulation")
        return Principal(
            "role", ctx.account, session, f"{owner['id']}:simulation", owner["name"], "simulation", tags=tags
        )
    if kind == "group":
        return _nobody(ctx)
    return authority.principal(ctx, owner)


def _nobody(ctx: Context) -> Principal:
    """Some user of the account: policies apply to it, and no key is known of it."""
    return Principal("user", ctx.account, arn.make("iam", "", ctx.account, "user/"), "")


def _caller(text: str) -> Principal:
    parts = arn.parse(text)
    kind, _, rest = parts.resource.partition("/") if parts is not None else ("", "", "")
    if parts is None or parts.service != "iam" or kind != "user":
        raise AwsError("InvalidInput", f"Invalid Caller Arn: {text}", 400)
    name = rest.rpartition("/")[2]
    return Principal("user", parts.account, text, name, name)
