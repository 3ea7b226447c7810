"""The European Central Bank's history of rates: which day's rate is a month's, and what is no rate."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from reconcilers import pipeline
from reconcilers.check import check
from reconcilers.declared import euro_rates
from reconcilers.declared.settings import Settings, read_settings
from reconcilers.errors import SourceRejected
from reconcilers.known import known

#: As published: newest first, no weekends, a comma at the end of every line; the lev ended with 2025.
HISTORY = """\
Date,USD,JPY,BGN,ISK,KRW,
2026-10-02,1.1201,178.49,N/A,138,1558,
2026-09-30,1.1275,177.9,N/A,142.1,1561.3,
2026-09-01,1.1251,177.12,N/A,143,1560,
2026-08-31,1.1240,176.8,N/A,143.2,1559.99,
2026-08-03,1.1240,176.8,N/A,143.2,1559.99,
2026-07-31,1.13,170,N/A,N/A,1550,
2026-01-02,1.17,183,N/A,147,1690,
2025-12-31,1.175,184.09,1.9558,147.2,1699.5,
2025-12-01,1.1646,181.11,1.9558,148,1710,
"""
OCTOBER, SEPTEMBER, AUGUST = (date(2026, month, 1) for month in (10, 9, 8))


def rates(tmp_path: Path, text: str = HISTORY, currency: str = "USD") -> dict[tuple[str, date], tuple[Decimal, str]]:
    """(rate, version) by currency and month."""
    path = tmp_path / "eurofxref-hist.csv"
    path.write_text(text)
    rows = euro_rates.rates(euro_rates.read(path), currency)
    return {(row["currency"], row["billing_period_start"]): (row["rate"], row["version"]) for row in rows}


def test_the_rate_of_a_month_is_that_of_its_first_day(tmp_path: Path) -> None:
    found = rates(tmp_path)
    assert found["EUR", SEPTEMBER] == (Decimal("1.125100000"), "ECB 2026-09-01")


def test_on_a_day_without_rates_it_is_the_last_day_before(tmp_path: Path) -> None:
    """Trap: no weekends, no holidays."""
    found = rates(tmp_path)
    assert found["EUR", OCTOBER] == (Decimal("1.127500000"), "ECB 2026-09-30")
    assert found["EUR", AUGUST] == (Decimal("1.130000000"), "ECB 2026-07-31")


def test_order_of_lines_decides_nothing(tmp_path: Path) -> None:
    """Trap: newest first."""
    header, *lines = HISTORY.splitlines()
    assert rates(tmp_path, "\n".join([header, *reversed(lines)])) == rates(tmp_path)


def test_a_rate_between_two_currencies_is_their_quotient_rounded_once(tmp_path: Path) -> None:
    found = rates(tmp_path)
    assert found["JPY", SEPTEMBER][0] == Decimal("0.006352191")  # 1.1251 / 177.12 = 0.0063521906…
    assert rates(tmp_path, currency="JPY")["USD", SEPTEMBER][0] == Decimal("157.426006577")  # 177.12 / 1.1251
    assert rates(tmp_path, currency="EUR")["USD", SEPTEMBER][0] == Decimal("0.888809884")  # 1 / 1.1251 = 0.88880988356…
    half = HISTORY.replace("1.1251,177.12", "1,16000000000")  # 0.0000000000625
    assert ("JPY", SEPTEMBER) not in rates(tmp_path, half)
    assert rates(tmp_path, HISTORY.replace("1.1251,177.12", "1,2000000000"))["JPY", SEPTEMBER][0] == Decimal("1e-9")
    away = HISTORY.replace("1.1251,177.12", "1.000000003,2")
    assert rates(tmp_path, away)["JPY", SEPTEMBER][0] == Decimal("0.500000002")


def test_a_currency_that_ended_has_no_rate(tmp_path: Path) -> None:
    """Trap: N/A is not the last known rate, and neither is a day without one."""
    found = rates(tmp_path)
    assert ("BGN", date(2025, 12, 1)) in found
    assert not {("BGN", date(2026, 1, 1)), ("BGN", SEPTEMBER)} & found.keys()
    assert ("JPY", date(2026, 1, 1)) in found
    assert ("ISK", AUGUST) not in found
    assert ("ISK", SEPTEMBER) in found
    assert rates(tmp_path, currency="BGN").keys() == {
        (c, date(2025, 12, 1)) for c in ("EUR", "ISK", "JPY", "KRW", "USD")
    }
    assert not rates(tmp_path, currency="CHF")


def test_a_month_is_known_once_the_file_has_reached_it(tmp_path: Path) -> None:
    newest = HISTORY.splitlines()[1]
    assert ("EUR", OCTOBER) not in rates(tmp_path, HISTORY.replace(f"{newest}\n", ""))
    assert ("EUR", date(2026, 11, 1)) not in rates(tmp_path)
    assert ("EUR", date(2025, 11, 1)) not in rates(tmp_path)


def test_a_hole_in_the_file_is_no_holiday(tmp_path: Path) -> None:
    found = rates(tmp_path)
    assert ("EUR", date(2026, 1, 1)) in found
    assert not {("EUR", date(2026, month, 1)) for month in (2, 7)} & found.keys()
    # The hole may begin with the last day before the first.
    hole = "\n".join(line for line in HISTORY.splitlines() if not line.startswith("2026-08-03")) + "\n"
    assert ("EUR", AUGUST) not in rates(tmp_path, hole)


def test_the_whole_history_since_1999_is_read(tmp_path: Path) -> None:
    """Trap: it is longer than any period a company asks for."""
    found = rates(tmp_path, HISTORY + "1999-02-01,1.1337,131.19,N/A,N/A,N/A,\n1999-01-04,1.1789,133.73,N/A,N/A,N/A,\n")
    assert found["EUR", date(1999, 2, 1)] == (Decimal("1.1337"), "ECB 1999-02-01")
    assert ("EUR", OCTOBER) in found


def packed(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return out.getvalue()


def test_it_is_read_out_of_its_archive(tmp_path: Path) -> None:
    path = tmp_path / "eurofxref-hist.zip"
    path.write_bytes(packed(**{"eurofxref-hist_csv": HISTORY}))
    assert euro_rates.path_in(tmp_path) == path
    assert len(euro_rates.read(path)) == 9
    (tmp_path / "eurofxref-hist.csv").write_text(HISTORY)
    with pytest.raises(SourceRejected, match="both there"):
        euro_rates.path_in(tmp_path)


WHOLE = packed(**{"eurofxref-hist_csv": HISTORY})


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b"", 1, "does not begin with Date"),
        (HISTORY.replace("Date", "Day").encode(), 1, "does not begin with Date"),
        (b"Date,USD\n2026-10-02,1.1\n", 1, "a comma at the end"),
        (HISTORY.replace("JPY", "YEN").encode(), 1, "column 'YEN' is no currency"),
        (HISTORY.replace("JPY", "USD").encode(), 1, "column 'USD' is no currency, or is there twice"),
        (HISTORY.encode()[:-30], 10, "it is cut off"),
        (HISTORY.replace("2026-09-30", "30 September 2026").encode(), 3, "is no day"),
        (HISTORY.replace("2026-09-30", "2026-09-01").encode(), 4, "2026-09-01 is there twice"),
        (HISTORY.replace("1.1275", "").encode(), 3, "USD '' is neither a rate nor N/A"),
        (HISTORY.replace("1.1275", "0.000").encode(), 3, "USD '0.000' is neither"),
        (HISTORY.replace("1.1275", "-1.1").encode(), 3, "USD '-1.1' is neither"),
        (HISTORY.replace("1.1275", "1e3").encode(), 3, "USD '1e3' is neither"),
        (HISTORY.replace("1.1275", "NaN").encode(), 3, "USD 'NaN' is neither"),
        (HISTORY.replace("1.1275", "1٣").encode(), 3, "is neither a rate"),
        (HISTORY.encode("utf-16"), 1, "is not UTF-8"),
        (WHOLE[:-40], 1, "the archive does not hold"),
        (WHOLE[:60] + b"\xff\xff\xff" + WHOLE[63:], 1, "the archive does not hold"),
        (packed(other_csv=HISTORY), 1, "the archive does not hold eurofxref-hist.csv alone"),
        (packed(**{"eurofxref-hist_csv": HISTORY, "b_csv": ""}), 1, "the archive does not hold"),
    ],
)
def test_what_is_no_history_is_refused_with_its_line(tmp_path: Path, content: bytes, line: int, problem: str) -> None:
    path = tmp_path / "eurofxref-hist.csv"
    path.write_bytes(content)
    with pytest.raises(SourceRejected) as refused:
        euro_rates.read(path)
    assert (refused.value.file, refused.value.line) == (str(path), line)
    assert problem in refused.value.problem


@pytest.fixture
def company(tmp_path: Path) -> Settings:
    """A company that reports in USD, with the history and one rate of its own."""
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "eurofxref-hist.csv").write_text(HISTORY)
    own = "currency,billing_period_start,rate,version\nEUR,2026-09-01,1.2,books\nUGX,2026-09-01,0.000282,books\n"
    (folder / "exchange_rates.csv").write_text(own)
    (tmp_path / "bills").mkdir()
    file = tmp_path / "reconcile.yaml"
    file.write_text(yaml.safe_dump({"billing": [{"name": "bill", "kind": "focus_file", "uri": "bills"}]}))
    return read_settings(file)


def told(company: Settings, as_of: datetime) -> dict[tuple[str, date], tuple[Decimal, str]]:
    rows = known(company, as_of).reference["exchange_rates"].to_pylist()
    return {(row["currency"], row["billing_period_start"]): (row["rate"], row["version"]) for row in rows}


def test_a_rate_of_the_company_goes_before_and_both_are_known_as_they_landed(company: Settings) -> None:
    assert pipeline.land_reference(company, datetime(2026, 10, 3)).failures == []
    found = told(company, datetime(2026, 10, 3))
    assert found["EUR", SEPTEMBER] == (Decimal("1.2"), "books")
    assert found["UGX", SEPTEMBER] == (Decimal("0.000282"), "books")
    assert found["EUR", OCTOBER] == (Decimal("1.1275"), "ECB 2026-09-30")
    assert told(company, datetime(2026, 10, 2)) == {}
    # What was known before stays in force while the file is damaged.
    path = company.path(company.reference) / "eurofxref-hist.csv"
    path.write_text(HISTORY[:-30])
    (failure,) = pipeline.land_reference(company, datetime(2026, 10, 4)).failures
    assert "it is cut off" in failure
    assert told(company, datetime(2026, 10, 4)) == found
    path.unlink()
    assert pipeline.land_reference(company, datetime(2026, 10, 5)).failures == []
    assert told(company, datetime(2026, 10, 5)).keys() == {("EUR", SEPTEMBER), ("UGX", SEPTEMBER)}


@pytest.mark.parametrize(
    ("old", "new", "now"),
    [
        ("1.1275,177.9,", "1.1276,177.9,", "1.1276"),
        ("1.1275,177.9,", "N/A,177.9,", "not there"),
        ("2026-10-02,1.1201,", "2026-10-01,1.1201,", "1.1201"),
        ("2026-09-30,", "2026-09-20,", "not there"),
    ],
)
def test_a_months_rate_is_locked_once_it_is_known(company: Settings, old: str, new: str, now: str) -> None:
    """The other file is refused whole and what was known stays, until somebody has accepted that the one before is gone."""
    path = company.path(company.reference) / "eurofxref-hist.csv"
    assert pipeline.land_reference(company, datetime(2026, 10, 3)).failures == []
    before = told(company, datetime(2026, 10, 3))
    path.write_text(HISTORY.replace(old, new))
    (failure,) = pipeline.land_reference(company, datetime(2026, 10, 4)).failures
    assert "the month's rate of USD is locked at 1.1275 of 2026-09-30" in failure
    assert f"now it is {now}" in failure
    assert "period 2026-10" in failure
    assert told(company, datetime(2026, 10, 4)) == before
    path.unlink()
    assert pipeline.land_reference(company, datetime(2026, 10, 5)).failures == []
    path.write_text(HISTORY.replace(old, new))
    assert pipeline.land_reference(company, datetime(2026, 10, 6)).failures == []


def test_days_that_follow_and_other_spellings_lock_nothing_anew(company: Settings) -> None:
    path = company.path(company.reference) / "eurofxref-hist.csv"
    assert pipeline.land_reference(company, datetime(2026, 10, 3)).failures == []
    before = told(company, datetime(2026, 10, 3))
    header, *lines = HISTORY.splitlines()
    later = [f"{header}CHF,", "2026-11-02,1.2,180,N/A,140,1600,0.93,", *(f"{one}N/A," for one in lines)]
    path.write_text("\n".join(later).replace("1.1275,", "1.12750,").replace("1.1240,176.8", "1.3,180") + "\n")
    assert pipeline.land_reference(company, datetime(2026, 11, 3)).failures == []
    now = told(company, datetime(2026, 11, 3))
    assert ("EUR", date(2026, 11, 1)) not in before
    assert {month: now[month] for month in before} == before


def test_an_archive_lands_as_it_is(company: Settings) -> None:
    folder = company.path(company.reference)
    (folder / "eurofxref-hist.csv").unlink()
    (folder / "eurofxref-hist.zip").write_bytes(WHOLE)
    report = pipeline.land_reference(company, datetime(2026, 10, 3))
    assert (report.failures, report.warnings) == ([], [])
    assert told(company, datetime(2026, 10, 3))["EUR", OCTOBER][0] == Decimal("1.1275")


def test_a_check_says_what_is_wrong_with_it_and_whether_it_serves(company: Settings) -> None:
    def found() -> list[tuple[str, int | None, str, bool]]:
        findings = check(company.file, datetime(2026, 10, 3), offline=True).findings
        return [
            (one.file.name, one.line, one.problem, one.is_warning)
            for one in findings
            if one.file.name.startswith("eurofxref")
        ]

    assert found() == []
    company.file.write_text(company.file.read_text() + "reporting_currency: CHF\n")
    problem = "it has no rate of CHF, the reporting currency, so no rate follows"
    assert found() == [("eurofxref-hist.csv", None, problem, True)]
    (company.path(company.reference) / "eurofxref-hist.csv").write_text("Date,USD,\n2026-10-02,x,\n")
    ((_, line, problem, is_warning),) = found()
    assert (line, is_warning) == (2, False)
    assert problem.startswith("USD 'x' is neither a rate nor N/A -> get it anew")
