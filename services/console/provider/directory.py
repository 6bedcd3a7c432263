"""`referrals services` and `capacity`: the provider's entries on its directory topic, which keeps the newest ones."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from contracts import topics
from contracts.base import Message
from contracts.provider import Profile, Service
from services.chassis.encryption import public_of

from ..agency.submit import content
from ..hsds import ReadService
from ..shared import output
from ..shared.client import Client
from ..shared.errors import RefusedError, UnreachableError, UserError
from ..shared.identity import PROVIDER, Identity
from ..shared.records import OutgoingMessage, TopicRecord
from ..shared.settings import read_key
from .service_file import ProviderTerms, read

app = typer.Typer(help="Your profile and the services that needs are matched to.", no_args_is_help=True)

PROFILE = "profile"
Id = Annotated[str, typer.Argument(metavar="SERVICE", help="The service's id, as `services list` shows it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
_COLUMNS = ("SERVICE", "NAME", "CATEGORIES", "PLACES", "AREAS", "TAKES REFERRALS", "SINCE (UTC)")


@dataclass(frozen=True)
class PublishedEntry:
    """The present entry under a key. `message` is None when it cannot be read."""

    record: TopicRecord
    message: Message | None

    def row(self) -> tuple[object, ...]:
        """A service as a row under `_COLUMNS`."""
        assert isinstance(self.message, Service), "only services have rows"  # noqa: S101
        service = self.message
        categories, areas = " ".join(each.value for each in service.categories), " ".join(service.areas) or "everywhere"
        accepts = "yes" if service.takes_referrals else "no"
        since = output.when(self.record.at)
        return (service.service, service.name, categories, service.capacity, areas, accepts, since)


@app.command("publish", epilog=output.example("referrals --login brest-shelter.env services publish services.csv"))
def publish(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="HSDS 3 as JSON, or CSV, in UTF-8; - reads stdin.")],
    words: Annotated[Path | None, typer.Option("--words", help="TOML file that explains your own terms.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the file and publish nothing; needs no login.")
    ] = False,
    partly: Annotated[bool, typer.Option("--partly", help="Publish valid services even if others fail.")] = False,
    yes: Yes = False,
    as_json: output.Json = False,
) -> None:
    """Publish services. A service that exists is replaced, and gets offers again if it had no places left.

    A warning marks information that an entry cannot express: check it yourself when you get an offer. Exit status 1 if
    a service cannot be read; then none is published, unless you give --partly.
    """
    results = read(content(file), ProviderTerms.read(words) if words else ProviderTerms())
    valid = [each.service for each in results if each.service is not None]
    refused = len(results) - len(valid)
    if not as_json:
        output.table(
            ("SERVICE", "IS", "WHY"), [(_id(each) or "?", each.kind, "; ".join(each.notes)) for each in results]
        )
    published = 0
    if not dry_run and (partly or not refused):
        warned = sum(each.kind == "warned" for each in results)
        if warned and not yes:
            output.confirm(f"Publish {len(valid)} services, {warned} of them with warnings?")
        published = _publish(context.obj.identity(PROVIDER), valid)
    if as_json:
        services = [{"kind": each.kind, "service": _id(each), "notes": each.notes} for each in results]
        output.as_json({"dry_run": dry_run, "published": published, "refused": refused, "services": services})
    else:
        output.say(f"{len(results)} services, {refused} refused; {published} published")
    raise typer.Exit(1 if refused else 0)


@app.command("list", epilog=output.example("referrals --login brest-shelter.env services list"))
def list_(context: typer.Context, as_json: output.Json = False) -> None:
    """List your published services. With --json also your profile."""
    client = Client(context.obj.identity(PROVIDER))
    published = entries(client)
    profile = published.get(PROFILE)
    services = {key: each for key, each in published.items() if isinstance(each.message, Service)}
    unusable = [key for key, each in published.items() if each.message is None]
    if as_json:
        service_documents = [each.message.model_dump(mode="json") for each in services.values() if each.message]
        profile_document = profile.message.model_dump(mode="json") if profile and profile.message else None
        output.as_json({"profile": profile_document, "services": service_documents, "unusable": unusable})
        return
    output.table(_COLUMNS, [each.row() for each in services.values()])
    if profile is None or not isinstance(profile.message, Profile):
        hint = "publish one with `referrals services profile NAME`"
        output.warn(f"There is no profile, so no contact data can be released to you: {hint}")
    for key in unusable:
        hint = "see `referrals inbox` for the reason, then publish it again or remove it"
        output.warn(f"the entry {key!r} cannot be used: {hint}")


@app.command("profile", epilog=output.example('referrals --login brest-shelter.env services profile "Brest Shelter"'))
def profile(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name of your organisation.")],
    as_json: output.Json = False,
) -> None:
    """Publish your name and your public key. Contact data is encrypted to this key from then on."""
    who: Identity = context.obj.identity(PROVIDER)
    key = who.public_key or (public_of(read_key(who.private_key, "PRIVATE_KEY")) if who.private_key else "")
    if not key:
        raise UserError("the key for contact data is missing", "put PUBLIC_KEY or PRIVATE_KEY into the login file")
    try:
        body = Profile(name=name, public_key=key)
    except ValueError:
        raise RefusedError("it was not published", "a name has 1 to 200 characters, a key 32 bytes in base64") from None
    Client(who).send(topics.directory(who.id), _outgoing(PROFILE, body))
    _report(as_json, {"published": PROFILE}, f"published: {name}")


@app.command("remove", epilog=output.example("referrals --login brest-shelter.env services remove beds --yes"))
def remove(context: typer.Context, service: Id, yes: Yes = False, as_json: output.Json = False) -> None:
    """Remove a service, so that it gets no more offers. Open cases continue."""
    client = Client(context.obj.identity(PROVIDER))
    _existing(entries(client), service)
    if not yes:
        output.confirm(f"Remove {service}? It will get no more offers.")
    client.send(topics.directory(client.who.id), _outgoing(service, None))
    _report(as_json, {"removed": service}, f"removed: {service}")


def capacity(
    context: typer.Context,
    service: Id,
    places: Annotated[
        int,
        typer.Argument(
            metavar="N", min=0, max=100_000, help="Total number of places, including those in use; 0 means full."
        ),
    ],
    as_json: output.Json = False,
) -> None:
    """Change the total number of places of a service. People who have a place keep it.

    The entry is published again, otherwise unchanged. After you declined an offer with no-capacity, this also makes the
    service get offers again.
    """
    client = Client(context.obj.identity(PROVIDER))
    entry = _existing(entries(client), service)
    if not isinstance(entry.message, Service):
        raise RefusedError(f"the entry {service} cannot be used", "publish it again with `referrals services publish`")
    body = entry.message.model_copy(update={"capacity": places})
    client.send(topics.directory(client.who.id), _outgoing(service, body))
    before = entry.message.capacity
    change = {"service": service, "capacity": places, "before": before}
    _report(as_json, change, f"{service} has {places} places (before: {before})")


def entries(client: Client) -> dict[str, PublishedEntry]:
    """The newest entry under each key of the provider's own directory."""
    newest: dict[str, PublishedEntry] = {}
    for record in client.read(topics.directory(client.who.id)):
        if record is not None and record.value is None:
            newest.pop(record.key, None)
        elif record is not None:
            event = record.read()
            message = event[1] if event and isinstance(event[1], Profile | Service) else None
            newest[record.key] = PublishedEntry(record, message)
    return newest


def _existing(published: Mapping[str, PublishedEntry], service: str) -> PublishedEntry:
    if service not in published or service == PROFILE:
        names = ", ".join(each for each in published if each != PROFILE) or "none"
        raise RefusedError(f"you have no service {service}", f"your services: {names}")
    return published[service]


def _publish(who: Identity, services: Sequence[Service]) -> int:
    topic, client = topics.directory(who.id), Client(who)
    failed = client.publish(topic, [_outgoing(each.service, each) for each in services])
    if failed:
        hint = f"{failed[0][1]}; repeat the command"
        raise UnreachableError(f"{len(failed)} of {len(services)} services were not published", hint)
    return len(services)


def _outgoing(key: str, body: Message | None) -> OutgoingMessage:
    """An event with a new id each time: publishing the same entry again can mean that there are free places again."""
    return OutgoingMessage(str(uuid.uuid4()), key, body)


def _id(result: ReadService) -> str:
    return result.service.service if result.service else ""


def _report(as_json: bool, document: dict[str, Any], text: str) -> None:
    if as_json:
        output.as_json(document)
    else:
        output.say(text)
