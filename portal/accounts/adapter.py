"""What signing in is like here: accounts are made by invitation, and second factors lie encrypted."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from environments.secrets import KeyMissing, decrypt, encrypt

logger = logging.getLogger(__name__)

WRONG = "User name and password do not match. Both tell capitals from small letters."

WAYS_TO_PROVE = {
    "reauthenticate": "By password",
    "mfa_reauthenticate": "By a code",
    "mfa_reauthenticate:webauthn": "By passkey",
}
UNREADABLE = "The portal cannot read your second factor now. Whoever runs it finds in its log which key is missing."


class ByInvitation(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: whoever belongs to an app was invited by its technical contact."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": WRONG,
        "email_password_mismatch": WRONG,
        "incorrect_password": "This is not the password of your account.",
        "too_many_login_attempts": "Too many attempts have failed. Wait five minutes, then try again.",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, str]]:
        methods: list[dict[str, str]] = super().get_reauthentication_methods(user)
        return [one | {"description": WAYS_TO_PROVE.get(one["id"], one["description"])} for one in methods]

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """The next page shows what has changed: it needs no words about it."""


class EncryptedFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """The secrets of authenticator apps and recovery codes, as unreadable at rest as the databases' passwords."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code does not fit. Take the one that the app shows now.",
    }

    def encrypt(self, text: str) -> str:
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Raises: ValidationError, which stands at the field where the code is typed: the key is missing."""
        try:
            return decrypt(encrypted_text)
        except KeyMissing:
            logger.exception("A second factor cannot be read: its key is missing from PORTAL_SECRETS_KEYS.")
            raise ValidationError(UNREADABLE) from None
