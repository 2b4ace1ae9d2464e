"""A database with every common thing in it, and a tree with odd names: what a backup must bring back whole."""

import os
import random
from pathlib import Path


def statements() -> list[str]:
    """What rich.sql holds, one by one."""
    text = Path(__file__).with_name("rich.sql").read_text()
    return [one for one in (part.strip() for part in text.split(";\n")) if one]


ODD_NAMES = [
    b"plain.txt",
    b"with space.txt",
    b"new\nline.txt",
    b"tab\there",
    b"no-utf8-\xff\xfe.bin",
    b"-leading-dash",
    b"back\\slash",
    b"per%cent",
    b"per%0Acent",
    b"quote\"s and 's",
    "ümläut.txt".encode(),
    "decomposed-u\u0308.txt".encode(),
    "日本語.txt".encode(),
    "🙂.txt".encode(),
    b"trailing dot.",
    b"colon:star*",
    b"x" * 250,
    b".hidden",
]


def fill_tree(root: Path, small: int = 200) -> None:
    """Odd names, an empty file, empty folders, a large file, modes, and so many small files."""
    chance = random.Random(11)
    odd = os.fsencode(root) + b"/odd"
    os.makedirs(odd)  # noqa: PTH103 - names may be no text
    for number, name in enumerate(ODD_NAMES):
        with open(odd + b"/" + name, "wb") as file:
            file.write(chance.randbytes(number * 37))
    (root / "empty").mkdir()
    (root / "deep" / "er" / "est").mkdir(parents=True)
    (root / "deep" / "er" / "file").write_bytes(b"text " * 4000)
    (root / "large.bin").write_bytes(chance.randbytes(9 * 1024 * 1024) + b"\0" * (9 * 1024 * 1024))
    (root / "deep" / "secret").write_bytes(b"mode")
    (root / "deep" / "secret").chmod(0o640)
    for number in range(small):
        folder = root / "small" / f"{number // 500:03}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:06}.txt").write_bytes(f"file {number} ".encode() * (number % 50))
