"""How an API of the sample refuses a question."""

from __future__ import annotations


class BadRequest(Exception):
    """The question is wrong; the text says why, as the provider's error message does."""
