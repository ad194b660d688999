"""Promise: each lab runs in its own environment at the versions on record, and a lab that breaks the contract is refused."""

import contextlib
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from conftest import ROOT

from handbook import evidence, labs

DEMO = ROOT / "tests/demo/pooling/lab.py"
LABS = [DEMO, *sorted(ROOT.glob("docs/*/*/lab.py"))]

HEADER = f"""# /// script
# requires-python = ">=3.11.5"
# dependencies = ["handbook-labkit"]
#
# [tool.uv.sources]
# handbook-labkit = {{ path = "{ROOT}/scripts/labkit", editable = true }}
# ///
"""
GOOD = f'''{HEADER}"""Is one less than two?"""

import subprocess
import sys
import time

import labkit

CLAIMS = {{
    "less": {{
        "claim": "One is less than two",
        "expected": "holds",
        "formula": "results.numbers.two.n / results.numbers.one.n",
        "unit": "×",
        "holds_if": "value > 1",
        "fails_if": "value < 1",
    }},
}}


def run(quick: bool) -> dict[str, object]:
    times = [float(number) + 0.5 * (number % 2) for number in range(9)]
    rows = {{"one": {{"n": {{"unit": "", "value": 1}}, "time": {{"unit": "ms", "samples": times}}}}}}
    rows["two"] = {{"n": {{"unit": "", "value": 2}}}}
    return {{"numbers": rows}}


if __name__ == "__main__":
    raise SystemExit(labkit.main(run))
'''

# name: (old, new, words that the message must hold)
UNREADABLE = {
    "does not parse": ("def run(quick: bool)", "def run(quick: bool", "does not parse"),
    "no header": ("# /// script", "# script", "PEP 723"),
    "header that is no TOML": ('["handbook-labkit"]', '["handbook-labkit"', "header is invalid"),
    "dependency that is no requirement": ('["handbook-labkit"]', '["handbook-labkit", "a b"]', "header is invalid"),
    "no question": ('"""Is one less than two?"""\n', "", "no docstring"),
    "no run": ("def run", "def measure", "no run(quick)"),
    "no claims": ("CLAIMS = {", "OTHER = {", "no CLAIMS"),
    "computed claims": ('"expected": "holds"', '"expected": str("holds")', "computed"),
    "claim lacks a key": ('        "expected": "holds",\n', "", "lacks expected"),
    "claim with an unknown key": ('"unit": "×"', '"units": "×"', "has units"),
    "claim with a bad name": ('"less": {', '"Less than": {', "'Less than'"),
    "claim that expects nonsense": ('"expected": "holds"', '"expected": "yes"', "'yes'"),
}
MISBEHAVING = {
    "raises": ("times =", "raise ValueError('no such key')\n    times =", "ended with 1: ValueError: no such key"),
    "needs a binary": (
        "times =", "labkit.server(['no-such-server'], ready=1, package='no-such-package').__enter__()\n    times =", "no-such-package",
    ),
    "hangs": ("times =", "time.sleep(60)\n    times =", "still running after"),
    "prints nothing": ("    raise SystemExit(labkit.main(run))", "    run(True)", "prints no table"),
    "leaves a server": ("times =", "subprocess.Popen(['sleep', '60'], start_new_session=True)\n    times =", "left running: sleep"),
    "NaN": ('"value": 1}', '"value": float("nan")}', "not JSON compliant"),
    "true instead of a number": ('"value": 1}', '"value": True}', "holds True"),
    "text instead of a number": ('"value": 1}', '"value": "1"}', "holds '1'"),
    "wrong shape": ('return {"numbers": rows}', "return rows['one']", "must be {column: quantity}"),
    "unknown key": ('"value": 1}', '"value": 1, "median": 1}', "has the keys"),
    "no samples": ('"samples": times', '"samples": []', "no samples"),
    "a constant returned": ('"samples": times', '"samples": [0.5] * 9', "in every repeat"),
    "empty": ('return {"numbers": rows}', "return {}", "must return"),
    "too few repeats": ("range(9)", "range(3)", "3 repeats"),
    "package that does not exist": ('"handbook-labkit"]', '"handbook-labkit", "handbook-no-such-package"]', "environment cannot be made"),
}  # fmt: skip


def write(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in GOOD
    path = folder / "docs/chapter/topic/lab.py"
    path.parent.mkdir(parents=True)
    path.write_text(GOOD.replace(old, new, 1) if old else GOOD, encoding="utf-8")
    return path


def running() -> set[int]:
    """Processes that a lab or what it started has left."""
    found = set()
    for process in psutil.process_iter(["environ"]):
        if labs.MARK in (process.info["environ"] or {}):
            found.add(process.pid)
    return found


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test leaves a process. The mark is this run's own: labs may run elsewhere on the machine."""
    monkeypatch.setattr(labs, "MARK", f"HANDBOOK_LAB_{uuid.uuid4().hex}")
    yield
    assert running() == set()


@pytest.mark.parametrize("path", LABS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_a_lab_runs_and_measures_what_is_on_record(path: Path, request: pytest.FixtureRequest) -> None:
    """Never a time: tables, rows, columns, units, and the claims over counts that must come out the same in any run."""
    if path != DEMO and not request.config.getoption("--labs"):
        pytest.skip("labs run with ./scripts/test --labs")
    measures_what_is_on_record(ROOT, path)


def unnumbered(cells: dict[str, dict[str, str]]) -> dict[str, str]:
    """Columns and their units without numbers: a short run has one kill of five, and counts it of one."""
    return {re.sub(r"\d+", "n", name): re.sub(r"\d+", "n", cell["unit"]) for name, cell in cells.items()}


def measures_what_is_on_record(root: Path, path: Path) -> None:
    lab = labs.read(path)
    recorded = evidence.read(labs.results_path(lab))
    raw = labs.execute(root, lab, quick=True, pins=recorded["packages"])
    assert set(raw["samples"]) == set(recorded["samples"])
    for table, rows in raw["samples"].items():
        assert set(rows) <= set(recorded["samples"][table]), table
        for row, cells in rows.items():
            there = recorded["samples"][table][row]
            here, there = unnumbered(cells), unnumbered(there)
            # What a short run did not meet has no time; every other column is there, and none that the record lacks.
            assert here == {name: unit for name, unit in there.items() if name in here or unit != "s"}
    lasting = {name: claim for name, claim in lab.claims.items() if claim.get("always")}
    found = {name: claim["verdict"] for name, claim in evidence.judged(lasting, raw["samples"], 1).items()}
    assert found == {name: recorded["claims"][name]["verdict"] for name in lasting}


# Topic and what goes wrong: what stands in the lab, what somebody wrote instead.
MUTATIONS = {
    ("caching", "no second look under the lock"): ("or await store.get(key) is None:", "or True:"),
    ("caching", "a lock that everybody gets"): ("nx=True", "nx=False"),
    ("distributed-systems", "a store that ignores the token"): ('" AND token < :token" if', '"" if'),
    ("distributed-systems", "a client that asks the majority's side"): ("outcome, victim.put", "outcome, other.put"),
    ("microservices", "a budget that is never spent"): ("self.tokens < 1:", "self.tokens < -1e9:"),
    ("microservices", "a breaker that never opens"): ("if not self.open_s:", "if self.open_s:"),
    ("event-driven-architectures", "an acknowledgment that waits for the work"): ('"automatic_ack": (False,', '"automatic_ack": (True,'),
    ("event-driven-architectures", "a consumer that counts repeats"): ("(?)\", (number,)).rowcount:", "(?)\", (number,)):"),
    ("storage", "all levels are serializable"): ("ISOLATION LEVEL {level}", "ISOLATION LEVEL SERIALIZABLE"),
    ("proxies-and-load-balancing", "a client that goes past the proxy"): (
        """"L4 proxy": (f"127.0.0.1:{tcp}", "pick_first")""", """"L4 proxy": (f"ipv6:{','.join(plain)}", "round_robin")""",
    ),
    ("data-pipelines", "a correction that cancels nothing"): ("number >= CANCELLED", "number >= 0"),
    ("data-pipelines", "deletes in the log that nobody applies"): ("self.copy.pop(", "self.copy.get("),
    ("batch-and-stream-processing", "a clock that is not ahead"): ("when + 1_000 * ahead_s *", "when + 0 * ahead_s *"),
    ("batch-and-stream-processing", "files that nobody has committed"): (' and not file.name.startswith(".")', ""),
    ("data-storage", "rows that are in order of time after all"): ('"random": draw.permutation(len(data))', '"random": np.arange(len(data))'),
    ("data-storage", "writers that try again"): ('{"commit.retry.num-retries": "0"}', "{}"),
    ("data-governance", "old files that nobody reads"): ('touched(set((folder / name).glob("*.parquet")) - now)', "touched(())"),
    ("data-governance", "lineage that keeps every run"): ('"last run of each job": reached(last.values())', '"last run of each job": reached(events)'),
    ("data-versioning", "sums of integers"): ('"float": draw.lognormal(3, 1, rows)', '"float": draw.integers(1, 10_000, rows)'),
    ("data-versioning", "a VACUUM that waits for nothing"): (
        '"DELETE, VACUUM 7 days": lambda: DeltaTable(path).vacuum(dry_run=False)', '"DELETE, VACUUM 7 days": lambda: vacuum(path, 0)',
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS, ids=" ".join)
def test_a_lab_that_measures_something_else_is_caught(name: tuple[str, str], copy: Path, request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--labs"):
        pytest.skip("labs run with ./scripts/test --labs")
    (path,) = copy.glob(f"docs/*/{name[0]}/lab.py")
    old, new = MUTATIONS[name]
    assert path.read_text(encoding="utf-8").count(old) == 1, f"{old!r} is not in {path}, or twice: change the mutation with the lab"
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(AssertionError):
        measures_what_is_on_record(copy, path)


@pytest.mark.parametrize("path", LABS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_a_lab_is_within_its_size(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 500


def test_a_good_lab_is_recorded(tmp_path: Path) -> None:
    lab = labs.read(write(tmp_path))
    content = evidence.read(labs.record(ROOT, lab))
    assert next(iter(content)) == "claims" and list(content)[-2] == "samples"
    assert content["claims"]["less"]["verdict"] == "holds" and content["claims"]["less"]["text"] == "2×"
    assert content["repeats"] == 9 and content["results"]["numbers"]["one"]["time"]["n"] == 9
    assert content["lab"]["hash"] == lab.hash
    assert content["machine"]["cores"] and content["machine"]["kernel"] and "handbook-labkit" not in content["packages"]
    assert sorted(one.name for one in lab.path.parent.iterdir()) == ["lab.py", "results.json"]


def test_a_session_is_added(tmp_path: Path) -> None:
    lab = labs.read(write(tmp_path))
    labs.record(ROOT, lab)
    content = evidence.read(labs.record(ROOT, lab, again=True))
    assert len(content["recorded"]) == 2 and content["repeats"] == 9
    assert content["results"]["numbers"]["one"]["time"]["n"] == 18


def test_another_machines_run_stands_beside(tmp_path: Path) -> None:
    lab = labs.read(write(tmp_path))
    assert labs.record(ROOT, lab, kind="gpu").name == "results.gpu.json"


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_lab_without_its_contract_is_refused(name: str, tmp_path: Path) -> None:
    old, new, words = UNREADABLE[name]
    with pytest.raises(labs.Failed) as refused:
        labs.read(write(tmp_path, old, new))
    assert words in refused.value.fault.wrong and refused.value.fault.repair
    assert refused.value.fault.path == "docs/chapter/topic/lab.py"


@pytest.mark.parametrize("name", MISBEHAVING)
def test_a_lab_that_misbehaves_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    """No half-written file, no leftover process, one message with file and remedy."""
    old, new, words = MISBEHAVING[name]
    lab = labs.read(write(tmp_path, old, new))
    with pytest.raises(labs.Failed) as refused:
        if name == "hangs":
            labs.execute(ROOT, lab, quick=False, pins={}, limit_s=1)
        else:
            labs.record(ROOT, lab)
    assert words in refused.value.fault.wrong, refused.value.fault
    assert refused.value.fault.repair and "\n" not in str(refused.value.fault)
    assert [one.name for one in lab.path.parent.iterdir()] == ["lab.py"]


def test_a_lab_that_raises_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, *MISBEHAVING["raises"][:2])
    with pytest.raises(labs.Failed) as refused:
        labs.execute(ROOT, labs.read(path), quick=True, pins={})
    assert "no such key" in path.read_text(encoding="utf-8").splitlines()[refused.value.fault.line - 1]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("value > 1", "value >", "the expression"),
        ("value > 1", "results.numbers.three.n.low > 1", "has no 'three', it has: one, two"),
        ("value > 1", "results.numbers.one.n > 1", "compare its .low, .high or .value"),
        ("value > 1", "value", "no comparison"),
        ("value < 1", "value < 5", "both true"),
        ("value > 1", "__import__('os').getpid() > 1", "is text"),
    ],
)
def test_a_claim_whose_expression_is_wrong_is_refused(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = write(tmp_path, old, new)
    with pytest.raises(labs.Failed) as refused:
        labs.record(ROOT, labs.read(path))
    assert words in refused.value.fault.wrong
    assert '"less": {' in path.read_text(encoding="utf-8").splitlines()[refused.value.fault.line - 1]


@pytest.mark.parametrize(("family", "address"), [("AF_INET", "0.0.0.0"), ("AF_INET6", "::")])
def test_a_lab_that_listens_beyond_loopback_is_refused(family: str, address: str, tmp_path: Path) -> None:
    """What a lab starts is for this machine alone."""
    with pytest.raises(labs.Failed) as refused:
        labs.execute(ROOT, labs.read(listening(tmp_path, family, address)), quick=True, pins={})
    assert "listens beyond loopback: python" in refused.value.fault.wrong


@pytest.mark.parametrize(("family", "address"), [("AF_INET", "127.0.0.1"), ("AF_INET6", "::ffff:127.0.0.1")])
def test_a_lab_that_listens_on_loopback_runs(family: str, address: str, tmp_path: Path) -> None:
    labs.execute(ROOT, labs.read(listening(tmp_path, family, address)), quick=True, pins={})


def listening(folder: Path, family: str, address: str) -> Path:
    body = f"import socket; server = socket.create_server(({address!r}, 0), family=socket.{family}, dualstack_ipv6=socket.{family} == socket.AF_INET6); time.sleep(1)"
    return write(folder, "times =", f"{body}\n    times =")


def test_comments_and_claims_do_not_make_results_old_but_code_does(tmp_path: Path) -> None:
    before = labs.read(write(tmp_path / "a")).hash
    assert labs.read(write(tmp_path / "b", "import sys", "import sys  # why")).hash == before
    assert labs.read(write(tmp_path / "c", "Is one less", "Is 1 less")).hash == before
    assert labs.read(write(tmp_path / "d", "value > 1", "value > 3")).hash == before
    assert labs.read(write(tmp_path / "e", "range(9)", "range(8)")).hash != before
    assert labs.read(write(tmp_path / "f", '["handbook-labkit"]', '["handbook-labkit", "psutil"]')).hash != before


def test_an_interrupted_lab_stops_what_it_started(tmp_path: Path) -> None:
    """Ctrl-C in `handbook lab` ends the lab and its servers."""
    body = "labkit.server([sys.executable, '-m', 'http.server', '0'], ready=lambda: bool(time.sleep(60)), package='x').__enter__()\n    times ="
    path = write(tmp_path, "times =", body)
    code = (
        f"from pathlib import Path; from handbook import labs; labs.MARK = {labs.MARK!r}\n"
        f"labs.execute(Path({str(ROOT)!r}), labs.read(Path({str(path)!r})), True, {{}})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with contextlib.suppress(subprocess.TimeoutExpired):
        while len(running()) < 2 and process.poll() is None:
            process.wait(0.1)
    while len(running()) < 2 and process.poll() is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
    process.send_signal(2)
    assert "KeyboardInterrupt" in process.communicate(timeout=30)[1]
    assert running() == set()


def test_every_recorded_server_is_named_with_its_version() -> None:
    for path in LABS:
        content = evidence.read(path.with_name("results.json"))
        assert all(re.match(r"\d+\.\d+", version) for version in content["servers"].values())
