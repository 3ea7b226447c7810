"""Tell people: a task failed for good, or the tables hold something to look at.

Whom is told in ``RECONCILE_ALERTS``, or in the password of the Airflow connection ``reconcile_alerts``: Apprise URLs, with
spaces between, for Slack, e-mail, a webhook and a hundred others (https://appriseit.com/services). None: only the log tells.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier, Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

if TYPE_CHECKING:
    from reconcilers.declared.settings import Settings

log = logging.getLogger("airflow.task")
VARIABLE = "RECONCILE_ALERTS"
LINES = 20
MESSAGES = 10


class Alert(BaseNotifier):
    """On the failure of a task: which, for which day, what is wrong and what to do, and where its log is.

    ``for_good``: only where a person is needed, since another task tries again what may pass.
    """

    def __init__(self, for_good: bool = False) -> None:
        super().__init__()
        self.for_good = for_good

    def notify(self, context: Any) -> None:
        ti, run = context["ti"], context["dag_run"]
        if self.for_good and not isinstance(context.get("exception"), AirflowFailException):
            return
        which = getattr(ti, "rendered_map_index", None) or ti.map_index
        name = ti.task_id if ti.map_index < 0 else f"{ti.task_id} {which}"
        error = context.get("exception")
        lines = [f"{type(error).__name__}: {error}" if error else "it was killed, or ran too long"]
        lines += [f"run {run.run_id}", f"log {ti.log_url}"]
        send(f"{ti.dag_id}: {name} failed", lines)


def send(title: str, lines: Sequence[str]) -> None:
    """One message to everybody, of at most ``LINES`` of these lines; the log has all. Without lines, none.

    A message that cannot be sent is logged and fails nothing.
    """
    if not lines:
        return
    log.warning("%s\n%s", title, "\n".join(lines))
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"and {len(lines) - LINES + 1} more lines; the task's log has them"]
    urls = os.environ.get(VARIABLE) or _connection()
    if urls:
        from apprise import Apprise

        people = Apprise()
        people.add(urls.split())
        if not people.notify(title=title, body="\n".join(lines), body_format="text"):
            log.error("not everybody was alerted; see the lines above, and %s", VARIABLE)


def send_news(settings: Settings, store: str) -> None:
    """A message for each open alert of a store that nobody was told of: what was found, its owner and driver, the checklist.

    Of more than ``MESSAGES`` at once the rest are one message of their titles.
    """
    from reconcilers.alerts import news

    rest = []
    for number, alert in enumerate(news(settings, store)):
        if number < MESSAGES:
            send(alert.title, alert.lines())
        else:
            rest.append(alert.title)
    send("more alerts: `reconcile alerts`", rest)


def _connection() -> str:
    try:
        return Connection.get(VARIABLE.lower()).password or ""
    except AirflowNotFoundException:
        return ""
