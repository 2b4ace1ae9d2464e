"""Fetch: a package's file out of the vault, as a copy of its own for the deploy command."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from environments.models import Environment, Package
from environments.runtimes.choose import means_of

from ..errors import DeployFailed
from ..storage.stored import Stored, read_through
from ..storage.vault import open_vault

SPARE = 1.05
Beat = Callable[[int, int], None]
"""Called with the bytes that are done and those there are."""


@contextmanager
def deploy_arguments(environment: Environment, package: Package, folder: Path, beat: Beat) -> Iterator[list[str]]:
    """What stands behind an environment's deploy command: model version, modeler version, and the path of the file
    where there is one, under the name it came with. The copy is in `folder` and gone when the context is left.

    Raises:
        DeployFailed: there is no room for it.
        StoredDiffers, StoredMissing, VaultUnreachable: the file is not what was stored.
    """
    arguments = [package.model_version, package.modeler_version]
    if not package.has_file or not means_of(environment).may_deploy:
        yield arguments
        return
    target = folder / package.file_name
    try:
        _copy(package, target, beat)
        yield [*arguments, str(target)]
    finally:
        target.unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()


def _copy(package: Package, target: Path, beat: Beat) -> None:
    """Write the file, compared by its SHA-256 meanwhile."""
    stored = Stored(package.stored_as, package.file_bytes or 0, package.file_sha256)
    folder = target.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < stored.size * SPARE:
            raise DeployFailed(f"There is no room for the package's file in {folder.parent}. Nothing was deployed.")
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for block in read_through(open_vault(), stored):
                file.write(block)
                beat(file.tell(), stored.size)
    except OSError as error:
        raise DeployFailed(
            f"The package's file cannot be written to {folder.parent} ({error.strerror}). Nothing was deployed."
        ) from error
