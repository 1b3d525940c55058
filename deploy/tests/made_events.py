"""A made-up shop's log for the test of the audience jobs, and what has to become of it.

Each event is made once, in a form of which both are derived: the log that the jobs read (with
aliases, either case of an `ifa`, copies, currencies, and events that must be left out), and the
rows, one an event, that the builder folds by its own rules. So nothing here repeats how a job
works, but for the two rules that the builder does not have: which of two copies counts, and which
items of several events are the most recent.
"""

import csv
import json
import math
import random
from collections import Counter, defaultdict
from pathlib import Path

SETTINGS = Path(__file__).resolve().parent.parent / "shop-events"
BEGIN = 1_790_000_000
DAY = 86_400
DAYS = 40
EVENTS = 20_000
USERS = 1_500
ITEMS = [f"sku-{number}" for number in range(60)] + ["Größe 42", 'the "big" one', "a\\b", "🛒"]
RATES = {"EUR": 1.0, "USD": 0.92, "SEK": 0.0873}
BAD_TIME = -5
NAMES = [("page_view", 30), ("view_item", 40), ("add_to_wishlist", 3), ("add_to_cart", 15),
         ("begin_checkout", 5), ("purchase", 5), ("refund", 1), ("scroll", 6)]


class Log:
    """The events, the log's lines, and the account that a job must give of them."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.spellings = spellings()
        self.effects = table("segments.csv")
        self.users = [self.user(number) for number in range(USERS)]
        self.lines, self.events = [], []
        self.account = Counter()
        for number in range(EVENTS):
            self.add(number)
        self.add_two_orders()
        self.dice.shuffle(self.lines)

    def user(self, number):
        space = self.dice.choice(["buyeruid", "ifa", "uidapi.com", "crm"])
        if space == "ifa":
            return space, "%08x-0000-4000-8000-00000000abcd" % self.dice.getrandbits(32)
        return space, f"User {number} é\"\\" if number % 50 == 0 else f"User{number}"

    def add(self, number):
        """One event, sometimes told twice, sometimes not to be taken."""
        dice = self.dice
        few = dice.random() < 0.6
        space, user = self.users[int(dice.paretovariate(0.7)) % USERS if few
                                 else dice.randrange(USERS)]
        name = dice.choices(*zip(*NAMES))[0]
        # One second a day has many events, the last of all, too: their order must be told by what
        # they say.
        crowded = dice.random() < 0.5
        time = BEGIN + (dice.randrange(DAYS) * DAY if crowded else dice.randrange((DAYS - 1) * DAY))
        amount = dice.choice([None, 0.0, 19.99, dice.randrange(1, 500_000) / 1000])
        if crowded and name != "purchase":
            amount = 20.0
        line = {
            "time": time, "id_space": space, "event": dice.choice(self.spellings[name]),
            "id": user.upper() if space == "ifa" and dice.random() < 0.5 else user,
            "consent": True, "value": amount,
            "currency": dice.choice([None, "", *RATES]) if amount and not crowded else None,
            "items": dice.choice([None, dice.choices(ITEMS, k=dice.randrange(12))]),
            "event_id": f"e{number}" if dice.random() < 0.8 else None,
            "transaction_id": f"t{number}" if name == "purchase" else None,
        }
        if dice.random() < 0.05:
            self.add_bad(line)
        elif name == "scroll":
            self.account["unused"] += 1
            self.lines.append(line)
        else:
            self.add_good(line, name, user)
            if dice.random() < 0.1 and (line["event_id"] or line["transaction_id"]):
                self.add_copy(line)

    def add_good(self, line, name, user):
        self.account["good"] += 1
        self.lines.append(line)
        self.events.append({**line, "event": name, "id": user, "items": line["items"] or [],
                            "thousandths": thousandths(line)})

    def add_two_orders(self):
        """An order and an event of the same name are not the same."""
        space, user = self.users[0]
        line = {"time": BEGIN + DAYS * DAY, "id_space": space, "id": user, "event": "purchase",
                "consent": True, "value": 1.0, "currency": None, "items": None}
        for event_id, transaction_id in [(None, "one"), ("one", None)]:
            one = {**line, "event_id": event_id, "transaction_id": transaction_id}
            self.add_good(one, "purchase", user)

    def add_copy(self, line):
        """The same event once more: sent again later, or told by the server, too."""
        copy = {**line, "time": line["time"] + self.dice.randrange(1, 600)}
        if copy["transaction_id"]:
            copy["event_id"] = self.dice.choice([None, "server-" + copy["transaction_id"]])
        self.account["good"] += 1
        self.account["duplicates"] += 1
        self.lines.append(copy)

    def add_bad(self, line):
        reason, change = self.dice.choice([
            ("no_consent", {"consent": False}), ("no_consent", {"consent": None}),
            ("no_consent", {"consent": False, "id": ""}),
            ("time", {"time": None}), ("time", {"time": BAD_TIME}),
            ("id_space", {"id_space": ""}), ("id_space", {"id_space": "é" * 257}),
            ("id", {"id": None}), ("id", {"id": "x" * 513}),
            ("id", {"id_space": "ifa", "id": "00000000-0000-0000-0000-000000000000"}),
            ("event", {"event": None}), ("event", {"event": ""}),
            ("value", {"event": "view_item", "value": -0.5}),
            ("value", {"event": "view_item", "value": 1e12, "currency": "EUR"}),
            ("value", {"event": "view_item", "value": math.nan}),
            ("currency", {"event": "view_item", "value": 1.0, "currency": "XXX"}),
            ("items", {"event": "view_item", "items": ["sku-1", ""], "value": 1.0}),
            ("items", {"event": "view_item", "items": ["é" * 65], "value": 1.0}),
        ])
        self.account[reason] += 1
        self.lines.append({**line, **({"currency": None} if "value" in change else {}), **change})

    def within(self, begin, until):
        """The events of a range of time, and how many lines are outside of it."""
        inside = [one for one in self.events if begin <= one["time"] < until]
        outside = [line for line in self.lines if line["consent"] and line["time"] is not None
                   and line["time"] > 0 and not begin <= line["time"] < until]
        return inside, len(outside)

    def rows(self, events, recent):
        """One row for each event and segment, as the builder takes them."""
        latest = defaultdict(list)
        for event, effect in self.applied(events):
            if effect["effect"] == "join":
                key = (event["id_space"], event["id"], effect["segment"])
                latest[key].append(event)
        ended = ends(self.applied(events))
        for event, effect in self.applied(events):
            key = (event["id_space"], event["id"], effect["segment"])
            row = dict(zip(("id_space", "id", "segment"), key)) | {"last_seen": event["time"]}
            if effect["effect"] == "end":
                yield row | {"remove": True}
                continue
            row["value"] = "%d.%03d" % divmod(event["thousandths"], 1000)
            row["items"] = event["items"][:8]
            if recent:
                row["items"] = items_until(event["time"], latest[key], ended.get(key, 0))
            if effect["lifetime_s"]:
                row["expires"] = event["time"] + int(effect["lifetime_s"])
            yield row

    def applied(self, events):
        for event in events:
            for effect in self.effects:
                if effect["event"] == event["event"]:
                    yield event, effect


def ends(applied):
    found = {}
    for event, effect in applied:
        if effect["effect"] == "end":
            key = (event["id_space"], event["id"], effect["segment"])
            found[key] = max(found.get(key, 0), event["time"])
    return found


def items_until(time, events, ended):
    """The eight most recent items as of a second, told by those events that were not ended."""
    places = {}
    for event in events:
        if ended < event["time"] <= time:
            for position, item in enumerate(event["items"]):
                place = (-event["time"], position)
                places[item] = min(places.get(item, place), place)
    return sorted(places, key=lambda item: (places[item], item.encode()))[:8]


def thousandths(line):
    value = line["value"] or 0.0
    return math.floor(value * RATES.get(line["currency"], 1.0) * 1000.0 + 0.5)


def spellings():
    """All names under which an event may come."""
    found = {name: [name] for name, _ in NAMES}
    for row in table("aliases.csv"):
        found.get(row["event"], []).append(row["alias"])
    return found


def table(name):
    with open(SETTINGS / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_log(lines, folder, connection):
    """Writes the log as Parquet: three files, of which one has no optional columns."""
    folder.mkdir()
    optional = ("currency", "event_id", "transaction_id")
    plain = [line for line in lines if not any(line[name] for name in optional)]
    rest = [line for line in lines if any(line[name] for name in optional)]
    plainest = [line for line in plain if line["items"] is None and line["value"] is None]
    fuller = [line for line in plain if line["items"] is not None or line["value"] is not None]
    parts = {"plain": plainest, "a": rest[::2] + fuller, "b": rest[1::2]}
    for name, part in parts.items():
        source = folder.parent / f"{name}.json"
        with open(source, "w", encoding="utf-8") as file:
            for line in part:
                nan = isinstance(line["value"], float) and math.isnan(line["value"])
                file.write(json.dumps({**line, "value": "nan" if nan else line["value"]}) + "\n")
        columns = "to_timestamp(time) AS time, id_space, id, event, consent"
        if name != "plain":
            columns += ", value::DOUBLE AS value, currency, items, event_id, transaction_id, 7 AS x"
        types = ("{time: 'BIGINT', id_space: 'VARCHAR', id: 'VARCHAR', event: 'VARCHAR', "
                 "consent: 'BOOLEAN', value: 'VARCHAR', currency: 'VARCHAR', items: 'VARCHAR[]', "
                 "event_id: 'VARCHAR', transaction_id: 'VARCHAR'}")
        connection.execute(f"COPY (SELECT {columns} FROM read_json('{source}', columns = {types})) "
                           f"TO '{folder}/{name}.parquet'")
