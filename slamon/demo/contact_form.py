"""Uses the CMO contact's web form as a browser does: reads the page, finds the form of an act, sends it.

Knows nothing of the page but what HTML says, so it fails where a person's browser would.
"""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx

from slamon.domain.lifecycle import Action

PATIENCE_SECONDS = 10


class FormNotFound(Exception):
    """The page offers no form for the act: it may have been done already, or the link no longer opens."""


@dataclass(slots=True)
class HtmlForm:
    """One form of a page: where it goes and what it would send."""

    action: str
    method: str = "get"
    values: dict[str, str] = field(default_factory=dict)
    targets: list[str] = field(default_factory=list)  # formaction of its buttons


def send_act(browser: httpx.Client, link: str, action: Action, words: str = "") -> None:
    """Open the link, fill the act's form and send it. Raises FormNotFound, httpx.HTTPError."""
    page = browser.get(link)
    address, values = _way_to(page, action)
    written: dict[str, str] = {name: words for name in ("text", "reason") if name in values}
    origin = urlsplit(address)
    headers = {"Origin": f"{origin.scheme}://{origin.netloc}", "Sec-Fetch-Site": "same-origin"}
    answer = browser.post(address, data={**values, **written}, headers=headers)
    if answer.is_error:
        answer.raise_for_status()


def _way_to(page: httpx.Response, action: Action) -> tuple[str, dict[str, str]]:
    for form in forms_in(page.text):
        for target in (form.action, *form.targets):
            if form.method == "post" and urlsplit(target).path.endswith(f"/{action.value}"):
                return urljoin(str(page.url), target), form.values
    raise FormNotFound(f"No form to {action.value} on this page ({page.status_code}).")


def forms_in(html: str) -> list[HtmlForm]:
    reader = _Reader()
    reader.feed(html)
    return reader.forms


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[HtmlForm] = []
        self._is_open = False
        self._select, self._chosen = "", set[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(HtmlForm(given.get("action", ""), given.get("method", "get").lower()))
            self._is_open, self._chosen = True, set()
        elif self._is_open and tag in ("input", "textarea", "select") and given.get("name"):
            self.forms[-1].values[given["name"]] = given.get("value", "")
            self._select = given["name"] if tag == "select" else ""
        elif self._is_open and tag == "option" and self._select:
            # The first option counts, unless another is selected.
            if "selected" in given or self._select not in self._chosen:
                self.forms[-1].values[self._select] = given.get("value", "")
                self._chosen.add(self._select)
        elif self._is_open and tag == "button" and "formaction" in given:
            self.forms[-1].targets.append(given["formaction"])

    def handle_endtag(self, tag: str) -> None:
        self._is_open = self._is_open and tag != "form"
