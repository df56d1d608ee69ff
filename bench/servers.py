"""The servers that are measured: Cumulet as a user starts it, and moto's server, newest from PyPI, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PEER = HERE / ".venv"


class Server:
    """A running server: `pid`, `port`, `version`, `boot` (seconds from the start of its process to its first answer)."""

    def __init__(
        self, name: str, process: subprocess.Popen[bytes], port: int, version: str, boot: float, directory: Path
    ) -> None:
        self.name = name
        self.process = process
        self.pid = process.pid
        self.port = port
        self.version = version
        self.boot = boot
        self.url = f"http://127.0.0.1:{port}"
        self._directory = directory

    def stop(self) -> None:
        """End it and remove its data."""
        self.process.terminate()
        self.process.wait(timeout=20)
        shutil.rmtree(self._directory, ignore_errors=True)


def cumulet(*flags: str) -> Server:
    """Cumulet on a data directory of its own: durable as by default, signatures verified."""
    directory = Path(tempfile.mkdtemp(prefix="cumulet-bench-"))
    port = free_port()
    begun = time.perf_counter()
    command = [
        str(Path(sys.executable).parent / "cumulet"),
        "start",
        "--port",
        str(port),
        "--data",
        str(directory / "data"),
        *flags,
    ]
    env = {**os.environ, "XDG_STATE_HOME": str(directory / "state")}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    boot = wait(port, process, begun)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/_cumulet/health") as answer:
        version = json.load(answer)["version"]
    return Server("cumulet", process, port, version, boot, directory)


def moto() -> Server | None:
    """moto's server, or None where it cannot be installed."""
    python = PEER / "bin" / "python"
    if not (PEER / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--upgrade",
            "moto[server,s3]",
        ]
        if subprocess.run(install, check=False).returncode != 0:
            return None
        (PEER / ".ready").touch()
    version = subprocess.run(
        [str(python), "-c", "import importlib.metadata as m; print(m.version('moto'))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    directory = Path(tempfile.mkdtemp(prefix="moto-bench-"))
    port = free_port()
    begun = time.perf_counter()
    process = subprocess.Popen(
        [str(PEER / "bin" / "moto_server"), "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=directory,
    )
    return Server("moto", process, port, version, wait(port, process, begun), directory)


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait(port: int, process: subprocess.Popen[bytes], begun: float) -> float:
    """Seconds from `begun` until ListBuckets is answered."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=list_buckets_headers(port))
    while process.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=30):
                return time.perf_counter() - begun
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.001)
    raise RuntimeError("the server ended before it answered")


def list_buckets_headers(port: int) -> dict[str, str]:
    """The headers of a signed ListBuckets."""
    from load import signed

    head = signed("GET", f"http://127.0.0.1:{port}/", "s3").decode().split("\r\n")[1:-2]
    return dict(line.split(": ", 1) for line in head if not line.startswith(("Content-Length", "Host")))
