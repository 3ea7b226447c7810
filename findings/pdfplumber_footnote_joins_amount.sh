#!/usr/bin/env bash
# pdfplumber 0.11.10 and pypdfium2 5.15.2: the raised mark of a footnote becomes the last digit of the amount before it.
#
# An invoice says that usage is $310 and what is due $1,204.50, each with a small raised number behind it that points to a note. In the text
# of the page that number is a digit like any other, without a blank before it: $3102, ten times the charge, and $1,204.502, which still
# looks like an amount. A higher y_tolerance or use_text_flow changes nothing, and an expression that takes digits, commas and a point
# takes the mark with them. Words that are parted by the size of their letters (`extra_attrs=["size"]`) leave the mark alone; pypdf puts
# what is raised on a line of its own.
#
# Seen for $310 with the mark 2 and $1,204.50 with the mark 3:
#   pdfplumber, extract_text: Usage in November $3102 / Total due $1,204.503
#   pdfplumber, extract_words with size: Usage in November $310 2 Total due $1,204.50 3
#   pypdfium2: Usage in November $3102 / Total due $1,204.503
#   pypdf: Usage in November / $310 / 2 / Total due / $1,204.50 / 3
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
"${PYTHON:-python3}" -m venv "$room"
"$room/bin/pip" install --quiet --disable-pip-version-check pdfplumber==0.11.10 pdfminer.six==20260107 pypdfium2==5.15.2 pypdf==7.1.1 \
    reportlab==5.1.0
env -i HOME="$room" PATH="$PATH" "$room/bin/python" -I - <<'PYTHON'
import io
import sys

import pdfplumber
import pypdf
import pypdfium2
from reportlab.pdfgen.canvas import Canvas

paper = io.BytesIO()
invoice = Canvas(paper, pagesize=(400, 120))
for height, name, amount, mark in ((80, "Usage in November", "$310", "2"), (50, "Total due", "$1,204.50", "3")):
    invoice.setFont("Helvetica", 10)
    invoice.drawString(40, height, name)
    invoice.drawString(250, height, amount)
    behind = 250 + invoice.stringWidth(amount, "Helvetica", 10)
    invoice.setFont("Helvetica", 6)
    invoice.drawString(behind + 0.5, height + 3.5, mark)
invoice.save()

with pdfplumber.open(paper) as document:
    page = document.pages[0]
    told = {
        "pdfplumber, extract_text": page.extract_text(),
        "pdfplumber, extract_words with size": " ".join(word["text"] for word in page.extract_words(extra_attrs=["size"])),
    }
told["pypdfium2"] = pypdfium2.PdfDocument(paper.getvalue())[0].get_textpage().get_text_range()
told["pypdf"] = pypdf.PdfReader(paper).pages[0].extract_text()
told = {reader: " / ".join(text.strip().splitlines()) for reader, text in told.items()}
for reader, text in told.items():
    print(f"{reader}: {text}")
joined = "Usage in November $3102 / Total due $1,204.503"
expected = {
    "pdfplumber, extract_text": joined,
    "pdfplumber, extract_words with size": "Usage in November $310 2 Total due $1,204.50 3",
    "pypdfium2": joined,
    "pypdf": "Usage in November / $310 / 2 / Total due / $1,204.50 / 3",
}
sys.exit(0 if told == expected else "this is no longer what was seen")
PYTHON
