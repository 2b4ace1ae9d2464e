"""The seeded fixture: a database of mixed text, jsonb, bytea and large objects; a tree of log-normal file sizes."""

import json
import random
import shutil
from pathlib import Path

import psycopg

WORDS = [
    "order",
    "invoice",
    "customer",
    "delivery",
    "storage",
    "night",
    "backup",
    "region",
    "price",
    "list",
    "market",
    "open",
    "closed",
    "paper",
]
SEED = 7


def fill_database(conninfo: str, megabytes: int) -> None:
    """About so many MB on disk: half compressible text and json, a quarter bytea, a tenth large objects."""
    chance = random.Random(SEED)
    with psycopg.connect(conninfo) as db:
        db.execute("CREATE TABLE docs (id bigint PRIMARY KEY, title text, body text)")
        db.execute("CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz, kind text, detail jsonb)")
        db.execute("CREATE TABLE blobs (id bigint PRIMARY KEY, content bytea)")
        with db.cursor().copy("COPY docs FROM STDIN") as copy:
            for number in range(megabytes * 120):
                copy.write_row((number, " ".join(chance.choices(WORDS, k=5)), " ".join(chance.choices(WORDS, k=350))))
        with db.cursor().copy("COPY events FROM STDIN") as copy:
            for number in range(megabytes * 900):
                detail = json.dumps({"n": number, "who": chance.choice(WORDS), "amount": chance.random()})
                copy.write_row((number, f"2026-01-01T00:00:{number % 60:02}Z", chance.choice(WORDS), detail))
        with db.cursor().copy("COPY blobs (id, content) FROM STDIN") as copy:
            for number in range(megabytes * 3):
                copy.write_row((number, _content(chance, 50_000)))
        for _ in range(megabytes):
            db.execute("SELECT lo_from_bytea(0, %s)", [_content(chance, 80_000)])
        db.execute("CREATE INDEX ON events (at); ")
        db.execute("CREATE INDEX ON events USING gin (detail)")
    with psycopg.connect(conninfo, autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
        db.execute("CHECKPOINT")


def fill_tree(root: Path, files: int, median: int = 36_000, largest: int = 5_000_000) -> None:
    """So many files in folders of a hundred, half random bytes, half text."""
    chance = random.Random(SEED)
    for number in range(files):
        folder = root / f"{number // 100:04}"
        folder.mkdir(parents=True, exist_ok=True)
        size = min(largest, max(1, int(chance.lognormvariate(0, 1.4) * median)))
        (folder / f"file-{number:06}").write_bytes(_content(chance, size))


def change_tree(root: Path, share: float, turn: int) -> None:
    """Put 200 bytes into the middle of this share of the files."""
    chance = random.Random(SEED + turn)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    for path in chance.sample(files, max(1, int(len(files) * share))):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + chance.randbytes(200) + content[middle:])


def empty(folder: Path) -> None:
    """A folder that is there, with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def _content(chance: random.Random, size: int) -> bytes:
    if chance.random() < 0.5:
        return chance.randbytes(size)
    line = (" ".join(chance.choices(WORDS, k=60)) + "\n").encode()
    return (line * (size // len(line) + 1))[:size]
