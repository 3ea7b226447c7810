"""What the FOCUS validator says of an export: ``python -m tests.focus VALIDATOR EXPORT …``, each a Parquet file of FOCUS 1.2.

It ends with 0 where every rule that fails is one of ``EXPECTED``. The validator itself ends with 0 whatever fails, so its report is read.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

#: What an allocated bill has of what FOCUS makes conditional.
SUPPORTED = "USAGE_MEASUREMENT_SUPPORTED,TAGGING_SUPPORTED,SUB_ACCOUNT_SUPPORTED"
_NO_FREQUENCY = "recommended; the charge lines that are kept do not tell it"
_NO_QUANTITY = "lines billed without a quantity: what is not known is null, and not 1 of something"
_EVERY_INVOICE = "the validator asks every row to have an invoice and every row to have none; the specification does where there is one"
#: Rule → why it fails. A composite rule fails with a part of it.
EXPECTED = {
    "CostAndUsage-D-027-O": _NO_FREQUENCY,
    **{f"ChargeFrequency-C-{rule}": _NO_FREQUENCY for rule in ("000-O", "001-M", "002-M", "003-M", "004-C")},
    **{f"ConsumedQuantity-C-{rule}": _NO_QUANTITY for rule in ("000-C", "003-C", "004-C", "005-C", "006-C")},
    **{f"InvoiceId-C-{rule}": _EVERY_INVOICE for rule in ("000-O", "003-C", "004-C", "005-C")},
    "EffectiveCost-C-005-C": "the validator asks 0 of every purchase; the specification asks it of those that cover future charges, and a support "
    "plan's effective cost is what it costs",
}


def failed(validator: Path, export: Path) -> list[str]:
    """The rules an export fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [str(validator.absolute()), "--data-file", str(export.absolute()), "--validate-version", "1.2"]
        command += ["--focus-dataset", "CostAndUsage", "--block-download", "--applicability-criteria", SUPPORTED]
        command += ["--output-type", "unittest", "--output-destination", str(report)]
        # Its rules are found from its own folder only.
        (packages,) = validator.parents[1].glob("lib/python3*/site-packages")
        done = subprocess.run(command, cwd=packages, capture_output=True, text=True, check=False)
        if not report.is_file():
            raise SystemExit(f"the validator wrote no report: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        cases = list(ElementTree.parse(report).getroot().iter("testcase"))
    print(f"{export.name}: {len(cases)} rules")
    told = [case.attrib["name"] for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return [name.partition(" ")[0] for name in told]


def main() -> None:
    validator, *exports = (Path(argument) for argument in sys.argv[1:])
    unexpected = set()
    for export in exports:
        for rule in failed(validator, export):
            print(f"  fails {rule}: {EXPECTED.get(rule, 'FOR NO REASON THAT IS LISTED')}")
            unexpected |= {rule} - EXPECTED.keys()
    sys.exit(f"{len(unexpected)} rules fail that are not listed" if unexpected else 0)


if __name__ == "__main__":
    main()
