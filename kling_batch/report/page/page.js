"use strict";
// Everything that is shown is put into the document as text (textContent, properties), never as markup.
(() => {
  const REFRESH = 2000; // ms between two looks at a served page's data
  const DRIFT = 0.15; // seconds by which videos that play together may differ
  const UNSAFE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)/g;
  const LONGEST_NOTE = 2000;

  let data = JSON.parse(document.getElementById("data").textContent);
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const store = `kling-batch picks ${data.project} ${data.picks.name}`;
  const changed = data.token === null ? remembered() : {}; // picks that this page made and the file may not have yet
  const view = { matrix: false, rows: "", columns: "", axes: {}, state: "", verdict: "", text: "" };
  const elements = new Map(); // key -> card element, kept over a refresh so that playing videos play on
  const at = (id) => document.getElementById(id);

  function make(name, properties = {}, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key.startsWith("aria-") || key === "role" || key === "for") element.setAttribute(key, value);
      else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element[key] = value;
    }
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }

  const money = (usd) => (usd === null ? "price unknown" : `$${Number(usd).toFixed(2)}`);
  const several = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

  // ---- picks: the file as pieces of text, edited one line at a time, as plan/picks does it

  const pickOf = (card) => (card.key in changed ? changed[card.key] : card.pick);
  const verdictOf = (card) => pickOf(card)?.verdict ?? "";
  const spaced = (value) => `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}: ${JSON.stringify(v)}`).join(", ")}}`;

  function lineOf(key, pick) {
    const told = {};
    for (const name of ["verdict", "note", "video"]) if (pick[name]) told[name] = pick[name];
    return `${data.picks.indent}${JSON.stringify(key)}: ${spaced(told)}\n`;
  }

  function edited(pieces, key, pick) {
    const isEmpty = !pick.verdict && !pick.note;
    if (isEmpty) return pieces.filter(([name]) => name !== key);
    const piece = [key, lineOf(key, pick)];
    const found = pieces.findIndex(([name]) => name === key);
    if (found >= 0) return pieces.with(found, piece);
    const greater = pieces.findIndex(([name]) => (name ?? "") > key);
    const last = pieces.findLastIndex(([name]) => name);
    const place = greater >= 0 ? greater : last >= 0 ? last + 1 : pieces.length;
    const before = pieces.slice(0, place).map(([name, text]) => [name, text.endsWith("\n") ? text : `${text}\n`]);
    return [...before, piece, ...pieces.slice(place)];
  }

  function picksFile() {
    let pieces = data.picks.pieces;
    for (const [key, pick] of Object.entries(changed)) pieces = edited(pieces, key, pick);
    return pieces.map(([, text]) => text).join("");
  }

  function remembered() {
    try {
      return JSON.parse(localStorage.getItem(store)) ?? {};
    } catch {
      return {};
    }
  }

  async function say(card, said) {
    const pick = { verdict: null, note: "", ...pickOf(card), ...said };
    pick.note = pick.note.replace(UNSAFE, " ").slice(0, LONGEST_NOTE).trim();
    pick.video = card.draw?.sha ?? "";
    changed[card.key] = pick;
    paint(card);
    if (data.token === null) {
      try {
        localStorage.setItem(store, JSON.stringify(changed));
      } catch {} // a browser that keeps nothing: the picks live as long as the page
      at("save").hidden = false;
      count();
      return;
    }
    const body = JSON.stringify({ key: card.key, verdict: pick.verdict, note: pick.note, video: pick.video });
    const headers = { "content-type": "application/json", "x-kling-batch-token": data.token };
    try {
      const answer = await fetch("picks", { method: "PUT", headers, body });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.error);
      cardAt(card.key).pick = told.picks[card.key] ?? null;
      tell(`saved in ${data.picks.name}`);
    } catch (error) {
      tell(`not saved: ${error.message}`);
    }
    delete changed[card.key];
    paint(cardAt(card.key));
  }

  at("save").addEventListener("click", () => {
    const address = URL.createObjectURL(new Blob([picksFile()], { type: "application/yaml" }));
    make("a", { href: address, download: data.picks.name }).click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    tell(`put ${data.picks.name} beside ${data.manifest}`);
  });

  // ---- a card

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) if (isIntersecting) wake(target);
  }, { rootMargin: "120px" });

  function wake(video) { // posters and first frames only where somebody looks
    near.unobserve(video);
    if (video.dataset.poster) video.poster = video.dataset.poster;
    else video.preload = "metadata";
    video.src = video.dataset.video;
  }

  function film(draw, label) {
    if (!draw?.video) return make("p", {}, draw ? "the video is not here" : "no video yet");
    const video = make("video", { preload: "none", controls: true, loop: true, playsInline: true, "aria-label": label });
    video.dataset.video = draw.video;
    if (draw.poster) video.dataset.poster = draw.poster;
    near.observe(video);
    return video;
  }

  function row(name, value) {
    return value === "" || value === null || value === undefined ? [] : [make("dt", {}, name), make("dd", {}, String(value))];
  }

  function facts(card) {
    const asks = card.asks ?? {}, draw = card.draw ?? {};
    return make("dl", {},
      ...Object.entries(card.axes).flatMap(([axis, value]) => row(axis, value)), ...row("take", card.take),
      ...row("mode", asks.mode), ...row("ratio", asks.ratio), ...row("seconds", draw.seconds ?? asks.duration),
      ...row("sound", asks.audio ? "yes" : ""), ...row("not wanted", asks.negative), ...row("generation", draw.generation),
      ...row("spec", draw.spec), ...row("task", draw.task), ...row("sha256", draw.sha), ...row("standing", card.because));
  }

  function build(card) {
    const act = (name, text, does) => make("button", { type: "button", className: name, onclick: does }, text);
    const note = make("textarea", { className: "note", rows: 1, maxLength: LONGEST_NOTE, "aria-label": `note on ${card.key}` });
    const now = () => cardOf(element); // a refresh brings a new card of the same key
    note.addEventListener("change", () => say(now(), { note: note.value }));
    const acts = make("div", { className: "acts" },
      act("pick", "Pick", () => toggle(now(), "pick")), act("reject", "Reject", () => toggle(now(), "reject")));
    if (card.past.length) acts.append(act("compare", `Compare (${card.past.length + 1})`, () => compare(now())));
    const element = make("article", { className: "card", tabIndex: 0, "aria-label": card.key });
    element.dataset.key = card.key;
    element.append(
      make("div", { className: "stage" }, film(card.draw, card.key)),
      make("div", { className: "body" },
        make("h2", {}, card.key),
        make("p", { className: "line" }, make("span", { className: `state ${card.state}` }, card.state),
          make("span", {}, money(card.usd)), card.asks ? make("span", {}, `${card.asks.mode ?? "std"}, ${card.asks.ratio}`) : null),
        make("p", { className: "prompt", tabIndex: 0, role: "group", "aria-label": "prompt" }, card.prompt || "the prompt is not known any more"),
        card.error ? make("p", { className: "error" }, `${card.error.class}: ${card.error.message} (${card.error.code})`) : null,
        card.draw && card.asks && !card.current ? make("p", { className: "warning" }, "made from an earlier request") : null,
        ...card.warnings.map((each) => make("p", { className: "warning" }, each)),
        make("p", { className: "stale", hidden: true }, "the pick was of an earlier video"),
        acts, note,
        make("details", {}, make("summary", {}, "what made it"), facts(card))));
    return element;
  }

  function paint(card) {
    const element = elements.get(card.key)?.element, pick = pickOf(card), verdict = pick?.verdict ?? "";
    if (!element) return;
    element.classList.toggle("picked", verdict === "pick");
    element.classList.toggle("rejected", verdict === "reject");
    for (const name of ["pick", "reject"]) element.querySelector(`.${name}`).setAttribute("aria-pressed", String(verdict === name));
    const note = element.querySelector(".note");
    if (note !== document.activeElement) note.value = pick?.note ?? "";
    element.querySelector(".stale").hidden = !(pick?.video && card.draw && !card.draw.sha.startsWith(pick.video));
  }

  const toggle = (card, verdict) => say(card, { verdict: verdictOf(card) === verdict ? null : verdict });

  function elementOf(card) {
    const print = JSON.stringify([card.draw, card.past, card.state, card.error, card.warnings, card.prompt, card.because]);
    const known = elements.get(card.key);
    if (known?.print === print) return known.element;
    const element = build(card);
    const isFocused = known?.element.contains(document.activeElement);
    known?.element.replaceWith(element);
    if (isFocused) element.focus();
    elements.set(card.key, { element, print });
    return element;
  }

  // ---- which cards, and how they lie

  function isWanted(card) {
    const words = view.text.toLowerCase().split(/\s+/).filter(Boolean);
    const text = `${card.key} ${card.prompt} ${card.draw?.task ?? ""} ${card.error?.message ?? ""} ${pickOf(card)?.note ?? ""}`.toLowerCase();
    return Object.entries(view.axes).every(([axis, value]) => !value || card.axes[axis] === value)
      && (!view.state || card.state === view.state)
      && (!view.verdict || (verdictOf(card) || "none") === view.verdict)
      && words.every((word) => text.includes(word));
  }

  function show() {
    const wanted = data.cards.filter(isWanted), main = at("cards");
    at("as-grid").setAttribute("aria-pressed", String(!view.matrix));
    at("as-matrix").setAttribute("aria-pressed", String(view.matrix));
    for (const name of ["rows", "columns"]) at(name).closest("label").hidden = !view.matrix;
    const laid = !wanted.length ? make("p", { className: "none" }, "no video is like this") : view.matrix ? matrix(wanted) : grid(wanted);
    main.replaceChildren(laid);
    wanted.forEach(paint);
    count();
  }

  const grid = (wanted) => make("div", { className: "grid" }, ...wanted.map(elementOf));

  function matrix(wanted) {
    const values = (axis) => (data.axes[axis] ?? []).filter((value) => wanted.some((card) => card.axes[axis] === value));
    const columns = values(view.columns), rows = values(view.rows);
    const cell = (across, down) => make("td", {}, make("div", { className: "takes" },
      ...wanted.filter((card) => card.axes[view.rows] === down && card.axes[view.columns] === across).map(elementOf)));
    const head = make("tr", {}, make("th", { scope: "col" }, `${view.rows} / ${view.columns}`), ...columns.map((each) => make("th", { scope: "col" }, each)));
    const body = rows.map((each) => make("tr", {},
      make("th", { scope: "row" }, each, " ", make("button", { type: "button", "aria-label": `play ${view.rows} ${each} together`, onclick: (event) => together(event.target.closest("tr")) }, "Play")),
      ...columns.map((across) => cell(across, each))));
    return make("div", { className: "matrix", tabIndex: 0, role: "region", "aria-label": "matrix" },
      make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
  }

  function count() {
    const shown = at("cards").querySelectorAll(".card").length;
    const picked = data.cards.filter((card) => verdictOf(card) === "pick").length;
    tell(`${several(shown, "video")} of ${data.cards.length.toLocaleString("en")}, ${picked} picked`);
  }

  const tell = (text) => { at("shown").textContent = text; };

  // ---- playing together

  let choir = [];

  function together(scope) {
    const isPlaying = choir.some((video) => !video.paused);
    choir.forEach((video) => video.pause());
    if (isPlaying) return;
    choir = [...scope.querySelectorAll("video")].filter((video) => {
      const box = video.getBoundingClientRect();
      return scope !== at("cards") || (box.bottom > 0 && box.top < innerHeight);
    });
    for (const video of choir) {
      wake(video);
      video.muted = true;
      video.currentTime = 0;
      video.play().catch(() => {});
    }
    choir[0]?.addEventListener("timeupdate", keepTime);
  }

  function keepTime(event) {
    const lead = event.target;
    if (lead !== choir[0]) return lead.removeEventListener("timeupdate", keepTime);
    for (const video of choir.slice(1)) {
      if (!video.paused && lead.currentTime < video.duration && Math.abs(video.currentTime - lead.currentTime) > DRIFT) video.currentTime = lead.currentTime;
    }
  }

  // ---- two generations side by side

  function words(before, now) { // the words of `now`, those that `before` has not marked
    const known = new Set(before.split(/\s+/));
    return now.split(/(\s+)/).map((word) => (word.trim() && !known.has(word) ? make("mark", {}, word) : word));
  }

  function compare(card) {
    const dialog = at("comparison"), draws = [card.draw, ...card.past].filter(Boolean);
    if (draws.length < 2) return;
    const side = (draw, other) => {
      const video = film(draw, `generation ${draw.generation}, spec ${draw.spec}`);
      if (video.dataset?.video) wake(video);
      return make("section", {}, make("h3", {}, `generation ${draw.generation}, spec ${draw.spec}, ${money(draw.usd)}`), video,
        make("p", { className: "prompt", tabIndex: 0 }, ...(draw.prompt ? words(other.prompt, draw.prompt) : ["the prompt is not known any more"])));
    };
    const pair = make("div", { className: "pair" });
    const lay = (at) => pair.replaceChildren(side(draws[at], draws[0]), side(draws[0], draws[at]));
    const choice = make("select", { "aria-label": "earlier generation", onchange: () => lay(choice.selectedIndex + 1) },
      ...draws.slice(1).map((draw) => make("option", {}, `generation ${draw.generation}, spec ${draw.spec}`)));
    lay(1);
    dialog.replaceChildren(make("h2", {}, card.key), choice, pair, make("div", { className: "row" },
      make("button", { type: "button", onclick: () => together(dialog) }, "Play together"),
      make("button", { type: "button", onclick: () => dialog.close() }, "Close")));
    dialog.showModal();
  }

  at("comparison").addEventListener("close", () => at("comparison").replaceChildren());

  // ---- keys

  const order = () => [...at("cards").querySelectorAll(".card")];
  const focused = () => document.activeElement?.closest?.(".card") ?? null;
  const cardAt = (key) => data.cards.find((card) => card.key === key);
  const cardOf = (element) => cardAt(element?.dataset.key);

  function step(by) {
    const every = order();
    if (!every.length) return;
    const next = every[Math.min(every.length - 1, Math.max(0, every.indexOf(focused()) + by))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest", inline: "nearest", behavior: calm ? "auto" : "smooth" });
  }

  function playFocused(element) {
    const video = element.querySelector("video");
    if (!video) return;
    wake(video);
    if (video.paused) video.play().catch(() => {});
    else video.pause();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const isWriting = event.target.matches("input, textarea, select"), element = focused(), card = cardOf(element);
    if (isWriting) {
      if (event.key === "Escape") (event.target.closest(".card") ?? at("cards")).focus();
      return;
    }
    const onCard = {
      p: () => toggle(card, "pick"), x: () => toggle(card, "reject"), c: () => compare(card),
      n: () => element.querySelector(".note").focus(), " ": () => playFocused(element),
    };
    const anywhere = {
      j: () => step(1), ArrowRight: () => step(1), k: () => step(-1), ArrowLeft: () => step(-1), m: () => lay(!view.matrix),
      "/": () => at("filters").querySelector("input").focus(), "?": () => at("keys").showModal(),
    };
    if (event.target.matches("button, summary, video") && event.key === " ") return;
    if (event.target.matches("video") && event.key.startsWith("Arrow")) return;
    const does = (card && onCard[event.key]) || anywhere[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });

  function lay(isMatrix) {
    view.matrix = isMatrix;
    show();
  }

  // ---- the head of the page

  function select(name, label, options, does) {
    const element = make("select", { id: name, onchange: () => { does(element.value); show(); } },
      ...options.map(([value, text]) => make("option", { value }, text)));
    return make("label", {}, label, element);
  }

  function filters() {
    const axes = Object.entries(data.axes), names = axes.map(([axis]) => axis);
    const many = axes.filter(([, values]) => values.length > 1);
    view.rows = (many.at(-1) ?? axes.at(-1))[0];
    view.columns = (many.filter(([axis]) => axis !== view.rows).at(-1) ?? ["shot"])[0];
    const search = make("input", { type: "search", id: "text", oninput: () => { view.text = search.value; show(); } });
    const axis = (name, start, does) => {
      const label = select(name, name, names.map((each) => [each, each]), does);
      label.querySelector("select").value = start;
      return label;
    };
    const states = [...new Set(data.cards.map((card) => card.state))];
    at("filters").replaceChildren(
      make("label", {}, "search", search),
      ...many.map(([name, values]) => select(`axis-${name}`, name, [["", "all"], ...values.map((each) => [each, each])], (value) => { view.axes[name] = value; })),
      select("state", "state", [["", "all"], ...states.map((each) => [each, each])], (value) => { view.state = value; }),
      select("verdict", "verdict", [["", "all"], ["pick", "picked"], ["reject", "rejected"], ["none", "open"]], (value) => { view.verdict = value; }),
      axis("rows", view.rows, (value) => { view.rows = value; }), axis("columns", view.columns, (value) => { view.columns = value; }));
  }

  function head() {
    at("project").textContent = data.project;
    const done = data.cards.filter((card) => card.draw).length;
    at("facts").textContent = `${data.manifest}${data.sandbox ? ", sandbox" : ""}: ${several(done, "video")}, ${money(data.spent)} spent`;
    at("patterns").replaceChildren(...data.patterns.map((each) => make("li", {}, make("button", { type: "button", onclick: () => {
      view.state = at("state").value = "failed";
      view.axes[each.axis] = each.value;
      const choice = at(`axis-${each.axis}`);
      if (choice) choice.value = each.value;
      show();
    } }, each.text))));
  }

  async function refresh() {
    try {
      const answer = await fetch("data.json", { cache: "no-store" });
      if (answer.ok) take(await answer.json());
    } catch {} // the server has ended: the page stays as it is
    setTimeout(refresh, REFRESH);
  }

  function take(fresh) {
    const isSame = JSON.stringify(fresh.cards) === JSON.stringify(data.cards);
    const hasMore = fresh.cards.length !== data.cards.length;
    data = fresh;
    if (isSame) return;
    head();
    if (hasMore) return show();
    for (const card of data.cards) if (elements.has(card.key)) { elementOf(card); paint(card); }
  }

  at("filters").addEventListener("submit", (event) => event.preventDefault());
  at("as-grid").addEventListener("click", () => lay(false));
  at("as-matrix").addEventListener("click", () => lay(true));
  at("play-all").addEventListener("click", () => together(at("cards")));
  at("help").addEventListener("click", () => at("keys").showModal());
  at("save").hidden = !Object.keys(changed).length;
  filters();
  head();
  show();
  document.body.dataset.ready = "yes";
  if (data.token !== null) setTimeout(refresh, REFRESH);
})();
