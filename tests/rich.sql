CREATE EXTENSION pgcrypto;
CREATE EXTENSION citext;
CREATE SCHEMA sales;
CREATE SCHEMA "Odd schema; --";
CREATE TYPE sales.mood AS ENUM ('glad', 'sad');
CREATE TYPE sales.place AS (street text, number int);
CREATE DOMAIN sales.percent AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE TABLE sales.customer (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email citext UNIQUE NOT NULL,
  key uuid DEFAULT gen_random_uuid(),
  secret bytea,
  mood sales.mood DEFAULT 'glad',
  home sales.place,
  share sales.percent,
  tags text[],
  detail jsonb,
  old json,
  seen tstzrange,
  network inet,
  hardware macaddr,
  spot point,
  bits bit(4),
  amount numeric(30, 10),
  price money,
  ratio double precision,
  small smallint,
  is_good boolean,
  born date,
  at time with time zone,
  lasted interval,
  made timestamptz DEFAULT '2026-01-01T00:00:00Z',
  search tsvector GENERATED ALWAYS AS (to_tsvector('english', coalesce(notes, ''))) STORED,
  notes text
);
INSERT INTO sales.customer (email, key, secret, home, share, tags, detail, old, seen, network, hardware, spot, bits, amount, price,
  ratio, small, is_good, born, at, lasted, notes)
SELECT 'Person' || n || '@example.org', ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, decode(md5(n::text), 'hex'),
  ROW('Straße ' || n, n)::sales.place, n % 100, ARRAY['a', NULL, 'ü"quoted"'], jsonb_build_object('n', n, 'deep', jsonb_build_array(1, NULL)),
  '{"order":  "kept", "order": "twice"}', tstzrange('2026-01-01Z', '2026-02-01Z'), '10.0.0.1/8', '08:00:2b:01:02:03', point(n, -n), B'1010',
  n * 1.0000000001, n, 'NaN', n % 100, n % 2 = 0, '2000-02-29', '12:00+02', '1 year 2 days', E'line\nbreak \\ backslash \t tab ' || n
FROM generate_series(1, 500) n;
CREATE TABLE sales.event (id bigserial, day date NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE sales.event_2025 PARTITION OF sales.event FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE sales.event_2026 PARTITION OF sales.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO sales.event (day) SELECT '2025-06-01'::date + n FROM generate_series(1, 400) n;
CREATE TABLE "Odd schema; --"."Table ""quoted""" ("Column with space" int, "ünïcode" text);
INSERT INTO "Odd schema; --"."Table ""quoted""" VALUES (1, 'ok');
CREATE VIEW sales.glad AS SELECT id, email FROM sales.customer WHERE mood = 'glad';
CREATE MATERIALIZED VIEW sales.per_day AS SELECT day, count(*) AS n FROM sales.event GROUP BY day;
CREATE INDEX customer_search ON sales.customer USING gin (search);
CREATE UNIQUE INDEX customer_low ON sales.customer (lower(notes), id) WHERE is_good;
CREATE SEQUENCE sales.own START 7 INCREMENT 3;
SELECT nextval('sales.own'), nextval('sales.own');
CREATE FUNCTION sales.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.notes := coalesce(NEW.notes, ''''); RETURN NEW; END';
CREATE TRIGGER touch BEFORE UPDATE ON sales.customer FOR EACH ROW EXECUTE FUNCTION sales.touch();
CREATE RULE quiet AS ON DELETE TO sales.glad DO INSTEAD NOTHING;
COMMENT ON TABLE sales.customer IS 'Who buys; it''s complete';
SELECT lo_from_bytea(70001, decode(repeat('c0ffee', 30000), 'hex'));
SELECT lo_from_bytea(70002, '');
ALTER TABLE sales.customer ENABLE ROW LEVEL SECURITY;
