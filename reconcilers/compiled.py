"""Loops over arrays as machine code. Whoever imports this waits half a second for numba; import it inside functions, where there is much to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F, **flags: bool) -> F:
    """The function as machine code, kept beside its file (or below the user's cache folder) from the first time on."""
    try:
        made = numba.njit(cache=True, nogil=True, **flags)(function)
    except RuntimeError:  # nowhere to keep it
        made = numba.njit(nogil=True, **flags)(function)
    return cast("F", made)
