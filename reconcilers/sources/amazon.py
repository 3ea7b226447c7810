"""Amazon's APIs through boto3: a client with our patience, and what it raises as errors of ours.

Credentials are found as boto3 finds them: in the environment, or as the role of the machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconcilers.errors import (
    AccessRefused,
    ReconcileError,
    SettingsInvalid,
    SourceRejected,
    SourceUnavailable,
    SourceUnreachable,
)

#: Where boto3 looks for a key first; a role or a profile of the machine needs neither.
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
_BUSY = frozenset({"SlowDown", "Throttling", "ThrottlingException", "RequestTimeout", "RequestLimitExceeded"})
_CREDENTIALS = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidSignatureException", "InvalidToken"}
    | {"SignatureDoesNotMatch", "UnrecognizedClientException"}
)
# boto3 makes one client at a time; once made, any thread may use it.
_MAKING_CLIENTS = threading.Lock()


def client(service: str, endpoint_url: str | None, region: str | None = None) -> Any:
    """A client of one of Amazon's services, in the job's own region where none is named; ``endpoint_url`` is where it is, where
    that is not Amazon's own."""
    import boto3
    from botocore.config import Config

    region = region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    config = Config(retries={"max_attempts": 4, "mode": "standard"}, connect_timeout=10, read_timeout=60)
    with _MAKING_CLIENTS:
        return boto3.client(service, endpoint_url=endpoint_url, region_name=region, config=config)


@contextmanager
def errors(
    where: str,
    *,
    source: str | None,
    file: str | None = None,
    check: str,
    permission: str,
    meaning: Mapping[str, ReconcileError] | None = None,
) -> Iterator[None]:
    """boto3's errors as ours. ``check`` is what to look at where the request is wrong, ``permission`` what the job needs of whoever
    refuses it, ``meaning`` what a code of this request says that no other does."""
    from botocore import exceptions

    at: dict[str, Any] = {"source": source, "file": file}
    try:
        yield
    except exceptions.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        told = f"{where} answered {code}"
        if meaning and code in meaning:
            raise meaning[code] from None
        if status >= 500 or status == 429 or code in _BUSY:
            raise SourceUnavailable(told, **at) from None
        if status == 401 or code in _CREDENTIALS:
            raise AccessRefused(told, **at, hint="renew the AWS credentials of this job") from None
        if status == 403 or code == "AccessDeniedException":  # of one object, it may be; nobody is refused the others
            hint = f"renew the AWS credentials of this job, or grant it {permission}"
            raise SourceRejected(told, **at, hint=hint) from None
        raise SourceRejected(told, **at, hint=check) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.TokenRetrievalError):
        hint = "set them in the environment or give the job a role"
        raise AccessRefused("no AWS credentials", **at, hint=hint) from None
    except exceptions.ParamValidationError as error:
        raise SettingsInvalid(f"{where}: {error}", source=source) from None
    except (exceptions.EndpointConnectionError, exceptions.ConnectTimeoutError, exceptions.SSLError) as error:
        problem, hint = f"{where}: {type(error).__name__}: {error}", "check endpoint_url and the network"
        raise SourceUnreachable(problem, source=source, hint=hint) from error
    except (exceptions.BotoCoreError, OSError) as error:
        raise SourceUnavailable(f"{where}: {type(error).__name__}", **at) from error
