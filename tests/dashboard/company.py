"""A small company whose names attack a page, as files the real job lands, reconciles and publishes. It sells nothing yet."""

from __future__ import annotations

from pathlib import Path

from tests.claims.scenarios.company_of_examples import Row, write_company

#: Tenants are what a customer typed when signing up.
MARKUP = "<img src=x onerror=\"window.attacked='markup'\">"
FORMULA = '=HYPERLINK("http://attacker.example","win")'
SETTLED = "2026-09-29T09:00:00"
#: The sources of `company_of_examples` are examples; these two are what a company has, a chat and a search.
SOLD: dict[str, Row] = {
    "chat": {
        "bill": [{"quantity": 1_000_000, "cost": "10.00", "line": "line-1"}],
        "calls": [
            {"event": "e1", "run": "r1", "tenant": MARKUP, "tokens": 400_000},
            {"event": "e1", "run": "r2", "tenant": MARKUP, "tokens": 100_000},
            {"event": "e2", "tenant": FORMULA, "tokens": 300_000},
            {"event": "e3", "tenant": FORMULA, "tokens": 100_000, "at": "2026-09-28 03:10:00"},
        ],
        "runs": [
            {"event": "e1", "run": "r1", "tenant": MARKUP, "status": "failure", "at": "2026-09-28 11:00:00"},
            {"event": "e1", "run": "r2", "tenant": MARKUP, "status": "success", "at": "2026-09-28 12:00:00"},
        ],
        "said": {"e1": "success", "e2": "failure", "e3": "success"},
        "outcome_at": SETTLED,
    },
    "search": {
        "bill": [{"quantity": 2_000, "cost": "0.000006", "line": "line-1"}],
        "calls": [{"event": "e1", "tenant": MARKUP, "tokens": 2_000}],
        "said": {"e1": "success"},
        "outcome_at": SETTLED,
    },
}


def write(folder: Path) -> Path:
    """Its files. Returns its settings file."""
    settings = write_company(folder, SOLD)
    # Of search no list price is known, so the hourly watch cannot estimate it.
    prices = "source,model,meter,price_per_million,currency,version,valid_from\nchat,model,input_tokens,12,USD,1,2026-01-01\n"
    (folder / "reference" / "list_prices.csv").write_text(prices)
    settings.write_text(settings.read_text() + f'company: "{HOSTILE_COMPANY}"\n')
    return settings


HOSTILE_COMPANY = "<script>window.attacked='company'</script>"
