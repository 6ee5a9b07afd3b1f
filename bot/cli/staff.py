"""`staff`: who works here. Passwords are made here, shown once, and kept only as a hash."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from bot import wiring
from bot.cli.who import ByOption, actor_of
from bot.config import load_config
from bot.web.passwords import hash_password, new_password, problem
from bot.web.signin import throttle_key
from handlers.accounts import OfferCode, offer_code
from handlers.factors import spaced
from handlers.model import Role
from handlers.ports import UnitOfWork
from handlers.sessions import lives
from handlers.staffing import (
    AddStaff,
    EndSessions,
    MakeHelpCode,
    NoSuchStaff,
    ResetFactors,
    SetEnabled,
    SetPassword,
    SetRoles,
    SetWoman,
    Unlock,
)

app = typer.Typer(help="Who works at the hotline.", no_args_is_help=True, rich_markup_mode=None)
R = TypeVar("R")

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Configuration file (default: config.yaml if there).")
]
NameArgument = Annotated[str, typer.Argument(help="Sign-in name.")]
AskOption = Annotated[bool, typer.Option("--ask", help="Type the password instead of having one made.")]
_PROBLEMS = {
    "too-short": "use at least 15 characters",
    "too-long": "use at most 128 characters",
    "common": "this is among the passwords that are guessed first; use several unrelated words",
}


def _with_service(config: Path | None, work: Callable[[wiring.Service], Awaitable[R]]) -> R:
    async def run() -> R:
        async with wiring.open_service(load_config(config), demo=False) as service:
            return await work(service)

    return asyncio.run(run())


def _password(ask: bool, *names: str) -> str:
    """A password from the keyboard or a made one; exit 1 when the typed one cannot be used."""
    if not ask:
        return new_password()
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    wrong = problem(typed, *names)
    if wrong:
        typer.echo(f"password: {_PROBLEMS[wrong]}", err=True)
        raise typer.Exit(1)
    return typed


def _say_password(name: str, password: str, ask: bool) -> None:
    if not ask:
        print(f"{name}: password {password}  (shown only now; hand it over in person)")


@app.command()
def add(
    name: NameArgument,
    alias: Annotated[str, typer.Option("--alias", help="The only name a seeker ever sees; not the real one.")],
    roles: Annotated[list[Role], typer.Option("--role", help="What she may do; may be given more than once.")],
    woman: Annotated[bool, typer.Option("--woman", help="Called for who asks to talk with a woman.")] = False,
    config: ConfigOption = None,
    ask: AskOption = False,
    by: ByOption = None,
) -> None:
    """Add somebody. Exit: 0 done, 1 refused."""
    password = _password(ask, name, alias)
    command = AddStaff(
        name=name, alias=alias, roles=tuple(roles), password_hash=hash_password(password), woman=woman, by=actor_of(by)
    )

    async def work(service: wiring.Service) -> list[str]:
        same = await service.storage.door.read(lambda uow: [one.name for one in uow.staff.all() if one.alias == alias])
        await service.storage.door.run(service.staffing.add, command)
        return same

    same = _with_service(config, work)
    print(f"{name}: added as {', '.join(one.value for one in roles)}")
    _say_password(name, password, ask)
    if same:
        print(
            f"note: {', '.join(same)} has the alias {alias} too; who holds a case is shown by alias, so better choose another"
        )


@app.command("list")
def list_staff(config: ConfigOption = None) -> None:
    """Everybody: sign-in name, alias, roles, enabled or not, and who is called for somebody who wants to talk with a woman."""
    for one in _with_service(config, lambda service: service.storage.door.read(lambda uow: uow.staff.all())):
        roles = _roles(one.roles)
        enabled = "enabled" if one.enabled else "disabled"
        print(f"{one.name}\t{one.alias}\t{roles}\t{enabled}\t{'woman' if one.woman else ''}".rstrip())


@app.command()
def change(
    name: NameArgument,
    woman: Annotated[
        bool,
        typer.Option(
            "--woman/--not-woman", help="Called for who asks to talk with a woman, or not.", show_default=False
        ),
    ],
    config: ConfigOption = None,
    by: ByOption = None,
) -> None:
    """Change what the hotline knows of somebody. Exit: 0 done, 1 refused."""
    command = SetWoman(name=name, woman=woman, by=actor_of(by))
    _with_service(config, lambda service: service.storage.door.run(service.staffing.set_woman, command))
    print(f"{name}: {'called' if woman else 'not called'} for somebody who asks to talk with a woman")


@app.command()
def role(
    name: NameArgument,
    roles: Annotated[list[Role], typer.Argument(metavar="ROLE...", help="What she may do from now on: all of it.")],
    config: ConfigOption = None,
    by: ByOption = None,
) -> None:
    """Give somebody these roles and no others; signed out everywhere, so that it counts at once. Exit: 0 done, 1 refused."""

    async def work(service: wiring.Service) -> str:
        before = await service.storage.door.read(lambda uow: uow.staff.by_name(name))
        wish = SetRoles(name=name, roles=tuple(roles), by=actor_of(by))
        after = await service.storage.door.run(service.staffing.set_roles, wish)
        had = _roles(before.roles) if before is not None else ""
        return (
            f"{had} -> {_roles(after.roles)}, signed out everywhere" if had != _roles(after.roles) else f"{had} already"
        )

    print(f"{name}: {_with_service(config, work)}")


def _roles(roles: tuple[Role, ...]) -> str:
    return ",".join(one.value for one in roles)


@app.command()
def disable(name: NameArgument, config: ConfigOption = None, by: ByOption = None) -> None:
    """Sign out and shut out; what this person holds rings anew at once. Exit: 0 done, 1 refused."""
    command = SetEnabled(name=name, enabled=False, by=actor_of(by))
    _with_service(config, lambda service: service.storage.door.run(service.staffing.set_enabled, command))
    print(f"{name}: disabled, signed out everywhere")


@app.command()
def reset(name: NameArgument, config: ConfigOption = None, ask: AskOption = False, by: ByOption = None) -> None:
    """A new password, signed out everywhere, enabled again. Exit: 0 done, 1 refused."""
    password = _password(ask, name)
    new_hash = SetPassword(name=name, password_hash=hash_password(password), by=actor_of(by))
    again = SetEnabled(name=name, enabled=True, by=actor_of(by))

    async def work(service: wiring.Service) -> None:
        await service.storage.door.run(service.staffing.set_password, new_hash)
        await service.storage.door.run(service.staffing.set_enabled, again)

    _with_service(config, work)
    print(f"{name}: new password set, signed out everywhere, enabled")
    _say_password(name, password, ask)


@app.command()
def bind(name: NameArgument, config: ConfigOption = None, by: ByOption = None) -> None:
    """A code that binds an account on a messenger, so that this person can be called there. Exit: 0 done, 1 refused."""
    code = _with_service(
        config, lambda service: service.storage.door.run(offer_code, OfferCode(name=name, by=actor_of(by)))
    )
    print(f"{name}: write to the bot, or into the staff group, within 30 minutes:  gắn {code}")
    print("(it works once; hand it over in person)")


@app.command()
def show(name: NameArgument, config: ConfigOption = None) -> None:
    """One person: roles, messengers, second factors, spare codes left, open sessions. Exit: 0 done, 1 refused."""

    def look(uow: UnitOfWork) -> list[str]:
        staff = uow.staff.by_name(name)
        if staff is None:
            raise NoSuchStaff
        factors = uow.factors.of(staff.uid)
        sessions = [one for one in uow.staff.sessions(staff.uid) if lives(one, uow.now)]
        return [
            f"name\t{staff.name}",
            f"alias\t{staff.alias}",
            f"roles\t{_roles(staff.roles)}",
            f"state\t{'enabled' if staff.enabled else 'disabled'}",
            f"called for who asks for a woman\t{'yes' if staff.woman else 'no'}",
            f"messengers bound\t{','.join(uow.accounts.of(staff.uid)) or 'none'}",
            f"second factors\t{','.join(one.kind.value for one in factors) or 'none'}",
            f"spare codes left\t{uow.factors.codes_left(staff.uid)}",
            f"open sessions\t{len(sessions)}",
        ]

    print("\n".join(_with_service(config, lambda service: service.storage.door.read(look))))


@app.command()
def end_sessions(name: NameArgument, config: ConfigOption = None, by: ByOption = None) -> None:
    """Sign out everywhere, within seconds, on every process. The password still opens. Exit: 0 done, 1 refused."""
    command = EndSessions(name=name, by=actor_of(by))
    _with_service(config, lambda service: service.storage.door.run(service.staffing.end_sessions, command))
    print(f"{name}: signed out everywhere")


@app.command()
def reset_factors(name: NameArgument, config: ConfigOption = None, by: ByOption = None) -> None:
    """Take away every second factor and spare code, sign out everywhere: the password alone opens. Exit: 0 done, 1 refused."""
    command = ResetFactors(name=name, by=actor_of(by))
    _with_service(config, lambda service: service.storage.door.run(service.staffing.reset_factors, command))
    print(f"{name}: no second factor any more, signed out everywhere")


@app.command()
def help_code(name: NameArgument, config: ConfigOption = None, by: ByOption = None) -> None:
    """A code that stands in for a lost phone or key: once, within 12 hours, beside the password. Exit: 0 done, 1 refused."""
    command = MakeHelpCode(name=name, by=actor_of(by))
    code = _with_service(config, lambda service: service.storage.door.run(service.staffing.make_help_code, command))
    print(f"{name}: code {spaced(code)}  (shown only now; read it out only to a voice you know)")


@app.command()
def unlock(name: NameArgument, config: ConfigOption = None, by: ByOption = None) -> None:
    """Forget the failed sign-ins under this name, so that she may try again at once. Exit: 0 done, 1 refused."""

    async def work(service: wiring.Service) -> None:
        command = Unlock(name=name, name_key=throttle_key(service.storage.secrets.session, name), by=actor_of(by))
        await service.storage.door.run(service.staffing.unlock, command)

    _with_service(config, work)
    print(f"{name}: may try again at once")
