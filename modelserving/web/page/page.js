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
const draw = (tag, attributes, text = null) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
};
const span = (seconds) => Math.min(POINTS, Math.max(30, seconds.length)); // a young picture is not a strip at the edge
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
  const wide = span(values), start = wide - values.length;
  const svg = draw("svg", { viewBox: `0 0 ${wide} 100`, preserveAspectRatio: "none", role: "img", "aria-label": says });
  svg.append(draw("polyline", { points: values.map((value, at) => `${start + at},${98 - 94 * value / top}`).join(" ") }));
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
  const wide = span(seconds), start = wide - seconds.length;
  const svg = draw("svg", { viewBox: `0 0 ${wide} 100`, preserveAspectRatio: "none", role: "img", "aria-label": says });
  const paths = names.map(() => "");
  seconds.forEach((second, at) => {
    let low = 100;
    names.forEach((name, number) => {
      const high = low - 100 * (second.get(name) || 0);
      if (high < low) paths[number] += `M${start + at},${low}V${high}h1V${low}z`;
      low = high;
    });
  });
  paths.forEach((path, number) => {
    svg.append(draw("path", { d: path, fill: COLOURS[number % COLOURS.length] }));
  });
  const figure = make("figure", null), caption = make("figcaption", `${title}, of those that came last: `);
  told.forEach((text, number) => {
    const key = draw("svg", { class: "key", "aria-hidden": "true" });
    key.append(draw("rect", { width: 10, height: 10, fill: COLOURS[number % COLOURS.length] }));
    const part = make("span", null, { class: "part" });
    part.append(key, make("span", text));
    caption.append(part, " ");
  });
  figure.append(svg, caption);
  return figure;
}

const trends = new Map(); // for each: what was told in each second, and the colours of its grounds

function rememberTrends(state) {
  const told = state.trends || [];
  for (const title of trends.keys()) if (!told.some((one) => one.title === title)) trends.delete(title);
  for (const { title, lines, ground } of told) {
    const kept = trends.get(title) || { seconds: [], colours: new Map() };
    kept.seconds.push({ lines, ground });
    if (kept.seconds.length > POINTS) kept.seconds.shift();
    const here = new Set(kept.seconds.map((second) => second.ground));
    for (const gone of [...kept.colours.keys()].filter((name) => !here.has(name))) kept.colours.delete(gone);
    if (ground && !kept.colours.has(ground)) {
      const taken = [...kept.colours.values()];
      kept.colours.set(ground, COLOURS.find((one) => !taken.includes(one)) || COLOURS[COLOURS.length - 1]);
    }
    trends.set(title, kept);
  }
}

const three = (number) => Number(number.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 });

function trend({ title, lines, from_zero: fromZero }) {
  const { seconds, colours } = trends.get(title), names = Object.keys(lines), wide = span(seconds), start = wide - seconds.length;
  const values = seconds.flatMap((second) => Object.values(second.lines)).filter((value) => value !== null && value !== undefined);
  const most = Math.max(...values), least = fromZero ? 0 : Math.min(...values), high = most > least ? most : least + 1;
  const told = names.map((name) => `${name} ${lines[name] === null ? "not known" : three(lines[name])}`).join(", ");
  const says = `${title}: now ${told}${values.length ? `; in the last ${seconds.length} seconds from ${three(Math.min(...values))} to ${three(most)}` : ""}`;
  const grounds = [...colours.keys()], used = grounds.length ? `. Models in use, the newest last: ${grounds.join(", ")}` : "";
  const svg = draw("svg", { class: "trend", viewBox: `0 0 ${wide} 100`, preserveAspectRatio: "none", role: "img", "aria-label": says + used });
  for (let at = 0; at < seconds.length;) { // a band for as long as the same holds
    const from = at, { ground } = seconds[at];
    while (at < seconds.length && seconds[at].ground === ground) at++;
    if (ground) svg.append(draw("rect", { class: "ground", x: start + from, y: 0, width: at - from, height: 100, fill: colours.get(ground) }));
  }
  names.forEach((name, number) => {
    let pen = "M";
    const path = seconds.map(({ lines: one }, at) => {
      const value = one[name];
      if (value === null || value === undefined) { pen = "M"; return ""; }
      const point = `${pen}${start + at + 0.5},${(97 - 94 * (value - least) / (high - least)).toFixed(2)}`;
      pen = "L";
      return point;
    }).join("");
    svg.append(draw("path", { class: `line line${Math.min(number, 2)}`, d: path }));
  });
  const figure = make("figure", null), caption = make("figcaption", says);
  grounds.forEach((name) => {
    const key = draw("svg", { class: "key", "aria-hidden": "true" });
    key.append(draw("rect", { width: 10, height: 10, fill: colours.get(name) }));
    const part = make("span", null, { class: "part" });
    part.append(key, make("span", name));
    caption.append(" ", part);
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

const WIDE = 250, GAP = 100, APART = 22, LINE = 19, BEFORE = 70, LANE = 16; // of the picture, in its own units

function place(boxes) { // in columns, each in the middle of the highest; what has no arrow stands in rows below
  const columns = [];
  boxes.filter((box) => box.column >= 0).forEach((box) => (columns[box.column] ||= []).push(box));
  boxes.forEach((box) => { box.high = 30 + LINE * (box.marks.length + box.lines.length); });
  const highOf = (column) => (column || []).reduce((sum, box) => sum + box.high + APART, -APART);
  const high = Math.max(0, ...columns.map(highOf));
  columns.forEach((column, number) => {
    let y = 8 + (high - highOf(column)) / 2;
    column.forEach((box) => { box.x = BEFORE + number * (WIDE + GAP); box.y = y; y += box.high + APART; });
  });
  return { high: high + 8, wide: 2 * BEFORE + Math.max(3, columns.length) * (WIDE + GAP) - GAP };
}

function placeBeside(boxes, top, wide) {
  const fit = Math.max(1, Math.floor((wide - 2 * BEFORE + APART) / (WIDE + APART)));
  for (let from = 0; from < boxes.length; from += fit) {
    const row = boxes.slice(from, from + fit);
    row.forEach((box, number) => { box.x = BEFORE + number * (WIDE + APART); box.y = top; });
    top += Math.max(...row.map((box) => box.high)) + APART;
  }
  return top;
}

const isLong = (arrow, boxes) => boxes[arrow.target].column - boxes[arrow.source].column !== 1;

function ends(arrows, boxes) { // the arrows at one side of a box are spread: by where they go, those that go below last
  const order = (arrow, other) => (isLong(arrow, boxes) ? 1e6 : 0) + boxes[arrow[other]].y;
  const spread = (end, own, other) => boxes.forEach((box, number) => {
    const here = arrows.filter((arrow) => arrow[own] === number);
    here.sort((one, two) => order(one, other) - order(two, other));
    here.forEach((arrow, at) => { arrow[end] = box.y + box.high * (at + 1) / (here.length + 1); });
  });
  spread("from", "source", "target");
  spread("to", "target", "source");
}

function wayOf(arrow, boxes, lane) { // to the next column at once; to any other below all boxes, in a lane of its own
  const left = boxes[arrow.source].x + WIDE, tip = boxes[arrow.target].x - 9, { from, to } = arrow;
  const columns = boxes[arrow.target].column - boxes[arrow.source].column, half = GAP / 2;
  if (columns === 1) return `M${left},${from}C${left + half},${from} ${tip - half},${to} ${tip},${to}`;
  if (columns > 1) return `M${left},${from}C${left + half},${from} ${left + 10},${lane} ${left + 60},${lane}H${tip - 60}C${tip - 10},${lane} ${tip - half},${to} ${tip},${to}`;
  return `M${left},${from}C${left + 60},${from} ${left + 60},${lane} ${left},${lane}H${tip}C${tip - 60},${lane} ${tip - 60},${to} ${tip},${to}`;
}

function drawArrow(arrow, boxes, lane) {
  const tip = boxes[arrow.target].x - 10, y = arrow.to;
  const drawn = [draw("path", { d: wayOf(arrow, boxes, lane) }), draw("polygon", { points: `${tip + 10},${y} ${tip},${y - 5} ${tip},${y + 5}` })];
  if (arrow.text) drawn.push(draw("text", { x: tip - 6, y: y - 5, class: "waiting" }, arrow.text));
  return drawn;
}

function clipped(text, small, large) { // letters are taken to be as wide as usual fonts have them at most
  let room = WIDE - 24;
  for (let at = 0; at < text.length; at++) {
    room -= /[A-Zmw@%&]/.test(text[at]) ? large : small;
    if (room < 0) return `${text.slice(0, at - 1)}…`;
  }
  return text;
}
const fit = (text) => clipped(text, 7, 11.5), fitBold = (text) => clipped(text, 8.6, 12.5);

function drawBox(box) {
  const group = draw("g", {}), { x, y } = box;
  group.append(draw("title", {}, [box.name, ...box.marks.map((mark) => mark.text), ...box.lines].join("\n")));
  group.append(draw("rect", { x, y, width: WIDE, height: box.high, rx: box.kind === "topic" ? 2 : 10, class: box.kind }));
  group.append(draw("text", { x: x + 10, y: y + 20, class: "name" }, fitBold(box.name)));
  let below = y + 20;
  for (const mark of box.marks) {
    group.append(draw("text", { x: x + 10, y: below += LINE, class: mark.ok ? "ok" : "not" }, fit(`${mark.ok ? "●" : "▲"} ${mark.text}`)));
  }
  for (const line of box.lines) {
    below += LINE;
    if (box.kind === "topic") group.append(draw("rect", { x: x + 6, y: below - 13, width: WIDE - 12, height: LINE - 3, class: "lane" }));
    group.append(draw("text", { x: x + 10, y: below }, fit(line)));
  }
  return group;
}

let pictureShown = "";
function picture(told) {
  const text = JSON.stringify(told);
  if (text === pictureShown) return;
  pictureShown = text;
  if (!told || !told.boxes.length) return by("picture").replaceChildren();
  const { boxes, arrows } = told, { high, wide } = place(boxes);
  ends(arrows, boxes);
  const longer = arrows.filter((arrow) => isLong(arrow, boxes));
  const lanes = high + longer.length * LANE, says = `${told.title}: ${told.says.join(" ") || "nobody that is known."}`;
  const end = placeBeside(boxes.filter((box) => box.column < 0), lanes + APART, wide);
  const svg = draw("svg", { class: "system", viewBox: `0 0 ${wide} ${end}`, width: wide, height: end, role: "img", "aria-label": says });
  arrows.forEach((arrow) => svg.append(...drawArrow(arrow, boxes, high + LANE * (1 + longer.indexOf(arrow)))));
  svg.append(...boxes.map(drawBox));
  const words = make("ul", null, { class: "says" }), figure = make("figure", null);
  words.append(...told.says.map((sentence) => make("li", sentence)));
  const note = "Arrows go from a topic to who reads it, and from who writes to a topic; in a topic, each partition with its end.";
  figure.append(svg, words, make("figcaption", [note, told.left_out].join(" ").trim()));
  by("picture").replaceChildren(make("h2", told.title), figure);
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
  rememberTrends(state);
  remember(state, last ? Math.max(0.2, (now - last) / 1000) : 1);
  last = now;
  if (paused) return;
  document.title = `${state.ok ? "" : "! "}${state.title}`;
  by("title").textContent = state.title;
  speak(state.phase, state.ok);
  by("details").replaceChildren(...state.details.map((line) => make("li", line)));
  numbers(state);
  by("charts").replaceChildren(...state.rates.map((name) => chart(name, history.get(name).values)), ...(state.trends || []).map(trend), ...state.shares.map(shares));
  picture(state.picture);
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
