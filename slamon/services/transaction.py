"""`Tx`: one transaction at one moment, handed to every use case by the edge that opens and commits it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from slamon.channels import Channels
from slamon.channels.registry import SHIPPED
from slamon.domain.catalogue import STANDARD, Catalogue
from slamon.domain.clocks.auto_close import ClosingRule


@dataclass(frozen=True, slots=True)
class Rules:
    """What decides about requests, besides their own terms, and by which channels people are told."""

    closing: ClosingRule  # when answered requests close by themselves
    catalogue: Catalogue = STANDARD
    channels: Channels = SHIPPED  # what they are like; those that send are the runtime's


@dataclass(frozen=True, slots=True)
class Moment:
    """Both clocks, read once, and the rules that hold then.

    Business time decides deadlines and is the one thing the demo speeds up. Real time rules sessions, leases, links
    and attempts.
    """

    business_now: datetime
    real_now: datetime
    rules: Rules


@dataclass(frozen=True, slots=True)
class Tx(Moment):
    """One transaction at one moment: that of its beginning.

    It holds neither channels nor files, so that no network call gets into a transaction.
    """

    session: Session
