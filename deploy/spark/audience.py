"""Shop events to audience rows on a Spark cluster: the input of `homing snapshot build`.

    spark-submit deploy/spark/audience.py --events 'logs/*.parquet' --out OUT --shards 16

Events and rules are those of deploy/shop-events/README.md; deploy/duckdb/audience.sql does the same
on one machine, and deploy/tests holds both against the builder. Guarantees: rows depend on which
events there are, not on their order or on how many machines read them; nothing is written to
OUT/rows where more events are refused than --max-rejects says; an event without consent is counted
and written nowhere. What this must not do: guess. A setting that is not understood ends the job.
"""

import argparse
import csv
import json
import re
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from pyspark import StorageLevel
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

NEVER = 4294967295  # the builder's time without end; also its largest count
VALUE_MAX = 999_999_999_999_999  # thousandths: fifteen digits
TEXT_BYTES_MAX = 512  # of an id and of its space
ITEM_BYTES_MAX = 128
ITEMS_MAX = 8
IFA_BYTES_MAX = 64  # a longer `ifa` is no UUID: the builder leaves its case alone
SHARDS_MAX = 1024
LIFETIME_MAX_S = 540 * 86400
REJECTS_WRITTEN_MAX = 1_000_000
UNUSED_NAMES_MAX = 20
EXIT_USAGE, EXIT_DATA = 64, 65
UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"

KEY = ["id_space", "id", "segment"]
TEXT, SECONDS = T.StringType(), T.LongType()
REQUIRED = {"id_space": TEXT, "id": TEXT, "event": TEXT, "consent": T.BooleanType()}
OPTIONAL = {
    "value": T.DoubleType(),
    "currency": TEXT,
    "items": T.ArrayType(TEXT),
    "event_id": TEXT,
    "transaction_id": TEXT,
}
NOT_REFUSED = ["no_consent", "outside", "unused"]


class Refused(Exception):
    """The job ends, with an exit code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def main():
    arguments = read_arguments()
    try:
        settings = Settings(arguments.settings)
        run(arguments, settings)
    except Refused as fault:
        print(f"audience: {fault}", file=sys.stderr)
        sys.exit(fault.code)


def run(arguments, settings):
    """Reads the events three times: to count, to set refused ones aside, to fold."""
    spark = SparkSession.builder.appName("homing audience").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    checked = check(read_events(spark, arguments.events), settings, arguments)
    account = count(checked)
    set_rejects_aside(checked, account, arguments)
    events = distinct(checked.where("reason IS NULL")).persist(StorageLevel.MEMORY_AND_DISK)
    account["duplicates"] = account.pop("good") - events.count()
    write_rows(fold(expand(spark, events, settings), arguments), arguments)
    account |= describe(spark, arguments, settings)
    line = json.dumps(account, sort_keys=True)
    for name, lines in [("account", [line]), ("segments", settings.segments())]:
        frame = spark.createDataFrame([(text,) for text in lines], "value string")
        frame.coalesce(1).write.text(f"{arguments.out}/{name}")
    print(line)


# --- arguments and settings


def read_arguments():
    parser = argparse.ArgumentParser(description="Shop events to audience rows.")
    here = Path(__file__).resolve().parent
    parser.add_argument("--events", required=True, nargs="+", help="Parquet files or folders")
    parser.add_argument("--out", required=True, help="a folder that does not exist yet")
    parser.add_argument("--settings", default=here.parent / "shop-events", type=Path,
                        help="the folder of aliases.csv, segments.csv and rates.csv")
    parser.add_argument("--from", dest="begin", type=seconds, default=1, help="the first second")
    parser.add_argument("--until", type=seconds, default=NEVER, help="the first second no more")
    parser.add_argument("--epoch", type=seconds,
                        help="through which time the rows are complete; the newest if not given")
    parser.add_argument("--shards", type=shards, default=1, help="how many, a power of two")
    parser.add_argument("--values", choices=["sum", "newest", "max"], default="sum")
    parser.add_argument("--items", choices=["recent", "newest"], default="recent")
    parser.add_argument("--format", choices=["ndjson", "parquet"], default="ndjson")
    parser.add_argument("--max-rejects", type=int, default=0)
    return parser.parse_args()


def seconds(text):
    """Seconds since 1970 of a number or an RFC 3339 time."""
    if text.isdecimal():
        return int(text)
    time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if time.tzinfo is None:
        raise argparse.ArgumentTypeError(f"expected a time with its zone, found {text}")
    return int(time.timestamp())


def shards(text):
    number = int(text)
    if not 1 <= number <= SHARDS_MAX or number & (number - 1):
        raise argparse.ArgumentTypeError(f"expected a power of two up to {SHARDS_MAX}")
    return number


class Settings:
    """The three tables, checked."""

    def __init__(self, folder):
        self.aliases = one_for_each(folder, "aliases.csv", "alias", "event")
        rates = one_for_each(folder, "rates.csv", "currency", "rate")
        self.rates = {currency: rate(text) for currency, text in rates.items()}
        self.effects = [effect(row) for row in table(folder, "segments.csv")]
        pairs = {one[:2] for one in self.effects}
        misnamed = sorted({one[1] for one in self.effects} & self.aliases.keys())
        if len(pairs) < len(self.effects) or misnamed or not pairs:
            raise Refused(EXIT_USAGE, "segments.csv: expected each pair of segment and event once, "
                          f"events by their own names; found the aliases {misnamed}")

    def segments(self):
        return sorted({segment for segment, *_ in self.effects})

    def events(self):
        return sorted({event for _, event, *_ in self.effects})


def table(folder, name):
    try:
        with open(folder / name, encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file, strict=True))
    except (OSError, csv.Error) as error:
        raise Refused(EXIT_USAGE, f"cannot read {name}: {error}") from error


def one_for_each(folder, name, key, value):
    rows = table(folder, name)
    found = {row.get(key): row.get(value) for row in rows}
    if len(found) < len(rows) or not all(found) or not all(found.values()):
        raise Refused(EXIT_USAGE, f"{name}: expected each {key} once, with its {value}")
    return found


def rate(text):
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) and float(text) > 0:
        return float(text)
    raise Refused(EXIT_USAGE, f"rates.csv: expected a number above 0, found {text}")


def effect(row):
    """A line of segments.csv: segment, event, whether it ends, lifetime."""
    name, lifetime = row.get("segment") or "", row.get("lifetime_s") or ""
    joins = row.get("effect") == "join"
    good = re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) and row.get("event")
    good = good and row.get("effect") in ("join", "end")
    good = good and (not lifetime or (joins and re.fullmatch(r"[0-9]{1,9}", lifetime)))
    if not good or (lifetime and not 1 <= int(lifetime) <= LIFETIME_MAX_S):
        raise Refused(EXIT_USAGE, "segments.csv: expected a segment such as add_to_cart, an event, "
                      f"join or end, and for join 1 to {LIFETIME_MAX_S} seconds or nothing; "
                      f"found {row}")
    return name, row["event"], not joins, int(lifetime) if lifetime else None


# --- events


def read_events(spark, paths):
    """The columns of the schema, whatever others there are; absent ones as null."""
    found = spark.read.option("mergeSchema", True).parquet(*paths)
    types = dict(found.dtypes)
    wanted = {name: kind.simpleString() for name, kind in REQUIRED.items()}
    bad = [name for name, kind in wanted.items() if types.get(name) != kind]
    if bad or not types.get("time", "").startswith("timestamp"):
        raise Refused(EXIT_DATA, f"events: expected columns time: timestamp, {wanted}; "
                      f"found {types}")
    numbers = ("double", "float", "int", "bigint", "decimal")
    if not types.get("value", "double").startswith(numbers):
        raise Refused(EXIT_DATA, f"events: expected a number as value, found {types['value']}")
    if types.get("items", "array<string>") != "array<string>":
        raise Refused(EXIT_DATA, "events: expected a list of texts as items, "
                      f"found {types['items']}")
    optional = [(F.col(name) if name in types else F.lit(None)).cast(kind).alias(name)
                for name, kind in OPTIONAL.items()]
    return found.select("time", *REQUIRED, *optional)


def check(events, settings, arguments):
    """Adds what is made of an event, and `reason`: why it is left out, the first that holds."""
    at = F.col("time").cast("timestamp").cast("long")
    named = F.coalesce(look_up(settings.aliases, F.col("event")), F.col("event"))
    money = F.col("value") * F.coalesce(look_up(settings.rates, F.col("currency")), F.lit(1.0))
    scaled = money * F.lit(1000.0) + F.lit(0.5)
    is_ifa = F.col("id_space") == "ifa"
    folds = is_ifa & (F.octet_length("id") <= IFA_BYTES_MAX)
    spent = (F.col("value") > 0) & (F.col("currency") != "")
    bad_item = F.exists("items", lambda item: item.isNull() | is_no_text(item, ITEM_BYTES_MAX))
    reasons = [
        ("no_consent", ~F.coalesce("consent", F.lit(False))),
        ("time", F.col("t").isNull() | (F.col("t") < 1) | (F.col("t") >= NEVER)),
        ("outside", (F.col("t") < arguments.begin) | (F.col("t") >= arguments.until)),
        ("id_space", F.col("id_space").isNull() | is_no_text(F.col("id_space"), TEXT_BYTES_MAX)),
        ("id", F.col("id").isNull() | is_no_text(F.col("id"), TEXT_BYTES_MAX)),
        ("id", is_ifa & F.col("id").rlike("^[-0]*$")),
        ("event", F.col("event").isNull() | (F.col("event") == "")),
        ("unused", ~F.col("name").isin(settings.events())),
        ("value", ~((F.col("value") >= 0) & (F.col("scaled") < float(VALUE_MAX + 1)))),
        ("currency", spent & look_up(settings.rates, F.col("currency")).isNull()),
        ("items", bad_item),
    ]
    reason = F.coalesce(*[F.when(F.coalesce(holds, F.lit(False)), name) for name, holds in reasons])
    user = F.when(folds, F.translate("id", UPPER, LOWER)).otherwise(F.col("id"))
    made = {"t": at, "name": named, "scaled": scaled, "user": user}
    return events.withColumns(made).withColumn("reason", reason)


def look_up(names, column):
    """The value that belongs to a name; null if there is none."""
    pairs = [F.lit(one) for pair in names.items() for one in pair]
    return F.try_element_at(F.create_map(*pairs), column) if pairs else F.lit(None)


def is_no_text(column, bytes_max):
    return (F.octet_length(column) < 1) | (F.octet_length(column) > bytes_max)


def count(checked):
    """The account of all events that were read, by what becomes of them."""
    unused = F.when(F.col("reason") == "unused", F.col("name"))
    groups = checked.groupBy("reason", unused.alias("name")).count().collect()
    by_reason, names = {}, []
    for reason, name, number in groups:
        by_reason[reason] = by_reason.get(reason, 0) + number
        if reason == "unused":
            names.append((-number, name))
    account = {name: by_reason.pop(name, 0) for name in NOT_REFUSED}
    account |= {"read": sum(number for *_, number in groups), "good": by_reason.pop(None, 0)}
    account["unused_names"] = {name: -n for n, name in sorted(names)[:UNUSED_NAMES_MAX]}
    return account | {"rejected": by_reason}


def set_rejects_aside(checked, account, arguments):
    rejected = sum(account["rejected"].values())
    if rejected:
        aside = checked.where(F.col("reason").isNotNull() & ~F.col("reason").isin(NOT_REFUSED))
        columns = ["reason", "time", *REQUIRED, *OPTIONAL]
        aside.select(columns).limit(REJECTS_WRITTEN_MAX).write.json(f"{arguments.out}/rejects")
    if rejected > arguments.max_rejects:
        raise Refused(EXIT_DATA, f"expected at most {arguments.max_rejects} bad events, found "
                      f"{account['rejected']}: see {arguments.out}/rejects; correct them or raise "
                      "--max-rejects")


def distinct(good):
    """One event of those that say to be the same: the earliest, then by value and items."""
    order_id = F.when((F.col("name") == "purchase") & (F.col("transaction_id") != ""),
                      F.concat(F.lit("t:"), "transaction_id"))
    own_id = F.when(F.col("event_id") != "", F.concat(F.lit("e:"), "event_id"))
    value = F.coalesce(F.floor("scaled"), F.lit(0)).cast("long")
    items = F.coalesce("items", F.array().cast("array<string>"))
    events = good.select("id_space", F.col("user").alias("id"), "name", "t", value.alias("value"),
                         sortable(items).alias("items"), F.coalesce(order_id, own_id).alias("same"))
    same = events.where("same IS NOT NULL").groupBy("id_space", "id", "name", "same")
    first = same.agg(F.min(F.struct("t", "value", "items")).alias("first"))
    return events.where("same IS NULL").drop("same").unionByName(
        first.select("id_space", "id", "name", "first.*"))


def sortable(items):
    """Items with their lengths: compared as the builder compares them, which packs them so."""
    return F.transform(items, lambda item: F.struct(F.octet_length(item).alias("bytes"),
                                                    item.alias("item")))


def expand(spark, events, settings):
    """What each event does to each segment."""
    effects = spark.createDataFrame(settings.effects, T.StructType([
        T.StructField("segment", TEXT), T.StructField("name", TEXT),
        T.StructField("ends", T.BooleanType()), T.StructField("lifetime_s", SECONDS)]))
    ends_at = F.least(F.col("t") + F.col("lifetime_s"), F.lit(NEVER - 1))
    expires = F.when(F.col("lifetime_s").isNull(), F.lit(NEVER)).otherwise(ends_at)
    return events.join(F.broadcast(effects), "name").withColumn("expires", expires)


# --- memberships


def fold(joined, arguments):
    """One row a membership, and one for each segment of a user that an event ended."""
    ended = joined.where("ends").groupBy(KEY).agg(F.max("t").alias("ended"))
    kept = joined.where("NOT ends").join(ended, KEY, "left")
    kept = kept.where("ended IS NULL OR t > ended")
    # The builder's order of rows of one second.
    newest = F.max(F.struct("t", "value", "expires", "items"))
    total = F.least(F.sum(F.col("value").cast("decimal(38,0)")), F.lit(Decimal(VALUE_MAX)))
    folded = kept.groupBy(KEY).agg(
        F.min("t").alias("first_seen"), F.least(F.count("*"), F.lit(NEVER)).alias("count"),
        newest.alias("newest"), total.alias("sum"), F.max("value").alias("max"))
    value = {"sum": "sum", "newest": "newest.value", "max": "max"}[arguments.values]
    thousandths = F.col(value).cast("decimal(18,0)")
    items = F.transform(F.slice("newest.items", 1, ITEMS_MAX), lambda one: one["item"])
    if arguments.items == "recent":
        folded = folded.join(recent_items(kept), KEY, "left")
        items = F.col("recent")
    memberships = folded.select(
        *KEY, F.col("newest.t").alias("last_seen"), "first_seen",
        F.nullif(F.col("newest.expires"), F.lit(NEVER)).alias("expires"), "count",
        F.when(thousandths > 0, (thousandths / 1000).cast("decimal(15,3)")).alias("value"),
        F.when(F.size(items) > 0, items).alias("items"))
    removals = ended.select(*KEY, F.col("ended").alias("last_seen"), F.lit(True).alias("remove"))
    return memberships.unionByName(removals, allowMissingColumns=True)


def recent_items(kept):
    """Up to eight items a membership: the latest event first, within one as it listed them."""
    each = kept.select(*KEY, (-F.col("t")).alias("age"), F.posexplode("items"))
    each = each.groupBy(*KEY, F.col("col.item").alias("item"))
    each = each.agg(F.min(F.struct("age", "pos")).alias("place"))
    ordered = F.array_sort(F.collect_list(F.struct("place", "item")))
    # One user may have thousands of items: only the first are ever collected.
    best = Window.partitionBy(KEY).orderBy("place", "item")
    each = each.withColumn("rank", F.row_number().over(best)).where(F.col("rank") <= ITEMS_MAX)
    return each.groupBy(KEY).agg(F.transform(ordered, lambda one: one["item"]).alias("recent"))


def write_rows(rows, arguments):
    """Writes a folder for each shard: its users are those of the builder's `--shard I/N`."""
    number = F.lit(0)
    if arguments.shards > 1:
        shard = F.udf(shard_of(arguments.shards), T.IntegerType(), useArrow=False)
        number = shard("id_space", "id")
    placed = rows.withColumn("shard", number).repartition(arguments.shards, "shard")
    writer = placed.write.partitionBy("shard")
    path = f"{arguments.out}/rows"
    writer.parquet(path) if arguments.format == "parquet" else writer.json(path)


def shard_of(shards_count):
    """The top bits of the user key: XXH3-64 of the id, its seed that of the id's space."""
    bits = shards_count.bit_length() - 1

    def shard(space, user):
        import xxhash  # on the workers
        seed = xxhash.xxh3_64_intdigest(space.encode(), seed=0x686F_6D69_6E67_0001)
        return xxhash.xxh3_64_intdigest(user.encode(), seed=seed) >> (64 - bits)

    return shard


def describe(spark, arguments, settings):
    """Reads back what was written, so that the account is of that."""
    kind = "parquet" if arguments.format == "parquet" else "json"
    schema = "last_seen LONG, remove BOOLEAN, shard INT"
    rows = spark.read.schema(schema).format(kind).load(f"{arguments.out}/rows")
    removals = F.count_if(F.coalesce("remove", F.lit(False)))
    total, ended, newest = rows.agg(F.count("*"), removals, F.max("last_seen")).first()
    return {"memberships": total - ended, "removals": ended,
            "epoch": newest if arguments.epoch is None else arguments.epoch}


if __name__ == "__main__":
    main()
