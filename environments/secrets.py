"""Passwords at rest, encrypted with the newest of the keys and read with any of them."""

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from .errors import Refused


class KeyMissing(Refused):
    sentence = "A stored password cannot be read: its key is missing from PORTAL_SECRETS_KEYS. Nothing was changed."


def _keys() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.SECRETS_KEYS])


def encrypt(password: str) -> str:
    """What may be stored; the empty password stays empty."""
    return _keys().encrypt(password.encode()).decode() if password else ""


def decrypt(stored: str) -> str:
    """The password behind what was stored.

    Raises:
        KeyMissing: none of the keys fits.
    """
    if not stored:
        return ""
    try:
        return _keys().decrypt(stored.encode()).decode()
    except InvalidToken:
        raise KeyMissing from None
