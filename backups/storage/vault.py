"""The vault: where backups lie. Written by push, never over what is there; every error is a sentence."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Protocol, Self, cast

from django.core.files.storage import FileSystemStorage, storages

from ..errors import StoredAlready, StoredDiffers, StoredMissing, VaultUnreachable

BLOCK = 1 << 20
# A longer write takes large pages, which a virtual machine may have to get from its host first: ten times as slow.
WRITTEN = 256 << 10
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_RIGHTS = (errno.EACCES, errno.EPERM)


class Writer(Protocol):
    """One object being written. Its name appears at commit and not before; left without commit, nothing stays."""

    name: str

    def write(self, block: bytes | memoryview, /) -> None: ...

    def commit(self) -> None: ...

    def abort(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Vault(Protocol):
    """What storage asks of a vault. Names are relative, with `/`. Everything raises VaultUnreachable."""

    def settle(self) -> None:
        """Make the place itself where it can be made; only for the first write ever."""

    def create(self, name: str) -> Writer:
        """Begin an object. Raises: StoredAlready when the name is taken or being written."""

    def stream(self, name: str, start: int = 0, length: int | None = None, block: int = BLOCK) -> Iterator[bytes]:
        """The bytes from `start`, `length` of them (None: to the end), in blocks of at most `block`.

        Raises, while read: StoredMissing, and StoredDiffers when it ends before `length`.
        """

    def unfinished(self, folder: str) -> list[str]:
        """Names in this folder (not below) that were begun and neither committed nor aborted."""

    def discard(self, name: str) -> None:
        """Remove what is unfinished under this name. Nothing there is no error."""

    def delete(self, name: str) -> None:
        """Remove a finished object. Nothing there is no error."""

    def exists(self, name: str) -> bool: ...

    def size(self, name: str) -> int:
        """In bytes. Raises: StoredMissing."""

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Folders and finished objects in it. A folder that is not there is empty."""


def open_vault() -> Vault:
    """The vault of the settings. It is contacted on use, not here."""
    return cast(Vault, storages["vault"])


class DirectoryVault(FileSystemStorage):
    """A vault in a directory. Unfinished writes lie beside their name as `.<name>.part`."""

    def settle(self) -> None:
        with self._explained():
            Path(self.location).mkdir(mode=0o700, parents=True, exist_ok=True)

    def create(self, name: str) -> "DirectoryWriter":
        return DirectoryWriter(self, name)

    def stream(self, name: str, start: int = 0, length: int | None = None, block: int = BLOCK) -> Iterator[bytes]:
        left = length
        with self._explained(name), open(self.path(name), "rb", buffering=0) as file:
            file.seek(start)
            while piece := file.read(block if left is None else min(block, left)):
                left = None if left is None else left - len(piece)
                yield piece
        if left:
            raise StoredDiffers(f"{name} in the vault is {left} bytes too short.")

    def unfinished(self, folder: str) -> list[str]:
        parts = [name for name in self._listed(folder)[1] if _is_part(name)]
        return sorted(f"{folder}/{part[1 : -len('.part')]}".lstrip("/") for part in parts)

    def discard(self, name: str) -> None:
        self._remove(self._part_of(name))

    def delete(self, name: str) -> None:
        self._remove(Path(self.path(name)))

    def exists(self, name: str) -> bool:
        with self._explained():
            try:
                Path(self.path(name)).lstat()
            except FileNotFoundError:
                self._check_there()
                return False
        return True

    def size(self, name: str) -> int:
        with self._explained(name):
            return Path(self.path(name)).stat().st_size

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        folders, files = self._listed(path)
        return sorted(folders), sorted(name for name in files if not _is_part(name))

    def save(self, *args: object, **kwargs: object) -> NoReturn:
        """A failing save() would leave half a file under its final name, and a taken name would become another."""
        raise NotImplementedError("The vault is written through create().")

    def _listed(self, folder: str) -> tuple[list[str], list[str]]:
        with self._explained():
            try:
                return super().listdir(folder)
            except FileNotFoundError:
                self._check_there()
                return [], []

    def _remove(self, path: Path) -> None:
        with self._explained():
            try:
                path.unlink()
            except FileNotFoundError:
                self._check_there()
            else:
                sync_folder(path.parent)
            self._drop_empty_folders(path.parent)

    def _drop_empty_folders(self, folder: Path) -> None:
        """Other vaults know no folders, so an empty one is no trace that may stay."""
        root = Path(self.location)
        with suppress(OSError):
            while folder != root:
                folder.rmdir()
                folder = folder.parent

    def _part_of(self, name: str) -> Path:
        path = Path(self.path(name))
        return path.with_name(f".{path.name}.part")

    def _check_there(self) -> None:
        if not os.path.isdir(self.location):  # noqa: PTH112 - Path.is_dir() may itself raise
            raise VaultUnreachable(
                f"The vault at {self.location} is not there. Nothing was read or written. "
                "Mount its disk or correct PORTAL_VAULT, then try again."
            )

    @contextmanager
    def _explained(self, name: str = "") -> Iterator[None]:
        """Turns what the system says into a sentence; `name` is what had to be there."""
        try:
            yield
        except OSError as error:
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                self._check_there()
                if name:
                    raise StoredMissing(f"{name} is missing in the vault.") from error
            raise VaultUnreachable(self._sentence(error)) from error

    def _sentence(self, error: OSError) -> str:
        if error.errno in FULL:
            return (
                f"No space left in the vault at {self.location}. What was being written was not kept, what was stored "
                "before is untouched. Make room there, then try again."
            )
        if error.errno == errno.EROFS:
            return (
                f"The vault at {self.location} can only be read; nothing was written. "
                "Mount it for writing, then try again."
            )
        if error.errno in NO_RIGHTS:
            return (
                f"The portal has no rights in the vault at {self.location}. Nothing more was read or written. "
                "Let the portal's user read and write there, then try again."
            )
        return (
            f"The vault at {self.location} does not answer ({error.strerror}). What was stored before is untouched. "
            "Look at its disk, then try again."
        )


class DirectoryWriter:
    """Writes a part beside the name; commit syncs data and folder, and only then gives it its name."""

    def __init__(self, vault: DirectoryVault, name: str) -> None:
        self.name = name
        self._vault = vault
        self._path = Path(vault.path(name))
        self._part = vault._part_of(name)
        with vault._explained():
            if vault.exists(name):
                raise StoredAlready(f"{name} is already in the vault. Nothing was written over it.")
            self._file: int | None = self._open()

    def _open(self) -> int:
        # Again and again, because somebody else's delete may drop the empty folder in between.
        for _ in range(10):
            with suppress(FileNotFoundError):
                self._make_folders(self._path.parent)
                return self._create()
        self._make_folders(self._path.parent)
        return self._create()

    def _create(self) -> int:
        try:
            return os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise StoredAlready(f"{self.name} is already being written in the vault.") from None

    def _make_folders(self, folder: Path) -> None:
        if folder.is_dir():
            return
        if folder == Path(self._vault.location):
            self._vault._check_there()
        self._make_folders(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            sync_folder(folder.parent)

    def write(self, block: bytes | memoryview, /) -> None:
        assert self._file is not None
        left = memoryview(block)
        with self._vault._explained():
            while left:
                left = left[self._put(self._file, left[:WRITTEN]) :]

    def _put(self, file: int, block: memoryview) -> int:
        return os.write(file, block)

    def commit(self) -> None:
        assert self._file is not None
        try:
            with self._vault._explained():
                os.fsync(self._file)
                self._close()
                # Nobody else can give this name while the part is ours.
                if self._vault.exists(self.name):
                    raise StoredAlready(f"{self.name} is already in the vault. Nothing was written over it.")
                self._part.rename(self._path)
                sync_folder(self._path.parent)
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        with suppress(OSError):
            self._close()
        with suppress(VaultUnreachable):
            self._vault.discard(self.name)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self.abort()


def sync_folder(folder: Path) -> None:
    """Make a folder's names survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_part(name: str) -> bool:
    return name.startswith(".") and name.endswith(".part")
