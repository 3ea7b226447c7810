#!/usr/bin/env bash
# litellm 1.80.0: a prompt written to Anthropic's cache for an hour costs nothing where the price map has no price of it.
#
# The seller takes twice the input price for what is written for an hour and 1.25 times for five minutes. LiteLLM's map has a price of
# its own for the hour, and where an entry lacks it the written tokens are priced at 0 and not at the five minutes' price beside it:
# so of Claude Sonnet 4.5 itself, and of every Claude with a cache price on Bedrock and Vertex AI. Where entries have one, some are
# another model's: Haiku 3 at 6.00, twenty-four times its input, and Opus 3 at 6.00, less than its input costs fresh. A proxy's spend
# log is then short of the dearest part of a long prompt, and nothing on the row says so. By 1.110.2 the map has the price for Claude
# itself, and an entry without one is priced as five minutes.
#
# Seen, dollars for a million tokens written (input, for five minutes, for an hour):
#   claude-sonnet-4-5-20250929: 3.00, 3.75, 0.00
#   anthropic.claude-3-7-sonnet-20250219-v1:0: 3.00, 3.75, 0.00
#   vertex_ai/claude-haiku-4-5@20251001: 1.00, 1.25, 0.00
#   claude-3-haiku-20240307: 0.25, 0.30, 6.00
#   claude-3-opus-20240229: 15.00, 18.75, 6.00
#   claude-haiku-4-5-20251001: 1.00, 1.25, 2.00
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check litellm==1.80.0
env -i HOME="$room" PATH="$PATH" LITELLM_LOCAL_MODEL_COST_MAP=True "$room/bin/python" -I - <<'PYTHON'
import sys

from litellm import completion_cost, model_cost
from litellm.types.utils import CacheCreationTokenDetails, ModelResponse, PromptTokensDetailsWrapper, Usage

TOKENS = 1_000_000
SEEN = {
    "claude-sonnet-4-5-20250929": ("3.00", "3.75", "0.00"),
    "anthropic.claude-3-7-sonnet-20250219-v1:0": ("3.00", "3.75", "0.00"),
    "vertex_ai/claude-haiku-4-5@20251001": ("1.00", "1.25", "0.00"),
    "claude-3-haiku-20240307": ("0.25", "0.30", "6.00"),
    "claude-3-opus-20240229": ("15.00", "18.75", "6.00"),
    "claude-haiku-4-5-20251001": ("1.00", "1.25", "2.00"),
}


def written(model, five_minutes, hour):
    details = CacheCreationTokenDetails(ephemeral_5m_input_tokens=five_minutes, ephemeral_1h_input_tokens=hour)
    prompt = PromptTokensDetailsWrapper(cached_tokens=0, cache_creation_tokens=five_minutes + hour, cache_creation_token_details=details)
    usage = Usage(
        prompt_tokens=five_minutes + hour,
        completion_tokens=0,
        total_tokens=five_minutes + hour,
        cache_creation_input_tokens=five_minutes + hour,
        cache_read_input_tokens=0,
        prompt_tokens_details=prompt,
    )
    # A thousand tokens, so that no price of long prompts comes in.
    return completion_cost(completion_response=ModelResponse(model=model, usage=usage), model=model) * TOKENS / 1000


told = {}
for model in SEEN:
    prices = (model_cost[model]["input_cost_per_token"] * TOKENS, written(model, 1000, 0), written(model, 0, 1000))
    told[model] = tuple(f"{price:.2f}" for price in prices)
    print(f"{model}: {', '.join(told[model])}")
sys.exit(0 if told == SEEN else "this is no longer what 1.80.0 was seen to do")
PYTHON
