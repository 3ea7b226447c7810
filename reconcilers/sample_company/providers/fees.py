"""What stands on a bill beside ordinary usage: fees, tax, credits, commitments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from reconcilers.sample_company.providers.ledger import LAG_HOURS, SERVICE_NAMES, BillLine, Ledger
from reconcilers.sample_company.seen.facts import Charge, Key
from reconcilers.sample_company.world.calendar import instant, month_of, next_month
from reconcilers.sample_company.world.company import (
    ACCOUNTS,
    AWS,
    AWS_PROD,
    EC2_SERVICE,
    GCP,
    STORAGE_METER,
    SUPPORT_SERVICE,
    VECTORS,
)
from reconcilers.sample_company.world.happened import Planted, World

SAVINGS_PLAN_SERVICE = "Savings Plans for AWS Compute usage"

#: Savings plan of the GPU host: what is committed per hour, and what of it the host uses.
_COMMITTED_PER_HOUR, _USED_PER_HOUR, _GPU_LIST_PER_HOUR = Decimal("0.72"), Decimal("0.63"), Decimal("1.006")
_SUPPORT_FEE, _CREDIT = Decimal("29.00"), Decimal("-15.00")
_TAX_RATE, _DISCOUNT_RATE = Decimal("0.05"), Decimal("0.03")
_TRIAL_CREDIT = Decimal("-0.02")
_STORAGE_EUR = Decimal("7.35")
_CENT, _MICRO = Decimal("0.01"), Decimal("1e-6")


def add_fees(world: World, ledger: Ledger) -> None:
    """Everything no call drives, month by month."""
    month = month_of(world.start)
    while month < world.end:
        first, end = max(month, world.start), min(next_month(month), world.end)
        for offset in range((end - first).days):
            _gpu_day(ledger, first + timedelta(days=offset))
        hours = 24 * (end - first).days
        idle = (_COMMITTED_PER_HOUR - _USED_PER_HOUR) * hours
        gpu = _USED_PER_HOUR * hours
        note(
            world,
            "idle_commitment",
            f"savings plan of {_COMMITTED_PER_HOUR} per hour, {_USED_PER_HOUR} used",
            AWS,
            month,
            "commitment_idle",
            idle,
        )
        note(
            world,
            "gpu_host",
            "a GPU host under a savings plan, sent to platform usage by a rule",
            AWS,
            month,
            "platform_usage",
            gpu,
        )
        _aws_month(world, ledger, month, first, end)
        _vectors_month(world, ledger, month, first, end)
        _gcp_month(world, ledger, month, first, end)
        month = next_month(month)


def _gpu_day(ledger: Ledger, day: date) -> None:
    """A day of the GPU host: the commitment bought, what the host used of it, what nobody used."""
    known = instant(day, 24 + LAG_HOURS[AWS])
    tomorrow = day + timedelta(days=1)
    lines = (
        ("purchase", SAVINGS_PLAN_SERVICE, "Purchase", _COMMITTED_PER_HOUR * 24, Decimal(0), None),
        ("used", EC2_SERVICE, "Usage", Decimal(0), _USED_PER_HOUR * 24, "Used"),
        ("unused", SAVINGS_PLAN_SERVICE, "Usage", Decimal(0), (_COMMITTED_PER_HOUR - _USED_PER_HOUR) * 24, "Unused"),
    )
    for name, service, category, billed, effective, status in lines:
        charge = account_line(AWS, f"savings-plan|{name}|{day}", day, tomorrow, billed, service_name=service)
        charge = replace(
            charge,
            effective_cost=effective,
            charge_category=category,
            commitment_discount_status=status,
            list_cost=_GPU_LIST_PER_HOUR * 24 if name == "used" else billed,
        )
        ledger.lines.append(BillLine(charge, known, description=f"g5.xlarge savings plan, {name}", unit="Hrs"))


def _aws_month(world: World, ledger: Ledger, month: date, first: date, end: date) -> None:
    """Discount, credit, support and tax of an AWS month, each known when AWS tells it."""
    bedrock = [
        line.charge
        for line in ledger.lines
        if line.charge.source == AWS
        and line.charge.service_name == SERVICE_NAMES[AWS]
        and line.charge.billing_period_start == month
        and line.charge.key.sub_account_id == AWS_PROD
    ]
    usage_cost = billed_cost(bedrock)
    discount = -(usage_cost * _DISCOUNT_RATE).quantize(_MICRO, rounding=ROUND_HALF_UP)
    taxed = usage_cost + discount + _COMMITTED_PER_HOUR * 24 * (end - first).days + _SUPPORT_FEE
    tax = (taxed * _TAX_RATE).quantize(_CENT, rounding=ROUND_HALF_UP)
    after = next_month(month)
    discount_charge = account_line(AWS, f"edp|{month}", first, end, discount, service_name=SERVICE_NAMES[AWS])
    discount_charge = replace(discount_charge, reduction="price", list_cost=Decimal(0))
    credit = replace(
        account_line(AWS, f"credit|{month}", first, end, _CREDIT, service_name=SERVICE_NAMES[AWS]),
        charge_category="Credit",
        reduction="promotional",
    )
    support = replace(
        account_line(AWS, f"support|{month}", first, end, _SUPPORT_FEE, service_name=SUPPORT_SERVICE),
        charge_category="Purchase",
    )
    tax_charge = replace(
        account_line(AWS, f"tax|{month}", first, end, tax, service_name=SERVICE_NAMES[AWS]), charge_category="Tax"
    )
    for charge, known, text in (
        (discount_charge, instant(after + timedelta(days=2), 5), "Enterprise discount"),
        (tax_charge, instant(after + timedelta(days=2), 5), "Tax"),
        (support, instant(after + timedelta(days=5), 5), "Business support"),
        (credit, instant(after + timedelta(days=9), 5), "Promotional credit"),
    ):
        ledger.lines.append(BillLine(charge, known, description=text))
    note(
        world,
        "price_reduction",
        "negotiated AWS discount in a line of its own",
        AWS,
        month,
        "folded into the usage it reduces (R6)",
        discount,
    )
    note(world, "credit", "promotional AWS credit, told ten days after the month", AWS, month, "credit", _CREDIT)
    note(world, "tax", "AWS tax", AWS, month, "tax", tax)
    note(world, "support_fee", "AWS support", AWS, month, "support_and_fees", _SUPPORT_FEE)


def _vectors_month(world: World, ledger: Ledger, month: date, first: date, end: date) -> None:
    """Storage of the vector index: in euro, by the month, sent to platform usage by a rule on its meter."""
    charge = replace(
        account_line(VECTORS, f"storage|{month}", first, end, _STORAGE_EUR, sku_meter=STORAGE_METER),
        billing_currency="EUR",
    )
    ledger.lines.append(BillLine(charge, instant(end, LAG_HOURS[VECTORS]), description=STORAGE_METER))
    world.planted.append(
        Planted(
            "foreign_currency",
            "the vector vendor bills in euro",
            VECTORS,
            month,
            (charge.line_id,),
            "platform_usage",
            _STORAGE_EUR,
            "EUR",
        )
    )


def _gcp_month(world: World, ledger: Ledger, month: date, first: date, end: date) -> None:
    """A credit on the last usage of a month of Google's, and tax on all of it, exported days later."""
    usage = [line for line in ledger.lines if (line.charge.source, line.charge.billing_period_start) == (GCP, month)]
    if not usage:
        return
    last = usage[-1]
    credit = replace(
        last.charge,
        line_id=f"{last.charge.line_id}|credit",
        key=replace(last.charge.key, model=None, meter=None, service_tier=None, batch=None),
        billed_cost=_TRIAL_CREDIT,
        effective_cost=_TRIAL_CREDIT,
        list_cost=Decimal(0),
        quantity=None,
        sku_meter=None,
        charge_category="Credit",
        reduction="promotional",
        linked_line_ids=(last.charge.line_id,),
    )
    ledger.lines.append(replace(last, charge=credit, description="Free trial"))
    taxed = billed_cost(line.charge for line in usage) + _TRIAL_CREDIT
    tax = (taxed * _TAX_RATE).quantize(_CENT, rounding=ROUND_HALF_UP)
    tax_charge = replace(account_line(GCP, f"tax|{month}", first, end, tax), charge_category="Tax")
    told = instant(next_month(month) + timedelta(days=2), 5)
    ledger.lines.append(BillLine(tax_charge, told, description="Tax"))
    note(world, "credit", "a credit of Google's on a row of usage", GCP, month, "credit", _TRIAL_CREDIT)
    if tax:
        note(world, "tax", "Google's tax", GCP, month, "tax", tax)


def account_line(
    source: str,
    line_id: str,
    first: date,
    end: date,
    cost: Decimal,
    service_name: str | None = None,
    sku_meter: str | None = None,
) -> Charge:
    """A line of a whole account without model, meter or quantity, billed in the month it begins in."""
    return Charge(
        source=source,
        line_id=f"{source}|{line_id}",
        key=Key(billing_account_id=ACCOUNTS[source], sub_account_id=AWS_PROD if source == AWS else None),
        billed_cost=cost,
        effective_cost=cost,
        charge_period_start=instant(first),
        charge_period_end=instant(end),
        billing_period_start=month_of(first),
        service_name=service_name or SERVICE_NAMES[source],
        sku_meter=sku_meter,
        list_cost=cost,
    )


def billed_cost(charges: list[Charge] | Iterator[Charge]) -> Decimal:
    """What is billed for them together."""
    return sum((charge.billed_cost for charge in charges), Decimal(0))


def note(
    world: World,
    kind: str,
    what: str,
    source: str,
    day: date | None,
    effect: str,
    amount: Decimal,
    currency: str = "USD",
) -> None:
    """Record what is planted in the bills, its effect, and how much money it is."""
    world.planted.append(Planted(kind, what, source, day, (), effect, amount, currency))
