"""Another authorization server on 127.0.0.1, for tests/real: Django OAuth Toolkit, as its manual sets it up.

    python server.py [--port N] [--grace SECONDS]

The issuer has a path (`/o`) and only the metadata of RFC 8414; these leave out the endpoint of the device flow, and
the clients without a secret. When it listens it prints one line, {"issuer":"http://127.0.0.1:PORT/o"}; it ends when its
stdin does. Everything lives in memory.

A refresh token is replaced at each use. Who uses it again within the grace period gets the same answer again; without
one, or later, its whole family is revoked.

The pages where people log in (Django's), agree and enter a device's code are not ours; the person is `ada`, whose
password is `correct horse`.

    GET /__requests   what the server was asked:
                        paths    {"/o/token/": 1, ...}
                        grants   {"refresh_token": [TIME, ...], ...}: when (in ms) the token endpoint was asked, by grant_type
                        granted  {"refresh_token": 1, ...}: how many of those got a token
"""

import argparse
import io
import json
import os
import sys
import threading
import time
import urllib.parse
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import django
from django.conf import settings

PREFIX = "/o"
LIFE = 600  # seconds


class Server(WSGIServer):
    request_queue_size = 128  # a crowd of processes may come at once


class Silent(WSGIRequestHandler):
    def log_message(self, *_arguments):
        pass


class Counted:
    """An application that counts what it was asked, and tells."""

    def __init__(self, application):
        self.application = application
        self.seen = {"paths": {}, "grants": {}, "granted": {}}

    def __call__(self, environ, start_response):
        path = environ["PATH_INFO"]
        if path == "/__requests":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.seen).encode()]
        paths = self.seen["paths"]
        paths[path] = paths.get(path, 0) + 1
        if path != f"{PREFIX}/token/":
            return self.application(environ, start_response)

        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        (grant,) = urllib.parse.parse_qs(body.decode()).get("grant_type", ["none"])
        self.seen["grants"].setdefault(grant, []).append(round(time.time() * 1000))

        def started(status, headers, *rest):
            if status.startswith("200"):
                self.seen["granted"][grant] = self.seen["granted"].get(grant, 0) + 1
            return start_response(status, headers, *rest)

        return self.application(environ, started)


def configure(issuer, grace):
    origin = issuer.removesuffix(PREFIX)
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.messages",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        LOGGING_CONFIG=None,
        LOGIN_URL="/admin/login/",
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        # The tables as the models have them now: replaying how they came to be takes seconds.
        MIGRATION_MODULES={app: None for app in ("admin", "auth", "contenttypes", "sessions", "oauth2_provider")},
        OAUTH2_PROVIDER={
            "ACCESS_TOKEN_EXPIRE_SECONDS": LIFE,
            "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
            "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
            "OAUTH_DEVICE_VERIFICATION_URI": f"{origin}{PREFIX}/device/",
            "DEVICE_FLOW_INTERVAL": 1,
            "OIDC_ISS_ENDPOINT": issuer,
            "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": grace,
            "REFRESH_TOKEN_REUSE_PROTECTION": True,
            "SCOPES": {"read": "Reading", "write": "Writing", "introspection": "Asking about tokens"},
            "DEFAULT_SCOPES": ["read"],
        },
        # There is nothing here to protect, and a slow hash would be the slowest thing of all.
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF=__name__,
        SECRET_KEY="for tests",
        STATIC_URL="/static/",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        USE_TZ=True,
    )
    django.setup()


def populate():
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from oauth2_provider.models import Application

    call_command("migrate", run_syncdb=True, verbosity=0)
    get_user_model().objects.create_superuser("ada", password="correct horse")
    native, confidential = Application.CLIENT_PUBLIC, Application.CLIENT_CONFIDENTIAL
    clients = [
        ("native", "", native, Application.GRANT_AUTHORIZATION_CODE),
        ("device", "", native, Application.GRANT_DEVICE_CODE),
        ("web", "web-secret-8Hq2s", confidential, Application.GRANT_AUTHORIZATION_CODE),
        ("machine", "machine-secret-Lw5yC", confidential, Application.GRANT_CLIENT_CREDENTIALS),
    ]
    for client_id, secret, kind, grant in clients:
        Application.objects.create(
            name=client_id,
            client_id=client_id,
            client_secret=secret,
            client_type=kind,
            authorization_grant_type=grant,
            redirect_uris="http://127.0.0.1/callback",
        )


def routes():
    from django.contrib import admin
    from django.urls import include, path
    from oauth2_provider.urls import metadata_urlpatterns

    server = include("oauth2_provider.urls", namespace="oauth2_provider")
    return [path("admin/", admin.site.urls), path(f"{PREFIX[1:]}/", server), *metadata_urlpatterns]


def end_with_stdin():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--grace", type=int, default=0)
    options = parser.parse_args()
    server = Server(("127.0.0.1", options.port), Silent)
    issuer = f"http://127.0.0.1:{server.server_port}{PREFIX}"

    configure(issuer, options.grace)
    populate()
    globals()["urlpatterns"] = routes()
    from django.core.wsgi import get_wsgi_application

    server.set_app(Counted(get_wsgi_application()))
    threading.Thread(target=end_with_stdin, daemon=True).start()
    print(json.dumps({"issuer": issuer}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
