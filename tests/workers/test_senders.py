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

    def deliver(self, channel: str, ids: Sequence[UUID], handed_until: datetime) -> None:
        for one in ids:
            self._senders.deliver(channel, [one], handed_until)


def send(world: Installation, senders: Senders) -> None:
    tick(world.runtime, OneByOne(senders), Watch(8))


def told(world: Installation, mails: int) -> None:
    eventually(lambda: len(world.email.sent_to(CONTACT)) == mails, within=30, what=f"{mails} mails")


def test_one_thread_sends_while_the_far_side_answers_quickly(world: Installation):
    for _ in range(6):
        world.file()
    two, met = threading.Barrier(2), list[int]()

    def meet() -> None:
        with suppress(threading.BrokenBarrierError):
            met.append(two.wait(0.2))

    world.email.meanwhile = meet
    with Senders(world.runtime) as senders:
        send(world, senders)
        told(world, 6)
    assert not met


def test_more_threads_send_once_the_far_side_takes_its_time(world: Installation):
    world.file()
    world.email.meanwhile = lambda: world.clock.advance_real(seconds=0.1)
    with Senders(world.runtime) as senders:
        send(world, senders)
        told(world, 1)
        for _ in range(2):
            world.file()
        two = threading.Barrier(2)
        world.email.meanwhile = lambda: two.wait(20) and None
        send(world, senders)
        told(world, 3)


def test_a_call_that_hangs_holds_up_no_other_message_for_long(world: Installation):
    for _ in range(2):
        world.file()
    answers, hung = threading.Event(), threading.Event()

    def hang_once() -> None:
        if not hung.is_set():
            hung.set()
            answers.wait(20)

    world.email.meanwhile = hang_once
    with Senders(world.runtime) as senders:
        send(world, senders)
        assert hung.wait(20)
        world.clock.advance_real(seconds=1)
        told(world, 1)
        answers.set()
        told(world, 2)
