#!/usr/bin/env bash
# boto3 1.44.8: the date of an AWS invoice is a day of the machine's zone: issued on 1 November in UTC, it is of 31 October in New York.
#
# The Invoicing API tells IssuedDate and DueDate as seconds since 1970. boto3 makes of them a time in the zone of the machine, not in UTC,
# by which AWS bills; times that an API tells as text, as S3's, stay in UTC. The time is right and has its offset, so nothing looks wrong
# until it becomes a day: a laptop books the invoice in October, the nightly job in November, and it is due a day early. BillingPeriod,
# two whole numbers, stays what it is.
#
# Seen of an invoice issued at 1793491200 and due at 1796083200:
#   TZ=UTC: issued 2026-11-01 00:00:00+00:00, day 2026-11-01; due 2026-12-01
#   TZ=America/New_York: issued 2026-10-31 20:00:00-04:00, day 2026-10-31; due 2026-11-30
#   TZ=Asia/Tokyo: issued 2026-11-01 09:00:00+09:00, day 2026-11-01; due 2026-12-01
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check boto3==1.44.8 botocore==1.44.8
while read -r zone expected; do
    env -i HOME="$room" PATH="$PATH" TZ="$zone" AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_EC2_METADATA_DISABLED=true \
        "$room/bin/python" -I - "$zone" "$expected" <<'PYTHON'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3

INVOICE = {"InvoiceId": "INV-17", "IssuedDate": 1793491200, "DueDate": 1796083200, "BillingPeriod": {"Year": 2026, "Month": 10}}


class Amazon(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({"InvoiceSummaries": [INVOICE]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Amazon)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = boto3.client("invoicing", region_name="us-east-1", endpoint_url=f"http://127.0.0.1:{server.server_port}")
of = {"ResourceType": "ACCOUNT_ID", "Value": "123456789012"}
(invoice,) = client.list_invoice_summaries(Selector=of, Filter={"BillingPeriod": {"Year": 2026, "Month": 10}})["InvoiceSummaries"]
zone, expected = sys.argv[1:]
issued, due = invoice["IssuedDate"], invoice["DueDate"]
print(f"TZ={zone}: issued {issued}, day {issued.date()}; due {due.date()}")
sys.exit(0 if f"{issued} {due.date()}" == expected else "this is no longer what 1.44.8 was seen to do")
PYTHON
done <<'CASES'
UTC 2026-11-01 00:00:00+00:00 2026-12-01
America/New_York 2026-10-31 20:00:00-04:00 2026-11-30
Asia/Tokyo 2026-11-01 09:00:00+09:00 2026-12-01
CASES
