import pytest

from tests.api.scenarios import error


@pytest.mark.parametrize(
    "path",
    ["api/generate", "api/generate-next-token", "api/substitute", "api/loads", "v1/completions"],
)
def test_a_body_that_never_ends_is_not_read(client, path):
    sent = []

    def endless():
        for _ in range(100):
            sent.append(2**20)
            yield b" " * 2**20

    answer = client.post(f"/{path}", content=endless())
    assert error(answer, 413) == "The body is too large"
