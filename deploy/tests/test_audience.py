"""Holds the Spark job and the DuckDB script against the builder, on one made-up log.

    HOMING=target/release/homing python3 -m unittest discover -v -s deploy/tests

The builder folds one row an event by its own rules; the jobs fold the log. The promise is that the
three sets are the same, byte for byte, in one build and shard by shard. Needs what
requirements.txt lists, and Java; nothing here opens a connection to another machine.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import duckdb
import pyspark

import made_events
from made_events import BEGIN, DAY, RATES, Log

DEPLOY = Path(__file__).resolve().parent.parent
HOMING = os.environ.get("HOMING", str(DEPLOY.parent / "target/release/homing"))
SPARK_SUBMIT = Path(pyspark.__path__[0]) / "bin" / "spark-submit"
SHARDS = 4
SECONDS_MAX = 300  # for one command: Spark needs ten to twenty on two cores
EXIT_USAGE = 64
NOW = str(BEGIN + 400 * DAY)
NOT_REFUSED = ("good", "duplicates", "no_consent", "outside", "unused")


def run(*command, code=0):
    """What a command prints; fails if it does not end as expected."""
    local = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable,
             "PYSPARK_DRIVER_PYTHON": sys.executable}
    done = subprocess.run([str(part) for part in command], env={**os.environ, **local},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=SECONDS_MAX, check=False)
    if done.returncode != code:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def spark(*arguments, code=0):
    """The last line that the job itself prints: spark-submit takes both of its streams."""
    settings = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1",
                "spark.sql.shuffle.partitions": 4,
                # So short a run is over before the better compiler pays: half the time.
                "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1"}
    pairs = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    told = run(SPARK_SUBMIT, "--master", "local[2]", *pairs, DEPLOY / "spark" / "audience.py",
               *arguments, code=code)
    return told.strip().rpartition("\n")[2]


def duck(**variables):
    connection = duckdb.connect()
    for name, value in variables.items():
        connection.execute(f"SET VARIABLE {name} = {value!r}")
    connection.execute((DEPLOY / "duckdb" / "audience.sql").read_text(encoding="utf-8"))
    return json.loads(Path(variables["account"]).read_text(encoding="utf-8"))


def build(out, *arguments):
    report = run(HOMING, "snapshot", "build", "--json", "--now", NOW, "--out", out, *arguments)
    return json.loads(report)


class Audience(unittest.TestCase):
    """One log for all tests."""

    @classmethod
    def setUpClass(cls):
        cls.work = Path(tempfile.mkdtemp(prefix="homing-audience-"))
        cls.addClassCleanup(shutil.rmtree, cls.work)
        cls.log = Log(seed=7)
        cls.settings = cls.work / "settings"
        shutil.copytree(made_events.SETTINGS, cls.settings)
        rates = "".join(f"{currency},{rate}\n" for currency, rate in RATES.items())
        (cls.settings / "rates.csv").write_text("currency,rate\n" + rates, encoding="utf-8")
        cls.events = cls.work / "events"
        made_events.write_log(cls.log.lines, cls.events, duckdb.connect())
        cls.rejected = {reason: number for reason, number in cls.log.account.items()
                        if reason not in NOT_REFUSED}
        cls.max_rejects = sum(cls.rejected.values())

    def raw(self, name, events, recent):
        path = self.work / f"{name}.ndjson"
        with open(path, "w", encoding="utf-8") as file:
            for row in self.log.rows(events, recent):
                file.write(json.dumps(row) + "\n")
        return path

    def job_arguments(self, out):
        return ["--events", self.events, "--out", out, "--settings", self.settings,
                "--max-rejects", self.max_rejects]

    def duck_variables(self, name, extension="ndjson"):
        return {"events": f"{self.events}/*.parquet", "settings": str(self.settings),
                "max_rejects": self.max_rejects, "out": f"{self.work}/{name}.{extension}",
                "account": f"{self.work}/{name}.account.json"}

    def assert_same_sets(self, expected, *others):
        files = sorted(path.name for path in expected.iterdir())
        self.assertIn("manifest", files)
        for other in others:
            self.assertEqual(files, sorted(path.name for path in other.iterdir()))
            for file in files:
                same = (expected / file).read_bytes() == (other / file).read_bytes()
                self.assertTrue(same, f"{other.name}/{file} is not {expected.name}/{file}")

    def test_sums_and_recent_items_agree_in_one_build_and_shard_by_shard(self):
        out, work = self.work / "spark", self.work
        account = json.loads(spark(*self.job_arguments(out), "--shards", SHARDS))
        self.assert_account(account, outside=0)
        told = duck(**self.duck_variables("duck"))
        self.assertEqual(account, told)
        segments = next(out.glob("segments/part-*"))
        common = ["--shards", SHARDS, "--values", "sum", "--segments", segments]
        built = build(work / "set-spark", *common, f"{out}/rows/*/*.json")
        self.assertEqual(built["rows"], account["memberships"] + account["removals"])
        build(work / "set-duck", *common, work / "duck.ndjson")
        raw = build(work / "set-raw", *common, self.raw("raw", self.log.events, recent=True))
        self.assertGreater(raw["merged"], raw["memberships"], "events must be merged here")
        self.assertGreater(raw["removed"], 100, "events must be ended here")
        self.assertEqual(raw["memberships"], account["memberships"])
        self.assertEqual(self.parts(out, account, segments), SHARDS)
        self.assert_same_sets(work / "set-raw", work / "set-spark", work / "set-duck",
                              work / "set-joined")
        self.assert_rejects(out)

    def parts(self, out, account, segments):
        """Builds each folder by itself, of its rows alone, and joins them."""
        parts = [self.work / f"part-{number}" for number in range(SHARDS)]
        for number, part in enumerate(parts):
            built = build(part, "--values", "sum", "--segments", segments, "--epoch",
                          account["epoch"], "--shard", f"{number}/{SHARDS}",
                          out / "rows" / f"shard={number}")
            self.assertEqual(built["elsewhere"], 0, "a row of another shard")
        run(HOMING, "snapshot", "merge-manifest", "--out", self.work / "set-joined", *parts)
        return len(list(out.glob("rows/shard=*")))

    def assert_account(self, account, outside):
        expected = self.log.account
        self.assertEqual(account["rejected"], self.rejected)
        self.assertEqual(account["read"], len(self.log.lines))
        self.assertEqual(account["outside"], outside)
        for name in ("no_consent", "unused", "duplicates"):
            self.assertEqual(account[name], expected[name], name)
        self.assertEqual(account["unused_names"], {"scroll": expected["unused"]})

    def assert_rejects(self, out):
        """Both set the same events aside, and none without consent."""
        lines = [line for path in out.glob("rejects/*.json")
                 for line in path.read_text(encoding="utf-8").splitlines()]
        aside = [json.loads(line) for line in lines]
        other = Path(f"{self.work}/duck.ndjson.rejects.ndjson").read_text(encoding="utf-8")
        for rejects in (aside, [json.loads(line) for line in other.splitlines()]):
            self.assertEqual(len(rejects), self.max_rejects)
            self.assertTrue(all(one["consent"] for one in rejects))
        reasons = sorted(one["reason"] for one in aside)
        self.assertEqual(reasons, sorted(r for r, n in self.rejected.items() for _ in range(n)))

    def test_newest_values_and_items_of_a_range_of_time_agree(self):
        begin, until = BEGIN + DAY, BEGIN + 30 * DAY + 1  # the last second is a crowded one
        inside, outside = self.log.within(begin, until)
        self.assertGreater(outside, 1000)
        parquet = self.reads_parquet()
        kind = "parquet" if parquet else "ndjson"
        out, work = self.work / "spark-newest", self.work
        account = json.loads(spark(
            *self.job_arguments(out), "--from", begin, "--until", until, "--values", "newest",
            "--items", "newest", "--format", kind))
        self.assertEqual(account["outside"], outside)
        told = duck(**self.duck_variables("newest", kind), from_time=begin, until_time=until,
                    value_rule="newest", item_rule="newest")
        self.assertEqual(account, told)
        files = out.glob("rows/shard=0/*.parquet" if parquet else "rows/shard=0/*.json")
        # No rules given: the builder's own are these.
        build(work / "newest-spark", "--shards", SHARDS, *files)
        build(work / "newest-duck", "--shards", SHARDS, work / f"newest.{kind}")
        build(work / "newest-raw", "--shards", SHARDS, self.raw("newest-raw", inside, recent=False))
        self.assert_same_sets(work / "newest-raw", work / "newest-spark", work / "newest-duck")

    def reads_parquet(self):
        """Whether this homing was built with a reader of Parquet: tried on one row."""
        path = self.work / "probe.parquet"
        row = "'crm' AS id_space, 'a' AS id, 'buyers' AS segment, 1790000000 AS last_seen"
        duckdb.connect().execute(f"COPY (SELECT {row}) TO '{path}'")
        command = [HOMING, "snapshot", "build", "--out", self.work / "probe", path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == EXIT_USAGE:
            print(f"skipped: rows as Parquet: {done.stderr.strip()}", file=sys.stderr)
        else:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done.returncode == 0

    def test_one_bad_event_too_many_ends_the_job_without_rows(self):
        out = self.work / "strict"
        arguments = [*self.job_arguments(out)[:-1], self.max_rejects - 1]
        told = spark(*arguments, code=65)
        self.assertIn(f"at most {self.max_rejects - 1} bad events", told)
        self.assertFalse((out / "rows").exists())
        variables = self.duck_variables("strict") | {"max_rejects": self.max_rejects - 1}
        with self.assertRaisesRegex(duckdb.Error, "expected at most .* bad events"):
            duck(**variables)
        self.assertFalse(Path(variables["out"]).exists())

    def test_a_setting_that_is_not_understood_is_refused(self):
        faults = {"segments.csv": ["Cart,add_to_cart,join,", "cart,add_to_cart,drop,",
                                   "cart,add_to_cart,join,0", "cart,add_to_cart,end,5",
                                   "cart,AddToCart,join,5", "add_to_cart,add_to_cart,join,5"],
                  "aliases.csv": ["PageView,view_item,x", "Foo,,x"],
                  "rates.csv": ["EUR,1", "USD,0"]}
        job = load_job()
        duck(**self.duck_variables("good"))
        for file, lines in faults.items():
            for line in lines:
                folder = Path(tempfile.mkdtemp(dir=self.work))
                shutil.copytree(made_events.SETTINGS, folder, dirs_exist_ok=True)
                job.Settings(folder)
                with open(folder / file, "a", encoding="utf-8") as out:
                    out.write(line + "\n")
                with self.subTest(line):
                    self.assertRaises(job.Refused, job.Settings, folder)
                    with self.assertRaisesRegex(duckdb.Error, f"{file}: expected"):
                        duck(**self.duck_variables("faulty") | {"settings": str(folder)})

    def test_user_keys_are_those_of_the_snapshot_format(self):
        # The values that src/model/ids.rs freezes.
        keys = {("buyeruid", "u1"): 2_071_692_129_545_359_926,
                ("ifa", "6d92078a-8246-4ba4-ae5b-76104861e7dc"): 3_321_339_208_830_379_481}
        for (space, user), key in keys.items():
            for bits in (1, 4, 10):
                self.assertEqual(load_job().shard_of(1 << bits)(space, user), key >> (64 - bits))


def load_job():
    spec = importlib.util.spec_from_file_location("audience", DEPLOY / "spark" / "audience.py")
    job = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(job)
    return job


if __name__ == "__main__":
    unittest.main()
