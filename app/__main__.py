"""The command line: serve, migrate, create-admin, demo, copy-database."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import Sequence

from app import copying, health, log, worker
from app.auth import service as auth
from app.auth.passwords import Passwords, require_good
from app.auth.tokens import Tokens
from app.db import Database
from app.demo import demo
from app.disk import require_room
from app.errors import Refused
from app.main import create_app
from app.migrate import migrate
from app.realtime.bus import LocalBus
from app.realtime.hub import Hub
from app.realtime.redis_bus import is_stranger
from app.server import PortTaken, run
from app.settings import Settings, WrongSetting, whole
from app.supervisor import NeverStarted, supervise
from app.templates import Templates

MOST_WORKERS = 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; answers the exit status. What goes wrong is one sentence, not a traceback."""
    options = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment()
        log.configure(settings.log_level)
        if not settings.is_shared:
            require_room(settings.data)
        _ = settings.secret  # made now, so that it stands in the first backup
        status: int = options.command(settings, options)
    except (WrongSetting, PortTaken, NeverStarted, Refused) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="parley", description="A messenger that runs on your own machine.")
    parser.add_argument("--version", action="version", version=f"Parley {health.version()}")
    commands = parser.add_subparsers(required=True, metavar="command")
    server = commands.add_parser("serve", help="migrate, then serve until stopped")
    server.add_argument("--workers", type=_workers, default=1, metavar="N", help="processes that share the port (1)")
    server.set_defaults(command=serve)
    commands.add_parser("migrate", help="bring the database up to date").set_defaults(command=_migrate)
    admin = commands.add_parser("create-admin", help="make an admin, or make somebody one")
    admin.add_argument("username")
    admin.set_defaults(command=create_admin)
    world = commands.add_parser("demo", help="fill an empty server with people and chats to look around in")
    world.set_defaults(command=_demo)
    copying.add_options(commands.add_parser("copy-database", help="move a server from SQLite to PostgreSQL, or back"))
    return parser


def _workers(text: str) -> int:
    try:
        return whole(1, MOST_WORKERS)(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"must be {error}") from error


def serve(settings: Settings, options: argparse.Namespace) -> int:
    """Serve in this process, or in several that share the port."""
    if options.workers > 1 and not settings.redis_url:
        raise WrongSetting(
            "Several workers hear each other through Redis: set PARLEY_REDIS_URL and PARLEY_DATABASE_URL, "
            "or serve with one."
        )
    if settings.redis_url and asyncio.run(is_stranger(settings.redis_url, settings.badge)):
        raise WrongSetting("The processes that run already sign with another key: set the same PARLEY_SECRET_KEY.")
    migrate(settings)
    if not settings.is_local:
        asyncio.run(_say_how_to_begin(settings))
    if options.workers == 1:
        run(create_app(settings), settings.host, settings.port, proxies=settings.trusted_proxies)
    else:
        log.configure(settings.log_level, worker=0)
        supervise(worker.make, settings.host, settings.port, options.workers)
    return 0


async def _say_how_to_begin(settings: Settings) -> None:
    """Whoever finds a fresh public server first must not become its admin: the operator gets a link."""
    base = settings.base_url or f"http://{settings.host}:{settings.port}"
    signed, token_hash = Tokens(settings.secret, "invite").new()
    database = offline(settings)
    async with database.write() as work:
        is_new = await auth.renew_setup_link(work, token_hash)
    await database.close()
    if is_new:
        print(f"Make the first account, the admin’s, within a day at {base}/join/{signed}")
    if not base.startswith("https:"):
        print("This address is not encrypted: anyone on the way can read along. See docs/operations.md for TLS.")


def _migrate(settings: Settings, _: argparse.Namespace) -> int:
    migrate(settings)
    return 0


def create_admin(settings: Settings, options: argparse.Namespace) -> int:
    """Ask for a password (or read it from standard input), and make the account."""
    migrate(settings)
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    asyncio.run(_create_admin(settings, options.username, password))
    print(f"{options.username} is an admin.")
    return 0


async def _create_admin(settings: Settings, username: str, password: str) -> None:
    draft = auth.SignUp(username=username, display_name=username).checked()
    require_good(password, username)
    password_hash = await Passwords().hash(password)
    database = offline(settings)
    try:
        async with database.write() as work:
            await auth.make_admin(work, draft, password_hash)
    finally:
        await database.close()


def offline(settings: Settings) -> Database:
    """The database without a server around: nobody hears what is announced."""
    return Database(settings.database, LocalBus(Hub()), Templates(settings).render, 1, settings.database_pooler)


def _demo(settings: Settings, _: argparse.Namespace) -> int:
    migrate(settings)
    print(asyncio.run(_make_demo(settings)))
    return 0


async def _make_demo(settings: Settings) -> str:
    database = offline(settings)
    try:
        return await demo(database)
    finally:
        await database.close()


if __name__ == "__main__":
    sys.exit(main())
