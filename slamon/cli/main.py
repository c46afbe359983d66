"""The commands: serving, workers' parts, set-up, verification, imports, replays and the demo."""

import json
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from slamon import __version__
from slamon.channels.console import ConsoleChannel
from slamon.cli.import_directory import import_app
from slamon.cli.import_requests import requests
from slamon.cli.replay import replay_app
from slamon.config import Settings
from slamon.db import backup, schema
from slamon.db.database import Database
from slamon.domain.catalogue import STANDARD
from slamon.domain.terms import DeliveryChannel
from slamon.domain.timeline import SYSTEM
from slamon.engine import health, heartbeat
from slamon.engine.channel_test import send_test
from slamon.engine.stored_files import verify_files
from slamon.errors import DeliveryError, SlamonError
from slamon.runtime import Runtime, build_runtime
from slamon.services.access import api_keys, callers
from slamon.services.directory import bootstrap
from slamon.services.outbox import outbox
from slamon.services.reports import life_cycle_document, policy_document, rights_document, verify
from slamon.services.reports.verify import Difference
from slamon.wording.words import ENGLISH

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help="slamon: requests to CMOs, timed.")
app.add_typer(replay_app, name="replay", help="Run real histories through the clocks.")
import_app.command()(requests)
app.add_typer(import_app, name="import", help="Bring spreadsheets in.")
out, err = Console(), Console(stderr=True)

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.")]


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
        err.print(f"[red]{error}[/red]", highlight=False)
        raise SystemExit(1) from None


@app.command("life-cycles")
def life_cycles() -> None:
    """Print what may be done with a request, by whom and where it leads, as Markdown with diagrams."""
    typer.echo(life_cycle_document.life_cycles(), nl=False)


@app.command("rights")
def rights() -> None:
    """Print who may do what to which record, as Markdown."""
    typer.echo(rights_document.rights(), nl=False)


@app.command("policy-rules")
def policy_rules() -> None:
    """Print how policy lines are chosen, and those an installation begins with, as Markdown."""
    typer.echo(policy_document.policy_rules(STANDARD, ENGLISH), nl=False)


@app.command("what-if")
def what_if(
    file: Annotated[Path, typer.Argument(help="A policy line as JSON, as POST /v1/policies takes it.", exists=True)],
    filed_from: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of filing.")],
    filed_to: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Judge the requests of a past period under a draft policy: which breaches appear, which vanish?

    Days are those of the sponsor's time zone.
    """
    from slamon.cli.what_if import try_draft

    try_draft(_open(Settings()), file, filed_from.date(), filed_to.date(), as_json=as_json)


@app.command()
def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run everything in one process: API, pages, loop and workers. Brings the database up to date first."""
    settings = Settings()
    if not settings.is_embedded:
        raise SlamonError("SLAMON_REDIS_URL is set: run 'slamon api', 'dramatiq workers.main' and 'slamon ticker'.")
    runtime = build_runtime(settings)
    _migrate(runtime)
    _serve(runtime, host, port)


@app.command()
def api(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run the API and the pages; workers and ticker run beside it."""
    settings = Settings()
    if settings.is_embedded:
        raise SlamonError("SLAMON_REDIS_URL is not set: without Redis, 'slamon serve' runs everything in one process.")
    runtime = _open(settings)
    _serve(runtime, host, port)


@app.command()
def ticker() -> None:
    """Run the loop that finds what is due and hands it to the workers. Any number may run."""
    from workers.actors import Actors
    from workers.broker import build_broker
    from workers.heartbeat import beating
    from workers.senders import Senders
    from workers.ticker import run_loop
    from workers.watching import auditing

    settings = Settings()
    if settings.is_embedded:
        raise SlamonError("SLAMON_REDIS_URL is not set: without Redis, 'slamon serve' runs everything in one process.")
    runtime = _open(settings)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with beating(runtime, "ticker"), auditing(runtime), Senders(runtime) as senders:
        run_loop(runtime, Actors(runtime, build_broker(settings), senders), senders, stopping)
    runtime.close()


@app.command()
def migrate(down_to: Annotated[str | None, typer.Option(help="Go back to this revision instead.")] = None) -> None:
    """Bring the database to this release's schema. With SLAMON_DATABASE_OWNER_URL set it is done by that role, and
    the one of SLAMON_DATABASE_URL is made where it is missing, and may then read and add but not change the record.
    """
    runtime = build_runtime(Settings())
    _migrate(runtime, down_to)
    out.print(f"The database is at schema {schema.current_revision(runtime.db)}.")


@app.command("backup")
def back_up(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")]) -> None:
    """Copy the database to a file while everything runs, before an upgrade too."""
    runtime = build_runtime(Settings())
    if schema.current_revision(runtime.db) is None:
        raise SlamonError("There is nothing in the database yet. Run 'slamon setup' first.")
    backup.backup(runtime.db, file)
    out.print(f"[green]✓[/green] {file}, {file.stat().st_size:,} bytes.", highlight=False)


@app.command()
def restore(file: Annotated[Path, typer.Argument(help="A file that 'slamon backup' wrote.")]) -> None:
    """Fill an empty database from a backup, check it, and hold its messages back until somebody lets them go."""
    runtime = build_runtime(Settings())
    with _owned(runtime) as owned:
        backup.restore(owned, file)
    _migrate(runtime)
    with runtime.write() as tx:
        outbox.hold_restored(tx)
    out.print(f"[green]✓[/green] Restored, at schema {schema.current_revision(runtime.db)}. Messages are held back.")
    out.print("Run 'slamon verify', start slamon, look at the page Status, and let the messages go there.")


@app.command()
def setup(
    sponsor: Annotated[str, typer.Option(prompt="Your company, as your CMOs know it")],
    admin_name: Annotated[str, typer.Option(prompt="First administrator's name")],
    admin_email: Annotated[str, typer.Option(prompt="First administrator's e-mail")],
    test_email: Annotated[str, typer.Option(prompt="Send a test mail to (empty: none)", show_default=False)] = "",
    test_slack: Annotated[
        str, typer.Option(prompt="Send a test message to Slack channel (empty: none)", show_default=False)
    ] = "",
    env_file: Annotated[Path, typer.Option(help="Where settings are kept.")] = Path(".env"),
) -> None:
    """Lead from nothing to the first start: secret, database, first administrator, a test of Slack and mail.

    Run again it keeps what is there, says so, and makes what is missing.
    """
    if not Settings(_env_file=None).secret_keys:  # with one in the environment, settings are kept there and not here
        _keep(env_file, "SLAMON_SECRET_KEY", secrets.token_urlsafe(48))
        _keep(env_file, "SLAMON_SPONSOR_NAME", json.dumps(sponsor, ensure_ascii=False))
    settings = Settings(_env_file=env_file)
    runtime = build_runtime(settings)
    _migrate(runtime)
    with runtime.write() as tx:
        name = bootstrap.bootstrap(tx, sponsor).name
        admin = bootstrap.first_admin(tx, admin_name, admin_email)
        has_password, to = admin.password_hash is not None, callers.ON_THE_HOST
        token = None if has_password else callers.show_link(tx, admin.id, to=to, by=SYSTEM)
    out.print(f"[green]✓[/green] Database ready at schema {schema.current_revision(runtime.db)}.")
    out.print(f"[green]✓[/green] The sponsor is {settings.sponsor_name or name}.", highlight=False)
    out.print(f"[green]✓[/green] Administrator: {admin.name}, {admin.email}.", highlight=False)
    _send_test(runtime, DeliveryChannel.EMAIL, test_email)
    _send_test(runtime, DeliveryChannel.SLACK, test_slack)
    start = "slamon serve" if settings.is_embedded else "slamon api, dramatiq workers.main and slamon ticker"
    out.print(f"[green]✓[/green] Start it with: {start}")
    if token is None:
        out.print(f"They have a password already; 'slamon new-link {admin.email}' gives a new link.", highlight=False)
        return
    _show_link(settings, token, "Then open this link once, within 24 hours, to set the administrator's password:")


@app.command()
def invite(email: Annotated[str, typer.Argument(help="Whom: somebody of your own staff.")]) -> None:
    """Give somebody a one-time link to set a password: by mail, or shown here once where no mail server is set.

    Shown only for an account that was never used; its owner reads at the first sign-in who could see it.
    """
    runtime = _open(Settings())
    with runtime.write() as tx:
        person = callers.person_by_email(tx.session, email)
        if runtime.can_mail:
            callers.invite(tx, person.id, by=SYSTEM)
            token = None
        else:
            to = callers.ON_THE_HOST
            token = callers.show_link(tx, person.id, to=to, by=SYSTEM)
    if token is None:
        out.print(f"[green]✓[/green] A link is on its way to {person.email}.", highlight=False)
    else:
        _show_link(runtime.settings, token, f"No mail server is set. Hand this link to {person.name}, for one use:")


@app.command("new-link")
def new_link(email: Annotated[str, typer.Argument(help="Whose: somebody of your own staff.")]) -> None:
    """Show a one-time link to a new password for any account: the way in when there is no other.

    It ends the account's sessions and earlier links, stands in the trail, and everybody with an account is told.
    """
    runtime = _open(Settings())
    with runtime.write() as tx:
        token = callers.new_link(tx, email)
    _show_link(runtime.settings, token, "This link sets a new password. It works once, for 24 hours:")


@app.command("api-key")
def api_key(
    email: Annotated[str, typer.Argument(help="Whose key: its rights are this person's.")],
    scope: Annotated[list[callers.Scope] | None, typer.Option(help="Cut the rights; all unless named.")] = None,
) -> None:
    """Make an API key for a person, who is told by mail; its secret is shown this once.

    Later ones they make themselves, with POST /v1/api-keys.
    """
    runtime = _open(Settings())
    with runtime.write() as tx:
        person = callers.person_by_email(tx.session, email)
        key, secret = callers.issue_key(tx, scopes=scope or callers.ALL_SCOPES, by=SYSTEM, person_id=person.id)
        api_keys.tell_owner(tx, key, by=SYSTEM)
    out.print(secret, soft_wrap=True, highlight=False)


@app.command("verify")
def verify_command() -> None:
    """Re-hash every timeline, the trail and every file, replay every request, compare; name the first difference."""
    runtime = _open(Settings())
    first: Difference | None = None
    with runtime.read() as tx, Progress(console=err, transient=True) as progress:
        total = verify.count_requests(tx.session)
        task = progress.add_task("Requests", total=total)
        for step in verify.verify_requests(tx):
            if isinstance(step, Difference):
                first = step
                break
            progress.advance(task, step)
        first = first or verify.verify_audit(tx.session)
    files = 0
    for step in () if first else verify_files(runtime):
        if isinstance(step, Difference):
            first = step
            break
        files += step
    if first is not None:
        err.print(f"[red]The record contradicts itself. {first}[/red]", highlight=False)
        raise typer.Exit(1)
    out.print(f"{total} requests, {files} files and the whole trail are as they were recorded.")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Say how the installation stands: what stands still, messages, processes, clocks, channels; exit 1 if not well."""
    runtime = _open(Settings())
    with runtime.db.read() as session:
        seen = health.look(session, runtime)
    broker = health.broker_answers(runtime.settings)
    facts = {
        "well": not seen.troubles,
        "troubles": [trouble.words for trouble in seen.troubles],
        "degraded": [*([health.BROKER_AWAY] if broker is False else []), *seen.warnings],
        "release": __version__,
        "schema": schema.current_revision(runtime.db),
        "channels": {name.value: type(channel).__name__ for name, channel in runtime.channels.items()},
        "outgoing_stopped": seen.is_stopped,
        "redirected_to": runtime.settings.redirect_all_to,
        "messages": seen.messages,
        "oldest_waiting_seconds": _seconds(seen.oldest_waiting),
        "due_lag_seconds": _seconds(seen.due_lag),
        "cycle_age_seconds": _seconds(seen.since_pass),
        "processes": [_process(pulse) for pulse in seen.pulses],
    }
    if as_json:
        out.print_json(json.dumps(facts))
    else:
        _say(facts)
    if seen.troubles:
        raise typer.Exit(1)


@app.command()
def alive(kind: Annotated[str, typer.Argument(help="worker, ticker, api or embedded")]) -> None:
    """Say whether such a process beats on this host; exit 1 if not. For container health checks."""
    runtime = _open(Settings())
    silence = timedelta(seconds=runtime.settings.heartbeat_seconds * runtime.settings.dead_after_beats)
    since = runtime.clock.real_now() - silence
    with runtime.db.read() as session:
        beating = heartbeat.beating_here(session, kind, since=since)
    if not beating:
        err.print(f"No {kind} beats on this host.")
        raise typer.Exit(1)


@app.command()
def openapi() -> None:
    """Print the API's OpenAPI document."""
    from slamon.app import create_app

    runtime = build_runtime(Settings(database_url="sqlite://"))
    out.print_json(json.dumps(create_app(runtime, with_workers=False).openapi()))


@app.command()
def demo(
    speed: Annotated[float, typer.Option(min=1, max=20_000, help="Business seconds a real second.")] = 1800,
    port: Port = 8000,
    empty: Annotated[bool, typer.Option("--empty", help="Without the cast.")] = False,
) -> None:
    """Show the whole promise in two minutes, with a cast of real sites and a faster clock."""
    from slamon.demo import run_demo

    run_demo(speed=speed, port=port, empty=empty)


def _serve(runtime: Runtime, host: str, port: int) -> None:
    from slamon.app import create_app
    from slamon.http.server import run_server

    out.print(f"slamon {__version__} on http://{host}:{port}", highlight=False)
    if (
        f":{port}" not in runtime.settings.base_url
        and runtime.settings.base_url == Settings.model_fields["base_url"].default
    ):
        err.print(
            f"Links in mails begin with {runtime.settings.base_url}; set SLAMON_BASE_URL to the address people use."
        )
    run_server(create_app(runtime), runtime.settings, host=host, port=port)
    runtime.close()


@contextmanager
def _owned(runtime: Runtime) -> Iterator[Database]:
    """The database as the owner of its schema reaches it."""
    url = runtime.settings.owned_database
    if url == runtime.db.url:
        yield runtime.db
        return
    with closing(Database(url, connections=1)) as database:
        yield database


def _migrate(runtime: Runtime, down_to: str | None = None) -> None:
    with _owned(runtime) as owned:
        if down_to is None:
            schema.migrate(owned, application=runtime.db.url)
        else:
            schema.downgrade(owned, down_to, application=runtime.db.url)


def _open(settings: Settings) -> Runtime:
    runtime = build_runtime(settings)
    have, want = schema.current_revision(runtime.db), schema.newest_revision()
    if have != want:
        raise SlamonError(
            f"The database has schema {have}, this release wants {want}. Run 'slamon migrate', or 'slamon setup' first."
        )
    heartbeat.follow_database(runtime)
    return runtime


def _say(facts: dict[str, Any]) -> None:
    troubles, degraded = facts.pop("troubles"), facts.pop("degraded")
    for words in troubles:
        out.print(f"[bold red]{words}[/bold red]", highlight=False)
    for words in degraded:
        out.print(f"[yellow]{words}[/yellow]", highlight=False)
    if facts.pop("well"):
        out.print("[green]What is due is being done.[/green]")
    table = Table("what", "now", show_header=False)
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), _in_words(value))
    out.print(table)


def _process(pulse: heartbeat.ProcessStatus) -> dict[str, Any]:
    known = {
        "kind": pulse.kind,
        "host": pulse.host,
        "release": pulse.release,
        "alive": pulse.is_alive,
        "seconds_since_beat": _seconds(pulse.since_beat),
        "clock_skew_seconds": pulse.clock_skew_seconds,
        "zone_data": pulse.zone_data,
    }
    return known if pulse.since_pass is None else {**known, "seconds_since_pass": _seconds(pulse.since_pass)}


def _seconds(length: timedelta | None) -> float | None:
    return None if length is None else round(length.total_seconds(), 1)


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_in_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "\n".join(map(_in_words, value)) or "none"
    return "no" if value is None or value is False else "yes" if value is True else str(value)


def _keep(env_file: Path, name: str, value: str) -> None:
    """Write a setting to the file, unless it is there."""
    lines = env_file.read_text("utf-8").splitlines() if env_file.exists() else []
    if any(line.startswith(f"{name}=") and len(line) > len(name) + 1 for line in lines):
        return
    kept = [line for line in lines if not line.startswith(f"{name}=")]
    env_file.touch(mode=0o600)
    env_file.write_text("\n".join([*kept, f"{name}={value}", ""]), "utf-8")
    out.print(f"[green]✓[/green] {name} written to {env_file}.")


def _show_link(settings: Settings, token: str, words: str) -> None:
    out.print(words, markup=False, highlight=False)
    out.print(f"  {callers.welcome_address(settings.base_url, token)}", soft_wrap=True, highlight=False)


def _send_test(runtime: Runtime, channel: DeliveryChannel, address: str) -> None:
    if not address:
        return
    try:
        send_test(runtime, channel, address)
    except DeliveryError as error:
        out.print(f"[yellow]✗ The test message by {channel.value} did not leave: {error}[/yellow]", highlight=False)
        return
    if isinstance(runtime.channels[channel], ConsoleChannel):
        out.print(f"[yellow]✗ Nothing is set to send by {channel.value}: the test was only shown here.[/yellow]")
    else:
        out.print(f"[green]✓[/green] Test message sent by {channel.value} to {address}.", highlight=False)
