"""What another page gets for `<gradio-app>`; that it works, tests/browser/test_embed.py tells."""

import re
from pathlib import Path

import gradio as gr

from playground.page.bundle import frontend_bundle
from playground.page.head import gradio_head, page_css

ASSETS = Path(gr.__file__).parent / "templates" / "frontend"
ELSEWHERE = {"Origin": "https://course.example"}


def test_another_page_may_load_what_the_element_needs(client):
    for path in ("gradio.js", f"page/{frontend_bundle().name}", "page/component.css"):
        answer = client.get("/" + path, headers=ELSEWHERE)
        assert answer.status_code == 200, path
        assert answer.headers["Access-Control-Allow-Origin"] == "*", path


def test_the_loader_has_a_lasting_address_and_leads_to_gradio_s_own_script(client):
    [script] = re.findall(r'import\("\./(assets/[\w.-]+\.js)"\)', client.get("/gradio.js").text)
    assert (ASSETS / script).is_file()


def test_in_another_page_styles_hold_in_the_element_alone(client):
    css = client.get("/page/component.css").text
    scope, rules = css.split("{\n", 1)
    assert scope.startswith("@scope (:has(> gradio-app.embedded))")
    assert not re.search(r":root|\bbody (?=[.#\w])", rules)
    assert css.count("{") == css.count("}")


def test_its_own_page_gets_the_styles_by_a_script_that_spares_others():
    tags = gradio_head()
    assert tags.startswith("<script>document.querySelector('gradio-app[src]') ??")
    assert tags.count("<") == 2, "nothing in the script ends it"
    assert page_css().index(".card") < page_css().index(".embedded")
