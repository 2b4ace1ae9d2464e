"""What people fill in: an invitation; what support staff may change about an environment."""

from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.db.models import Q, QuerySet
from django.utils.functional import cached_property

from . import clock
from .choices import RIGHTS_OF, Right, Role
from .models import Activity, Environment, Grant, Membership
from .operations.members import GRANTABLE, leaves_no_contact


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


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Membership
        fields = ("user", "app", "role")

    def clean_role(self) -> str:
        role: str = self.cleaned_data["role"]
        if (
            self.instance.pk
            and role != Role.TECHNICAL_CONTACT
            and leaves_no_contact(self.instance.app, [self.instance])
        ):
            raise forms.ValidationError("The app keeps one technical contact: make somebody else one first.")
        return role


class AskedForm(forms.Form):
    """Filters of a list. Each is a part of the address; what is not understood is as if it were not there."""

    @cached_property
    def asked(self) -> dict[str, Any]:
        """The filters that are set and make sense."""
        self.full_clean()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def query(self) -> str:
        """The filters as the end of an address; empty without filters."""
        return self.query_with()

    def query_with(self, **more: object) -> str:
        """The filters and more as the end of an address."""
        given = {**self.asked, **more}
        return f"?{urlencode(given)}" if given else ""


class ActivityForm(AskedForm):
    """The filters of a history."""

    KINDS = {
        "backups": ("Backups", ("create", "backup", "verify", "delete", "prune", "comment")),
        "data": ("Restore, upload, undo", ("restore", "upload", "undo")),
        "downloads": ("Downloads", ("download",)),
        "app": ("Stop, start, deploy", ("stop", "start", "deploy", "package")),
        "people": ("People and rights", ("rights", "access")),
        "place": ("The environment itself", ("environment",)),
    }
    WHO = (("", "Everyone"), ("people", "People"), ("portal", "Nightly and the portal"))
    DAYS = (("", "All days"), ("1", "Last 24 hours"), ("30", "Last 30 days"), ("365", "Last year"))

    q = forms.CharField(required=False, max_length=200)
    kind = forms.ChoiceField(required=False, choices=[("", "Every kind"), *((k, w) for k, (w, _) in KINDS.items())])
    who = forms.ChoiceField(required=False, choices=WHO)
    days = forms.ChoiceField(required=False, choices=DAYS)

    def narrow(self, entries: QuerySet[Activity]) -> QuerySet[Activity]:
        """Those that are asked for."""
        asked = self.asked
        if "q" in asked:
            words = asked["q"]
            entries = entries.filter(
                Q(sentence__icontains=words) | Q(actor_name__icontains=words) | Q(facts__icontains=words)
            )
        if "kind" in asked:
            beginnings = [Q(action__startswith=f"{word}.") for word in self.KINDS[asked["kind"]][1]]
            entries = entries.filter(reduce(or_, beginnings))
        if "who" in asked:
            entries = entries.filter(actor__isnull=asked["who"] == "portal")
        if "days" in asked:
            entries = entries.filter(at__gte=clock.now() - timedelta(days=int(asked["days"])))
        return entries


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(max_length=150, label="E-mail address", widget=forms.EmailInput(attrs={"autofocus": True}))
    role = forms.ChoiceField(choices=Role.choices, initial=Role.DEVELOPER, widget=forms.RadioSelect)


class MemberForm(forms.Form):
    """A member's role, and for each environment whether other rights hold there, and which."""

    role = forms.ChoiceField(choices=Role.choices, widget=forms.RadioSelect)

    def __init__(self, *args: Any, membership: Membership, environments: list[Environment], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.environments = environments
        self.fields["role"].initial = membership.role
        own = {grant.environment_id: grant.rights for grant in membership.grants.all()}
        words = [(right.value, right.label.lower()) for right in GRANTABLE]
        for place in environments:
            held = own.get(place.pk, sorted(RIGHTS_OF[membership.role]))
            self.fields[f"own_{place.pk.hex}"] = forms.BooleanField(
                required=False, initial=place.pk in own, label=f"Other rights in {place.name}"
            )
            self.fields[f"rights_{place.pk.hex}"] = forms.MultipleChoiceField(
                required=False, choices=words, initial=held, label="Rights", widget=forms.CheckboxSelectMultiple
            )

    @property
    def places(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """For each environment: whether other rights hold there, and which."""
        return [(self[f"own_{place.pk.hex}"], self[f"rights_{place.pk.hex}"]) for place in self.environments]

    @property
    def own_rights(self) -> dict[Environment, frozenset[str]]:
        """The environments in which other rights hold. Who may do anything may also look."""
        given = self.cleaned_data
        chosen = {
            place: frozenset(given[f"rights_{place.pk.hex}"])
            for place in self.environments
            if given[f"own_{place.pk.hex}"]
        }
        return {place: rights | {Right.VIEW} if rights else rights for place, rights in chosen.items()}
