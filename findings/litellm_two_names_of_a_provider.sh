#!/usr/bin/env bash
# litellm 1.80.0: one seller has several names among providers, by which of its interfaces a model is called through.
#
# What LiteLLM logs and traces as the provider of a call is the name of its own handler. Cohere's chat models are "cohere_chat" and its
# embeddings "cohere"; OpenAI's older completion models are "text-completion-openai" and its others "openai", though each seller sends
# one bill. The other way round, a Gemini model is "vertex_ai" where nothing stands before its name and "gemini" where "gemini/" does:
# one model, two sellers' bills. A join of calls with bills by that word books a part of what a seller charged as spent by nobody, and
# looks for calls on a bill that has none of them.
#
# Seen:
#   command-a-03-2025: cohere_chat
#   embed-english-v3.0: cohere
#   gpt-3.5-turbo-instruct: text-completion-openai
#   gpt-4.1: openai
#   gemini-2.5-flash: vertex_ai
#   gemini/gemini-2.5-flash: gemini
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check litellm==1.80.0
env -i HOME="$room" PATH="$PATH" LITELLM_LOCAL_MODEL_COST_MAP=True "$room/bin/python" -I - <<'PYTHON'
import sys

import litellm

SEEN = {
    "command-a-03-2025": "cohere_chat",
    "embed-english-v3.0": "cohere",
    "gpt-3.5-turbo-instruct": "text-completion-openai",
    "gpt-4.1": "openai",
    "gemini-2.5-flash": "vertex_ai",
    "gemini/gemini-2.5-flash": "gemini",
}
told = {model: litellm.get_llm_provider(model)[1] for model in SEEN}
for model, provider in told.items():
    print(f"{model}: {provider}")
sys.exit(0 if told == SEEN else "this is no longer what 1.80.0 was seen to do")
PYTHON
