"""Event notifications: which configurations are valid, which one an event meets, and what the message says.

Sources: Amazon S3 User Guide, 'Amazon S3 Event Notifications', 'Configuring event notifications using object key name filtering',
'Event message structure'.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from cumulet.base.arn import parse
from cumulet.base.clock import at
from cumulet.base.errors import AwsError
from cumulet.base.ids import hexid
from cumulet.base.types import Json

from ..errors import invalid_argument, malformed_xml, not_implemented

_FAMILIES: dict[str, tuple[str, ...]] = {
    "s3:ObjectCreated:": ("Put", "Post", "Copy", "CompleteMultipartUpload"),
    "s3:ObjectRemoved:": ("Delete", "DeleteMarkerCreated"),
    "s3:ObjectRestore:": ("Post", "Completed", "Delete"),
    "s3:ObjectTagging:": ("Put", "Delete"),
    "s3:LifecycleExpiration:": ("Delete", "DeleteMarkerCreated"),
    "s3:Replication:": (
        "OperationFailedReplication",
        "OperationMissedThreshold",
        "OperationReplicatedAfterThreshold",
        "OperationNotTracked",
    ),
}
EVENTS = frozenset(
    [family + name for family, names in _FAMILIES.items() for name in (*names, "*")]
    + ["s3:ReducedRedundancyLostObject", "s3:ObjectAcl:Put", "s3:LifecycleTransition", "s3:IntelligentTiering"]
)
MAX_FILTER = 1024
_VALIDATION = "Unable to validate the following destination configurations"


class Rule(NamedTuple):
    """A configuration, ready to be matched. `target` is a Lambda function's ARN."""

    id: str
    target: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    def meets(self, event: str, key: str) -> bool:
        """Whether `event` (`ObjectCreated:Put`) on `key` is to be told to the target."""
        return (
            key.startswith(self.prefix)
            and key.endswith(self.suffix)
            and any(covers(pattern, f"s3:{event}") for pattern in self.events)
        )


def covers(pattern: str, event: str) -> bool:
    """Whether an event type, which may end with `*`, takes in another one."""
    return pattern == event or (pattern.endswith("*") and event.startswith(pattern[:-1]))


def unreachable(arn: str, why: str) -> AwsError:
    """400: a destination does not exist or does not let S3 in."""
    return invalid_argument(_VALIDATION, arn, why)


def validate(config: Mapping[str, Any]) -> list[Json]:
    """The configurations as they are stored: an id on each, filters as S3 prints them. Raises AwsError."""
    if config.get("TopicConfigurations"):
        raise not_implemented("TopicConfiguration")
    if config.get("QueueConfigurations"):
        raise not_implemented("QueueConfiguration")
    if config.get("EventBridgeConfiguration") is not None:
        raise not_implemented("EventBridgeConfiguration")
    stored = [_one(entry) for entry in config.get("LambdaFunctionConfigurations") or ()]
    ids = [entry["Id"] for entry in stored]
    if len(set(ids)) < len(ids):
        raise AwsError("InvalidArgument", "Same ID used for multiple configurations. IDs must be unique", 400)
    for one, other in combinations([rule(entry) for entry in stored], 2):
        _refuse_overlap(one, other)
    return stored


def _one(entry: Mapping[str, Any]) -> Json:
    arn = entry.get("LambdaFunctionArn") or ""
    events = list(entry.get("Events") or ())
    if not arn or not events:
        raise malformed_xml()
    found = parse(arn)
    if found is None or found.service != "lambda" or not found.resource.startswith("function:"):
        raise invalid_argument("The ARN could not be parsed", "LambdaFunctionArn", arn)
    for event in events:
        if event not in EVENTS:
            raise invalid_argument("A specified event is not supported for notifications.", "Event", event)
    name = entry.get("Id") or hexid(16)
    if len(name) > 255:
        raise invalid_argument("ID cannot be longer than 255 characters", "Id", name)
    stored: Json = {"Id": name, "LambdaFunctionArn": arn, "Events": events}
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    if rules:
        stored["Filter"] = {"Key": {"FilterRules": _filter(rules)}}
    return stored


def _filter(rules: Any) -> list[Json]:
    seen: dict[str, str] = {}
    for entry in rules:
        name = (entry.get("Name") or "").lower()
        value = entry.get("Value") or ""
        if name not in ("prefix", "suffix"):
            raise invalid_argument(
                "filter rule name must be either prefix or suffix", "FilterRule.Name", entry.get("Name") or ""
            )
        if name in seen:
            message = f"Cannot specify more than one {name} rule in a filter."
            raise invalid_argument(message, "FilterRule.Name", name)
        if len(value.encode()) > MAX_FILTER:
            message = "Size of filter rule value cannot exceed 1024 bytes in UTF-8 representation"
            raise invalid_argument(message, "FilterRule.Value", value)
        seen[name] = value
    return [{"Name": name.capitalize(), "Value": value} for name, value in seen.items()]


def _refuse_overlap(one: Rule, other: Rule) -> None:
    if not any(covers(a, b) or covers(b, a) for a in one.events for b in other.events):
        return
    prefixes = one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix)
    suffixes = one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix)
    if not (prefixes and suffixes):
        return
    if not (one.prefix or one.suffix or other.prefix or other.suffix):
        message = "Configurations overlap. Configurations on the same bucket cannot share a common event type."
    else:
        message = (
            "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are "
            "overlapping for the same event type."
        )
    raise AwsError("InvalidArgument", message, 400)


def rule(stored: Json) -> Rule:
    """A stored configuration, ready to be matched."""
    parts = {
        part["Name"].lower(): part["Value"] for part in stored.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    }
    return Rule(
        stored["Id"],
        stored["LambdaFunctionArn"],
        tuple(stored["Events"]),
        parts.get("prefix", ""),
        parts.get("suffix", ""),
    )


class Sequencer:
    """Hexadecimal numbers that grow; compared as text, the later event of a key is the greater one."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> str:
        """The next number: the time in microseconds, or one more than the last."""
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return f"{self._last:018X}"


def owner_id(account: str) -> str:
    """An account as events name the owner of a bucket: letters and digits as Amazon customer ids have."""
    return "A" + hashlib.sha256(f"owner {account}".encode()).hexdigest()[:13].upper()


def message(event: Mapping[str, Any], config_id: str) -> Json:
    """The document that a target gets, version 2.1, for what a transaction recorded of a change."""
    entry: Json = {
        "key": quote_plus(event["key"], safe="/*"),
        **({"size": event["size"], "eTag": event["etag"]} if "etag" in event else {}),
        **({"versionId": event["version"]} if "version" in event else {}),
        "sequencer": event["sequencer"],
    }
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": event["region"],
        "eventTime": at(event["time"]).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventName": event["name"],
        "userIdentity": {"principalId": event["caller"]},
        "requestParameters": {"sourceIPAddress": event["peer"]},
        "responseElements": {"x-amz-request-id": event["request"], "x-amz-id-2": event["host"]},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": config_id,
            "bucket": {
                "name": event["bucket"],
                "ownerIdentity": {"principalId": owner_id(event["account"])},
                "arn": f"arn:aws:s3:::{event['bucket']}",
            },
            "object": entry,
        },
    }
    return {"Records": [record]}
