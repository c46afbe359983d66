"""Starts and stops the demo: its servers, its database, its past, its player, and one address to open.

The only place that sets business time to another speed.
"""

import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from tempfile import TemporaryDirectory
from typing import Literal

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

from slamon.app import create_app
from slamon.clock import Clock
from slamon.db import schema
from slamon.demo import cast, player, scenes
from slamon.demo.fakes.mailbox import Mailbox
from slamon.demo.fakes.slack_server import SlackServer
from slamon.demo.pages import add_demo_pages
from slamon.demo.setting import Carriers, demo_settings, open_runtime
from slamon.demo.stage import Stage
from slamon.domain.scopes import ALL_SCOPES
from slamon.domain.timeline import SYSTEM
from slamon.errors import SlamonError
from slamon.services.access.callers import issue_key

FASTEST = 100_000
PORTS_TRIED = 50
FOUNDED_BEFORE = timedelta(days=30)


def run(*, speed: float, port: int, empty: bool) -> None:
    """Serve the demo until Ctrl-C or SIGTERM; nothing is left behind."""
    if not 1 <= speed <= FASTEST:
        raise SlamonError(f"--speed {speed:g}: between 1 (real time) and {FASTEST} business seconds a second.")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        listen(port) as listener,
        staged(listener, speed=speed, empty=empty) as (app, stage),
    ):
        _announce(stage, wanted_port=port)
        server_of(app, lifespan="on").run(sockets=[listener])


@contextmanager
def staged(listener: socket.socket, *, speed: float, empty: bool = False) -> Iterator[tuple[FastAPI, Stage]]:
    """The demo's application, ready to be served on `listener`, with its past played and its player at work."""
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with ExitStack() as stack:
        directory = stack.enter_context(TemporaryDirectory(prefix="slamon-demo-", ignore_cleanup_errors=True))
        start = Clock().real_now()
        dial = player.Dial(Clock(speed=player.STANDS_STILL, business_start=start))
        mailbox = stack.enter_context(Mailbox(dial.now))
        slack = SlackServer(dial.now)
        own = Carriers(mailbox.url, f"{stack.enter_context(_serving(slack.app))}/api/", slack.token)
        settings = demo_settings(directory, base_url, own)
        before = stack.enter_context(open_runtime(settings.own, dial.clock))
        schema.migrate(before.db)
        stage = Stage(before, mailbox, slack, start, has_cast=not empty)
        stage.sends_mail_out, stage.sends_slack_out = settings.sends_mail_out, settings.sends_slack_out
        script = player.cues([*scenes.opening(), *scenes.later()] if stage.has_cast else (), start)
        _found(stage)
        player.play_past(stage, dial, [cue for cue in script if cue.at <= start])
        dial.clock = Clock(speed=speed, business_start=start)
        stage.runtime = stack.enter_context(open_runtime(settings.live, dial.clock))
        app = create_app(stage.runtime)
        add_demo_pages(app, stage)
        if stage.has_cast:
            stack.enter_context(player.playing(stage, [cue for cue in script if cue.at > start]))
        yield app, stage


def _found(stage: Stage) -> None:
    """The records of the installation."""
    own_slack, founded_at = stage.sends_slack_out, stage.start - FOUNDED_BEFORE
    with stage.runtime.write() as opened:
        tx = replace(opened, business_now=founded_at, real_now=founded_at)
        cast.found_sponsor(tx, own_slack=own_slack)
        if stage.has_cast:
            cast.found_cmos(tx, own_slack=own_slack)
        for whose, address in (("project manager", cast.PM), ("administrator", cast.ADMIN)):
            owner = cast.person(tx.session, address).id
            _, secret = issue_key(tx, scopes=ALL_SCOPES, by=SYSTEM, person_id=owner)
            stage.api_keys[whose] = secret


def _announce(stage: Stage, *, wanted_port: int) -> None:
    lines = [f"\n  {stage.base_url}/demo\n"]
    if not stage.base_url.endswith(f":{wanted_port}"):
        lines.insert(0, f"Port {wanted_port} is taken; using the next free one.")
    if stage.has_cast:
        lines.append(
            "Open it and watch: one CMO confirms receipt through the web form, another stays silent past\n"
            "24 and 48 hours and is escalated in Slack and by mail. Ctrl-C ends the demo and leaves nothing behind."
        )
    else:
        lines.append("An empty installation with its own inbox. Ctrl-C ends the demo and leaves nothing behind.")
    if stage.sends_mail_out:
        lines.append(
            "Mails leave through your SMTP server; without SLAMON_REDIRECT_ALL_TO they go to .example addresses."
        )
    if stage.sends_slack_out:
        lines.append(f"Slack messages go to {cast.SHARED_CHANNEL} of your workspace: invite the app there first.")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def listen(port: int) -> socket.socket:
    """A listener on this port of 127.0.0.1 or the next free one; port 0 takes any."""
    for candidate in range(port, min(port + PORTS_TRIED, 65_536)):
        with suppress(OSError):
            return socket.create_server(("127.0.0.1", candidate))
    raise SlamonError(f"No free port from {port} on; name another one with --port.")


@contextmanager
def _serving(app: ASGIApp) -> Iterator[str]:
    """A small server of its own, in a thread: the base URL of `app`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # asyncio sets it on its own sockets only; without it each answer over a kept connection takes 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = server_of(app, lifespan="off")
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=2)


def server_of(app: ASGIApp, *, lifespan: Literal["on", "off"]) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan=lifespan,
            timeout_graceful_shutdown=1,
        )
    )
