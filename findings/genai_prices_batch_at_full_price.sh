#!/usr/bin/env bash
# genai-prices 0.2.3: a price asked for a tier the book does not hold is the standard price, unmarked; batch costs double then.
#
# price_context says how a call was served. Where the book has no variant for that, calc_price answers with the standard price, without
# exception, warning or mark: on days before the variant begins (batch of gpt-4.1-mini has none on 1 October 2026), at a provider
# that has none, or when key or value is another word (`service_tier: batch` is not `processing: batch`). A model it does
# not know is a LookupError, so one expects the same of a tier it does not know.
#
# Seen for a million tokens in, USD:
#   gpt-4.1-mini of openai on 2026-11-20, standard: 0.4
#   gpt-4.1-mini of openai on 2026-11-20, processing batch: 0.2
#   gpt-4.1-mini of openai on 2026-10-01, processing batch: 0.4
#   gpt-4.1-mini of openai on 2026-11-20, service_tier batch: 0.4
#   gpt-4.1-mini of openai on 2026-11-20, processing no-such-way: 0.4
#   gpt-4o of azure on 2026-11-20, processing batch: 2.50
#   no-such-model of openai: LookupError
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check genai-prices==0.2.3
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I -W error - <<'PYTHON'
import sys
from datetime import UTC, datetime

from genai_prices import Usage, calc_price


def price(model, provider, month, day, context):
    answer = calc_price(
        Usage(input_tokens=1_000_000),
        model,
        provider_id=provider,
        genai_request_timestamp=datetime(2026, month, day, tzinfo=UTC),
        price_context=context,
    )
    served = ", ".join(f"{key} {value}" for key, value in context.items()) or "standard"
    print(f"{answer.model.id} of {provider} on 2026-{month:02}-{day:02}, {served}: {answer.total_price}")
    return str(answer.total_price)


found = [
    price("gpt-4.1-mini", "openai", 11, 20, {}),
    price("gpt-4.1-mini", "openai", 11, 20, {"processing": "batch"}),
    price("gpt-4.1-mini", "openai", 10, 1, {"processing": "batch"}),
    price("gpt-4.1-mini", "openai", 11, 20, {"service_tier": "batch"}),
    price("gpt-4.1-mini", "openai", 11, 20, {"processing": "no-such-way"}),
    price("gpt-4o", "azure", 11, 20, {"processing": "batch"}),
]
try:
    price("no-such-model", "openai", 11, 20, {})
except LookupError:
    print("no-such-model of openai: LookupError")
    found.append("LookupError")
expected = ["0.4", "0.2", "0.4", "0.4", "0.4", "2.50", "LookupError"]
sys.exit(0 if found == expected else "this is no longer what 0.2.3 was seen to do")
PYTHON
