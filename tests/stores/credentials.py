"""Made-up credential documents in the forms that real tools write."""

import io
import zipfile
from typing import Any

GEMINI_CLI: dict[str, Any] = {
    "access_token": "made-up-access-1",
    "refresh_token": "made-up-refresh-1",
    "scope": "openid https://www.googleapis.com/auth/cloud-platform",
    "token_type": "Bearer",
    "id_token": "made-up-id-token",
    "expiry_date": 1763640000000,
}
GCLI2API: dict[str, Any] = {
    "client_id": "made-up-client.apps.example",
    "client_secret": "made-up-secret",
    "token": "made-up-access-2",
    "refresh_token": "made-up-refresh-2",
    "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
    "token_uri": "https://oauth2.example/token",
    "project_id": "project-2",
    "expiry": "2026-01-01T00:00:00",
}
AUTHORIZED_USER: dict[str, Any] = {
    "account": "",
    "client_id": "made-up-client.apps.example",
    "client_secret": "made-up-secret",
    "quota_project_id": "project-3",
    "refresh_token": "made-up-refresh-3",
    "type": "authorized_user",
    "universe_domain": "googleapis.com",
}
NESTED: dict[str, Any] = {
    "token": {
        "access_token": "made-up-access-4",
        "refresh_token": "made-up-refresh-4",
        "client_id": "made-up-client.apps.example",
        "expiry": "2026-01-01T08:00:00+08:00",
    },
    "project_id": "project-4",
    "email": "four@example.com",
    "type": "gemini",
}
SERVICE_ACCOUNT: dict[str, Any] = {
    "type": "service_account",
    "project_id": "project-5",
    "private_key_id": "made-up-key-id",
    "private_key": "made-up-private-key",
    "client_email": "five@project-5.example",
    "token_uri": "https://oauth2.example/token",
}


def zipped(files: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
