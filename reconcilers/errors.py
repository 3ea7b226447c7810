"""What can go wrong, as one tree; a task's retry policy follows from the class.

    ReconcileError
    ├── SourceUnavailable   the far side did not answer; retry
    │   └── SourceUnreachable   its host is not there, or it kept the run waiting too long; nothing more is asked of it
    ├── SourceRejected      the input is bad or access is refused; a human must look; nothing of it was landed
    │   └── AccessRefused       our credential is not accepted; nothing more is asked with it
    ├── SourceChangedShape  a required field is missing, renamed or retyped; code must change
    ├── SourceBroken        our own code failed on an input; report it; nothing of it was landed
    ├── PeriodIncomplete    the source has not delivered the whole window yet; wait
    ├── Damaged             what we stored is not what we wrote; delete what is named, and what it names makes it again
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
from enum import IntEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


class Exit(IntEnum):
    """How a command ends. What is typed wrong ends with 2, as everywhere."""

    DONE = 0
    FAILED = 1
    IN_PART = 3
    REFUSED = 4
    SETTINGS = 5
    TRY_AGAIN = 75


class ReconcileError(Exception):
    """Base of every error this package raises on purpose.

    ``source``, ``period``, ``file`` and ``line`` locate the fault; ``hint`` says what to do next. One that ``stops_source`` is
    met by every other unit of the source, too, so none is asked for.
    """

    retryable = False
    exit_code: ClassVar[int] = Exit.FAILED
    stops_source = False

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
    exit_code = Exit.TRY_AGAIN


class SourceUnreachable(SourceUnavailable):
    """No connection to the host at all, or a source that kept a run waiting for longer than it may."""

    stops_source = True


class SourceRejected(ReconcileError):
    """The input is corrupt, hostile or contradictory, or our credential is not accepted."""


class AccessRefused(SourceRejected):
    """The credential is wrong, expired or without the scope."""

    stops_source = True


class SourceChangedShape(ReconcileError):
    """A required field is missing, renamed or of another type."""


class SourceBroken(ReconcileError):
    """A source's code failed with an error of no class of ours: our fault, whatever the input."""

    @classmethod
    def by(cls, error: Exception, *, source: str, period: str | None = None) -> SourceBroken:
        """Says where in this package it failed, and not the error's own text, which may quote what was read."""
        frames = [(frame.f_globals["__name__"], line) for frame, line in traceback.walk_tb(error.__traceback__)]
        module, line = next(found for found in frames[::-1] if found[0].startswith(__package__))
        return cls(
            f"our own code failed with {type(error).__qualname__} in line {line} of {module}",
            source=source,
            period=period,
            hint="this is a fault of reconcilers: report this line; what was known before stays in force",
        )


class PeriodIncomplete(ReconcileError):
    """The window is not fully delivered yet."""

    retryable = True
    exit_code = Exit.TRY_AGAIN


class Damaged(ReconcileError):
    """A stored file was changed, cut off or lost behind our back. ``file`` is that file; the hint says what to delete and what
    makes it again. Nothing was published."""


class GoneMissing(ReconcileError):
    """A source, reference file or unit that was there before is gone; the published tables are unchanged."""

    exit_code = Exit.REFUSED


class DoesNotReconcile(ReconcileError):
    """An invariant over the built tables failed; the published tables are unchanged."""

    exit_code = Exit.REFUSED


class Busy(ReconcileError):
    """Another run is writing."""

    retryable = True
    exit_code = Exit.TRY_AGAIN


class SettingsInvalid(ReconcileError):
    """The configuration file or environment is wrong."""

    exit_code = Exit.SETTINGS
    stops_source = True


def told_by_model(problem: ErrorDetails) -> str:
    """What a settings model says is wrong. Before what our own validators raise pydantic puts "Value error, ", which tells nobody more."""
    return str(problem["ctx"]["error"]) if problem["type"] == "value_error" else problem["msg"]


def nearest(written: str, names: Iterable[str]) -> str:
    """``; nearest is NAME``, the end of a message about a word that is none of ``names``; empty where none is near."""
    near = get_close_matches(written, sorted(names), 1)
    return f"; nearest is {near[0]}" if near else ""
