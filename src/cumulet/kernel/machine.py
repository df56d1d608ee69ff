"""What a running cloud is made of, as services and the kernel reach it: stores, clock, workers, settings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cumulet.base.clock import Clock, SystemClock
from cumulet.config import Settings
from cumulet.store.api import Blobs, Kv

if TYPE_CHECKING:
    from cumulet.run.functions import Functions

P = ParamSpec("P")
T = TypeVar("T")


class Machine:
    """The parts of one cloud. `functions` is made at its first use: a cloud that never runs one starts no zygote."""

    def __init__(
        self,
        settings: Settings,
        kv: Kv,
        blobs: Blobs,
        make_functions: Callable[[Machine], Functions],
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.kv = kv
        self.blobs = blobs
        self.clock = clock or SystemClock()
        self.endpoint = ""
        """The URL that clients and workers on this machine use; known once the gateway listens."""
        self.isolation = "none"
        """What function workers get: `namespaces`, `userns` or `none`; known soon after the start."""
        self._make_functions = make_functions

    @cached_property
    def functions(self) -> Functions:
        return self._make_functions(self)

    @property
    def started_functions(self) -> Functions | None:
        """The function workers, where anybody has asked for them yet."""
        return self.__dict__.get("functions")

    async def offload(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn` in a thread: digests over 256 KB, zip files, RSA. It must not touch a transaction or wait for the
        server."""
        call: Callable[[], Any] = partial(fn, *args, **kwargs)
        result: T = await asyncio.get_running_loop().run_in_executor(None, call)
        return result
