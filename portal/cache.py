"""The cache of several web machines: in Redis, and in each machine's own files as long as Redis is away.

Failed sign-ins are counted in it: without Redis people still sign in, and nobody guesses without limit.
"""

import logging
import pickle
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.signing import BadSignature, Signer
from redis import RedisError

AWAY_SECONDS = 10  # for so long nobody waits for it again

logger = logging.getLogger(__name__)


class Sealed:
    """Signed, because what is read back is unpickled: whoever can only write to Redis gets nothing run here."""

    def dumps(self, value: Any) -> bytes:
        return _signer().sign(b64encode(pickle.dumps(value)).decode()).encode()

    def loads(self, stored: bytes) -> Any:
        """None for what was not sealed with our key, as if it were not there."""
        try:
            return pickle.loads(b64decode(_signer().unsign(stored.decode())))  # noqa: S301 - signed by us
        except (BadSignature, UnicodeDecodeError):
            return None


class SharedCache(BaseCache):
    """Django's cache on Redis; while that does not answer, the files of this machine. No request fails for it."""

    away_until = 0.0  # of this process, monotonic

    def __init__(self, _: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._either(lambda cache: cache.add(key, value, timeout, version)))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = self._either(lambda cache: cache.get(key, None, version))
        return default if found is None else found

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._either(lambda cache: cache.set(key, value, timeout, version))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._either(lambda cache: cache.touch(key, timeout, version)))

    def delete(self, key: str, version: int | None = None) -> bool:
        return bool(self._either(lambda cache: cache.delete(key, version)))

    def clear(self) -> None:
        caches["machine"].clear()
        self._either(lambda cache: cache.clear())

    def _either(self, ask: Callable[[BaseCache], Any]) -> Any:
        if time.monotonic() >= SharedCache.away_until:
            try:
                return ask(caches["redis"])
            except RedisError as error:
                logger.warning("Redis does not answer (%s); this machine counts for itself.", error)
                SharedCache.away_until = time.monotonic() + AWAY_SECONDS
        return ask(caches["machine"])


def _signer() -> Signer:
    return Signer(salt="portal.cache")
