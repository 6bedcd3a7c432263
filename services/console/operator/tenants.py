"""`referrals tenants`: onboards, lists, rotates and revokes organisations (deploy/cluster/tenants.py)."""

from typing import Annotated

import typer

from contracts.operations import Tenant, TenantKind
from deploy.cluster import credentials_file, tenants
from deploy.cluster.tenants import Credentials

from ..shared import output
from ..shared.errors import UserError
from ..shared.settings import Settings
from .cluster import OperatorKafka
from .topics import ReplicationFactor

app = typer.Typer(
    help="Organisations: onboard them, list them, change their passwords, revoke their access.", no_args_is_help=True
)

Id = Annotated[str, typer.Argument(metavar="ID", help="The organisation's id: 1 to 63 characters of a-z, 0-9 and '-'.")]


@app.command("add", epilog=output.example('referrals tenants add agency brest-help --name "Brest Help"'))
def add(
    context: typer.Context,
    kind: Annotated[TenantKind, typer.Argument(metavar="KIND", help="agency, provider, both or enforcement.")],
    tenant: Id,
    name: Annotated[str, typer.Option(help="The organisation's name.")],
    replication_factor: ReplicationFactor = 1,
    again: Annotated[
        bool, typer.Option("--again", help="Also if it is registered: give it new passwords and a new key pair.")
    ] = False,
    as_json: output.Json = False,
) -> None:
    """Onboard an organisation: create its topics, login and access rules, and register it.

    Its passwords and keys are shown once and stored nowhere.
    """
    settings: Settings = context.obj
    login = OperatorKafka(settings.login).login
    existing = next((each for each in tenants.list_tenants(login) if each.tenant == tenant), None)
    if existing and existing.state == "active" and not again:
        hint = f"`referrals tenants rotate {tenant}` gives it new passwords; --again repeats all steps"
        raise UserError(f"{tenant} is registered already", hint)
    try:
        credentials = tenants.onboard(login, kind, tenant, name, replication_factor)
    except ValueError as error:
        raise UserError(f"{tenant} was not onboarded", _first_message(error)) from None
    _print_credentials(credentials, settings.clients, as_json)


@app.command("list", epilog=output.example("referrals tenants list"))
def list_(context: typer.Context, as_json: output.Json = False) -> None:
    """List all registered organisations, including revoked ones."""
    entries, unusable = tenants.read_registry(OperatorKafka(context.obj.login).login)
    if as_json:
        output.as_json({"tenants": [each.model_dump(mode="json") for each in entries], "unusable": unusable})
        return
    output.table(("ID", "KIND", "STATE", "NAME", "SINCE (UTC)"), map(_row, entries))
    for key, offset in unusable.items():
        problem = f"the registry entry of {key} at offset {offset} cannot be read, so the one before it stays in force"
        output.warn(f"{problem}; run `referrals tenants add … --again`")


@app.command("rotate", epilog=output.example("referrals tenants rotate brest-help"))
def rotate(context: typer.Context, tenant: Id, as_json: output.Json = False) -> None:
    """Give an organisation new passwords, and a provider a new key pair. They are shown once.

    The old passwords are refused from now on.
    """
    settings: Settings = context.obj
    try:
        credentials = tenants.rotate(OperatorKafka(settings.login).login, tenant)
    except tenants.UnknownTenantError:
        raise _unknown(tenant) from None
    except ValueError as error:
        raise UserError(f"the passwords of {tenant} were not changed", _first_message(error)) from None
    _print_credentials(credentials, settings.clients, as_json)


@app.command("revoke", epilog=output.example("referrals tenants revoke brest-help --yes"))
def revoke(
    context: typer.Context,
    tenant: Id,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: output.Json = False,
) -> None:
    """Revoke an organisation's login and access rules. Its open cases can end; nothing new is accepted from it."""
    login = OperatorKafka(context.obj.login).login
    if tenant not in {each.tenant for each in tenants.list_tenants(login)}:
        raise _unknown(tenant)
    if not yes:
        output.confirm(f"Revoke {tenant}? Its connections will be closed, and nothing new is accepted from it.")
    tenants.revoke(login, tenant)
    if as_json:
        output.as_json({"tenant": tenant, "state": "revoked"})
    else:
        output.say(f"{tenant} is revoked")


def _row(entry: Tenant) -> tuple[object, ...]:
    return (entry.tenant, entry.kind.value, entry.state, entry.name, f"{entry.registered_at:%Y-%m-%d %H:%M}")


def _print_credentials(credentials: Credentials, kafka: str, as_json: bool) -> None:
    tenant, logins = credentials.tenant, credentials.logins
    if as_json:
        keys = {"private_key": credentials.private_key, "public_key": credentials.public_key}
        output.as_json({"tenant": tenant, "kafka": kafka or None, "logins": logins, **keys})
        return
    if not logins and not credentials.private_key:
        output.say(f"{tenant} is registered; it has no credentials")
        return
    output.warn("Send these credentials over a secure channel: they are stored nowhere and will not be shown again.")
    output.say("\n".join(credentials_file.lines(credentials, kafka)))


def _unknown(tenant: str) -> UserError:
    return UserError(f"{tenant} is not registered", "see `referrals tenants list`")


def _first_message(error: ValueError) -> str:
    """The message of an error; of a pydantic error, which has several, the first."""
    errors = getattr(error, "errors", None)
    return f"{'.'.join(map(str, errors()[0]['loc']))}: {errors()[0]['msg']}" if errors else str(error)
