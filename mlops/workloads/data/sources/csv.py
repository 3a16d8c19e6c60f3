"""Read CSV as a data set says.

Lives here: csv_call, the call of DuckDB's reader; decoded, for text that is not UTF-8; advice, which option would help.
Not here: packed files, several files, other formats (files).
Law: what DuckDB lacks is done to a copy in the scratch folder; the file itself stays.
"""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterable
from pathlib import Path
from tempfile import mkdtemp

from mlops.config.schema.column_types import ColumnType
from mlops.config.schema.sources.source import FileSpec
from mlops.workloads.data.sources.csv_types import ALL_ROWS
from mlops.workloads.data.sql_text import literal
from mlops.workloads.stage import failed

SQL_TYPES: dict[ColumnType, str] = {
    "bool": "BOOLEAN", "int": "BIGINT", "float": "DOUBLE", "string": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP",
}  # fmt: skip
_NATIVE = ("utf-8", "utf-8-sig", "ascii")
_CHUNK = 1 << 20
_DELIMITERS = ",;\t|"
_ADVICE = (
    (("not utf-8", "Invalid unicode"), "Say the `encoding` of the file, such as cp1252, latin-1 or utf-16."),
    (
        ("Could not convert", "converting column"),
        "`types` gives the column another type, `null` lists texts that mean a missing value, `decimal` and `thousands` say "
        "how numbers are written, `date_format` and `timestamp_format` how dates are.",
    ),
    (("COLUMN_TYPES",), "Name columns of the file in `types`."),
    (("FORMAT",), "Correct `date_format` or `timestamp_format`, such as `%d.%m.%Y`."),
    (
        ("sniffing", "Columns", "quote", "dialect"),
        "`delimiter` says what stands between fields, `quote` what stands around texts, `header: false` that the first line "
        "is a row.",
    ),
)


def csv_call(spec: FileSpec, types: dict[str, str]) -> str:
    """Return the arguments of `read_csv` after the paths. `types`: column -> type of DuckDB."""
    given: dict[str, object] = {
        "delim": spec.delimiter,
        "quote": spec.quote,
        "decimal_separator": None if spec.decimal == "." else spec.decimal,
        "thousands": spec.thousands,
        "dateformat": spec.date_format,
        "timestampformat": spec.timestamp_format,
        "types": types or None,
    }
    options = {name: value for name, value in given.items() if value is not None}
    text = "".join(f", {name} = {literal(value)}" for name, value in options.items())
    return f"nullstr = {literal(spec.null)}, {ALL_ROWS}, header = {literal(spec.header)}{text}"


def decoded(path: Path, spec: FileSpec, scratch: Path) -> Path:
    """Return the file in UTF-8: itself, or a copy in the folder `scratch`. Raises MlopsError where it has another encoding."""
    if codecs.lookup(spec.encoding).name in _NATIVE:
        return path
    opened = gzip.open if path.suffix == ".gz" else open
    decoder = codecs.getincrementaldecoder(spec.encoding)()
    out = Path(mkdtemp(dir=scratch)) / "utf-8.csv"
    try:
        with opened(path, "rb") as file, out.open("w", encoding="utf-8", newline="") as copy:
            while chunk := file.read(_CHUNK):
                copy.write(decoder.decode(chunk))
            copy.write(decoder.decode(b"", final=True))
    except (UnicodeError, gzip.BadGzipFile, EOFError) as error:
        raise failed(
            "source cannot be read", f"{path} is not {spec.encoding}: {error}. Say another `encoding` of the source."
        ) from error
    return out


def advice(text: str) -> str:
    """Return the beginning of an error of DuckDB, and which option would help."""
    lines = text.strip().splitlines()
    kept: list[str] = []
    for line in lines:
        if not line.strip() or line.startswith(("Possible", "LINE ", "*", "The search space")):
            break
        kept.append(line.strip())
    help_ = next((sentence for signs, sentence in _ADVICE if any(sign in text for sign in signs)), "")
    said = " ".join(kept)
    return f"{said}{'' if said.endswith('.') else '.'} {help_}".rstrip()


def glued(columns: Iterable[str], spec: FileSpec) -> str:
    """Return the only column of a file where its name looks like several, else nothing: no delimiter was found."""
    names = list(columns)
    is_glued = len(names) == 1 and spec.delimiter is None and spec.header and set(_DELIMITERS) & set(names[0])
    return names[0] if is_glued else ""
