"""Where a run can be killed: every system call that changes a file under one folder, found by tracing, on Linux.

``trace`` forks, runs a call in the child and stops it, and every process and thread it starts, at the entry of each such
system call: a seccomp filter picks the calls, ptrace sees their arguments. With ``kill_at`` everything alive is killed
with SIGKILL at that point, before its system call happens; ``at_point`` is called at each, and meanwhile nothing else
changes a file under the folder, since whatever would is stopped at a point of its own. No root, no other program; where
ptrace is not allowed, ``Untraceable`` is raised.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: name: (number on x86_64, on aarch64, descriptor or path, which argument that is, argument that is its folder's descriptor)
_FD, _PATH = "fd", "path"
_CALLS: dict[str, tuple[int | None, int | None, str, int, int | None]] = {
    "write": (1, 64, _FD, 0, None),
    "pwrite64": (18, 68, _FD, 0, None),
    "writev": (20, 66, _FD, 0, None),
    "pwritev": (296, 70, _FD, 0, None),
    "pwritev2": (328, 287, _FD, 0, None),
    "sendfile": (40, 71, _FD, 0, None),
    "copy_file_range": (326, 285, _FD, 2, None),
    "fsync": (74, 82, _FD, 0, None),
    "fdatasync": (75, 83, _FD, 0, None),
    "ftruncate": (77, 46, _FD, 0, None),
    "fallocate": (285, 47, _FD, 0, None),
    "truncate": (76, 45, _PATH, 0, None),
    "rename": (82, None, _PATH, 1, None),
    "renameat": (264, 38, _PATH, 3, 2),
    "renameat2": (316, 276, _PATH, 3, 2),
    "link": (86, None, _PATH, 1, None),
    "linkat": (265, 37, _PATH, 3, 2),
    "symlink": (88, None, _PATH, 1, None),
    "symlinkat": (266, 36, _PATH, 2, 1),
    "unlink": (87, None, _PATH, 0, None),
    "unlinkat": (263, 35, _PATH, 1, 0),
    "rmdir": (84, None, _PATH, 0, None),
    "open": (2, None, _PATH, 0, None),
    "openat": (257, 56, _PATH, 1, 0),
}
#: Not points: they tell what was read. With the argument that holds the flags.
_OPENS = {"open": 1, "openat": 2}
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_TRACEME, _CONT, _SETOPTIONS, _GETEVENTMSG, _GET_SYSCALL_INFO = 0, 7, 0x4200, 0x4201, 0x420E
#: fork, vfork, clone, exec, seccomp; and no tracee outlives its tracer.
_OPTIONS = 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000
_EVENT_SECCOMP, _NEW_TRACEE_EVENTS = 7, (1, 2, 3)
_WALL = 0x40000000
_AT_FDCWD = -100


class Untraceable(Exception):
    """This machine does not let a process trace its child, or is no Linux this module knows."""


@dataclass(frozen=True)
class Point:
    """One place where a run may die: the system call about to happen, and the file it is about, under the folder."""

    call: str
    file: str

    def __str__(self) -> str:
        return f"{self.call} {self.file}"


@dataclass
class Traced:
    """The points a traced call reached, in order, the files under the folder it opened for reading what was in them,
    and whether it ended by itself and well."""

    points: list[Point]
    read: set[str]
    ended: bool


def trace(
    call: Callable[[], object],
    folder: Path,
    kill_at: int | None = None,
    at_point: Callable[[Point], None] | None = None,
) -> Traced:
    """Run ``call`` in a traced child; with ``kill_at``, kill it at the point of that number, counted from 0."""
    libc, names, arch = _libc(), *_names()
    root = os.fork()
    if root == 0:
        _become_tracee(libc, sorted(names), arch, call)
    _, status = os.waitpid(root, _WALL)
    if not os.WIFSTOPPED(status) or libc.ptrace(_SETOPTIONS, root, None, ctypes.c_void_p(_OPTIONS)):
        os.kill(root, signal.SIGKILL)
        raise Untraceable("a process may not trace its child here")
    libc.ptrace(_CONT, root, None, None)
    traced, alive = Traced([], set(), False), {root}
    while alive:
        pid, status = os.waitpid(-1, _WALL)
        if not os.WIFSTOPPED(status):
            alive.discard(pid)
            if pid == root:
                traced.ended = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
            continue
        alive.add(pid)
        event, deliver = status >> 16, os.WSTOPSIG(status)
        if event == _EVENT_SECCOMP:
            point, reads = _point(libc, pid, names, folder)
            if point and point.call in _OPENS:
                traced.read |= {point.file} if reads else set()
            elif point:
                traced.points.append(point)
                if at_point:
                    at_point(point)
                if len(traced.points) - 1 == kill_at:
                    for victim in alive:
                        with contextlib.suppress(ProcessLookupError):
                            os.kill(victim, signal.SIGKILL)
                    continue
        elif event in _NEW_TRACEE_EVENTS and (started := _event_message(libc, pid)):
            alive.add(started)
        # Stops of the tracing itself are no signals of the run: the first stop of a new tracee is a SIGSTOP.
        if event or deliver in (signal.SIGSTOP, signal.SIGTRAP):
            deliver = 0
        libc.ptrace(_CONT, pid, None, ctypes.c_void_p(deliver))
    return traced


def _libc() -> ctypes.CDLL:
    if not sys.platform.startswith("linux"):
        raise Untraceable("only Linux has ptrace and seccomp as used here")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_void_p] * 4]
    return libc


def _names() -> tuple[dict[int, str], int]:
    """System call numbers of this machine, and how seccomp calls it."""
    if platform.machine() not in _MACHINES:
        raise Untraceable(f"system call numbers of {platform.machine()} are not known here")
    column, arch = _MACHINES[platform.machine()]
    found = {name: numbers[column] for name, numbers in _CALLS.items()}
    return {number: name for name, number in found.items() if isinstance(number, int)}, arch


def _become_tracee(libc: ctypes.CDLL, numbers: list[int], arch: int, call: Callable[[], object]) -> None:
    """The child's life, which does not return: allow to be traced, wait for the tracer, install the filter, call."""
    code = 1
    try:
        libc.ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        _install_filter(libc, numbers, arch)
        call()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _install_filter(libc: ctypes.CDLL, numbers: list[int], arch: int) -> None:
    """A BPF program: another architecture is allowed unseen; a listed number is shown to the tracer; the rest allowed."""
    allow, show = 0x7FFF0000, 0x7FF00000
    load, equal, leave = 0x20, 0x15, 0x06
    program = [(load, 0, 0, 4), (equal, 0, len(numbers) + 1, arch), (load, 0, 0, 0)]
    program += [(equal, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    program += [(leave, 0, 0, allow), (leave, 0, 0, show)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    described = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    no_new_privileges, set_seccomp, with_filter = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, None, None, None):
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if libc.prctl(set_seccomp, with_filter, ctypes.addressof(described), None, None):
        raise OSError(ctypes.get_errno(), "seccomp")


def _event_message(libc: ctypes.CDLL, pid: int) -> int:
    """The process or thread just started; 0 where the one that started it has died meanwhile."""
    message = ctypes.c_ulong()
    libc.ptrace(_GETEVENTMSG, pid, None, ctypes.addressof(message))
    return message.value


def _point(libc: ctypes.CDLL, pid: int, names: dict[int, str], folder: Path) -> tuple[Point | None, bool]:
    """The stopped thread's system call, if it is about a file under ``folder``; and whether it opens one to read it."""
    info = ctypes.create_string_buffer(96)
    if libc.ptrace(_GET_SYSCALL_INFO, pid, len(info), ctypes.addressof(info)) <= 0:
        raise Untraceable("the kernel does not tell system calls (Linux 5.3 does)")
    number, *arguments = struct.unpack_from("7Q", info, 24)
    name = names[number]
    _, _, kind, place, base = _CALLS[name]
    try:
        if kind == _FD:
            path = os.readlink(f"/proc/{pid}/fd/{arguments[place]}")
        else:
            path = os.path.join(_folder(pid, base, arguments), _text(pid, arguments[place]))
    except OSError:
        return None, False
    path = os.path.normpath(path)
    if not path.startswith(f"{folder}/"):
        return None, False
    flags = arguments[_OPENS[name]] if name in _OPENS else os.O_WRONLY
    reads = flags & os.O_ACCMODE != os.O_WRONLY and not flags & os.O_TRUNC
    return Point(name, os.path.relpath(path, folder)), reads


def _folder(pid: int, base: int | None, arguments: list[int]) -> str:
    descriptor = _AT_FDCWD if base is None else ctypes.c_int(arguments[base] & 0xFFFFFFFF).value
    return os.readlink(f"/proc/{pid}/cwd" if descriptor == _AT_FDCWD else f"/proc/{pid}/fd/{descriptor}")


def _text(pid: int, address: int) -> str:
    """A C string in the traced process, read as far as its page goes, which no string of a path need leave."""
    found = b""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        while b"\0" not in found and len(found) < 4096:
            memory.seek(address + len(found))
            found += memory.read(4096 - (address + len(found)) % 4096)
    return os.fsdecode(found.split(b"\0")[0])
