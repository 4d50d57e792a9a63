"""What a program does with psycopg 3, printed as one JSON document: the same on every way to the same database."""
import asyncio
import datetime
import decimal
import json
import sys
import uuid

import psycopg
from psycopg.types.json import Jsonb

url = sys.argv[1]
seen = {}


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if isinstance(value, (int, str, bool, dict, type(None))) else repr(value)


def error(failed):
    diag = failed.diag
    return [type(failed).__name__, diag.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint]


values = [1, 2**40, decimal.Decimal("1.50"), 1.5, "te'xt ☃", b"\x00\xff", None, True, [1, 2], ["a", None],
          datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
          datetime.timedelta(days=1, seconds=2), uuid.UUID(int=7), Jsonb({"a": [1]})]

with psycopg.connect(url) as connection:
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            cursor.execute("SELECT " + ", ".join(["%s"] * len(values)), values)
            seen[f"values, binary {binary}"] = plain(cursor.fetchone())
            cursor.execute("SELECT id, mail, balance, home, tags, made, picture, state FROM shop.customers "
                           "JOIN shop.orders USING (id) ORDER BY 1")
            seen[f"rows, binary {binary}"] = plain(cursor.fetchall())

    # After five executions psycopg prepares by itself; prepare=True does so at once.
    prepared = [connection.execute("SELECT %s::int + 1", [n], prepare=n > 20 or None).fetchone()[0] for n in range(40)]
    seen["prepared"] = prepared
    with connection.cursor("server_side") as cursor:
        cursor.itersize = 41
        cursor.execute("SELECT id, total FROM shop.orders ORDER BY id")
        seen["server side"] = plain(list(cursor))

    connection.execute("CREATE TEMP TABLE copied (a int, b text, c timestamptz)")
    with connection.cursor() as cursor:
        with cursor.copy("COPY copied FROM STDIN WITH (FORMAT binary)") as copy:
            copy.set_types(["int4", "text", "timestamptz"])
            for n in range(500):
                copy.write_row((n, f"row {n}", datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)))
        try:
            with cursor.copy("COPY copied FROM STDIN") as copy:
                copy.write_row(("not a number", "x", None))
        except psycopg.Error as failed:
            seen["copy error"] = error(failed)
    connection.rollback()

    connection.autocommit = True
    connection.execute("CREATE TEMP TABLE piped (a int)")
    with connection.pipeline() as pipeline, connection.cursor() as cursor:
        cursor.executemany("INSERT INTO piped VALUES (%s) RETURNING a", [(n,) for n in range(200)], returning=True)
        pipeline.sync()
        results = []
        while True:
            results.append(cursor.fetchone()[0])
            if not cursor.nextset():
                break
    seen["pipelined"] = results
    failures = []
    try:
        with connection.pipeline():
            connection.execute("INSERT INTO piped VALUES (1000)")
            connection.execute("SELECT broken")
            connection.execute("INSERT INTO piped VALUES (1001)")
    except psycopg.Error as failed:
        failures.append(error(failed))
    seen["pipeline error"] = failures
    seen["after the pipeline"] = connection.execute("SELECT count(*) FROM piped").fetchone()[0]
    with connection.transaction():
        connection.execute("INSERT INTO piped VALUES (1)")
        try:
            with connection.transaction():
                connection.execute("SELECT 1 / 0")
        except psycopg.Error as failed:
            seen["nested"] = error(failed)
        connection.execute("INSERT INTO piped VALUES (2)")
    seen["stream"] = [row[0] for row in connection.cursor().stream("SELECT a FROM piped ORDER BY a LIMIT 30")]
    seen["timezone"] = str(connection.info.timezone)
    seen["parameter"] = connection.info.parameter_status("server_encoding")


async def asynchronous():
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as listener:
        await listener.execute("LISTEN async_news")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as sender:
            await sender.execute("SELECT pg_notify('async_news', 'one')")
        async for notify in listener.notifies():
            seen["notified"] = [notify.channel, notify.payload]
            break
        rows = await asyncio.gather(*[one(n) for n in range(10)])
        seen["gathered"] = rows


async def one(n):
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return (await (await connection.execute("SELECT %s::int * 2", [n])).fetchone())[0]


asyncio.run(asynchronous())
print(json.dumps(seen))
