"""The dashboard, served until interrupted."""

from __future__ import annotations

import contextlib

from reconcilers.console.paper import console
from reconcilers.dashboard.server import is_loopback, server
from reconcilers.declared.settings import Settings


def serve_dashboard(settings: Settings, host: str, port: int) -> None:
    """Say where to open it, and answer until interrupted."""
    serving = server(settings, host, port)
    where = f"[{host}]" if ":" in host else host
    console.print(
        f"open http://{where}:{serving.socket.getsockname()[1]}/ in a browser; interrupt to stop", highlight=False
    )
    if not is_loopback(host):
        console.print(
            "whoever reaches this address reads all that is published: it asks for no password", style="yellow"
        )
    with contextlib.suppress(KeyboardInterrupt):
        serving.serve_forever()
    serving.server_close()
