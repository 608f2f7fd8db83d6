#!/usr/bin/env python3
"""Pictures of the page of `facepipe serve` with a photo dropped on it.

    python3 scripts/page_pictures.py URL PHOTO OUT

URL is a running server's; where it has a key, that is in FACEPIPE_SERVE_KEY here as well. The photo is
dropped on the page in headless Chromium (CHROMIUM, else /usr/bin/chromium), light and dark, wide and as narrow
as a phone, and the answer is waited for; OUT gets the pictures. It fails where the page asks for anything but
what this server has, logs an error, is wider than its window, or has no answer. Needs playwright.
"""

import base64
import os
import pathlib
import re
import sys

from playwright.sync_api import sync_playwright

LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1100, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1100, "height": 900}},
    "narrow-light": {"color_scheme": "light", "viewport": {"width": 360, "height": 740}},
    "narrow-dark": {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}},
}
DROP = """([data, name]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, {type: "image/jpeg"}));
    const drop = new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true});
    document.dispatchEvent(drop);
}"""


def take(browser, url, photo, look, path):
    page = browser.new_context(**LOOKS[look]).new_page()
    problems = []
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: request.url.startswith((url, "blob:", "data:")) or problems.append(request.url))
    page.goto(url)
    page.screenshot(path=path.with_name(f"{look}-empty.png"))
    page.evaluate(DROP, [base64.b64encode(photo).decode(), "photo.jpg"])
    if page.locator("#key").count():
        page.locator("#status.bad", has_text="key").wait_for(timeout=60000)
        page.screenshot(path=path.with_name(f"{look}-key.png"))
        # The browser itself writes down that this answer was a refusal.
        problems[:] = [problem for problem in problems if "401" not in problem]
        page.locator("#key").fill(os.environ["FACEPIPE_SERVE_KEY"])
        page.locator("#key").press("Enter")
    page.locator("#status", has_text=re.compile("face|work|answer")).wait_for(timeout=60000)
    page.wait_for_timeout(300)
    page.screenshot(path=path.with_name(f"{look}.png"), full_page=True)
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > LOOKS[look]["viewport"]["width"]:
        problems.append(f"{width} pixels wide")
    page.goto(url + "docs")
    page.screenshot(path=path.with_name(f"{look}-docs.png"))
    return [f"{look}: {problem}" for problem in problems]


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    url, photo, out = sys.argv[1].rstrip("/") + "/", pathlib.Path(sys.argv[2]).read_bytes(), pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    problems = []
    with sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for look in LOOKS:
            problems += take(browser, url, photo, look, out / "page")
        browser.close()
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__":
    main()
