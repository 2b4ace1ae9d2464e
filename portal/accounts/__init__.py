"""Signing in and one's own account, on django-allauth; and which of its forms are ours, as its settings say it."""

ACCOUNT_FORMS = {
    "login": "portal.accounts.forms.SignInForm",
    "reauthenticate": "portal.accounts.forms.ProofForm",
    "change_password": "portal.accounts.forms.ChangeForm",
    "set_password": "portal.accounts.forms.ChooseForm",
    "reset_password_from_key": "portal.accounts.forms.ForgottenForm",
}
MFA_FORMS = {"add_webauthn": "portal.accounts.forms.PasskeyForm"}
