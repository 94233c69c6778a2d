// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* What is wrong with the page that is shown, as sentences: what can be measured of "it can be read, by everybody, at this width". */
() => {
	const found = [];
	const say = (what, element) => found.push(what + ": " + element.localName + (element.id ? "#" + element.id : "") + " \"" + (element.textContent || "").trim().slice(0, 40) + "\"");
	const all = selector => [...document.querySelectorAll(selector)];
	const isShown = e => e.checkVisibility() && !e.closest(".hidden, .skip, thead, [hidden]");

	/* It fits. */
	const width = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth > width)
		found.push("scrolls sideways: " + document.documentElement.scrollWidth + " of " + width);
	for (const e of all("body *"))
		if (isShown(e) && !e.closest("svg")) {
			const box = e.getBoundingClientRect();
			if (box.width && (box.right > width + 0.5 || box.left < -0.5))
				say("sticks out", e);
		}

	/* Labels of charts don't lie on each other, nor outside. */
	for (const plot of all("svg.plot")) {
		const frame = plot.getBoundingClientRect(), boxes = [...plot.querySelectorAll("text")].map(t => [t, t.getBoundingClientRect()]);
		if (boxes.length < 3)
			say("a chart without axes", plot);
		boxes.forEach(([t, a], i) => {
			if (a.left < frame.left - 1 || a.right > frame.right + 1)
				say("a label is cut", t);
			for (const [, b] of boxes.slice(i + 1))
				if (a.left < b.right && b.left < a.right && a.top + 2 < b.bottom && b.top + 2 < a.bottom)
					say("labels overlap", t);
		});
	}

	/* Contrast, as WCAG 2 computes it. */
	const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	const parse = text => text.match(/[\d.]+/g).map(Number);
	const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
	const ground = e => {
		for (; e; e = e.parentElement) {
			const colour = parse(getComputedStyle(e).backgroundColor);
			if (colour.length === 3 || colour[3] === 1)
				return colour;
		}
		return [255, 255, 255];
	};
	const contrast = (a, b) => {
		const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
		return (x + 0.05) / (y + 0.05);
	};
	for (const e of all("body *")) {
		const hasText = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
		if (!hasText || !isShown(e) || e.localName === "script")
			continue;
		const style = getComputedStyle(e), colour = parse(e instanceof SVGElement ? style.fill : style.color);
		const is = contrast(colour, ground(e));
		if (is < 4.5)
			say("contrast " + is.toFixed(2), e);
	}
	for (const e of all(".plot .one, .plot .two, .share i"))
		if (contrast(parse(e instanceof SVGElement ? getComputedStyle(e).stroke : getComputedStyle(e).backgroundColor), ground(e.closest("section"))) < 3)
			say("contrast of a line", e);

	/* Names and structure. */
	for (const e of all("svg[role=img]"))
		if (!e.getAttribute("aria-label"))
			say("a picture without a description", e);
	for (const e of all("input"))
		if (!e.closest("label")?.textContent.trim())
			say("an input without a label", e);
	for (const e of all("fieldset"))
		if (!e.querySelector("legend")?.textContent.trim())
			say("a group without a name", e);
	for (const e of all("section"))
		if (!document.getElementById(e.getAttribute("aria-labelledby"))?.textContent.trim())
			say("a section without a name", e);
	for (const e of all("table"))
		if (!e.caption?.textContent.trim() || [...e.querySelectorAll("th")].some(th => th.getAttribute("scope") !== "col"))
			say("a table without caption or columns", e);
	for (const e of all("main *"))
		if (isShown(e) && /auto|scroll/.test(getComputedStyle(e).overflowY) && e.scrollHeight > e.clientHeight + 1 && e.tabIndex < 0)
			say("scrolls, but not by keys", e);
	for (const e of all("button, fieldset label, summary")) {
		const box = e.getBoundingClientRect();
		if (isShown(e) && Math.min(box.width, box.height) < 20)
			say("too small to hit", e);
	}
	const ids = all("[id]").map(e => e.id);
	for (const id of ids)
		if (ids.indexOf(id) !== ids.lastIndexOf(id))
			found.push("an id twice: " + id);
	if (!document.documentElement.lang || all("h1").length !== 1 || all("main").length !== 1)
		found.push("no language, or not one heading and one main part");
	return [...new Set(found)];
}
