"""What README says brings a backup back without the portal, also when its files have moved since."""

import re
import subprocess
import sys
from pathlib import Path

from backups.storage import names
from backups.storage.rewrite import rewrite
from backups.storage.survey import survey
from backups.storage.vault import DirectoryVault

from .trip import ENVIRONMENT, keep, noise, tree

README = (Path(__file__).resolve().parents[3] / "README.md").read_text()


def test_files_that_have_moved_are_unpacked_by_the_readme_alone(root: Path, tmp_path: Path) -> None:
    vault = DirectoryVault(location=tmp_path / "vault")
    vault.settle()
    for number in range(6):
        (root / f"{number}.bin").write_bytes(noise(3000, number) + b"words " * 500)
    first = keep(root, vault)
    for number in range(4):
        (root / f"{number}.bin").write_bytes(noise(2000, 100 + number))
    kept = keep(root, vault, first)
    vault.delete(first.reader.name)
    for name in rewrite(vault, ENVIRONMENT, survey(vault, ENVIRONMENT)).replaced:
        vault.delete(name)
    assert vault.listdir(names.moves_folder(ENVIRONMENT))[1]
    (tmp_path / "unpack.py").write_text(re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0])
    back = tmp_path / "back"
    back.mkdir()

    command = [sys.executable, "unpack.py", "vault", vault.path(kept.reader.name), str(back)]
    subprocess.run(command, cwd=tmp_path, check=True)

    assert tree(back) == tree(root)
