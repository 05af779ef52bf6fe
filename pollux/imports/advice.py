"""What an import cannot do for its owner: next steps, and accounts that Google no longer serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pollux.imports.settings import is_secret
from pollux.password import PLACEHOLDERS

if TYPE_CHECKING:
    from pollux.imports.plan import CredentialItem, ImportPlan

ENDED = "2026-06-18"
"""When Google ended Code Assist for personal accounts: free, AI Pro and AI Ultra."""

_PERSONAL_DOMAINS = frozenset({"gmail.com", "googlemail.com"})
_PERSONAL_TIERS = frozenset({"free", "free-tier", "pro", "g1-pro-tier", "ultra", "g1-ultra-tier"})
_REFUSALS = ("UNSUPPORTED_CLIENT", "IneligibleTier", "INSUFFICIENT_G1_CREDITS_BALANCE")


def steps(plan: ImportPlan) -> list[str]:
    """Return what is left to do, and mark accounts that look dead."""
    found = []
    accounts = [each for each in plan.credentials if each.credential.kind == "code_assist"]
    personal = [each for each in accounts if _mark(each)]
    if personal:
        said = f"{_count(len(personal), 'account looks', 'accounts look')} personal, and Google ended Code Assist for"
        found.append(f"{said} those on {ENDED}: use API keys instead, or an account with a Standard licence.")
    if any(not each.credential.client_id for each in accounts):
        found.append("Some accounts name no OAuth client: set [oauth], or have gemini-cli installed.")
    if plan.credentials:
        found.append("See which credentials work: pollux creds verify")
    if any(is_secret(each.path) and str(each.value).lower() in PLACEHOLDERS for each in plan.settings):
        found.append("A password is one that everybody knows: choose another before others can reach the listener.")
    if plan.settings or plan.rows:
        found.append("Keep the settings: --write-config FILE, then pollux check -c FILE")
    if plan.keys:
        found.append("Clients go on with their keys; only the base URL changes.")
    return found


def _mark(item: CredentialItem) -> bool:
    """Note at an account why it looks personal, if it does."""
    why = ""
    if any(refusal in item.faults for refusal in _REFUSALS):
        why = "Google last refused it as a personal account"
    elif item.tier.lower() in _PERSONAL_TIERS:
        why = f"its tier was {item.tier}"
    elif item.credential.email.lower().rpartition("@")[2] in _PERSONAL_DOMAINS:
        why = "its address is a personal one"
    if why:
        item.why = f"{item.why}; {why}" if item.why else why
    return bool(why)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
