import pytest


@pytest.mark.parametrize("path", ["generate", "generate-next-token", "substitute", "loads"])
def test_a_body_that_never_ends_is_not_read(client, path):
    sent = []

    def endless():
        for _ in range(100):
            sent.append(2**20)
            yield b" " * 2**20

    answer = client.post(f"/api/{path}", content=endless())
    assert answer.status_code == 413
    assert answer.json() == {"error": "The body is too large"}
