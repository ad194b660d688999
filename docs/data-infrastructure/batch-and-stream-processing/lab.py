# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit", "apache-flink-libraries>=2.3,<3", "duckdb>=2,<3", "py4j>=0.10.9,<0.11"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""How far is a windowed feature from a stream engine off the batch's, and what makes windows stall, drop or repeat?

The feature is the number of a user's events in a tumbling window. DuckDB computes it from the complete log: the nightly
batch. Flink SQL computes it from the same files in order of arrival: the stream. A partition is a folder with a
watermark of its own; UNION ALL takes the smallest, as a Kafka source does over its partitions. With
`auto-watermark-interval` 0 the watermark follows each event, whatever the speed. SIGKILL spares the page cache.
"""

import json
import math
import os
import random
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from urllib.parse import quote

import duckdb
import labkit
from py4j.java_gateway import GatewayParameters, JavaGateway

CLAIMS = {
    "rule": {
        "claim": "A watermark delay at the 99th percentile of lateness loses one event in a hundred",
        "expected": "fails", "unit": "%", "formula": "results.delays.outages_p99.lost_60_s",
        "holds_if": "low > 0.8 and high < 1.2", "fails_if": "high < 0.8 or low > 1.2",
    },
    "histogram": {
        "claim": "The histogram of lateness tells what one-minute windows lose, within a tenth", "expected": "holds",
        "unit": "×", "formula": "results.delays.outages_p99.predicted_60_s / results.delays.outages_p99.lost_60_s",
        "holds_if": "low > 0.9 and high < 1.1", "fails_if": "low > 1.1 or high < 0.9",
    },
    "values": {
        "claim": "At that delay at most one count in a hundred, of a user in a minute, differs from the batch's",
        "expected": "fails", "unit": "%", "formula": "results.delays.outages_p99.wrong_60_s", "holds_if": "high < 1",
        "fails_if": "low > 1",
    },
    "silent": {
        "claim": "While one of four partitions is silent the other three keep windows firing", "expected": "fails",
        "unit": "windows", "always": True, "formula": "results.idle.one_silent.fired", "holds_if": "low > 0",
        "fails_if": "high == 0",
    },
    "returns": {
        "claim": "With an idle timeout too, what the partition had held for those windows counts when it is back",
        "expected": "fails", "unit": "%", "always": True,
        "formula": "100 * results.idle.one_silent_idle_timeout.lost / results.idle.one_silent_idle_timeout.returned",
        "holds_if": "high < 1", "fails_if": "low > 50",
    },
    "last": {
        "claim": "With an idle timeout the last windows fire too when all traffic stops", "expected": "fails",
        "unit": "windows", "always": True,
        "formula": "results.idle.all_deliver_idle_timeout.ended - results.idle.all_deliver_idle_timeout.fired",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "metric": {
        "claim": "Flink's numLateRecordsDropped is the number of events that were lost", "expected": "holds",
        "formula": "results.idle.one_silent_idle_timeout.flink_says_late / results.idle.one_silent_idle_timeout.lost",
        "unit": "×", "holds_if": "low > 0.99 and high < 1.01", "fails_if": "high < 0.99 or low > 1.01",
    },
    "ahead": {
        "claim": "A producer whose clock is five minutes ahead spoils only its own events", "expected": "fails",
        "unit": "%", "always": True, "formula": "results.clocks.ahead_300_s.others_lose", "holds_if": "high < 1",
        "fails_if": "low > 50",
    },
    "each": {
        "claim": "With that clock and a watermark for each partition the others lose no more than without it under one",
        "expected": "holds", "unit": "%",
        "formula": "results.clocks.ahead_300_s_a_watermark_each.others_lose - results.clocks.ahead_0_s.others_lose",
        "holds_if": "high < 0.1", "fails_if": "low > 0.1",
    },
    "capped": {
        "claim": "So it is with one watermark, if event times after their arrival do not move it",
        "expected": "holds", "unit": "%",
        "formula": "results.clocks.ahead_300_s_capped.others_lose - results.clocks.ahead_0_s.others_lose",
        "holds_if": "high < 0.1", "fails_if": "low > 0.1",
    },
    "replay-one": {
        "claim": "A log of one partition, replayed twice by the same job, gives the same counts", "expected": "holds",
        "unit": "counts", "always": True, "formula": "results.replays.one_partition.differ", "holds_if": "high == 0",
        "fails_if": "low > 0",
    },
    "replay": {
        "claim": "So does a log of four partitions", "expected": "fails", "unit": "counts",
        "formula": "results.replays.four_partitions.differ", "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "restored": {
        "claim": "After SIGKILL and restore the committed files are the batch's result", "expected": "holds",
        "unit": "counts", "always": True,
        "formula": "results.crash.exactly_once_files.wrong + results.crash.exactly_once_files.twice",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "once": {
        "claim": "With exactly-once checkpoints each count comes out once, from a sink without commits too",
        "expected": "fails", "unit": "counts", "always": True, "formula": "results.crash.print.twice",
        "holds_if": "high == 0", "fails_if": "low > 0",
    },
    "readable": {
        "claim": "The exactly-once files show a count as soon as its window has fired", "expected": "fails",
        "unit": "counts", "always": True, "formula": "results.crash.exactly_once_files.readable", "holds_if": "low > 0",
        "fails_if": "high == 0",
    },
}  # fmt: skip

FEW_REPEATS = "a seed takes a minute, most of it waiting for idle timeouts and a restart, and few results vary"
USERS, HOUR_S, PARTITIONS = 500, 3_600, 4
OUTAGE_EVERY_S, OUTAGE_S, NETWORK_S = 1_200, 60, 1  # means; a phone is offline for 5 % of the time
WINDOWS_S, PERCENTILES, AHEAD_S = (60, 600), (90, 97, 99, 99.9), (0, 30, 120, 300)
IDLE_TIMEOUT_MS = 3_000
Event = tuple[int, int, int]  # user, when it happened and when it arrived, both in ms
Truth = dict[tuple[int, int], int]  # (user, start of the window in s) to count
Rows = dict[str, dict[str, float]]
CLOSING = [(number - PARTITIONS, 10**8, 10**8) for number in range(PARTITIONS)]  # so late that all windows close
FLINK = Path(next(iter(find_spec("pyflink").submodule_search_locations)))
JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j.configurationFile={os.devnull}"]
JAVA += [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "net", "time", "util")]
JAVA += ["-cp", f"{FLINK}/lib/*:{FLINK}/opt/*"]
MEMORY = {  # what Flink's start scripts, which the package lacks, would derive
    "framework.heap.size": 128, "framework.off-heap.size": 128, "task.heap.size": 512, "task.off-heap.size": 0,
    "managed.size": 1_024, "network.min": 256, "network.max": 256, "jvm-metaspace.size": 256,
    "jvm-overhead.min": 192, "jvm-overhead.max": 192,
}  # fmt: skip
HOSTS = ("jobmanager.rpc.address", "jobmanager.bind-host", "rest.address", "rest.bind-address", "taskmanager.host",
         "taskmanager.bind-host")  # fmt: skip
CONFIG = dict.fromkeys(HOSTS, "127.0.0.1") | {f"taskmanager.memory.{name}": f"{mb}m" for name, mb in MEMORY.items()} | {
    "taskmanager.numberOfTaskSlots": 8, "taskmanager.cpu.cores": 2, "heartbeat.interval": 500,
    "heartbeat.timeout": 4_000, "metrics.fetcher.update-interval": 200, "restart-strategy.type": "fixed-delay",
    "restart-strategy.fixed-delay.attempts": 99, "restart-strategy.fixed-delay.delay": "200 ms",
    "pipeline.auto-watermark-interval": 0, "execution.target": "remote", "parallelism.default": 1,
    "table.local-time-zone": "UTC",
}  # fmt: skip


def log(seed: int, size: int) -> list[Event]:
    """An hour of events in order of arrival. What happens while a phone is offline arrives when it is back."""
    draw = random.Random(seed)
    offline: dict[int, list[tuple[float, float]]] = {}
    for user in range(USERS):
        now, spans = 0.0, []
        while (now := now + draw.expovariate(1 / OUTAGE_EVERY_S)) < HOUR_S:
            spans.append((now, now := now + draw.expovariate(1 / OUTAGE_S)))
        offline[user] = spans
    events = []
    for _ in range(size):
        user, when = draw.randrange(USERS), draw.uniform(0, HOUR_S)
        back = next((end for start, end in offline[user] if start <= when < end), when)
        events.append((user, int(when * 1_000), int((back + draw.expovariate(1 / NETWORK_S)) * 1_000)))
    return sorted(events, key=lambda event: event[2])


def delay_of(events: list[Event], percentile: float) -> int:
    """The watermark delay (s) that this share of events (%) does not exceed in lateness."""
    return math.ceil(labkit.quantile([at - when for _, when, at in events], percentile / 100) / 1_000)


def wait(what: str, done: Callable[[], object]) -> None:
    for _ in range(1_200):
        with suppress(OSError):  # the job manager does not answer yet
            if done():
                return
        time.sleep(0.05)
    raise RuntimeError(f"{what}: not after a minute")


class Cluster:
    """A job manager, a task manager that can be killed, and a client whose Table API py4j calls."""

    def __init__(self, stack: ExitStack, folder: Path, pause_s: float) -> None:
        self.folder, self._stack, self.printed, self.pause_s = folder, stack, [], pause_s
        rest, rpc, client = (labkit.free_port() for _ in range(3))
        self.address = f"http://127.0.0.1:{rest}"
        self.config = CONFIG | {"rest.port": rest, "rest.bind-port": rest, "jobmanager.rpc.port": rpc}
        self.config |= {"io.tmp.dirs": folder / "tmp", "execution.checkpointing.dir": f"file://{folder}/checkpoints"}
        (folder / "config.yaml").write_text(json.dumps({key: str(value) for key, value in self.config.items()}))
        manager = ["org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "--configDir", str(folder)]
        gateway = ["org.apache.flink.api.python.shaded.py4j.GatewayServer", str(client)]
        for command, port in (([*JAVA, *manager], rest), ([*JAVA, *gateway], client)):
            stack.enter_context(labkit.server(command, ready=port, package="default-jre-headless", timeout_s=60))
        self.start_tasks()
        self.jvm = JavaGateway(gateway_parameters=GatewayParameters(port=client)).jvm

    def start_tasks(self) -> None:
        """Starts a task manager, whose standard output is where the print sink writes."""
        self.printed.append(self.folder / f"printed-{len(self.printed)}")
        command = [*JAVA, "org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir", str(self.folder)]
        streams = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with self.printed[-1].open("wb") as output:
            self.tasks = subprocess.Popen(command, stdout=output, process_group=0, **streams)
        self._stack.callback(labkit.stop, self.tasks)
        wait("a task manager", lambda: self.rest("/overview")["slots-available"])

    def rest(self, path: str, body: dict | None = None) -> dict:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or "{}")

    def submit(self, tables: list[str], inserts: list[str], options: dict[str, str]) -> object:
        """Starts one job that runs all `inserts`; the client's handle of it."""
        flink = self.jvm.org.apache.flink
        configuration, api = flink.configuration.Configuration(), flink.table.api
        for key, value in (self.config | options).items():
            configuration.setString(key, str(value))
        settings = api.EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(configuration).build()
        environment = api.TableEnvironment.create(settings)
        for table in tables:
            environment.executeSql(table)
        statements = environment.createStatementSet()
        for insert in inserts:
            statements.addInsertSql(insert)
        return statements.execute().getJobClient().get()

    @contextmanager
    def running(self, tables: list[str], inserts: list[str], options: dict[str, str]) -> Iterator[str]:
        """The identifier of a job without end, which is canceled after the block."""
        job = self.submit(tables, inserts, options)
        try:
            yield job.getJobID().toString()
        finally:
            job.cancel().get()

    def checkpoint(self, job: str) -> None:
        request = self.rest(f"/jobs/{job}/checkpoints", {"checkpointType": "FULL"})["request-id"]
        wait("a checkpoint", lambda: self.rest(f"/jobs/{job}/checkpoints/{request}")["status"]["id"] == "COMPLETED")

    def emitted(self, arm: str) -> Counter[tuple[int, int, int]]:
        """How often the print sink has written each (user, window, count) so far."""
        row = re.compile(rf"^{arm}> \+I\[(-?\d+), (\d+), (\d+)\]$", re.MULTILINE)
        return Counter(tuple(map(int, found)) for file in self.printed for found in row.findall(file.read_text()))

    def settle(self, times: float = 1) -> None:
        """Waits until nothing has been printed for a while, which is shorter in a quick run."""
        before = -1
        while (now := sum(file.stat().st_size for file in self.printed)) != before:
            before = now
            time.sleep(times * self.pause_s)

    def late(self, job: str) -> int:
        """The sum of Flink's own metric over a job's operators."""
        total = 0
        for vertex in self.rest(f"/jobs/{job}")["vertices"]:
            path = f"/jobs/{job}/vertices/{vertex['id']}/metrics"
            for name in (item["id"] for item in self.rest(path) if item["id"].endswith("numLateRecordsDropped")):
                total += int(self.rest(f"{path}?get={quote(name)}")[0]["value"])
        return total


def write(folder: Path, events: list[Event], name: str = "events") -> Path:
    """Puts events into a folder as one file, which appears there whole."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f"{folder.name}.{name}"
    beside.write_text("".join(f"{user},{when},{at}\n" for user, when, at in events))
    beside.rename(folder / f"{name}.csv")
    return folder


def deliver(folders: list[Path], events: list[Event], name: str = "events") -> None:
    """Writes to each folder the events of its partition."""
    for number, folder in enumerate(folders):
        write(folder, [event for event in events if event[0] % PARTITIONS == number], name)


def source(name: str, folder: Path, delay_s: int, clock: str = "ms", live: bool = False) -> str:
    """A table over a folder; its watermark is the latest time seen minus the delay. `live` looks for new files."""
    monitor = ", 'source.monitor-interval' = '100 ms'" if live else ""
    return (
        f"CREATE TABLE {name} (user_id INT, ms BIGINT, arrival BIGINT, ts AS TO_TIMESTAMP_LTZ(ms, 3), "
        f"WATERMARK FOR ts AS TO_TIMESTAMP_LTZ({clock} - {1_000 * delay_s}, 3)) "
        f"WITH ('connector' = 'filesystem', 'path' = 'file://{folder}', 'format' = 'csv'{monitor})"
    )


def union(name: str, folders: list[Path], delay_s: int, live: bool = False) -> list[str]:
    """Tables with a watermark each, and a view of them all, whose watermark is the smallest of theirs."""
    tables = [source(f"{name}_{part}", folder, delay_s, live=live) for part, folder in enumerate(folders)]
    selects = " UNION ALL ".join(f"SELECT * FROM {name}_{part}" for part in range(len(folders)))
    return [*tables, f"CREATE VIEW {name} AS {selects}"]


def feature(into: str, table: str, window_s: int) -> str:
    """The feature, as the stream computes it."""
    return (
        f"INSERT INTO {into} SELECT user_id, TIMESTAMPDIFF(SECOND, TIMESTAMP '1970-01-01 00:00:00', window_start), "
        f"COUNT(*) FROM TABLE(TUMBLE(TABLE {table}, DESCRIPTOR(ts), INTERVAL '{window_s // 60}' MINUTE)) "
        "GROUP BY user_id, window_start, window_end"
    )


def batch(folders: list[Path], window_s: int, until_s: float = math.inf, users: str = "true") -> Truth:
    """The feature, as the nightly batch computes it, of windows that end by `until_s`."""
    logs = [str(file) for folder in folders for file in sorted(folder.glob("*.csv"))]
    columns = {"user_id": "INTEGER", "ms": "BIGINT", "arrival": "BIGINT"}
    query = f"SELECT user_id, ms // ({window_s} * 1000) * {window_s}, count(*) FROM log WHERE {users} GROUP BY ALL"
    rows = duckdb.read_csv(logs, header=False, columns=columns).query("log", query).fetchall()
    return {(user, start): n for user, start, n in rows if start + window_s <= until_s}


def sink(name: str, to: Path | str) -> str:
    """A path: files that appear when a checkpoint, or the end, commits them. Else each row is printed at once."""
    roll = ", ".join(f"'sink.rolling-policy.{policy}-interval' = '100 ms'" for policy in ("rollover", "check"))
    options = f"'filesystem', 'path' = 'file://{to}', 'format' = 'csv', {roll}"
    if isinstance(to, str):
        options = f"'print', 'print-identifier' = '{to}'"
    return f"CREATE TABLE {name} (user_id INT, start_s INT, n BIGINT) WITH ('connector' = {options})"


def written(folder: Path) -> Counter[tuple[int, int, int]]:
    """What may be read of a file sink by now: the name of a file that is not committed begins with a dot."""
    readable = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")]
    lines = [line for file in readable for line in file.read_text().splitlines()]
    return Counter(tuple(map(int, line.split(","))) for line in lines)


def missing(truth: Truth, stream: Counter[tuple[int, int, int]]) -> tuple[float, float, int]:
    """Of the batch's events and counts the shares (%) that the stream lacks or has wrong; the events that it lacks."""
    values = {(user, start): n for user, start, n in stream}
    lost = sum(n - values.get(key, 0) for key, n in truth.items())
    wrong = sum(n != values.get(key) for key, n in truth.items())
    return 100 * lost / sum(truth.values()), 100 * wrong / len(truth), lost


def delays(cluster: Cluster, place: Path, seed: int, size: int) -> Rows:
    """Error against the watermark's delay, which is a percentile of the observed lateness."""
    events, tables, inserts, arms, rows = log(seed, size), [], [], {}, {}
    lateness = [at - when for _, when, at in events]
    dealt = random.Random(seed).sample(lateness, size)  # the lateness of the whole stays what it was
    moved = [(user, when, when + late) for (user, when, _), late in zip(events, dealt, strict=True)]
    logs = {"outages": events, "shuffled": sorted(moved, key=lambda event: event[2])}
    inputs = {arm: write(place / arm, some) for arm, some in logs.items()}
    for number, (arm, percentile) in enumerate(product(logs, PERCENTILES if size > 10_000 else (99,))):
        delay_s = delay_of(events, percentile)
        arms[f"{arm}_p{percentile:g}".replace(".", "")] = number, arm, delay_s
        tables += [source(f"events_{number}", inputs[arm], delay_s)]
        for window_s in WINDOWS_S:
            tables += [sink(name := f"out_{number}_{window_s}", place / name)]
            inserts += [feature(name, f"events_{number}", window_s)]
    cluster.submit(tables, inserts, {}).getJobExecutionResult().get()
    ordered = sorted(lateness)
    for row, (number, arm, delay_s) in arms.items():
        rows[row] = {"delay": delay_s}
        for window_s in WINDOWS_S:
            truth = batch([inputs[arm]], window_s, HOUR_S - delay_s)  # later ones close with the log, and lose nothing
            lost, wrong, _ = missing(truth, written(place / f"out_{number}_{window_s}"))
            left_ms = [1_000 * (delay_s + window_s * (step + 0.5) / 50) for step in range(50)]  # delay, rest of window
            expected = 2 * sum(1 - bisect_right(ordered, left) / size for left in left_ms)  # the mean of 50, in %
            rows[row] |= {f"lost_{window_s}_s": lost, f"predicted_{window_s}_s": expected, f"wrong_{window_s}_s": wrong}
    return rows


def clocks(cluster: Cluster, place: Path, seed: int, size: int) -> Rows:
    """One of four producers runs ahead. What do the others lose, under one watermark and under one each?"""
    events, tables, inserts, arms, rows = log(seed, size), [], [], {}, {}
    delay_s = delay_of(events, 99)
    for ahead_s in AHEAD_S if size > 10_000 else (0, 300):
        stamped = [(user, when + 1_000 * ahead_s * (user % PARTITIONS == 3), at) for user, when, at in events]
        whole = write(place / f"ahead_{ahead_s}", stamped)
        arms[f"ahead_{ahead_s}_s"] = [source(f"one_{ahead_s}", whole, delay_s)], f"one_{ahead_s}", [whole]
    parts = [place / f"part_{number}" for number in range(PARTITIONS)]
    deliver(parts, stamped)
    arms[f"ahead_{ahead_s}_s_a_watermark_each"] = union("apart", parts, delay_s), "apart", parts
    capped = [source("capped", whole, delay_s, clock="LEAST(ms, arrival)")]
    arms[f"ahead_{ahead_s}_s_capped"] = capped, "capped", [whole]
    for number, (definitions, table, _) in enumerate(arms.values()):
        tables += [*definitions, sink(f"out_{number}", place / f"out_{number}")]
        inserts += [feature(f"out_{number}", table, 60)]
    cluster.submit(tables, inserts, {}).getJobExecutionResult().get()
    for number, (row, (_, _, folders)) in enumerate(arms.items()):
        out = written(place / f"out_{number}")
        shares = (f"user_id % {PARTITIONS} {word} 3" for word in ("<>", "="))
        others, ahead = (missing(batch(folders, 60, HOUR_S - delay_s, users), out)[0] for users in shares)
        rows[row] = {"others_lose": others, "it_loses": ahead}
    return rows


def replays(cluster: Cluster, place: Path, seed: int, size: int) -> Rows:
    """The same log through the same job, twice."""
    events, rows = log(seed, size), {}
    delay_s, whole = delay_of(events, 95), write(place / "whole", events)
    parts = [place / f"part_{number}" for number in range(PARTITIONS)]
    deliver(parts, events)
    for turn in range(2):
        sinks = [sink(f"{name}_out", place / f"{name}_{turn}") for name in ("whole", "apart")]
        tables = [source("whole", whole, delay_s), *union("apart", parts, delay_s), *sinks]
        inserts = [feature(f"{name}_out", name, 60) for name in ("whole", "apart")]
        cluster.submit(tables, inserts, {}).getJobExecutionResult().get()
    for name, row in (("whole", "one_partition"), ("apart", "four_partitions")):
        first, second = (written(place / f"{name}_{turn}") for turn in range(2))
        differ = len({count[:2] for count in (first - second) + (second - first)})
        rows[row] = {"differ": differ, "events_lost": missing(batch([whole], 60), first)[2]}
    return rows


def idle(cluster: Cluster, place: Path, seed: int, size: int) -> Rows:
    """Four partitions, one silent for the hour, then back with what it held; with an idle timeout and without."""
    events, rows, jobs = log(seed, size), {}, {}
    delay_s = delay_of(events, 100)  # nothing is late for another reason
    latest = [max(when for user, when, _ in events if user % PARTITIONS == number) for number in range(3)]
    due = (min(latest) - 1_000 * delay_s) // 60_000
    full, silent = ([place / f"{name}_{number}" for number in range(PARTITIONS)] for name in ("full", "silent"))
    deliver(full, events)
    deliver(silent[:3], events)
    silent[3].mkdir()
    with ExitStack() as stack:
        timeout = {"table.exec.source.idle-timeout": f"{IDLE_TIMEOUT_MS * cluster.pause_s:.0f} ms"}
        for name, options in {"": {}, "_idle_timeout": timeout}.items():
            tables, inserts = [], []
            for arm, folders in {f"all_deliver{name}": full, f"one_silent{name}": silent}.items():
                tables += [*union(f"in_{arm}", folders, delay_s, live=True), sink(arm, f"{seed}_{arm}")]
                inserts += [feature(arm, f"in_{arm}", 60)]
            jobs[name] = stack.enter_context(cluster.running(tables, inserts, options))
        wait("the first window", lambda: cluster.emitted(f"{seed}_one_silent_idle_timeout"))
        cluster.settle()
        for arm in ("all_deliver", "one_silent", "all_deliver_idle_timeout", "one_silent_idle_timeout"):
            fired = {start for _, start, _ in cluster.emitted(f"{seed}_{arm}")}
            rows[arm] = {"fired": len(fired), "due": due, "ended": HOUR_S // 60}
        write(silent[3], [event for event in events if event[0] % PARTITIONS == 3], "back")
        wait("what was silent", lambda: cluster.emitted(f"{seed}_one_silent"))
        deliver(silent, CLOSING, "end")  # Flink counts what is late when time goes on
        cluster.settle()
        for _ in range(2):  # the first answers are what was known when somebody asked before
            late = {name: cluster.late(job) for name, job in jobs.items()}
            time.sleep(2 * cluster.pause_s)
    for name in ("", "_idle_timeout"):
        truth = batch([silent[3]], 60, 60 * due)
        lost = missing(truth, cluster.emitted(f"{seed}_one_silent{name}"))[2]
        back = {"lost": lost, "returned": sum(truth.values()), "counts_lost": len(truth) if lost else 0}
        rows[f"one_silent{name}"] = back | {"flink_says_late": late[name]} | rows[f"one_silent{name}"]
    return rows


def crash(cluster: Cluster, place: Path, seed: int, size: int) -> Rows:
    """A job writes to a sink without and to one with commits; its task manager is killed between two checkpoints."""
    draw, events, arm = random.Random(seed), log(seed, size), f"{seed}_crash"
    delay_s = delay_of(events, 100)
    first, second = (int(len(events) * draw.uniform(*span)) for span in ((0.35, 0.5), (0.65, 0.8)))
    folders = [place / f"in_{number}" for number in range(PARTITIONS)]

    deliver(folders, events[:first], "first")
    tables = [*union("events", folders, delay_s, live=True), sink("printed", arm), sink("filed", place / "filed")]
    inserts = [feature("printed", "events", 60), feature("filed", "events", 60)]
    with cluster.running(tables, inserts, {"execution.checkpointing.interval": "1 h"}) as job:
        wait("the first window", lambda: cluster.emitted(arm))
        cluster.settle()
        cluster.checkpoint(job)
        wait("a commit", lambda: written(place / "filed"))
        before = cluster.emitted(arm)
        deliver(folders, events[first:second], "second")
        wait("more windows", lambda: len(cluster.emitted(arm)) > len(before))
        cluster.settle()
        since = cluster.emitted(arm) - before
        readable = {"print": since, "exactly_once_files": written(place / "filed") & since}
        os.kill(cluster.tasks.pid, signal.SIGKILL)
        cluster.start_tasks()
        wait("the restore", lambda: cluster.rest(f"/jobs/{job}/checkpoints")["latest"]["restored"])
        cluster.settle(4)  # files have no order: the third ones must not overtake the second, as in a log they cannot
        deliver(folders, events[second:] + CLOSING, "third")
        wait("the last window", lambda: max(start for _, start, _ in cluster.emitted(arm)) == HOUR_S - 60)
        cluster.settle()
        cluster.checkpoint(job)
        truth = Counter((*key, n) for key, n in batch(folders, 60, users="user_id >= 0").items())
        wait("the last commit", lambda: len(written(place / "filed")) >= len(truth))
    rows = {}
    for name, out in {"print": cluster.emitted(arm), "exactly_once_files": written(place / "filed")}.items():
        rows[name] = {"twice": (out - truth).total(), "wrong": len(set(out) ^ set(truth))}
        rows[name] |= {"readable": readable[name].total(), "emitted_since": since.total(), "counts": len(truth)}
    return rows


def run(quick: bool) -> dict[str, object]:
    tables: dict[str, dict[str, dict[str, dict[str, object]]]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cluster = Cluster(stack, folder, pause_s=0.5 if quick else 1)
        for seed, part in product(range(1 if quick else 5), (delays, clocks, replays, idle, crash)):
            rows = part(cluster, folder / f"{part.__name__}-{seed}", seed, 10_000 if quick else 100_000)
            for row, column, value in ((row, *cell) for row, cells in rows.items() for cell in cells.items()):
                unit = "s" if column == "delay" else "%" if isinstance(value, float) else ""
                kept = tables.setdefault(part.__name__, {}).setdefault(row, {})
                kept.setdefault(column, labkit.measured(unit, []))["samples"].append(float(value))
    return tables


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
