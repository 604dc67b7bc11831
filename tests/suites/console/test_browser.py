"""The pages in a real browser: they fit a phone, load nothing foreign, and can be read and used by everybody.

Set DEEDLOG_TEST_PICTURES to a folder to keep a picture of each page.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from shared.events.identity import PersonMerged
from tests.suites.console.browser import Browser, Page, browsing, chromium
from tests.suites.console.house import ConsoleHouse

EXECUTABLE = chromium()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(EXECUTABLE is None, reason="no Chromium is installed (apt-get install chromium)"),
    pytest.mark.timeout(180),
]
PAGES = ("first", "profile", "operator")
WIDTHS = (360, 1280)

# Every text with the colours it is drawn in; transparent backgrounds show what lies behind them.
CONTRASTS = """
(() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest('.unseen')) continue;
    const style = getComputedStyle(element);
    const isDrawn = element instanceof SVGElement;
    const [a, b] = [light(channels(isDrawn ? style.fill : style.color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)}: ${walker.currentNode.textContent.trim().slice(0, 40)}`);
  }
  return found;
})()
"""
# What is wider than it may be: the page, or a table in its frame; with whatever sticks out of the window.
TOO_WIDE = """
(() => {
  const frames = [document.documentElement, ...document.querySelectorAll('.wide')];
  const wide = frames.filter(one => one.scrollWidth > one.clientWidth);
  const out = [...document.body.querySelectorAll('*')].filter(one => one.getBoundingClientRect().right > innerWidth);
  const said = one => `${one.scrollWidth}/${one.clientWidth} ${one.tagName}: ${one.textContent.trim().slice(0, 200)}`;
  return wide.length ? [...wide, ...out].map(said) : [];
})()
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A running browser."""
    assert EXECUTABLE is not None
    async with browsing(EXECUTABLE, tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> Page:
    """An empty tab."""
    return await browser.page()


async def shown(house: ConsoleHouse, page: Page, name: str, person: str) -> None:
    """Have the page of this name loaded, signed in by its form."""
    await page.open(house.origin)
    if name == "first":
        return
    identity = house.profiles.identity
    secret = identity.admin() if name == "operator" else identity.session(person)
    await page.evaluate(f"document.querySelector('#secret').value = '{secret}'")
    await page.press("button[type=submit]")


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_fits_its_window_and_every_text_can_be_read(
    house: ConsoleHouse, page: Page, person: str, name: str, width: int, is_dark: bool
) -> None:
    if name == "operator":
        subject = house.profiles.identity.person()
        await house.profiles.tell(subject, PersonMerged(canonical="prs_A", alias="prs_B"))
    if name == "profile":
        await house.looked_at_by_one_without_a_name(person)
    await page.look(width, is_dark=is_dark)

    await shown(house, page, name, person)

    await keep_picture(page, f"{name}-{width}-{'dark' if is_dark else 'light'}")
    await page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert await page.evaluate(TOO_WIDE) == []
    assert await page.evaluate(CONTRASTS) == []


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_loads_nothing_but_ours_and_breaks_no_policy(
    house: ConsoleHouse, page: Page, person: str, name: str
) -> None:
    await shown(house, page, name, person)

    assert {"/".join(url.split("/")[:3]) for url in page.requests} == {house.origin}
    assert page.complaints == []


async def test_the_profile_can_be_reached_and_walked_through_by_the_keyboard_alone(
    house: ConsoleHouse, page: Page, person: str
) -> None:
    await page.look(1280)
    await page.open(house.origin)
    await page.evaluate("document.querySelector('#secret').focus()")
    await page.send("Input.insertText", text=house.profiles.identity.session(person))
    loaded = page.browser.next_event("Page.loadEventFired", page.session)
    await page.key("Enter")
    await loaded

    names = []
    for _ in range(40):
        await page.key("Tab")
        names.append(await page.evaluate("document.activeElement.textContent.trim().split('\\n')[0]"))

    assert names[0] == "Skip to the content"
    assert {"Deedlog", "Profile", "Operator", "Sign out"} <= set(names)
    assert any(name.startswith("Review by") for name in names)
    assert await page.evaluate("location.pathname") == f"/people/{person}"


async def test_a_screen_reader_is_told_each_level_in_words(house: ConsoleHouse, page: Page, person: str) -> None:
    await shown(house, page, "profile", person)

    nodes: list[dict[str, Any]] = (await page.send("Accessibility.getFullAXTree"))["nodes"]

    named = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    images = [name for role, name in named if role == "image"]
    assert "Interfaces to running systems: level 3 most likely; 90 percent interval level 2 to level 3." in images
    assert all(images)
    landmarks = {role for role, _ in named}
    assert {"banner", "main", "contentinfo", "navigation"} <= landmarks
    assert all(name for role, name in named if role in {"link", "button", "textbox", "table", "region"})


async def keep_picture(page: Page, name: str) -> None:
    folder = os.environ.get("DEEDLOG_TEST_PICTURES")
    if folder:
        picture = await page.picture()
        await asyncio.to_thread(Path(folder, f"{name}.png").write_bytes, picture)
