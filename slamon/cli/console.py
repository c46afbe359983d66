"""What every command writes with: consoles, progress, and text that cannot aim at the terminal.

Modules of commands import what they work with inside the command, so that `slamon --help` answers at once.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from slamon.errors import SlamonError

if TYPE_CHECKING:
    from rich.table import Table

# No markup: a name or a file with brackets in it is written as it is.
out, err = Console(markup=False, emoji=False), Console(stderr=True, markup=False, emoji=False)


def say_done(text: str) -> None:
    out.print(Text.assemble(("✓", "green"), " ", text))


def printable(text: str) -> str:
    """Without control characters a file could aim at the terminal; format characters of right-to-left text go too."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


@contextmanager
def refusing() -> Iterator[None]:
    """What cannot be read ends the command with one plain line."""
    try:
        yield
    except SlamonError as error:
        typer.echo(printable(f"slamon: {error}"), err=True)
        raise typer.Exit(1) from error


def figures_table(title: str, first: str, *figures: str) -> "Table":
    """A table of figures, one column under each heading, with their names in the first one."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", caption_justify="left")
    table.add_column(first)
    for heading in figures:
        table.add_column(heading, justify="right")
    return table


def say_speed(console: Console, done: int, what: str, seconds: float) -> None:
    seconds = max(seconds, 0.001)
    console.print(f"{done / seconds:,.0f} {what} a second ({seconds:.1f} s)", highlight=False)


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[int], None]]:
    """A bar on stderr that fills to 100; nothing at all where stderr is no terminal."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=err, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(name, total=100)
        yield lambda percent: progress.update(task, completed=percent)
