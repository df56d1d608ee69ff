"""What IAM keeps, and where. The only file of the service that touches the store (save auth.credentials for keys).

    role | user | group | …    name in lower case            → the entity: name, id, path, created, …
    role-path | user-path | …  path, name in lower case      → nothing: entities by path
    count                      kind                          → how many entities of a kind there are
    inline                     owner's id, policy name       → an inline policy's document
    attached                   owner's id, policy ARN        → the policy's name
    attachment                 policy ARN, kind, owner's id  → the owner's name
    attachments                policy ARN                    → how many attachments a policy has
    bounded                    policy ARN, kind, owner's id  → the name of whom the policy bounds
    boundaries                 policy ARN                    → for how many principals a policy is the boundary
    version                    policy's id, number           → a document and when it was made
    key                        owner's id, access key id     → status and time of an access key
    member                     group's id, user's id         → the user's name
    membership                 user's id, group's id         → the group's name
    profile                    role's id, profile's id       → the instance profile's name
    login                      user's id, ""                 → a salted hash of the password, and when it was made
    device                     user's id, serial number      → when the device was enabled
    metadata                   SAML provider's id, ""        → its metadata document
    account                    what                          → alias, password policy, time of the credential report, …
    alias                      alias, of all accounts        → the account that has it
    published                  AWS policy's ARN, for all     → which version of it the kernel knows

Names are unique whatever their case. What hangs on an entity is keyed by its unique id: a successor starts empty.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from cumulet.base.types import Json
from cumulet.kernel.context import Context
from cumulet.store import keys, records

Kind = Literal["role", "user", "policy", "group", "instance-profile", "oidc-provider", "saml-provider", "mfa"]
"""Kinds of entities, called as in their ARNs."""

Owner = Literal["user", "group", "role"]
"""Those that have policies."""

Part = Literal["member", "membership", "profile", "login", "device", "metadata"]
"""What hangs on entities and is kept in one and the same way."""

MANY = 1000


@lru_cache(4096)
def _space(account: str, kind: str) -> bytes:
    return keys.space(account, "", "iam") + keys.pack(kind)


def _at(ctx: Context, kind: str, *parts: str | int) -> bytes:
    return _space(ctx.account, kind) + keys.pack(*parts)


def _read(ctx: Context, key: bytes) -> Any:
    raw = ctx.readable.get(key)
    return records.decode(raw) if raw is not None else None


# entities


def entity(ctx: Context, kind: Kind, name: str) -> Json | None:
    """The record of a role, user or policy, not to be changed, or None."""
    found: Json | None = ctx.readable.cached(_at(ctx, kind, name.lower()), records.decode)
    return found


def create(ctx: Context, kind: Kind, record: Json) -> None:
    """Write a new entity."""
    put(ctx, kind, record)
    ctx.tx.put(_at(ctx, f"{kind}-path", record["path"], record["name"].lower()), b"")
    _count(ctx, kind, 1)


def put(ctx: Context, kind: Kind, record: Json) -> None:
    """Write an entity that exists; its name and path do not change."""
    ctx.tx.put(_at(ctx, kind, record["name"].lower()), records.encode(record))


def move(ctx: Context, kind: Kind, old: Json, new: Json) -> None:
    """Write an entity whose name or path changes; what hangs on it stays, and those that name it learn its new name."""
    ctx.tx.delete(_at(ctx, kind, old["name"].lower()))
    ctx.tx.delete(_at(ctx, f"{kind}-path", old["path"], old["name"].lower()))
    put(ctx, kind, new)
    ctx.tx.put(_at(ctx, f"{kind}-path", new["path"], new["name"].lower()), b"")
    for arn, _ in attached(ctx, old, "", MANY):
        ctx.tx.put(_at(ctx, "attachment", arn, kind, old["id"]), records.encode(new["name"]))
    if "boundary" in old:
        ctx.tx.put(_at(ctx, "bounded", old["boundary"], kind, old["id"]), records.encode(new["name"]))


def drop(ctx: Context, kind: Kind, record: Json) -> None:
    """Delete an entity and everything that is keyed by its id."""
    ctx.tx.delete(_at(ctx, kind, record["name"].lower()))
    ctx.tx.delete(_at(ctx, f"{kind}-path", record["path"], record["name"].lower()))
    for part in (
        "inline",
        "attached",
        "version",
        "key",
        "member",
        "membership",
        "profile",
        "login",
        "device",
        "metadata",
    ):
        ctx.tx.clear_range(*keys.bounds(_at(ctx, part, record["id"])))
    _count(ctx, kind, -1)


def count(ctx: Context, kind: Kind) -> int:
    """How many entities of a kind the account has."""
    return int(_read(ctx, _at(ctx, "count", kind)) or 0)


def _count(ctx: Context, kind: Kind, change: int) -> None:
    ctx.tx.put(_at(ctx, "count", kind), records.encode(count(ctx, kind) + change))


def entities(ctx: Context, kind: Kind, path_prefix: str, past: str, limit: int) -> tuple[list[Json], str]:
    """At most `limit` entities whose paths start with `path_prefix`, past a place; and the place of the last one.

    By name for the prefix "/", else by path and name. Places are text, "" is the start.
    """
    if path_prefix == "/":
        space = _space(ctx.account, kind)
        lo, hi = keys.bounds(space)
        if past:
            lo = space + keys.pack(past) + b"\x00"
        found = [records.decode(raw) for _, raw in ctx.tx.range(lo, hi, limit)]
        return found, found[-1]["name"].lower() if found else ""
    space = _space(ctx.account, f"{kind}-path")
    start = space + keys.pack(path_prefix)[:-1]
    lo, hi = start, keys.after_prefix(start)
    if past:
        path, _, name = past.rpartition("/")
        lo = max(lo, space + keys.pack(path + "/", name) + b"\x00")
    places: list[Any] = [keys.unpack(key[len(space) :]) for key, _ in ctx.tx.range(lo, hi, limit)]
    named = [entity(ctx, kind, name) for _, name in places]
    return [record for record in named if record is not None], "".join(places[-1]) if places else ""


def place(record: Json, path_prefix: str) -> str:
    """Where an entity stands in a listing of `path_prefix`."""
    name = str(record["name"]).lower()
    return name if path_prefix == "/" else f"{record['path']}{name}"


# inline policies


def inline(ctx: Context, owner: Json, name: str) -> str | None:
    """The document of an inline policy, or None."""
    found: str | None = _read(ctx, _at(ctx, "inline", owner["id"], name))
    return found


def put_inline(ctx: Context, owner: Json, name: str, document: str) -> None:
    """Write an inline policy."""
    ctx.tx.put(_at(ctx, "inline", owner["id"], name), records.encode(document))


def drop_inline(ctx: Context, owner: Json, name: str) -> None:
    """Delete an inline policy."""
    ctx.tx.delete(_at(ctx, "inline", owner["id"], name))


def inlines(ctx: Context, owner: Json, past: str, limit: int) -> list[tuple[str, str]]:
    """At most `limit` inline policies (name, document) by name, past a name."""
    return _named(ctx, "inline", owner["id"], past, limit)


# attachments


def attach(ctx: Context, kind: Owner, owner: Json, arn: str, name: str) -> None:
    """Attach a policy; nothing changes where it is attached already."""
    place = _at(ctx, "attached", owner["id"], arn)
    if ctx.tx.get(place) is None:
        ctx.tx.put(place, records.encode(name))
        ctx.tx.put(_at(ctx, "attachment", arn, kind, owner["id"]), records.encode(owner["name"]))
        ctx.tx.put(_at(ctx, "attachments", arn), records.encode(attachments(ctx, arn) + 1))


def detach(ctx: Context, kind: Owner, owner: Json, arn: str) -> bool:
    """Detach a policy. Returns whether it was attached."""
    place = _at(ctx, "attached", owner["id"], arn)
    if ctx.tx.get(place) is None:
        return False
    ctx.tx.delete(place)
    ctx.tx.delete(_at(ctx, "attachment", arn, kind, owner["id"]))
    ctx.tx.put(_at(ctx, "attachments", arn), records.encode(attachments(ctx, arn) - 1))
    return True


def attached(ctx: Context, owner: Json, past: str, limit: int) -> list[tuple[str, str]]:
    """At most `limit` policies (ARN, name) attached to an entity, past an ARN."""
    return _named(ctx, "attached", owner["id"], past, limit)


def is_attached(ctx: Context, owner: Json, arn: str) -> bool:
    """Whether a policy is attached to an entity."""
    return ctx.tx.get(_at(ctx, "attached", owner["id"], arn)) is not None


def attachments(ctx: Context, arn: str) -> int:
    """To how many entities a policy is attached."""
    return int(_read(ctx, _at(ctx, "attachments", arn)) or 0)


def bound(ctx: Context, kind: Owner, owner: Json, arn: str, change: Literal[1, -1]) -> None:
    """Note that a policy has become (1) or has ceased to be (-1) the permissions boundary of a user or role."""
    place = _at(ctx, "bounded", arn, kind, owner["id"])
    if change == 1:
        ctx.tx.put(place, records.encode(owner["name"]))
    else:
        ctx.tx.delete(place)
    ctx.tx.put(_at(ctx, "boundaries", arn), records.encode(boundaries(ctx, arn) + change))


def boundaries(ctx: Context, arn: str) -> int:
    """For how many users and roles a policy is the permissions boundary."""
    return int(_read(ctx, _at(ctx, "boundaries", arn)) or 0)


def used_by(
    ctx: Context, use: Literal["attachment", "bounded"], arn: str, past: tuple[str, str] | None, limit: int
) -> list[tuple[Owner, str, str]]:
    """At most `limit` entities (kind, id, name) that a policy is attached to, or that it bounds, past (kind, id)."""
    space = _at(ctx, use, arn)
    lo, hi = keys.bounds(space)
    if past is not None:
        lo = space + keys.pack(*past) + b"\x00"
    found: list[tuple[Owner, str, str]] = []
    for key, raw in ctx.tx.range(lo, hi, limit):
        parts: Any = keys.unpack(key[len(space) :])
        found.append((parts[0], parts[1], records.decode(raw)))
    return found


# versions of policies


def version(ctx: Context, policy: Json, number: int) -> Json | None:
    """A version of a customer's policy: document, created. None where there is none."""
    found: Json | None = _read(ctx, _at(ctx, "version", policy["id"], number))
    return found


def put_version(ctx: Context, policy: Json, number: int, document: str) -> None:
    """Write a version."""
    ctx.tx.put(
        _at(ctx, "version", policy["id"], number), records.encode({"document": document, "created": int(ctx.now)})
    )


def drop_version(ctx: Context, policy: Json, number: int) -> None:
    """Delete a version."""
    ctx.tx.delete(_at(ctx, "version", policy["id"], number))


def versions(ctx: Context, policy: Json) -> list[tuple[int, Json]]:
    """All versions (at most five), newest first."""
    space = _at(ctx, "version", policy["id"])
    page = ctx.tx.range(*keys.bounds(space), MANY, reverse=True)
    parts: list[tuple[Any, Json]] = [(keys.unpack(key[len(space) :])[0], records.decode(raw)) for key, raw in page]
    return parts


# access keys


def access_key(ctx: Context, owner_id: str, key_id: str) -> Json | None:
    """Status and time of an access key, or None."""
    found: Json | None = _read(ctx, _at(ctx, "key", owner_id, key_id))
    return found


def put_access_key(ctx: Context, owner_id: str, key_id: str, record: Json) -> None:
    """Write what IAM shows of an access key."""
    ctx.tx.put(_at(ctx, "key", owner_id, key_id), records.encode(record))


def drop_access_key(ctx: Context, owner_id: str, key_id: str) -> None:
    """Delete what IAM shows of an access key."""
    ctx.tx.delete(_at(ctx, "key", owner_id, key_id))


def access_keys(ctx: Context, owner_id: str, past: str, limit: int) -> list[tuple[str, Json]]:
    """At most `limit` access keys (id, record) of an owner, past an id."""
    return _named(ctx, "key", owner_id, past, limit)


# what hangs on entities: memberships, instance profiles of roles, login profiles, MFA devices


def part(ctx: Context, what: Part, owner_id: str, key: str) -> Any:
    """A record that hangs on an entity, None where there is none."""
    return _read(ctx, _at(ctx, what, owner_id, key))


def put_part(ctx: Context, what: Part, owner_id: str, key: str, record: Any) -> None:
    """Write a record that hangs on an entity."""
    ctx.tx.put(_at(ctx, what, owner_id, key), records.encode(record))


def drop_part(ctx: Context, what: Part, owner_id: str, key: str) -> None:
    """Delete a record that hangs on an entity."""
    ctx.tx.delete(_at(ctx, what, owner_id, key))


def parts(ctx: Context, what: Part, owner_id: str, past: str, limit: int) -> list[tuple[str, Any]]:
    """At most `limit` of the records (key, record) that hang on an entity, past a key."""
    return _named(ctx, what, owner_id, past, limit)


# the account


def setting(ctx: Context, what: str) -> Any:
    """Something that the account has once: `alias`, `passwords`, `report`; None where it is not set."""
    return _read(ctx, _at(ctx, "account", what))


def set_setting(ctx: Context, what: str, record: Any) -> None:
    """Set or, with None, remove something that the account has once."""
    place = _at(ctx, "account", what)
    if record is None:
        ctx.tx.delete(place)
    else:
        ctx.tx.put(place, records.encode(record))


def alias_owner(ctx: Context, alias: str) -> str | None:
    """The account that has an alias: aliases are unique among all accounts."""
    found: str | None = _read(ctx, _space("", "alias") + keys.pack(alias))
    return found


def set_alias(ctx: Context, alias: str | None) -> None:
    """Give the account an alias, or take its alias away."""
    old = setting(ctx, "alias")
    if old is not None:
        ctx.tx.delete(_space("", "alias") + keys.pack(old))
    set_setting(ctx, "alias", alias)
    if alias is not None:
        ctx.tx.put(_space("", "alias") + keys.pack(alias), records.encode(ctx.account))


def published(ctx: Context, arn: str) -> int:
    """The version of an AWS managed policy that is in the kernel's grants, 0 for none."""
    return int(_read(ctx, _space("", "published") + keys.pack(arn)) or 0)


def set_published(ctx: Context, arn: str, version: int) -> None:
    """Note which version of an AWS managed policy is in the kernel's grants."""
    ctx.tx.put(_space("", "published") + keys.pack(arn), records.encode(version))


def _named(ctx: Context, kind: str, owner_id: str, past: str, limit: int) -> list[tuple[str, Any]]:
    space = _at(ctx, kind, owner_id)
    lo, hi = keys.bounds(space)
    if past:
        lo = space + keys.pack(past) + b"\x00"
    return [(str(keys.unpack(key[len(space) :])[0]), records.decode(raw)) for key, raw in ctx.tx.range(lo, hi, limit)]
