"""The pages: the CMO contact's form, sign-in, and the staff pages. Server-rendered; only countdowns have a script."""

import secrets

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from slamon.errors import SlamonError
from slamon.runtime import Runtime
from slamon.web import board, filing, form, requests, sign_in, status
from slamon.web.errors import page_error
from slamon.web.pages import open_pages


def build_pages(app: FastAPI) -> None:
    """Add the pages. Without a secret key one is made for this process: its forms then end with the process."""
    runtime: Runtime = app.state.runtime
    app.state.pages = open_pages(runtime.settings.secret_key.get_secret_value() or secrets.token_urlsafe(32))
    app.state.page_error = page_error
    for part in (form, sign_in, board, filing, requests, status):
        app.include_router(part.router)
    for kind in (SlamonError, RequestValidationError, HTTPException, Exception):
        if app.exception_handlers.get(kind) is None:
            app.add_exception_handler(kind, page_error)
