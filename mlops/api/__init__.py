"""What the command line and a notebook both call.

Lives here: Project and the functions that need no project opened.
Not here: printing (cli), deciding and doing (engine), meaning (kinds).
Law: everything a user can do has one function here, and it prints nothing.
"""

from __future__ import annotations

from mlops.api.alerts import try_alert_routes
from mlops.api.alias import give_alias, take_alias
from mlops.api.batch import rerun_intervals
from mlops.api.card import card_of
from mlops.api.compare import compare_versions
from mlops.api.configuration import (
    composed_config,
    load_spec,
    reference_files,
    reference_text,
    schema_text,
    secrets_without_value,
    write_reference,
    write_schemas,
)
from mlops.api.croissant import croissant_of
from mlops.api.doctor import Requirement, doctor, install_pulumi
from mlops.api.import_resource import import_resource
from mlops.api.monitor import monitor_rules, replay_rows, write_monitor_report
from mlops.api.options import Options
from mlops.api.plain_model import plain_yaml
from mlops.api.project import Project
from mlops.api.publish import publish_version
from mlops.api.report import read_tuning, write_report, write_tuning_report
from mlops.api.rollback import plan_rollback, rollback_edits
from mlops.api.saved import open_saved
from mlops.api.state import pull_state, rename
from mlops.api.versions import version_records, version_table
from mlops.api.views import view_of
from mlops.api.watch import ProjectWatch
from mlops.api.why import uses, why
from mlops.errors import MlopsError

__all__ = [
    "MlopsError",
    "Options",
    "Project",
    "ProjectWatch",
    "Requirement",
    "card_of",
    "compare_versions",
    "composed_config",
    "croissant_of",
    "doctor",
    "give_alias",
    "import_resource",
    "install_pulumi",
    "load_spec",
    "monitor_rules",
    "open_saved",
    "plain_yaml",
    "plan_rollback",
    "publish_version",
    "pull_state",
    "read_tuning",
    "reference_files",
    "reference_text",
    "rename",
    "replay_rows",
    "rerun_intervals",
    "rollback_edits",
    "schema_text",
    "secrets_without_value",
    "take_alias",
    "try_alert_routes",
    "uses",
    "version_records",
    "version_table",
    "view_of",
    "why",
    "write_monitor_report",
    "write_reference",
    "write_report",
    "write_schemas",
    "write_tuning_report",
]
