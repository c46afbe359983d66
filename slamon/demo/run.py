"""Starts and stops the demo: its servers, its database, its past, its players, and one address to open."""

import secrets
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy import event
from starlette.types import ASGIApp
from uvicorn.importer import import_from_string

from slamon.clock import Clock
from slamon.config import Settings
from slamon.db import schema
from slamon.db.database import Database
from slamon.demo import cast, past, scenes
from slamon.demo.mailbox import Mailbox
from slamon.demo.pages import add_demo_pages
from slamon.demo.players import Players
from slamon.demo.slack_server import SlackServer
from slamon.demo.stage import Stage
from slamon.domain.timeline import SYSTEM
from slamon.errors import SlamonError
from slamon.runtime import build_runtime
from slamon.services.access import ALL_SCOPES, issue_key
"""
"""
