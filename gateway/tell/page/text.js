// SPDX-License-Identifier: GPL-3.0-or-later
// SPDX-FileCopyrightText: The eipgw authors
/* Numbers and times as people read them. null and undefined are "not known", never 0. */

const NONE = "–";

function isNumber(n) {
	return typeof n === "number" && Number.isFinite(n);
}

/* Three digits that count: 0, 0.25, 9.99, 57.1, 123, 1.23 k, ...; what is counted in ones stays whole. */
function scaled(n, names) {
	let step = 0;
	while (Math.abs(n) >= 999.5 && step < names.length - 1) {
		n /= 1000;
		step++;
	}
	const digits = Math.abs(n) >= 99.95 || (step === 0 && Number.isInteger(n)) ? 0 : Math.abs(n) >= 9.995 ? 1 : 2;
	return n.toFixed(digits) + "\u00a0" + names[step];
}

function bitsText(bytesPerSecond) {
	return isNumber(bytesPerSecond) ? scaled(bytesPerSecond * 8, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]) : NONE;
}

function packetsText(perSecond) {
	return isNumber(perSecond) ? scaled(perSecond, ["p/s", "kp/s", "Mp/s", "Gp/s"]) : NONE;
}

function rateText(perSecond) {
	return isNumber(perSecond) ? scaled(perSecond, ["/s", "k/s", "M/s"]) : NONE;
}

/* Whole, as `eipgw status` says it, with thin spaces between thousands. */
function countText(n) {
	return isNumber(n) ? String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, "\u202f") : NONE;
}

/* Where there is little room. */
function tightText(n) {
	return isNumber(n) && n >= 1e6 ? scaled(n, ["", "k", "M", "G", "T"]) : countText(n);
}

function bytesText(n) {
	return isNumber(n) ? scaled(n, ["B", "kB", "MB", "GB", "TB", "PB"]) : NONE;
}

function shortText(n) {
	return isNumber(n) ? scaled(n, ["", "k", "M", "G", "T"]).trim() : NONE;
}

/* At an axis: without zeros that say nothing. */
function shorn(text) {
	return text.replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");
}

function percentText(share) {
	return isNumber(share) ? (share * 100).toFixed(share < 0.1 ? 1 : 0) + "\u00a0%" : NONE;
}

/* Of whole percents, rounded down. */
function shareText(percent) {
	return percent < 1 ? "below 1\u00a0%" : percent + "\u00a0%";
}

function ageText(ms) {
	const s = Math.max(0, ms) / 1000;
	if (s < 1)
		return Math.round(s * 1000) + "\u00a0ms";
	if (s < 10)
		return s.toFixed(1) + "\u00a0s";
	for (const [size, name] of [[86400, "d"], [3600, "h"], [60, "min"]])
		if (s >= 2 * size)
			return Math.floor(s / size) + "\u00a0" + name;
	return Math.floor(s) + "\u00a0s";
}

function two(n) {
	return String(n).padStart(2, "0");
}

function clockText(ms, withSeconds) {
	const d = new Date(ms);
	return two(d.getHours()) + ":" + two(d.getMinutes()) + (withSeconds ? ":" + two(d.getSeconds()) : "");
}

/* With the day, unless it's today. */
function whenText(ms, now) {
	const d = new Date(ms), today = new Date(now);
	const day = d.toDateString() === today.toDateString() ? "" : d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " ";
	return day + clockText(ms, true);
}
