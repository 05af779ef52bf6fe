"""What taking from and settling an account does to it, for stores that compute it here."""

from pipeline.ports import Account


def granted(account: Account, amount: int, limit: int) -> int:
    """Return how much of what is left can be leased."""
    return max(0, min(amount, limit - account.spent - sum(account.leased.values())))


def taken(account: Account, holder: str, amount: int) -> Account:
    """Return the account with that much more out on lease."""
    return Account(account.spent, {**account.leased, holder: account.leased.get(holder, 0) + amount})


def settled(account: Account, holder: str, spent: int, back: int) -> Account:
    """Return the account after a holder reported; what was spent beyond its lease, on credit, counts too."""
    left = account.leased.get(holder, 0) - spent - back
    others = {name: amount for name, amount in account.leased.items() if name != holder}
    return Account(account.spent + spent, {**others, holder: left} if left > 0 else others)
