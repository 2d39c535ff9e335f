// Follows one server. Texts are set as texts, never as HTML: a name of a model stays a name, whatever is in it.
"use strict";
const POINTS = 120;
const history = new Map(); // for each number that grows: its values, one a second
let last = 0, paused = false, spoken = "";

const by = (id) => document.getElementById(id);
const make = (tag, text, attributes = {}) => {
  const made = document.createElement(tag);
  if (text !== null) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
};
const shown = (number) => Number(number).toLocaleString("en");

function speak(text, ok) {
  const phase = by("phase");
  phase.className = ok ? "ok" : "not";
  if (text !== spoken) phase.textContent = spoken = text; // a screen reader hears changes only
}

function numbers(state) {
  by("numbers").replaceChildren(...Object.entries(state.numbers).map(([name, value]) => {
    const box = make("div", null);
    box.append(make("dt", name), make("dd", shown(value)));
    return box;
  }));
}

function remember(state, seconds) {
  for (const name of state.rates) {
    const kept = history.get(name) || { before: null, values: [] };
    const value = state.numbers[name];
    if (kept.before !== null) kept.values.push(Math.max(0, (value - kept.before) / seconds));
    kept.before = value;
    if (kept.values.length > POINTS) kept.values.shift();
    history.set(name, kept);
  }
}

function chart(name, values) {
  const top = Math.max(1, ...values);
  const now = values.length ? values[values.length - 1] : 0;
  const says = `${name} a second: now ${shown(Math.round(now))}, at most ${shown(Math.round(top))} in the last ${values.length} seconds`;
  const figure = make("figure", null);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${POINTS} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", says);
  const line = document.createElementNS("http://www.w3.org/2000/svg", "polyline");
  const start = POINTS - values.length;
  line.setAttribute("points", values.map((value, at) => `${start + at},${98 - 94 * value / top}`).join(" "));
  svg.append(line);
  figure.append(svg, make("figcaption", says));
  return figure;
}

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#7a828c"];
const parts = new Map(); // for each whole: its counts before, and the shares of what came in each second

function rememberShares(state) {
  for (const { title, counts } of state.shares) {
    const kept = parts.get(title) || { before: null, seconds: [] };
    const now = new Map(Object.entries(counts));
    if (kept.before !== null) {
      const grown = [...now].map(([name, value]) => [name, Math.max(0, value - (kept.before.get(name) || 0))]);
      const all = grown.reduce((sum, [, value]) => sum + value, 0);
      kept.seconds.push(new Map(all ? grown.map(([name, value]) => [name, value / all]) : []));
      if (kept.seconds.length > POINTS) kept.seconds.shift();
    }
    kept.before = now;
    parts.set(title, kept);
  }
}

function shares({ title, counts }) {
  const seconds = parts.get(title).seconds, names = Object.keys(counts);
  const last = [...seconds].reverse().find((one) => one.size) || new Map();
  const told = names.map((name) => `${name}: ${Math.round(100 * (last.get(name) || 0))} %`);
  const says = `${title}, of those that came last: ${told.join(", ") || "none yet"}`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${POINTS} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", says);
  const start = POINTS - seconds.length, paths = names.map(() => "");
  seconds.forEach((second, at) => {
    let low = 100;
    names.forEach((name, number) => {
      const high = low - 100 * (second.get(name) || 0);
      if (high < low) paths[number] += `M${start + at},${low}V${high}h1V${low}z`;
      low = high;
    });
  });
  paths.forEach((path, number) => {
    const area = document.createElementNS("http://www.w3.org/2000/svg", "path");
    area.setAttribute("d", path);
    area.setAttribute("fill", COLOURS[number % COLOURS.length]);
    svg.append(area);
  });
  const figure = make("figure", null), caption = make("figcaption", `${title}, of those that came last: `);
  told.forEach((text, number) => {
    const key = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    key.setAttribute("class", "key");
    key.setAttribute("aria-hidden", "true");
    const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    for (const [name, value] of Object.entries({ width: 10, height: 10, fill: COLOURS[number % COLOURS.length] })) box.setAttribute(name, value);
    key.append(box);
    const part = make("span", null, { class: "part" });
    part.append(key, make("span", text));
    caption.append(part, " ");
  });
  figure.append(svg, caption);
  return figure;
}

function table(told) {
  const box = make("div", null, { class: "scroll", tabindex: "0", role: "region", "aria-label": told.title });
  const made = make("table", null);
  const head = make("tr", null);
  head.append(...told.columns.map((name) => make("th", name, { scope: "col" })));
  const rows = told.rows.map((cells) => {
    const row = make("tr", null);
    row.append(...cells.map((cell) => make("td", cell, { title: cell })));
    return row;
  });
  made.append(head, ...rows);
  box.append(made);
  const part = make("div", null);
  part.append(make("h2", told.title), told.rows.length ? box : make("p", "none yet"));
  return part;
}

let tablesShown = "";
function tables(state) {
  const text = JSON.stringify(state.tables);
  if (text === tablesShown) return; // what has not changed keeps its focus and its scrolling
  tablesShown = text;
  const label = document.activeElement && document.activeElement.getAttribute("aria-label");
  by("tables").replaceChildren(...state.tables.map(table));
  const again = label && [...document.querySelectorAll(".scroll")].find((one) => one.getAttribute("aria-label") === label);
  if (again) again.focus();
}

function show(state) {
  const now = performance.now();
  rememberShares(state);
  remember(state, last ? Math.max(0.2, (now - last) / 1000) : 1);
  last = now;
  if (paused) return;
  document.title = `${state.ok ? "" : "! "}${state.title}`;
  by("title").textContent = state.title;
  speak(state.phase, state.ok);
  by("details").replaceChildren(...state.details.map((line) => make("li", line)));
  numbers(state);
  by("charts").replaceChildren(...state.rates.map((name) => chart(name, history.get(name).values)), ...state.shares.map(shares));
  tables(state);
}

by("pause").addEventListener("click", () => {
  paused = !paused;
  by("pause").setAttribute("aria-pressed", String(paused));
  by("pause").textContent = paused ? "Go on" : "Pause";
});

const stream = new EventSource("/live"); // it connects again by itself
stream.onmessage = (event) => show(JSON.parse(event.data));
stream.onerror = () => speak("the server does not answer; trying again", false);
