"""Invoices in files of a folder: every file is one unit and may tell a new state of any invoice. What a file says, others say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from reconcilers.sources import folders
from reconcilers.sources.contract import Expression, Source, SourceConfig

if TYPE_CHECKING:
    from reconcilers.ingest.landing import Pull
    from reconcilers.periods import Period


class InvoiceFilesConfig(SourceConfig):
    """Where the files are, and whose invoices they are."""

    uri: str = Field(exclude=True, examples=["invoices"])
    """The folder the files are in: a path, `file:///path` or `s3://bucket/prefix`."""
    bill: str = Field(examples=["openai"])
    """The source under `billing` that these invoices are for."""
    pattern: Expression = r"(?i).*\.(csv(\.(gz|zst|zip))?|parquet)"
    """A regular expression for whole keys below `uri`."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""


class InvoiceFiles(Source):
    """Files of invoices. Subclasses read them."""

    config: InvoiceFilesConfig

    def units(self, period: Period) -> Iterable[str]:
        """Every file: any may tell a new state of any invoice."""
        return [stored.key for stored in self._folder().list() if re.fullmatch(self.config.pattern, stored.key)]

    def lists(self, unit: str, period: Period) -> bool:
        return True

    def fetch(self, unit: str, pull: Pull) -> None:
        folder = self._folder()
        stored = folder.named(unit)
        with folder.copy(stored) as path:
            pull.add(unit, stored.uri, path)

    def _folder(self) -> folders.Folder:
        return folders.open_folder(self.config.uri, endpoint_url=self.config.endpoint_url, source=self.name)
