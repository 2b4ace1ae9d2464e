"""Exchange of files: the part of an exchange that is about uploaded files, in a directory or in a bucket."""

from collections.abc import Callable
from dataclasses import replace

from django.db import transaction

from environments.errors import RuntimeRefused
from environments.files_address import BESIDE, FilesAddress
from environments.models import Environment
from environments.runtimes.choose import runtime_of

from ..models import Swap
from ..storage.documents_store import DocumentsStore, store_of

Beat = Callable[[], None]


def files_of(environment: Environment, swap: Swap | None = None) -> DocumentsStore:
    """The store of an environment's uploaded files; of a journalled exchange as it was when that was written down."""
    is_switched = swap.is_switched if swap else bool(environment.commands.get("files"))
    return store_of(environment.files_address, is_switched=is_switched)


def put_in(swap: Swap, environment: Environment, store: DocumentsStore, beat: Beat, close: Callable[[], None]) -> None:
    """Let the files that the journal names be live, and `close` that step. Safe to call again until it has returned.

    Raises:
        OSError, FilesStoreUnreachable: calling again goes on where it was.
        FilesNotWhole, RuntimeRefused: it is of no use to call again.
    """
    store.exchange(swap.incoming_files, swap.outgoing_files, str(swap.generation), beat)
    address = store.moved(swap.incoming_files)
    if swap.is_switched and not _tell(environment, address, beat):
        raise RuntimeRefused(f"{environment.name} has no files command any more. Register it with --files-command.")
    with transaction.atomic():
        if swap.is_switched:
            environment.files_directory = address.to_text()
            Environment.objects.filter(pk=environment.pk).update(files_directory=environment.files_directory)
        close()


def take_back(swap: Swap, environment: Environment, beat: Beat) -> None:
    """Let the files that were live before be live. Safe to call again.

    Raises:
        FilesStoreUnreachable, FilesNotWhole, RuntimeRefused: call again; nothing is whole before it has returned.
    """
    store = files_of(environment, swap)
    store.take_back(swap.outgoing_files, str(swap.generation), beat)
    if swap.is_switched:
        _tell(environment, store.address, beat)


def clear_files(swap: Swap, environment: Environment, beat: Beat) -> None:
    """Remove what an exchange that has ended left of files. Raises: FilesStoreUnreachable: call again."""
    if swap.incoming_files:
        files_of(environment, swap).clear(swap.incoming_files, str(swap.generation), beat)


def discard_files(environment: Environment, place: str, beat: Beat) -> None:
    """Remove files that are not live any more, wherever they lie. What is live again stays, and so does what an app
    had before the environment was registered anew with another place.

    Raises:
        OSError, FilesStoreUnreachable: call again.
    """
    own, address = environment.files_address, FilesAddress.parse(place)
    if (address.bucket, address.endpoint, address.own_prefix) == (own.bucket, own.endpoint, own.own_prefix):
        if address.prefix != own.prefix or not address.is_s3:
            store_of(own).discard(place, beat)
    elif not address.is_s3:
        store_of(address).discard(place, beat)
    elif BESIDE in address.prefix:
        secret = own.secret if address.key == own.key else ""
        store_of(replace(address, prefix=address.own_prefix, secret=secret)).discard(place, beat)


def _tell(environment: Environment, address: FilesAddress, beat: Beat) -> bool:
    """Let the app know; it has keys of its own. False: there is no command for it."""
    return runtime_of(environment).use_files(replace(address, key="", secret="").to_text(), beat)
