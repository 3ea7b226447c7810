"""Begin a source: its file and a fixture folder, made from the room's skeleton; both work before a line is changed."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from reconcilers.errors import SettingsInvalid
from reconcilers.sources.registry import ROOMS

_CSV_BILL = """day,day_end,account,currency,category,service,model,meter,quantity,unit,cost
2026-09-03,2026-09-04,acct-1,USD,Usage,Skeleton API,model-1,input_tokens,1000000,tokens,10.00
2026-09-03,2026-09-04,acct-1,USD,Usage,Skeleton API,model-1,output_tokens,200000,tokens,8.40
"""
_CALLS = """{"id": "call-1", "ended": "2026-09-03T10:00:02Z", "model": "model-1", "in": 1200, "out": 80, "event": "ticket-1"}
{"id": "call-2", "ended": "2026-09-03T10:05:00Z", "model": "model-1", "in": 900, "out": 40, "event": "ticket-2"}
"""
_MAPPING = """entity: calls
columns:
  record_id: id
  ended_at: ended
  event_id: event
  provider: {constant: skeleton}
  model: model
  status: {constant: ok}
  usage_source: {constant: provider}
usage:
  semantics: inclusive
  meters:
    - {meter: input_tokens, column: in}
    - {meter: output_tokens, column: out}
"""
_INVOICES = """id,customer,from,to,amount,currency
line-1,acme,2026-09-01,2026-09-30,250.00,EUR
line-2,globex,2026-09-03,2026-09-03,19.90,EUR
"""
_BASE_URL = "base_url: https://skeleton.invalid\n"
#: A room's first fixture: path below its folder → text.
_FIXTURES = {
    "billing": {"source.yaml": _BASE_URL, "received/2026-09-03/bill.csv": _CSV_BILL},
    "telemetry": {"source.yaml": _BASE_URL + _MAPPING, "received/2026-09-03/calls.ndjson": _CALLS},
    "revenue": {"source.yaml": _BASE_URL, "received/2026-09-03/invoices.csv": _INVOICES},
}


def new_source(room: str, kind: str, checkout: Path) -> list[Path]:
    """Write ``reconcilers/sources/<room>/<kind>.py`` and its first fixture below ``checkout``. Returns the files, the source first.

    Raises ``SettingsInvalid`` for a room there is not, a kind that can be no module, and a file that is there: nothing is
    written then.
    """
    if room not in ROOMS:
        raise SettingsInvalid(f"unknown room {room!r:.40}", hint=f"use one of {', '.join(ROOMS)}")
    if not re.fullmatch(r"[a-z](_?[a-z0-9]){0,39}", kind):
        raise SettingsInvalid(f"{kind!r:.40} can be no kind", hint="lower-case words with _ between, such as acme_ai")
    rooms = checkout / "reconcilers" / "sources"
    if not (rooms / room).is_dir():
        raise SettingsInvalid(f"{checkout} holds no reconcilers/sources/{room}", hint="name a checkout with --checkout")
    fixture = checkout / "tests" / "sources" / "fixtures" / room / kind / "first"
    skeleton = files("reconcilers.sources.skeletons").joinpath(f"{room}.py").read_text()
    texts = {rooms / room / f"{kind}.py": skeleton} | {fixture / at: text for at, text in _FIXTURES[room].items()}
    if there := next((path for path in texts if path.exists()), None):
        raise SettingsInvalid(f"{there} is there already", hint="nothing was written; choose another kind")
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_named(text, kind))
    return list(texts)


def _named(text: str, kind: str) -> str:
    """The text with the kind's name in the three ways it is written."""
    title = "".join(word.capitalize() for word in kind.split("_"))
    return text.replace("skeleton", kind).replace("SKELETON", kind.upper()).replace("Skeleton", title)
