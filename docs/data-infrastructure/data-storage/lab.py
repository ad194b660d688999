# /// script
# requires-python = ">=3.11.5"
# dependencies = [
#     "handbook-labkit", "deltalake>=1.6,<2", "flask>=3,<4", "flask-cors>=5,<7", "moto[s3]>=5.2,<6", "numpy>=2,<3",
#     "pyarrow>=22,<30", "pyiceberg[sql-sqlite]>=0.12,<0.13",
# ]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""How many requests and bytes does a read of an event table cost, by format, file size, order and table format?

The object store is an emulator, moto's S3 server, behind a counter: requests and bytes are exact, seconds are not S3's.
"""

import gzip
import json
import logging
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import labkit
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as pads
import pyarrow.parquet as pq
from deltalake import DeltaTable, convert_to_deltalake, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyarrow.fs import FileSelector, S3FileSystem
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, ValidationException

CLAIMS = {
    "share-few": {
        "claim": "Three of twenty columns cost 10 to 20 % of the bytes that CSV would, where their values are few",
        "expected": "fails", "unit": "×", "holds_if": "low > 0.1 and high < 0.2", "fails_if": "high < 0.1 or low > 0.2",
        "formula": "results.columns['Parquet: 3 with few values'].read / results.columns['CSV: 20 of 20'].read",
    },
    "share-many": {
        "claim": "Three of twenty columns cost 10 to 20 % of the bytes that CSV would, where hardly any value repeats",
        "expected": "holds", "unit": "×", "holds_if": "low > 0.1 and high < 0.2", "fails_if": "high < 0.1 or low > 0.2",
        "formula": "results.columns['Parquet: 3 with many values'].read / results.columns['CSV: 20 of 20'].read",
    },
    "file-bytes": {
        "claim": "10,000 files instead of one at most double the bytes that a scan reads", "expected": "holds",
        "formula": "results.files['files=10000'].read / results.files['files=1'].read",
        "unit": "×", "holds_if": "value < 2", "fails_if": "value > 2",
    },
    "threads": {
        "claim": "By default a pyarrow scan of 100 files has over six requests waiting (requests × 30 ms ÷ seconds)",
        "formula": "results.waiting['threads=8, files ahead=4'].in_flight", "expected": "holds",
        "unit": "requests", "holds_if": "low > 6", "fails_if": "high < 6",
    },
    "readahead": {
        "claim": "Four times the I/O threads alone halve the seconds of that scan", "expected": "fails",
        "formula": "results.waiting['threads=32, files ahead=4'].seconds"
        " / results.waiting['threads=8, files ahead=4'].seconds",
        "unit": "×", "holds_if": "high < 0.5", "fails_if": "low > 0.5",
    },
    "footers": {
        "claim": "In a sorted folder of Parquet, a filter on the sort column saves nine tenths of a scan's requests",
        "expected": "fails", "unit": "×", "holds_if": "high < 0.1", "fails_if": "low > 0.1", "always": True,
        "formula": "results.pruning['query=one day, format=Parquet, order=time'].requests"
        " / results.pruning['query=all, format=Parquet, order=time'].requests",
    },
    "own-statistics": {
        "claim": "On the same sorted files Iceberg needs a quarter of the folder's requests, or less, for one day",
        "expected": "holds", "unit": "×", "holds_if": "high < 0.25", "fails_if": "low > 0.25",
        "formula": "results.pruning['query=one day, format=Iceberg, order=time'].requests"
        " / results.pruning['query=one day, format=Parquet, order=time'].requests",
    },
    "random-order": {
        "claim": "In random order Iceberg's statistics save at least a tenth of a scan's bytes",
        "formula": "results.pruning['query=one day, format=Iceberg, order=random'].read"
        " / results.pruning['query=all, format=Parquet, order=time'].read",
        "expected": "fails", "unit": "×", "holds_if": "high < 0.9", "fails_if": "low > 0.9", "always": True,
    },
    "plan": {
        "claim": "An Iceberg read is planned in O(1) requests: after ten appends at most twice as many as after one",
        "formula": "results.planning['format=Iceberg, commits=10'].to_plan"
        " / results.planning['format=Iceberg, commits=1'].to_plan",
        "expected": "fails", "unit": "×", "holds_if": "value < 2", "fails_if": "value > 2", "always": True,
    },
    "compaction": {
        "claim": "Compacting 120 small Delta files pays for its requests in two scans, where a write costs 12.5 reads",
        "formula": "(12.5 * results.compaction.compaction.class_A + results.compaction.compaction.class_B)"
        " / (results.compaction['scan before'].class_B - results.compaction['scan after'].class_B)",
        "expected": "holds", "unit": "scans", "holds_if": "value < 2", "fails_if": "value > 2",
    },
    "appends": {
        "claim": "Two Iceberg appends from the same snapshot both commit without a retry", "unit": "refused",
        "formula": "results.writers['Iceberg, no retries: append, append'].refused", "expected": "fails",
        "holds_if": "value == 0", "fails_if": "value > 0", "always": True,
    },
    "snapshot": {
        "claim": "A reader that opened the table before other writers committed still counts the same rows",
        "formula": "sum(row.snapshot_changed for row in results.writers)", "unit": "changed",
        "expected": "holds", "holds_if": "value == 0", "fails_if": "value > 0", "always": True,
    },
    "one-group": {
        "claim": "Shuffling the rows inside one row group at a time removes half of the excess variance of batches",
        "formula": "(results.training['group=8192, buffer=1'].variance_at_drift_02 - 1)"
        " / (results.training['in order'].variance_at_drift_02 - 1)",
        "expected": "fails", "unit": "×", "holds_if": "high < 0.5", "fails_if": "low > 0.5",
    },
    "shuffle": {
        "claim": "Of 8,192 rows in memory, eight row groups leave at most half the excess variance that one leaves",
        "formula": "(results.training['group=1024, buffer=8'].variance_at_drift_02 - 1)"
        " / (results.training['group=8192, buffer=1'].variance_at_drift_02 - 1)",
        "expected": "holds", "unit": "×", "holds_if": "high < 0.5", "fails_if": "low > 0.5",
    },
}

Row = dict[str, float]
Tables = dict[str, dict[str, dict[str, labkit.Quantity]]]
FEATURES = [f"f{number:02}" for number in range(12)]  # random floats: the columns that do not compress
FEW_VALUES, MANY_VALUES = ["country", "device", "label"], ["user_id", "f00", "f01"]  # three columns of twenty each
WANTED = ["label", *FEATURES]
DAYS, DELAY_MS = 32, 30  # the delay of every answer, where seconds are looked at
UNITS = {"read": "MB", "seconds": "s", "read_a_row": "B"}


def events(rows: int, seed: int, drift: float = 0.2) -> pa.Table:
    """An event log of DAYS days in order of time; the label's rate moves from 0.1 to 0.1 + drift over them."""
    draw = np.random.default_rng(seed)
    at = np.sort(draw.integers(0, DAYS * 86_400_000_000, rows))
    day = at // 86_400_000_000
    columns = {
        "at": pa.array(at, pa.timestamp("us")), "day": pa.array(day, pa.int32()),
        "user_id": draw.integers(0, 50_000, rows), "merchant_id": pa.array(draw.integers(0, 5_000, rows), pa.int32()),
        "country": pa.array([f"country-{n:02}" for n in draw.integers(0, 40, rows)]),
        "device": pa.array([f"device-{n}" for n in draw.integers(0, 5, rows)]),
        "amount": pa.array(np.round(draw.lognormal(3, 1, rows), 2)),
        "label": pa.array(draw.random(rows) < 0.1 + drift * day / (DAYS - 1)),
    }  # fmt: skip
    columns |= {name: pa.array(draw.standard_normal(rows), pa.float32()) for name in FEATURES}
    return pa.table(columns)


class Store:
    """The client's side of the emulated object store: three readers' settings, and what they have asked for."""

    def __init__(self, port: int, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.files = S3FileSystem(access_key="lab", secret_key="lab", region="us-east-1", endpoint_override=self.url,
                                  allow_bucket_creation=True)  # fmt: skip
        self.files.create_dir("lake")
        self.delta = {
            "AWS_ENDPOINT_URL": self.url, "AWS_ALLOW_HTTP": "true", "AWS_ACCESS_KEY_ID": "lab",
            "AWS_SECRET_ACCESS_KEY": "lab", "AWS_REGION": "us-east-1",
        }
        self.catalog = SqlCatalog("lab", **{
            "uri": f"sqlite:///{folder}/catalog.db", "warehouse": "s3://lake/iceberg", "s3.endpoint": self.url,
            "s3.access-key-id": "lab", "s3.secret-access-key": "lab", "s3.region": "us-east-1",
        })  # fmt: skip
        self.catalog.create_namespace("lab")

    def put(self, key: str, body: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/lake/{key}", body, headers, method="PUT")).close()

    def ask(self, path: str) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.url}/{path}") as answer:
            return json.load(answer)

    def count(self, work: Callable[[], object]) -> Row:
        """What `work` cost: requests by price class (A: PUT, POST, LIST; B: GET, HEAD), bytes, data files, seconds."""
        self.ask("counts")
        begin = time.perf_counter()
        work()
        seconds, seen = time.perf_counter() - begin, Counter(self.ask("counts"))
        row = {"class_A": seen["PUT"] + seen["POST"] + seen["LIST"], "class_B": seen["GET"] + seen["HEAD"]}
        row |= {"files": seen["files"], "read": seen["read"] / 1e6, "seconds": seconds}
        return row | {"requests": row["class_A"] + row["class_B"]}

    def delta_table(self, name: str, data: pa.Table) -> DeltaTable:
        return DeltaTable.create(f"s3://lake/{name}", data.schema, storage_options=self.delta)

    def open_delta(self, name: str) -> DeltaTable:
        return DeltaTable(f"s3://lake/{name}", storage_options=self.delta)

    def stored(self, prefix: str) -> int:
        return sum(file.size or 0 for file in self.files.get_file_info(FileSelector(f"lake/{prefix}", recursive=True)))

    def iceberg(self, name: str, data: pa.Table, **properties: str):
        return self.catalog.create_table(f"lab.{name}", data.schema, properties=properties)


def serve(port: int) -> None:
    """moto's S3 behind a counter: /counts tells and forgets, /delay/MS makes every answer that much later."""
    from moto.moto_server.werkzeug_app import create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"  # keeps connections, as S3 does
    app, lock, seen, keys, delay = create_backend_app("s3"), threading.Lock(), Counter(), set(), [0.0]

    def counted(environ: dict, start: Callable) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path.startswith(("/counts", "/delay")):
            with lock:
                body = json.dumps(seen | {"files": len(keys)}).encode()
                seen.clear(), keys.clear()
                delay[0] = float(path.removeprefix("/delay/")) / 1e3 if path.startswith("/delay") else delay[0]
            start("200 OK", [("Content-Length", str(len(body)))])
            return [body]
        time.sleep(delay[0])
        body = b"".join(app(environ, start))
        with lock:
            kind = "LIST" if method == "GET" and "list-type" in environ["QUERY_STRING"] else method
            seen[kind] += 1
            seen["read"] += len(body) if method == "GET" else 0
            if kind == "GET" and path.endswith(".parquet") and "_delta_log" not in path:
                keys.add(path)
        return [body]

    make_server("127.0.0.1", port, counted, threaded=True).serve_forever()


@contextmanager
def store() -> Iterator[Store]:
    port = labkit.free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "serve", str(port)]
        with labkit.server(command, ready=port, package="moto, from this lab's header", core=0):
            yield Store(port, Path(folder))


def encoded(table: pa.Table, group: int | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=group)
    return sink.getvalue().to_pybytes()


def scan(lake: Store, path: str, columns: list[str] | None = None, where: pads.Expression | None = None) -> pa.Table:
    return pads.dataset(f"lake/{path}", filesystem=lake.files, partitioning="hive").to_table(columns, filter=where)


def cells(rows: list[Row], *names: str) -> dict[str, labkit.Quantity]:
    """A row a seed becomes quantities: a count that every seed gave is exact, everything else is measured."""
    def cell(name: str) -> labkit.Quantity:
        values, unit = [row[name] for row in rows], UNITS.get(name, "")
        return labkit.measured(unit, values) if len(set(values)) > 1 else labkit.exact(unit, round(values[0], 3))

    return {name: cell(name) for name in names}


def columns(lake: Store, seeds: range, quick: bool) -> Tables:
    """Bytes of three of twenty columns, in text and in Parquet; the columns differ in how many values they have."""
    found: dict[str, list[Row]] = {}
    for seed in seeds:
        data = events(2_000 if quick else 50_000, seed)
        text = pa.BufferOutputStream()
        pa.csv.write_csv(data, text)
        lines = "\n".join(json.dumps(row, default=str) for row in data.to_pylist())
        bodies = {"JSON lines.json": lines.encode(), "CSV.csv": text.getvalue().to_pybytes()}
        bodies |= {"CSV, gzip.csv.gz": gzip.compress(bodies["CSV.csv"], 6), "Parquet.parquet": encoded(data)}
        for name, body in bodies.items():
            key, kind = f"columns/{seed}/{name.replace(' ', '_')}", name.split(".")[1]
            lake.put(key, body)
            wanted = {"20 of 20": data.column_names}
            if kind in ("csv", "parquet"):
                wanted |= {"3 with few values": FEW_VALUES, "3 with many values": MANY_VALUES}
            for which, names in wanted.items():
                table = pads.dataset(f"lake/{key}", filesystem=lake.files, format=kind)
                row = lake.count(lambda table=table, names=names: table.to_table(names))
                found.setdefault(f"{name.split('.')[0]}: {which}", []).append(row)
    return {"columns": {name: cells(rows, "requests", "read") for name, rows in found.items()}}


def files(lake: Store, quick: bool) -> Tables:
    """The same rows in more and more files, all columns read; then the seconds that requests wait for their answers."""
    rows, table = 2_000 if quick else 200_000, {}
    data = events(rows, 0)
    for count in (1, 100) if quick else (1, 100, 1_000, 10_000):
        size, stored = rows // count, 0
        for number in range(count):
            body = encoded(data.slice(number * size, size))
            lake.put(f"files/{count}/{number:05}.parquet", body)
            stored += len(body)
        row = lake.count(lambda count=count: scan(lake, f"files/{count}"))
        table[f"files={count}"] = {
            "LIST": labkit.exact("", row["class_A"]), "GET_and_HEAD": labkit.exact("", row["class_B"]),
            "stored": labkit.exact("MB", round(stored / 1e6, 2)), "read": labkit.exact("MB", round(row["read"], 2)),
        }  # fmt: skip

    def wait(threads: int, ahead: int) -> Row:
        pa.set_io_thread_count(threads)
        files = pads.dataset("lake/files/100", filesystem=lake.files)
        lake.ask(f"delay/{DELAY_MS}")
        row = lake.count(lambda: files.to_table(["user_id", "label"], fragment_readahead=ahead))
        lake.ask("delay/0")
        return row | {"in_flight": row["requests"] * DELAY_MS / 1e3 / row["seconds"]}

    pairs = ((8, 4), (32, 4), (8, 32), (32, 32))
    arms = {f"threads={n}, files ahead={m}": lambda n=n, m=m: wait(n, m) for n, m in pairs}
    waited = labkit.interleave(arms, 1 if quick else 7, 0)
    pa.set_io_thread_count(8)
    waiting = {name: cells(got, "requests", "seconds", "in_flight") for name, got in waited.items()}
    return {"files": table, "waiting": waiting}


def layout(lake: Store, name: str, parts: list[pa.Table]) -> None:
    """One set of files that is a folder, a Delta table and an Iceberg table, both with the footers' statistics."""
    for number, part in enumerate(parts):
        lake.put(f"{name}/{number:02}.parquet", encoded(part))
    lake.iceberg(name, parts[0]).add_files([f"s3://lake/{name}/{number:02}.parquet" for number in range(len(parts))])
    convert_to_deltalake(f"s3://lake/{name}", storage_options=lake.delta)


def ask(lake: Store, name: str, column: str, value: int) -> dict[str, Row]:
    """What the label and the features of one value cost in each of the three, opening the table included."""
    where, text = pads.field(column) == value, f"{column} = {value}"
    ways = {
        "Parquet": lambda: scan(lake, name, WANTED, where),
        "Delta": lambda: lake.open_delta(name).to_pyarrow_dataset().to_table(WANTED, filter=where),
        "Iceberg": lambda: lake.catalog.load_table(f"lab.{name}").scan(text, selected_fields=tuple(WANTED)).to_arrow(),
    }
    return {way: lake.count(work) for way, work in ways.items()}


def pruning(lake: Store, seeds: range, quick: bool) -> Tables:
    """One day's, or one user's, rows out of DAYS files: by folder, by footers, by a table's own statistics."""
    found: dict[str, list[Row]] = {}
    for seed in seeds:
        data, draw = events(640 if quick else 128_000, seed), np.random.default_rng(seed)
        day, user = data["day"].to_numpy(), data["user_id"].to_numpy()
        spread = [sum(((value >> bit) & 1) << 2 * bit for bit in range(5)) for value in (day, user * 32 // 50_000)]
        orders = {
            "random": draw.permutation(len(data)), "time": np.arange(len(data)),
            "user": np.argsort(user, kind="stable"), "Z-order": np.argsort(spread[0] + 2 * spread[1], kind="stable"),
        }  # fmt: skip
        for order, rows in orders.items():
            name = f"{order}-{seed}".lower()
            layout(lake, name, [data.take(part) for part in np.array_split(rows, DAYS)])
            for query, column, value in (("day", "day", 17), ("user", "user_id", int(user[len(user) // 2]))):
                for way, row in ask(lake, name, column, value).items():
                    found.setdefault(f"query=one {query}, format={way}, order={order}", []).append(row)
        whole = lake.count(lambda: scan(lake, f"time-{seed}", WANTED))  # noqa: B023
        for number in range(DAYS):
            part = data.filter(pads.field("day") == number).drop_columns("day")
            lake.put(f"folders-{seed}/day={number}/0.parquet", encoded(part))
        one = lake.count(lambda: scan(lake, f"folders-{seed}", WANTED, pads.field("day") == 17))  # noqa: B023
        found.setdefault("query=all, format=Parquet, order=time", []).append(whole)
        found.setdefault("query=one day, format=Parquet, order=a folder a day", []).append(one)
    return {"pruning": {name: cells(rows, "files", "requests", "read") for name, rows in found.items()}}


def planning(lake: Store, quick: bool) -> Tables:
    """Requests and bytes to open a table and list its files, after n appends; then a compaction and what it saves."""
    table, data, steps, costs = {}, events(20, 0), (1, 10) if quick else (1, 10, 90, 120), {}
    streamed, delta = lake.iceberg("streamed", data), lake.delta_table("streamed-delta", data)
    plans = {
        "Delta": lambda: lake.open_delta("streamed-delta").file_uris(),
        "Iceberg": lambda: list(lake.catalog.load_table("lab.streamed").scan().plan_files()),
    }

    def planned(state: str) -> None:
        for way, work in plans.items():
            row = lake.count(work)
            table[f"format={way}, {state}"] = {
                "to_plan": labkit.exact("", row["requests"]), "read": labkit.exact("kB", round(row["read"] * 1e3, 1)),
                "of_the_last_commit": labkit.exact("", costs[way]),
            }  # fmt: skip

    for number in range(1, steps[-1] + 1):
        costs["Delta"] = lake.count(lambda: write_deltalake(delta, data, mode="append"))["requests"]
        costs["Iceberg"] = lake.count(lambda: streamed.append(data))["requests"]
        if number in steps:
            planned(f"commits={number}")
    delta.create_checkpoint()
    with streamed.transaction() as change:
        change.set_properties({"commit.manifest-merge.enabled": "true", "commit.manifest.min-count-to-merge": "2"})
    costs["Iceberg"] = lake.count(lambda: streamed.append(data))["requests"]
    planned("maintained")

    read_all = lambda: lake.open_delta("streamed-delta").to_pyarrow_dataset().to_table()  # noqa: E731
    work = {}
    for name, step in {"scan before": read_all, "compaction": delta.optimize.compact, "scan after": read_all}.items():
        row = lake.count(step)
        work[name] = {key: labkit.exact("", row[key]) for key in ("class_A", "class_B")}
        work[name]["stored"] = labkit.exact("kB", round(lake.stored("streamed-delta/") / 1e3, 1))
    delta.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    work["vacuum"] = {"stored": labkit.exact("kB", round(lake.stored("streamed-delta/") / 1e3, 1))}
    return {"planning": table, "compaction": work}


def writers(lake: Store, quick: bool) -> Tables:
    """Pairs of writers that read the same version, one commits, then the other; and a reader that began before both."""
    pairs, data, table = 1 if quick else 5, events(100, 0), {}
    def delta(name: str) -> tuple[Callable[[], DeltaTable], Callable[[DeltaTable], int]]:
        table = lake.delta_table(name, data)
        for _ in range(2):  # files, so that a compaction has something to do
            write_deltalake(table, data, mode="append")
        return lambda: lake.open_delta(name), lambda table: table.to_pyarrow_dataset().count_rows()

    def iceberg(name: str, **properties: str) -> tuple[Callable, Callable]:
        lake.iceberg(name, data, **properties).append(data)
        return lambda: lake.catalog.load_table(f"lab.{name}"), lambda table: table.scan().to_arrow().num_rows

    acts = {
        "append": lambda t: t.append(data) if hasattr(t, "append") else write_deltalake(t, data, mode="append"),
        "delete": lambda t: t.delete("label = true"), "compaction": lambda t: t.optimize.compact(),
    }  # fmt: skip
    arms = [f"Delta: {one}" for one in ("append, append", "append, delete", "append, compaction", "delete, compaction")]
    arms += ["Iceberg: append, append", "Iceberg, no retries: append, append", "Iceberg: append, delete"]
    arms += ["Delta: delete, delete", "Iceberg: delete, delete"]
    for number, name in enumerate(arms):
        make, (first, second) = delta if "Delta" in name else iceberg, name.split(": ")[1].split(", ")
        properties = {"commit.retry.num-retries": "0"} if "no retries" in name else {}
        refused = wrong = 0
        for pair in range(pairs):
            opened, rows = make(f"pair-{number}-{pair}", **properties)
            one, two, reader = opened(), opened(), opened()
            before = rows(reader)
            acts[first](one)
            try:
                acts[second](two)
            except (CommitFailedError, CommitFailedException, ValidationException) as error:
                refused += 1
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr) if pair == 0 else None
            wrong += rows(reader) != before
        table[name] = {"refused": labkit.exact("", refused), "of": labkit.exact("", pairs)}
        table[name] |= {"snapshot_changed": labkit.exact("", wrong)}
    return {"writers": table}


def read_epoch(lake: Store, path: str, buffer: int, draw: np.random.Generator | None) -> np.ndarray:
    """Labels in the order of an epoch: `buffer` row groups at a time, shuffled within and among them where `draw`."""
    file = pq.ParquetFile(path, filesystem=lake.files, pre_buffer=True)
    order = draw.permutation(file.num_row_groups) if draw else np.arange(file.num_row_groups)
    labels = []
    for start in range(0, len(order), buffer):
        table = file.read_row_groups(order[start : start + buffer].tolist())
        mixed = table["label"].to_numpy(zero_copy_only=False)
        labels.append(draw.permutation(mixed) if draw else mixed)
    return np.concatenate(labels)


def read_single(lake: Store, path: str, group: int, picked: list[int]) -> np.ndarray:
    """Labels of single rows; each costs its whole row group, as Parquet has no smaller unit in pyarrow."""
    file = pq.ParquetFile(path, filesystem=lake.files, pre_buffer=True)
    return np.array([file.read_row_group(row // group)["label"][row % group].as_py() for row in picked])


def training(lake: Store, seeds: range, quick: bool) -> Tables:
    """What a shuffled epoch costs, and how far its batches are from random ones: 1 is a full shuffle."""
    rows, batch, found = 16_384 if quick else 65_536, 256, {}
    arms = [(8_192, 1), (8_192, 4), (1_024, 8), (1_024, 32)]  # rows in a group, groups in the buffer
    for seed, drift in ((seed, drift) for seed in seeds for drift in (0.05, 0.2)):
        data, draw = events(rows, seed, drift), np.random.default_rng(seed)
        truth, paths = data["label"].to_numpy(zero_copy_only=False).mean(), {}
        for group in (1_024, 8_192):
            paths[group] = f"lake/training/{seed}-{drift}-{group}.parquet"
            lake.put(paths[group].removeprefix("lake/"), encoded(data, group))
        work = {"in order": lambda: read_epoch(lake, paths[8_192], 1, None)}  # noqa: B023
        for group, buffer in arms:
            name = f"group={group}, buffer={buffer}"
            work[name] = lambda group=group, buffer=buffer: read_epoch(lake, paths[group], buffer, draw)  # noqa: B023
        picked = draw.choice(rows, batch, replace=False).tolist()
        if drift == 0.2:
            work["single rows, group=1024"] = lambda: read_single(lake, paths[1_024], 1_024, picked)  # noqa: B023
        for name, epoch in work.items():
            labels: list[np.ndarray] = []
            row = lake.count(lambda epoch=epoch, labels=labels: labels.append(epoch()))
            size = len(labels[0])
            means = labels[0][: size // batch * batch].reshape(-1, batch).mean(axis=1)
            variance = float(((means - truth) ** 2).mean() / (truth * (1 - truth) / batch))
            kept = {"requests_a_1000_rows": row["requests"] / size * 1e3, "read_a_row": row["read"] * 1e6 / size}
            kept |= {f"variance_at_drift_{drift:g}".replace(".", ""): variance} if size > batch else {}
            found.setdefault(name, {}).setdefault(drift, []).append(kept)
    merged = {
        name: [{**low, **high} for low, high in zip(by.get(0.05, by[0.2]), by[0.2], strict=True)]
        for name, by in found.items()
    }
    return {"training": {name: cells(got, *got[0]) for name, got in merged.items()}}


def run(quick: bool) -> Tables:
    seeds, tables = range(1 if quick else 7), {}
    with store() as lake:
        for part in (columns, pruning, training):
            tables |= part(lake, seeds, quick)
        for part in (files, planning, writers):
            tables |= part(lake, quick)
    return tables


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(int(sys.argv[2]))
    raise SystemExit(labkit.main(run))
