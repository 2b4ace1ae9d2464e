"""What people fill in: an invitation; what support staff may change about an environment."""

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password

from .addresses import DatabaseAddress
from .choices import Right
from .errors import Refused
from .inspections import inspect
from .models import Environment, Grant
from .operations.check import check, check_commands, check_nothing_is_under_way
from .operations.register import CONNECTION, PLACE, differences, remembered

KEPT = "Never shown. Leave empty to keep the stored one."
WIDE = {"size": 80}
HOW = "postgresql://user@host:5432/name; a password in it is taken out and kept encrypted."


class NewPassword(forms.PasswordInput):
    """Empty whatever is stored or was typed; browsers do not fill in the person's own."""

    def __init__(self) -> None:
        super().__init__(attrs={"autocomplete": "new-password"}, render_value=False)


class InvitationForm(forms.Form):
    """Who a person is, and the password they choose."""

    first_name = forms.CharField(
        max_length=150, label="First name", widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        max_length=150,
        label="Last name",
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    password = forms.CharField(strip=False, label="Password", help_text="At least 10 characters.", widget=NewPassword)
    again = forms.CharField(strip=False, label="Password again", widget=NewPassword)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean(self) -> None:
        given = self.cleaned_data
        self.user.first_name, self.user.last_name = given.get("first_name", ""), given.get("last_name", "")
        password, again = given.get("password"), given.get("again")
        if password and again and again != password:
            self.add_error("again", "The two passwords differ.")
        if password:
            try:
                validate_password(password, self.user)
            except forms.ValidationError as error:
                self.add_error("password", error)


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
        typed = {name: self.cleaned_data.get(name, "") for name in ("database", "admin_database")}
        super()._post_clean()  # type: ignore[misc]
        self.instance.database, self.instance.admin_database = self.before["database"], self.before["admin_database"]
        try:
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

    def _look(self) -> None:
        check(self.instance)
        if not self.is_new and self.changed & PLACE:
            check_nothing_is_under_way(self.instance)
        if self.is_new or self.changed & CONNECTION:
            self.remarks = inspect(self.instance)


class GrantForm(forms.ModelForm):  # type: ignore[type-arg]
    """Rights as boxes to tick; none ticked is none held."""

    rights = forms.MultipleChoiceField(choices=Right.choices, required=False, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = Grant
        fields = ("membership", "environment", "rights")

    def clean(self) -> None:
        super().clean()
        membership, environment = self.cleaned_data.get("membership"), self.cleaned_data.get("environment")
        if membership and environment and membership.app_id != environment.app_id:
            self.add_error("environment", "This environment is of another app.")


def _who(address: DatabaseAddress) -> tuple[str, int, str]:
    return address.host, address.port, address.user
