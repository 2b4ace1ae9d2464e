"""What lies below several prefixes of a bucket, side by side in a file of its own: memory stays flat."""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .generations import OWN
from .s3_store import S3Store

BESIDE = ".portal-"
ROWS = 1000
TABLES = """
    PRAGMA journal_mode = OFF;
    CREATE TABLE listed (place TEXT, key TEXT, size INTEGER, tag TEXT, PRIMARY KEY (place, key)) WITHOUT ROWID;
    CREATE TABLE made (place TEXT, key TEXT, of_tag TEXT, tag TEXT, PRIMARY KEY (place, key)) WITHOUT ROWID;
    CREATE TABLE folders (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""
LISTED = """
    SELECT key, size, tag FROM listed WHERE place = :source AND key > :after ORDER BY key LIMIT :rows
"""
# A copy of an object that came in parts, or is encrypted by a key, has another tag: then it is believed by what the
# store answered when it was made.
DIFFERING = """
    SELECT one.key, one.size, one.tag FROM listed AS one
    LEFT JOIN listed AS other ON other.place = :target AND other.key = one.key
    LEFT JOIN made ON made.place = :target AND made.key = one.key
    WHERE one.place = :source AND one.key > :after AND NOT (
        other.size IS one.size AND other.size IS NOT NULL AND (
            (other.tag = one.tag AND one.tag <> '')
            OR (made.of_tag IS one.tag AND (made.tag IS other.tag OR made.tag LIKE '%-%' OR other.tag LIKE '%-%'))
        )
    )
    ORDER BY one.key LIMIT :rows
"""
# What was written in parts was answered another tag than a list may show.
UNLIKE = """
    SELECT key FROM (
        SELECT key, size, tag FROM listed WHERE place = :written UNION ALL
        SELECT key, size, tag FROM listed WHERE place = :place
    ) GROUP BY key
    HAVING COUNT(*) < 2 OR MIN(size) < MAX(size)
        OR (MIN(tag) < MAX(tag) AND NOT SUM(tag = '' OR tag LIKE '%-%'))
    LIMIT 1
"""
EMPTY_FOLDERS = """
    SELECT key FROM folders AS one WHERE key > :after
    AND NOT EXISTS (
        SELECT 1 FROM listed WHERE place = :source AND key > one.key AND key < rtrim(one.key, '/') || '0'
    ) AND NOT EXISTS (
        SELECT 1 FROM folders AS other
        WHERE other.key > one.key AND other.key < rtrim(one.key, '/') || '0'
    )
    ORDER BY key LIMIT :rows
"""
SURPLUS = """
    SELECT key FROM listed AS one WHERE place = :target AND key > :after
    AND NOT EXISTS (SELECT 1 FROM listed WHERE place = :source AND key = one.key)
    ORDER BY key LIMIT :rows
"""


class Listed(NamedTuple):
    """An object: its key below its place, and what the list says of it."""

    key: str
    size: int
    tag: str


class Facts(NamedTuple):
    """What a place holds, in three words."""

    objects: int
    size: int
    digest: str


class Lists:
    """For one thread, and closed by any. Places are prefixes; what is the portal's own below them is left out."""

    def __init__(self, store: S3Store) -> None:
        self._store = store
        self._rows = sqlite3.connect("", check_same_thread=False)  # on disk, and gone with the connection
        self._rows.executescript(TABLES)

    def load(self, place: str, beat: Callable[[], None]) -> Facts:
        """List a place, again where it was listed before."""
        self._rows.execute("DELETE FROM listed WHERE place = ?", [place])
        for page in self._store.listed(below(place), delimiter=""):
            beat()
            listed = (_listed(one, below(place)) for one in page.get("Contents", ()))
            rows = [(place, *one) for one in listed if not is_own(place, one.key)]
            self._rows.executemany("INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?)", rows)
        return self.facts(place)

    def facts(self, place: str) -> Facts:
        """What the last list of a place says."""
        count, size, digest = 0, 0, hashlib.sha256()
        for key, length, tag in self._each(LISTED, source=place):
            digest.update(f"{key}\0{length}\0{tag}\n".encode())
            count, size = count + 1, size + length
        return Facts(count, size, digest.hexdigest())

    def differing(self, source: str, target: str) -> Iterator[Listed]:
        """What `target` does not have as `source` has it, by the last lists."""
        return (Listed(*row) for row in self._each(DIFFERING, source=source, target=target))

    def surplus(self, source: str, target: str) -> Iterator[str]:
        """Keys that `target` has and `source` does not, by the last lists."""
        return (key for (key,) in self._each(SURPLUS, source=source, target=target))

    def remember(self, place: str, key: str, of_tag: str, tag: str) -> None:
        """An object was made in a place, as a copy of one with a tag, and was answered to have a tag itself."""
        self._rows.execute("INSERT OR REPLACE INTO made VALUES (?, ?, ?, ?)", [place, key, of_tag, tag])

    def add(self, place: str, one: Listed) -> None:
        """Add an object to a list by hand."""
        self._rows.execute("INSERT OR REPLACE INTO listed VALUES (?, ?, ?, ?)", [place, *one])

    def add_folder(self, key: str) -> None:
        """Remember a folder; its key ends in `/`."""
        self._rows.execute("INSERT OR IGNORE INTO folders VALUES (?)", [key])

    def empty_folders(self, place: str) -> Iterator[str]:
        """Folders below which nothing is listed in a place, and no other folder."""
        return (key for (key,) in self._each(EMPTY_FOLDERS, source=place))

    def first_unlike(self, written: str, place: str) -> str | None:
        """A key that is not in both lists as it should be."""
        row = self._rows.execute(UNLIKE, {"written": written, "place": place}).fetchone()
        return str(row[0]) if row else None

    def close(self) -> None:
        """Done by itself when nobody holds it any more."""
        self._rows.close()

    __del__ = close

    def _each(self, query: str, **named: Any) -> Iterator[Any]:
        """The rows of a query, a thousand at a time: something may be remembered meanwhile."""
        after: str | None = ""
        while after is not None:
            rows = self._rows.execute(query, {**named, "after": after, "rows": ROWS}).fetchall()
            yield from rows
            after = rows[-1][0] if rows else None


def below(place: str) -> str:
    """How keys below a prefix begin."""
    return f"{place}/" if place else ""


def is_own(place: str, key: str) -> bool:
    """Whether a key below a prefix is no uploaded file but the portal's own, or the prefix itself."""
    return not key or key.startswith(f"{OWN}/") or (not place and key.startswith(BESIDE))


def plain_tag(tag: str) -> str:
    """Stores write the same tag with marks around it and without."""
    return tag.strip('"')


def _listed(one: dict[str, Any], prefix: str) -> Listed:
    return Listed(one["Key"][len(prefix) :], int(one["Size"]), plain_tag(one.get("ETag", "")))
