"""Start here.

Lives here: the command `mlops`, its options for every verb, and the way every error ends.
Not here: any verb.
Law: the exit code says what happened: 0 done, 1 failed, 2 pending, 3 configuration, 4 stale, 5 locked, 6 gate,
130 interrupted; 7 is reserved.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlops.cli import (
    ack,
    alias,
    apply,
    batch,
    card,
    compare,
    config,
    destroy,
    doctor,
    history,
    import_,
    init,
    invoke,
    logs,
    monitor,
    plan,
    publish,
    render,
    rollback,
    schema,
    show,
    state,
    status,
    unlock,
    validate,
    watch,
    why,
)
from mlops.cli.session import Session, report
from mlops.context.paths import find_root
from mlops.errors import InvalidConfig, MlopsError, refusal


class Verbs(click.Group):
    """Lists verbs in the order of their use, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("-C", "--project", type=click.Path(file_okay=False, path_type=Path), help="The folder with conf/.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="mlops", message="mlops %(version)s")
@click.pass_context
def cli(ctx: click.Context, project: Path | None, debug: bool) -> None:
    """The whole life of a model, declared in YAML under conf/: see what would change, then make it so.

    \b
    mlops init churn --data customers.csv         a project of your own, ready to apply
    mlops plan                                    what would change, and why
    mlops plan model.delay.trainer.max_epochs=5   the same, with one value overridden
    mlops apply                                   make it so
    """
    ctx.obj = Session(find_root(Path.cwd()) if project is None else project.absolute(), debug)


for module in (init, plan, apply, status, show, why, history, rollback, alias, compare, card, publish, invoke, logs, ack, monitor, watch,
               batch, validate, config, render, schema, import_, state, destroy, unlock, doctor):  # fmt: skip
    cli.add_command(module.command)


def main(argv: list[str] | None = None) -> None:
    """Run the command and end with its exit code; never returns. An unexpected error says so and names --debug."""
    words = sys.argv[1:] if argv is None else argv
    debug = "--debug" in words
    try:
        code = cli.main(words, prog_name="mlops", standalone_mode=False)
    except MlopsError as error:
        if debug:
            raise
        report(error, find_root(Path.cwd()), _outcome(error, words))
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. What was finished stays finished; run the same command to go on.", err=True)
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except Exception as error:
        if debug:
            raise
        code = _unexpected(error)
    sys.exit(code if isinstance(code, int) else 0)


def _unexpected(error: Exception) -> int:
    refused = refusal(error)
    if refused is not None:
        report(refused, find_root(Path.cwd()), "")
    else:
        click.echo(
            f"Error: a defect in mlops\n  {type(error).__name__}: {error}\n"
            "  This is not your mistake. Run it again as `mlops --debug …`, and report what it prints.",
            err=True,
        )
    return 1


def _outcome(error: MlopsError, words: list[str]) -> str:
    if not isinstance(error, InvalidConfig):
        return ""
    return "Nothing was planned." if "plan" in words else "Nothing was changed."
