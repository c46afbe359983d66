"""Templates in one language: the one place that makes Jinja environments for what readers see."""

from collections.abc import Callable
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from slamon.wording.language import Language


def environment(
    language: Language,
    *,
    is_html: bool,
    loader: BaseLoader | None = None,
    statements: tuple[str, str] = ("{%", "%}"),
) -> Environment:
    """An environment whose templates say `_("...", name=...)` and `ngettext("...", "...", n, name=...)`.

    Set here and not by Jinja's own extension, which binds an environment to no language. In HTML the sentences may have
    tags in them, those of translators too; the values put into them are escaped like all others.
    """
    made = Environment(
        loader=loader,
        autoescape=is_html,  # noqa: S701  plain text is not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        block_start_string=statements[0],
        block_end_string=statements[1],
    )
    words: Callable[[str], str] = Markup if is_html else str

    def gettext(message: str, /, **values: Any) -> str:
        text = words(language.gettext(message))
        return text.format(**values) if values else text

    def ngettext(one: str, many: str, n: int, /, **values: Any) -> str:
        return words(language.plural(one, many, n)).format(**{"n": language.number(n), **values})

    made.globals.update(_=gettext, ngettext=ngettext, language=language)
    return made
