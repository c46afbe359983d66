"""Runs the HTTP application under uvicorn."""

import uvicorn
from fastapi import FastAPI

from slamon.config import Settings

STOP_SECONDS = 4


def run_server(app: FastAPI, settings: Settings, *, host: str, port: int) -> None:
    """Serve until stopped. One process: in embedded mode the broker lives in its memory."""
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,  # paths of form links are secrets; the API writes its own line without them
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=STOP_SECONDS,
        server_header=False,
    )
