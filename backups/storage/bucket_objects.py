"""The exchange of objects, for an app that knows one prefix: the store copies the live objects aside, then the new in.

A small object says when the first half is whole. Only then does the second begin, and only when that is whole is the
place marked as the new generation: so what is seen after a kill always tells how to go on, or how to go back.
"""

from ..errors import FilesNotWhole
from .bucket_copy import Task, copy
from .bucket_crew import Crew
from .bucket_lists import Facts, Lists, below
from .bucket_marks import (
    generation_key,
    mark,
    read_text,
    read_whole,
    remove_text,
    step_key,
    write_bytes,
    write_text,
    write_whole,
)
from .bucket_mirror import Mirror, not_whole
from .generations import OWN
from .s3_store import S3Store

IN, BACK = "in", "back"


class ObjectsSwap:
    """Places are prefixes. Nothing but `exchange` and `take_back` touches what is live."""

    def __init__(self, store: S3Store, live: str, base: str, lists: Lists) -> None:
        self._store, self._live, self._base, self._lists = store, live, base, lists
        self._kept = ""

    def prepare(self, outgoing: str, crew: Crew) -> None:
        """Copy what is live aside while the app still runs; what it changes meanwhile is copied again by `keep`.

        Raises:
            FilesStoreUnreachable: the portal's key may not do here what an exchange needs.
        """
        self._probe(outgoing, crew)
        mirror = self._mirror(crew)
        mirror.list(self._live)
        mirror.list(outgoing)
        mirror.copy_once(self._live, outgoing)

    def keep(self, outgoing: str, crew: Crew) -> None:
        """With the app stopped: let `outgoing` hold what is live, and say that it is whole.

        Raises:
            FilesNotWhole, FilesStoreUnreachable
        """
        known, now = read_whole(self._store, outgoing), self._mirror(crew).list(self._live)
        if known.get("of") != now:
            own = self._mirror(crew).equal(self._live, outgoing, listed=[self._live])
            mark(self._store, outgoing, read_text(self._store, generation_key(self._live)))
            write_whole(self._store, outgoing, own=own, of=self._lists.facts(self._live))
        self._kept = outgoing

    def exchange(self, incoming: str, outgoing: str, generation: str, crew: Crew) -> None:
        if self._is(generation):
            return
        listed = []
        if self._step(generation) != IN:
            if self._kept != outgoing:
                self.keep(outgoing, crew)
            crew.tick()
            write_text(self._store, self._step_key(generation), IN)
            listed = [self._live]
        self._mirror(crew).equal(incoming, self._live, whole=self._whole(incoming), listed=listed)
        mark(self._store, self._live, generation)

    def take_back(self, outgoing: str, generation: str, crew: Crew) -> None:
        """Let the live objects be what they were, from `outgoing`. Safe to call again.

        Raises:
            FilesNotWhole: what was kept is not whole either.
        """
        if self._step(generation) is None:  # nothing live was touched, or it is all back
            return
        crew.tick()
        write_text(self._store, self._step_key(generation), BACK)
        self._mirror(crew).equal(outgoing, self._live, whole=self._whole(outgoing))
        mark(self._store, self._live, read_text(self._store, generation_key(outgoing)))
        remove_text(self._store, self._step_key(generation))

    def clear(self, generation: str) -> None:
        """Remove what says how far an exchange is, which has ended."""
        remove_text(self._store, self._step_key(generation))

    def withdraw(self) -> None:
        """Remove what a preparation may have left in what is live."""
        remove_text(self._store, _probe_key(self._live))

    def _probe(self, outgoing: str, crew: Crew) -> None:
        here, there = _probe_key(self._live), _probe_key(outgoing)
        tag = write_bytes(self._store, here, b"The portal looks whether it may write and delete here.")
        copy(self._store, crew, Task(here, there, 1, tag))
        for key in (here, there):
            self._store.ask("delete_object", Key=key)

    def _whole(self, place: str) -> Facts:
        facts = read_whole(self._store, place).get("own")
        if facts is None:
            raise not_whole(self._store, place)
        return facts

    def _is(self, generation: str) -> bool:
        return read_text(self._store, generation_key(self._live)) == generation

    def _step(self, generation: str) -> str | None:
        step = read_text(self._store, self._step_key(generation))
        if step not in (None, IN, BACK):
            raise FilesNotWhole(f"{self._step_key(generation)} in {self._store.place} was changed by somebody else.")
        return step

    def _step_key(self, generation: str) -> str:
        return step_key(self._base, generation)

    def _mirror(self, crew: Crew) -> Mirror:
        return Mirror(self._store, self._lists, crew)


def _probe_key(place: str) -> str:
    return f"{below(place)}{OWN}/probe"
