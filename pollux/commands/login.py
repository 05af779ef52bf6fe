"""`pollux login`: lend Pollux a Google account, with a browser here or anywhere else."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import click
from msgspec import Struct
from msgspec.structs import asdict

from pipeline.errors import BadRequest, ProxyError
from pollux.commands import configuration

if TYPE_CHECKING:
    from adapters.admin.adoption import Adoption
    from adapters.admin.shapes import OAuthOutcome
    from adapters.egress import Egress
    from adapters.endpoints import Endpoints
    from adapters.oauth import OAuthClient
    from pipeline.ports import Clock
    from pollux.config import Loaded

_CALLBACK = "/auth/callback"
_THANKS = b"Logged in, or nearly: see the terminal. You may close this page.\n"
_NO_CLIENT = "No OAuth client is known: set [oauth] client_id and client_secret, or install gemini-cli."
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"


@click.command("login")
@click.option("--project", default="", help="The Google Cloud project to use, instead of the one that is found.")
@click.option("--all-projects", is_flag=True, help="Use every project of the account, in turns.")
@click.option("--browser/--no-browser", default=True, help="Open the page here; its address is printed in any case.")
@configuration.option
def command(project: str, all_projects: bool, browser: bool, config: str | None) -> None:
    """Log in at Google and keep the credential.

    The page may be opened on any machine: where the browser cannot come back to this one, paste the address that it
    ends at. For accounts with a Gemini Code Assist Standard or Enterprise licence.
    """
    loaded = configuration.load_or_exit(config)
    try:
        outcome = asyncio.run(_log_in(loaded, project, all_projects, browser))
    except ProxyError as exc:
        raise click.ClickException(exc.message) from exc
    if outcome.status != "completed":
        raise click.ClickException(outcome.error)
    click.echo(f"logged in {outcome.email or outcome.credential}, project {outcome.project}")


async def _log_in(loaded: Loaded, project: str, all_projects: bool, browser: bool) -> OAuthOutcome:
    from adapters.admin.adoption import Wish
    from adapters.consent import ask_consent, code_of, exchange

    come_back: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with _opened(loaded) as at, await asyncio.start_server(_awaiting(come_back), "127.0.0.1", 0) as server:
        redirect = f"http://localhost:{server.sockets[0].getsockname()[1]}{_CALLBACK}"
        consent = ask_consent(at.client, redirect, at.endpoints)
        _show(consent.url, browser)
        _listen(come_back)
        code = code_of(consent, await come_back)
        credential = await exchange(at.egress, at.clock, consent, at.client, code, at.endpoints)
        outcome = await at.adoption.adopt(credential, Wish(project, all_projects), ask=True)
        return await _chosen(at.adoption, outcome)


class _Desk(Struct):
    """What a login takes."""

    client: OAuthClient
    clock: Clock
    egress: Egress
    endpoints: Endpoints
    adoption: Adoption


@asynccontextmanager
async def _opened(loaded: Loaded) -> AsyncIterator[_Desk]:
    """Open the way to Google and to the credentials. Errors: BadRequest without an OAuth client; StoreError."""
    from adapters.admin.adoption import Adoption
    from adapters.clock import SystemClock
    from adapters.cloud_projects import CloudProjects
    from adapters.discovery import Projects
    from adapters.egress import Egress
    from adapters.endpoints import Endpoints
    from adapters.oauth import Tokens
    from pollux import credentials
    from pollux.oauth_clients import known_clients

    settings, clock = loaded.settings, SystemClock()
    endpoints = Endpoints(**asdict(settings.upstream.endpoints))
    async with AsyncExitStack() as stack:
        held = await stack.enter_async_context(credentials.opened(loaded, os.environ))
        egress = Egress(settings.upstream.proxy)
        stack.push_async_callback(egress.close)
        client = next(iter(await known_clients(settings.oauth, held.pool.credentials(), os.environ)), None)
        if client is None:
            raise BadRequest(_NO_CLIENT)
        tokens = Tokens(egress, clock, held.pool.refreshed, endpoints, lambda: client)
        stack.push_async_callback(tokens.close)
        projects = Projects(egress, clock, tokens, held.pool.refreshed, endpoints)
        stack.push_async_callback(projects.close)
        adoption = Adoption(held.store, held.pool, projects, CloudProjects(egress, endpoints), tokens.token)
        yield _Desk(client, clock, egress, endpoints, adoption)


def _show(url: str, browser: bool) -> None:
    click.echo(f"Open this page and log in:\n\n  {url}\n")
    click.echo("If the browser cannot come back here, paste the address it ends at and press Enter.")
    if browser:
        click.launch(url)


def _awaiting(
    come_back: asyncio.Future[str],
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Return what answers the browser that Google leads back."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readline()).decode("latin-1").split(" ")[1:2]
        writer.write(_ANSWER % len(_THANKS) + _THANKS)
        writer.close()
        # A page of another origin may send the browser here too: only what looks like Google's answer counts.
        if target and target[0].startswith(_CALLBACK) and "state=" in target[0] and not come_back.done():
            come_back.set_result(target[0])

    return answer


def _listen(come_back: asyncio.Future[str]) -> None:
    """Take an address that is pasted; in a thread that nobody waits for, since a terminal cannot be asked otherwise."""
    loop = asyncio.get_running_loop()

    def take(line: str) -> None:
        if not come_back.done():
            come_back.set_result(line)

    def read() -> None:
        for line in sys.stdin:
            if "code=" in line or "error=" in line:
                loop.call_soon_threadsafe(take, line)
                return
            click.echo("That is no address from Google: it holds no code.")

    threading.Thread(target=read, daemon=True).start()


async def _chosen(adoption: Adoption, outcome: OAuthOutcome) -> OAuthOutcome:
    from adapters.admin.adoption import Wish

    if outcome.status != "choose":
        return outcome
    for each in outcome.projects:
        click.echo(f"  {each.id}  {each.name}")
    choices = click.Choice([each.id for each in outcome.projects])
    project = await asyncio.to_thread(click.prompt, "Which project?", type=choices)
    return await adoption.choose(outcome, Wish(project))
