"""Azure's APIs over our own client: who the job is there, by azure-identity.

A service principal in the environment, a workload's or a machine's managed identity, or whoever signed in with ``az login``:
https://learn.microsoft.com/azure/developer/python/sdk/authentication/credential-chains
"""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from reconcilers.errors import AccessRefused, SourceRejected, SourceUnreachable
from reconcilers.sources import http

#: Where azure-identity looks first; an identity of the machine needs none of them.
SECRETS = ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID")


def client(base_url: str, *, source: str, retry: http.RetryPolicy | None = None) -> http.Client:
    """A client of one of Azure's APIs, signed in. Raises ``AccessRefused`` where the job has no identity that is taken."""
    headers = {"Authorization": f"Bearer {_token(base_url, source)}"}
    return http.Client(base_url, headers, source=source, variable="AZURE_CLIENT_SECRET", retry=retry)


def following(page: http.Page, base_url: str, source: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The path and parameters of the page that ``nextLink`` names, null where there is none. The link may lack its host and hold
    spaces, as invoices' does. Raises ``SourceRejected`` where it leads elsewhere: the credential is for one host only."""
    link = page.body.get("nextLink")
    if not link:
        return None
    parts, home = urlsplit(str(link)), urlsplit(base_url)
    if not isinstance(link, str) or (parts.netloc and (parts.scheme, parts.netloc) != (home.scheme, home.netloc)):
        hint = "nothing of this pull was kept; report it to Microsoft"
        raise SourceRejected(f"nextLink {link!r:.80} leads elsewhere", source=source, file=page.url, hint=hint)
    return parts.path, parse_qsl(parts.query, keep_blank_values=True)


def _token(base_url: str, source: str) -> str:
    from azure.core import exceptions

    try:
        return str(identity().get_token(f"{base_url.rstrip('/')}/.default").token)
    except exceptions.ClientAuthenticationError as error:
        hint = f"set {', '.join(SECRETS)}, or give the machine an identity"
        raise AccessRefused(f"no identity for Azure: {_first_line(error)}", source=source, hint=hint) from None
    except exceptions.AzureError as error:
        problem, hint = f"no sign-in to Azure: {type(error).__name__}: {_first_line(error)}", "check the network"
        raise SourceUnreachable(problem, source=source, hint=hint) from error


@cache
def identity() -> Any:
    """One for the whole run: it keeps its token while that is valid."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential(
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_developer_cli_credential=True,
        exclude_powershell_credential=True,
        exclude_broker_credential=True,
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
