"""The services that exist, loaded on their first use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from cumulet.base.errors import AwsError

from .machine import Machine
from .service import Handler, Service

log = logging.getLogger(__name__)


class Registry:
    """Names of services and a loader for them. Names are botocore's (`s3`, `lambda`, `cognito-idp`)."""

    def __init__(self, names: Iterable[str], load: Callable[[str], Service]) -> None:
        self.names = frozenset(names)
        self._load = load
        self._loaded: dict[str, Service] = {}
        self._machine: Machine | None = None

    def bind(self, machine: Machine) -> None:
        """Say which machine the services' `start` hooks get."""
        self._machine = machine

    def service(self, name: str) -> Service | None:
        """The service of that name, or None where Cumulet has none."""
        found = self._loaded.get(name)
        if found is None and name in self.names:
            found = self._loaded[name] = self._load(name)
            if found.start is not None and self._machine is not None:
                found.start(self._machine)
        return found

    def handler(self, service: str, operation: str) -> Handler:
        """The operation's handler. Raises AwsError NotImplemented, 501, where Cumulet lacks the service or the
        operation."""
        found = self.service(service)
        handler = found.handler(operation) if found is not None else None
        if handler is None:
            raise missing(service, operation)
        return handler


def missing(service: str, operation: str) -> AwsError:
    """What a client is told of an operation that AWS has and Cumulet has not."""
    if service == "s3":
        return AwsError(
            "NotImplemented",
            f"A header or operation you provided implies functionality that is not implemented: {operation}.",
            501,
        )
    return AwsError("NotImplemented", f"Cumulet does not implement {service}:{operation} yet.", 501)
