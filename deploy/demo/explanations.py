"""Shows why matching decided as it did, from its `/explain/`, with the operator's token."""

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
"""Returns matching's explanation of a need, by its id."""

CANDIDATES = 40
"""How many needs are considered, to show one with a detailed explanation."""


def asking(url: str, token: str) -> Explain:
    """A function that asks the matching service at this address. It raises `UserError` when there is no answer."""
    return lambda need: service_client.read(url, "/explain/", need, token)


def show(
    console: Console,
    watch: Watch,
    explain: Explain,
    languages: Sequence[str] = LANGUAGES,
    border: Box = ROUNDED,
) -> None:
    """Print why one match was made, in the first language; and why one need got no help (or had to wait), in all."""
    panel = partial(_panel, console, watch, border)
    ends = {need: statuses[-1] for need, statuses in watch.needs.items() if statuses}
    helped = [need for need, end in ends.items() if end.state is Lifecycle.DELIVERED]
    panel("matched", "Why this service", _most_detailed(watch, helped, explain, "matched"), languages[:1])
    unmet = [need for need, end in ends.items() if end.state is Lifecycle.UNMET]
    if unmet:
        panel("unmet", "Why nobody could help", _most_detailed(watch, unmet, explain, "unmet"), languages)
        return
    waited = [
        need for need, statuses in watch.needs.items() if any(each.state is Lifecycle.WAITING for each in statuses)
    ]
    panel("waiting", "Why it had to wait", _most_detailed(watch, waited, explain, "waiting"), languages)


Explanation = tuple[Need, dict[str, list[str]]]
"""A need, and the sentences about one decision by language."""


def _most_detailed(watch: Watch, needs: Iterable[Need], explain: Explain, what: str) -> Explanation | None:
    """The longest explanation among the first `CANDIDATES` of these needs; None when there is none."""
    explanations = [
        (need, decision["texts"])
        for need in list(needs)[:CANDIDATES]
        for decision in explain(watch.needs[need][-1].need_id)["decisions"]
        if decision["what"] == what
    ]
    return max(explanations, key=lambda each: len(each[1]["en"]), default=None)


def _panel(
    console: Console,
    watch: Watch,
    border: Box,
    what: str,
    title: str,
    explanation: Explanation | None,
    languages: Iterable[str],
) -> None:
    if explanation is None:
        console.print(f"There is nothing to explain: no need was {what}.")
        return
    (agency, reference, label), texts = explanation
    lines = "\n\n".join("\n".join(texts[language]) for language in languages)
    heading = f"{title}: need {label} of {reference}, {agency}"
    console.print(Panel(Text(lines), title=heading, title_align="left", box=border, border_style="cyan"))
