// Which cards are shown, and how they lie: a grid, or a matrix of two axes.

const view = { matrix: false, rows: "", columns: "", axes: Object.create(null), state: "", verdict: "", text: "" };

function isWanted(card) {
  const words = view.text.toLowerCase().split(/\s+/).filter(Boolean);
  const text = [card.key, promptOf(card), card.task, card.draw?.task, card.spec, card.draw?.spec, card.error?.message, card.error?.code, pickOf(card)?.note].join(" ").toLowerCase();
  return Object.entries(view.axes).every(([axis, value]) => !value || card.axes[axis] === value)
    && (!view.state || card.state === view.state)
    && (!view.verdict || (verdictOf(card) || "none") === view.verdict)
    && words.every((word) => text.includes(word));
}

const AT_ONCE = 40; // cards that are put up before the browser may do something else

let shown = []; // keys
let laid = ""; // how the cards lie, so that they are moved only when that changes: a video that is moved stops

function show() {
  const wanted = data.cards.filter(isWanted), focused = document.activeElement;
  shown = wanted.map((card) => card.key);
  at("as-grid").setAttribute("aria-pressed", String(!view.matrix));
  at("as-matrix").setAttribute("aria-pressed", String(view.matrix));
  for (const name of ["rows", "columns"]) at(name).parentElement.hidden = !view.matrix;
  if (view.matrix) arrange([view.rows, view.columns, ...shown], wanted, matrix);
  else arrange(data.cards.map((card) => card.key), data.cards, grid);
  hide(data.cards);
  at("none").hidden = wanted.length > 0;
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  count();
}

function hide(cards) {
  const keys = new Set(shown);
  for (const { key } of cards) elements.get(key)?.element.toggleAttribute("hidden", !keys.has(key));
}

function arrange(like, cards, way) {
  const wish = JSON.stringify([way.name, ...like]);
  if (wish === laid) return;
  laid = wish;
  at("cards").replaceChildren(way(cards));
}

function put(card) {
  const element = elementOf(card);
  paint(card);
  return element;
}

// A thousand cards come up a few at a time, so that the page answers from the first ones on.
function grid(cards) {
  const element = make("div", { className: "grid" });
  const add = (from) => {
    if (from && !element.isConnected) return; // they have been laid otherwise meanwhile
    const next = cards.slice(from, from + AT_ONCE).map(({ key }) => cardAt(key)).filter(Boolean);
    element.append(...next.map(put));
    hide(next);
    if (from + AT_ONCE < cards.length) setTimeout(add, 0, from + AT_ONCE);
  };
  add(0);
  return element;
}

function matrix(wanted) {
  const values = (axis) => (data.axes[axis] ?? []).filter((value) => wanted.some((card) => card.axes[axis] === value));
  const rest = wanted.some((card) => !(view.rows in card.axes) || !(view.columns in card.axes));
  const cells = new Map();
  for (const card of wanted) {
    const place = JSON.stringify([card.axes[view.rows], card.axes[view.columns]]);
    cells.set(place, [...(cells.get(place) ?? []), card]);
  }
  const columns = values(view.columns), rows = values(view.rows);
  const cell = (down, across) => make("td", {}, make("div", { className: "takes" }, ...(cells.get(JSON.stringify([down, across])) ?? []).map(put)));
  const label = (axis, value, scope, pick) => make("th", { scope }, make("div", {}, value,
    button("Play", (event) => together(pick(event.currentTarget.closest("th"))), { "aria-label": `play ${axis} ${value} together` })));
  const inRow = (head) => [...head.parentElement.querySelectorAll("video")];
  const inColumn = (head) => [...head.closest("table").tBodies[0].rows].flatMap((each) => [...each.cells[head.cellIndex].querySelectorAll("video")]);
  const head = make("tr", {}, make("td", { className: "corner" }, `${view.rows} \u2193 ${view.columns} \u2192`),
    ...columns.map((value) => label(view.columns, value, "col", inColumn)));
  const body = rows.map((value) => make("tr", {}, label(view.rows, value, "row", inRow), ...columns.map((across) => cell(value, across))));
  return make("div", { className: "matrix", tabIndex: 0, role: "region", "aria-label": `matrix of ${view.rows} and ${view.columns}` },
    make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)),
    rest ? make("p", { className: "none" }, `jobs without ${view.rows} or ${view.columns} are not in this matrix`) : null);
}

function count() {
  const told = { pick: 0, reject: 0 };
  for (const card of data.cards) told[verdictOf(card)] += 1;
  at("shown").textContent = `${shown.length.toLocaleString("en")} of ${several(data.cards.length, "job")}, ${told.pick} picked, ${told.reject} rejected`;
}

function lay(isMatrix) {
  view.matrix = isMatrix;
  show();
}

const option = ([value, text]) => make("option", { value }, text);

const field = (label, element) => make("div", { className: "field" }, make("label", { htmlFor: element.id }, label), element);

function choice(id, label, options, does) {
  const element = make("select", { id, onchange: () => { does(element.value); show(); } }, ...options.map(option));
  return field(label, element);
}

const all = (values) => [["", "all"], ...values.map((each) => [each, each])];
const STATES = ["pending", "submitted", "done", "failed", "unsure", "lost"];

// The two axes that most jobs have both of, the later ones where several do: axes of different shots never meet.
function pairOf(names) {
  const own = names.filter((name) => name !== "shot");
  const pairs = own.flatMap((row, number) => own.slice(0, number).map((column) => [column, row]));
  const met = pairs.map(([column, row]) => data.cards.filter(({ axes }) => column in axes && row in axes).length);
  const most = Math.max(0, ...met);
  return most ? pairs[met.lastIndexOf(most)] : ["shot", own.at(-1) ?? Object.keys(data.axes).at(-1)];
}

// The filters, made again where jobs have other axes or values by now; what was chosen stays chosen.
function filters() {
  const axes = Object.entries(data.axes), names = axes.map(([axis]) => [axis, axis]);
  const many = axes.filter(([, values]) => values.length > 1);
  if (!(view.rows in data.axes && view.columns in data.axes)) [view.columns, view.rows] = pairOf(many.map(([axis]) => axis));
  for (const axis of Object.keys(view.axes)) if (!many.some(([name]) => name === axis)) delete view.axes[axis];
  const focused = document.activeElement.id;
  const search = make("input", { type: "search", id: "text", placeholder: "prompt, key, task", oninput: () => { view.text = search.value; show(); } });
  at("filters").replaceChildren(
    field("search", search),
    ...many.map(([name, values]) => choice(`axis-${name}`, name, all(values), (value) => { view.axes[name] = value; })),
    choice("state", "state", all(STATES), (value) => { view.state = value; }),
    choice("verdict", "verdict", [["", "all"], ["pick", "picked"], ["reject", "rejected"], ["none", "open"]], (value) => { view.verdict = value; }),
    choice("rows", "rows", names, (value) => { view.rows = value; }),
    choice("columns", "columns", names, (value) => { view.columns = value; }));
  for (const name of ["text", "state", "verdict", "rows", "columns"]) at(name).value = view[name];
  for (const [name] of many) at(`axis-${name}`).value = view.axes[name] ?? "";
  if (focused) at(focused)?.focus();
}

// A pattern of failures becomes the filters that show them.
function only(pattern) {
  view.state = at("state").value = "failed";
  if (pattern.axis) {
    view.axes[pattern.axis] = pattern.value;
    at(`axis-${pattern.axis}`).value = pattern.value;
  }
  show();
}
