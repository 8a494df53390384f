"""Every bound in OpenAPI is the constant that is enforced below the API."""

import pytest

from playground.api.qr import QR_BYTES_MAX
from playground.api.routes.corpora import FILENAME_MAX
from playground.api.routes.hub import SEARCH_MAX
from playground.api.routes.trainings import STEP_MAX
from playground.api.schemas.generation import INTEGER_MAX, SESSION_ID_MAX
from playground.api.schemas.sessions import REVISION_MAX
from playground.api.schemas.training import SPEED_MAX
from playground.checkpoints.schema import NAME_MAX
from playground.corpus_index.suffix_array import LOOKUP_MAX
from playground.hub.address import ADDRESS_MAX
from playground.lm.generation import N_CANDIDATES
from playground.lm.sampling import SEED_MAX, TEMPERATURE_MAX, TOP_K_MAX, SamplingParams
from playground.service.beams import DEPTH_MAX, WIDTH_MAX
from playground.service.comparison import POSITIONS_MAX
from playground.service.contexts import CONTEXT_MAX
from playground.service.draws import DRAWS_MAX
from playground.service.generation import TOKENS_MAX
from playground.service.rounds import ROUND_MAX
from playground.service.scoring import SCORE_TEXT_MAX
from playground.training.presets import (
    BATCH_SIZE,
    LIVE_PRESETS,
    MODEL_BOUNDS,
    SEED,
    STEPS,
    learning_rate_bounds,
)

KEYWORDS = (
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength",
)  # fmt: skip
RATES = [learning_rate_bounds(preset.name) for preset in LIVE_PRESETS]
GENERATION = {
    "session_id": {"minLength": 1, "maxLength": SESSION_ID_MAX},
    "context": {"minLength": 1, "maxLength": CONTEXT_MAX},
    "temperature": {"minimum": 0, "maximum": TEMPERATURE_MAX},
    "step": {"minimum": 0, "maximum": INTEGER_MAX},
    "top_k": {"minimum": 0, "maximum": TOP_K_MAX},
    "top_p": {"exclusiveMinimum": 0, "maximum": 1},
    "seed": {"minimum": 0, "maximum": SEED_MAX},
    "position": {"minimum": 0, "maximum": INTEGER_MAX},
}
LANE = {name: GENERATION[name] for name in ("session_id", "step", "temperature")}
LOAD = {
    "repo_id": {"minLength": 1, "maxLength": ADDRESS_MAX},
    "revision": {"maxLength": REVISION_MAX},
}
SPEED = {"exclusiveMinimum": 0, "maximum": SPEED_MAX}
EXPECTED = {
    "POST /api/generate-next-token": GENERATION,
    "POST /api/generate": GENERATION | {"n": {"minimum": 1, "maximum": TOKENS_MAX}},
    "POST /api/score": {
        "session_id": GENERATION["session_id"],
        "text": {"minLength": 1, "maxLength": SCORE_TEXT_MAX},
        "step": GENERATION["step"],
    },
    "POST /api/corpus": {
        "session_id": GENERATION["session_id"],
        "context": GENERATION["context"],
        "k": {"minimum": 0, "maximum": LOOKUP_MAX},
    },
    "POST /api/beams": {
        "session_id": GENERATION["session_id"],
        "context": GENERATION["context"],
        "width": {"minimum": 1, "maximum": WIDTH_MAX},
        "n": {"minimum": 1, "maximum": DEPTH_MAX},
        "step": GENERATION["step"],
    },
    "POST /api/draws": GENERATION | {"n": {"minimum": 1, "maximum": DRAWS_MAX}},
    "POST /api/compare": {
        **LANE,
        **{f"other.{name}": bounds for name, bounds in LANE.items()},
        "context": GENERATION["context"],
        "positions": {"minimum": 1, "maximum": POSITIONS_MAX},
    },
    "POST /v1/completions": {
        "model": GENERATION["session_id"],
        "prompt": GENERATION["context"],
        "max_tokens": {"minimum": 0, "maximum": TOKENS_MAX},
        **{n: GENERATION[n] for n in ("temperature", "top_p", "top_k", "seed", "step")},
        "stop": {"minLength": 1},
        "logprobs": {"minimum": 0, "maximum": N_CANDIDATES},
    },
    "POST /api/rounds": {
        "session_id": GENERATION["session_id"],
        "seed": GENERATION["seed"],
        "n": {"minimum": 1, "maximum": ROUND_MAX},
    },
    "POST /api/compare-contexts": {
        **LANE,
        "context": GENERATION["context"],
        "token": {"minLength": 1, "maxLength": 1},
        "token_id": {"minimum": 0, "maximum": INTEGER_MAX},
    },
    "POST /api/tokenize": {
        "session_id": GENERATION["session_id"],
        "text": {"maxLength": CONTEXT_MAX},
    },
    "POST /api/tokenize/{tokenizer}": {"text": {"maxLength": CONTEXT_MAX}},
    "POST /api/substitute": {
        "session_id": GENERATION["session_id"],
        "text": {"maxLength": CONTEXT_MAX},
    },
    "POST /api/sessions": LOAD,
    "POST /api/loads": LOAD,
    "GET /api/models": {"search": {"maxLength": SEARCH_MAX}},
    "GET /api/qr": {"text": {"minLength": 1, "maxLength": QR_BYTES_MAX}},
    "POST /api/corpora/text": {"filename": {"maxLength": FILENAME_MAX}},
    "GET /api/trainings/{session_id}": {"since": {"minimum": -1, "maximum": STEP_MAX}},
    "POST /api/trainings": {
        "steps": dict(zip(("minimum", "maximum"), STEPS, strict=True)),
        "batch_size": dict(zip(("minimum", "maximum"), BATCH_SIZE, strict=True)),
        "seed": dict(zip(("minimum", "maximum"), SEED, strict=True)),
        "learning_rate": {
            "minimum": min(low for low, _ in RATES),
            "maximum": max(high for _, high in RATES),
        },
        "steps_per_second": SPEED,
        **{
            f"model.{name}": {"minimum": low, "maximum": high}
            for name, (low, high) in MODEL_BOUNDS.items()
        },
    },
    "POST /api/trainings/{session_id}/speed": {"steps_per_second": SPEED},
    "POST /api/trainings/{session_id}/name": {"name": {"minLength": 1, "maxLength": NAME_MAX}},
}


@pytest.fixture
def openapi(client):
    return client.get("/openapi.json").json()


def bounds_of(schema):
    """The bounds of a field; those of `int | None` are in its first alternative."""
    for part in (schema, *schema.get("anyOf", ())):
        if found := {name: part[name] for name in KEYWORDS if name in part}:
            return found
    return {}


def bounded_fields(openapi, operation):
    """Bounds by field path, of a route's parameters and JSON body."""
    found = {p["name"]: bounds_of(p["schema"]) for p in operation.get("parameters", ())}
    content = operation.get("requestBody", {}).get("content", {})

    def walk(schema, prefix=""):
        if "$ref" in schema:
            schema = openapi["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        for name, field in schema.get("properties", {}).items():
            found[prefix + name] = bounds_of(field)
            walk(field, f"{prefix}{name}.")

    walk(content.get("application/json", {}).get("schema", {}))
    return {name: bounds for name, bounds in found.items() if bounds}


def test_every_bound_of_a_field_is_the_enforced_constant(openapi):
    found = {
        f"{method.upper()} {path}": bounds
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
        if (bounds := bounded_fields(openapi, operation))
    }
    assert found == EXPECTED


@pytest.mark.parametrize("field", ["temperature", "top_k", "top_p", "seed"])
def test_the_sampling_parameters_enforce_what_is_documented(field):
    bounds = GENERATION[field]
    low, high = bounds.get("minimum", 1e-9), bounds["maximum"]
    for value in (low, high):
        SamplingParams(**{field: value})
    for value in (low - 1, high + 1):
        with pytest.raises(ValueError, match=field):
            SamplingParams(**{field: value})


@pytest.mark.parametrize(
    "field", [f for f in EXPECTED["POST /api/trainings"] if f != "steps_per_second"]
)
def test_a_training_beyond_a_documented_bound_is_refused(client, field):
    for bound, beyond in (("minimum", -1), ("maximum", 1)):
        value = EXPECTED["POST /api/trainings"][field][bound] + beyond
        name, _, inner = field.partition(".")
        body = {"visitor": "bounds-0123456789", name: {inner: value} if inner else value}
        response = client.post("/api/trainings", json=body)
        assert response.status_code == 400
        assert "The value must be" not in response.json()["error"], "the plan's own sentence"
