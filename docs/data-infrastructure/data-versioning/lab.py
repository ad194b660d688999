# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit", "deltalake>=1.6,<2", "dvc>=3.67,<4", "numpy>=2,<3", "pyarrow>=22"]
#
# [tool.uv.sources]
# handbook-labkit = { path = "../../../scripts/labkit", editable = true }
# ///
"""What does a version of a changing table cost, and which of ten training sets can still be rebuilt, bit for bit?

Real DVC in a real git repository, real Delta tables. The table: an id, a day, a user, a label, 22 features of noise.
"""

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import labkit
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from dvc.repo import Repo

CLAIMS = {
    "dvc-diff": {
        "claim": "Of one file with 1 % of rows appended a version, DVC stores less than half of full copies",
        "formula": "results.stored['append, DVC one file'].stored / results.stored['append, copies'].stored",
        "unit": "×", "expected": "fails", "holds_if": "value < 0.5", "fails_if": "value > 0.5", "always": True,
    },
    "random": {
        "claim": "With 1 % of labels corrected at random, a file a day grows at most half as much as full copies",
        "formula": "results.stored['correct, DVC file a day'].times_first"
        " / results.stored['correct, copies'].times_first",
        "unit": "×", "expected": "fails", "holds_if": "value <= 0.5", "fails_if": "value > 0.5", "always": True,
    },
    "delta-rows": {
        "claim": "Delta stores history as updates to rows: 1 % corrected, it grows less than half as much as copies",
        "formula": "results.stored['correct, Delta'].times_first / results.stored['correct, copies'].times_first",
        "unit": "×", "expected": "fails", "holds_if": "value < 0.5", "fails_if": "value > 0.5", "always": True,
    },
    "changes": {
        "claim": "With corrections in files of their own, all versions take at most 1.2 times the first",
        "formula": "results.stored['correct, DVC changes'].times_first", "always": True,
        "unit": "×", "expected": "holds", "holds_if": "value <= 1.2", "fails_if": "value > 1.2",
    },
    "vacuum-loses": {
        "claim": "VACUUM ends time travel to versions older than its retention, to appended ones too",
        "expected": "fails", "holds_if": "results.kept['append, VACUUM 7 days'].rebuilt.value <= 2",
        "fails_if": "results.kept['append, VACUUM 7 days'].rebuilt.value > 2", "always": True,
    },
    "no-vacuum": {
        "claim": "Where nobody runs VACUUM, all ten versions survive a log clean-up at its default of 30 days",
        "expected": "fails", "holds_if": "results.kept['append, log clean-up'].rebuilt.value == 10",
        "fails_if": "results.kept['append, log clean-up'].rebuilt.value < 10", "always": True,
    },
    "pinned": {
        "claim": "Versions named in keep_versions survive VACUUM, even at a retention of 0 days",
        "expected": "holds", "holds_if": "results.kept['correct, VACUUM 0 days, two pinned'].pinned.value == 2",
        "fails_if": "results.kept['correct, VACUUM 0 days, two pinned'].pinned.value < 2", "always": True,
    },
    "file-hash": {
        "claim": "A file hash recognizes the same rows from another writer (a sum of row hashes does)",
        "expected": "fails", "holds_if": "results.equal['other writer'].same_bytes.value == 10", "always": True,
        "fails_if": "results.equal['other writer'].same_bytes.value == 0 "
        "and results.equal['other writer'].same_rows.value == 10",
    },
    "float-sum": {
        "claim": "A feature summed again from the same events in another order is bit-equal",
        "expected": "fails", "holds_if": "results.equal['float sums, events shuffled'].same_rows.value == 10",
        "fails_if": "results.equal['float sums, events shuffled'].same_rows.value < 10", "always": True,
    },
    "seed": {
        "claim": "With a fixed seed, at most 1 % of the old test rows are trained on once 1 % of rows is appended",
        "formula": "results.splits['seed, 1 % appended'].test_rows_now_trained_on", "always": True,
        "unit": "%", "expected": "fails", "holds_if": "high <= 1", "fails_if": "low > 1",
    },
    "erased": {
        "claim": "DELETE and, at once, a VACUUM at its default remove a person from the table's files",
        "expected": "fails", "holds_if": "results.erasure['DELETE, VACUUM 7 days'].rows_on_disk.value == 0",
        "fails_if": "results.erasure['DELETE, VACUUM 7 days'].rows_on_disk.value > 0", "always": True,
    },
    "proof": {
        "claim": "After an erasure files and recorded sums add up for all ten sets, and for none with a forged label",
        "formula": "results.erasure['manifest, rewritten'].proved.value"
        " - results.erasure['manifest, one label forged'].proved.value", "unit": "of 10", "always": True,
        "expected": "holds", "holds_if": "value == 10", "fails_if": "value < 10",
    },
}

SEED = 20261127
DAYS = 20  # files of the first version, where a file holds a day
MONTHS = 10  # training sets, one a month, the last one today
Columns = dict[str, np.ndarray]
Cells = dict[str, dict[str, object]]


def first(rows: int, draw: np.random.Generator, features: int = 22) -> Columns:
    """The first version; ids in order of days, values of 64 bits that do not compress, 200 bytes a row in all."""
    columns = {"id": np.arange(rows), "day": (np.arange(rows) * DAYS // rows).astype(np.int32)}
    columns["user"] = draw.integers(0, max(2, rows // 50), rows, np.int32)
    columns["label"] = draw.integers(0, 2, rows, np.int8)
    return columns | {f"f{number:02}": draw.standard_normal(rows) for number in range(features)}


def append(old: Columns, draw: np.random.Generator, version: int) -> tuple[Columns, Columns]:
    """The next version and what is new in it: 1 % more rows, on a day of their own."""
    new = first(len(old["id"]) // 100, draw, len([name for name in old if name[0] == "f"]))
    new["id"] += old["id"][-1] + 1
    new["day"][:] = DAYS + version - 1
    return {name: np.concatenate([old[name], new[name]]) for name in old}, new


def correct(old: Columns, draw: np.random.Generator, version: int = 1, count: int = 0) -> tuple[Columns, Columns]:
    """The labels of `count` rows, or of 1 %, drawn at random, are flipped."""
    places = draw.choice(len(old["id"]), count or len(old["id"]) // 100, replace=False)
    return flipped(old, np.sort(places))


def flipped(old: Columns, places: np.ndarray) -> tuple[Columns, Columns]:
    label = old["label"].copy()
    label[places] ^= 1
    return old | {"label": label}, {"id": old["id"][places], "label": label[places]}


def add_column(old: Columns, draw: np.random.Generator, version: int) -> tuple[Columns, Columns]:
    """A feature more, with a value for every row."""
    new = {f"g{version:02}": draw.standard_normal(len(old["id"]))}
    return old | new, {"id": old["id"]} | new


CHANGES = {"append": append, "correct": correct, "new column": add_column}


def write(path: Path, columns: Columns, **options: object) -> bytes:
    pq.write_table(pa.table(columns), path, **options)
    return path.read_bytes()


def write_parts(folder: Path, columns: Columns, part: np.ndarray, which: np.ndarray) -> None:
    """A file for each number in `which`, with the rows whose part it is."""
    for number in np.unique(which):
        write(folder / f"{number:03}.parquet", {name: values[part == number] for name, values in columns.items()})


def read(paths: Iterable[Path | str]) -> Columns:
    table = pa.concat_tables(pq.ParquetFile(path).read() for path in paths)
    return {name: table[name].to_numpy() for name in table.column_names}


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def git(folder: Path, *words: object) -> None:
    subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True)


class Versioned:
    """A git repository in which DVC tracks the folder data; version 3 is the tag v3."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.cache, self.data = folder, folder / ".dvc/cache", folder / "data"
        self.data.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        Repo.init(str(folder)).close()
        remote = f'[core]\n    remote = origin\n[\'remote "origin"\']\n    url = {self.cache}\n'
        (folder / ".dvc/config").write_text(remote)  # for a colleague's clone; a cache is laid out as a remote is

    def commit(self, version: int) -> None:
        with Repo(str(self.folder)) as repo:
            repo.add([str(self.data)])
        for words in (("add", "-A"), ("commit", "-q", "-m", f"version {version}"), ("tag", f"v{version}")):
            git(self.folder, *words)

    def fetched(self, folder: Path, *versions: int) -> int:
        """Bytes that a clone with all of the versions but the last fetches for the last."""
        git(self.folder.parent, "clone", "-q", self.folder, folder)
        had = held = 0
        for version in versions:
            git(folder, "checkout", "-q", f"v{version}")
            with Repo(str(folder)) as repo:
                repo.fetch()
            had, held = held, size(folder / ".dvc/cache")
        shutil.rmtree(folder)
        return held - had


def merge(path: Path, patch: Columns) -> None:
    """MERGE: where the id is the same, the label becomes that of the patch."""
    merger = DeltaTable(path).merge(pa.table(patch), "old.id = new.id", source_alias="new", target_alias="old")
    merger.when_matched_update({"label": "new.label"}).execute()


def history(change: str, rows: int, versions: int, folder: Path, draw: np.random.Generator) -> Cells:
    """Bytes that all versions take, and that a new and an up-to-date clone must fetch for the last one."""
    layouts = {name: Versioned(folder / name) for name in ("one file", "file a day", "changes")}
    delta, copies, firsts, state = folder / "delta", [], {}, first(rows, draw)
    for version in range(versions):
        state, patch = CHANGES[change](state, draw, version) if version else (state, state)
        copies.append(len(write(layouts["one file"].data / "table.parquet", state)))
        write(layouts["changes"].data / f"{version:03}.parquet", patch)
        write_parts(layouts["file a day"].data, state, state["day"], state["day"][patch["id"]])
        for layout in layouts.values():
            layout.commit(version)
        if version == 0 or change == "new column":
            write_deltalake(delta, pa.table(state), mode="overwrite", schema_mode="overwrite", partition_by=["day"])
        elif change == "append":
            write_deltalake(delta, pa.table(patch), mode="append")
        else:
            merge(delta, patch)
        sizes = {f"DVC {name}": size(layout.cache) for name, layout in layouts.items()}
        firsts = firsts or sizes | {"copies": copies[0], "Delta": size(delta)}
    table = {"copies": (sum(copies), copies[-1], copies[-1])}
    for name, layout in layouts.items():
        new = layout.fetched(folder / "clone", versions - 1)
        table[f"DVC {name}"] = size(layout.cache), new, layout.fetched(folder / "clone", versions - 2, versions - 1)
    before, after = (set(DeltaTable(delta, version=version).file_uris()) for version in (versions - 2, versions - 1))
    active, added = (sum(Path(path).stat().st_size for path in paths) for paths in (after, after - before))
    log = size(delta / "_delta_log"), max((delta / "_delta_log").glob("*.json")).stat().st_size
    table["Delta"] = size(delta), active + log[0], added + log[1]
    names, cells = ("stored", "new_clone", "next_version"), {}
    for name, values in table.items():
        row = {column: labkit.exact("MB", value / 1e6) for column, value in zip(names, values, strict=True)}
        cells[f"{change}, {name}"] = row | {"times_first": labkit.exact("×", values[0] / firsts[name])}
    return cells


def corrections(folder: Path, rows: int, seeds: int, counts: tuple[int, ...]) -> Cells:
    """The share of the table that one version with n corrected labels stores again, by layout."""
    def once(layout: str, count: int, place: Path, seed: int) -> float:
        state = first(rows, draw := np.random.default_rng([SEED, seed]))
        new, patch = correct(state, draw, count=count)
        if layout.startswith("Delta"):
            write_deltalake(place, pa.table(state), partition_by=["day"])
            before = size(place)
            merge(place, patch)
            return 100 * (size(place) - before) / before
        repo, part = Versioned(place), state["id"] * int(layout.split("_")[1]) // rows
        write_parts(repo.data, state, part, part)
        repo.commit(0)
        before = size(repo.cache)
        write_parts(repo.data, new, part, part[patch["id"]])
        repo.commit(1)
        return 100 * (size(repo.cache) - before) / before

    table: Cells = {}
    for count in counts:
        for layout in ("DVC_20_files", "DVC_100_files", "Delta_20_files"):
            samples = [once(layout, count, folder / f"{layout}_{count}_{seed}", seed) for seed in range(seeds)]
            table[f"corrected={count}, layout={layout}"] = {"stored_again": labkit.measured("%", samples)}
    return table


def of_10(found: Iterable[bool]) -> dict[str, object]:
    return labkit.exact("of 10", sum(found))


def set_hash(columns: Columns, key: bytes = b"") -> int:
    """The sum of a hash a row: the same in any order, and a row less is a subtraction."""
    values = np.rec.fromarrays([columns[name] for name in sorted(columns)])
    data, width = values.tobytes(), values.itemsize
    rows = (data[start : start + width] for start in range(0, len(data), width))
    hashes = (hashlib.blake2b(row, digest_size=32, key=key).digest() for row in rows)
    return sum(map(int.from_bytes, hashes)) % 2**256


def dated(path: Path, days_ago: int) -> int:
    """Gives the table's last commit, and its files, a date in the past; returns its version."""
    moment = time.time() - days_ago * 86_400
    log = max((path / "_delta_log").glob("*.json"))
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        for kind, field in (("commitInfo", "timestamp"), ("add", "modificationTime"), ("remove", "deletionTimestamp")):
            if kind in action:
                action[kind][field] = int(moment * 1e3)
        if "add" in action:
            os.utime(path / action["add"]["path"], (moment, moment))
    log.write_text("".join(json.dumps(action) + "\n" for action in actions))
    os.utime(log, (moment, moment))
    return int(log.stem)


def monthly(path: Path, change: str, rows: int) -> tuple[list[int], list[int]]:
    """A Delta table with a training set a month, the last one today; their versions and hashes."""
    versions, hashes, state = [], [], first(rows, draw := np.random.default_rng(SEED), 2)
    for month in range(MONTHS):
        days_ago, patch = 30 * (MONTHS - 1 - month), state
        if month:
            state, patch = (correct if change == "correct" else append)(state, draw, month)
        if month and change == "correct":
            merge(path, patch)
        else:
            write_deltalake(path, pa.table(patch), mode="append")
        versions.append(dated(path, days_ago))
        hashes.append(set_hash(state))
        if month and change == "append and compact":
            DeltaTable(path).optimize.compact()
            dated(path, days_ago)
    return versions, hashes


def rebuilt(path: Path, versions: list[int], hashes: list[int]) -> list[bool]:
    """Which training sets can be read and have the rows that they had; the first error goes to stderr."""
    found, errors = [], []
    for version, wanted in zip(versions, hashes, strict=True):
        try:
            table = DeltaTable(path, version=version).to_pyarrow_table()
            found.append(set_hash({name: table[name].to_numpy() for name in table.column_names}) == wanted)
        except Exception as error:  # a missing file, a missing log
            found.append(False)
            errors.append(f"{type(error).__name__}: {error}")
    print(f"{path.name}: {sum(found)} of {len(found)}. {' '.join(errors[:1])}", file=sys.stderr)
    return found


def vacuum(path: Path, days: int, **options: object) -> None:
    DeltaTable(path).vacuum(24 * days, dry_run=False, enforce_retention_duration=False, **options)


def clean_log(path: Path) -> None:
    for log in sorted((path / "_delta_log").glob("*.json")):
        DeltaTable(path, version=int(log.stem)).create_checkpoint()
        os.utime(log.with_suffix(".checkpoint.parquet"), (log.stat().st_mtime, log.stat().st_mtime))
    DeltaTable(path).cleanup_metadata()


def retention(folder: Path, rows: int) -> Cells:
    """Of ten monthly training sets, how many can be rebuilt after the store was cleaned up by one rule."""
    arms: dict[str, Callable[[Path], object]] = {
        "VACUUM 250 days": lambda path: vacuum(path, 250),
        "VACUUM 100 days": lambda path: vacuum(path, 100),
        "VACUUM 7 days": lambda path: DeltaTable(path).vacuum(dry_run=False),  # the default
        "VACUUM 0 days": lambda path: vacuum(path, 0),
        "log clean-up": clean_log,  # up to the last checkpoint that is old enough; there is one at each commit
    }
    table: Cells = {}
    for change in ("append", "append and compact", "correct"):
        versions, hashes = monthly(folder / change.split()[-1], change, rows)
        pinned = {"VACUUM 0 days, two pinned": lambda path, v=versions: vacuum(path, 0, keep_versions=[v[2], v[6]])}
        for arm, clean in (arms | (pinned if change == "correct" else {})).items():
            clean(copy := shutil.copytree(folder / change.split()[-1], folder / f"{change}_{arm}".replace(" ", "_")))
            found = rebuilt(copy, versions, hashes)
            table[f"{change}, {arm}"] = {"rebuilt": of_10(found)}
            if arm in pinned:
                table[f"{change}, {arm}"]["pinned"] = labkit.exact("of 2", found[2] + found[6])
    return table


def equality(folder: Path, rows: int) -> Cells:
    """Of ten tables, how many have the same file bytes and the same row hashes when they are written again."""
    again, differ = {}, []
    for seed in range(MONTHS):
        draw = np.random.default_rng([SEED, seed])
        table = first(rows, draw, 2)
        order, wanted, path = draw.permutation(rows), set_hash(table), folder / "again.parquet"
        bytes_ = write(folder / "table.parquet", table)

        def note(name: str, same_bytes: bool, rows_then: Columns, wanted: int = wanted) -> None:
            again.setdefault(name, []).append((same_bytes, set_hash(rows_then) == wanted))

        for name, columns, options in (
            ("nothing else", table, {}),
            ("other row order", {name: values[order] for name, values in table.items()}, {}),
            ("other codec", table, {"compression": "zstd"}),
        ):
            note(name, write(path, columns, **options) == bytes_, read([path]))
        write_deltalake(folder / f"{seed}", pa.table(table))
        [other] = DeltaTable(folder / f"{seed}").file_uris()
        note("other writer", Path(other).read_bytes() == bytes_, read([other]))
        amounts = {"float": draw.lognormal(3, 1, rows), "cent": draw.integers(1, 10_000, rows)}
        for kind, amount in amounts.items():
            feature: list[Columns] = []
            for turn in (slice(None), order):  # a feature: the sum of a user's amounts
                events = pa.table({"user": table["user"][turn], "amount": amount[turn]})
                summed = events.group_by("user").aggregate([("amount", "sum")]).sort_by("user")
                feature.append({name: summed[name].to_numpy() for name in summed.column_names})
            then = write(folder / "table.parquet", feature[0])
            note(f"{kind} sums, events shuffled", write(path, feature[1]) == then, feature[1], set_hash(feature[0]))
            if kind == "float":
                differ.append(100 * float(np.mean(feature[0]["amount_sum"] != feature[1]["amount_sum"])))
    cells = {
        name: {"same_bytes": of_10(file for file, _ in found), "same_rows": of_10(rows for _, rows in found)}
        for name, found in again.items()
    }
    cells["float sums, events shuffled"]["values_that_differ"] = labkit.measured("%", differ)
    return cells


def rows_of(person: int, files: Iterable[Path]) -> dict[str, object]:
    return labkit.exact("", sum(int((read([file])["user"] == person).sum()) for file in files))


def erasure(folder: Path, rows: int) -> Cells:
    """One person is erased: rows left on disk, and how many of ten training sets can be rebuilt or proved."""
    path, person, table = folder / "table", 7, {}
    versions, hashes = monthly(path, "correct", rows)
    steps: dict[str, Callable[[], object]] = {
        "before": lambda: None,
        "DELETE": lambda: DeltaTable(path).delete(f'"user" = {person}'),
        "DELETE, VACUUM 7 days": lambda: DeltaTable(path).vacuum(dry_run=False),
        "DELETE, VACUUM 0 days": lambda: vacuum(path, 0),
    }
    for name, step in steps.items():
        step()
        found = rebuilt(path, versions, hashes)
        table[name] = {"rows_on_disk": rows_of(person, path.glob("*.parquet")), "rebuilt": of_10(found)}
    return table | manifest(folder / "objects", rows, person)


def manifest(folder: Path, rows: int, person: int) -> Cells:
    """Files named by their hash, a manifest a training set, and a record of what an erasure took out of which file."""
    folder.mkdir()
    key, draw = b"kept apart, and destroyed with the last training set", np.random.default_rng(SEED)

    def put(columns: Columns) -> str:
        name = hashlib.sha256(write(folder / "new", columns)).hexdigest()
        (folder / "new").rename(folder / name)
        return name

    sets, state = [], first(rows, draw, 2)
    for month in range(MONTHS):
        state = correct(state, draw)[0] if month else state
        days = ({name: values[state["day"] == day] for name, values in state.items()} for day in range(DAYS))
        sets.append({"files": [put(day) for day in days], "row_hashes": set_hash(state, key)})
    table: Cells = {"manifest, before": {"rows_on_disk": rows_of(person, folder.iterdir())}}
    erased: dict[str, tuple[str, int]] = {}  # file: what stands in its place, sum of the hashes of the rows taken out
    for file in list(folder.iterdir()):
        columns = read([file])
        out = columns["user"] == person
        if out.any():
            gone, left = ({name: values[which] for name, values in columns.items()} for which in (out, ~out))
            erased[file.name] = put(left), set_hash(gone, key)
            file.unlink()

    def proved(one: dict, erased: dict[str, tuple[str, int]]) -> bool:
        places = [erased.get(name, (name, 0)) for name in one["files"]]
        intact = all(hashlib.sha256((folder / name).read_bytes()).hexdigest() == name for name, _ in places)
        total = sum(set_hash(read([folder / name]), key) + gone for name, gone in places)
        return intact and total % 2**256 == one["row_hashes"]

    def forged(one: dict) -> dict[str, tuple[str, int]]:
        name, gone = erased.get(one["files"][0], (one["files"][0], 0))
        return erased | {one["files"][0]: (put(flipped(read([folder / name]), np.array([0]))[0]), gone)}

    table["manifest, rewritten"] = {"rows_on_disk": rows_of(person, folder.iterdir())}
    table["manifest, rewritten"]["proved"] = of_10(proved(one, erased) for one in sets)
    table["manifest, one label forged"] = {"proved": of_10(proved(one, forged(one)) for one in sets)}
    return table


def splits(rows: int, seeds: int) -> Cells:
    """A fifth of the rows is the test set; later rows are appended, or come in another order."""
    def by_seed(ids: np.ndarray, seed: int) -> set[int]:  # as scikit-learn's ShuffleSplit does
        return set(ids[np.random.RandomState(seed).permutation(len(ids))[: len(ids) // 5]].tolist())

    def by_key(ids: np.ndarray, seed: int) -> set[int]:
        hashes = (hashlib.blake2b(f"split {seed}:{one}".encode(), digest_size=8) for one in ids.tolist())
        return {one for one, found in zip(ids.tolist(), hashes, strict=True) if found.digest() < b"\x33" * 8}  # a fifth

    table: Cells = {}
    for name, split in {"seed": by_seed, "hash of the key": by_key}.items():
        for then, more in {"1 row appended": 1, "1 % appended": rows // 100, "other row order": 0}.items():
            now_trained = []
            for seed in range(seeds):
                old, later = split(np.arange(rows), seed), np.arange(rows + more)
                later = later if more else np.random.default_rng(seed).permutation(later)
                now_trained.append(100 * len(old - split(later, seed)) / len(old))
            table[f"{name}, {then}"] = {"test_rows_now_trained_on": labkit.measured("%", now_trained)}
    return table


def run(quick: bool) -> dict[str, Cells]:
    rows, versions, small, seeds = (4_000, 3, 1_000, 2) if quick else (1_000_000, MONTHS, 2_000, 7)
    counts = (1, 100) if quick else (1, 3, 10, 30, 100, 300)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        os.environ |= {f"GIT_{who}_{what}": "lab" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "DVC_SITE_CACHE_DIR": f"{name}/site"}  # else in /var/tmp
        logging.getLogger("dvc").setLevel(logging.WARNING)
        part = {one: Path(tempfile.mkdtemp(dir=name)) for one in (*CHANGES, "corrections", "kept", "equal", "erasure")}
        tables: dict[str, Cells] = {"stored": {}}
        for number, change in enumerate(CHANGES):
            tables["stored"] |= history(change, rows, versions, part[change], np.random.default_rng([SEED, number]))
            shutil.rmtree(part[change])
        return tables | {
            "corrections": corrections(part["corrections"], small * (1 if quick else 20), seeds, counts),
            "kept": retention(part["kept"], small), "equal": equality(part["equal"], small),
            "erasure": erasure(part["erasure"], small), "splits": splits(small * (1 if quick else 50), seeds),
        }  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
