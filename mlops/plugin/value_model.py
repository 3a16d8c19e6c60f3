"""Say what a value is.

Lives here: Value.
Not here: what becomes of it (value).
Law: any JSON value is allowed; a secret in it is recorded by its name.
"""

from __future__ import annotations

from typing import Any

from mlops.plugin.fields import Category, Resource, spec_field


class Value(Resource):
    """A value that others use as `${output:value.NAME.value}`."""

    value: Any = spec_field(None, doc="What is kept: any text, number, list or mapping.", change=Category.RECONFIGURE)
