"""Promise: what a page says of its evidence is what the evidence says; whatever else is refused with file, line and remedy."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import ROOT, build, edit

from handbook import evidence, labs
from handbook.book import Book
from handbook.checks import check
from handbook.fault import Fault
from handbook.sync import _decimals, derived, spread

DEMO = ROOT / "tests/demo/pooling"
TOPIC = "docs/system-design/pooling"
PAGE, LAB, RESULTS = f"{TOPIC}/index.md", f"{TOPIC}/lab.py", f"{TOPIC}/results.json"
SOURCE = """@techreport{rfc,
  author = {Wesley Eddy},
  title  = {Transmission Control Protocol ({TCP})},
  year   = {2022},
  url    = {https://www.rfc-editor.org/rfc/rfc9293},
}

"""


@pytest.fixture
def demo(copy: Path) -> Path:
    """A copy of the handbook with the demonstration topic in its first chapter, synchronized."""
    shutil.copytree(DEMO, copy / TOPIC, ignore=shutil.ignore_patterns("__pycache__"))
    config = copy / "mkdocs.yml"
    entry = "      - system-design/index.md\n"
    config.write_text(config.read_text(encoding="utf-8").replace(entry, entry + f"      - {TOPIC[5:]}/index.md\n"), encoding="utf-8")
    sources = copy / "docs/assets/sources.bib"
    text = sources.read_text(encoding="utf-8")
    after = next(found.start() for found in re.finditer(r"^@\w+\{([^,]+),", text, re.MULTILINE) if found[1] > "rfc")
    sources.write_text(text[:after] + SOURCE + text[after:], encoding="utf-8")
    page = copy / PAGE
    claim = json.loads((DEMO / "results.json").read_text(encoding="utf-8"))["claims"]["pooling"]
    text = page.read_text(encoding="utf-8").replace("[0×]", f"[{claim['text']}]").replace("[fails]", f"[{claim['verdict']}]")
    page.write_text(text, encoding="utf-8")
    synchronize(copy)
    return copy


def synchronize(root: Path) -> list[str]:
    changed = []
    for path, before, due in derived(Book(root)):
        if before != due:
            path.write_text(due, encoding="utf-8")
            changed.append(path.relative_to(root).as_posix())
    return changed


def forge(change: Callable[[dict[str, object]], None]) -> Callable[[Path], None]:
    """An edit of the results by somebody who also mends the digest."""

    def plant(root: Path) -> None:
        path = root / RESULTS
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        content["digest"] = evidence.digest(content)
        path.write_text(evidence.written(content), encoding="utf-8")

    return plant


def swap_arms(root: Path) -> None:
    edit(LAB, r'"fresh": lambda: fresh\(', '"fresh": lambda: kept(')(root)


def set_verdict(content: dict[str, object]) -> None:
    claim = content["claims"]["pooling"]  # type: ignore[index]
    claim["verdict"] = next(one for one in evidence.VERDICTS if one != claim["verdict"])


def set_value(content: dict[str, object]) -> None:
    content["results"]["connection"]["kept"]["p50"]["value"] = 1.0  # type: ignore[index]


# name: (change, file, rule, words)
PLANTED = {
    "arms swapped in the lab": (swap_arms, RESULTS, "results", "older than lab.py"),
    "a constant returned by the lab": (edit(LAB, r"quantile\(times, 0.5\) \* 1e6", "quantile([1.0], 0.5)"), RESULTS, "results", "older"),
    "a verdict typed into the results": (edit(RESULTS, '"verdict": "[a-z]+"', '"verdict": "depends"'), RESULTS, "results", "edited by hand"),
    "a verdict typed in with its digest": (forge(set_verdict), RESULTS, "results", "do not follow from the samples"),
    "a result edited": (edit(RESULTS, r'"samples": \[\d', '"samples": [9'), RESULTS, "results", "edited by hand"),
    "a median edited with its digest": (forge(set_value), RESULTS, "results", "do not follow from the samples"),
    "results that are no JSON": (edit(RESULTS, r"\A\{", "{,"), RESULTS, "results", "not readable"),
    "results of another shape": (edit(RESULTS, '"claims"', '"claim"'), RESULTS, "results", "must hold claims"),
    "results without samples": (forge(lambda content: content.update(samples={})), LAB, "results", "has no 'connection'"),
    "a threshold moved": (edit(LAB, "low > 1.5", "low > 999"), RESULTS, "results", "do not follow"),
    "a dependency changed": (edit(LAB, r'\["handbook-labkit"\]', '["handbook-labkit", "psutil"]'), RESULTS, "results", "older"),
    "never recorded": (lambda root: (root / RESULTS).unlink(), LAB, "results", "never recorded"),
    "a lab that does not parse": (edit(LAB, "def run", "def run("), LAB, "lab", "does not parse"),
    "a number that differs": (edit(PAGE, r"\[[^]]*×\]\(results.json#/claims/pooling\) faster", "[99×](results.json#/claims/pooling) faster"), PAGE, "evidence", "says '99×'"),
    "a number of another page that differs": (edit(PAGE, "The server echoes,", "Elsewhere [99 answers](../caching/results.json#/claims/sliding). The server echoes,"), PAGE, "evidence", "says '99 answers'"),
    "a verdict typed on the page": (edit(PAGE, r"\[\w+\]\(results.json#/claims/pooling/verdict\) or", "[perhaps](results.json#/claims/pooling/verdict) or"), PAGE, "evidence", "says 'perhaps'"),
    "a pointer to nowhere": (edit(PAGE, r"#/claims/pooling\) faster", "#/claims/polling) faster"), PAGE, "evidence", "leads nowhere"),
    "a pointer to a list": (edit(PAGE, r"#/claims/pooling\) faster", "#/claims) faster"), PAGE, "evidence", "no printable value"),
    "a pointer into a missing file": (edit(PAGE, r"results.json(#/claims/pooling\) faster)", r"results.gpu.json\1"), PAGE, "link", "results.gpu.json"),
    "arithmetic that is wrong": (edit(PAGE, "#> 40", "#> 41"), PAGE, "arithmetic", "says '41', the block gives '40'"),
    "arithmetic that raises": (edit(PAGE, r"print\(2 \* round_trip_ms\)", "print(1 / 0)"), PAGE, "arithmetic", "ZeroDivisionError"),
    "arithmetic that never ends": (edit(PAGE, "round_trip_ms = 20", "round_trip_ms = 20\nwhile True: pass"), PAGE, "arithmetic", "takes longer"),
    "arithmetic that opens a file": (edit(PAGE, "round_trip_ms = 20", "round_trip_ms = len(open('/etc/passwd').read())"), PAGE, "arithmetic", "open is not for"),
    "an excerpt that was edited": (edit(PAGE, r'    answer = b""', '    answer = b"x"'), PAGE, "excerpt", "does not stand in lab.py"),
    "an excerpt that is too long": (edit(PAGE, r'    answer = b""\n', '    answer = b""\n' + "    x = 1\n" * 20), PAGE, "excerpt", "24 lines"),
    "a derived table edited": (edit(PAGE, r"^\| Kept \| ", "| Kept | 9"), PAGE, "derived", "not what the handbook says"),
    "an unknown block": (edit(PAGE, "<!-- sync: claims -->", "<!-- sync: verdicts -->"), PAGE, "derived", "no kind of block"),
    "a block of an unknown table": (edit(PAGE, "results connection", "results connexion"), PAGE, "derived", "no table 'connexion', it has: connection"),
    "a block without its end": (edit(PAGE, r"<!-- /sync -->\n\nPooling", "Pooling"), PAGE, "derived", "no partner"),
    "an unknown source": (edit(PAGE, r"^\[\^rfc\]:", "[^rfc9999]:"), PAGE, "citation", "rfc9999"),
    "a source that is not cited": (edit(PAGE, r"\[\^rfc\]\n\n## Lab", "\n\n## Lab"), PAGE, "citation", "no text refers"),
    "two sources under one key": (edit("docs/assets/sources.bib", "@misc{terraform", "@misc{rfc,\n title = {X}\n}\n\n@misc{terraform"), "docs/assets/sources.bib", "bibliography", "already"),
    "a quantity from nowhere": (edit(PAGE, "The server echoes,", "The kernel takes 7 % of that. The server echoes,"), PAGE, "quantity", "7 %"),
}  # fmt: skip


def test_the_demonstration_is_clean(demo: Path) -> None:
    assert [str(fault) for fault in check(demo)] == []
    assert synchronize(demo) == []


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_caught(name: str, demo: Path) -> None:
    change, file, rule, words = PLANTED[name]
    change(demo)
    faults = check(demo)
    hits = [fault for fault in faults if (fault.path, fault.rule) == (file, rule) and words in fault.wrong]
    assert hits, [str(fault) for fault in faults]
    assert hits[0].repair and "\n" not in str(hits[0])
    if file == PAGE:
        assert hits[0].line


def test_swapped_arms_do_not_survive_a_recording(demo: Path) -> None:
    """Recording swapped arms turns the verdict of the claim that must come out the same in every run."""
    swap_arms(demo)
    lab = labs.read(demo / LAB)
    raw = labs.execute(demo, lab, quick=True, pins={})
    assert evidence.judged(lab.claims, raw["samples"], 1)["connections"]["verdict"] != "holds"


def test_a_changed_claim_is_judged_again_from_the_same_samples(demo: Path) -> None:
    before = evidence.read(demo / RESULTS)
    edit(LAB, "low > 1.5", "low > 0.1")(demo)
    edit(LAB, "high < 1.5", "high < 0.1")(demo)
    assert RESULTS in synchronize(demo)
    after = evidence.read(demo / RESULTS)
    assert after["claims"]["pooling"]["verdict"] == "holds" and after["samples"] == before["samples"]
    assert any(fault.rule == "evidence" for fault in check(demo)), "the prose must follow"


def test_the_page_reads_as_written_and_builds(demo: Path, tmp_path: Path) -> None:
    text = (demo / PAGE).read_text(encoding="utf-8")
    assert re.search(r"^\| Connection \| p50 \(µs\) \| Accepted \(connections\) \|$", text, re.MULTILINE)
    assert re.search(r"^\| Kept \| [\d.,]+ \([\d.,]+–[\d.,]+\) \| 1 \|$", text, re.MULTILINE)
    assert re.search(r"^\*Recorded 20\d\d-\d\d-\d\d on .* cores.*Median of 9 repeats", text, re.MULTILINE)
    assert 'Eddy, "Transmission Control Protocol (TCP)", 2022. <https://www.rfc-editor.org/rfc/rfc9293> Section 3.5.' in text
    done = build(demo, tmp_path / "site")
    assert done.returncode == 0, done.stderr
    html = (tmp_path / "site/system-design/pooling/index.html").read_text(encoding="utf-8")
    assert 'href="results.json#/claims/pooling"' in html and (tmp_path / "site/system-design/pooling/results.json").exists()


def test_questions_are_collected(demo: Path) -> None:
    page = demo / "docs/reference/index.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n## Questions\n\n<!-- sync: questions -->\n<!-- /sync -->\n", encoding="utf-8")
    assert synchronize(demo) == ["docs/reference/index.md"]
    text = page.read_text(encoding="utf-8")
    assert "**[Pooled connections](../system-design/pooling/index.md)**\n\n- What does a new connection cost" in text
    assert [str(fault) for fault in check(demo)] == []


def test_the_commands_run_and_record(demo: Path, binary: Callable[[str], str]) -> None:
    def handbook(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([binary("handbook"), *arguments], cwd=demo, capture_output=True, text=True)

    shown = handbook("lab", "system-design/pooling", "--quick")
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert re.search(r"kept\s+\S*\s+p50\s", shown.stdout) or "p50" in shown.stdout
    assert "recorded" in shown.stdout and "connections: holds" in shown.stdout
    for arguments, words in (
        (("lab", "system-design/gone"), "system-design/pooling"),
        (("record",), "CHAPTER/TOPIC, or say --all"),
        (("record", "system-design/pooling", "--kind", "My GPU"), "'My GPU'"),
    ):
        refused = handbook(*arguments)
        assert refused.returncode == 1 and words in refused.stderr and "Traceback" not in refused.stderr
    edit(LAB, "    port = labkit.free_port", "    raise ValueError('broken')\n    port = labkit.free_port")(demo)
    broken = handbook("record", "system-design/pooling")
    assert broken.returncode == 1 and "lab.py:" in broken.stdout and "ValueError: broken" in broken.stdout


@pytest.mark.parametrize(
    ("samples", "text"),
    [((0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), "0 keys"), ((0.0, 0.5, 1.0), "0.5 keys"), ((2.0, 3.0), "2.5 keys"), ((39.0, 41.0, 40.0), "40 keys")],
)
def test_a_count_has_no_digits_after_the_point(samples: tuple[float, ...], text: str) -> None:
    assert evidence.Quantity(samples, "keys").text == text


@pytest.mark.parametrize(
    ("samples", "text"),
    [((4.0, 5.0, 6.0), " (4–6)"), ((-0.4, -0.3, -0.2), " (−0.4 to −0.2)"), ((-0.4, 0.1, 0.2), " (−0.4 to 0.2)"), ((-3.0,) * 7, "")],
)
def test_an_interval_below_zero_has_minus_signs_and_a_word(samples: tuple[float, ...], text: str) -> None:
    assert spread(evidence.Quantity(samples)) == text


def test_intervals_and_digits() -> None:
    """The interval holds the median with 95 % confidence from six samples on; digits follow the spread."""
    assert evidence.interval(tuple(range(7))) == (0, 6)
    assert evidence.interval(tuple(range(9))) == (1, 7)
    assert evidence.interval((1.0, 2.0, 3.0)) == (1.0, 3.0)
    texts = {(2.61, 2.83, 3.02): "2.8×", (11900, 12615, 13300): "12,600×", (0.0121, 0.0123, 0.0126): "0.0123×", (0, 2, 10): "2×"}
    for (low, value, high), text in texts.items():
        assert evidence.Quantity((low,) * 3 + (value,) + (high,) * 3, "×").text == text
    assert evidence.Quantity((27000,), "requests", exact=True).text == "27,000 requests"


def test_a_row_keeps_the_digits_that_it_supports() -> None:
    """A column has one precision, unless a coarse row would hide a digit of another."""
    coarse, fine = evidence.Quantity((90.0, 140.0, 190.0)), evidence.Quantity((22.0, 23.0, 24.0))
    assert _decimals([coarse, evidence.Quantity((110.0, 150.0, 180.0))]) == -1
    assert _decimals([coarse, fine]) is None
    assert _decimals([fine, evidence.Quantity((31.2, 31.4, 31.6))]) == 0


def test_repeats_pair() -> None:
    fast, slow = evidence.Quantity((1.0, 2.0, 4.0)), evidence.Quantity((2.0, 4.0, 8.0))
    assert (slow / fast).samples == (2.0, 2.0, 2.0)
    assert (1 - fast).samples == (0.0, -1.0, -3.0)
    with pytest.raises(TypeError, match="do not pair"):
        slow / evidence.Quantity((1.0, 2.0))


def test_sessions_must_agree() -> None:
    """A verdict that another hour contradicts is `depends`."""
    claims = {"slow": {"claim": "", "expected": "holds", "formula": "results.t.r.c", "holds_if": "low > 5", "fails_if": "high < 5"}}
    for second, verdict in ((9.0, "holds"), (1.0, "depends")):
        values = [6.0, 6.5, 7.0, 6.0, 6.1, 6.2, 6.3] + [second] * 7
        samples = {"t": {"r": {"c": {"unit": "s", "samples": values}}}}
        assert evidence.judged(claims, samples, 2)["slow"]["verdict"] == verdict


def test_a_claim_across_sessions_is_judged_on_all_of_them() -> None:
    """Each hour alone agrees with itself: its vote would turn a difference between hours into `depends`."""
    claim = {"claim": "", "expected": "holds", "formula": "results.t.r.c.high / results.t.r.c.low", "holds_if": "value < 1.1", "fails_if": "value > 1.1"}
    samples = {"t": {"r": {"c": {"unit": "s", "samples": [6.0, 9.0]}}}}
    assert evidence.judged({"hour": claim | {"across": True}}, samples, 2)["hour"]["verdict"] == "fails"
    assert evidence.judged({"hour": claim}, samples, 2)["hour"]["verdict"] == "depends"


def test_a_fault_is_one_line() -> None:
    assert str(Fault("docs/x.md", 3, "evidence", "wrong", "mend it")) == "docs/x.md:3: evidence: wrong — mend it"
