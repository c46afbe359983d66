"""The pages: the CMO contact's form, sign-in, and the staff pages. Server-rendered; only countdowns have a script."""

import secrets

from fastapi import FastAPI

from slamon.http.rate_limits import Limits
from slamon.runtime import Runtime
from slamon.web.admin import status
from slamon.web.contact import form
from slamon.web.errors import page_error
from slamon.web.pages import open_pages
from slamon.web.reports import outstanding_items, owed_sheet
from slamon.web.staff import drafts, explanation, filing, keys, recording, requests, shutdowns, sign_in, worklist


def build_pages(app: FastAPI) -> None:
    """Add the pages, and put their errors where the API's edge looks for them (`app.state.page_error`).

    Without a secret key one is made for this process: forms that are open when it ends must be opened again.
    """
    runtime: Runtime = app.state.runtime
    secret_keys = runtime.settings.secret_keys or [secrets.token_urlsafe(32)]
    app.state.pages = open_pages(secret_keys, runtime.words, Limits(runtime.clock))
    app.state.page_error = page_error
    parts = (
        form, sign_in, worklist, filing, drafts, requests, recording, explanation, outstanding_items, owed_sheet,
        shutdowns, status, keys,
    )  # fmt: skip
    for part in parts:
        app.router.routes += part.router.routes
