"""`Tx`: one transaction at one moment, handed to every use case by the edge that opens and commits it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from slamon.domain.catalogue import STANDARD, Catalogue
from slamon.domain.clocks.auto_close import ClosingRule


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides about requests, besides their own terms."""

    closing: ClosingRule  # when answered requests close by themselves
    catalogue: Catalogue = STANDARD


@dataclass(frozen=True, slots=True)
class Moment:
    """Both clocks, read once.

    Business time decides deadlines and is the one thing the demo speeds up. Real time rules sessions, leases, links
    and attempts.
    """

    business_now: datetime
    real_now: datetime


@dataclass(frozen=True, slots=True)
class Tx(Moment):
    """One transaction at one moment: that of its beginning.

    It holds neither channels nor files, so that no network call gets into a transaction.
    """

    session: Session
    rules: Rules
