"""Files of a folder that may speak of any period: every file is one unit, and replaces its earlier delivery whole. What a file says,
others say."""

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


class EveryFileConfig(SourceConfig):
    """Where the files are."""

    uri: str = Field(exclude=True, examples=["files"])
    """The folder the files are in: a path, `file:///path` or `s3://bucket/prefix`."""
    pattern: Expression = r"(?i).*\.(csv(\.(gz|zst|zip))?|parquet)"
    """A regular expression for whole keys below `uri`."""
    endpoint_url: str | None = Field(default=None, exclude=True)
    """Where S3 is, where it is not Amazon's."""


class EveryFile(Source):
    """Every file of a folder. Subclasses read them."""

    config: EveryFileConfig

    def units(self, period: Period) -> Iterable[str]:
        """Every file: any may tell something new of any period."""
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
