-- Shop events to audience rows on one machine: the input of `homing snapshot build`.
--
--   duckdb -cmd "SET VARIABLE events = 'logs/*.parquet'; SET VARIABLE out = 'rows.ndjson'" \
--     -f deploy/duckdb/audience.sql
--
-- Events and rules are those of deploy/shop-events/README.md; deploy/spark/audience.py does the
-- same on a cluster, and deploy/tests holds both against the builder. Guarantees: rows depend on
-- which events there are, not on their order; no rows are written where more events are refused
-- than max_rejects says; an event without consent is counted and written nowhere. What this must
-- not do: guess (a setting that is not understood ends it), or place users in shards: the builder
-- does. The variables are in deploy/duckdb/README.md.

SET VARIABLE settings = coalesce(getvariable('settings'), 'deploy/shop-events');
SET VARIABLE rejects = coalesce(getvariable('rejects'), getvariable('out') || '.rejects.ndjson');
SET VARIABLE account = coalesce(getvariable('account'), getvariable('out') || '.account.json');
SET VARIABLE value_rule = coalesce(getvariable('value_rule'), 'sum');      -- or newest, max
SET VARIABLE item_rule = coalesce(getvariable('item_rule'), 'recent');     -- or newest
SET VARIABLE max_rejects = coalesce(getvariable('max_rejects'), 0)::BIGINT;
SET VARIABLE never = 4294967295; -- the builder's time without end; also its largest count
SET VARIABLE value_max = 999999999999999; -- thousandths: fifteen digits

-- Seconds since 1970 of a number or an RFC 3339 time.
CREATE OR REPLACE TEMP MACRO seconds_of(text) AS
    coalesce(try_cast(text AS BIGINT), epoch_us(text::TIMESTAMPTZ) // 1000000);
SET VARIABLE begin_s = seconds_of(coalesce(getvariable('from_time')::VARCHAR, '1'));
SET VARIABLE until_s = seconds_of(coalesce(getvariable('until_time')::VARCHAR, '4294967295'));

-- A check that fails ends the script; that is all that `fault` is for.

-- Settings --------------------------------------------------------------------------------------

CREATE OR REPLACE TEMP TABLE aliases AS
    SELECT alias, event FROM read_csv(getvariable('settings') || '/aliases.csv',
        header = true, all_varchar = true);
CREATE OR REPLACE TEMP TABLE rates AS
    SELECT currency, rate::DOUBLE AS rate FROM read_csv(getvariable('settings') || '/rates.csv',
        header = true, all_varchar = true);
CREATE OR REPLACE TEMP TABLE effects AS
    SELECT segment, event, effect, lifetime_s::BIGINT AS lifetime_s
    FROM read_csv(getvariable('settings') || '/segments.csv', header = true, all_varchar = true);

SET VARIABLE fault = (
    SELECT error('expected value_rule sum, newest or max, and item_rule recent or newest')
    WHERE getvariable('value_rule') NOT IN ('sum', 'newest', 'max')
       OR getvariable('item_rule') NOT IN ('recent', 'newest') LIMIT 1);
SET VARIABLE fault = (
    SELECT error('aliases.csv: expected each alias once, with its event; found '
        || coalesce(alias, ''))
    FROM (SELECT alias, count(*) AS n, bool_or(event IS NULL) AS bad FROM aliases GROUP BY alias)
    WHERE alias IS NULL OR bad OR n > 1 LIMIT 1);
SET VARIABLE fault = (
    SELECT error('rates.csv: expected each currency once, with a number above 0; found '
        || coalesce(currency, ''))
    FROM (SELECT currency, count(*) AS n, bool_and(isfinite(rate) AND rate > 0) AS good
          FROM rates GROUP BY currency)
    WHERE currency IS NULL OR n > 1 OR good IS NOT TRUE LIMIT 1);
SET VARIABLE fault = (
    SELECT error('segments.csv: expected a segment such as add_to_cart, an event by its own name, '
        || 'join or end, and for join 1 to 46656000 seconds or nothing, each pair of segment and '
        || 'event once; found ' || coalesce(segment, '') || ',' || coalesce(event, ''))
    FROM (SELECT *, count(*) OVER (PARTITION BY segment, event) AS n FROM effects)
    WHERE coalesce(NOT (regexp_full_match(segment, '[a-z][a-z0-9_]{0,63}')
        AND effect IN ('join', 'end')
        AND (lifetime_s IS NULL OR (lifetime_s BETWEEN 1 AND 46656000 AND effect = 'join'))
        AND event IS NOT NULL AND event NOT IN (SELECT alias FROM aliases) AND n = 1), true)
    LIMIT 1);

-- Events ----------------------------------------------------------------------------------------

SET VARIABLE fault = (
    SELECT error('events: expected columns time TIMESTAMP, id_space, id and event VARCHAR, consent '
        || 'BOOLEAN, value a number, items VARCHAR[]; found ' || string_agg(found, ', '))
    FROM (SELECT column_name || ' ' || column_type AS found, CASE column_name
            WHEN 'time' THEN column_type LIKE 'TIMESTAMP%'
            WHEN 'consent' THEN column_type = 'BOOLEAN'
            WHEN 'value' THEN regexp_matches(column_type, '^(DOUBLE|FLOAT|DECIMAL|INTEGER|BIGINT)')
            WHEN 'items' THEN column_type = 'VARCHAR[]'
            ELSE column_type = 'VARCHAR' END AS good,
            column_name IN ('time', 'id_space', 'id', 'event', 'consent') AS needed
          FROM (DESCRIBE SELECT * FROM read_parquet(getvariable('events'), union_by_name = true))
          WHERE column_name IN ('time', 'id_space', 'id', 'event', 'consent', 'value', 'currency',
            'items', 'event_id', 'transaction_id'))
    HAVING NOT bool_and(good) OR count_if(needed) < 5 LIMIT 1);

-- The columns of the schema, whatever others there are; absent ones as null.
CREATE OR REPLACE TEMP VIEW events AS
    SELECT NULL::DOUBLE AS value, NULL::VARCHAR AS currency, NULL::VARCHAR[] AS items,
        NULL::VARCHAR AS event_id, NULL::VARCHAR AS transaction_id WHERE false
    UNION ALL BY NAME
    SELECT * FROM read_parquet(getvariable('events'), union_by_name = true);

CREATE OR REPLACE TEMP MACRO is_no_text(text, bytes_max) AS
    text IS NULL OR strlen(text) < 1 OR strlen(text) > bytes_max;

-- What is made of an event, and `reason`: why it is left out, the first that holds.
CREATE OR REPLACE TEMP VIEW checked AS
WITH made AS (
    SELECT offered.time, id_space, id, offered.event, consent, value, offered.currency, items,
        event_id, transaction_id, epoch_us(offered.time) // 1000000 AS t,
        coalesce(aliases.event, offered.event) AS name, rate,
        value * coalesce(rate, 1::DOUBLE) * 1000::DOUBLE + 0.5::DOUBLE AS scaled,
        CASE WHEN id_space = 'ifa' AND strlen(id) <= 64
            THEN translate(id, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
            ELSE id END AS user_id
    FROM events AS offered
    LEFT JOIN aliases ON aliases.alias = offered.event
    LEFT JOIN rates ON rates.currency = offered.currency)
SELECT *, CASE
    WHEN consent IS NOT TRUE THEN 'no_consent'
    WHEN t IS NULL OR t < 1 OR t >= getvariable('never') THEN 'time'
    WHEN t < getvariable('begin_s') OR t >= getvariable('until_s') THEN 'outside'
    WHEN is_no_text(id_space, 512) THEN 'id_space'
    WHEN is_no_text(id, 512) THEN 'id'
    WHEN id_space = 'ifa' AND regexp_full_match(id, '[-0]*') THEN 'id'
    WHEN event IS NULL OR event = '' THEN 'event'
    WHEN name NOT IN (SELECT effects.event FROM effects) THEN 'unused'
    WHEN NOT (value >= 0 AND scaled < getvariable('value_max') + 1) THEN 'value'
    WHEN value > 0 AND currency <> '' AND rate IS NULL THEN 'currency'
    WHEN len(list_filter(items, lambda item: is_no_text(item, 128))) > 0 THEN 'items'
    END AS reason
FROM made;

CREATE OR REPLACE TEMP TABLE tally AS
    SELECT reason, CASE reason WHEN 'unused' THEN name END AS name, count(*) AS n
    FROM checked GROUP BY ALL;
COPY (
    SELECT reason, time, id_space, id, event, consent, value, currency, items, event_id,
        transaction_id
    FROM checked WHERE reason NOT IN ('no_consent', 'outside', 'unused') LIMIT 1000000
) TO (getvariable('rejects')) (FORMAT json);
SET VARIABLE fault = (
    SELECT error('expected at most ' || getvariable('max_rejects') || ' bad events, found ' || found
        || ': see ' || getvariable('rejects') || '; correct them or raise max_rejects')
    FROM (SELECT sum(n) AS found FROM tally WHERE reason NOT IN ('no_consent', 'outside', 'unused'))
    WHERE found > getvariable('max_rejects') LIMIT 1);

-- One event of those that say to be the same: the earliest, then by value and items. Items have
-- their lengths: so they are compared as the builder compares them, which packs them so.
CREATE OR REPLACE TEMP TABLE kept_events AS
WITH good AS (
    SELECT id_space, user_id AS id, name, t, coalesce(floor(scaled)::BIGINT, 0) AS value,
        list_transform(coalesce(items, []), lambda item: {'bytes': strlen(item), 'item': item})
            AS items,
        CASE WHEN name = 'purchase' AND transaction_id <> '' THEN 't:' || transaction_id
            WHEN event_id <> '' THEN 'e:' || event_id END AS same
    FROM checked WHERE reason IS NULL)
SELECT id_space, id, name, t, value, items FROM good WHERE same IS NULL
UNION ALL
SELECT id_space, id, name, first.t, first.value, first.items
FROM (SELECT id_space, id, name, min({'t': t, 'value': value, 'items': items}) AS first
      FROM good WHERE same IS NOT NULL GROUP BY id_space, id, name, same);

-- Memberships -----------------------------------------------------------------------------------

CREATE OR REPLACE TEMP TABLE ended AS
    SELECT id_space, id, segment, max(t) AS ended
    FROM kept_events JOIN effects ON effects.event = name WHERE effect = 'end' GROUP BY ALL;

CREATE OR REPLACE TEMP VIEW kept AS
    SELECT id_space, id, segment, t, value, items, coalesce(
        least(t + lifetime_s, getvariable('never') - 1), getvariable('never')) AS expires
    FROM kept_events JOIN effects ON effects.event = name
    LEFT JOIN ended USING (id_space, id, segment)
    WHERE effect = 'join' AND (ended IS NULL OR t > ended);

-- Up to eight items a membership: the latest event first, within one as it listed them.
CREATE OR REPLACE TEMP VIEW recent AS
WITH each AS (
    SELECT id_space, id, segment, -t AS age, unnest(items).item AS item,
        unnest(range(len(items))) AS position
    FROM kept),
placed AS (
    SELECT id_space, id, segment, item, min({'age': age, 'position': position}) AS place
    FROM each GROUP BY ALL),
best AS (
    SELECT * FROM placed
    QUALIFY row_number() OVER (PARTITION BY id_space, id, segment ORDER BY place, item) <= 8)
SELECT id_space, id, segment, list(item ORDER BY place, item) AS recent FROM best GROUP BY ALL;

-- The newest event says expiry and items; of events of one second that with the larger value, then
-- expiry, then items: the builder's order.
CREATE OR REPLACE TEMP TABLE memberships AS
WITH folded AS (
    SELECT id_space, id, segment, min(t) AS first_seen,
        max({'t': t, 'value': value, 'expires': expires, 'items': items}) AS newest,
        least(count(*), getvariable('never')) AS count,
        CASE getvariable('value_rule')
            WHEN 'sum' THEN least(sum(value::HUGEINT), getvariable('value_max'))
            WHEN 'max' THEN max(value) END AS value
    FROM kept GROUP BY id_space, id, segment)
SELECT id_space, id, segment, newest.t AS last_seen, first_seen,
    nullif(newest.expires, getvariable('never')) AS expires, count,
    nullif(coalesce(value, newest.value), 0)::HUGEINT AS thousandths,
    CASE getvariable('item_rule') WHEN 'recent' THEN recent
        ELSE list_transform(newest.items[:8], lambda one: one.item) END AS items
FROM folded LEFT JOIN recent USING (id_space, id, segment);

COPY (
    SELECT id_space, id, segment, last_seen, first_seen, expires, count,
        (thousandths * 0.001::DECIMAL(4, 3))::DECIMAL(15, 3) AS value, nullif(items, []) AS items,
        NULL::BOOLEAN AS remove
    FROM memberships
    UNION ALL
    SELECT id_space, id, segment, ended, NULL, NULL, NULL, NULL, NULL, true FROM ended
) TO (getvariable('out'));

CREATE OR REPLACE TEMP TABLE told AS
SELECT sum(n)::BIGINT AS read,
    coalesce(sum(n) FILTER (reason = 'no_consent'), 0)::BIGINT AS no_consent,
    coalesce(sum(n) FILTER (reason = 'outside'), 0)::BIGINT AS outside,
    coalesce(sum(n) FILTER (reason = 'unused'), 0)::BIGINT AS unused,
    (SELECT coalesce(json_group_object(name, n), '{}') FROM (
        SELECT name, n FROM tally WHERE reason = 'unused' ORDER BY n DESC, name LIMIT 20))
        AS unused_names,
    (SELECT coalesce(json_group_object(reason, n), '{}') FROM tally
        WHERE reason NOT IN ('no_consent', 'outside', 'unused')) AS rejected,
    coalesce(sum(n) FILTER (reason IS NULL), 0)::BIGINT
        - (SELECT count(*) FROM kept_events) AS duplicates,
    (SELECT count(*) FROM memberships) AS memberships, (SELECT count(*) FROM ended) AS removals,
    (SELECT max(newest) FROM (SELECT max(last_seen) AS newest FROM memberships
        UNION ALL SELECT max(ended) FROM ended)) AS epoch
FROM tally;
COPY told TO (getvariable('account')) (FORMAT json);
FROM told;
