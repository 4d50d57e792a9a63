-- A shop as it might stand in production. Every person, number and key in it is made up.
CREATE TABLE customers (
    id          integer PRIMARY KEY,
    name        text NOT NULL,
    email       text NOT NULL UNIQUE,
    phone       text NOT NULL,
    card_number text NOT NULL,
    ssn         text NOT NULL,
    api_key     text NOT NULL,
    plan        text NOT NULL CHECK (plan IN ('free', 'team', 'pro')),
    created_at  timestamptz NOT NULL
);
COMMENT ON COLUMN customers.card_number IS 'Luhn-valid, in the test ranges of the card networks';
COMMENT ON COLUMN customers.ssn IS 'numbers from 900 up are never given out';

CREATE TABLE products (
    id    integer PRIMARY KEY,
    name  text NOT NULL,
    price numeric(10, 2) NOT NULL,
    stock integer NOT NULL
);

CREATE TABLE orders (
    id          integer PRIMARY KEY,
    customer_id integer NOT NULL REFERENCES customers,
    product_id  integer NOT NULL REFERENCES products,
    quantity    integer NOT NULL CHECK (quantity > 0),
    status      text NOT NULL CHECK (status IN ('paid', 'shipped', 'delivered', 'refunded')),
    ordered_at  timestamptz NOT NULL
);
CREATE INDEX orders_customer_id ON orders (customer_id);

CREATE VIEW revenue_by_product AS
SELECT p.name, sum(o.quantity) AS sold, sum(o.quantity * p.price) AS revenue
FROM orders o JOIN products p ON p.id = o.product_id
WHERE o.status <> 'refunded'
GROUP BY p.name;
