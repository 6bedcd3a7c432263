"""`referrals services` and `capacity`: the provider's own entries on its directory topic, which keeps the newest."""

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
from ..shared.client import Client, OutgoingMessage, TopicRecord
from ..shared.errors import RefusedError, UnreachableError, UserError
from ..shared.identity import PROVIDER, Identity
from ..shared.settings import opening_key
from .service_file import Words, read

app = typer.Typer(help="Your profile and your services, as agencies' needs are matched to them.", no_args_is_help=True)

PROFILE = "profile"
Id = Annotated[str, typer.Argument(metavar="SERVICE", help="The service's id, as `services list` has it.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_COLUMNS = ("SERVICE", "NAME", "CATEGORIES", "PLACES", "AREAS", "TAKES REFERRALS", "SINCE (UTC)")


@dataclass(frozen=True)
class PublishedEntry:
    """What stands under a key now; no message: it can not be used."""

    found: TopicRecord
    message: Message | None

    def row(self) -> tuple[object, ...]:
        """Of a service, under its columns."""
        assert isinstance(self.message, Service), "asked of services alone"  # noqa: S101
        each = self.message
        kinds, areas = " ".join(kind.value for kind in each.categories), " ".join(each.areas) or "everywhere"
        takes = "yes" if each.takes_referrals else "no"
        return (each.service, each.name, kinds, each.capacity, areas, takes, output.when(self.found.at))


@app.command("publish", epilog=output.example("referrals --login brest-shelter.env services publish services.csv"))
def publish(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="HSDS 3 as JSON, or CSV, in UTF-8; - reads stdin.")],
    words: Annotated[Path | None, typer.Option("--words", help="TOML: what your own terms mean.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read it and publish nothing; needs no login.")] = False,
    partly: Annotated[bool, typer.Option("--partly", help="Publish though some services can not be read.")] = False,
    yes: Yes = False,
    as_json: output.Json = False,
) -> None:
    """Publish services; one that is there already is replaced, and is asked for places again if it had none left.

    What a file says and an entry can not is warned of, and is for you to look at when a need is offered. Exit status 1
    if a service can not be read; then none is published, but with --partly.
    """
    found = read(content(file), Words.read(words) if words else Words())
    good = [each.service for each in found if each.service is not None]
    wrong = len(found) - len(good)
    if not as_json:
        output.table(("SERVICE", "IS", "WHY"), [_told(each) for each in found])
    published = 0
    if not dry_run and (partly or not wrong):
        warned = sum(each.kind == "warned" for each in found)
        if warned and not yes:
            output.confirm(f"Publish {len(good)} services, {warned} of them with warnings?")
        published = _published(context.obj.identity(PROVIDER), good)
    if as_json:
        each = [{"kind": one.kind, "service": _name(one), "notes": one.notes} for one in found]
        output.as_json({"dry_run": dry_run, "published": published, "refused": wrong, "services": each})
    else:
        output.say(f"{len(found)} services, {wrong} refused; {published} published")
    raise typer.Exit(1 if wrong else 0)


@app.command("list", epilog=output.example("referrals --login brest-shelter.env services list"))
def list_(context: typer.Context, as_json: output.Json = False) -> None:
    """Your profile and services, as they stand now."""
    client = Client(context.obj.identity(PROVIDER))
    found = entries(client)
    profile = found.get(PROFILE)
    services = {key: each for key, each in found.items() if isinstance(each.message, Service)}
    unusable = [key for key, each in found.items() if each.message is None]
    if as_json:
        whole = [each.message.model_dump(mode="json") for each in services.values() if each.message]
        said = profile.message.model_dump(mode="json") if profile and profile.message else None
        output.as_json({"profile": said, "services": whole, "unusable": unusable})
        return
    output.table(_COLUMNS, [each.row() for each in services.values()])
    if profile is None or not isinstance(profile.message, Profile):
        output.warn("There is no profile: no contact can be released to you. `referrals services profile NAME`")
    for key in unusable:
        output.warn(f"the entry {key!r} can not be used; the notifications say why. Publish it anew, or remove it")


@app.command("profile", epilog=output.example('referrals --login brest-shelter.env services profile "Brest Shelter"'))
def profile(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What people call you.")],
    as_json: output.Json = False,
) -> None:
    """Publish who you are, with the public key that contacts are encrypted to from then on."""
    who: Identity = context.obj.identity(PROVIDER)
    key = who.public_key or (public_of(opening_key(who.private_key, "PRIVATE_KEY")) if who.private_key else "")
    if not key:
        raise UserError("there is no key for contacts", "PUBLIC_KEY or PRIVATE_KEY is wanted beside KAFKA_USER")
    try:
        body = Profile(name=name, public_key=key)
    except ValueError:
        raise RefusedError("it was not published", "a name has 1 to 200 characters, a key 32 bytes in base64") from None
    Client(who).send(topics.directory(who.id), _outgoing(PROFILE, body))
    _said(as_json, {"published": PROFILE}, f"published: {name}")


@app.command("remove", epilog=output.example("referrals --login brest-shelter.env services remove beds --yes"))
def remove(context: typer.Context, service: Id, yes: Yes = False, as_json: output.Json = False) -> None:
    """Take a service out of your directory: nobody is sent there any more. What is under way goes on."""
    client = Client(context.obj.identity(PROVIDER))
    _there(entries(client), service)
    if not yes:
        output.confirm(f"Remove {service}? Nobody is sent there any more.")
    client.send(topics.directory(client.who.id), _outgoing(service, None))
    _said(as_json, {"removed": service}, f"removed: {service}")


def capacity(
    context: typer.Context,
    service: Id,
    places: Annotated[int, typer.Argument(metavar="N", min=0, max=100_000, help="Places in all; 0 means full.")],
    as_json: output.Json = False,
) -> None:
    """Say how many places a service has in all; who holds one keeps it. Publishes its entry again, otherwise as it is.

    After a decline for want of places this is also what has needs sent there again.
    """
    client = Client(context.obj.identity(PROVIDER))
    entry = _there(entries(client), service)
    if not isinstance(entry.message, Service):
        raise RefusedError(f"the entry {service} can not be used", "publish it anew with `referrals services publish`")
    body = entry.message.model_copy(update={"capacity": places})
    client.send(topics.directory(client.who.id), _outgoing(service, body))
    before = entry.message.capacity
    said = {"service": service, "capacity": places, "before": before}
    _said(as_json, said, f"{service} has {places} places, before {before}")


def entries(client: Client) -> dict[str, PublishedEntry]:
    """The newest entry under each key of one's own directory."""
    found: dict[str, PublishedEntry] = {}
    for each in client.read(topics.directory(client.who.id)):
        if each is not None and each.value is None:
            found.pop(each.key, None)
        elif each is not None:
            told = each.read()
            found[each.key] = PublishedEntry(each, told[1] if told and isinstance(told[1], Profile | Service) else None)
    return found


def _there(found: Mapping[str, PublishedEntry], service: str) -> PublishedEntry:
    if service not in found or service == PROFILE:
        names = ", ".join(each for each in found if each != PROFILE) or "none"
        raise RefusedError(f"you have no service {service}", f"these are there: {names}")
    return found[service]


def _published(who: Identity, services: Sequence[Service]) -> int:
    topic, client = topics.directory(who.id), Client(who)
    failed = client.publish(topic, [_outgoing(each.service, each) for each in services])
    if failed:
        hint = f"{failed[0][1]}; the same command may be given again"
        raise UnreachableError(f"{len(failed)} of {len(services)} were not published", hint)
    return len(services)


def _outgoing(key: str, body: Message | None) -> OutgoingMessage:
    """Each publication is one of its own: to say the same again can mean that there are places again."""
    return OutgoingMessage(str(uuid.uuid4()), key, body)


def _name(found: ReadService) -> str:
    return found.service.service if found.service else ""


def _told(found: ReadService) -> tuple[object, ...]:
    return (_name(found) or "?", found.kind, "; ".join(found.notes))


def _said(as_json: bool, told: dict[str, Any], text: str) -> None:
    if as_json:
        output.as_json(told)
    else:
        output.say(text)
