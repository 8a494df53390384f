"""The served configuration holds the constants that Python enforces, and the page's own."""

import json
import re
from typing import get_args

from playground.api.app import create_api
from playground.api.qr import QR_BYTES_MAX
from playground.api.schemas.training import TrainingRequest
from playground.checkpoints.schema import NAME_MAX
from playground.corpus_index.suffix_array import LOOKUP_MAX
from playground.lm.generation import N_CANDIDATES
from playground.lm.sampling import SEED_MAX, TEMPERATURE_MAX, TOP_K_MAX
from playground.page import config
from playground.page.blocks import TABS
from playground.page.components import FRONTEND
from playground.service.beams import DEPTH_MAX, WIDTH_MAX
from playground.service.context_comparison import OTHERS_MAX
from playground.service.contexts import CONTEXT_MAX
from playground.service.corpus_lookup import BACKOFF_MAX
from playground.service.draws import DRAWS_MAX
from playground.service.generation import TOKENS_MAX
from playground.service.playground import Playground
from playground.service.scoring import SCORE_TEXT_MAX
from playground.settings import Settings
from playground.training.milestones import is_milestone
from playground.training.presets import MODEL_BOUNDS, STEPS
from playground.training.state import State


def test_the_route_serves_the_configuration(client):
    answer = client.get("/page/config.json")
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.json() == json.loads(json.dumps(config.page_config()))


def test_limits_are_those_that_python_enforces(client):
    served = client.get("/page/config.json").json()
    assert served["generation"]["tokens_max"] == TOKENS_MAX
    assert served["generation"]["candidates"] == N_CANDIDATES
    assert served["generation"]["chunk"]["high"] <= TOKENS_MAX
    assert served["generation"]["write_tokens"] <= TOKENS_MAX
    assert served["course"]["count_max"] == TOKENS_MAX
    assert served["score"]["text_max"] == SCORE_TEXT_MAX
    assert served["qr_bytes_max"] == QR_BYTES_MAX
    assert served["training"]["name_max"] == NAME_MAX
    assert served["training"]["model_fields"] == list(MODEL_BOUNDS)
    assert served["link"]["seed_max"] <= SEED_MAX
    assert max(served["sampling"]["draws"]) == DRAWS_MAX
    assert served["sampling"]["length"]["high"] <= DEPTH_MAX
    assert served["sampling"]["width"]["high"] <= WIDTH_MAX


def test_limits_of_explore_are_those_that_python_enforces(client):
    served = client.get("/page/config.json").json()
    assert served["corpus"] == {"lookup_max": LOOKUP_MAX, "backoff_max": BACKOFF_MAX}
    assert served["contexts"] == {"others_max": OTHERS_MAX}
    assert served["tokenizers"]["text_max"] <= CONTEXT_MAX
    assert served["link"]["prompt_max"] <= CONTEXT_MAX


def test_slider_ranges_are_within_what_the_api_takes(client):
    served = client.get("/page/config.json").json()["controls"]
    assert served["temperature"]["high"] <= TEMPERATURE_MAX
    assert served["top_k"]["high"] <= TOP_K_MAX
    assert served["top_p"]["high"] == 1
    for control in (served[name] for name in ("speed", "temperature", "top_k", "top_p")):
        assert control["low"] <= control["default"] <= control["high"]


def test_training_states_and_milestones_are_those_of_the_scheduler(client):
    served = client.get("/page/config.json").json()["training"]
    assert {*served["active_states"], *served["ended_states"], "paused"} == set(get_args(State))
    assert all(map(is_milestone, served["milestones"]))
    assert served["milestones"][-1] <= STEPS[1] < 3 * served["milestones"][-1]


def test_defaults_of_a_training_are_those_of_the_api(tmp_path):
    schema = create_api(Playground(Settings(models_dir=tmp_path))).openapi()
    request = TrainingRequest.model_json_schema()["properties"]
    served = config.page_config()["training"]
    assert served["default_preset"] == request["preset"]["default"]
    assert f'"{served["default_corpus"]}"' in request["corpus"]["description"]
    [search] = schema["paths"]["/api/models"]["get"]["parameters"]
    assert config.page_config()["hub"]["search_max"] == search["schema"]["maxLength"]


def test_a_link_names_the_tabs_of_the_page():
    assert [tab.name for tab in TABS] == list(config.page_config()["link"]["tabs"])


def test_a_course_page_offers_every_control_and_goal():
    markup = (FRONTEND / "sharing" / "share.html").read_text("utf-8")
    served = config.page_config()["course"]
    written = re.findall(r'name="show" value="(\w+)"', markup)
    assert [*written, *config.EXPLORE_PANELS] == list(served["controls"])  # the script adds these
    assert re.findall(r'<option value="(\w+)" data-i18n="course.done_', markup) == [
        *served["goals"]
    ]
