#!/usr/bin/env bash
# openai 3.57.0: the SDK pages every list of an organization but its costs and usage: a loop over a month's costs has its first seven days.
#
# Elsewhere in the SDK a list is a page that asks for the next one as it is iterated, also in `admin.organization`: projects, API keys,
# users. `usage.costs()` and the reports of usage beside it give a plain answer. They take the month as start and end, hold seven buckets
# unless `limit` says otherwise, and leave `has_more` and `next_page` to the caller. There is no error and no warning: the sum of `.data` is
# a plausible amount in cents that is a fourth of the bill. Iterating the answer itself gives the names of its fields.
#
# Seen of a provider with 30 days of 10.00 and 30 projects, served 7 and 20 at a time as the API does:
#   projects: 30 of 30, 2 requests
#   costs of a month: 70.00 of 300.00, 1 request, has_more True; iterated: data, has_more, next_page, object
#   costs, page after page by hand: 300.00 of 300.00, 5 requests
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check openai==3.57.0
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import openai

START, DAY = 1793491200, 86400  # 2026-11-01 UTC
PROJECTS = [{"id": f"proj_{n:02}", "object": "organization.project", "created_at": 1} for n in range(30)]
AMOUNT = {"object": "organization.costs.result", "amount": {"value": 10.0, "currency": "usd"}, "line_item": None, "project_id": None}
DAYS = [{"object": "bucket", "start_time": day, "end_time": day + DAY, "results": [AMOUNT]} for day in range(START, START + 30 * DAY, DAY)]
asked = []


class Provider(BaseHTTPRequestHandler):
    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        asked.append(self.path)
        if url.path.endswith("/costs"):
            first, most = int(query.get("page", "0")), int(query.get("limit", "7"))
            more = str(first + most) if first + most < len(DAYS) else None
            answer = {"object": "page", "data": DAYS[first : first + most], "has_more": more is not None, "next_page": more}
        else:
            first = next((n + 1 for n, project in enumerate(PROJECTS) if project["id"] == query.get("after")), 0)
            some = PROJECTS[first : first + 20]
            answer = {"object": "list", "data": some, "has_more": first + 20 < len(PROJECTS), "last_id": some[-1]["id"]}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def cost(buckets):
    return sum(round(result.amount.value * 100) for bucket in buckets for result in bucket.results)


server = HTTPServer(("127.0.0.1", 0), Provider)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(admin_api_key="none", base_url=f"http://127.0.0.1:{server.server_port}/v1")
month = {"start_time": START, "end_time": START + 30 * DAY}
projects = len(list(client.admin.organization.projects.list()))
told = [(projects, len(asked))]
print(f"projects: {projects} of 30, {len(asked)} requests")
asked.clear()
answer = client.admin.organization.usage.costs(**month)
fields = [name for name, _ in answer]
told.append((cost(answer.data), len(asked), answer.has_more, "data" in fields))
print(f"costs of a month: {cost(answer.data) / 100:.2f} of 300.00, {len(asked)} request, has_more {answer.has_more}", end="; ")
print("iterated:", ", ".join(fields))
every = list(answer.data)
while answer.next_page:
    answer = client.admin.organization.usage.costs(**month, page=answer.next_page)
    every += answer.data
told.append((cost(every), len(asked)))
print(f"costs, page after page by hand: {cost(every) / 100:.2f} of 300.00, {len(asked)} requests")
sys.exit(0 if told == [(30, 2), (7000, 1, True, True), (30000, 5)] else "this is no longer what 3.57.0 was seen to do")
PYTHON
