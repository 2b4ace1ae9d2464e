"""One place of a bucket becomes as another is, by the store itself. Copies are believed by what a list says of them."""

from collections.abc import Collection, Iterator

from ..errors import FilesNotWhole
from .bucket_copy import Task, copy, remove
from .bucket_crew import Crew
from .bucket_lists import Facts, Listed, Lists, below
from .s3_store import S3Store

ROUNDS = 4
"""How often what was copied is looked at: the first look shows what is to be copied at all."""


class Mirror:
    """Copies and removes what differs between places of a bucket, sixteen objects at a time."""

    def __init__(self, store: S3Store, lists: Lists, crew: Crew) -> None:
        self._store, self._lists, self._crew = store, lists, crew

    def list(self, place: str) -> Facts:
        """What a place holds now."""
        return self._lists.load(place, self._crew.tick)

    def copy_once(self, source: str, target: str, *, is_whole: bool = False) -> bool:
        """Copy what differs by the last lists; whether anything did. What vanished meanwhile is left out.

        Raises:
            FilesNotWhole: something vanished or changed, and `is_whole` says that nothing may.
        """
        is_any = False
        for one, tag in self._crew.each(self._copy, self._tasks(source, target)):
            is_any = True
            if tag is not None:
                self._lists.remember(target, one.target.removeprefix(below(target)), one.tag, tag)
            elif is_whole:
                raise not_whole(self._store, source)
        return is_any

    def equal(self, source: str, target: str, *, whole: Facts | None = None, listed: Collection[str] = ()) -> Facts:
        """Let `target` hold what `source` holds, and nothing else; returns what it holds.

        `whole`: what the source has to hold; without it, it may still change, and is looked at again. `listed`: which
        places were listed so shortly before that their lists still hold.

        Raises:
            FilesNotWhole: the source is not whole, or the store does not keep what is copied.
        """
        for place in {source, target} - set(listed):
            self.list(place)
        # Nothing is ever removed by a list that may be short.
        if whole is not None and whole != self._lists.facts(source):
            raise not_whole(self._store, source)
        for _ in range(ROUNDS):
            is_changed = self.copy_once(source, target, is_whole=whole is not None)
            surplus = (f"{below(target)}{key}" for key in self._lists.surplus(source, target))
            if not remove(self._store, self._crew, surplus) and not is_changed:
                return self._lists.facts(target)
            self.list(target)
            if whole is None:
                self.list(source)
        raise FilesNotWhole(
            f"{self._store} says that objects were copied or removed, and does not list them so. "
            "Ask whoever runs the store."
        )

    def _tasks(self, source: str, target: str) -> Iterator[Task]:
        for one in self._lists.differing(source, target):
            yield _task(one, source, target)

    def _copy(self, task: Task) -> tuple[Task, str | None]:
        return task, copy(self._store, self._crew, task)


def not_whole(store: S3Store, place: str) -> FilesNotWhole:
    return FilesNotWhole(
        f"What was put at {place}/ in {store.place} beside the live files is not whole any more: somebody changed it."
    )


def _task(one: Listed, source: str, target: str) -> Task:
    return Task(f"{below(source)}{one.key}", f"{below(target)}{one.key}", one.size, one.tag)
