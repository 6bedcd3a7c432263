"""`referrals tenants`: organisations taken in, given another password, shown the door (deploy/cluster/tenants.py)."""

from typing import Annotated

import typer

from contracts.operations import Tenant, TenantKind
from deploy.cluster import credentials_file, tenants
from deploy.cluster.tenants import Credentials

from ..shared import output
from ..shared.errors import UserError
from ..shared.settings import Settings
from .cluster import OperatorKafka

app = typer.Typer(help="Organisations: take in, list, give another password, show the door.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The organisation's id: 1 to 63 characters of a-z, 0-9 and '-'.")]


@app.command("add", epilog=output.example('referrals tenants add agency brest-help --name "Brest Help"'))
def add(
    context: typer.Context,
    kind: Annotated[TenantKind, typer.Argument(metavar="KIND", help="agency, provider, both or enforcement.")],
    tenant: Id,
    name: Annotated[str, typer.Option(help="What people call it.")],
    copies: Annotated[int, typer.Option(min=1, envvar="REFERRALS_COPIES", help="Copies of its topics.")] = 1,
    again: Annotated[bool, typer.Option("--again", help="Also if it is in: new passwords and a new key pair.")] = False,
    as_json: output.Json = False,
) -> None:
    """Take an organisation in: topics, login, rules, registry. Its passwords and keys are shown once, kept nowhere."""
    settings: Settings = context.obj
    login = OperatorKafka(settings.login).login
    there = next((each for each in tenants.list_tenants(login) if each.tenant == tenant), None)
    if there and there.state == "active" and not again:
        raise UserError(
            f"{tenant} is registered", f"`referrals tenants rotate {tenant}` gives a new password, --again all anew"
        )
    try:
        given = tenants.onboard(login, kind, tenant, name, copies)
    except ValueError as fault:
        raise UserError(f"{tenant} was not taken in", _first(fault)) from None
    _hand_over(given, settings.clients, as_json)


@app.command("list", epilog=output.example("referrals tenants list"))
def list_(context: typer.Context, as_json: output.Json = False) -> None:
    """Everybody in the registry, revoked ones too."""
    found, unusable = tenants.read_registry(OperatorKafka(context.obj.login).login)
    if as_json:
        output.as_json({"tenants": [each.model_dump(mode="json") for each in found], "unusable": unusable})
        return
    output.table(("ID", "KIND", "STATE", "NAME", "SINCE (UTC)"), map(_row, found))
    for key, offset in unusable.items():
        output.warn(f"the entry of {key} at offset {offset} is unusable, the one before holds; add it --again")


@app.command("rotate", epilog=output.example("referrals tenants rotate brest-help"))
def rotate(context: typer.Context, tenant: Id, as_json: output.Json = False) -> None:
    """New passwords, and a key pair for a provider, shown once; the old passwords are refused from now on."""
    settings: Settings = context.obj
    try:
        given = tenants.rotate(OperatorKafka(settings.login).login, tenant)
    except tenants.UnknownTenantError:
        raise _unknown(tenant) from None
    except ValueError as fault:
        raise UserError(f"{tenant} has no passwords", _first(fault)) from None
    _hand_over(given, settings.clients, as_json)


@app.command("revoke", epilog=output.example("referrals tenants revoke brest-help --yes"))
def revoke(
    context: typer.Context,
    tenant: Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: output.Json = False,
) -> None:
    """Take away its login and rules; what is under way with it ends, nothing new is taken from it."""
    login = OperatorKafka(context.obj.login).login
    if tenant not in {each.tenant for each in tenants.list_tenants(login)}:
        raise _unknown(tenant)
    if not yes:
        output.confirm(f"Revoke {tenant}? Its connections end, and nothing new is taken from it.")
    tenants.revoke(login, tenant)
    if as_json:
        output.as_json({"tenant": tenant, "state": "revoked"})
    else:
        output.say(f"{tenant} is revoked")


def _row(entry: Tenant) -> tuple[object, ...]:
    return (entry.tenant, entry.kind.value, entry.state, entry.name, f"{entry.registered_at:%Y-%m-%d %H:%M}")


def _hand_over(given: Credentials, kafka: str, as_json: bool) -> None:
    if as_json:
        keys = {"private_key": given.private_key, "public_key": given.public_key}
        output.as_json({"tenant": given.tenant, "kafka": kafka or None, "logins": given.logins, **keys})
        return
    if not given.logins and not given.private_key:
        output.say(f"{given.tenant} is registered; there is nothing to hand over")
        return
    output.warn("Hand this over by a safe way; it is kept nowhere and not shown again.")
    output.say("\n".join(credentials_file.lines(given, kafka)))


def _unknown(tenant: str) -> UserError:
    return UserError(f"{tenant} is not registered", "see `referrals tenants list`")


def _first(fault: ValueError) -> str:
    """The first line in words: of pydantic's errors there are more."""
    errors = getattr(fault, "errors", None)
    return f"{'.'.join(map(str, errors()[0]['loc']))}: {errors()[0]['msg']}" if errors else str(fault)
