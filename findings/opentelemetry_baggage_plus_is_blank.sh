#!/usr/bin/env bash
# opentelemetry-api 1.45.2: a `+` in baggage is read as a blank, a blank is written as `+`, and a property becomes part of the value.
#
# W3C Baggage encodes by percent alone: `+` is a character like any other, may stand in a value as it is, and Go's SDK writes it so. After a
# value there may be properties, `;name=value`, which say something of it. Python's propagator decodes as HTML forms do and knows no
# properties. So an id with a `+` (base64, a time with an offset) or with a property is one event in a Go service and another in the Python
# services behind it, whose calls are then of an event without an outcome. Passed on, the property is encoded into the value, for whoever
# comes next.
#
# Seen of headers that W3C's grammar allows (and of a value with a blank):
#   event_id=order+17: W3C order+17, Python order 17, passed on as event_id=order+17
#   event_id=order%2B17: W3C order+17, Python order+17, passed on as event_id=order%2B17
#   event_id=claim-17;source=crm: W3C claim-17, Python claim-17;source=crm, passed on as event_id=claim-17%3Bsource%3Dcrm
#   set as "order 17": sent as event_id=order+17, which W3C reads as order+17
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check opentelemetry-api==1.45.2
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import sys
from urllib.parse import unquote

from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

propagator = W3CBaggagePropagator()


def sent(context):
    headers = {}
    propagator.inject(headers, context)
    return headers["baggage"]


def read_as_w3c(header):
    value, *_properties = header.partition("=")[2].split(";")
    return unquote(value)


told = []
for header in ("event_id=order+17", "event_id=order%2B17", "event_id=claim-17;source=crm"):
    context = propagator.extract({"baggage": header}, Context())
    told.append((read_as_w3c(header), baggage.get_baggage("event_id", context), sent(context)))
    print("{}: W3C {}, Python {}, passed on as {}".format(header, *told[-1]))
blank = sent(baggage.set_baggage("event_id", "order 17", Context()))
told.append((blank, read_as_w3c(blank)))
print('set as "order 17": sent as {}, which W3C reads as {}'.format(*told[-1]))
expected = [
    ("order+17", "order 17", "event_id=order+17"),
    ("order+17", "order+17", "event_id=order%2B17"),
    ("claim-17", "claim-17;source=crm", "event_id=claim-17%3Bsource%3Dcrm"),
    ("event_id=order+17", "order+17"),
]
sys.exit(0 if told == expected else "this is no longer what 1.45.2 was seen to do")
PYTHON
