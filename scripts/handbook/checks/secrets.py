"""No file tells what belongs to one person: private keys, addresses, home folders; nor carries another's license."""

import re
from collections.abc import Iterator

from handbook.book import Book
from handbook.checks.files import BINARY
from handbook.fault import Fault

# pattern, what is wrong, how to mend it. Tokens of services are detect-secrets' business (tools.py).
PERSONAL = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
        "a private key",
        "revoke it, it is public now; then delete it, and let the lab make its own",
    ),
    (
        # Not what stands before a host in the address of a server.
        re.compile(
            r"(?:(?<=mailto:)|(?<![\w.+:/-]))[\w.+-]+@(?!example\.|[\w.-]*\.example\b|users\.noreply\.)"
            r"[a-z0-9-]+(?:\.[a-z0-9-]+)*"
            r"\.(?:com|org|net|edu|gov|mil|info|biz|name|dev|app|cloud|[a-z]{2})\b(?!\.\w)",
            re.IGNORECASE,
        ),
        "a personal address",
        "write name@example.org",
    ),
    (
        re.compile(
            r"(?<![\w./:-])/(?:home|Users)/(?!(?:user|you|me|app|runner|ubuntu|jovyan|name|shared)\b)[a-z][\w.-]*"
            r"|\b[A-Z]:\\+Users\\+\w+",
            re.IGNORECASE,
        ),
        "somebody's home folder",
        "write a path in the handbook, or ~",
    ),
)
_NOT_ADDRESSES = re.compile(r"\bgit@|[\w.+-]+@[\w.-]+\.(?:service|target|timer|socket|local|internal|svg|png)\b")
# A notice, not a mention: a page may say that a data set is CC BY-NC.
NOTICE = re.compile(
    r"all rights[ ]reserved"
    r"|licensed under (?:the )?(?:terms of )?(?!CC BY 4\.0|the MIT|MIT)"
    r"(?:(?:CC|Creative|GNU|Apache|BSD|MPL|[AL]?GPL|Mozilla|Business)\b)"
    r"|this (?:work|text|article|page|file|document|program) is (?:free software|licensed)"
    r"|SPDX-License-[I]dentifier:(?! *(?:MIT|CC-BY-4\.0)\s*(?:-->|\*/|$))|(?:©|\(c\)|copyright) (?:19|20)\d\d\b",
    re.IGNORECASE | re.MULTILINE,
)
_LICENSES = re.compile(r"LICENSE.*|docs/assets/fonts/.*-OFL\.txt|scripts/make-fonts\.py")  # notices stand here
_MACHINE = ("requirements.lock", "package-lock.json")


def check(book: Book) -> Iterator[Fault]:
    for name in book.tree:
        path = book.root / name
        if path.is_symlink() or path.suffix in BINARY or name in _MACHINE or _LICENSES.fullmatch(name):
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        for pattern, wrong, repair in PERSONAL:
            for found in pattern.finditer(text):
                if not _NOT_ADDRESSES.match(found[0]):
                    yield Fault(name, text.count("\n", 0, found.start()) + 1, "secret", wrong, repair)
        for found in NOTICE.finditer(text):
            repair = "text here is CC BY 4.0, code MIT: cite the work, and say it in your own words"
            line = text.count("\n", 0, found.start()) + 1
            yield Fault(name, line, "license", f"a notice of another license: {found[0].strip()}", repair)
