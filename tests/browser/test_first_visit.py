"""What a browser with an empty cache asks for, and what it asks for again."""

from urllib.parse import urlsplit

import httpx
import pytest

FILES_MAX = 82  # nearly all of them Gradio's; a tab of Markdown, which only tests have, takes ten
OWN_SCRIPTS = 1
KILOBYTES_MAX = 480


@pytest.fixture
def visited(browser, server):
    """`visited(times)`: the requests of each visit of one browser: path, status, kind, bytes."""

    def visit(times=1):
        context = browser.new_context()
        visits = []
        for _ in range(times):
            page = context.new_page()
            devtools = context.new_cdp_session(page)
            devtools.send("Network.enable")
            seen, sizes, served = {}, {}, set()
            devtools.on(
                "Network.responseReceived",
                lambda e, seen=seen: seen.update({e["requestId"]: e["response"]}),
            )
            devtools.on(
                "Network.loadingFinished",
                lambda e, sizes=sizes: sizes.update({e["requestId"]: e["encodedDataLength"]}),
            )
            devtools.on(
                "Network.requestServedFromCache",
                lambda e, served=served: served.add(e["requestId"]),
            )
            page.goto(server)
            page.wait_for_selector("[data-picked]")
            page.wait_for_load_state("networkidle")
            visits.append(
                {
                    urlsplit(response["url"]).path: (response, sizes.get(name, 0))
                    for name, response in seen.items()
                    if response["url"].startswith(server)
                    and name not in served
                    and not response.get("fromDiskCache")
                }
            )
            page.close()
        context.close()
        return visits

    return visit


def test_a_first_visit_asks_for_few_files(visited):
    [asked] = visited()
    scripts = [path for path in asked if path.startswith("/page/") and path.endswith(".js")]
    assert len(scripts) == OWN_SCRIPTS
    assert len([path for path in asked if path.startswith("/assets/")]) > 30
    assert len(asked) <= FILES_MAX, len(asked)
    size = sum(size for _, size in asked.values())
    assert size <= KILOBYTES_MAX * 1000, size


def test_what_is_worth_it_comes_compressed(visited):
    [asked] = visited()
    for path, (response, _) in asked.items():
        headers = {name.lower(): value for name, value in response["headers"].items()}
        if int(headers.get("content-length", 0)) > 1000 and not path.startswith("/api/"):
            assert headers.get("content-encoding") in ("br", "gzip"), path


def test_a_second_visit_asks_for_no_script_or_style_again(visited):
    first, second = visited(2)
    files = [path for path in first if path.endswith((".js", ".css"))]
    assert len(files) > 40
    assert [path for path in files if path in second and "/static/" not in path] == []


def test_the_document_comes_from_memory_and_is_not_sent_twice(server):
    document = httpx.get(server)
    again = httpx.get(server, headers={"If-None-Match": document.headers["etag"]})
    assert document.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")
