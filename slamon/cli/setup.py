"""The first start, and the ways in that only the host gives: invitations, links, API keys."""

import inspect
import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from slamon.cli.console import out, say_done
from slamon.domain.scopes import ALL_SCOPES, Scope

if TYPE_CHECKING:
    from slamon.channels import ChannelDefinition
    from slamon.config import Settings
    from slamon.runtime import Runtime


_OPTIONS = "options for test messages"


class AskingForTests(TyperCommand):
    """A command with an option for the address of a test message on each channel.

    The channels are looked up when the command runs or explains itself: importing them takes time.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        if _OPTIONS not in ctx.meta:
            ctx.meta[_OPTIONS] = _test_options()
        return [*super().get_params(ctx), *ctx.meta[_OPTIONS]]

    def invoke(self, ctx: Any) -> Any:
        ctx.obj = {channel.name: ctx.params.pop(f"test_{channel.name}") for channel in _tested_channels()}
        return super().invoke(ctx)


def _tested_channels() -> "list[ChannelDefinition]":
    """The channels in the order in which their tests are asked for: the one for mails first."""
    from slamon.channels.registry import SHIPPED

    return sorted(SHIPPED, key=lambda channel: not channel.carries_links)


def _test_options() -> list[Any]:
    """An option for each channel, as typer makes them from a command's parameters."""
    asked = {
        f"test_{channel.name}": Annotated[
            str, typer.Option(prompt=f"{channel.words.test_prompt} (empty: none)", show_default=False)
        ]
        for channel in _tested_channels()
    }

    def ask() -> None:
        pass

    kind = inspect.Parameter.KEYWORD_ONLY
    parameters = [inspect.Parameter(name, kind, default="", annotation=option) for name, option in asked.items()]
    ask.__signature__, ask.__annotations__ = inspect.Signature(parameters), asked  # type: ignore[attr-defined]
    own = typer.Typer(add_completion=False)
    own.command()(ask)
    return list(typer.main.get_command(own).params)


def setup(
    ctx: typer.Context,
    sponsor: Annotated[str, typer.Option(prompt="Your company, as your CMOs know it")],
    admin_name: Annotated[str, typer.Option(prompt="First administrator's name")],
    admin_email: Annotated[str, typer.Option(prompt="First administrator's e-mail")],
    env_file: Annotated[Path, typer.Option(help="Where settings are kept.")] = Path(".env"),
) -> None:
    """Lead from nothing to the first start: secret, database, first administrator, a test of each channel.

    Run again it keeps what is there, says so, and makes what is missing.
    """
    from slamon.cli.runtime import migrate_database
    from slamon.config import Settings
    from slamon.db import schema
    from slamon.domain.timeline import SYSTEM
    from slamon.runtime import build_runtime
    from slamon.services.access import one_time_links
    from slamon.services.directory import bootstrap

    if not Settings(_env_file=None).secret_keys:  # with one in the environment, settings are kept there and not here
        _keep(env_file, "SLAMON_SECRET_KEY", secrets.token_urlsafe(48))
        _keep(env_file, "SLAMON_SPONSOR_NAME", json.dumps(sponsor, ensure_ascii=False))
    settings = Settings(_env_file=env_file)
    runtime = build_runtime(settings)
    migrate_database(runtime)
    with runtime.write() as tx:
        name = bootstrap.bootstrap(tx, sponsor).name
        admin = bootstrap.first_admin(tx, admin_name, admin_email)
        has_password, to = admin.password_hash is not None, one_time_links.ON_THE_HOST
        token = None if has_password else one_time_links.show_link(tx, admin.id, to=to, by=SYSTEM)
    say_done(f"Database ready at schema {schema.current_revision(runtime.db)}.")
    say_done(f"The sponsor is {settings.sponsor_name or name}.")
    say_done(f"Administrator: {admin.name}, {admin.email}.")
    for channel, address in ctx.obj.items():
        _send_test(runtime, channel, address)
    start = "slamon serve" if settings.is_embedded else "slamon api, dramatiq workers.main and slamon ticker"
    say_done(f"Start it with: {start}")
    if token is None:
        out.print(f"They have a password already; 'slamon new-link {admin.email}' gives a new link.", highlight=False)
        return
    _show_link(settings, token, "Then open this link once, within 24 hours, to set the administrator's password:")


def invite(email: Annotated[str, typer.Argument(help="Whom: somebody of your own staff.")]) -> None:
    """Give somebody a one-time link to set a password: by mail, or shown here once where no mail server is set.

    Shown only for an account that was never used; its owner reads at the first sign-in who could see it.
    """
    from slamon.cli.runtime import open_runtime
    from slamon.domain.timeline import SYSTEM
    from slamon.services.access import callers, one_time_links

    runtime = open_runtime()
    with runtime.write() as tx:
        person = callers.person_by_email(tx.session, email)
        if runtime.can_mail:
            one_time_links.invite(tx, person.id, by=SYSTEM)
            token = None
        else:
            to = one_time_links.ON_THE_HOST
            token = one_time_links.show_link(tx, person.id, to=to, by=SYSTEM)
    if token is None:
        say_done(f"A link is on its way to {person.email}.")
    else:
        _show_link(runtime.settings, token, f"No mail server is set. Hand this link to {person.name}, for one use:")


def new_link(email: Annotated[str, typer.Argument(help="Whose: somebody of your own staff.")]) -> None:
    """Show a one-time link to a new password for any account: the way in when there is no other.

    It ends the account's sessions and earlier links, stands in the trail, and everybody with an account is told.
    """
    from slamon.cli.runtime import open_runtime
    from slamon.services.access import one_time_links

    runtime = open_runtime()
    with runtime.write() as tx:
        token = one_time_links.new_link(tx, email)
    _show_link(runtime.settings, token, "This link sets a new password. It works once, for 24 hours:")


def api_key(
    email: Annotated[str, typer.Argument(help="Whose key: its rights are this person's.")],
    scope: Annotated[list[Scope] | None, typer.Option(help="Cut the rights; all unless named.")] = None,
) -> None:
    """Make an API key for a person, who is told by mail; its secret is shown this once.

    Later ones they make themselves, with POST /v1/api-keys.
    """
    from slamon.cli.runtime import open_runtime
    from slamon.domain.timeline import SYSTEM
    from slamon.services.access import api_keys, callers

    runtime = open_runtime()
    with runtime.write() as tx:
        person = callers.person_by_email(tx.session, email)
        key, secret = callers.issue_key(tx, scopes=scope or ALL_SCOPES, by=SYSTEM, person_id=person.id)
        api_keys.tell_owner(tx, key, by=SYSTEM)
    out.print(secret, soft_wrap=True, highlight=False)


def _keep(env_file: Path, name: str, value: str) -> None:
    """Write a setting to the file, unless it is there."""
    lines = env_file.read_text("utf-8").splitlines() if env_file.exists() else []
    if any(line.startswith(f"{name}=") and len(line) > len(name) + 1 for line in lines):
        return
    kept = [line for line in lines if not line.startswith(f"{name}=")]
    env_file.touch(mode=0o600)
    env_file.write_text("\n".join([*kept, f"{name}={value}", ""]), "utf-8")
    say_done(f"{name} written to {env_file}.")


def _show_link(settings: "Settings", token: str, words: str) -> None:
    from slamon.services.access import one_time_links

    out.print(words, highlight=False)
    out.print(f"  {one_time_links.welcome_address(settings.base_url, token)}", soft_wrap=True, highlight=False)


def _send_test(runtime: "Runtime", channel: str, address: str) -> None:
    from slamon.channels.console import is_shown_only
    from slamon.engine.channel_test import send_test
    from slamon.errors import DeliveryError

    if not address:
        return
    try:
        send_test(runtime, channel, address)
    except DeliveryError as error:
        out.print(f"✗ The test message by {channel} did not leave: {error}", style="yellow", highlight=False)
        return
    if is_shown_only(runtime.channels[channel]):
        out.print(f"✗ Nothing is set to send by {channel}: the test was only shown here.", style="yellow")
    else:
        say_done(f"Test message sent by {channel} to {address}.")
