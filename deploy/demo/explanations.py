"""Why matching decided as it did: asked of `/explain/` as an operator asks, with the operator's token."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from rich.box import ROUNDED, Box
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from contracts.texts import LANGUAGES
from contracts.words import Lifecycle
from deploy.cluster import service_client

from .watch import Need, Watch

Explain = Callable[[str], dict[str, Any]]
"""What matching says of a need, by its id."""

LOOKED_AT = 40
"""Needs that are asked about, to show one of which there is something to tell."""


def asking(url: str, token: str) -> Explain:
    """Asks the matching that listens there. `UserError` says why it does not tell."""
    return lambda need: service_client.read(url, "/explain/", need, token)


def show(
    console: Console,
    watch: Watch,
    explain: Explain,
    languages: Sequence[str] = LANGUAGES,
    border: Box = ROUNDED,
) -> None:
    """Explain one match in the first language, and one need without help (else one that waits) in all of them."""
    panel = partial(_panel, console, watch, border)
    ends = {need: told[-1] for need, told in watch.needs.items() if told}
    helped = [need for need, end in ends.items() if end.state is Lifecycle.DELIVERED]
    panel("matched", "Why this service", _most(watch, helped, explain, "matched"), languages[:1])
    unmet = [need for need, end in ends.items() if end.state is Lifecycle.UNMET]
    if unmet:
        panel("unmet", "Why nobody could help", _most(watch, unmet, explain, "unmet"), languages)
        return
    waited = [need for need, told in watch.needs.items() if any(each.state is Lifecycle.WAITING for each in told)]
    panel("waiting", "Why it had to wait", _most(watch, waited, explain, "waiting"), languages)


Said = tuple[Need, dict[str, list[str]]]


def _most(watch: Watch, needs: Iterable[Need], explain: Explain, what: str) -> Said | None:
    """Of some of these needs, what is told with the most sentences."""
    found = [
        (need, decision["texts"])
        for need in list(needs)[:LOOKED_AT]
        for decision in explain(watch.needs[need][-1].need_id)["decisions"]
        if decision["what"] == what
    ]
    return max(found, key=lambda each: len(each[1]["en"]), default=None)


def _panel(
    console: Console, watch: Watch, border: Box, what: str, title: str, said: Said | None, languages: Iterable[str]
) -> None:
    if said is None:
        console.print(f"No need was {what} of which there is something to explain.")
        return
    (agency, reference, label), texts = said
    lines = "\n\n".join("\n".join(texts[language]) for language in languages)
    heading = f"{title}: need {label} of {reference}, {agency}"
    console.print(Panel(Text(lines), title=heading, title_align="left", box=border, border_style="cyan"))
