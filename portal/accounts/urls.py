"""Addresses of signing in and of one's own account. The names are those that django-allauth looks for."""

from allauth.account import views
from allauth.mfa.base import views as mfa
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from . import views as own

urlpatterns = [
    path("sign-in/", views.login, name="sign_in"),
    path("sign-in/", views.login, name="account_login"),
    path("sign-out/", views.logout, name="sign_out"),
    path("sign-out/", views.logout, name="account_logout"),
    path("sign-in/off/", views.account_inactive, name="account_inactive"),
    path("sign-in/new/", views.signup, name="account_signup"),
    path("sign-in/password/", views.password_reset, name="account_reset_password"),
    path("sign-in/password/sent/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^sign-in/password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("sign-in/password/set/", views.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    path("account/", RedirectView.as_view(pattern_name="mfa_index"), name="account"),
    path("account/proof/", views.reauthenticate, name="account_reauthenticate"),
    path("account/password/", views.password_change, name="account_change_password"),
    path("account/password/first/", views.password_set, name="account_set_password"),
    path("account/sessions/", include("allauth.usersessions.urls")),
    path("account/security/", own.account, name="mfa_index"),
    path("account/security/authenticate/", mfa.authenticate, name="mfa_authenticate"),
    path("account/security/reauthenticate/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/security/totp/", include("allauth.mfa.totp.urls")),
    path("account/security/webauthn/", include("allauth.mfa.webauthn.urls")),
    path("account/security/recovery-codes/", own.show_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/security/recovery-codes/generate/", own.make_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/security/recovery-codes/download/", own.save_recovery_codes, name="mfa_download_recovery_codes"),
]
