"""Any tree, saved and read back, is the same byte for byte; so is any tree that it turns into."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from backups.storage.vault import DirectoryVault

from .trip import contents, keep, noise, tree

NAMES = st.binary(min_size=1, max_size=12).filter(
    lambda name: not set(name) & set(b"/\0") and name not in (b".", b"..")
)
CONTENTS = st.one_of(
    st.just(b""),
    st.binary(max_size=300),
    st.integers(0, 200_000).map(lambda size: b"compressible " * (size // 13)),
    st.integers(0, 200_000).map(noise),
)
FOLDER = object()
TREES = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=4).map(tuple), st.one_of(CONTENTS, st.just(FOLDER)), max_size=25
)


def plant(root: Path, wanted: dict[tuple[bytes, ...], object]) -> None:
    """Make what can be made: a path through a file is skipped."""
    for parts, content in wanted.items():
        path = Path(root, *map(os.fsdecode, parts))
        try:
            (path if content is FOLDER else path.parent).mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue


@given(first=TREES, second=TREES, is_trusted=st.booleans(), limit=st.sampled_from([1, 50_000, 64 << 20]))
@settings(max_examples=40, deadline=None)
def test_any_tree_comes_back(
    first: dict[tuple[bytes, ...], object], second: dict[tuple[bytes, ...], object], is_trusted: bool, limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, vault = Path(folder, "files"), DirectoryVault(location=Path(folder, "vault"))
        root.mkdir()
        vault.settle()
        plant(root, first)
        before = {path: one for path, one in tree(root).items() if not path.startswith(b".portal/")}
        one = keep(root, vault, is_trusted=is_trusted, limit=limit)
        assert contents(vault, one) == before
        plant(root, second)
        two = keep(root, vault, one, limit=limit)
        assert contents(vault, two) == tree(root)
        assert contents(vault, one) == before
