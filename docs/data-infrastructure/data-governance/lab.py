# /// script
# requires-python = ">=3.11.5"
# dependencies = [
#     "arro3-io>=0.9,<0.10", "deltalake>=1.6,<2", "great-expectations>=1.24,<2", "handbook-labkit",
#     "openlineage-python>=1.54,<2", "pandera[pandas]>=0.35,<0.40",
# ]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""Which faults do checks inferred from clean weeks catch, at what false alarms; and where is a person after erasure?

Two years of a shop's orders, 2,000 a week: one to infer from, one to judge; a seed is a shop. Pandera bounds values,
Great Expectations (GX) aggregates of a week; a fault is caught where a check fails that passes without the fault."""

import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
import uuid
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import labkit

os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["GX_ANALYTICS_ENABLED"] = "false"
import arro3.core
import arro3.io
import great_expectations as gx
import great_expectations.expectations as gxe
import numpy as np
import pandas as pd
import pandera.pandas as pa
from deltalake import DeltaTable, write_deltalake
from great_expectations.data_context.types.base import ProgressBarsConfig
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.transport.file import FileConfig, FileTransport

CLAIMS = {
    "inferred": {
        "claim": "A schema that Pandera infers from a year of clean weeks passes at least one of the weeks after it",
        "formula": "results.alarms['Pandera, as inferred'].and_mix", "unit": "%", "always": True,
        "expected": "fails", "holds_if": "low < 100", "fails_if": "low == 100",
    },
    "three-sigma": {
        "claim": "Bounds of three standard deviations of a clean year alarm in fewer than 5 % of the next year's weeks",
        "formula": "results.alarms['GX, 52 weeks'].and_mix", "unit": "%",  # 5: of 19 independent normal checks
        "expected": "fails", "holds_if": "high < 5", "fails_if": "low > 5",
    },
    "still": {
        "claim": "In a shop that never changes, too, they alarm in more than 5 % of weeks",
        "formula": "results.alarms['GX, 52 weeks'].still", "unit": "%",
        "expected": "holds", "holds_if": "low > 5", "fails_if": "high < 5",
    },
    "eight": {
        "claim": "In a shop that never changes, bounds of 8 weeks alarm in at least 20 of 100 weeks more than of 52",
        "formula": "results.alarms['GX, 8 weeks'].still - results.alarms['GX, 52 weeks'].still", "unit": "points",
        "expected": "holds", "holds_if": "low > 20", "fails_if": "high < 20",
    },
    "change": {
        "claim": "Bounds on the change from last week alarm in at least 50 of 100 weeks less than those of the year",
        "formula": "results.alarms['GX, 52 weeks'].and_mix - results.alarms['GX, change'].and_mix",
        "unit": "points", "expected": "holds", "holds_if": "low > 50", "fails_if": "high < 50",
    },
    "silent": {
        "claim": "A join shifted for a tenth of the rows is caught by ranges or by aggregates in some shop",
        "formula": "results.faults['shifted join']['Pandera_10%'] + results.faults['shifted join']['GX_10%']",
        "unit": "shops", "always": True, "expected": "fails", "holds_if": "value > 0", "fails_if": "value == 0",
    },
    "vacuum": {
        "claim": "DELETE and then VACUUM with its default retention leave no row of those deleted in old files",
        "formula": "results.erasure['orders, old files'].VACUUM", "unit": "rows", "always": True,
        "expected": "fails", "holds_if": "value == 0", "fails_if": "value > 0",
    },
    "log": {
        "claim": "Once VACUUM has removed the old files, nobody deleted stands in the table's folder", "always": True,
        "formula": "results.erasure['orders, log'].VACUUM_0", "unit": "lines",
        "expected": "fails", "holds_if": "value == 0", "fails_if": "value > 0",
    },
    "lineage": {
        "claim": "The last run of each job leads to all datasets that its runs have written", "always": True,
        "formula": "results.found['all runs'].places - results.found['last run of each job'].places",
        "unit": "places", "expected": "fails", "holds_if": "value == 0", "fails_if": "value > 0",
    },
}

HISTORY, SHARES, LIMITS = 52, (0.003, 0.01, 0.03, 0.1, 0.3), (2, 3, 4, 6, 9)
COUNTRIES, CHANNELS = np.array(["DE", "FR", "IT", "NL", "US"]), np.array(["app", "mail", "web"])
GROWING = "order_id", "created"  # bounds on these hold until next week
NUMBERS, WORDS = ("hour", "items", "listed", "paid", "shipping", "score"), ("country", "channel")
TABLES = "orders", "quarantine", "features"
Tables = dict[str, dict[str, dict[str, object]]]


class World:
    """A shop. `season` scales the yearly swing and the holiday peak, `growth` the orders that a year adds, `mix` the
    app's rising share of them. A week is the same whatever else was drawn."""

    def __init__(self, seed: int, season: float = 1, growth: float = 1, mix: float = 1) -> None:
        self.seed, self.season, self.growth, self.mix = seed, season, growth, mix
        draw = np.random.default_rng([seed, 999])
        moved = [draw.normal(0, 0.05, 4_000)]
        for _ in range(2 * HISTORY):
            moved.append(0.9 * moved[-1] + draw.normal(0, 0.022, 4_000))
        self.scores = (draw.beta(2, 5, 4_000) + np.array(moved)).round(4)  # of each user, week by week
        self.home = draw.choice(5, 4_000, p=[0.4, 0.2, 0.15, 0.15, 0.1])

    def week(self, number: int) -> pd.DataFrame:
        draw, year, years = np.random.default_rng([self.seed, number]), number % HISTORY, number / HISTORY
        swing = self.season * (np.sin(2 * np.pi * year / HISTORY) + 3 * (46 <= year <= 50))
        n = int(2_000 * (1 + 0.25 * self.growth * years) * (1 + 0.15 * swing) * draw.lognormal(0, 0.04))
        user, app = draw.integers(0, 4_000, n), 0.3 + 0.1 * self.mix * years
        listed = (1 + draw.lognormal(3 + 0.05 * swing + draw.normal(0, 0.02), 1, n)).round(2)
        off = np.where(draw.random(n) < 0.4 + 0.05 * swing, draw.uniform(0.02, 0.2, n), 0)
        hour = np.clip(draw.normal(14, 4.5, n), 0, 23).astype(int)
        minute = draw.integers(0, 7, n) * 1_440 + hour * 60 + draw.integers(0, 60, n)
        order = np.argsort(minute)
        start = pd.Timestamp("2024-01-01") + pd.Timedelta(weeks=number)
        return pd.DataFrame({
            "order_id": number * 100_000 + np.arange(n), "user_id": user,
            "created": start + pd.to_timedelta(minute[order], unit="min"), "hour": hour[order],
            "country": COUNTRIES[self.home[user]], "channel": draw.choice(CHANNELS, n, p=[app, 0.2, 0.8 - app]),
            "items": draw.poisson(1.5, n) + 1, "listed": listed, "paid": (listed * (1 - off)).round(2),
            "shipping": draw.choice([0.0, 3.9, 5.9, 9.9], n, p=[0.3, 0.4, 0.2, 0.1]),
            "score": self.scores[number, user],
        })  # fmt: skip


def put(value: Callable[..., object], *columns: str) -> Callable[..., pd.DataFrame]:
    def fault(frame: pd.DataFrame, rows: np.ndarray, world: World, number: int) -> pd.DataFrame:
        new = value(frame.loc[rows], world, number)
        for i, column in enumerate(columns):
            frame[column] = frame[column].astype(float) if column in NUMBERS else frame[column]
            frame.loc[rows, column] = new if len(columns) == 1 else new[i]
        return frame

    return fault


# Where it arises: at the producer (before it counts what it sends), on the way, or in our join.
FAULTS: dict[str, tuple[str, Callable[..., pd.DataFrame]]] = {
    "cents for dollars": ("producer", put(lambda rows, *_: rows["paid"] * 100, "paid")),
    "euros for dollars": ("producer", put(lambda rows, *_: (rows["paid"] * 0.86).round(2), "paid")),
    "missing": ("producer", put(lambda *_: np.nan, "paid")),
    "sign flipped": ("producer", put(lambda rows, *_: -rows["paid"], "paid")),
    "columns swapped": ("producer", put(lambda rows, *_: (rows["paid"], rows["listed"]), "listed", "paid")),
    "unknown country": ("producer", put(lambda *_: "XX", "country")),
    "default country": ("producer", put(lambda *_: "DE", "country")),
    "time zone": ("producer", put(lambda rows, *_: (rows["hour"] + 6) % 24, "hour")),
    "frozen value": ("producer", put(lambda rows, *_: rows["items"].iloc[0], "items")),
    "test orders": ("producer", put(lambda *_: (1, 10.0, 10.0, 0.0), "items", "listed", "paid", "shipping")),
    "sent twice, new id": ("producer", lambda frame, rows, *_: pd.concat(
        [frame, frame.loc[rows].assign(order_id=lambda copies: copies["order_id"] + 50_000)])),
    "sent twice, same id": ("way", lambda frame, rows, *_: pd.concat([frame, frame.loc[rows]])),
    "last week again": ("way", lambda frame, rows, world, number: pd.concat(
        [frame, world.week(number - 1).head(len(rows))])),
    "late partition": ("way", lambda frame, rows, *_: frame.iloc[: len(frame) - len(rows)]),
    "rows lost": ("way", lambda frame, rows, *_: frame.drop(index=rows)),
    "stale join": ("join", put(lambda rows, world, number: world.scores[number - 8, rows["user_id"]], "score")),
    "shifted join": ("join", put(lambda rows, *_: np.roll(rows["score"].to_numpy(), 1), "score")),
}  # fmt: skip


def inject(world: World, number: int, name: str, share: float) -> pd.DataFrame:
    clean = world.week(number)
    draw = np.random.default_rng([world.seed, number, list(FAULTS).index(name)])
    rows = np.sort(draw.choice(len(clean), max(1, round(share * len(clean))), replace=False))
    return FAULTS[name][1](clean, rows, world, number).reset_index(drop=True)


PLAIN = [
    ("rows", ""), *((what, column) for column in NUMBERS for what in ("mean", "std", "median")),
    ("present", "paid"), ("present", "country"), ("unique", "order_id"),
]  # fmt: skip


class Facts:  # the aggregates of a week that GX's expectations below are about
    def __init__(self, frame: pd.DataFrame) -> None:
        numbers = [getattr(frame[column], what)() for what, column in PLAIN[1:-3]]
        present = [frame[column].notna().mean() for column in ("paid", "country")]
        self.values = np.array([len(frame), *numbers, *present, frame["order_id"].nunique() / len(frame)], float)
        self.shares = [frame[column].value_counts(normalize=True) for column in WORDS]


def divergence(now: pd.Series, then: pd.Series) -> float:
    both = pd.concat([now, then], axis=1).fillna(0).to_numpy()
    both = both[both[:, 0] > 0]
    with np.errstate(divide="ignore"):
        return float((both[:, 0] * np.log(both[:, 0] / both[:, 1])).sum())


class Bounds:
    """Mean ± `limit` deviations of `weeks` clean weeks: of an aggregate or, with `change`, of its weekly change."""

    def __init__(self, clean: list[Facts], weeks: int, change: bool) -> None:
        self.clean, self.change, past = clean, change, clean[HISTORY - weeks : HISTORY]
        values = np.array([facts.values for facts in past])
        self.pooled = [pd.concat([facts.shares[i] for facts in past], axis=1).mean(axis=1) for i in (0, 1)]
        far = [
            [divergence(now.shares[i], before.shares[i] if change else self.pooled[i]) for i in (0, 1)]
            for before, now in itertools.pairwise(past)
        ]
        steps = np.diff(values, axis=0) if change else values
        self.middle = np.append(steps.mean(axis=0), np.mean(far, axis=0))
        self.spread = np.append(steps.std(axis=0, ddof=1), np.std(far, axis=0, ddof=1))

    def around(self, number: int) -> tuple[np.ndarray, list[pd.Series]]:
        """The middle for that week, and the shares to compare with."""
        if not self.change:
            return self.middle, self.pooled
        before = self.clean[number - 1]
        return self.middle + np.append(before.values, [0, 0]), before.shares

    def away(self, facts: Facts, number: int) -> np.ndarray:
        """Standard deviations from the middle, a number a check; infinite for a value of a word never seen."""
        middle, shares = self.around(number)
        far = [divergence(now, then) for now, then in zip(facts.shares, shares, strict=True)]
        off = np.append(facts.values, far) - middle
        off[-2:] = np.maximum(off[-2:], 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = np.where(np.abs(off) < 1e-12, 0, np.abs(off) / self.spread)
        unseen = [bool(set(now.index) - set(then.index)) for now, then in zip(facts.shares, self.pooled, strict=True)]
        return np.append(scores, np.where(unseen, np.inf, 0))

    def expectations(self, number: int, limit: float, arm: str) -> list[gxe.Expectation]:
        middle, shares = self.around(number)
        low, high = middle - limit * self.spread, middle + limit * self.spread
        kinds = {
            "mean": gxe.ExpectColumnMeanToBeBetween, "std": gxe.ExpectColumnStdevToBeBetween,
            "median": gxe.ExpectColumnMedianToBeBetween, "unique": gxe.ExpectColumnProportionOfUniqueValuesToBeBetween,
            "present": gxe.ExpectColumnProportionOfNonNullValuesToBeBetween,
        }  # fmt: skip
        rows = {"min_value": int(np.ceil(low[0])), "max_value": int(high[0]), "meta": {"check": [arm, 0]}}
        made = [gxe.ExpectTableRowCountToBeBetween(**rows)]
        for i, (what, column) in enumerate(PLAIN[1:], 1):
            ends = {"min_value": float(low[i]), "max_value": float(high[i]), "meta": {"check": [arm, i]}}
            made.append(kinds[what](column=column, **ends))
        for i, column in enumerate(WORDS, len(PLAIN)):
            then = shares[i - len(PLAIN)]
            known = {"values": list(then.index), "weights": [float(weight) for weight in then]}
            about = {"column": column, "threshold": float(high[i]), "meta": {"check": [arm, i]}}
            made.append(gxe.ExpectColumnKLDivergenceToBeLessThan(partition_object=known, **about))
            about = {"value_set": list(self.pooled[i - len(PLAIN)].index), "meta": {"check": [arm, i + 2]}}
            made.append(gxe.ExpectColumnDistinctValuesToBeInSet(column=column, **about))
        return made


class Gx:
    def __init__(self) -> None:
        (context := gx.get_context(mode="ephemeral")).variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("shop").add_dataframe_asset("orders")
        self.definition = asset.add_batch_definition_whole_dataframe("week")

    def failed(self, frame: pd.DataFrame, expectations: list[gxe.Expectation]) -> set[tuple[str, int]]:
        batch = self.definition.get_batch(batch_parameters={"dataframe": frame})
        suite = gx.ExpectationSuite(name="bounds", expectations=expectations)
        results = batch.validate(suite, result_format="BOOLEAN_ONLY").results
        return {tuple(result.expectation_config.meta["check"]) for result in results if not result.success}


def ranges(history: pd.DataFrame) -> dict[str, pa.DataFrameSchema]:
    """What Pandera infers from a year of rows; and the same without bounds on columns that grow."""
    inferred = pa.infer_schema(history.astype(dict.fromkeys(WORDS, "category")))
    edited = inferred.update_columns({column: {"checks": []} for column in GROWING})
    return {"Pandera, as inferred": inferred, "Pandera, edited": edited}


def rules(world: World, number: int, sent: pd.DataFrame) -> pa.DataFrameSchema:
    """What one week cannot tell: earlier keys, totals sent, column order, the joined table."""
    seen, rows, total = world.week(number - 1)["order_id"], len(sent), sent["paid"].sum()
    return pa.DataFrameSchema(
        {"order_id": pa.Column(
            int, pa.Check(lambda ids: ~ids.isin(seen), name="new"), unique=True)},
        checks=[
            pa.Check(lambda frame: len(frame) == rows
                     and abs(frame["paid"].sum() - total) < 0.005, name="as sent"),
            pa.Check(lambda frame: (frame["paid"] > 0) & (frame["paid"] <= frame["listed"]),
                     name="paid <= listed"),
            pa.Check(lambda frame: frame["score"] == world.scores[number, frame["user_id"]],
                     name="score as in users"),
        ],
    )


def broken(schema: pa.DataFrameSchema, frame: pd.DataFrame) -> set[tuple[object, object]]:
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as errors:
        return set(errors.failure_cases[["column", "check"]].astype(str).itertuples(index=False, name=None))
    return set()


ARMS = {"8 weeks": (8, False), "52 weeks": (52, False), "change": (52, True)}


def shop(world: World, quick: bool, expect: Gx | None = None) -> tuple[dict, dict, int]:
    """The share of clean weeks with an alarm; what each way catches at which share; verdicts in which GX differs."""
    weeks = [world.week(number) for number in range(2 * HISTORY)]
    clean = [Facts(week) for week in weeks]
    bounds = {arm: Bounds(clean, *what) for arm, what in ARMS.items()}
    year = range(HISTORY, HISTORY + 8) if quick else range(HISTORY, 2 * HISTORY)
    away = {arm: {number: of.away(clean[number], number) for number in year} for arm, of in bounds.items()}
    share_of = lambda alarmed: 100 * float(np.mean(list(alarmed)))  # noqa: E731
    by = itertools.product(ARMS, LIMITS)
    alarms = {(arm, limit): share_of((far > limit).any() for far in away[arm].values()) for arm, limit in by}
    if not expect:
        return alarms, {}, 0
    schemas = ranges(pd.concat(weeks[:HISTORY]))
    alarms |= {(name, 0): share_of(bool(broken(of, weeks[n])) for n in year) for name, of in schemas.items()}
    edited, number = schemas["Pandera, edited"], year[(world.seed * 17 + 3) % len(year)]
    normal, caught, differ = broken(edited, weeks[number]), defaultdict(set), 0
    for (fault, (where, _)), share in itertools.product(FAULTS.items(), SHARES[1::2] if quick else SHARES):
        facts = Facts(frame := inject(world, number, fault, share))
        far = {arm: of.away(facts, number) for arm, of in bounds.items()}
        for arm, limit in itertools.product(ARMS, LIMITS):
            if ((far[arm] > limit) & (away[arm][number] <= limit)).any():
                caught[arm, limit].add((fault, share))
        if share == 0.1 and world.seed < 7:  # GX itself: it must say the same
            wanted = [item for arm, of in bounds.items() for item in of.expectations(number, 3, arm)]
            over = {(arm, int(i)) for arm in ARMS for i in np.flatnonzero(~(far[arm] <= 3))}
            differ += len(over ^ expect.failed(frame, wanted))
        if broken(edited, frame) - normal:
            caught["Pandera, edited", 0].add((fault, share))
        if broken(rules(world, number, frame if where == "producer" else weeks[number]), frame):
            caught["rules", 0].add((fault, share))
    return alarms, caught, differ


def erase(folder: Path, days: int, expect: Gx) -> Tables:
    """300 customers, 30 ask for erasure: their rows that are still in files, place by place, after each step."""
    draw = np.random.default_rng(1)
    people = [f"{name}{i:03}@example.org" for i, name in enumerate(draw.choice(["bo", "eve", "kim", "lea"], 300))]
    asking = {str(person) for person in draw.choice(people, 30, replace=False)}
    hashed = lambda person: hashlib.sha256(person.encode()).hexdigest()  # noqa: E731
    hidden = {hashed(person) for person in asking}
    client = OpenLineageClient(transport=FileTransport(FileConfig(str(folder / "events.jsonl"), append=True)))

    def ran(day: int, job: str, read: str, *wrote: str) -> None:
        about = {"producer": "https://example.org/lab", "run": Run(str(uuid.uuid4())), "job": Job("shop", job)}
        about |= {"inputs": [InputDataset("shop", read)], "outputs": [OutputDataset("shop", name) for name in wrote]}
        for state in (RunState.START, RunState.COMPLETE):
            client.emit(RunEvent(eventType=state, eventTime=f"2026-01-{day + 1:02}T00:00:00Z", **about))

    def table(key: str, rows: list[tuple[str, float]]) -> arro3.core.Table:
        text, number = arro3.core.DataType.string(), arro3.core.DataType.float64()
        columns = [arro3.core.Array([k for k, _ in rows], text), arro3.core.Array([v for _, v in rows], number)]
        return arro3.core.Table.from_arrays(columns, names=[key, "paid"])

    orders: list[tuple[str, float]] = []
    (folder / "reports").mkdir()
    for day in range(days):
        today = [(str(person), float(draw.lognormal(3))) for person in draw.choice(people, 60)]
        bad = [(person.replace("@", " at "), paid) for person, paid in today[:12]] if day % 7 == 3 else []
        good = today[len(bad) :]
        orders += good
        write_deltalake(folder / "orders", table("email", good), mode="append")
        if bad:  # the gate keeps what it refuses, and GX's report quotes it, as by default
            write_deltalake(folder / "quarantine", table("email", bad), mode="append")
            frame, where = pd.DataFrame(bad + good, columns=["email", "paid"]), folder / f"reports/{day}.json"
            rule = gxe.ExpectColumnValuesToMatchRegex(column="email", regex=r"^[^@ ]+@[^@ ]+$")
            report = expect.definition.get_batch(batch_parameters={"dataframe": frame}).validate(rule)
            where.write_text(json.dumps(report.to_json_dict(), indent=1))
        ran(day, "ingest", "shop-api", "orders", *["quarantine"][: len(bad)])
        if day % 7 == 6:
            spent: dict[str, float] = defaultdict(float)
            for person, paid in orders:
                spent[hashed(person)] += paid
            rows = table("person", list(spent.items()))
            write_deltalake(folder / "features", rows, mode="overwrite")
            ran(day, "features", "orders", "features")
            (folder / f"training-{day}").mkdir()
            arro3.io.write_parquet(rows, folder / f"training-{day}/rows.parquet")
            ran(day, "training set", "features", f"training-{day}")
        if day == days // 2:
            shutil.copytree(folder / "orders", folder / "backup")  # by the storage, which emits no event
            pd.DataFrame(orders).to_csv(folder / "export.csv")  # by a colleague, who emits none either

    def touched(files: Iterable[Path]) -> int:  # rows of Parquet files, lines of others, with a name or hash of theirs
        count, keys = 0, {person.partition("@")[0] for person in asking} | hidden
        for file in [file for file in files if file.is_file()]:
            lines = file.read_text().splitlines() if file.suffix != ".parquet" else []
            if not lines:
                columns = arro3.io.read_parquet(file).read_all().columns
                lines = map(str, zip(*(column.to_pylist() for column in columns), strict=True))
            count += sum(any(key in line for key in keys) for line in lines)
        return count

    def places() -> dict[str, int]:
        counts = {}
        for name in TABLES:
            now = {folder / name / Path(uri).name for uri in DeltaTable(folder / name).file_uris()}
            counts[name] = touched(now)
            counts[f"{name}, old files"] = touched(set((folder / name).glob("*.parquet")) - now)
            counts[f"{name}, log"] = touched((folder / name / "_delta_log").glob("*"))
        others = {"training sets": "training-*/*", "reports": "reports/*", "backup": "backup/*.parquet"}
        counts |= {name: touched(folder.glob(files)) for name, files in others.items()}
        return counts | {"export": touched([folder / "export.csv"])}

    def delete(name: str, column: str, keys: set[str]) -> None:
        DeltaTable(folder / name).delete(f"{column} IN ({', '.join(map(repr, sorted(keys)))})")

    def downstream() -> None:
        delete("quarantine", "email", asking)
        delete("features", "person", hidden)
        for file in folder.glob("training-*/rows.parquet"):
            columns = arro3.io.read_parquet(file).read_all().columns
            rows = zip(*(column.to_pylist() for column in columns), strict=True)
            arro3.io.write_parquet(table("person", [row for row in rows if row[0] not in hidden]), file)

    def clean_logs() -> None:
        for of in [DeltaTable(folder / name) for name in TABLES]:
            of.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 days"})
            of.create_checkpoint()
            of.cleanup_metadata()

    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    last = {event["job"]["name"]: event for event in events}
    found = {"last run of each job": reached(last.values()), "all runs": reached(events)}
    found["listing of the storage"] = {item.name for item in folder.iterdir()} - {"events.jsonl"}
    vacuum = lambda **how: [DeltaTable(folder / name).vacuum(dry_run=False, **how) for name in TABLES]  # noqa: E731
    now = {"retention_hours": 0, "enforce_retention_duration": False}
    steps = {"start": list, "after_DELETE": lambda: delete("orders", "email", asking), "downstream": downstream}
    steps |= {"VACUUM": vacuum, "VACUUM_0": lambda: vacuum(**now), "log_cleaned": clean_logs}
    erasure: dict[str, dict[str, object]] = defaultdict(dict)
    for step, act in steps.items():
        act()
        for place, count in places().items():
            erasure[place][step] = labkit.exact("", count)
    return {"erasure": erasure, "found": {way: {"places": labkit.exact("", len(at))} for way, at in found.items()}}


def reached(events: Iterable[dict[str, object]], source: str = "shop-api") -> set[str]:
    links = {(of["name"], to["name"]) for event in events for of in event["inputs"] for to in event["outputs"]}
    known: set[str] = set()
    while more := {to for of, to in links if of in known | {source}} - known:
        known |= more
    return known


def overhead(expect: Gx, quick: bool) -> dict[str, dict[str, object]]:
    """Time to check a small and a large frame with each tool, and to take GX's aggregates with pandas alone."""
    history = [World(0).week(number) for number in range(HISTORY)]
    schema, of = ranges(pd.concat(history))["Pandera, edited"], Bounds([Facts(week) for week in history], 52, False)
    sizes = {"1,000_rows": 1_000, "million_rows": 10_000 if quick else 1_000_000}
    frames = {name: pd.concat(history).sample(size, replace=True, random_state=1) for name, size in sizes.items()}
    tools = {"pandas": Facts, "Pandera": lambda frame: broken(schema, frame)}
    tools["GX"] = lambda frame: expect.failed(frame, of.expectations(1, 3, "GX"))

    def timed(tool: str, name: str) -> float:
        begin = time.perf_counter()
        tools[tool](frames[name])
        return (time.perf_counter() - begin) * 1e3

    arms = {arm: lambda arm=arm: timed(*arm) for arm in itertools.product(tools, sizes)}
    rows: dict[str, dict[str, object]] = defaultdict(dict)
    for (tool, name), samples in labkit.interleave(arms, 1 if quick else 7).items():
        rows[tool][name] = labkit.measured("ms", samples)
    return rows


def run(quick: bool) -> Tables:
    expect, seeds, tables = Gx(), range(1 if quick else 12), defaultdict(dict)
    shops = [shop(World(seed), quick, expect) for seed in seeds]
    worlds = {"still": (0, 0, 0), "season": (1, 0, 0), "and_growth": (1, 1, 0)}
    clean = {name: [shop(World(seed, *how), quick)[0] for seed in seeds] for name, how in worlds.items()}
    clean["and_mix"] = [alarms for alarms, _, _ in shops]
    for arm in ARMS:
        for name, found in clean.items():
            rates = labkit.measured("%", [alarms[arm, 3] for alarms in found])
            tables["alarms"].setdefault(f"GX, {arm}", {})[name] = rates
        for limit in LIMITS:
            far = [sum(at == 0.1 for _, at in caught[arm, limit]) for _, caught, _ in shops]
            row = {"false_alarms": labkit.measured("%", [alarms[arm, limit] for alarms, _, _ in shops])}
            tables["limits"][f"bounds={arm}, limit={limit}"] = row | {"caught": labkit.measured("", far)}
    for name in ("Pandera, as inferred", "Pandera, edited"):
        tables["alarms"][name] = {"and_mix": labkit.measured("%", [of[0][name, 0] for of in shops])}
    ways = {"Pandera": ("Pandera, edited", 0), "GX": ("change", 3), "rules": ("rules", 0)}
    for name, way in ways.items():
        for share in SHARES[1::2] if quick else SHARES:
            counts = [sum(at == share for _, at in caught[way]) for _, caught, _ in shops]
            tables["caught"][f"way={name}, share={share:g}"] = {"faults": labkit.measured("", counts)}
        for fault, share in itertools.product(FAULTS, (0.01, 0.1)):
            shops_that = labkit.exact("", sum((fault, share) in caught[way] for _, caught, _ in shops))
            tables["faults"].setdefault(fault, {})[f"{name}_{share:.0%}"] = shops_that
    tables["same"]["GX and pandas"] = {"verdicts_that_differ": labkit.exact("", sum(of[2] for of in shops))}
    with tempfile.TemporaryDirectory() as name:
        tables |= erase(Path(name), 14 if quick else 28, expect)
    return tables | {"overhead": overhead(expect, quick)}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # an inferred schema warns that nobody has edited it
    raise SystemExit(labkit.main(run))
