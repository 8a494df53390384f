"""The page through the proxy, in a frame of another site: nothing sticks by a cookie there."""

import pytest

from tests.browser.test_embed import course, framed, in_frame, page, plays, strict  # noqa: F401

pytestmark = pytest.mark.browser


def test_in_a_frame_of_another_site_without_cookies_it_plays(page, server, course):  # noqa: F811
    page.goto(course(framed(server)))
    visit = in_frame(page, server)
    visit.button("Play").click()
    plays(visit, 20)
    assert page.context.cookies() == []
