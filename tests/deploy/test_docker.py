"""The images: what is in them, what they run as, and whether their health check tells the truth."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from pollux.settings import Server
from tests.deploy.assets import DEPLOY, ROOT, read_yaml

DOCKERFILE = DEPLOY / "docker/Dockerfile"
SPACE = DEPLOY / "huggingface/Dockerfile"


def instructions(text: str) -> list[tuple[str, str]]:
    """A Dockerfile as (instruction, its text), comments away and continued lines joined."""
    joined = re.sub(r"\\\n\s*", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    lines = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(line[0], line[1]) for line in lines]


STEPS = instructions(DOCKERFILE.read_text(encoding="utf-8"))
FINAL = STEPS[max(index for index, (verb, _) in enumerate(STEPS) if verb == "FROM") :]


def of(steps: list[tuple[str, str]], verb: str) -> list[str]:
    return [text for each, text in steps if each == verb]


def environment(steps: list[tuple[str, str]]) -> dict[str, str]:
    return dict(pair.split("=", 1) for text in of(steps, "ENV") for pair in text.split())


class Liveness(BaseHTTPRequestHandler):
    """Answers /livez as Pollux does, and everything else with 404."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Liveness) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("file", [DOCKERFILE, SPACE], ids=lambda file: file.parent.name)
def test_dockerfile_is_made_of_instructions_that_exist(file):
    known = {"FROM", "ARG", "ENV", "RUN", "COPY", "WORKDIR", "VOLUME", "EXPOSE", "USER"}
    steps = instructions(file.read_text(encoding="utf-8"))
    assert {verb for verb, _ in steps} <= known | {"HEALTHCHECK", "ENTRYPOINT", "CMD"}
    for verb in ("ENTRYPOINT", "CMD", "VOLUME"):
        for text in of(steps, verb):
            assert isinstance(json.loads(text), list)


@pytest.mark.parametrize("file", [DOCKERFILE, SPACE], ids=lambda file: file.parent.name)
def test_shell_steps_of_an_image_parse(file):
    for text in of(instructions(file.read_text(encoding="utf-8")), "RUN"):
        subprocess.run(["sh", "-n", "-c", text], check=True)


def test_image_copies_all_that_the_package_is_made_of():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    wanted = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"], *packages}
    copied = {word for text in of(STEPS, "COPY") if "--from" not in text for word in text.split()[:-1]}
    let_in = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    assert wanted == copied
    assert wanted == set(re.findall(r"^!(.+)$", let_in, re.MULTILINE))


def test_image_installs_extras_that_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for file in (DOCKERFILE, SPACE):
        named = re.search(r"\[(redis[^]]*)\]", file.read_text(encoding="utf-8"))
        assert named
        assert set(named[1].split(",")) <= set(extras)


def test_image_runs_as_its_own_user_and_keeps_state_in_volumes():
    kept = environment(FINAL)
    assert of(FINAL, "USER") == ["10001:10001"]
    assert {kept["DATA_DIR"], kept["CREDENTIALS_DIR"]} == set(json.loads(of(FINAL, "VOLUME")[0]))
    assert of(FINAL, "EXPOSE") == [kept["PORT"]] == [str(Server().port)]


def test_health_check_passes_on_a_live_process(port):
    assert health_check(port) == 0


def test_health_check_fails_when_nobody_listens():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert health_check(free.getsockname()[1]) != 0


def health_check(port: int) -> int:
    """Run the image's health check against a port, as the image would."""
    command = json.loads(of(FINAL, "HEALTHCHECK")[0].partition("CMD ")[2])
    assert command[0] == "python"
    environ = {**os.environ, "PORT": str(port)}
    return subprocess.run(
        [sys.executable, *command[1:]], check=False, env=environ, stderr=subprocess.DEVNULL
    ).returncode


def test_space_listens_where_its_front_matter_says():
    front = (DEPLOY / "huggingface/README.md").read_text(encoding="utf-8").split("---\n")[1]
    steps = instructions(SPACE.read_text(encoding="utf-8"))
    assert "sdk: docker\n" in front
    assert f"app_port: {environment(steps)['PORT']}\n" in front
    assert of(steps, "USER") == ["1000"]


def test_render_blueprint_names_files_and_a_page_that_exist():
    service = read_yaml(DEPLOY / "render.yaml")["services"][0]
    assert (ROOT / service["dockerfilePath"]).is_file()
    assert service["healthCheckPath"] == "/livez"
    assert {"key": "PORT", "value": environment(FINAL)["PORT"]} in service["envVars"]
