"""Where uploaded files lie, whatever it is made of: a directory or an S3 bucket. The only place that decides which."""

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager
from typing import Protocol, Self

from django.utils.module_loading import import_string

from environments.files_address import FilesAddress

from .columns import Headers
from .directory_store import DirectoryStore
from .documents_found import Found, Pace
from .stored import Tick, no_tick

# By its name, as Django loads a storage: where there is no bucket, what it needs would only double every start.
BUCKET_STORE = "backups.storage.bucket_store.BucketStore"


class FilesWriter(Protocol):
    """Writes files and folders into a place that is not live. Paths are bytes with `/`. Raises: UnpackFailed"""

    def write_file(
        self,
        path: bytes,
        content: Iterable[bytes],
        *,
        mode: int = 0o644,
        mtime_ns: int | None = None,
        headers: Headers | None = None,
    ) -> None: ...

    def make_folder(self, path: bytes) -> None: ...

    def finish_folder(self, path: bytes, mode: int, mtime_ns: int) -> None: ...


class DocumentsStore(Protocol):
    """The uploaded files of one environment: read as they are, and exchanged as a whole.

    A *place* is a text that says where a tree of files lies that is not live, or not any more; the journal keeps it.
    """

    address: FilesAddress
    pace: Pace

    # Read

    def hurried(self) -> Self:
        """The same for who waits for a page: a store that does not answer within seconds is not asked again."""

    def look(self) -> bool:
        """See that the files can be listed, and whether there are any. Raises: FilesUnreadable"""

    def walk(self, tick: Tick = no_tick) -> Generator[Found]:
        """Everything but what the portal keeps there, in the order of the manifest: depth first, names by bytes.

        `tick` is called while nothing can be told yet. Raises: FilesUnreadable
        """

    def measure(self, tick: Tick = no_tick) -> tuple[int, int]:
        """How many files there are, and their bytes. Raises: FilesUnreadable"""

    def free_bytes(self) -> int | None:
        """What more files may take beside the live ones; None: no limit is known. Raises: OSError"""

    # Write

    is_switched: bool
    """Whether the app is told another address, by its `files` command, when other files come in."""

    keeps_copies: bool
    """Whether what leaves is kept by being copied, which takes its time."""

    def staging(self, label: str) -> str:
        """The place where what will be live is built. Not made yet."""

    def previous(self, label: str) -> str:
        """The place where what leaves will lie after the exchange that has this label."""

    def withdraw(self, label: str, beat: Tick = no_tick) -> None:
        """Remove what an attempt of this label may have made, which is backed out before its exchange, or taken back.

        Raises: OSError, FilesStoreUnreachable
        """

    def make(self, place: str, beat: Tick = no_tick) -> None:
        """Begin an empty tree there; what an earlier attempt left there is gone."""

    def opened(self, place: str, beat: Tick = no_tick) -> AbstractContextManager[FilesWriter]:
        """Whoever writes into it. Left without an error, everything is there as it was written."""

    def sync(self, place: str, beat: Tick = no_tick) -> None:
        """Return when everything written there stays there, whatever happens. Raises: PuttingBackRefused"""

    def prepare(self, outgoing: str, beat: Tick = no_tick) -> None:
        """What can be done for an exchange while the app still runs. Safe to call again."""

    def keep(self, outgoing: str, beat: Tick = no_tick) -> None:
        """What can be done for it when the app is stopped, and nothing live is touched yet. Safe to call again."""

    def exchange(self, incoming: str, outgoing: str, generation: str, beat: Tick = no_tick) -> None:
        """Let `incoming` be live, and what is live lie at `outgoing`. Safe to call again, until it returns.

        Raises:
            OSError, FilesStoreUnreachable: calling again goes on where it was.
            FilesNotWhole: it is of no use to call again; `take_back` leads back to what was live.
        """

    def take_back(self, outgoing: str, generation: str, beat: Tick = no_tick) -> None:
        """Let what was live before an exchange that cannot be carried through be live again. Safe to call again.

        Raises: FilesStoreUnreachable, FilesNotWhole: nothing else is to be done before somebody has looked.
        """

    def clear(self, incoming: str, generation: str, beat: Tick = no_tick) -> None:
        """Remove what an exchange that has ended does not need any more. Safe to call again."""

    def moved(self, place: str) -> FilesAddress:
        """The address of the live files when what lies in this place has come in."""

    def discard(self, place: str, beat: Tick = no_tick) -> None:
        """Remove a tree that is not live. Nothing there is no error."""


def store_of(address: FilesAddress, *, is_switched: bool = False) -> DocumentsStore:
    """The store of an environment's `files_address`. It is contacted on use, not here.

    `is_switched`: the app can be told another address; a directory's swap needs no such thing.
    """
    if not address.is_s3:
        return DirectoryStore(address)
    store: DocumentsStore = import_string(BUCKET_STORE)(address, is_switched=is_switched)
    return store
