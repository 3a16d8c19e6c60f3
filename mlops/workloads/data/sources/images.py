"""Read folders of images.

Lives here: read_images, and forget_images.
Not here: which files (mlops.sources), what is done with the columns (files), decoding (features.images).
Law: a file is a row, and its bytes are kept as they are; of its pixels only the size is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from mlops.workloads.data.sql_text import quoted
from mlops.workloads.features.images import ImageError, image_size
from mlops.workloads.stage import failed

IMAGES_TABLE = quoted("mlops images")
"""The table as SQL names it."""
_BATCH = "mlops images of a batch"
_AT_ONCE = 512
_SEEN = 64
"""How many are read where only names and types are wanted."""


def read_images(
    connection: duckdb.DuckDBPyConnection, names: Mapping[str, str], *, where: str, first: int | None, file_column: str
) -> None:
    """Make the table IMAGES_TABLE of a row for each image, with the file that was read in `file_column`.

    `names`: file -> its path as the project names it. `first`: so many rows are enough. Raises MlopsError where one is no image.
    """
    forget_images(connection)
    files = list(names)[: None if first is None else min(first, _SEEN)]
    connection.execute(
        f"CREATE TABLE {IMAGES_TABLE} (image BLOB, path VARCHAR, class VARCHAR, width BIGINT, height BIGINT, bytes BIGINT, "
        f"{quoted(file_column)} VARCHAR)"
    ).fetchall()
    for start in range(0, len(files), _AT_ONCE):
        connection.register(_BATCH, _table(files[start : start + _AT_ONCE], names, where, file_column))
        connection.execute(f"INSERT INTO {IMAGES_TABLE} SELECT * FROM {quoted(_BATCH)}").fetchall()  # noqa: S608
        connection.unregister(_BATCH)


def forget_images(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove what `read_images` made in the database."""
    connection.execute(f"DROP TABLE IF EXISTS {IMAGES_TABLE}").fetchall()


def _table(files: Sequence[str], names: Mapping[str, str], where: str, file_column: str) -> pa.Table:
    contents = [Path(file).read_bytes() for file in files]
    sizes = []
    for file, content in zip(files, contents, strict=True):
        try:
            sizes.append(image_size(content))
        except ImageError as error:
            raise failed(
                "source cannot be read",
                f"{where}: {names[file]} {error}. Restore the file, or name others in `uri`.",
            ) from error
    paths = [names[file] for file in files]
    return pa.table(
        {
            "image": pa.array(contents, pa.large_binary()), "path": pa.array(paths),
            "class": pa.array([Path(path).parent.name for path in paths]),
            "width": pa.array([width for width, _ in sizes], pa.int64()),
            "height": pa.array([height for _, height in sizes], pa.int64()),
            "bytes": pa.array([len(content) for content in contents], pa.int64()), file_column: pa.array(list(files)),
        }
    )  # fmt: skip
