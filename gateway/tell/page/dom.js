// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Elements. What comes from outside is always text: there is no way here to make HTML of it. */

function make(create, attributes, children) {
	for (const [name, value] of Object.entries(attributes || {}))
		if (value !== null && value !== undefined && value !== false)
			create.setAttribute(name, value);
	for (const child of children.flat(9))
		if (child !== null && child !== undefined && child !== false)
			create.append(child instanceof Node ? child : String(child));
	return create;
}

function el(name, attributes, ...children) {
	return make(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
	return make(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function byId(id) {
	return document.getElementById(id);
}

/* Only if it says something else: who reads or selects there isn't disturbed. */
function fill(id, ...children) {
	const there = byId(id), next = el(there.localName, null, ...children);
	if (there.innerHTML === next.innerHTML)
		return;
	const focused = there.contains(document.activeElement) ? document.activeElement.localName : null;
	there.replaceChildren(...next.childNodes);
	if (focused)
		there.querySelector(focused)?.focus();
}

function note(text) {
	return el("p", { class: "note" }, text);
}

/* Marks differ in shape too, for who doesn't see the colours. */
const MARKS = { good: "✓", warn: "!", bad: "✕", idle: "○" };

function state(kind, text) {
	return el("span", { class: "state " + kind }, el("span", { "aria-hidden": "true" }, MARKS[kind]), el("span", null, text));
}

function share(part, kind) {
	const inner = el("i");
	inner.style.width = Math.min(100, Math.max(0, part * 100)).toFixed(1) + "%";
	return el("span", { class: "share " + (kind || ""), "aria-hidden": "true" }, inner);
}

/* columns: [{name, number, cell(row)}]. On narrow screens each row is a card. */
function table(caption, columns, rows, kind) {
	/* The roles stay where the cards' layout takes those of the elements away. */
	return el("table", { class: kind || "cards", role: "table" }, el("caption", { class: "hidden" }, caption),
		el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, columns.map(c => el("th", { scope: "col", role: "columnheader", class: c.number && "number" }, c.name)))),
		el("tbody", { role: "rowgroup" }, rows.map(row => el("tr", { role: "row" },
			columns.map(c => el("td", { role: "cell", class: c.number && "number", "data-name": c.name }, el("div", null, c.cell(row))))))));
}

/* Long lists begin short; what was opened stays open. */
const opened = new Set();

function shortened(id, rows, most, draw, again) {
	if (rows.length <= most)
		return draw(rows);
	const button = el("button", { type: "button", "aria-expanded": String(opened.has(id)) },
		opened.has(id) ? "Show fewer" : "Show all " + rows.length);
	button.addEventListener("click", () => {
		if (!opened.delete(id))
			opened.add(id);
		again();
	});
	return [draw(opened.has(id) ? rows : rows.slice(0, most)), button];
}
