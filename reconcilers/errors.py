"""What can go wrong, as one tree; a task's retry policy follows from the class.

    ReconcileError
    ├── SourceUnavailable   the far side did not answer; retry
    ├── SourceRejected      the input is bad or access is refused; a human must look; nothing of it was landed
    ├── SourceChangedShape  a required field is missing, renamed or retyped; code must change
    ├── SourceBroken        our own code failed on an input; report it; nothing of it was landed
    ├── PeriodIncomplete    the source has not delivered the whole window yet; wait
    ├── GoneMissing         what was there before is gone; nothing is published until somebody says that it is meant
    ├── DoesNotReconcile    an invariant failed; finance must look; nothing was published
    ├── Busy                another run holds the writer's place; wait
    └── SettingsInvalid     the configuration is wrong; fix the named key

Every message says which source, period, file and line where they are known, what is wrong, and what to do.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

_PACKAGE = Path(__file__).parent


class ReconcileError(Exception):
    """Base of every error this package raises on purpose.

    ``source``, ``period``, ``file`` and ``line`` locate the fault; ``hint`` says what to do next.
    """

    retryable = False

    def __init__(
        self,
        problem: str,
        *,
        source: str | None = None,
        period: str | None = None,
        file: str | None = None,
        line: int | None = None,
        hint: str | None = None,
    ) -> None:
        # A name from outside may hold half of a surrogate pair, which no terminal and no file takes.
        self.problem = _writable(problem)
        self.source = source
        self.period = period
        self.file = file
        self.line = line
        self.hint = hint
        super().__init__(self._message())

    def _message(self) -> str:
        where = [
            f"{name} {value}"
            for name, value in (
                ("source", self.source),
                ("period", self.period),
                ("file", self.file),
                ("line", self.line),
            )
            if value is not None
        ]
        text = f"{', '.join(where)}: {self.problem}" if where else self.problem
        return _writable(f"{text} -> {self.hint}" if self.hint else text)


def _writable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


class SourceUnavailable(ReconcileError):
    """The far side timed out, refused the connection or answered 429/5xx beyond the retry budget."""

    retryable = True


class SourceRejected(ReconcileError):
    """The input is corrupt, hostile or contradictory, or our credential is not accepted."""


class SourceChangedShape(ReconcileError):
    """A required field is missing, renamed or of another type."""


class SourceBroken(ReconcileError):
    """A source's code failed with an error of no class of ours: our fault, whatever the input."""

    @classmethod
    def by(cls, error: Exception, *, source: str, period: str | None = None) -> SourceBroken:
        """Says where in this package it failed, and not the error's own text, which may quote what was read."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(_PACKAGE)]
        place = next(
            (f"{Path(f.filename).relative_to(_PACKAGE.parent)} line {f.lineno}" for f in frames[::-1]), "no line"
        )
        return cls(
            f"our own code failed with {type(error).__qualname__} at {place}",
            source=source,
            period=period,
            hint="this is a fault of reconcilers: report this line; what was known before stays in force",
        )


class PeriodIncomplete(ReconcileError):
    """The window is not fully delivered yet."""

    retryable = True


class GoneMissing(ReconcileError):
    """A source, reference file or unit that was there before is gone; the published tables are unchanged."""


class DoesNotReconcile(ReconcileError):
    """An invariant over the built tables failed; the published tables are unchanged."""


class Busy(ReconcileError):
    """Another run is writing."""

    retryable = True


class SettingsInvalid(ReconcileError):
    """The configuration file or environment is wrong."""


def nearest(written: str, names: Iterable[str]) -> str:
    """``; nearest is NAME``, the end of a message about a word that is none of ``names``; empty where none is near."""
    near = get_close_matches(written, sorted(names), 1)
    return f"; nearest is {near[0]}" if near else ""
