"""The tables and functions of the state in PostgreSQL, as numbered migrations; those that shipped never change."""

from typing import Any

from pipeline.errors import StoreError

_LOCK = 0x706F6C6C7578
"""The advisory lock of whoever migrates; the letters of our name."""

_FIRST = """
CREATE TABLE pollux.state (
    kind text NOT NULL, key text NOT NULL, document json NOT NULL, PRIMARY KEY (kind, key));
CREATE TABLE pollux.counter (
    kind text NOT NULL, key text NOT NULL, name text NOT NULL, amount bigint NOT NULL,
    PRIMARY KEY (kind, key, name));
CREATE TABLE pollux.account (name text PRIMARY KEY, spent bigint NOT NULL);
CREATE TABLE pollux.lease (
    account text NOT NULL REFERENCES pollux.account ON DELETE CASCADE, holder text NOT NULL, amount bigint NOT NULL,
    PRIMARY KEY (account, holder));
CREATE TABLE pollux.claim (name text PRIMARY KEY, holder text NOT NULL, until timestamptz NOT NULL);
-- The last batch of each process, and the calls of the last minute: what is repeated changes nothing.
CREATE TABLE pollux.writer (id text PRIMARY KEY, number bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE pollux.call (op text PRIMARY KEY, granted bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON pollux.call (at);

CREATE FUNCTION pollux.forget_calls() RETURNS void LANGUAGE sql AS $$
    DELETE FROM pollux.call WHERE op IN (
        SELECT op FROM pollux.call WHERE at < now() - interval '1 minute' LIMIT 100 FOR UPDATE SKIP LOCKED)
$$;

CREATE FUNCTION pollux.take(_op text, _account text, _holder text, _amount bigint, _limit bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    _granted bigint;
BEGIN
    INSERT INTO pollux.account VALUES (_account, 0) ON CONFLICT DO NOTHING;
    PERFORM FROM pollux.account WHERE name = _account FOR UPDATE;
    SELECT granted INTO _granted FROM pollux.call WHERE op = _op;
    IF FOUND THEN RETURN _granted; END IF;
    SELECT greatest(0, least(_amount, _limit - spent - coalesce(
            (SELECT sum(amount) FROM pollux.lease WHERE account = _account), 0)))
        INTO _granted FROM pollux.account WHERE name = _account;
    IF _granted > 0 THEN
        INSERT INTO pollux.lease VALUES (_account, _holder, _granted)
            ON CONFLICT (account, holder) DO UPDATE SET amount = lease.amount + excluded.amount;
    END IF;
    INSERT INTO pollux.call VALUES (_op, _granted);
    PERFORM pollux.forget_calls();
    RETURN _granted;
END $$;

CREATE FUNCTION pollux.settle(_op text, _account text, _holder text, _spent bigint, _back bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pollux.account VALUES (_account, 0) ON CONFLICT DO NOTHING;
    PERFORM FROM pollux.account WHERE name = _account FOR UPDATE;
    IF EXISTS (SELECT FROM pollux.call WHERE op = _op) THEN RETURN; END IF;
    UPDATE pollux.account SET spent = spent + _spent WHERE name = _account;
    UPDATE pollux.lease SET amount = amount - _spent - _back WHERE account = _account AND holder = _holder;
    DELETE FROM pollux.lease WHERE account = _account AND amount <= 0;
    INSERT INTO pollux.call VALUES (_op, 0);
    PERFORM pollux.forget_calls();
END $$;
"""

MIGRATIONS = (_FIRST,)


async def migrate(connection: Any) -> None:
    """Bring the tables up to date, one process at a time. Errors: StoreError when they are a later version's."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute("CREATE SCHEMA IF NOT EXISTS pollux")
        await connection.execute("CREATE TABLE IF NOT EXISTS pollux.version (number integer NOT NULL)")
        version = await connection.fetchval("SELECT coalesce(max(number), 0) FROM pollux.version")
        if version > len(MIGRATIONS):
            raise StoreError(f"The tables in PostgreSQL are a later version's ({version}).")
        for number, statements in enumerate(MIGRATIONS[version:], version + 1):
            await connection.execute(statements)
            await connection.execute("INSERT INTO pollux.version VALUES ($1)", number)
        await connection.execute("DELETE FROM pollux.writer WHERE at < now() - interval '1 day'")
