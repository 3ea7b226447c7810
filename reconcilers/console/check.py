"""What is wrong before anything is asked, for a person to mend line by line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from rich.console import Console

from reconcilers.check import Finding, check
from reconcilers.console.paper import here, paper, plain


def print_check(file: Path, as_of: datetime, offline: bool) -> bool:
    """All that is wrong, errors first. Returns whether nothing is; warnings are no error."""
    checked = check(file, as_of, offline=offline)
    out = paper()
    print_findings(out, checked.findings)
    wrong = sum(not finding.is_warning for finding in checked.findings)
    warnings = len(checked.findings) - wrong
    told = f"{_counted(wrong, 'error')}, {_counted(warnings, 'warning')}" if checked.findings else "nothing is wrong"
    answered = f"; {_counted(len(checked.asked), 'source')} answered" if checked.asked else ""
    unasked = f"; offline, so not asked: {', '.join(checked.unasked)}" if checked.unasked else ""
    out.print(plain(f"{told}{answered}{unasked}"))
    return not wrong


def print_findings(out: Console, findings: Iterable[Finding]) -> None:
    for finding in findings:
        style, word = ("yellow", "warning") if finding.is_warning else ("red", "error")
        place = f"{here(finding.file)}:{finding.line}" if finding.line else str(here(finding.file))
        out.print(f"[{style}]{word}[/]  {plain(place)}: {plain(finding.problem)}", highlight=False)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
