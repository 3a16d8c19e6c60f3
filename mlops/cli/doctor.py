"""The verb `doctor`.

Lives here: its arguments, and what it prints.
Not here: the work (api).
Law: looks, and says what to do; changes nothing.
"""

from __future__ import annotations

import click

from mlops.cli.session import Session, pass_session


@click.command("doctor")
@click.option(
    "--install-pulumi", is_flag=True, help="Fetch the `pulumi` command from Pulumi's servers, where it is missing."
)
@pass_session
def command(session: Session, install_pulumi: bool) -> None:
    """Check this machine and this project: programs, packages, ports, permissions, state."""
    from mlops.api import doctor

    if install_pulumi:
        from mlops.api import install_pulumi as install

        session.say(install())

    checks = doctor(session.root)
    for check in checks:
        mark = "✓" if check.good else "✗"
        tone = "green" if check.good else "red"
        session.say(f"{click.style(mark, fg=tone) if session.color else mark} {check.name:<22} {check.found}")
        if check.remedy and not check.good:
            session.say(f"  {check.remedy}")
    if not all(check.good for check in checks):
        raise SystemExit(1)
