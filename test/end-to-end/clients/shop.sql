-- One of every kind of object that pg_dump knows and a plain server can hold.
CREATE SCHEMA shop;
COMMENT ON SCHEMA shop IS 'what the shop keeps';
CREATE TYPE shop.status AS ENUM ('new', 'paid', 'sent');
CREATE DOMAIN shop.email AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE shop.address AS (street text, city text);
CREATE TYPE shop.span AS RANGE (subtype = numeric);
CREATE SEQUENCE shop.numbers START 100 INCREMENT 5 CACHE 3;
CREATE TABLE shop.customers (
  id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  mail shop.email,
  ssn text,
  card_number text,
  home shop.address,
  balance numeric(12, 2) DEFAULT 0 CHECK (balance > -1000),
  doubled numeric GENERATED ALWAYS AS (balance * 2) STORED,
  tags text[] DEFAULT '{}',
  profile jsonb,
  made timestamptz DEFAULT '2026-01-01 00:00:00+00',
  picture bytea
);
COMMENT ON TABLE shop.customers IS 'people who buy';
COMMENT ON COLUMN shop.customers.mail IS 'where to write';
CREATE INDEX customers_name ON shop.customers (lower(name)) WHERE balance > 0;
CREATE UNIQUE INDEX customers_mail ON shop.customers (mail);
CREATE STATISTICS shop.customer_stats ON name, balance FROM shop.customers;
CREATE TABLE shop.orders (
  id bigint DEFAULT nextval('shop.numbers'),
  customer int REFERENCES shop.customers ON DELETE CASCADE,
  placed date NOT NULL,
  state shop.status DEFAULT 'new',
  total numeric
) PARTITION BY RANGE (placed);
ALTER SEQUENCE shop.numbers OWNED BY shop.orders.id;
CREATE TABLE shop.orders_2025 PARTITION OF shop.orders FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.orders_2026 PARTITION OF shop.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')
  PARTITION BY LIST (state);
CREATE TABLE shop.orders_2026_new PARTITION OF shop.orders_2026 FOR VALUES IN ('new');
CREATE TABLE shop.orders_2026_rest PARTITION OF shop.orders_2026 DEFAULT;
CREATE INDEX orders_customer ON shop.orders (customer);
CREATE TABLE shop.parent (a int);
CREATE TABLE shop.child (b int) INHERITS (shop.parent);
CREATE UNLOGGED TABLE shop.scratch (a int, EXCLUDE USING gist (int4range(a, a, '[]') WITH &&));
CREATE FUNCTION shop.trim_name() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.name := trim(NEW.name); RETURN NEW; END $$;
CREATE FUNCTION shop.total_of(who int) RETURNS numeric LANGUAGE sql STABLE
  AS 'SELECT sum(total) FROM shop.orders WHERE customer = who';
CREATE FUNCTION shop.newer(since date) RETURNS SETOF shop.orders LANGUAGE sql STABLE
  BEGIN ATOMIC SELECT * FROM shop.orders WHERE placed > since; END;
CREATE PROCEDURE shop.clean() LANGUAGE sql AS 'DELETE FROM shop.scratch';
CREATE AGGREGATE shop.product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
CREATE OPERATOR shop.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = OPERATOR(shop.===));
CREATE CAST (shop.address AS text) WITH INOUT;
CREATE TRIGGER trimmed BEFORE INSERT OR UPDATE ON shop.customers FOR EACH ROW EXECUTE FUNCTION shop.trim_name();
COMMENT ON FUNCTION shop.total_of(int) IS 'all that one bought';
CREATE VIEW shop.rich AS SELECT id, name, balance FROM shop.customers WHERE balance > 100 WITH LOCAL CHECK OPTION;
CREATE MATERIALIZED VIEW shop.per_year AS
  SELECT extract(year FROM placed) AS year, sum(total) AS total FROM shop.orders GROUP BY 1;
CREATE UNIQUE INDEX per_year_year ON shop.per_year (year);
CREATE RULE no_child_delete AS ON DELETE TO shop.child DO INSTEAD NOTHING;
ALTER TABLE shop.customers ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.customers FOR SELECT USING (name = CURRENT_USER);
CREATE TEXT SEARCH CONFIGURATION shop.words (COPY = simple);
CREATE COLLATION shop.plain (provider = libc, locale = 'C');
CREATE ROLE shop_reader;
GRANT USAGE ON SCHEMA shop TO shop_reader;
GRANT SELECT ON shop.customers TO shop_reader;
GRANT UPDATE (name) ON shop.customers TO shop_reader;
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO shop_reader;
CREATE FOREIGN DATA WRAPPER nothing;
CREATE SERVER far FOREIGN DATA WRAPPER nothing;
CREATE FOREIGN TABLE shop.away (a int) SERVER far;
CREATE PUBLICATION news FOR TABLE shop.orders;
CREATE FUNCTION shop.seen() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION shop.seen();
INSERT INTO shop.customers (name, mail, ssn, card_number, home, balance, tags, profile, picture)
  SELECT 'Name ' || i, 'n' || i || '@example.test', '912-11-' || lpad(i::text, 4, '0'), '4242424242424242',
         ROW('Street ' || i, 'City')::shop.address, i * 10, ARRAY['a', 'b,c', NULL], jsonb_build_object('i', i),
         decode('00ff', 'hex')
  FROM generate_series(1, 50) i;
INSERT INTO shop.orders (customer, placed, state, total)
  SELECT 1 + i % 50, date '2025-06-01' + i, (ARRAY['new', 'paid', 'sent']::shop.status[])[1 + i % 3], i
  FROM generate_series(1, 400) i;
INSERT INTO shop.child VALUES (1, 2);
REFRESH MATERIALIZED VIEW shop.per_year;
SELECT lo_from_bytea(4711, decode(repeat('deadbeef', 3000), 'hex'));
COMMENT ON LARGE OBJECT 4711 IS 'a picture';
