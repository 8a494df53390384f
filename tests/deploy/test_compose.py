"""The Compose file and the Dockerfile: what they name exists, and they agree with each other."""

import re
import subprocess

import pytest

from playground.settings import ROOT, Settings, environment_variable
from tests.deploy.conftest import (
    DEPLOY,
    REPLICAS,
    compose,
    environment_of_commands,
    free_port,
    need_nginx,
)

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
POOLS = (DEPLOY / "nginx" / "replicas.conf").read_text()


@pytest.fixture(scope="module")
def services():
    return compose()["services"]


@pytest.mark.parametrize("name", REPLICAS)
def test_the_settings_of_a_replica_exist_and_name_it(services, name):
    environment = services[name]["environment"]
    assert environment["PLAYGROUND_REPLICA"] == name
    assert set(environment) <= {environment_variable(field) for field in Settings.model_fields}
    settings = Settings.from_env(environment)
    assert settings.host == "0.0.0.0"
    assert settings.trusted_proxies == (services["proxy"]["networks"]["default"]["ipv4_address"],)


def test_every_replica_is_in_every_pool(services):
    replicas = {name for name, service in services.items() if "build" in service}
    assert replicas == set(REPLICAS)
    pools = dict(re.findall(r"^upstream (\S+) \{\n(.+?)^\}", POOLS, re.M | re.S))
    for pool in ("any", "another", "by_client"):
        servers = re.findall(r"server (\w+):7860", pools.pop(pool))
        assert sorted(servers) == sorted(replicas), pool
    assert {pool: re.findall(r"server (\w+):7860", text) for pool, text in pools.items()} == {
        f"replica-{name}": [name] for name in replicas
    }
    assert f":{Settings().port}" in POOLS


def test_what_is_mounted_and_copied_exists(services):
    for service in services.values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert source in compose()["volumes"] or (DEPLOY / source).is_dir(), source
    for name in re.findall(r"^COPY (\S+) ", DOCKERFILE, re.M):
        assert (ROOT / name).exists(), name
    build = services["a"]["build"]
    assert (DEPLOY / build["context"]).resolve() == ROOT
    assert (ROOT / build["dockerfile"]).is_file()


def test_a_replica_runs_as_nobody_special_and_may_write_its_cache(services):
    assert re.search(r"^USER playground$", DOCKERFILE, re.M)
    user = DOCKERFILE.index("USER")
    assert "pip install" in DOCKERFILE[:user]
    cache = services["a"]["environment"]["PLAYGROUND_HUB_CACHE_DIR"]
    assert f"install --directory --owner playground {cache}" in DOCKERFILE
    assert any(volume.split(":")[1] == cache for volume in services["a"]["volumes"])
    python = re.search(r"^FROM python:([\d.]+)-slim$", DOCKERFILE, re.M)[1]
    assert f'python_version: "{python}"' in (ROOT / "README.md").read_text()
    command = re.search(r"^CMD (.+)$", DOCKERFILE, re.M)[1]
    assert command == str(services["a"]["command"]).replace("'", '"')


def test_what_is_under_way_is_finished_before_a_replica_is_killed(services):
    grace = int(services["a"]["stop_grace_period"].removesuffix("s"))
    seconds = int(
        re.search(r"^_SHUTDOWN_SECONDS = (\d+)", (ROOT / "playground/app.py").read_text(), re.M)[1]
    )
    assert Settings().generation_seconds < seconds < grace


def test_an_unhealthy_replica_is_told(services):
    _, *command = services["a"]["healthcheck"]["test"]
    environ = environment_of_commands() | {"GRADIO_SERVER_PORT": str(free_port())}
    assert subprocess.run(command, env=environ, capture_output=True).returncode != 0


def test_the_proxy_refuses_a_broken_configuration(services, tmp_path):
    """That it starts with this one, the other tests show."""
    need_nginx()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "nginx.conf").write_text("nonsense;")
    done = subprocess.run(
        services["proxy"]["command"], cwd=tmp_path, env=environment_of_commands(),
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert "nonsense" in done.stderr
