"""What the command line and a notebook both call.

Lives here: Project and the functions that need no project opened.
Not here: printing (cli), deciding and doing (engine), meaning (kinds).
Law: everything a user can do has one function here, and it prints nothing.
"""

from __future__ import annotations

from mlops.api.doctor import Check, doctor
from mlops.api.project import Project, open_saved
from mlops.api.speech import composed_config, load_spec, schema_text, write_schemas
from mlops.api.views import view_of

__all__ = [
    "Check",
    "Project",
    "composed_config",
    "doctor",
    "load_spec",
    "open_saved",
    "schema_text",
    "view_of",
    "write_schemas",
]
