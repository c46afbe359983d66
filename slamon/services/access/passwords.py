"""Passwords: the rule each one keeps, and the slow hashing, in a few threads of its own and never in a transaction."""

import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import BoundedSemaphore, Lock
from typing import Any, ParamSpec, TypeVar

from pwdlib import PasswordHash

from slamon.errors import Invalid, Unavailable

SHORTEST, LONGEST = 12, 200  # characters
SCORED = 72  # characters of a password that are scored; the time it takes grows with the cube of them
STRONG_ENOUGH = 3  # of 4 in zxcvbn's scale: more than 10^8 guesses
REMEMBERED = 5  # a person's last passwords, which they cannot set again
WAITING = 8  # hashes that may wait for a thread
PATIENCE_SECONDS = 10.0

_WAY_OUT = "Take three or four words that do not belong together, or let a password manager make one."
_WHY_KNOWN = "It is made of your name, your address or the company's name."
_WHY_COMMON = "It is a common password, or close to one."
_WHY_SHORT = "It is made of too few words, or of ones too common."
_WHY_WEAK = {
    "repeat": "It repeats itself.",
    "sequence": "Much of it is a plain sequence.",
    "spatial": "It follows the keys of a keyboard.",
    "date": "Much of it is a date.",
    "regex": "Much of it is a year.",
}

_P = ParamSpec("_P")
_T = TypeVar("_T")
_scoring = Lock()  # zxcvbn keeps the words of one call in a global


class Passwords:
    """Checks and makes hashes, at most `threads` at a time; beyond `waiting` more it says so instead of queueing.

    `hasher` is the slow one that pwdlib recommends, unless another is given.
    """

    def __init__(
        self,
        *,
        hasher: PasswordHash | None = None,
        threads: int = max(1, (os.cpu_count() or 2) // 2),
        waiting: int = WAITING,
    ) -> None:
        self._hasher = hasher or PasswordHash.recommended()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._places = BoundedSemaphore(threads + waiting)

    def is_right(self, password: str, password_hash: str | None) -> bool:
        """Whether the password has this hash. Without one the answer is no, after the same time.

        Raises Unavailable at once where too many wait: strangers must not fill the threads that answer requests.
        """
        return self._run(0, self._matches, password, password_hash)

    def new_hash(self, password: str, *, words: Iterable[str], former: Sequence[str]) -> str:
        """The hash of a password somebody chose.

        `words` are those an outsider would try first: see `words_about`. `former` are the hashes of the person's last
        passwords. Raises Invalid, saying what is wrong and how to do better, and Unavailable after some patience:
        whoever gets here holds a valid link.
        """
        return self._run(PATIENCE_SECONDS, self._choose, password, tuple(words), tuple(former))

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, patience: float, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        if not self._places.acquire(timeout=patience):
            raise Unavailable("Too many people are signing in at this moment. Please try again in a few seconds.")
        try:
            return self._pool.submit(work, *args, **kwargs).result()
        finally:
            self._places.release()

    def _matches(self, password: str, password_hash: str | None) -> bool:
        return self._hasher.verify(password, password_hash or self._nobodys_hash)

    def _choose(self, password: str, words: Sequence[str], former: Sequence[str]) -> str:
        refuse_weak(password, words)
        if any(self._hasher.verify(password, each) for each in former):
            raise Invalid("password", f"is one of your last {REMEMBERED}. Take one you have not used here before.")
        return self._hasher.hash(password)

    @cached_property
    def _nobodys_hash(self) -> str:
        return self._hasher.hash(secrets.token_urlsafe(16))


def words_about(*known: str) -> list[str]:
    """What a stranger would try first who knows the person's name and address and the company's name."""
    words: list[str] = []
    for text in map(_plain, (*known, "slamon")):
        words += [text, re.sub(r"[\W_]+", "", text), *re.split(r"[\W_]+", text)]
    return [word for word in dict.fromkeys(words) if len(word) > 2]


def refuse_weak(password: str, words: Sequence[str]) -> None:
    """Raise Invalid for a password that is too short, too long or too easy to guess."""
    seen = _plain(password)
    if len(seen) < SHORTEST:
        raise Invalid("password", f"must have at least {SHORTEST} characters. {_WAY_OUT}")
    if len(password) > LONGEST:
        raise Invalid("password", f"must have at most {LONGEST} characters")
    score, why = _strength(seen, words)
    bare = seen
    for word in sorted(words, key=len, reverse=True):
        bare = bare.replace(word, "")
    if bare != seen and _strength(bare, words)[0] < STRONG_ENOUGH:  # strong only by what everybody knows
        score, why = 0, _WHY_KNOWN
    if score < STRONG_ENOUGH:
        raise Invalid("password", f"is too easy to guess. {why} {_WAY_OUT}")


def _strength(seen: str, words: Sequence[str]) -> tuple[int, str]:
    """zxcvbn's score, and the main reason for a low one in words of ours."""
    if not seen:
        return 0, _WHY_KNOWN
    with _scoring:
        from zxcvbn import zxcvbn  # its word lists take 13 MB, and most processes never score a password

        scored: Mapping[str, Any] = zxcvbn(seen[:SCORED], [word[:SCORED] for word in words])
    longest = max(scored["sequence"], key=lambda match: len(match["token"]))
    if longest["pattern"] != "dictionary":
        return scored["score"], _WHY_WEAK.get(longest["pattern"], _WHY_SHORT)
    reasons = {"user_inputs": _WHY_KNOWN, "passwords": _WHY_COMMON}
    return scored["score"], reasons.get(longest["dictionary_name"], _WHY_SHORT)


def _plain(text: str) -> str:
    """The text as guessing sees it: one form for letters that look alike, small, without invisible characters."""
    return "".join(char for char in unicodedata.normalize("NFKC", text) if char.isprintable()).casefold()
