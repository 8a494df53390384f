"""What travels between a server and an engine elsewhere."""

import numpy as np
import pytest

from playground.inference.messages import (
    config_fields,
    decode,
    encode,
    pack,
    restore_model,
    save_weights,
    unpack,
)
from playground.lm.generation import sample_steps
from playground.lm.sampling import BatchParams, SamplingParams
from tests.inference.test_engine_process import equal


def test_steps_travel_as_they_are():
    logits = np.random.default_rng(0).normal(size=(30, 16))
    params = BatchParams.stack([SamplingParams(top_k=5)] * 30)
    steps = sample_steps(logits, params, np.linspace(0, 1, 30, endpoint=False))
    found = unpack(pack(steps), 16)
    assert equal(found, steps)
    assert found.token.dtype == found.candidate.dtype == steps.token.dtype


def test_a_model_travels_as_it_is(random_model):
    model = random_model(n_layer=2, tied=True, attention="sliding")
    found = restore_model(config_fields(model), save_weights(model))
    assert config_fields(found) == config_fields(model)
    assert save_weights(found) == save_weights(model)
    assert not found.training


def test_a_message_that_is_cut_off_is_refused():
    body = encode({"a": 1}, b"abc")
    assert decode(body) == ({"a": 1}, b"abc")
    for length in range(len(body)):
        with pytest.raises(ValueError, match="cut off"):
            decode(body[:length])
    with pytest.raises(ValueError, match="cut off"):
        decode(body + b"d")
    with pytest.raises(ValueError, match="cut off"):
        decode(b"<html>no engine at all</html>")
