"""Somebody else who reads on the emulator: it believes the header that names the caller."""

from __future__ import annotations

import requests
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery


def reader(project: str, member: str) -> bigquery.Client:
    """The client of somebody else: ``user:…``, ``serviceAccount:…`` or a member of ``group:…``."""
    session = requests.Session()
    kind, _, email = member.partition(":")
    session.headers["X-Bqemu-Caller"] = f"user:member-of-{email}" if kind == "group" else member
    if kind == "group":
        session.headers["X-Bqemu-Groups"] = email
    return bigquery.Client(project=project, credentials=AnonymousCredentials(), _http=session)
