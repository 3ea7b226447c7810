#!/usr/bin/env bash
# litellm 1.80.0 and 1.110.2: of an answer by Cohere the tokens of the model are told, not those that Cohere bills.
#
# Cohere's chat API counts twice in each answer: `billed_units`, which the invoice is made of, and `tokens`, which is what the model
# read and wrote, with what Cohere itself put around the prompt. LiteLLM takes `billed_units` of answers by the first version of the
# API and `tokens` of those by the second, which it calls by default. Usage, spend and the cost it reckons then are above the bill for
# every call, by as much as the frame is longer: with short prompts, by half. Held against the bill, the rest is usage nobody charged.
#
# Seen, where 1000 and 10 are billed, and 1511 and 62 are the model's:
#   1.80.0: 1511 in, 62 out
#   1.110.2: 1511 in, 62 out
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
for version in 1.80.0 1.110.2; do
    "${PYTHON:-python3}" -m venv --clear "$room/$version"
    "$room/$version/bin/pip" install --quiet --disable-pip-version-check "litellm==$version"
    env -i HOME="$room" PATH="$PATH" LITELLM_LOCAL_MODEL_COST_MAP=True "$room/$version/bin/python" -I - "$version" <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import litellm


class Cohere(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        usage = {
            "billed_units": {"input_tokens": 1000, "output_tokens": 10},
            "tokens": {"input_tokens": 1511, "output_tokens": 62},
        }
        message = {"role": "assistant", "content": [{"type": "text", "text": "It is paid."}]}
        body = json.dumps({"id": "c-1", "finish_reason": "COMPLETE", "message": message, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Cohere)
threading.Thread(target=server.serve_forever, daemon=True).start()
asked = [{"role": "user", "content": "Is it paid?"}]
where = f"http://127.0.0.1:{server.server_port}/v2/chat"
told = litellm.completion(model="cohere/command-a-03-2025", messages=asked, api_base=where, api_key="none").usage
print(f"{sys.argv[1]}: {told.prompt_tokens} in, {told.completion_tokens} out")
seen = (told.prompt_tokens, told.completion_tokens) == (1511, 62)
sys.exit(0 if seen else f"this is no longer what {sys.argv[1]} was seen to do")
PYTHON
done
