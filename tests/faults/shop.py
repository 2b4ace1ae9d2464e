"""A small app that keeps a word in its database and in its files. `python shop.py CONNINFO FILES SEEN`

It notes both when it starts, holds a session, and ends when that is taken away.
"""

import sys
from pathlib import Path

import psycopg


def main(conninfo: str, files: str, seen: str) -> None:
    with psycopg.connect(conninfo, autocommit=True, application_name="shop") as database:
        row = database.execute("SELECT word FROM mark").fetchone()
        word = (Path(files) / "mark.txt").read_text()
        with Path(seen).open("a") as notes:
            notes.write(f"{row and row[0]} {word}\n")
        for _ in database.notifies():  # waits for good
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
