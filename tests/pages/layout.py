"""What is wrong with the layout of a page that is open, as the browser has laid it out; empty where all is well.

Text counts where it can be seen: clipped by whatever around it clips.
"""

from __future__ import annotations

from playwright.sync_api import Page

_SEEN = """
    const seen = one => one.checkVisibility({ visibilityProperty: true }) && !one.closest(".visually-hidden");
    const say = one => one.outerHTML.slice(0, 140);
    // The part of a box that what is around it lets be seen.
    const clipped = (box, from) => {
        let { left, top, right, bottom } = box;
        for (let one = from; one && one !== document.body; one = one.parentElement) {
            const { overflowX, overflowY, position } = getComputedStyle(one);
            const { left: l, top: t, right: r, bottom: b } = one.getBoundingClientRect();
            if (overflowX !== "visible") { left = Math.max(left, l); right = Math.min(right, r); }
            if (overflowY !== "visible") { top = Math.max(top, t); bottom = Math.min(bottom, b); }
            if (position === "fixed") break;
        }
        return { left, top, right, bottom };
    };
    const isThere = box => box.right - box.left > 1 && box.bottom - box.top > 1;
    const textBoxes = root => {
        const found = [];
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        const range = document.createRange();
        while (walker.nextNode()) {
            const { parentElement: holder, data } = walker.currentNode;
            if (data.trim() === "" || !seen(holder) || holder.closest("svg, option, [role=tooltip]")) continue;
            range.selectNodeContents(walker.currentNode);
            for (const each of range.getClientRects()) {
                const box = clipped(each, holder);
                if (isThere(box)) found.push({ box, holder, text: data.trim() });
            }
        }
        return found;
    };
    // What is on top: the dialog that is open, else the page.
    const dialogs = [...document.querySelectorAll('[role="dialog"], [role="menu"]')].filter(seen);
    const root = dialogs.at(-1) ?? document.querySelector("main") ?? document.body;
"""

_OVERLAPS = f"""() => {{
    {_SEEN}
    const FIELD = '[class*="Input-wrapper"]';
    const layerOf = one => {{
        const sticks = () => ["sticky", "fixed"].includes(getComputedStyle(one).position);
        while (one && one !== root && !sticks()) one = one.parentElement;
        return one;
    }};
    const found = [];
    const boxes = textBoxes(root);
    for (const control of root.querySelectorAll("button, input, select, textarea, [role=meter], svg[role=img]")) {{
        if (!seen(control) || control.closest("svg") !== control.closest("svg[role=img]")) continue;
        const box = clipped(control.getBoundingClientRect(), control.parentElement);
        if (!isThere(box) || getComputedStyle(control).position === "absolute") continue;
        boxes.push({{ box, holder: control, text: control.ariaLabel ?? control.tagName }});
    }}
    boxes.sort((one, other) => one.box.left - other.box.left);
    boxes.forEach((one, at) => {{
        for (const other of boxes.slice(at + 1)) {{
            if (other.box.left >= one.box.right - 1) break;
            if (one.holder.contains(other.holder) || other.holder.contains(one.holder)) continue;
            // What sticks lies over what is scrolled below it.
            if (layerOf(one.holder) !== layerOf(other.holder)) continue;
            // What stands in a field stands over it.
            if (one.holder.closest(FIELD) && one.holder.closest(FIELD) === other.holder.closest(FIELD)) continue;
            const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
            // Lines that follow each other closely share a little of the height that their letters do not take.
            if (high > 6) found.push(`“${{one.text.slice(0, 60)}}” lies over “${{other.text.slice(0, 60)}}”`);
        }}
    }});
    // What leaves its cell lies over the next one, be that empty or not.
    for (const cell of root.querySelectorAll("td, th")) {{
        if (!seen(cell)) continue;
        const {{ left, right }} = cell.getBoundingClientRect();
        for (const {{ box, text }} of textBoxes(cell))
            if (box.right > right + 1 || box.left < left - 1) found.push(`“${{text.slice(0, 60)}}” leaves its cell`);
    }}
    return found;
}}"""

_BROKEN_BADGES = f"""() => {{
    {_SEEN}
    return [...root.querySelectorAll('[data-tone], [class*="Badge-root"]')].filter(seen).filter(badge => {{
        if (badge.textContent === "") return false;
        const boxes = textBoxes(badge);
        const {{ height, left, right }} = badge.getBoundingClientRect();
        const lines = new Set(boxes.map(each => Math.round(each.box.top / 4)));
        const whole = boxes.every(({{ box }}) => box.left >= left - 1 && box.right <= right + 1);
        const visible = clipped(badge.getBoundingClientRect(), badge.parentElement);
        return lines.size !== 1 || height > 26 || !whole || visible.right < right - 1;
    }}).map(badge => `the badge “${{badge.textContent}}” is broken or cut`);
}}"""

_CUT = f"""() => {{
    {_SEEN}
    const found = [];
    for (const one of root.querySelectorAll("*")) {{
        if (!seen(one) || one.closest("svg, input, textarea, select, [role=tooltip]")) continue;
        const {{ overflowX, textOverflow, opacity }} = getComputedStyle(one);
        if (overflowX === "visible" || overflowX === "auto" || overflowX === "scroll") continue;
        if (one.scrollWidth <= one.clientWidth + 1 || one.clientWidth <= 1) continue;
        if (one.textContent.trim() === "") continue;  // a switch's track, say
        if (textOverflow !== "ellipsis") {{ found.push(`cut without an ellipsis: ${{say(one)}}`); continue; }}
        const whole = one.closest("[data-cut]");
        if (whole === null) {{ found.push(`cut, and nothing tells the whole: ${{say(one)}}`); continue; }}
        const target = whole.closest("a, button") ?? whole;
        const reached = target.tabIndex >= 0 && !target.disabled;
        if (!reached) found.push(`cut, and the keyboard does not reach it: ${{say(whole)}}`);
    }}
    return found;
}}"""

_HEADS = """() => [...document.querySelectorAll("main thead th")]
    .filter(one => one.checkVisibility() && getComputedStyle(one).position === "sticky")
    .map(head => {
        const table = head.closest("table"), scroller = table.parentElement;
        if (scroller.dataset.wide === "true") return null;
        const rows = [...table.tBodies[0].rows];
        const middle = rows[Math.floor(rows.length / 2)];
        window.scrollTo(0, 0);
        window.scrollTo(0, middle.getBoundingClientRect().top - 10);
        if (window.scrollY === 0 || middle.getBoundingClientRect().top > 60) { window.scrollTo(0, 0); return null; }
        const { left, top, width, height } = head.getBoundingClientRect();
        const on = document.elementFromPoint(left + width / 2, top + height / 2);
        const stuck = top >= 0 && top < 4 && head.contains(on);
        window.scrollTo(0, 0);
        return stuck ? null : `the head “${head.textContent}” of ${table.caption.textContent} does not stick`;
    }).filter(one => one !== null)"""

_SIDEWAYS = """() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth <= clientWidth ? [] : [`the page is ${scrollWidth - clientWidth} px wider than its window`];
}"""


def faults_of(page: Page) -> list[str]:
    """All there are."""
    found: list[str] = []
    for question in (_SIDEWAYS, _OVERLAPS, _BROKEN_BADGES, _CUT, _HEADS):
        found += page.evaluate(question)
    return found
