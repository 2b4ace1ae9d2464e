"""Signing in, proving again who sits there, and what belongs to one's own account: the library's forms, our words."""

from typing import Any

from allauth.account.forms import (
    ChangePasswordForm,
    LoginForm,
    ReauthenticateForm,
    ResetPasswordKeyForm,
    SetPasswordForm,
)
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django.forms import Field


class SignInForm(LoginForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name, password = self.fields["login"], self.fields["password"]
        name.label = "User name or e-mail"
        name.widget.attrs = {"autocomplete": "username", "autofocus": True, "autocapitalize": "none"}
        password.widget.attrs = {"autocomplete": "current-password"}
        password.help_text = ""


class ProofForm(ReauthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs = {"autocomplete": "current-password", "autofocus": True}


class _Choosing:
    """A new password, twice, in the house's words."""

    fields: dict[str, Field]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = {"oldpassword": "Password until now", "password1": "New password", "password2": "The new one again"}
        for name, label in words.items():
            if name in self.fields:
                self.fields[name].label, self.fields[name].help_text = label, ""
                self.fields[name].widget.attrs.pop("placeholder", None)
        self.fields["password1"].help_text = "At least ten characters, and none that many people use."


class ChangeForm(_Choosing, ChangePasswordForm):  # type: ignore[misc]
    pass


class ChooseForm(_Choosing, SetPasswordForm):  # type: ignore[misc]
    pass


class ForgottenForm(_Choosing, ResetPasswordKeyForm):  # type: ignore[misc]
    pass


class PasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].label = "It signs in without a password"
        self.fields["passwordless"].help_text = ""
