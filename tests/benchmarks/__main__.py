"""make bench: builds the fixture, measures the rows, prints the table and, with --json FILE, writes it."""

import argparse
import json
import os
import tempfile
from pathlib import Path

from . import rows_create, rows_download, rows_nights, rows_pages, rows_restore, rows_s3, rows_upload
from .ground import Ground
from .table import HEADING

ROWS = {1: rows_create, 2: rows_create, 3: rows_create, 4: rows_create, 5: rows_create}
ROWS |= {6: rows_restore, 7: rows_restore, 10: rows_upload}
ROWS |= {8: rows_download, 9: rows_download, 12: rows_pages, 14: rows_pages}
ROWS |= {11: rows_s3, 13: rows_nights, 15: rows_nights}
MODULES = (rows_create, rows_restore, rows_download, rows_upload, rows_pages, rows_nights, rows_s3)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the portal against hand-run tools.")
    parser.add_argument("rows", nargs="*", type=int, default=sorted(ROWS), help="which rows; all by default")
    parser.add_argument("--size", default=os.environ.get("SIZE", "small"), choices=["small", "full"])
    parser.add_argument("--json", type=Path, help="also write the figures here")
    asked = parser.parse_args()
    ground = Ground(Path(tempfile.mkdtemp(prefix="portal-bench-")), asked.size)
    found = []
    try:
        ground.start()
        print(HEADING, flush=True)
        for module in MODULES:
            wanted = {number for number in asked.rows if ROWS.get(number) is module}
            for row in module.measure(ground, wanted) if wanted else ():
                found.append(row.as_json())
                print("\n".join(row.lines()), flush=True)
    finally:
        ground.stop()
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
