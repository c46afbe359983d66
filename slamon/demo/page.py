"""What the demo's pages share: templates, headers, and the stage behind an HTTP request."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from slamon import __version__
from slamon.demo.cast import SPONSOR, SPONSOR_ZONE
from slamon.demo.stage import Stage
from slamon.wording.instants import moment

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def open_templates() -> Environment:
    return Environment(
        loader=PackageLoader("slamon.demo"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def stage_of(request: Request) -> Stage:
    stage: Stage = request.app.state.stage
    return stage


def page(request: Request, template: str, context: Mapping[str, Any]) -> HTMLResponse:
    """A page with what each of them shows on top: the business clock and how fast it runs."""
    stage = stage_of(request)
    now = stage.runtime.clock.now()
    everywhere = {
        "now": now,
        "now_text": moment(now, SPONSOR_ZONE),
        "zone": SPONSOR_ZONE,
        "speed": stage.runtime.clock.speed,
        "pace": pace(stage.runtime.clock.speed),
        "sponsor": SPONSOR,
        "release": __version__,
        "path": request.scope["path"],
    }
    templates: Environment = request.app.state.demo_templates
    html = templates.get_template(template).render({**everywhere, **context})
    return HTMLResponse(html, headers=HEADERS)


def pace(speed: float) -> str:
    """`1 second is 30 minutes`: how far business time moves while the visitor counts one."""
    for seconds, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
        if speed >= seconds:
            amount = f"{speed / seconds:.4g}"
            return f"1 second is {amount} {unit}{'' if amount == '1' else 's'}"
    return f"1 second is {speed:.4g} seconds"
