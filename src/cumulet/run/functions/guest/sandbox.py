"""The walls around a worker: Linux namespaces, a root file system of its own, and the loss of every privilege.

Everything goes through libc by ctypes, because the interpreter at hand may be older than `os.unshare` (3.12) and `os.setns`.
A worker sees the system's programs, its interpreter, `/var/task`, `/opt`, `/var/runtime` and a private `/tmp`; no home, no data
directory, no foreign process. It is no boundary against hostile code: the kernel and the network are shared.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from pathlib import Path
from typing import Any

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_DETACH = 2
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/etc", "/sys", "/nix")
_UNDER_LAYERS = "/.opt"
_DEVICES = ("null", "zero", "full", "random", "urandom")

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    arguments = (source.encode(), target.encode(), kind.encode() if kind else None, flags)
    _check(_libc.mount(*arguments, data.encode() if data else None), f"mount {source} on {target}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int) -> None:
    _check(_libc.setns(fd, kind), "setns")


def die_with_parent() -> None:
    """The kernel kills this process when the thread that forked it ends. Any change of user clears it: call it after."""
    _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def adopt_orphans() -> None:
    """Processes whose parent ended become children of this one, which can then end them."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def tree(pid: int) -> list[int]:
    """The processes below `pid`, in whatever session they hide."""
    found = []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    for child in map(int, children):
        found += [child, *tree(child)]
    return found


def enter_user_namespace() -> None:
    """Makes an ordinary user the owner of a user namespace, under the same number: enough to mount and to unshare.

    The PID namespace must belong to it too, or a process could not return to it after it made one for a child; so the caller goes on in a
    child of this process, which waits for it.
    """
    uid, gid = os.getuid(), os.getgid()
    unshare(NEWUSER | NEWNS | NEWPID)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")
    pid = os.fork()
    if pid:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os._exit(status if status >= 0 else 1)
    die_with_parent()


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def _bind(source: str, target: str, *, read_only: bool = False, recursive: bool = True) -> None:
    _mount(source, target, None, _BIND | (_REC if recursive else 0))
    if read_only:
        # In a user namespace the flags that the mount has already must be repeated.
        keep = os.statvfs(target).f_flag & (_NOSUID | _NODEV | _NOEXEC)
        _mount("none", target, None, _BIND | _REMOUNT | _RDONLY | _NOSUID | keep)


def _make_point(source: str, target: str) -> None:
    """Makes an empty directory or file on which `source` can be mounted."""
    if Path(source).is_dir():
        Path(target).mkdir(0o755, exist_ok=True, parents=True)
    else:
        Path(target).parent.mkdir(0o755, exist_ok=True, parents=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _place(root: str, source: str) -> None:
    """Shows `source`, a directory or a file, at its own path below `root`."""
    _make_point(source, root + source)
    _bind(source, root + source)


def build(root: str, needed: list[str]) -> None:
    """Makes, once per zygote and in a mount namespace of its own, the file system that all its workers start from."""
    _mount("none", "/", None, _REC | _PRIVATE)
    _mount("tmpfs", root, "tmpfs", _NOSUID | _NODEV, "size=4m,mode=755")
    os.umask(0o022)
    for path in _SYSTEM:
        if Path(path).is_symlink():
            Path(root + path).symlink_to(Path(path).readlink())
        elif Path(path).is_dir():
            _place(root, path)
    for path in ("/dev", "/proc", "/tmp", "/opt", "/var/task", "/var/runtime"):  # noqa: S108 - the new root's
        Path(root + path).mkdir(0o755, exist_ok=True, parents=True)
    for name in _DEVICES:
        _place(root, f"/dev/{name}")
    for name, link in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        Path(f"{root}/dev/{name}").symlink_to(f"/proc/self/fd{link}")
    # Lambda's own place for the interpreter, and first in PATH.
    Path(root + "/var/lang/bin").mkdir(parents=True)
    executable = os.path.realpath(sys.executable)
    for name in ("python", "python3", f"python3.{sys.version_info[1]}"):
        Path(f"{root}/var/lang/bin/{name}").symlink_to(executable)
    resolver = os.path.realpath("/etc/resolv.conf")
    if not resolver.startswith("/etc/") and Path(resolver).exists():
        _place(root, resolver)
    for path in needed:
        if not path.startswith(("/usr/", "/bin/", "/lib/", "/lib64/")):
            _place(root, path)
        if path.startswith("/opt/"):
            _make_point(path, root + _UNDER_LAYERS + path[len("/opt") :])


def _show_layers(root: str, layers: list[str], needed: list[str]) -> None:
    """Mounts the layers as /opt, where the interpreter may live too."""
    if not layers:
        return
    kept = [path for path in needed if path.startswith("/opt/")]
    if len(layers) == 1 and not kept:
        _bind(layers[0], root + "/opt", read_only=True)
        return
    # overlayfs shows the leftmost directory on top; in Lambda the last layer wins.
    folders = [*reversed(layers), root + _UNDER_LAYERS]
    Path(folders[-1]).mkdir(exist_ok=True)
    lower = ":".join(folder.replace("\\", "\\\\").replace(":", "\\:") for folder in folders)
    _mount("overlay", root + "/opt", "overlay", _RDONLY | _NOSUID | _NODEV, f"lowerdir={lower}")


def enter(root: str, config: dict[str, Any], needed: list[str]) -> None:
    """Moves this process, the first of its PID namespace, into its own copy of `root`."""
    unshare(NEWNS | NEWIPC | NEWUTS)
    _bind(config["code"], root + "/var/task", read_only=True)
    if config["packages"]:
        _bind(config["packages"], root + "/var/runtime", read_only=True)
    _show_layers(root, config["layers"], needed)
    private = f"size={config['tmp_mb']}m,mode=1777"
    _mount("tmpfs", root + "/tmp", "tmpfs", _NOSUID | _NODEV, private)  # noqa: S108 - the new root's
    for path in needed:
        if path.startswith("/tmp/"):  # noqa: S108 - an interpreter below /tmp
            _place(root, path)
    try:
        _mount("proc", root + "/proc", "proc", _NOSUID | _NODEV | _NOEXEC)
    except PermissionError:
        # Inside some containers only the outer /proc may be shown.
        _bind("/proc", root + "/proc")
    os.chdir(root)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    with contextlib.suppress(OSError):
        _mount("none", "/", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
    with contextlib.suppress(OSError):
        _check(_libc.sethostname(b"169.254.100.6", 13), "sethostname")


def drop_privileges(uid: int | None) -> None:
    """Becomes `uid` (None: stays who it is) and loses every capability for good."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    else:
        for capability in range(64):
            if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
                break
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)
        _libc.capset(header, (ctypes.c_uint32 * 6)())
    _check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def join_cgroup(paths: list[str]) -> None:
    """Puts this process into the control groups whose `cgroup.procs` files are given."""
    for path in paths:
        _write(path, "0")
