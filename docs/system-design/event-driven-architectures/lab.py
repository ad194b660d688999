# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit", "confluent-kafka>=2.11,<3", "pika>=1.3,<2"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""What is lost, done twice or out of order when a worker, a broker or a member of a consumer group fails?

Jobs: a real RabbitMQ, whose process and whose workers are killed. Feature updates: real Kafka clients against
librdkafka's mock broker, which shows keys, partitions, rebalances and commits, and nothing about what a broker keeps;
BOOTSTRAP=host:9092 in the environment asks a real cluster instead. `kill -9` is no power cut: the page cache survives.
"""

import multiprocessing
import os
import random
import signal
import socket
import sqlite3
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import count, pairwise
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from threading import Thread

import labkit
import pika
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from pika.exceptions import AMQPError

CLAIMS = {
    "takes-all": {
        "claim": "Of the messages that wait, a worker killed under automatic acknowledgment loses only its current one",
        "expected": "fails", "unit": "%",
        "formula": "100 * results.worker_killed.automatic_ack.lost / results.worker_killed.automatic_ack.waiting",
        "holds_if": "high < 1", "fails_if": "low > 50", "always": True,
    },
    "redelivered": {
        "claim": "The flag `redelivered` marks what was done before, so that a consumer may skip it",
        "expected": "fails", "formula": "results.worker_killed.ack_after_work.flagged_but_new", "unit": "messages",
        "holds_if": "high == 0", "fails_if": "low > 0", "always": True,
    },
    "persistent": {
        "claim": "Durable queue, persistent messages and acknowledgment after the work lose nothing to a killed broker",
        "expected": "fails", "formula": "results.broker_killed.ack_after_work.lost", "unit": "messages",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "idle": {
        "claim": "Without confirms, what was published a second or two before, and left alone, survives the kill",
        "expected": "holds", "formula": "results.broker_killed.published_before_then_idle.lost", "unit": "messages",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "confirm": {
        "claim": "With publisher confirms in addition nothing is lost, whichever of the two is killed",
        "expected": "holds", "holds_if": "results.worker_killed.ack_and_confirm.lost.high == 0 and "
        "results.broker_killed.ack_and_confirm.lost.high == 0",
        "fails_if": "results.worker_killed.ack_and_confirm.lost.high > 0 or "
        "results.broker_killed.ack_and_confirm.lost.high > 0", "always": True,
    },
    "confirm-transient": {
        "claim": "A confirmed message survives a killed broker also where it is not marked persistent",
        "expected": "fails", "formula": "results.broker_killed.confirm_not_persistent.lost", "unit": "messages",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "broker-twice": {
        "claim": "With acknowledgment and confirms a killed broker repeats one message at most, like a killed worker",
        "expected": "fails", "formula": "results.broker_killed.ack_and_confirm.done_twice", "unit": "messages",
        "holds_if": "high <= 1", "fails_if": "low > 1",
    },
    "unflagged": {
        "claim": "In five kills no message that was done before came back without the flag `redelivered`",
        "expected": "fails", "formula": "results.broker_killed.ack_and_confirm.twice_unflagged.high",
        "unit": "messages", "holds_if": "value == 0", "fails_if": "value > 0",
    },
    "idempotent": {
        "claim": "Where nothing is lost, the idempotent consumer ends with exactly the right count for every user",
        "expected": "holds",
        "holds_if": "results.wrong_counts.worker_killed_ack_and_confirm.guarded.high == 0 and "
        "results.wrong_counts.broker_killed_ack_and_confirm.guarded.high == 0",
        "fails_if": "results.wrong_counts.worker_killed_ack_and_confirm.guarded.high > 0 or "
        "results.wrong_counts.broker_killed_ack_and_confirm.guarded.high > 0", "always": True,
    },
    "order": {
        "claim": "Per-key order of new events survives a rebalance in which a second consumer joins",
        "expected": "holds", "holds_if": "results.rebalance.joins_commits_each_100.keys_out_of_order.high == 0 and "
        "results.rebalance.joins_commits_each_500.keys_out_of_order.high == 0",
        "fails_if": "results.rebalance.joins_commits_each_100.keys_out_of_order.low > 0 or "
        "results.rebalance.joins_commits_each_500.keys_out_of_order.low > 0", "always": True,
    },
    "repeats-100": {
        "claim": "With a commit every 100 events, a second consumer that joins makes the group read at most 99 again",
        "expected": "holds", "formula": "results.rebalance.joins_commits_each_100.read_again.high", "unit": "events",
        "holds_if": "value < 100", "fails_if": "value >= 100",
    },
    "repeats-500": {
        "claim": "With a commit every 500 events, it makes the group read at most 499 again",
        "expected": "holds", "formula": "results.rebalance.joins_commits_each_500.read_again.high", "unit": "events",
        "holds_if": "value < 500", "fails_if": "value >= 500",
    },
    "zombie": {
        "claim": "So the last write leaves the newest value, also where a consumer stalled past its poll interval",
        "expected": "fails", "formula": "results.rebalance.first_stalls.wrong_last_write", "unit": "keys",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "guard": {
        "claim": "One sequence number a key is enough for the right value and count in every case with keyed events",
        "expected": "holds", "holds_if": "results.rebalance.joins_commits_each_100.wrong_guarded.high == 0 and "
        "results.rebalance.joins_commits_each_500.wrong_guarded.high == 0 and "
        "results.rebalance.first_stalls.wrong_guarded.high == 0",
        "fails_if": "results.rebalance.joins_commits_each_100.wrong_guarded.high > 0 or "
        "results.rebalance.joins_commits_each_500.wrong_guarded.high > 0 or "
        "results.rebalance.first_stalls.wrong_guarded.high > 0", "always": True,
    },
    "partitioners": {
        "claim": "Java's default partitioner and librdkafka's put the same key into the same partition",
        "expected": "fails", "formula": "results.partitioners.same_partition.keys", "unit": "keys",
        "holds_if": "value == 1000", "fails_if": "value < 1000", "always": True,
    },
}  # fmt: skip

FEW_REPEATS = "each round kills a broker and waits for its restart, and what is asked is none or some, in every round"
PREFETCH, WORK_S, USERS, PUBLISHERS = 50, 0.002, 20, 8
JOBS = {  # arm: acknowledgment by the client, publisher confirms, persistent
    "automatic_ack": (False, False, True), "ack_after_work": (True, False, True),
    "ack_and_confirm": (True, True, True), "confirm_not_persistent": (True, True, False),
    "published_before_then_idle": (True, False, True),
}  # fmt: skip
TABLES = """CREATE TABLE log (number, attempt, redelivered); CREATE TABLE handled (number PRIMARY KEY);
CREATE TABLE predictions (user PRIMARY KEY, n); PRAGMA journal_mode = WAL"""
fork = multiprocessing.get_context("fork")


def steady_port() -> int:
    """A free port below those that clients get: up there, one that retries a dead port may connect to itself."""
    while True:
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def rabbitmq(folder: Path, ports: dict[str, int]) -> Iterator[int]:
    """A broker on the data that `folder` holds by now; its process id. The caller may have killed it by the end."""
    program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # what /usr/sbin's starts, which insists on user rabbitmq
    labkit.VERSIONS["rabbitmq-server"] = program.resolve().parent.parent.name.rpartition("-")[2]  # --version starts it
    (folder / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{ports['amqp']}\n")
    (folder / "plugins").write_text("[].")
    (folder / "pid").unlink(missing_ok=True)
    settings = {
        "CONFIG_FILE": "rabbitmq.conf",
        "ENABLED_PLUGINS_FILE": "plugins",
        "MNESIA_BASE": "data",
        "PID_FILE": "pid",
    }
    env = {f"RABBITMQ_{name}": str(folder / value) for name, value in settings.items()}
    env |= {"RABBITMQ_NODENAME": "lab@localhost", "RABBITMQ_DIST_PORT": str(ports["erlang"]), "RABBITMQ_LOGS": "-"}
    env |= {"ERL_EPMD_PORT": str(ports["epmd"]), "HOME": str(folder), "ERL_CRASH_DUMP_SECONDS": "0"}
    env |= {"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}"}

    def ready() -> bool:
        with suppress(AMQPError):
            return connect(ports["amqp"]).close() is None
        return False

    with labkit.server([str(program)], ready=ready, package="rabbitmq-server", timeout_s=120, env=env):
        yield int((folder / "pid").read_text())


def kill(process_id: int) -> None:
    """Ends it, and waits until its ports are free again."""
    os.kill(process_id, signal.SIGKILL)
    with suppress(ProcessLookupError):
        while True:
            os.kill(process_id, 0)
            time.sleep(0.01)


def connect(port: int) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))


def publish(port: int, queue: str, numbers: range, confirm: bool, persistent: bool, every_s: float) -> None:
    """Publishes until each call has succeeded: with confirms, until the broker has said that it has the message."""
    properties, channel = pika.BasicProperties(delivery_mode=2 if persistent else 1), None
    for number in numbers:
        for attempt in count():
            try:
                if channel is None:
                    channel = connect(port).channel()
                    if confirm:
                        channel.confirm_delivery()
                channel.basic_publish("", queue, f"{number} {attempt}".ljust(1024).encode(), properties)
                break
            except (AMQPError, OSError):  # the broker is down
                channel = None
                time.sleep(0.1)
        time.sleep(every_s)


def handle(database: sqlite3.Connection, number: int, attempt: int, redelivered: bool) -> None:
    """What the work changes. The naive consumer is the log: it counts each row. The idempotent one asks first."""
    with database:
        database.execute("INSERT INTO log VALUES (?, ?, ?)", (number, attempt, redelivered))
        if database.execute("INSERT OR IGNORE INTO handled VALUES (?)", (number,)).rowcount:
            database.execute("UPDATE predictions SET n = n + 1 WHERE user = ?", (number % USERS,))


def worker(port: int, queue: str, manual: bool, file: Path, dies_at: int | None, finished: Event) -> None:
    """Does jobs until all are published and the queue is empty. With job `dies_at` done, it dies before the ack."""
    database, done = sqlite3.connect(file, timeout=60), 0
    database.execute("PRAGMA synchronous = OFF")
    while True:
        with suppress(AMQPError, OSError):
            channel = connect(port).channel()
            channel.basic_qos(prefetch_count=PREFETCH)
            for method, _, body in channel.consume(queue, auto_ack=not manual, inactivity_timeout=1):
                if method is None:
                    if finished.is_set() and not channel.queue_declare(queue, passive=True).method.message_count:
                        os._exit(0)
                    continue
                time.sleep(WORK_S)  # the model, on another processor
                handle(database, *map(int, body.split()), method.redelivered)
                done += 1
                if done == dies_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                if manual:
                    channel.basic_ack(method.delivery_tag)
        time.sleep(0.1)


def start_worker(port: int, arm: str, file: Path, dies_at: int | None, finished: Event) -> BaseProcess:
    process = fork.Process(target=worker, args=(port, arm, JOBS[arm][0], file, dies_at, finished), daemon=True)
    process.start()
    return process


def prepare(port: int, folder: Path, repeat: int, arms: list[str]) -> dict[str, Path]:
    """An empty durable queue and an empty database for each arm."""
    files = {arm: folder / f"{arm}-{repeat}-{uuid.uuid4().hex}.sqlite" for arm in arms}
    with closing(connect(port)) as connection:
        for arm, file in files.items():
            connection.channel().queue_declare(arm, durable=True)
            with closing(sqlite3.connect(file)) as database:
                database.executescript(TABLES)
                with database:
                    database.executemany("INSERT INTO predictions VALUES (?, 0)", [(user,) for user in range(USERS)])
    return files


def publishers(port: int, arm: str, total: int, every_s: float) -> list[Thread]:
    _, confirm, persistent = JOBS[arm]
    threads = []
    for first in range(PUBLISHERS):
        numbers = range(first, total, PUBLISHERS)
        threads.append(Thread(target=publish, args=(port, arm, numbers, confirm, persistent, every_s), daemon=True))
        threads[-1].start()
    return threads


def counts(file: Path, total: int) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as database:
        log = database.execute("SELECT * FROM log ORDER BY rowid").fetchall()
        state = dict(database.execute("SELECT user, n FROM predictions"))
    truth, naive = Counter(number % USERS for number in range(total)), Counter(number % USERS for number, *_ in log)
    first: dict[int, int] = {}
    unflagged = 0
    for number, _, redelivered in log:
        unflagged += number in first and not redelivered
        first.setdefault(number, redelivered)
    return {
        "lost": total - len(first), "done_twice": len(log) - len(first), "flagged_but_new": sum(first.values()),
        "twice_unflagged": unflagged, "published_twice": len({row[:2] for row in log}) - len(first),
        "counting_each": sum(naive[user] != truth[user] for user in truth),
        "guarded": sum(state[user] != truth[user] for user in truth),
    }  # fmt: skip


def jobs(quick: bool) -> dict[str, object]:
    """Each repeat kills one worker of each arm, then the broker that all arms share, and starts it again."""
    total, every_s, repeats = (240, 0.02, 1) if quick else (2_000, 0.012, 5)
    labkit.binary("epmd", "rabbitmq-server")
    labkit.VERSIONS["epmd"] = next(Path("/usr/lib/erlang").glob("erts-*")).name.removeprefix("erts-")
    ports, found = {name: steady_port() for name in ("amqp", "erlang", "epmd")}, defaultdict(list)
    epmd, env = ["epmd", "-address", "127.0.0.1"], {"ERL_EPMD_PORT": str(ports["epmd"])}
    names = labkit.server(epmd, ready=ports["epmd"], package="rabbitmq-server", env=env)  # Erlang's register of nodes
    with tempfile.TemporaryDirectory() as name, names:
        folder, port, draw, waiting = Path(name), ports["amqp"], random.Random(1), {}
        for repeat in range(repeats + 1):
            with rabbitmq(folder, ports) as broker:
                for arm, (file, threads, process, finished) in waiting.items():  # from before the broker was killed
                    for thread in threads:
                        thread.join()
                    finished.set()
                    (process or start_worker(port, arm, file, None, finished)).join()
                    found["broker_killed", arm].append(counts(file, total))
                if repeat == repeats:
                    break
                files = prepare(port, folder, repeat, list(JOBS)[:3])
                for arm in files:  # a backlog
                    for thread in publishers(port, arm, total, 0):
                        thread.join()
                finished = fork.Event()
                finished.set()
                dies_at = draw.randrange(total // 8, total // 4)
                first = [start_worker(port, arm, file, dies_at, finished) for arm, file in files.items()]
                for process in first:
                    process.join()
                second = [start_worker(port, arm, file, None, finished) for arm, file in files.items()]
                for process, (arm, file) in zip(second, files.items(), strict=True):
                    process.join()
                    found["worker_killed", arm].append({"waiting": total - dies_at, **counts(file, total)})
                files, waiting = prepare(port, folder, repeat, list(JOBS)), {}
                for arm, file in files.items():
                    idle, finished = "idle" in arm, fork.Event()
                    process = None if idle else start_worker(port, arm, file, None, finished)
                    waiting[arm] = [file, [], process, finished]
                    for thread in publishers(port, arm, total, 0) if idle else ():
                        thread.join()
                for arm in list(files)[:4]:
                    waiting[arm][1] = publishers(port, arm, total, every_s)
                time.sleep(draw.uniform(0.3, 0.6) * total / PUBLISHERS * every_s)
                kill(broker)
    tables: dict[str, dict] = {"worker_killed": {}, "broker_killed": {}, "each_kill": {}, "wrong_counts": {}}
    for (table, arm), rows in found.items():
        messages, users = {}, {}
        for key in rows[0]:
            of_users = key in ("counting_each", "guarded")
            quantity = labkit.measured("users" if of_users else "", [row[key] for row in rows])
            (users if of_users else messages)[key] = quantity
        tables[table][arm], tables["wrong_counts"][f"{table}_{arm}"] = messages, users
        for key in ("lost", *list(messages)[1:] * (arm == "ack_and_confirm")) if table == "broker_killed" else ():
            tables["each_kill"][f"{arm}_{key}"] = {
                f"kill_{number}": labkit.exact("", row[key]) for number, row in enumerate(rows, 1)
            }
    return tables


KEYS, EVENTS, BATCH = 40, 2_000, 25
STREAMS = {  # arm: events carry their key, events between two commits, what the second consumer or the first one does
    "no_rebalance": (True, 100, "alone"), "joins_commits_each_100": (True, 100, "joins"),
    "joins_commits_each_500": (True, 500, "joins"), "joins_events_without_key": (False, 100, "joins"),
    "first_stalls": (True, 100, "stalls"),
}  # fmt: skip


def cluster() -> tuple[Producer, str]:
    """A producer and where others find its cluster: librdkafka's mock, four partitions a topic, or a real one."""
    if bootstrap := os.environ.get("BOOTSTRAP"):
        return Producer({"bootstrap.servers": bootstrap}), bootstrap
    producer = Producer({"test.mock.num.brokers": 1, "log_level": 2})
    broker = producer.list_topics(timeout=30).brokers[1]
    return producer, f"{broker.host}:{broker.port}"


def stream(arm: str, seed: int) -> dict[str, int]:
    """One group reads the updates of 40 keys, a twentieth of them sent twice; a second consumer comes in half-way."""
    keyed, commit_every, event = STREAMS[arm]
    draw, topic, sequence, sent = random.Random(seed), f"updates-{uuid.uuid4().hex}", Counter(), []
    for _ in range(EVENTS):
        key = draw.randrange(KEYS)
        sequence[key] += 1
        sent.append((key, sequence[key]))
        if draw.random() < 0.05:
            sent.append(draw.choice(sent[-20:]))  # a producer that tries again what had arrived
    producer, bootstrap = cluster()
    for key, number in sent:
        producer.produce(topic, key=f"user-{key}" if keyed else None, value=f"{key} {number}")
    producer.flush()
    applied: list[tuple[int, int]] = []
    places: list[tuple[int, int]] = []
    options = {
        "bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest", "enable.auto.commit": False,
        "session.timeout.ms": 4_000, "heartbeat.interval.ms": 300, "max.poll.interval.ms": 4_000, "log_level": 2,
    }  # fmt: skip
    first, second, deadline = Consumer(options), Consumer(options), time.monotonic() + 60
    open_since, refused = {first: 0, second: 0}, []

    def apply(messages: list) -> int:
        for message in messages:
            if message.error() is None:
                applied.extend(read([message]))
                places.append((message.partition(), message.offset()))
            elif message.error().code() != KafkaError._MAX_POLL_EXCEEDED:
                raise RuntimeError(message.error())
        return len(messages)

    def step(consumer: Consumer, at_most: int) -> int:
        got = apply(consumer.consume(at_most, 0.2))
        open_since[consumer] += got
        if open_since[consumer] >= commit_every:
            try:
                consumer.commit(asynchronous=False)
                open_since[consumer] = 0
            except KafkaException as refusal:  # partitions move: what came since is read again
                refused.append(refusal)
        return got

    first.subscribe([topic])
    turn = draw.randrange(EVENTS // 4, EVENTS // 2)
    while len(applied) < turn:
        step(first, BATCH)
    held = first.consume(4 * BATCH, 1) if event == "stalls" else []  # taken over, and then it stalls
    if event != "alone":
        second.subscribe([topic])
    busy = 1
    while busy or not set(applied) >= set(sent) - set(read(held)):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{arm}: {len(set(applied))} of {EVENTS} events after a minute")
        busy = step(first, BATCH) if event != "stalls" else 0
        busy += step(second, 4 * BATCH) if event != "alone" else 0
    apply(held)  # it wakes up last of all and goes on with its batch
    first.close()
    second.close()
    return {
        "sent_twice": len(sent) - EVENTS, "read_again": len(places) - len(set(places)),
        "commits_refused": len(refused), "partitions": len({partition for partition, _ in places}),
        **verdicts(applied, sequence),
        "in_the_late_batch": len({key for key, _ in read(held)}),
    }  # fmt: skip


def read(messages: list) -> list[tuple[int, int]]:
    values = (message.value().split() for message in messages)
    return [(int(key), int(number)) for key, number in values]


def verdicts(applied: list[tuple[int, int]], truth: Counter) -> dict[str, int]:
    """What each kind of consumer ends with, told from the order in which the group applied the events."""
    seen, order, last = set(), defaultdict(list), {}
    guarded, counted, naive = Counter(), Counter(), Counter()
    for key, number in applied:
        if (key, number) not in seen:
            order[key].append(number)
        seen.add((key, number))
        last[key] = number
        naive[key] += 1
        if number > guarded[key]:  # one number a key instead of all identifiers
            guarded[key] = number
            counted[key] += 1
    return {
        "keys_out_of_order": sum(any(a > b for a, b in pairwise(numbers)) for numbers in order.values()),
        "wrong_last_write": sum(last[key] != truth[key] for key in truth),
        "wrong_naive_count": sum(naive[key] != truth[key] for key in truth),
        "wrong_guarded": sum(guarded[key] != truth[key] or counted[key] != truth[key] for key in truth),
    }


def streams(quick: bool) -> dict[str, object]:
    plans = [(arm, seed) for seed in range(1 if quick else 7) for arm in STREAMS]
    with ThreadPoolExecutor(5 if quick else 14) as pool:  # mostly waiting for rebalances
        rows = list(pool.map(lambda plan: stream(*plan), plans))
    table = {}
    for arm in STREAMS:
        mine = [row for (name, _), row in zip(plans, rows, strict=True) if name == arm]
        units = {"sent_twice": "events", "read_again": "events", "commits_refused": "", "partitions": ""}
        table[arm] = {key: labkit.measured(units.get(key, "keys"), [row[key] for row in mine]) for key in mine[0]}
    return {"rebalance": table}


def partitioners() -> dict[str, object]:
    """The partition of 1,000 keys by the default of librdkafka and by that of the Java client."""
    places: dict[str, dict[bytes, int]] = defaultdict(dict)
    mock, bootstrap = cluster()
    topic = f"keys-{uuid.uuid4().hex}"
    mock.list_topics(topic, timeout=30)
    for partitioner in ("consistent_random", "murmur2_random"):
        producer = Producer({"bootstrap.servers": bootstrap, "partitioner": partitioner, "log_level": 2})
        for number in range(1_000):
            producer.produce(
                topic, key=f"user-{number}",
                on_delivery=lambda _, message, to=places[partitioner]: to.update({message.key(): message.partition()}),
            )  # fmt: skip
        producer.flush()
    one, other = places.values()
    same = sum(one[key] == other[key] for key in one)
    return {"partitioners": {"same_partition": {"keys": labkit.exact("keys", same)}}}


def run(quick: bool) -> dict[str, object]:
    return {**jobs(quick), **streams(quick), **partitioners()}


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
