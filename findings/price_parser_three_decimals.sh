#!/usr/bin/env bash
# price-parser 0.5.1: a price with exactly three decimals is read a thousand times too high: "$0.001 / 1K tokens" is 1.
#
# The library finds amount and currency in a text as a page shows it. Three digits behind its only point or comma are thousands to it,
# also after a lone 0, so 0.001, 0.075 and 2.500, which is how token prices are written, are 1, 75 and 2500. With one digit more or less
# the same text is read right, so of a price list most models are right and some a thousandfold, without a word. Where the caller says
# the separator (`decimal_separator="."`) all are right. And no sign is read: a credit, however it is written, is a charge.
#
# Seen, guessed and with a declared separator:
#   $3.75 / MTok: 3.75, 3.75
#   $0.15 / 1M tokens: 0.15, 0.15
#   $0.075 / 1M tokens: 75, 0.075
#   $0.001 / 1K tokens: 1, 0.001
#   $0.0001 / 1K tokens: 0.0001, 0.0001
#   2.500 USD / 1M tokens: 2500, 2.500
#   -$5.00: 5.00, 5.00
#   ($5.00): 5.00, 5.00
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check price-parser==0.5.1
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import sys

from price_parser import Price

SEEN = {
    "$3.75 / MTok": ("3.75", "3.75"),
    "$0.15 / 1M tokens": ("0.15", "0.15"),
    "$0.075 / 1M tokens": ("75", "0.075"),
    "$0.001 / 1K tokens": ("1", "0.001"),
    "$0.0001 / 1K tokens": ("0.0001", "0.0001"),
    "2.500 USD / 1M tokens": ("2500", "2.500"),
    "-$5.00": ("5.00", "5.00"),
    "($5.00)": ("5.00", "5.00"),
}
told = {text: (str(Price.fromstring(text).amount), str(Price.fromstring(text, decimal_separator=".").amount)) for text in SEEN}
for text, amounts in told.items():
    print(f"{text}: {', '.join(amounts)}")
sys.exit(0 if told == SEEN else "this is no longer what 0.5.1 was seen to do")
PYTHON
