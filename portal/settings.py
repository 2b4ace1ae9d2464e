"""Django's settings, made from the configuration."""

import os
from pathlib import Path
from typing import Any

from environments.addresses import DatabaseAddress
from portal.accounts import ACCOUNT_FORMS, MFA_FORMS  # noqa: F401 - settings of the library
from portal.config import ROOT, load

CONFIG = load()
DATA_DIR: Path = CONFIG.data_dir
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# Who answers, and how safely
DEBUG = CONFIG.PORTAL_DEBUG
SECRET_KEY = CONFIG.secret_key
ALLOWED_HOSTS = CONFIG.allowed_hosts
BASE_URL = CONFIG.PORTAL_BASE_URL
CSRF_TRUSTED_ORIGINS = [BASE_URL]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"

INSTALLED_APPS = [
    "portal.apps.PortalConfig",
    "backups.apps.BackupsConfig",
    "environments.apps.EnvironmentsConfig",
    "portal.apps.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "django_q",
    "rules.apps.AutodiscoverRulesConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.ContentSecurityPolicyMiddleware",
    "portal.middleware.KeptByNobodyMiddleware",
    "portal.middleware.PatienceMiddleware",
    "portal.places.RememberPlaceMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.sessions.SessionLimitsMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.navigation.navigation",
            ],
            "builtins": ["portal.templatetags.portal"],
        },
    }
]
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign_in"

# Signing in (django-allauth): by name or e-mail, with a second factor or a passkey where the person has one
ACCOUNT_ADAPTER = "portal.accounts.adapter.ByInvitation"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"  # people come by invitation
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if CONFIG.is_production else 0
MFA_ADAPTER = "portal.accounts.adapter.EncryptedFactors"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Developer Portal"
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not CONFIG.is_production

# What may be loaded by a page: our own files and nothing else. Named as Django 6 names it.
SECURE_CSP = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "object-src": "'none'",
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600  # since signing in
SESSION_IDLE_SECONDS = 3 * 24 * 3600  # since the person last came
if CONFIG.is_production:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health$"]  # asked from beside, without the proxy
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 3600
    # Whether other names of the domain follow, and browsers' own list, is for whoever owns the domain to say.
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
else:
    # Cookies know no port: two portals on one machine must not sign each other's people out.
    SESSION_COOKIE_NAME = f"portal_session_{BASE_URL.rsplit(':', 1)[-1].strip('/')}"


def _database(url: str) -> dict[str, Any]:
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "portal.sqlite3",
            # Both are needed: with WAL alone a third of the writing requests met a locked database.
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    address = DatabaseAddress.parse(url)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": address.name,
        "USER": address.user,
        "PASSWORD": address.password,
        "HOST": address.host,
        "PORT": address.port,
        "OPTIONS": dict(address.options),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _redis(url: str) -> str:
    """The address with our patience: no request waits long for a Redis that is away, the reaper rings again."""
    if not url:
        return ""
    patience = "socket_timeout=3"
    if url.startswith("redis"):  # over the network
        patience += "&socket_connect_timeout=3&socket_keepalive=True&health_check_interval=30"
    return f"{url}{'&' if '?' in url else '?'}{patience}"


def _caches(redis: str) -> dict[str, dict[str, Any]]:
    by_file = "django.core.cache.backends.filebased.FileBasedCache"
    # Shared by all web processes, because it counts failed sign-ins.
    own = {"BACKEND": by_file, "LOCATION": DATA_DIR / "cache"}
    # The queue writes its statistics twice a second: a file costs less than a row.
    queue = {"BACKEND": by_file, "LOCATION": DATA_DIR / "queue"}
    if not redis:
        return {"default": own, "queue": queue}
    shared = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": redis,
        "KEY_PREFIX": "portal",
        "OPTIONS": {"serializer": "portal.cache.Sealed"},
    }
    return {"default": {"BACKEND": "portal.cache.SharedCache"}, "redis": shared, "machine": own, "queue": queue}


DATABASES = {"default": _database(CONFIG.DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = _redis(CONFIG.REDIS_URL)
CACHES = _caches(REDIS_URL)

# Time: stored and shown in UTC; a region's own zone is shown beside it.
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en-gb"


# S3 stores: of the vault, and of uploaded files whose address does not say more. Where no key is set, boto3 looks for
# one, such as that of the machine's role.
S3: dict[str, Any] = {
    "endpoint_url": CONFIG.PORTAL_S3_ENDPOINT_URL or None,
    "region_name": CONFIG.PORTAL_S3_REGION,
    "access_key": CONFIG.AWS_ACCESS_KEY_ID.get_secret_value() or None,
    "secret_key": CONFIG.AWS_SECRET_ACCESS_KEY.get_secret_value() or None,
}


def _vault(location: str) -> dict[str, Any]:
    """Nothing is contacted here."""
    if not location.startswith("s3://"):
        return {"BACKEND": "backups.storage.vault.DirectoryVault", "OPTIONS": {"location": location}}
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    options = {"bucket_name": bucket, "location": prefix.strip("/"), **S3}
    return {"BACKEND": "backups.storage.vault_s3.S3Vault", "OPTIONS": options}


# Static files and the vault
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [ROOT / "static"]
VAULT_LOCATION = CONFIG.PORTAL_VAULT or str(DATA_DIR / "vault")
X_ACCEL, X_ACCEL_WANTED = CONFIG.x_accel, bool(CONFIG.PORTAL_X_ACCEL)
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "vault": _vault(VAULT_LOCATION),
}
if not DEBUG:
    STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}

# Database passwords at rest; programs; restores
SECRETS_KEYS = CONFIG.secrets_keys
PG_BIN = CONFIG.PORTAL_PG_BIN
ALLOW_OLD_CLIENTS = CONFIG.PORTAL_ALLOW_OLD_CLIENTS
DUMP_COMPRESSION = CONFIG.PORTAL_DUMP_COMPRESSION
UNDO_HOURS = CONFIG.PORTAL_UNDO_HOURS
UPLOAD_LIMITS = {
    "entries": CONFIG.PORTAL_UPLOAD_ENTRIES,
    "depth": CONFIG.PORTAL_UPLOAD_DEPTH,
    "ratio": CONFIG.PORTAL_UPLOAD_RATIO,
}
ACTIVE_PER_PERSON, UPLOADS_PER_PERSON = CONFIG.PORTAL_ACTIVE_PER_PERSON, CONFIG.PORTAL_UPLOADS_PER_PERSON
DOWNLOADS_PER_PERSON = CONFIG.PORTAL_DOWNLOADS_PER_PERSON

# Mail: alarms to technical contacts
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if CONFIG.EMAIL_HOST else 'console'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = CONFIG.EMAIL_HOST, CONFIG.EMAIL_PORT
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = CONFIG.EMAIL_HOST_USER, CONFIG.EMAIL_HOST_PASSWORD.get_secret_value()
EMAIL_USE_TLS, EMAIL_USE_SSL = CONFIG.EMAIL_USE_TLS, CONFIG.EMAIL_USE_SSL
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = CONFIG.DEFAULT_FROM_EMAIL

# The queue is a doorbell only (environments/lifecycle): the message says "look at operation X", the row is the truth.
# Small prefetch, because what is pulled is locked away; no retries of its own, because the reaper repairs losses.
_QUEUE_LIMITS = {"queue_limit": 1, "bulk": 1, "recycle": 500}
Q_CLUSTER: dict[str, Any] = {
    "name": "portal",
    "workers": 1,
    "poll": 0.5,
    "timeout": 300,
    "retry": 420,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": 100,
    "catch_up": False,
    "time_zone": "UTC",
    "cache": "queue",
    "label": "Queue",
    **_QUEUE_LIMITS,
    "ALT_CLUSTERS": {
        # Above the time limit of every operation: the library's own time-out is only the last fence.
        "long": {"workers": 2, "timeout": 24 * 3600, "retry": 25 * 3600, "scheduler": False, **_QUEUE_LIMITS},
    },
}
# A region's own queue is one for long work; `work --queue` says here which one this process serves.
if _queue := os.environ.get("Q_CLUSTER_NAME"):
    Q_CLUSTER["ALT_CLUSTERS"].setdefault(_queue, dict(Q_CLUSTER["ALT_CLUSTERS"]["long"]))
if REDIS_URL:
    Q_CLUSTER["redis"] = REDIS_URL
else:
    Q_CLUSTER["orm"] = "default"

# Metrics and log lines: for machines in production, for eyes elsewhere
METRICS_TOKEN = CONFIG.PORTAL_METRICS_TOKEN.get_secret_value()
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
        "json": {"()": "environments.logs.JsonLines"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json" if CONFIG.is_production else "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"django-q": {"handlers": ["stderr"], "level": "WARNING", "propagate": False}},
}
