"""A vault in memory, for tests with many of them. Somebody may be told of every effect right before it."""

from collections.abc import Callable, Iterator
from types import TracebackType

from backups.errors import StoredAlready, StoredDiffers, StoredMissing

Told = Callable[[str, str], None]


def nobody(effect: str, name: str) -> None:
    """Tells nobody."""


class MemoryVault:
    """Objects by name. `told` hears of each "create", "commit", "delete", "discard" and "listdir" before it is done."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.parts: dict[str, bytearray] = {}
        self.told: Told = nobody

    def settle(self) -> None: ...

    def create(self, name: str) -> "MemoryWriter":
        self.told("create", name)
        if name in self.objects or name in self.parts:
            raise StoredAlready(name)
        return MemoryWriter(self, name)

    def stream(self, name: str, start: int = 0, length: int | None = None, block: int = 1 << 20) -> Iterator[bytes]:
        content = self._content(name)[start:]
        if length is not None and length > len(content):
            raise StoredDiffers(name)
        content = content[:length]
        for at in range(0, len(content), block):
            yield content[at : at + block]

    def unfinished(self, folder: str) -> list[str]:
        return sorted(name for name in self.parts if name.rpartition("/")[0] == folder)

    def discard(self, name: str) -> None:
        self.told("discard", name)
        self.parts.pop(name, None)

    def delete(self, name: str) -> None:
        self.told("delete", name)
        self.objects.pop(name, None)

    def exists(self, name: str) -> bool:
        return name in self.objects

    def size(self, name: str) -> int:
        return len(self._content(name))

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        self.told("listdir", path)
        prefix = f"{path}/" if path else ""
        below = [name.removeprefix(prefix) for name in (*self.objects, *self.parts) if name.startswith(prefix)]
        files = [name.removeprefix(prefix) for name in self.objects if name.startswith(prefix)]
        return (
            sorted({name.split("/")[0] for name in below if "/" in name}),
            sorted(name for name in files if "/" not in name),
        )

    def _content(self, name: str) -> bytes:
        if name not in self.objects:
            raise StoredMissing(f"{name} is missing in the vault.")
        return self.objects[name]


class MemoryWriter:
    def __init__(self, vault: MemoryVault, name: str) -> None:
        self.name, self._vault, self._content = name, vault, bytearray()
        vault.parts[name] = self._content

    def write(self, block: bytes | memoryview, /) -> None:
        self._content += block

    def commit(self) -> None:
        self._vault.told("commit", self.name)
        self._vault.parts.pop(self.name, None)
        self._vault.objects[self.name] = bytes(self._content)

    def abort(self) -> None:
        self._vault.parts.pop(self.name, None)

    def __enter__(self) -> "MemoryWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()
