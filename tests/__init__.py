"""Tests. ``make long`` runs at full length what ``make test`` runs short."""

import os

#: Whether the tests that take longest go through all of it: fourteen days, three companies.
AT_LENGTH = os.environ.get("AT_LENGTH") == "1"
