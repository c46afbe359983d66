"""The `slamon` command: every group of commands put together."""

from typing import Annotated

import typer

from slamon import __version__
from slamon.cli import database, documents, serve, setup, status
from slamon.cli.console import err, out, printable
from slamon.cli.imports import import_app
from slamon.cli.replay import replay_app
from slamon.cli.what_if import what_if
from slamon.errors import SlamonError

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="slamon: requests to CMOs, timed.")
app.command()(serve.serve)
app.command()(serve.api)
app.command()(serve.ticker)
app.command()(serve.demo)
app.command(cls=setup.AskingForTests)(setup.setup)
app.command()(setup.invite)
app.command("new-link")(setup.new_link)
app.command("api-key")(setup.api_key)
app.command()(database.migrate)
app.command("backup")(database.back_up)
app.command()(database.restore)
app.command("verify")(database.verify_record)
app.command()(status.status)
app.command()(serve.alive)
app.add_typer(import_app, name="import", help="Bring spreadsheets in.")
app.add_typer(replay_app, name="replay", help="Run real histories through the clocks.")
app.command("what-if")(what_if)
app.command("life-cycles")(documents.life_cycles)
app.command()(documents.rights)
app.command("policy-rules")(documents.policy_rules)
app.command()(documents.openapi)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        out.print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the release and leave.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    pass


def main() -> None:
    try:
        app()
    except SlamonError as error:
        for line in str(error).splitlines():
            err.print(printable(line), style="red", highlight=False)
        raise SystemExit(1) from None
