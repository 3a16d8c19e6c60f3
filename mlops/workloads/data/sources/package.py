"""Open a file of an installed package.

Lives here: PackageReader.
Not here: reading it (files), finding it (mlops.sources.package).
Law: the file that is read is the file that was fingerprinted.
"""

from __future__ import annotations

import duckdb

from mlops.config.schema.sources.source import FileSpec
from mlops.sources.package import locate
from mlops.workloads.data.sources.files import read_file
from mlops.workloads.data.sources.source import Place


class PackageReader:
    """Opens a file of an installed package."""

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: FileSpec, place: Place) -> None:
        read_file(connection, table_name, spec, locate(spec.uri, place.root), scratch=place.scratch)
