"""What a program does with psycopg2, printed as one JSON document: the same on every way to the same database."""
import datetime
import decimal
import io
import json
import select
import sys
import uuid

import psycopg2
import psycopg2.extensions
import psycopg2.extras

url = sys.argv[1]
seen = {}


def plain(value):
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, memoryview):
        return bytes(value).hex()
    return value if isinstance(value, (int, str, bool, dict, type(None))) else repr(value)


def error(error):
    diag = error.diag
    names = "severity sqlstate message_primary message_detail message_hint constraint_name table_name column_name"
    return [type(error).__name__] + [getattr(diag, name) for name in names.split()]


psycopg2.extras.register_uuid()
connection = psycopg2.connect(url)
cursor = connection.cursor()

values = [1, 2**62, decimal.Decimal("1.50"), 1.5, "te'xt \\ ☃", b"\x00\xff", None, True, [1, 2], ["a", None],
          datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
          datetime.timedelta(days=1, seconds=2), uuid.UUID(int=7), psycopg2.extras.Json({"a": [1]})]
cursor.execute("SELECT " + ", ".join(["%s"] * len(values)), values)
seen["values"] = plain(cursor.fetchone())
seen["description"] = [(c.name, c.type_code) for c in cursor.description]

with connection.cursor("server_side") as named:
    named.itersize = 37
    named.execute("SELECT id, state, total FROM shop.orders ORDER BY id")
    seen["named"] = plain(list(named))
with connection.cursor("scrolling", scrollable=True) as named:
    named.execute("SELECT id FROM shop.orders ORDER BY id")
    named.scroll(10)
    seen["scrolled"] = plain(named.fetchmany(3))
    named.scroll(-5)
    seen["scrolled back"] = plain(named.fetchone())

cursor.execute("CREATE TEMP TABLE copied (a int, b text)")
cursor.copy_expert("COPY copied FROM STDIN WITH (FORMAT csv)", io.StringIO("1,one\n2,\"two, quoted\"\n"))
cursor.copy_from(io.StringIO("3\tthree\n4\t\\N\n"), "copied")
out = io.StringIO()
cursor.copy_expert("COPY copied TO STDOUT", out)
seen["copied"] = out.getvalue()
out = io.BytesIO()
cursor.copy_expert("COPY (SELECT * FROM shop.orders ORDER BY id) TO STDOUT WITH (FORMAT binary)", out)
seen["binary"] = out.getvalue().hex()
psycopg2.extras.execute_values(cursor, "INSERT INTO copied VALUES %s RETURNING a", [(n, str(n)) for n in range(300)])
psycopg2.extras.execute_batch(cursor, "UPDATE copied SET b = %s WHERE a = %s", [("x", n) for n in range(50)])
cursor.execute("SELECT count(*), count(*) FILTER (WHERE b = 'x') FROM copied")
seen["batches"] = plain(cursor.fetchone())
connection.commit()

errors = []
for text in ["SELECT * FROM nowhere", "SELECT 1/0", "INSERT INTO shop.customers (name, mail) VALUES ('x', 'n1@example.test')"]:
    try:
        cursor.execute(text)
    except psycopg2.Error as failed:
        errors.append(error(failed))
    try:
        cursor.execute("SELECT 1")
    except psycopg2.errors.InFailedSqlTransaction as failed:
        errors.append(error(failed))
    connection.rollback()
seen["errors"] = errors

large = connection.lobject(0, "wb")
large.write(b"large object " * 50_000)
large.seek(6)
large.truncate(600_000)
large.close()
again = connection.lobject(large.oid, "rb")
again.seek(6)
seen["large"] = [again.read(12).decode(), again.tell(), len(again.read())]
again.unlink()
connection.commit()

connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_SERIALIZABLE)
cursor.execute("SHOW transaction_isolation")
seen["isolation"] = cursor.fetchone()
connection.rollback()
connection.set_session(isolation_level="DEFAULT", readonly=True, autocommit=True)
try:
    cursor.execute("CREATE TABLE refused (a int)")
except psycopg2.Error as failed:
    seen["read only"] = error(failed)
connection.set_session(readonly=False, autocommit=True)

cursor.execute("LISTEN news_of_day")
with psycopg2.connect(url) as other, other.cursor() as sender:
    sender.execute("NOTIFY news_of_day, 'payload'")
    other.commit()
while not connection.notifies:
    select.select([connection], [], [], 10)
    connection.poll()
seen["notified"] = [connection.notifies[0].channel, connection.notifies[0].payload]

cursor.execute("DO $$ BEGIN RAISE NOTICE 'noticed'; END $$")
seen["notices"] = connection.notices[-1:]

asynchronous = psycopg2.connect(url, async_=True)
psycopg2.extras.wait_select(asynchronous)
waiting = asynchronous.cursor()
waiting.execute("SELECT pg_sleep(60)")
asynchronous.poll()
running = False
while not running:
    cursor.execute("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")
    running = cursor.fetchone()[0]
asynchronous.cancel()
try:
    psycopg2.extras.wait_select(asynchronous)
except psycopg2.extensions.QueryCanceledError as failed:
    seen["cancelled"] = error(failed)
waiting.execute("SELECT 'alive'")
psycopg2.extras.wait_select(asynchronous)
seen["alive"] = waiting.fetchone()

seen["encoding"] = connection.encoding
connection.close()
print(json.dumps(seen))
