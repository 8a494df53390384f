from pathlib import Path

import pytest
from pydantic import ValidationError

from playground.settings import ROOT, Settings, environment_variable


def test_without_a_variable_the_defaults_hold():
    assert Settings.from_env({}) == Settings()
    assert Settings().host == "127.0.0.1"
    assert Settings().port == 7860
    assert Settings().models_dir == ROOT / "models"


def test_on_a_space_all_interfaces_are_served():
    assert Settings.from_env({"SPACE_ID": "someone/playground"}).host == "0.0.0.0"
    told = {"SPACE_ID": "someone/playground", "GRADIO_SERVER_NAME": "127.0.0.1"}
    assert Settings.from_env(told).host == "127.0.0.1"


def test_no_proxy_is_trusted_but_that_of_a_space_in_its_own_network():
    assert Settings.from_env({}).trusted_proxies == ()
    assert Settings.from_env({"SPACE_ID": "a/b"}).trusted_proxies == ("10.0.0.0/8",)
    told = {"SPACE_ID": "a/b", "PLAYGROUND_TRUSTED_PROXIES": "192.0.2.1, 2001:db8::/32"}
    assert Settings.from_env(told).trusted_proxies == ("192.0.2.1", "2001:db8::/32")


@pytest.mark.parametrize("network", ["*", "proxy.example", "10.0.0.1/8", "10.0.0.0/33"])
def test_a_proxy_that_is_no_address_is_refused_by_name(network):
    with pytest.raises(ValueError, match=r"^PLAYGROUND_TRUSTED_PROXIES: '.+' is no IP address"):
        Settings.from_env({"PLAYGROUND_TRUSTED_PROXIES": f"127.0.0.1,{network}"})


@pytest.mark.parametrize("name", ["A", "a.b", "a-b", "x" * 33, "ä"])
def test_a_replica_whose_name_fits_in_no_id_is_refused(name):
    with pytest.raises(ValueError, match="PLAYGROUND_REPLICA"):
        Settings.from_env({"PLAYGROUND_REPLICA": name})


def test_each_variable_sets_its_field():
    environ = {
        "GRADIO_SERVER_NAME": "::1",
        "GRADIO_SERVER_PORT": "8123",
        "PLAYGROUND_MODELS_DIR": "/srv/models",
        "PLAYGROUND_MODEL_CACHE_BYTES": "1",
        "PLAYGROUND_ANSWER_CACHE_BYTES": "2",
        "PLAYGROUND_CHECKPOINT_BYTES": "3",
        "PLAYGROUND_BATCH_ROWS": "4",
        "PLAYGROUND_HOST": "ignored",
        "HOME": "/root",
    }
    assert Settings.from_env(environ) == Settings(
        host="::1",
        port=8123,
        models_dir=Path("/srv/models"),
        model_cache_bytes=1,
        answer_cache_bytes=2,
        checkpoint_bytes=3,
        batch_rows=4,
    )


def test_the_constructor_ignores_the_environment(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_PORT", "8123")
    monkeypatch.setenv("PLAYGROUND_BATCH_ROWS", "4")
    assert (Settings().port, Settings().batch_rows) == (7860, 256)
    assert (Settings.from_env().port, Settings.from_env().batch_rows) == (8123, 4)


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match="batch_rowz"):
        Settings(batch_rowz=1)


CHOICES = {"token_dtype": "int8"}  # one of those that it may have


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_described_and_has_a_variable(field):
    assert Settings.model_fields[field].description.endswith(".")
    value = getattr(Settings(), field)
    kind = next(kind for kind in (bool, int, float, str, Path, tuple) if isinstance(value, kind))
    other = str(not value).lower()
    text = {bool: other, int: "7", float: "7.5", str: "x", Path: "/x", tuple: "::1,::2"}[kind]
    changed = Settings.from_env({environment_variable(field): CHOICES.get(field, text)})
    assert getattr(changed, field) not in (value, None)
    assert changed.model_copy(update={field: value}) == Settings()


def test_bounds_hold_for_the_constructor_too():
    for invalid in ({"batch_rows": 0}, {"forward_threads": 0}, {"trainings_max": 0}):
        with pytest.raises(ValueError, match="greater than or equal to 1"):
            Settings(**invalid)


@pytest.mark.parametrize("name", ["GRADIO_SERVER_PORT", "PLAYGROUND_BATCH_ROWS"])
@pytest.mark.parametrize("value", ["", "many", "1.5", "1e3"])
def test_a_value_that_cannot_be_read_is_named(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be a whole number, not {value!r}$"):
        Settings.from_env({name: value})


def test_a_forward_has_at_least_one_row():
    for name in ("PLAYGROUND_BATCH_ROWS", "PLAYGROUND_FORWARD_THREADS", "PLAYGROUND_TRAININGS_MAX"):
        with pytest.raises(ValueError, match=f"^{name} must be at least 1$"):
            Settings.from_env({name: "0"})


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_switches_lists_and_the_address_of_the_hub():
    settings = Settings.from_env(
        {
            "HF_ENDPOINT": "http://hub.test",
            "PLAYGROUND_FEATURED_REPOS": " ada/tiny, bob/verse@v1 ,",
            "PLAYGROUND_SHOW_PRIVATE": "True",
            "PLAYGROUND_HUB_SECONDS": "2.5",
            "PLAYGROUND_HUB_CACHE_DIR": "/srv/cache",
        }
    )
    assert settings.hub_endpoint == "http://hub.test"
    assert settings.featured_repos == ("ada/tiny", "bob/verse@v1")
    assert settings.show_private is True
    assert settings.hub_seconds == 2.5
    assert settings.hub_cache_dir == Path("/srv/cache")
    assert Settings.from_env({"PLAYGROUND_FEATURED_REPOS": ""}).featured_repos == ()


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("PLAYGROUND_SHOW_PRIVATE", "perhaps", "true or false"),
        ("PLAYGROUND_HUB_SECONDS", "soon", "a number"),
        ("PLAYGROUND_TOKEN_DTYPE", "int4", "'float32', 'bfloat16' or 'int8'"),
    ],
)
def test_a_switch_or_number_that_cannot_be_read_is_named(name, value, kind):
    with pytest.raises(ValueError, match=f"^{name} must be {kind}, not '{value}'$"):
        Settings.from_env({name: value})


@pytest.mark.parametrize("value", ["-1", "65536", "99999"])
def test_a_port_is_one_that_there_is(value):
    with pytest.raises(ValueError, match=r"^GRADIO_SERVER_PORT must be between 0 and 65535$"):
        Settings.from_env({"GRADIO_SERVER_PORT": value})


def test_an_address_of_the_hub_that_is_none_is_named():
    with pytest.raises(ValueError, match=r"^HF_ENDPOINT: 'http://\[x' is no address of a site$"):
        Settings.from_env({"HF_ENDPOINT": "http://[x"})


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
def test_the_hub_gets_some_time_but_not_all(value):
    with pytest.raises(ValueError, match=r"^PLAYGROUND_HUB_SECONDS must be between 0 and 3600$"):
        Settings.from_env({"PLAYGROUND_HUB_SECONDS": value})


@pytest.mark.parametrize(
    ("name", "value", "bound"),
    [
        ("PLAYGROUND_SCORE_GIGAFLOPS", "0", "more than 0"),
        ("PLAYGROUND_GENERATION_SECONDS", "-1", "more than 0"),
        ("PLAYGROUND_HUB_SESSIONS", "0", "at least 1"),
        ("PLAYGROUND_TRAINING_QUEUE", "-1", "at least 0"),
    ],
)
def test_a_number_out_of_its_bounds_is_named_with_them(name, value, bound):
    with pytest.raises(ValueError, match=rf"^{name} must be {bound}(\.0)?$"):
        Settings.from_env({name: value})
