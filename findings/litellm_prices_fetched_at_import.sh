#!/usr/bin/env bash
# litellm 1.110.2: a pinned version prices by what an address serves when it is imported, so a cost that is computed again is another one.
#
# The package holds a price map, and a lock file pins it with the code. But `import litellm` asks GitHub for the map of its main branch and
# takes that one; its own is for when the address does not answer. A model has one price, without a date: after a change of price
# the tokens of last month cost what they cost today, two replicas started on two days differ, and one that cannot reach the address counts
# by the price at the release. A cost does not tell which map it is of, and nothing is logged where one was fetched.
# LITELLM_LOCAL_MODEL_COST_MAP=True keeps to the package's own.
#
# Seen for a million input tokens of gpt-4.1-mini, with the package's own map served from an address, this price of it doubled:
#   fetched: 1 requests at import, costs 0.80, warnings 0
#   address does not know it: 1 requests at import, costs 0.40, warnings 1 ("Falling back to local backup")
#   LITELLM_LOCAL_MODEL_COST_MAP=True: 0 requests at import, costs 0.40, warnings 0
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check litellm==1.110.2
while IFS='|' read -r case path only expected; do
    env -i HOME="$room" PATH="$PATH" LITELLM_LOCAL_MODEL_COST_MAP="$only" "$room/bin/python" -I - "$case" "$path" "$expected" <<'PYTHON'
import json
import logging
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import distribution

MODEL = "gpt-4.1-mini"
asked, warnings = [], []
prices = json.loads(distribution("litellm").locate_file("litellm/model_prices_and_context_window_backup.json").read_text("utf-8"))
prices[MODEL]["input_cost_per_token"] *= 2
served = json.dumps(prices).encode()


class Address(BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.path)
        body = served if self.path == "/prices.json" else b"{}"
        self.send_response(200 if body is served else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Warned(logging.Handler):
    def emit(self, record):
        warnings.append(record.getMessage())


case, path, expected = sys.argv[1:]
server = HTTPServer(("127.0.0.1", 0), Address)
threading.Thread(target=server.serve_forever, daemon=True).start()
logging.getLogger("LiteLLM").addHandler(Warned(logging.WARNING))
os.environ["LITELLM_MODEL_COST_MAP_URL"] = f"http://127.0.0.1:{server.server_port}{path}"
import litellm  # noqa: E402

cost, _ = litellm.cost_per_token(model=MODEL, prompt_tokens=1_000_000, completion_tokens=0)
told = f"{len(asked)} {cost:.2f} {len(warnings)}"
print(f"{case}: {len(asked)} requests at import, costs {cost:.2f}, warnings {len(warnings)}: {warnings}")
sys.exit(0 if told == expected else "this is no longer what 1.110.2 was seen to do")
PYTHON
done <<'CASES'
fetched|/prices.json||1 0.80 0
address does not know it|/other.json||1 0.40 1
LITELLM_LOCAL_MODEL_COST_MAP=True|/prices.json|True|0 0.40 0
CASES
