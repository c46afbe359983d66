"""How many threads send for one channel at a time."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from slamon.engine.cycle import tick
from slamon.engine.heartbeat import Watch
from tests.installation import CONTACT, Installation
from tests.scenarios.installation import eventually
from workers.senders import Senders


class OneByOne:
    """Hands each message to the senders by itself."""

    def __init__(self, senders: Senders) -> None:
        self._senders = senders

    def check_requests(self, ids: Sequence[UUID]) -> None:
        pass

    def deliver(self, channel: str, ids: Sequence[UUID], lease_until: datetime) -> None:
        for one in ids:
            self._senders.deliver(channel, [one], lease_until)


def send(installation: Installation, senders: Senders) -> None:
    tick(installation.runtime, OneByOne(senders), Watch(8))


def told(installation: Installation, mails: int) -> None:
    eventually(lambda: len(installation.email.sent_to(CONTACT)) == mails, within=30, what=f"{mails} mails")


def test_one_thread_sends_while_the_far_side_answers_quickly(installation: Installation):
    for _ in range(6):
        installation.file()
    two, met = threading.Barrier(2), list[int]()

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            met.append(two.wait(0.2))

    installation.email.meanwhile = meet
    with Senders(installation.runtime) as senders:
        send(installation, senders)
        told(installation, 6)
    assert not met


def test_more_threads_send_once_the_far_side_takes_its_time(installation: Installation):
    installation.file()
    installation.email.meanwhile = lambda: installation.clock.advance_real(seconds=0.1)
    with Senders(installation.runtime) as senders:
        send(installation, senders)
        told(installation, 1)
        for _ in range(2):
            installation.file()
        two = threading.Barrier(2)
        installation.email.meanwhile = lambda: two.wait(20) and None
        send(installation, senders)
        told(installation, 3)


def test_a_call_that_hangs_holds_up_no_other_message_for_long(installation: Installation):
    for _ in range(2):
        installation.file()
    answers, hung = threading.Event(), threading.Event()

    def hang_once() -> None:
        if not hung.is_set():
            hung.set()
            answers.wait(20)

    installation.email.meanwhile = hang_once
    with Senders(installation.runtime) as senders:
        send(installation, senders)
        assert hung.wait(20)
        installation.clock.advance_real(seconds=1)
        told(installation, 1)
        answers.set()
        told(installation, 2)
