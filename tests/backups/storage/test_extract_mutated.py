"""Thousands of archives that are wrong by chance: refused or right, never half, never beside the folder."""

import io
import os
import shutil
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backups.errors import UploadRefused
from backups.storage.extract import Inspection, extract, inspect
from backups.storage.recognise import FileKind

from .mutations import mutated
from .unpacking import Surroundings, believed, limits, opened, tree, writer_of

SEED = 20_261_125
COUNT = 10_000 if os.environ.get("PORTAL_TEST_THOROUGH") == "1" else 1_000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGING = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.truncate"}


class Watch:
    """Hears of every name through which this process writes, while it is on."""

    def __init__(self) -> None:
        self.is_on, self.names = False, set[bytes]()
        sys.addaudithook(self._hear)

    def _hear(self, event: str, facts: tuple[Any, ...]) -> None:
        if self.is_on and (event in CHANGING or (event == "open" and facts[2] & WRITING)):
            self.names.add(facts[0] if isinstance(facts[0], bytes) else str(facts[0]).encode())


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture
def surroundings(tmp_path: Path) -> Iterator[Surroundings]:
    made = Surroundings(tmp_path)
    yield made
    made.assert_untouched()


def _try(content: bytes, into: Path, trap: Inspection | None = None) -> Inspection | None:
    """What came of it. Beats are counted: no archive of this size is worth more of them."""
    beats = 0

    def beat(done: int, total: int) -> None:
        nonlocal beats
        beats += 1
        assert beats < 200 and done <= total == len(content)

    with opened(content) as file, writer_of(into) as writer:
        try:
            seen = trap or inspect(file, limits(), beat=beat, allow_empty=True)
            extract(file, writer, limits(), inspection=seen, beat=beat)
        except UploadRefused:
            return None
    return seen


def test_archives_wrong_by_chance_do_no_harm(surroundings: Surroundings, watch: Watch) -> None:
    taken = 0
    tracemalloc.start()
    try:
        for seed in range(SEED, SEED + COUNT):
            content = mutated(seed)
            for trap in (None, believed(content)):
                watch.is_on = True
                seen = _try(content, surroundings.into, trap)
                watch.is_on = False
                taken += seen is not None
                _check(seen, content, surroundings.into, seed)
                _clear(surroundings.into)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        watch.is_on = False
        tracemalloc.stop()
    assert COUNT // 100 < taken < COUNT
    assert not [name for name in watch.names if b"/" in name or name in (b"", b".", b"..")]


def _check(seen: Inspection | None, content: bytes, into: Path, seed: int) -> None:
    """What lies there is files and folders alone; all of it, and as a second reader sees it, when it was taken."""
    found = tree(into)
    if seen is None:
        return
    files = sorted(one for one in found.values() if one is not None)
    assert (len(files), sum(map(len, files))) == (seen.files, seen.bytes), seed
    if not seen.root:
        assert files == sorted(_second_reading(content, seen.kind)), seed


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _second_reading(content: bytes, kind: FileKind) -> Iterator[bytes]:
    if kind is FileKind.ZIP:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            yield from (archive.read(one) for one in archive.infolist() if not one.is_dir())
        return
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file and not member.isdir():
                yield file.read()


def test_the_same_number_makes_the_same_archive() -> None:
    assert [mutated(seed) for seed in range(50)] == [mutated(seed) for seed in range(50)]
