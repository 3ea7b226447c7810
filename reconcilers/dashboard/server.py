"""Answers a browser: one page program, sent whole from this machine, which asks for the page of each address.

Every request opens what is published at that moment and closes it, so that a run which publishes meanwhile is seen by the
next. Nothing is written and nothing fetched from elsewhere; a browser is told not to, either.
"""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable, Collection
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dash
from dash import Input, Output, dcc, html
from flask import Response, abort, request
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from reconcilers.dashboard.parts import described
from reconcilers.dashboard.place import Place
from reconcilers.dashboard.views import page_of
from reconcilers.declared.settings import Settings
from reconcilers.errors import SettingsInvalid

#: Requests are addresses and clicks; one beyond this is none of ours.
LARGEST_REQUEST = 1_000_000
#: Shows the window's title, and puts the reader at the head of a new page.
_ARRIVE = """
function (title, address) {
    if (title) { document.title = title; }
    if (window.reconcileArrived && window.reconcileArrived !== address) {
        window.scrollTo(0, 0);
        const head = document.getElementById("title");
        if (head) { head.focus({preventScroll: true}); }
    }
    window.reconcileArrived = address;
    return "";
}
"""


def program(settings: Settings, hosts: Collection[str] | None = None) -> dash.Dash:
    """The page program over what a company publishes; ``hosts`` are the names it answers to, all where there are none."""
    app = dash.Dash(
        "reconcile",
        assets_folder=str(Path(__file__).parent / "assets"),
        title="Reconcile",
        update_title=None,
        add_log_handler=False,
        enable_mcp=False,
        meta_tags=[{"name": "viewport", "content": "width=device-width,initial-scale=1"}],
    )
    app.index_string = app.index_string.replace("<html>", '<html lang="en">')
    app.layout = html.Div(
        [
            dcc.Location(id="address", refresh=False),
            html.Div(html.P("Reading what is published …", className="waiting"), id="page"),
            html.Div(id="window", hidden=True),
            html.Div(id="arrived", hidden=True),
        ]
    )

    @app.callback(  # type: ignore[untyped-decorator]
        Output("page", "children"),
        Output("window", "children"),
        Input("address", "pathname"),
        Input("address", "search"),
    )
    def show(path: str | None, search: str | None) -> tuple[list[Any], str]:
        try:
            page = page_of(settings, Place.of(path, search))
        except Exception:
            # What nobody foresaw is told where the command runs; a reader gets a page, not a wait without end.
            traceback.print_exc()
            words = "Something went wrong here; the terminal in which the dashboard runs says what."
            return [html.Main([html.H1("This cannot be shown", id="title"), html.P(words, role="alert")])], "Reconcile"
        return page.content, page.title

    app.clientside_callback(
        _ARRIVE, Output("arrived", "children"), Input("window", "children"), Input("address", "href")
    )
    # Read now, so that the first page does not wait for it.
    described()
    app.server.config.update(MAX_CONTENT_LENGTH=LARGEST_REQUEST)
    app.server.before_request(_only_at(hosts))
    app.server.after_request(_held_to(app))
    return app


def _only_at(hosts: Collection[str] | None) -> Callable[[], None]:
    """Refuses a request under another name; Flask's own ``TRUSTED_HOSTS`` takes no address of IPv6."""

    def refuse() -> None:
        try:
            named = urlsplit(f"//{request.headers.get('Host', '')}").hostname
        except ValueError:
            named = None
        if hosts is not None and named not in hosts:
            abort(400)

    return refuse


def _held_to(app: dash.Dash) -> Callable[[Response], Response]:
    """What a browser may do with a page: nothing that is not of this server, in no other's frame."""
    policy = "; ".join(
        [
            "default-src 'self'",
            f"script-src 'self' {' '.join(app.csp_hashes())}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ]
    )

    def hold(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    return hold


class _Quiet(WSGIRequestHandler):
    def log_request(self, *_: object) -> None:
        pass


def server(settings: Settings, host: str, port: int) -> BaseWSGIServer:
    """A server that listens; ``serve_forever`` answers. Port 0 takes any. Raises ``SettingsInvalid`` where it cannot listen.

    On loopback it answers to the names of loopback only, so that no page of the web can have a name of its own lead here.
    """
    names = {"localhost", "127.0.0.1", "::1", host} if is_loopback(host) else None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        problem = error.strerror or str(error)
        raise SettingsInvalid(
            f"cannot listen at {host} port {port}: {problem}", hint="--port 0 takes any that is free"
        ) from None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = program(settings, names)
    with listening:
        return make_server(host, port, app.server, threaded=True, request_handler=_Quiet, fd=listening.fileno())


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
