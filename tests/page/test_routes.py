"""Routes of the page's own files; what another page loads, test_embedding.py tells."""

import pytest


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/prompt=The+king&v=1", "/?prompt=The+king&v=1"),
        (
            "/&prompt=The%2520king&model=owner/name&v=1",
            "/?prompt=The%2520king&model=owner/name&v=1",
        ),
        ("/model=owner/name?lang=de", "/?model=owner/name&lang=de"),
        ("//example.com/v=1", None),
        ("/names", None),
    ],
)
def test_a_link_without_its_question_mark_leads_to_the_page(client, path, address):
    answer = client.get(f"http://testserver{path}", follow_redirects=False)
    assert answer.headers.get("location") == address
    assert answer.status_code == (307 if address else 404)
