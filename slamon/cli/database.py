"""The database as a whole: its schema, copies of it, the proof of its record."""

from pathlib import Path
from typing import Annotated

import typer

from slamon.cli.console import err, out, say_done


def migrate(down_to: Annotated[str | None, typer.Option(help="Go back to this revision instead.")] = None) -> None:
    """Bring the database to this release's schema. With SLAMON_DATABASE_OWNER_URL set it is done by that role, and
    the one of SLAMON_DATABASE_URL is made where it is missing, and may then read and add but not change the record.
    """
    from slamon.cli.runtime import migrate_database
    from slamon.config import Settings
    from slamon.db import schema
    from slamon.runtime import build_runtime

    runtime = build_runtime(Settings())
    migrate_database(runtime, down_to)
    out.print(f"The database is at schema {schema.current_revision(runtime.db)}.")


def back_up(file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")]) -> None:
    """Copy the database to a file while everything runs, before an upgrade too."""
    from slamon.config import Settings
    from slamon.db import backup, schema
    from slamon.errors import SlamonError
    from slamon.runtime import build_runtime

    runtime = build_runtime(Settings())
    if schema.current_revision(runtime.db) is None:
        raise SlamonError("There is nothing in the database yet. Run 'slamon setup' first.")
    backup.backup(runtime.db, file)
    say_done(f"{file}, {file.stat().st_size:,} bytes.")


def restore(file: Annotated[Path, typer.Argument(help="A file that 'slamon backup' wrote.")]) -> None:
    """Fill an empty database from a backup, check it, and hold its messages back until somebody lets them go."""
    from slamon.cli.runtime import migrate_database, owned
    from slamon.config import Settings
    from slamon.db import backup, schema
    from slamon.runtime import build_runtime
    from slamon.services.outbox import outbox

    runtime = build_runtime(Settings())
    with owned(runtime) as database:
        backup.restore(database, file)
    migrate_database(runtime)
    with runtime.write() as tx:
        outbox.hold_restored(tx)
    say_done(f"Restored, at schema {schema.current_revision(runtime.db)}. Messages are held back.")
    out.print("Run 'slamon verify', start slamon, look at the page Status, and let the messages go there.")


def verify_record() -> None:
    """Re-hash every timeline, the trail and every file, replay every request, compare; name the first difference."""
    from rich.progress import Progress

    from slamon.cli.runtime import open_runtime
    from slamon.engine.stored_files import verify_files
    from slamon.services.reports import verify
    from slamon.services.reports.verify import Difference

    runtime = open_runtime()
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
        err.print(f"The record contradicts itself. {first}", style="red", highlight=False)
        raise typer.Exit(1)
    out.print(f"{total} requests, {files} files and the whole trail are as they were recorded.")
