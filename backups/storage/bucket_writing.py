"""What is written into a bucket of uploaded files: a new generation beside the live one, and their exchange."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property

from botocore.exceptions import ClientError

from environments.files_address import BESIDE, FilesAddress

from ..errors import FilesNotWhole, FilesStoreUnreachable, PuttingBackRefused
from .bucket import bucket_of
from .bucket_copy import remove_all
from .bucket_crew import Crew
from .bucket_lists import Facts, Lists
from .bucket_marks import mark, read_whole, remove_text, whole_key, write_whole
from .bucket_mirror import not_whole
from .bucket_objects import ObjectsSwap
from .bucket_writer import BucketWriter
from .s3_errors import ELSEWHERE, EXPIRED, UNKNOWN_KEY, code_of, is_passing
from .stored import Tick, no_tick

STORE_IS_WRONG = {*EXPIRED, *UNKNOWN_KEY, *ELSEWHERE, "SignatureDoesNotMatch", "RequestTimeTooSkewed", "NoSuchBucket"}
"""Then nothing can be asked of it at all, so that neither going on nor going back is of use before it is corrected."""


class BucketWriting:
    """The half of a bucket's store that changes it.

    `is_switched`: the app is told another prefix, and nothing live is ever moved. Else the app's prefix stays, and
    objects are exchanged.
    """

    def __init__(self, address: FilesAddress, *, is_switched: bool = False) -> None:
        self.address, self.is_switched, self.keeps_copies = address, is_switched, not is_switched
        self.bucket = bucket_of(address)

    def staging(self, label: str) -> str:
        return self._beside(label if self.is_switched else f"in-{label}")

    def previous(self, label: str) -> str:
        return self.address.to_text() if self.is_switched else self._beside(f"was-{label}")

    def withdraw(self, label: str, beat: Tick = no_tick) -> None:
        self._with_objects(beat, lambda swap, _: swap.withdraw())
        for name in (label, f"in-{label}", f"was-{label}"):
            self.discard(self._beside(name), beat)

    def moved(self, place: str) -> FilesAddress:
        return self.address.with_prefix(self._prefix(place)) if self.is_switched else self.address

    def make(self, place: str, beat: Tick = no_tick) -> None:
        self.discard(place, beat)

    @contextmanager
    def opened(self, place: str, beat: Tick = no_tick) -> Iterator[BucketWriter]:
        with Crew(beat) as crew:
            writer = BucketWriter(self.bucket, self._prefix(place), crew)
            yield writer
            writer.finish()

    def sync(self, place: str, beat: Tick = no_tick) -> None:
        known, now = self._facts(place, beat)
        if known is None:  # it was live, and nobody counted it when it left
            write_whole(self.bucket, self._prefix(place), own=now)
        elif known != now:
            raise PuttingBackRefused(f"{not_whole(self.bucket, self._prefix(place))} Nothing was changed.")

    def prepare(self, outgoing: str, beat: Tick = no_tick) -> None:
        self._with_objects(beat, lambda swap, crew: swap.prepare(self._prefix(outgoing), crew))

    def keep(self, outgoing: str, beat: Tick = no_tick) -> None:
        self._with_objects(beat, lambda swap, crew: swap.keep(self._prefix(outgoing), crew))

    def exchange(self, incoming: str, outgoing: str, generation: str, beat: Tick = no_tick) -> None:
        comes, goes = self._prefix(incoming), self._prefix(outgoing)
        with _told_when_of_no_use():
            self._with_objects(beat, lambda swap, crew: swap.exchange(comes, goes, generation, crew))
            if self.is_switched:
                known, now = self._facts(incoming, beat)
                if known != now:
                    raise not_whole(self.bucket, comes)
                mark(self.bucket, comes, generation)

    def take_back(self, outgoing: str, generation: str, beat: Tick = no_tick) -> None:
        self._with_objects(beat, lambda swap, crew: swap.take_back(self._prefix(outgoing), generation, crew))

    def clear(self, incoming: str, generation: str, beat: Tick = no_tick) -> None:
        if self.is_switched:  # it is live, and changes from now on
            remove_text(self.bucket, whole_key(self._prefix(incoming)))
            return
        self.discard(incoming, beat)
        self._with_objects(beat, lambda swap, _: swap.clear(generation))

    def discard(self, place: str, beat: Tick = no_tick) -> None:
        prefix, live = self._prefix(place), self.address.prefix
        is_ours = BESIDE in prefix or prefix == self.address.own_prefix
        if prefix == live or not is_ours:
            raise PuttingBackRefused(f"{place} is live, and was not removed.")
        with Crew(beat) as crew:
            remove_all(self.bucket, crew, prefix)

    def _with_objects(self, beat: Tick, act: Callable[[ObjectsSwap, Crew], None]) -> None:
        """Where a prefix is switched, there is nothing to be done for an exchange but that."""
        if self.keeps_copies:
            with Crew(beat) as crew:
                act(self._swap, crew)

    def _facts(self, place: str, beat: Tick) -> tuple[Facts | None, Facts]:
        """What a place is to hold, where that was said, and what it holds."""
        prefix = self._prefix(place)
        return read_whole(self.bucket, prefix).get("own"), self._lists.load(prefix, beat)

    @cached_property
    def _swap(self) -> ObjectsSwap:
        return ObjectsSwap(self.bucket, self.address.prefix, self.address.own_prefix, self._lists)

    @cached_property
    def _lists(self) -> Lists:
        """What was copied is known from the preparation to the exchange."""
        return Lists(self.bucket)

    def _beside(self, name: str) -> str:
        return self.address.with_prefix(f"{self.address.own_prefix}{BESIDE}{name}").to_text()

    def _prefix(self, place: str) -> str:
        address = FilesAddress.parse(place)
        if (address.bucket, address.endpoint) != (self.address.bucket, self.address.endpoint):
            raise PuttingBackRefused(
                f"{place} does not lie where the uploaded files lie now, in {self.address}. Nothing was changed. "
                "Register the address they had then, and try again."
            )
        return address.prefix


@contextmanager
def _told_when_of_no_use() -> Iterator[None]:
    """Lets what is refused for good be told from what may go on when it is tried again. Raises: FilesNotWhole"""
    try:
        yield
    except FilesStoreUnreachable as error:
        cause = error.__cause__
        is_lasting = isinstance(cause, ClientError) and not is_passing(cause) and code_of(cause) not in STORE_IS_WRONG
        if is_lasting:
            raise FilesNotWhole(str(error)) from error
        raise
