"""The verb `ack`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: closes a finding with a reason, and keeps both.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("ack")
@click.argument("monitor")
@click.option("--reason", required=True, help="Why it needs no more attention; kept with the finding.")
@click.option("--finding", "finding_id", help="Only this one. Default: all that are open.")
@pass_session
def command(session: Session, monitor: str, reason: str, finding_id: str | None) -> None:
    """Acknowledge a monitor's finding, so that plan and status stop showing it."""
    closed = session.open().ack(monitor, reason=reason, finding_id=finding_id)
    session.say(f"Acknowledged {len(closed)} finding{'' if len(closed) == 1 else 's'}: {', '.join(closed)}")
