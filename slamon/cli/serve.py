"""Serving: everything in one process, or the API, the ticker and the demo by themselves."""

import signal
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from slamon import __version__
from slamon.cli.console import err, out

if TYPE_CHECKING:
    from slamon.config import Settings
    from slamon.runtime import Runtime

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.")]


def serve(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run everything in one process: API, pages, loop and workers. Brings the database up to date first."""
    from slamon.cli.runtime import migrate_database
    from slamon.config import Settings
    from slamon.errors import SlamonError
    from slamon.runtime import build_runtime

    settings = Settings()
    if not settings.is_embedded:
        raise SlamonError("SLAMON_REDIS_URL is set: run 'slamon api', 'dramatiq workers.main' and 'slamon ticker'.")
    runtime = build_runtime(settings)
    migrate_database(runtime)
    _serve(runtime, host, port)


def api(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run the API and the pages; workers and ticker run beside it."""
    from slamon.cli.runtime import open_runtime

    _serve(open_runtime(_distributed()), host, port)


def ticker() -> None:
    """Run the loop that finds what is due and hands it to the workers. Any number may run."""
    from slamon.cli.runtime import open_runtime
    from workers.actors import Actors
    from workers.broker import build_broker
    from workers.heartbeat import beating
    from workers.senders import Senders
    from workers.ticker import run_loop
    from workers.watching import watching

    runtime = open_runtime(_distributed())
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with beating(runtime, "ticker"), watching(runtime), Senders(runtime) as senders:
        run_loop(runtime, Actors(runtime, build_broker(runtime.settings), senders), senders, stopping)
    runtime.close()


def alive(kind: Annotated[str, typer.Argument(help="worker, ticker, api or embedded")]) -> None:
    """Say whether such a process beats on this host; exit 1 if not. For container health checks."""
    from slamon.cli.runtime import open_runtime
    from slamon.engine import heartbeat

    runtime = open_runtime()
    silence = timedelta(seconds=runtime.settings.heartbeat_seconds * runtime.settings.dead_after_beats)
    since = runtime.clock.real_now() - silence
    with runtime.db.read() as session:
        beating = heartbeat.beating_here(session, kind, since=since)
    if not beating:
        err.print(f"No {kind} beats on this host.")
        raise typer.Exit(1)


def demo(
    speed: Annotated[float, typer.Option(min=1, max=20_000, help="Business seconds a real second.")] = 1800,
    port: Port = 8000,
    empty: Annotated[bool, typer.Option("--empty", help="Without the cast.")] = False,
) -> None:
    """Show the whole promise in two minutes, with a cast of real sites and a faster clock."""
    from slamon.demo import run_demo

    run_demo(speed=speed, port=port, empty=empty)


def _distributed() -> "Settings":
    from slamon.config import Settings
    from slamon.errors import SlamonError

    settings = Settings()
    if settings.is_embedded:
        raise SlamonError("SLAMON_REDIS_URL is not set: without Redis, 'slamon serve' runs everything in one process.")
    return settings


def _serve(runtime: "Runtime", host: str, port: int) -> None:
    from slamon.app import create_app
    from slamon.config import Settings
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
