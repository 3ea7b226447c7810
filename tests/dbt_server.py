"""A dbt that is imported already. Half of a small build is dbt's own start: Python reads thousands of modules and dbt its saved parse.

``serving`` keeps one process that has read both and forks for every command. The program it writes asks for such a fork, gives it its own
directory, environment and standard streams, and ends as it ends, with its exit code, or takes it along when it is killed itself. So a
command is a process of its own as ever, ends as one, and writes the same files.
"""

from __future__ import annotations

import atexit
import gc
import hashlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

STREAMS = (0, 1, 2)


@contextmanager
def serving(folder: Path, parsed: Path) -> Iterator[Path]:
    """The program that is dbt while the block runs, in that folder. ``parsed`` is dbt's saved parse of the project."""
    address, program = folder / "dbt.socket", folder / "dbt"
    this = [sys.executable, "-IS", __file__]
    program.write_text(f'#!/bin/sh\nexec {shlex.join([*this, "ask", str(address)])} "$@"\n')
    program.chmod(0o755)
    command = [sys.executable, "-P", __file__, "serve", str(address), str(parsed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        if not server.stdout.readline():
            raise RuntimeError(f"no dbt is served: exit code {server.wait()}")
        yield program
        server.stdin.close()


def ask(address: str, arguments: list[str]) -> int:
    """Have a command run and wait until its process is gone; its exit code."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        told = json.dumps([os.getcwd(), dict(os.environ), arguments]).encode()
        socket.send_fds(connection, [len(told).to_bytes(4, "big")], STREAMS)
        connection.sendall(told)
        answer = connection.makefile("rb").read()
    return answer[0] if answer else 128 + signal.SIGKILL


def serve(address: str, parsed: str) -> None:
    """Fork for whoever connects, until standard input ends."""
    import selectors

    import dbt.adapters.duckdb  # noqa: F401
    from dbt.cli.main import cli
    from dbt.contracts.graph.manifest import Manifest
    from dbt_common.clients.jinja import template_cache

    saved = Path(parsed).read_bytes()
    manifest, read = Manifest.from_msgpack(saved), Manifest.from_msgpack
    # A fork changes its own copy, and reads it once.
    Manifest.from_msgpack = lambda text, **more: manifest if text == saved else read(text, **more)
    for macro in manifest.macros.values():
        template_cache.get_node_template(macro)
    _leave_out_unheard_events()
    _remember_texts(Path(address).with_name("texts"), [node.raw_code for node in manifest.nodes.values()])
    if threading.active_count() > 1:
        raise RuntimeError("a process with threads cannot be forked")
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening, selectors.DefaultSelector() as ready:
        listening.bind(address)
        listening.listen(64)
        ready.register(listening, selectors.EVENT_READ)
        ready.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)
        while sys.stdin not in [key.fileobj for key, _ in ready.select()]:
            connection, _ = listening.accept()
            if os.fork() == 0:
                break
            connection.close()
        else:
            gc.unfreeze()
            return
    client = connection.detach()
    arguments = _become(client)
    # It ends before its garbage is much.
    gc.disable()
    code = 1
    try:
        cli(arguments, prog_name="dbt")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    # The client goes on reading until this process is gone.
    os.write(client, bytes([code]))
    # Among what dbt does at Python's end is closing the store. What is in memory nobody need take down.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _remember_texts(folder: Path, sources: Iterable[str]) -> None:
    """Have two of dbt's functions of text alone, a third of a small build, reckon each text once.

    Templates are compiled here, for all forks. Where common table expressions go in a statement is known only in a fork, which leaves it
    in the folder for the next one.
    """
    from dbt import compilation
    from dbt_common.clients.jinja import MacroFuzzEnvironment, get_template

    compiled: dict[tuple[object, ...], Any] = {}
    compile_anew, inject_anew = MacroFuzzEnvironment.compile, compilation.inject_ctes_into_sql

    def compile_once(self: Any, source: Any, *more: Any, **named: Any) -> Any:
        key = (type(self), source, more, *sorted(named.items()))
        if key not in compiled:
            compiled[key] = compile_anew(self, source, *more, **named)
        return compiled[key]

    def inject_once(sql: str, ctes: Any) -> str:
        known = folder / hashlib.sha256("\0".join([sql, *(str(cte.sql) for cte in ctes)]).encode()).hexdigest()
        if not known.exists():
            with NamedTemporaryFile("w", dir=folder, delete=False) as made:
                made.write(inject_anew(sql, ctes))
            os.replace(made.name, known)
        return known.read_text()

    folder.mkdir()
    MacroFuzzEnvironment.compile = compile_once  # type: ignore[method-assign]
    compilation.inject_ctes_into_sql = inject_once
    for source in sources:
        get_template(source, {})


def _leave_out_unheard_events() -> None:
    """Have dbt make no line of an event below the level that any of its loggers writes: it makes one of each, a tenth of a small build."""
    from dbt_common.events.base_types import EventLevel
    from dbt_common.events.event_manager import EventManager

    fire = EventManager.fire_event

    def fire_heard(self: Any, e: Any, level: Any = None, *more: Any, **named: Any) -> None:
        heard = any(logger.level in (EventLevel.DEBUG, EventLevel.TEST) for logger in self.loggers)
        # Its one callback counts warnings.
        if heard or (level or e.level_tag()) not in (EventLevel.DEBUG, EventLevel.TEST):
            fire(self, e, level, *more, **named)

    EventManager.fire_event = fire_heard  # type: ignore[method-assign]


def _become(client: int) -> list[str]:
    """Take the client's place. Returns its arguments."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection = socket.socket(fileno=os.dup(client))
    head, descriptors, _, _ = socket.recv_fds(connection, 4, len(STREAMS))
    told = b""
    while len(told) < int.from_bytes(head, "big"):
        told += connection.recv(1 << 16)
    folder, environment, arguments = json.loads(told)
    for stream, descriptor in zip(STREAMS, descriptors, strict=True):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()

    def end_with_client() -> None:
        connection.recv(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=end_with_client, daemon=True).start()
    return list(arguments)


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        sys.exit(ask(sys.argv[2], sys.argv[3:]))
    serve(sys.argv[2], sys.argv[3])
