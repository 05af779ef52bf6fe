"""The OAuth clients that a login can be begun with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from adapters.gemini_cli import find_client
from adapters.oauth import OAuthClient

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.ports import Credential
    from pollux.settings import OAuth


async def known_clients(
    oauth: OAuth, credentials: Iterable[Credential], environ: Mapping[str, str]
) -> list[OAuthClient]:
    """Return the OAuth clients that are known: the configured one, those of credentials, an installed gemini-cli's."""
    found = [OAuthClient(oauth.client_id, oauth.client_secret)] if oauth.client_id else []
    found += [OAuthClient(each.client_id, each.client_secret) for each in credentials if each.client_id]
    installed = await asyncio.to_thread(find_client, environ)  # looks through files
    return [*found, installed] if installed else found
