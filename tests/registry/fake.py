"""A registry with Confluent's REST interface, in this process."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import httpx


class FakeRegistry:
    """Answers requests as Confluent's registry does; counts them in ``asked``."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.schemas: list[dict[str, str]] = []
        self.subjects: dict[str, list[int]] = {}
        self.rules: dict[str, str] = {}
        self.down = False

    @property
    def transport(self) -> httpx.MockTransport:
        """What a client takes instead of the network."""
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().removeprefix("/ccompat/")
        self.asked.append(f"{request.method} {path}")
        if self.down:
            return httpx.Response(503, json={"error_code": 50301, "message": "starting"})
        body = json.loads(request.content or b"{}")
        status, answer = self._route(request.method, [unquote(part) for part in path.split("/")], body)
        return httpx.Response(status, json=answer)

    def _route(self, method: str, path: list[str], body: dict[str, str]) -> tuple[int, Any]:
        answer: tuple[int, Any] = 405, {"message": "not allowed"}
        match [method, *path]:
            case ["GET", "subjects"]:
                answer = 200, list(self.subjects)
            case ["GET", "schemas", "ids", number]:
                known = int(number) <= len(self.schemas)
                answer = (200, self.schemas[int(number) - 1]) if known else (404, {"message": "Schema not found"})
            case ["POST", "subjects", subject, "versions"]:
                self.schemas.append(body)
                self.subjects.setdefault(subject, []).append(len(self.schemas))
                answer = 200, {"id": len(self.schemas)}
            case ["GET", "subjects", subject, "versions", *version]:
                answer = self._versions(subject, version)
            case ["GET", "config", *subject]:
                rule = self.rules.get(subject[0]) if subject else "BACKWARD"
                answer = (200, {"compatibilityLevel": rule}) if rule else (404, {"message": "no rule"})
            case ["PUT", "config", subject]:
                self.rules[subject] = body["compatibility"]
                answer = 200, body
        return answer

    def _versions(self, subject: str, version: list[str]) -> tuple[int, Any]:
        ids = self.subjects.get(subject)
        if ids is None:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        if not version:
            return 200, list(range(1, len(ids) + 1))
        number = int(version[0])
        found = self.schemas[ids[number - 1] - 1]
        return 200, {"subject": subject, "version": number, "id": ids[number - 1], **found}
