"""Open files of the project.

Lives here: FileReader.
Not here: reading it (files), finding it (mlops.sources.file).
Law: the files that are read are the files that were fingerprinted.
"""

from __future__ import annotations

import duckdb

from mlops.config.schema.sources.source import FileSpec
from mlops.sources.file import locate
from mlops.workloads.data.sources.files import read_source_files
from mlops.workloads.data.sources.source import Place


class FileReader:
    """Opens files of the project."""

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: FileSpec, place: Place) -> None:
        files = locate(spec.uri, place.root, format=spec.folder_format())
        read_source_files(connection, table_name, spec, files, scratch=place.scratch, first=place.first)
