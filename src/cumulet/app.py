"""The composition root: builds stores, workers, kernel and gateway out of settings. It alone may import every layer.

Services and the function workers are imported at their first use: a cloud is up before they are read.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cumulet.base.errors import AwsError
from cumulet.config import Settings
from cumulet.gateway import server
from cumulet.gateway.pipeline import Pipeline
from cumulet.kernel.kernel import Kernel
from cumulet.kernel.loopwatch import LoopWatch
from cumulet.kernel.machine import Machine
from cumulet.kernel.registry import Registry
from cumulet.kernel.service import Service
from cumulet.store import local, memory
from cumulet.store.api import Blobs, Kv
from cumulet.wire import compile as wire

if TYPE_CHECKING:
    from cumulet.run.functions import Functions

log = logging.getLogger(__name__)

SERVICES = Path(__file__).parent / "services"


def service_folders() -> dict[str, str]:
    """Services by botocore's name, with the folder that holds each: `lambda` lives in `lambda_`, `cognito-idp` in
    `cognito_idp`."""
    folders = sorted(path.parent.name for path in SERVICES.glob("*/__init__.py"))
    return {folder.rstrip("_").replace("_", "-"): folder for folder in folders}


def _load(name: str) -> Service:
    module = importlib.import_module(f"cumulet.services.{service_folders()[name]}")
    service: Service = module.service
    return service


def make_registry() -> Registry:
    """The registry of every service in the services folder."""
    return Registry(service_folders(), _load)


class Cloud:
    """A cloud: made of settings, started, listening, closed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        kv, blobs = _open_store(settings)
        self.machine = Machine(settings, kv, blobs, self._make_functions)
        self.kernel = Kernel(self.machine, make_registry())
        self.server: server.Server | None = None
        self._scratch: Path | None = None
        self._watch: LoopWatch | None = None
        self._stopped = asyncio.Event()

    @property
    def port(self) -> int:
        """The port that the gateway listens on."""
        assert self.server is not None
        return self.server.port

    async def start(self) -> None:
        """Open the front door. Raises CumuletError in one clear line where it cannot."""
        settings = self.settings
        self.server = await server.serve(Pipeline(self.kernel, self.stop), host=settings.host, port=settings.port)
        host = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::", "localhost") else settings.host  # noqa: S104
        self.machine.endpoint = f"http://{f'[{host}]' if ':' in host else host}:{self.server.port}"
        await self.kernel.start()
        if settings.rehearse:
            self._watch = LoopWatch()

    def stop(self) -> None:
        """Ask `run` to end."""
        self._stopped.set()

    async def close(self) -> None:
        """Finish requests, flush, let go of everything: at most about five seconds."""
        if self.server is not None:
            await self.server.close(grace=5.0)
        await self.kernel.close(grace=2.0)
        if self._watch is not None:
            self._watch.stop()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)

    async def run(self, started: Callable[[Cloud], None]) -> None:
        """Start, call `started`, serve until a signal or `stop`, close."""
        loop = asyncio.get_running_loop()
        try:
            await self.start()
        except BaseException:
            await self.close()
            raise
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        # What start-up made lives as long as the process: the collector need never look at it again.
        gc.collect()
        gc.freeze()
        self.machine.isolation = await self.machine.offload(isolation)
        started(self)
        try:
            await self._stopped.wait()
        finally:
            await self.close()

    def _make_functions(self, machine: Machine) -> Functions:
        # The sink belongs to the Lambda service; like every service it is loaded on its first use.
        from cumulet.run.functions import Functions

        sink = importlib.import_module("cumulet.services.lambda_.logsink").make_sink(self.kernel)
        self.kernel.closing.append(sink.flush)
        return Functions(self._functions_directory(), endpoint=lambda: machine.endpoint, log=sink)

    def _functions_directory(self) -> Path:
        if not self.settings.ephemeral:
            return self.settings.directory / "functions"
        self._scratch = Path(tempfile.mkdtemp(prefix="cumulet-"))
        return self._scratch


def _open_store(settings: Settings) -> tuple[Kv, Blobs]:
    return memory.open() if settings.ephemeral else local.open(settings.directory, settings.durability)


def isolation() -> str:
    """What isolation functions get on this machine: `namespaces`, `userns` or `none`. Blocks for some 30 ms."""
    from cumulet.run.functions.launch import probe

    with tempfile.TemporaryDirectory(prefix="cumulet-probe-") as scratch:
        return probe("auto", Path(scratch))


def runtimes() -> list[str]:
    """Lambda's names of the runtimes that have an interpreter on this machine."""
    from cumulet.run.functions.runtimes import SUPPORTED, Runtime, find_runtime

    return [name for name in SUPPORTED if isinstance(find_runtime(name), Runtime)]


def wire_source(service: str, operation: str) -> str:
    """The Python generated for an operation. Raises LookupError where there is no such operation."""
    try:
        return wire.source(service, operation)
    except (AwsError, KeyError) as err:
        raise LookupError(f"There is no operation {service} {operation}.") from err


def run(settings: Settings, started: Callable[[Cloud], None]) -> None:
    """Run a cloud on this thread until it is told to stop. Raises CumuletError where it cannot start."""
    import uvloop

    async def main() -> None:
        await Cloud(settings).run(started)

    uvloop.run(main())
