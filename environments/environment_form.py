"""An environment as support staff change it: what they type is looked at before it is remembered."""

from typing import Any

from django import forms

from .addresses import DatabaseAddress
from .errors import Refused
from .files_address import FilesAddress
from .forms import NewPassword
from .inspections import inspect
from .models import Environment
from .operations.check import check, check_commands, check_nothing_is_under_way
from .operations.register import PLACE, differences, parts_of, remembered

KEPT = "Never shown. Leave empty to keep the stored one."
WIDE = {"size": 80}
HOW = "postgresql://user@host:5432/name; a password in it is taken out and kept encrypted."
HOW_FILES = "A directory, or s3://KEY@bucket/prefix; a secret in it is taken out and kept encrypted."
ADDRESSES = ("database", "admin_database", "files_directory")


class EnvironmentForm(forms.ModelForm):  # type: ignore[type-arg]
    """An environment as support staff change it. Passwords go in and never come out."""

    database = forms.CharField(max_length=1000, help_text=HOW, widget=forms.TextInput(attrs=WIDE))
    new_password = forms.CharField(
        required=False, strip=False, widget=NewPassword, help_text=KEPT, label="Database password"
    )
    admin_database = forms.CharField(
        max_length=1000,
        required=False,
        help_text=f"The maintenance role's: {HOW}",
        label="Maintenance database",
        widget=forms.TextInput(attrs=WIDE),
    )
    new_admin_password = forms.CharField(
        required=False, strip=False, widget=NewPassword, help_text=KEPT, label="Maintenance password"
    )

    files_directory = forms.CharField(
        max_length=4096, help_text=HOW_FILES, label="Uploaded files", widget=forms.TextInput(attrs=WIDE)
    )
    new_files_secret = forms.CharField(
        required=False, strip=False, widget=NewPassword, help_text=KEPT, label="Secret of the S3 key"
    )

    class Meta:
        model = Environment
        exclude = ("state", "state_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.before = remembered(self.instance)
        self.is_new = self.instance._state.adding
        self.remarks: list[str] = []
        self._app = None if self.is_new else self.instance.app

    def clean_commands(self) -> dict[str, str]:
        commands = self.cleaned_data["commands"] or {}
        if not isinstance(commands, dict) or not all(isinstance(line, str) for line in commands.values()):
            raise forms.ValidationError('Write {"status": "…", "stop": "…", "start": "…"}.')
        try:
            check_commands(commands)
        except Refused as refusal:
            raise forms.ValidationError(str(refusal)) from None
        return commands

    def clean(self) -> None:
        super().clean()
        package, app = self.cleaned_data.get("package"), self.cleaned_data.get("app") or self._app
        if package and app and package.app_id != app.pk:
            self.add_error("package", "This package is of another app.")

    @property
    def changed(self) -> set[str]:
        """The fields of the row that are other than before."""
        return differences(self.before, self.instance)

    def _post_clean(self) -> None:
        """The row is as typed now: give it its addresses, and look whether everything fits."""
        typed = {name: self.cleaned_data.get(name, "") for name in ADDRESSES}
        super()._post_clean()  # type: ignore[misc]
        for name in ADDRESSES:
            setattr(self.instance, name, self.before[name])
        try:
            if typed["files_directory"]:
                self._give_files(typed["files_directory"], self.cleaned_data.get("new_files_secret", ""))
            if typed["database"]:
                self._give("database", typed["database"], self.cleaned_data.get("new_password", ""))
            if "admin_database" in self.cleaned_data:
                self._give("admin_database", typed["admin_database"], self.cleaned_data.get("new_admin_password", ""))
            if not self.errors:
                self._look()
        except Refused as refusal:
            self.add_error(None, str(refusal))

    def _give(self, name: str, typed: str, password: str) -> None:
        """An address without a password keeps the stored one, but only for the same person on the same server."""
        stored: str = self.before[name]
        if typed == stored and not password:
            return
        address = DatabaseAddress.parse(typed) if typed else None
        attribute = "database_address" if name == "database" else "admin_address"
        if address and not (password or address.password) and self.before[f"{name}_password"]:
            if _who(address) != _who(DatabaseAddress.parse(stored)):
                self.add_error(name, "The server or the user is another one: type the password again.")
                return
            address = address.with_password(getattr(self.instance, attribute).password)
        elif address and password:
            address = address.with_password(password)
        setattr(self.instance, attribute, address)

    def _give_files(self, typed: str, secret: str) -> None:
        """An address without a secret keeps the stored one, but only for the same key at the same store."""
        if typed == self.before["files_directory"] and not secret:
            return
        address = FilesAddress.parse(typed)
        if secret and address.is_s3:
            address = address.with_secret(secret)
        elif address.key and not address.secret and self.before["files_secret"]:
            if not address.is_same_login(FilesAddress.parse(self.before["files_directory"])):
                self.add_error("files_directory", "The store or the key is another one: type the secret again.")
                return
            address = address.with_secret(self.instance.files_address.secret)
        self.instance.files_address = address

    def _look(self) -> None:
        check(self.instance)
        if not self.is_new and self.changed & PLACE:
            check_nothing_is_under_way(self.instance)
        self.remarks = inspect(self.instance) if self.is_new else inspect(self.instance, parts_of(self.changed))


def _who(address: DatabaseAddress) -> tuple[str, int, str]:
    return address.host, address.port, address.user
