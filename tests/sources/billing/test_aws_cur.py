"""What a line of a Cost and Usage Report, or of AWS's FOCUS export, becomes."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from reconcilers.errors import SettingsInvalid, SourceChangedShape, SourceRejected
from reconcilers.sources.billing.aws_cur import LINE_TYPES
from tests.sources.billing.aws_export import MONTH, Cells, Export, csv_gz, focus_rows, legacy, line, parquet
from tests.sources.conftest import Bucket


@pytest.fixture
def charges(bucket: Bucket, aws: Any, land: Any) -> Callable[..., list[dict[str, Any]]]:
    """CUR 2.0 lines as lake charges."""

    def read(*lines: Cells, **config: Any) -> list[dict[str, Any]]:
        Export(bucket, "cur_2_0").deliver([csv_gz(lines)])
        found: list[dict[str, Any]] = land(aws(**config), MONTH).rows["charges"]
        return found

    return read


ROLE, SESSION = "arn:aws:sts::111122223333:assumed-role/TenantA", "arn:aws:sts::111122223333:assumed-role/TenantA/s1"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3"
ARN = "arn:aws:savingsplans::111122223333:savingsplan/1"
RESERVED = "arn:aws:ec2:us-east-1:111122223333:reserved-instances/2"


def test_line_types_are_focus_categories(charges: Any) -> None:
    lines = [
        line(kind, "2.0", reservation_effective_cost="1.0", savings_plan_savings_plan_effective_cost="1.0")
        for kind in LINE_TYPES
    ]
    found = charges(*lines, line("SomethingNew", "3.0"))
    categories = [(row["charge_category"], row["reduction"]) for row in found]
    assert categories == [
        *[("Usage", None)] * 4,
        *[("Purchase", None)] * 4,
        ("Tax", None),
        ("Credit", "promotional"),
        ("Adjustment", None),
        *[("Usage", "price")] * 6,
        ("Adjustment", None),
    ]
    named = dict(zip([*LINE_TYPES, "SomethingNew"], found, strict=True))
    told = {kind for kind, row in named.items() if row["model"]}
    assert told == {"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "Refund"}
    assert {kind for kind, row in named.items() if row["quantity"]} == told - {"Refund"}
    assert sum(row["billed_cost"] for row in found) == 2 * len(LINE_TYPES) + 3


def test_commitments_cost_what_they_cover_and_show_what_they_do_not(charges: Any) -> None:
    plan, reserved = {"savings_plan_savings_plan_a_r_n": ARN}, {"reservation_reservation_a_r_n": RESERVED}
    found = charges(
        line("SavingsPlanCoveredUsage", "1.00", savings_plan_savings_plan_effective_cost="0.63", **plan),
        line("SavingsPlanNegation", "-1.00", **plan),
        line(
            "SavingsPlanRecurringFee",
            "0.72",
            savings_plan_total_commitment_to_date="0.72",
            savings_plan_used_commitment="0.63",
            **plan,
        ),
        line("DiscountedUsage", "0", reservation_effective_cost="0.40", **reserved),
        line(
            "RIFee",
            "30",
            reservation_unused_amortized_upfront_fee_for_billing_period="2.5",
            reservation_unused_recurring_fee="1.5",
            **reserved,
        ),
        line("Fee", "100", **reserved),
        line("Fee", "29"),
    )
    columns = ("charge_category", "commitment_discount_status", "billed_cost", "effective_cost", "quantity")
    assert [tuple(row[name] for name in columns) for row in found] == [
        ("Usage", "Used", Decimal("1.00"), Decimal("0.63"), 1000),
        ("Usage", None, Decimal("-1.00"), 0, None),
        ("Purchase", None, Decimal("0.72"), 0, None),
        ("Usage", "Used", 0, Decimal("0.40"), 1000),
        ("Purchase", None, 30, 0, None),
        ("Purchase", None, 100, 0, None),
        ("Purchase", None, 29, 29, None),
        ("Usage", "Unused", 0, Decimal("0.09"), None),
        ("Usage", "Unused", 0, 4, None),
    ]
    assert [row["commitment_discount_id"] for row in found] == [
        ARN,
        ARN,
        ARN,
        RESERVED,
        RESERVED,
        RESERVED,
        None,
        ARN,
        RESERVED,
    ]
    assert [row["landing_line"] % 100 for row in found[-2:]] == [4, 6]
    assert len({row["charge_id"] for row in found}) == len(found)


@pytest.mark.parametrize(
    "kind",
    ["BundledDiscount", "Discount", "EdpDiscount", "PrivateRateDiscount", "RiVolumeDiscount", "SppDiscount"],
)
def test_a_discount_names_the_service_it_reduces(charges: Any, kind: str) -> None:
    usage, discount = charges(line(), line(kind, "-0.03", product_product_name="", line_item_usage_type=""))
    assert usage["service_name"] == discount["service_name"] == "Amazon Bedrock"
    assert (discount["list_cost"], discount["quantity"], discount["model"]) == (0, None, None)
    assert (discount["charge_category"], discount["reduction"]) == ("Usage", "price")


def test_net_cost_where_discounts_have_no_lines(charges: Any) -> None:
    (row,) = charges(line(cost="1.0"), cost="net_unblended")
    assert (row["billed_cost"], row["effective_cost"]) == (Decimal("0.9"), Decimal("0.9"))


def test_commitments_cost_what_is_left_of_them_where_the_net_cost_is_billed(charges: Any) -> None:
    reserved = {"reservation_reservation_a_r_n": RESERVED}
    net = {"reservation_net_effective_cost": "0.36", "savings_plan_net_savings_plan_effective_cost": "0.57"}
    gross = {"reservation_effective_cost": "0.40", "savings_plan_savings_plan_effective_cost": "0.63"}
    idle = {
        "reservation_unused_amortized_upfront_fee_for_billing_period": "2.5",
        "reservation_unused_recurring_fee": "1.5",
        "reservation_net_unused_amortized_upfront_fee_for_billing_period": "2.25",
        "reservation_net_unused_recurring_fee": "1.35",
    }
    left_out = dict.fromkeys(idle, "")
    rows = (
        line("DiscountedUsage", "0", line_item_net_unblended_cost="0", **gross, **net, **reserved, **left_out),
        line("SavingsPlanCoveredUsage", "1.0", **gross, **net, **left_out),
        line("RIFee", "30", line_item_net_unblended_cost="27", **gross, **net, **reserved, **idle),
    )
    found = charges(*rows, cost="net_unblended")
    assert [(row["billed_cost"], row["effective_cost"]) for row in found] == [
        (0, Decimal("0.36")),
        (Decimal("0.9"), Decimal("0.57")),
        (27, 0),
        (0, Decimal("3.6")),
    ]


def test_a_list_price_in_another_currency_is_no_list_cost(charges: Any) -> None:
    prices = [{"pricing_currency": currency} for currency in ("USD", "INR", "")]
    found = charges(*(line(cost="84.0", line_item_currency_code="INR", **told) for told in prices))
    assert {row["billing_currency"] for row in found} == {"INR"}
    assert [row["list_cost"] for row in found] == [84, Decimal("1.5"), Decimal("1.5")]


DISCOUNTED = [
    {"discount": '{"edp_discount":-0.1,"bundled":0.0}', "discount_total_discount": "-0.1"},
    {"discount": '{"private_rate": -1E-1}'},
    {"discount_total_discount": "-0.1"},
]


@pytest.mark.parametrize("told", DISCOUNTED)
def test_a_discount_beside_its_line_is_refused_until_the_cost_is_declared(charges: Any, told: Cells) -> None:
    with pytest.raises(SourceRejected, match="declare cost: net_unblended") as found:
        charges(line(discount="", discount_total_discount="0.0"), line(**told))
    assert found.value.line == 3
    for cost, billed in (("net_unblended", "0.9"), ("unblended", "1.0")):
        (row,) = charges(line(**told), cost=cost)
        assert row["billed_cost"] == Decimal(billed)


@pytest.mark.parametrize("told", ["", "{}", "0", "0E-12", '{"tier 1 discount":0.0,"edp2":-0E3}'])
def test_no_discount_and_one_that_a_line_takes_off_need_no_declaration(charges: Any, told: str) -> None:
    nothing = line(discount=told, discount_total_discount="")
    (row,) = charges(nothing)
    assert row["billed_cost"] == 1
    taken_off = charges(nothing | DISCOUNTED[0], line("EdpDiscount", "-0.1", discount="", discount_total_discount=""))
    assert sum(row["billed_cost"] for row in taken_off) == Decimal("0.9")


def test_a_line_of_claude_platform_keeps_its_money_and_is_of_no_meter(charges: Any) -> None:
    """It is metered in Claude Consumption Units of 0.01 USD, discounts in their number; which model used them AWS does not tell."""
    told = {"line_item_product_code": "1opaque2code", "line_item_usage_type": "Global-MP:ConsumptionUnits"}
    (row,) = charges(
        line(
            cost="123.45",
            line_item_usage_amount="12345",
            pricing_unit="Units",
            bill_billing_entity="AWS Marketplace",
            product_product_name="Claude Platform on AWS",
            **told,
        )
    )
    assert (row["billed_cost"], row["charge_category"]) == (Decimal("123.45"), "Usage")
    assert (row["model"], row["meter"], row["quantity"]) == (None, None, None)
    assert (row["service_name"], row["sku_meter"]) == ("1opaque2code", "Global-MP:ConsumptionUnits")
    assert (row["consumed_quantity"], row["consumed_unit"]) == (12345, "Units")


def test_an_invoice_has_no_number_until_its_month_is_final(bucket: Bucket, aws: Any, land: Any) -> None:
    for number, told in (("", None), ("2101234567", "2101234567")):
        Export(bucket, "cur_2_0").deliver([csv_gz([line(bill_invoice_id=number)])])
        assert [row["invoice_id"] for row in land(aws(), MONTH).rows["charges"]] == [told]


def test_tax_of_the_payer_is_of_no_account_below_it(bucket: Bucket, aws: Any, land: Any) -> None:
    Export(bucket, "focus_1_2").deliver([csv_gz(focus_rows([line("Tax", "0.97", line_item_usage_account_id="")]))])
    (row,) = land(aws("focus_1_2"), MONTH).rows["charges"]
    told = (row["charge_category"], row["billing_account_id"], row["sub_account_id"], row["billed_cost"])
    assert told == ("Tax", "111122223333", None, Decimal("0.97"))


def test_line_ids_repeat(charges: Any) -> None:
    hours = [
        line(
            line_item_usage_start_date=f"2026-10-01T0{hour}:00:00Z",
            line_item_usage_end_date=f"2026-10-01T0{hour + 1}:00:00Z",
        )
        for hour in range(3)
    ]
    found = charges(*hours, hours[0])
    assert {row["line_id"] for row in found} == {"line-1"}
    assert len({row["charge_id"] for row in found}) == 4


def test_tags_of_a_map_and_of_columns(bucket: Bucket, aws: Any, land: Any) -> None:
    Export(bucket, "cur_2_0").deliver([parquet([line()])])
    (row,) = land(aws(), MONTH).rows["charges"]
    assert json.loads(row["tags"]) == {"user_team": "search"}
    Export(bucket, "legacy_cur").deliver([csv_gz(legacy([line()]))])
    (row,) = land(aws("legacy_cur"), MONTH).rows["charges"]
    assert json.loads(row["tags"]) == {"user:team": "search"}


def test_tags_of_resources_and_of_who_called_are_one_map(bucket: Bucket, aws: Any, land: Any) -> None:
    told = {"resource_tags": '{"user_team":"search"}', "tags": '{"user_team":"search","iamPrincipal/team":"ranking"}'}
    rows = [
        line(**told),
        line(**told | {"resource_tags": ""}),
        line(**told | {"tags": ""}),
        line(**told | {"tags": "{"}),
        line(**told | {"tags": "", "resource_tags": ""}),
    ]
    Export(bucket, "cur_2_0").deliver([csv_gz(rows)])
    taken = land(aws(), MONTH).rows
    both = {"user_team": "search", "iamPrincipal/team": "ranking"}
    found = [json.loads(row["tags"]) if row["tags"] else None for row in taken["charges"]]
    assert found == [both, both, {"user_team": "search"}, None, None]
    assert [row["attribute"] for row in taken["rejected_records"]] == ["Tags"]


EDITION = "Claude Sonnet 4.5 (Amazon Bedrock Edition)"


@pytest.mark.parametrize(
    ("usage_type", "product", "unit", "model", "meter", "quantity", "says"),
    [
        ("USW2-Claude4.6Sonnet-output-tokens", "", "", "Claude4.6Sonnet", "output_tokens", 2000, {}),
        (
            "USW2-Claude4.6Sonnet-cache-read-input-token-count",
            "",
            "",
            "Claude4.6Sonnet",
            "cache_read_input_tokens",
            2000,
            {},
        ),
        (
            "EUW1-Claude4.6Sonnet-cache-write-input-token-count-cross-region-global",
            "",
            "1K tokens",
            "Claude4.6Sonnet",
            "cache_write_input_tokens",
            2000,
            {"geography": "global", "cache_ttl": "5m"},
        ),
        ("USE1-NovaLite-input-tokens-batch", "", "", "NovaLite", "input_tokens", 2000, {"batch": "true"}),
        ("USE1-NovaLite-input-tokens-priority", "", "", "NovaLite", "input_tokens", 2000, {"service_tier": "priority"}),
        (
            "USW2-openai.gpt-oss-120b-mantle-cache-write-tokens-standard",
            "",
            "",
            "openai.gpt-oss-120b",
            "cache_write_input_tokens",
            2000,
            {"service_tier": "standard"},
        ),
        ("USE1-NovaLite-input-tokens", "", "1M tokens", "NovaLite", "input_tokens", 2_000_000, {}),
        (
            "USE1-MP:USE1_InputTokenCount-Units",
            EDITION,
            "1M tokens",
            "Claude Sonnet 4.5",
            "input_tokens",
            2_000_000,
            {},
        ),
        ("USE1-MP:USE1_InputTokenCount-Units", EDITION, "Units", "Claude Sonnet 4.5", "input_tokens", None, {}),
        (
            "USE1-MP:USE1_CacheWrite1hInputTokenCount_Global_Batch_LCtx-Units",
            EDITION,
            "1M tokens",
            "Claude Sonnet 4.5",
            "cache_write_input_tokens",
            2_000_000,
            {"geography": "global", "batch": "true", "context_band": "long", "cache_ttl": "1h"},
        ),
        (
            "USE1-MP:USE1_input_tokens_global_standard-Units",
            EDITION,
            "1M tokens",
            "Claude Sonnet 4.5",
            "input_tokens",
            2_000_000,
            {"geography": "global"},
        ),
        ("USE1-MP:USE1_Reserved_1Month_InputTPM_Geo-Units", EDITION, "Units", None, None, None, {}),
        ("USE1-NovaLite-input-tokens-warp", "", "", None, None, None, {}),
        ("USE1-ModelUnits", "", "Hrs", None, None, None, {}),
    ],
)
def test_bedrock_usage_types(
    charges: Any, usage_type: str, product: str, unit: str, model: str, meter: str, quantity: int, says: dict[str, str]
) -> None:
    (row,) = charges(
        line(
            line_item_usage_type=usage_type,
            product_product_name=product,
            pricing_unit=unit,
            line_item_usage_amount="2",
            line_item_product_code="opaque0code" if product else "AmazonBedrockService",
        )
    )
    assert (row["model"], row["meter"], row["quantity"]) == (model, meter, quantity)
    assert {name: row[name] for name in says} == says
    assert row["service_name"] == "Amazon Bedrock"


@pytest.mark.parametrize("code", ["AmazonBedrock", "AmazonBedrockService", "AmazonBedrockFoundationModels"])
def test_bedrock_has_three_product_codes(charges: Any, code: str) -> None:
    told = {"line_item_product_code": code, "product_product_name": ""}
    usage, discount = charges(line(**told), line("EdpDiscount", "-0.1", line_item_usage_type="", **told))
    assert usage["service_name"] == discount["service_name"] == "Amazon Bedrock"
    assert (usage["model"], usage["meter"], usage["quantity"]) == ("NovaLite", "input_tokens", 1000)


def test_marketplace_unit_where_the_bill_has_none(charges: Any) -> None:
    market = line(
        line_item_usage_type="USE1-MP:USE1_OutputTokenCount-Units", product_product_name=EDITION, pricing_unit="Units"
    )
    (row,) = charges(market, marketplace_unit="1000000 Tokens")
    assert (row["meter"], row["quantity"]) == ("output_tokens", 1_000_000)


def test_other_services_have_no_model(charges: Any) -> None:
    (row,) = charges(line(line_item_product_code="AmazonComprehend", product_product_name="Amazon Comprehend"))
    assert (row["service_name"], row["model"], row["meter"]) == ("AmazonComprehend", None, None)
    assert row["sku_meter"] == "USE1-NovaLite-input-tokens"


def test_refund_names_its_model_and_takes_no_quantity_back(charges: Any) -> None:
    (row,) = charges(line("Refund", "-0.5"))
    assert (row["charge_category"], row["model"], row["quantity"]) == ("Adjustment", "NovaLite", None)


def test_an_adjustment_of_a_focus_export_names_its_model(bucket: Bucket, aws: Any, land: Any) -> None:
    told = {"ChargeCategory": "Adjustment", "BilledCost": "-0.5", "EffectiveCost": "-0.5", "ConsumedQuantity": ""}
    Export(bucket, "focus_1_2").deliver([csv_gz([focus_rows([line()])[0] | told])])
    (row,) = land(aws("focus_1_2"), MONTH).rows["charges"]
    assert (row["charge_category"], row["model"], row["meter"]) == ("Adjustment", "NovaLite", "input_tokens")


def test_columns_a_focus_export_tells_itself_are_kept(bucket: Bucket, aws: Any, land: Any) -> None:
    own = {"x_Model": "amazon.nova-lite-v1:0", "x_Meter": "input_tokens", "ConsumedUnit": "Tokens", "x_LineId": "l1"}
    Export(bucket, "focus_1_2").deliver([csv_gz([focus_rows([line(line_item_usage_amount="10")])[0] | own])])
    (row,) = land(aws("focus_1_2"), MONTH).rows["charges"]
    assert (row["model"], row["meter"], row["quantity"], row["line_id"]) == (
        "amazon.nova-lite-v1:0",
        "input_tokens",
        10,
        "l1",
    )


def test_marketplace_line_of_a_focus_export_keeps_its_meter_without_a_unit(bucket: Bucket, aws: Any, land: Any) -> None:
    told = {"ServiceName": EDITION, "SkuMeter": "USE1-MP:USE1_OutputTokenCount-Units", "ConsumedUnit": "Units"}
    Export(bucket, "focus_1_2").deliver([csv_gz([focus_rows([line()])[0] | told])])
    (row,) = land(aws("focus_1_2"), MONTH).rows["charges"]
    assert (row["model"], row["meter"], row["quantity"]) == ("Claude Sonnet 4.5", "output_tokens", None)


def test_what_a_focus_export_is_documented_to_leave_null_costs_no_line(bucket: Bucket, aws: Any, land: Any) -> None:
    names = ("ContractedUnitPrice", "ListUnitPrice", "PricingUnit", "SkuId", "SkuPriceId", "InvoiceIssuerName")
    null = dict.fromkeys((*names, "PublisherName", "InvoiceId"), "")
    Export(bucket, "focus_1_2").deliver([csv_gz([row | null for row in focus_rows([line(cost="6.123E-7")])])])
    (row,) = land(aws("focus_1_2"), MONTH).rows["charges"]
    assert (row["billed_cost_text"], row["model"], row["quantity"]) == ("6.123E-7", "NovaLite", 1000)
    assert [row[name] for name in ("pricing_unit", "sku_id", "invoice_id", "invoice_issuer_name")] == [None] * 4


@pytest.mark.parametrize("kind", ["cur_2_0", "focus_1_2"])
def test_a_credit_can_be_declared_to_be_of_the_price(bucket: Bucket, aws: Any, land: Any, kind: str) -> None:
    texts = ["Private rate card - Bedrock", "Private rate card - S3", "AWS Activate credit"]
    rows = [line("Credit", "-1.0", line_item_line_item_description=text) for text in texts]
    if kind == "focus_1_2":
        told = focus_rows([row | {"line_item_line_item_type": "Usage"} for row in rows])
        rows = [
            row | {"ChargeCategory": "Credit", "ChargeDescription": text} for row, text in zip(told, texts, strict=True)
        ]
    Export(bucket, kind).deliver([csv_gz(rows)])
    found = land(aws(kind, price_credits=["Private rate card - .*"]), MONTH).rows["charges"]
    assert {row["charge_category"] for row in found} == {"Credit"}
    assert [row["reduction"] == "price" for row in found] == [True, True, False]
    undeclared = land(aws(kind, price_credits=["private rate"]), MONTH).rows["charges"]
    assert "price" not in {row["reduction"] for row in undeclared}


@pytest.mark.parametrize(
    ("callers", "keys"),
    [
        (None, [None, None, None, None]),
        ("iam_principal", [ROLE, ROLE, None, None]),
        ("inference_profile", [None, PROFILE, None, None]),
        ("either", [ROLE, PROFILE, None, None]),
    ],
)
def test_who_called_bedrock_stands_for_its_key(charges: Any, callers: str | None, keys: list[str | None]) -> None:
    """A role's session is another with every call, and lines of other services have a resource and a principal, too."""
    model = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"
    found = charges(
        line(line_item_iam_principal=SESSION, line_item_resource_id=model),
        line(line_item_iam_principal=SESSION, line_item_resource_id=PROFILE),
        line(line_item_iam_principal="", line_item_resource_id=""),
        line(
            line_item_product_code="AmazonS3",
            product_product_name="Amazon S3",
            line_item_iam_principal=SESSION,
            line_item_resource_id=PROFILE,
        ),
        callers=callers,
    )
    assert [row["api_key_id"] for row in found] == keys


def test_a_report_without_principals_says_which_column_is_missing(charges: Any) -> None:
    with pytest.raises(SourceChangedShape, match="column line_item_iam_principal is missing"):
        charges(line(), callers="iam_principal")


def test_a_focus_export_names_the_profile_that_was_called(bucket: Bucket, aws: Any, land: Any) -> None:
    rows = [row | {"ResourceId": told} for row, told in zip(focus_rows([line(), line()]), (PROFILE, ""), strict=True)]
    Export(bucket, "focus_1_2").deliver([csv_gz(rows)])
    told = land(aws("focus_1_2", callers="inference_profile"), MONTH).rows["charges"]
    assert [row["api_key_id"] for row in told] == [PROFILE, None]
    with pytest.raises(SettingsInvalid, match=r"FOCUS 1.2 tells no IAM principal"):
        aws("focus_1_2", callers="either")
