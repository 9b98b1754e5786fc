"""What a program on google-auth does: loads credentials of a file and asks for an access token, as often as it is told."""

import sys

import google.auth
import google.auth.transport.requests

credentials, _ = google.auth.load_credentials_from_file(sys.argv[1], scopes=["https://example.com/scope"])
for _ in range(int(sys.argv[2])):
    credentials.refresh(google.auth.transport.requests.Request())
    print(credentials.token)
