"""Documents written from what is in force: life cycles, rights, policies, the API."""

import json

import typer

from slamon.cli.console import out


def life_cycles() -> None:
    """Print what may be done with a request, by whom and where it leads, as Markdown with diagrams."""

    from slamon.domain.catalogue import STANDARD
    from slamon.services.reports import life_cycle_document

    typer.echo(life_cycle_document.life_cycles(STANDARD), nl=False)


def rights() -> None:
    """Print who may do what to which record, as Markdown."""

    from slamon.domain.catalogue import STANDARD
    from slamon.services.reports import rights_document

    typer.echo(rights_document.rights(STANDARD), nl=False)


def policy_rules() -> None:
    """Print how policy lines are chosen, and those an installation begins with, as Markdown."""

    from slamon.domain.catalogue import STANDARD
    from slamon.services.reports import policy_document
    from slamon.wording.words import ENGLISH

    typer.echo(policy_document.policy_rules(STANDARD, ENGLISH), nl=False)


def openapi() -> None:
    """Print the API's OpenAPI document."""
    from slamon.app import create_app
    from slamon.config import Settings
    from slamon.runtime import build_runtime

    runtime = build_runtime(Settings(database_url="sqlite://"))
    out.print_json(json.dumps(create_app(runtime, with_workers=False).openapi()))
