// A card: one job. Its element is kept over a refresh; only the parts that tell something else now are made anew.

const elements = new Map(); // by key
const byKey = new Map();
const cardAt = (key) => byKey.get(key);

const row = (name, value) => (value === "" || value === false || value === null || value === undefined ? [] : [make("dt", {}, name), make("dd", {}, String(value))]);

const promptOf = (card) => (card.draw ? card.draw.prompt : card.asks?.prompt) || "the prompt is not known any more";

const asked = (request) => [...row("mode", request.mode), ...row("aspect ratio", request.aspect_ratio),
  ...row("seconds asked", request.duration), ...row("sound", request.audio && "yes"), ...row("watermark", request.watermark && "yes"),
  ...row("not wanted", request.negative_prompt)];

const taken = (draw) => [...row("generation", draw.generation), ...row("price", money(draw.usd)), ...row("seconds", draw.seconds),
  ...row("spec", draw.spec), ...row("task", draw.task), ...row("sha256", draw.sha)];

function facts(card) {
  const isOld = card.draw && card.asks && !card.current;
  return make("dl", {}, ...row("take", card.take), ...asked(card.draw?.asked ?? card.asks ?? {}), ...(card.draw ? taken(card.draw) : []),
    ...row("standing", card.because), ...row("asked for now", isOld ? card.asks.prompt : ""));
}

// What a job has cost, or would cost where nothing has been bought yet.
function costOf(card) {
  if (card.state !== "pending" || Number(card.usd)) return money(card.usd);
  return card.price === null ? "price unknown" : `${money(card.price)} expected`;
}

function heading(card) {
  const { shot, ...axes } = card.axes;
  const chips = Object.entries(axes).map(([axis, value]) => {
    const chip = make("li", {}, make("span", {}, `${axis} `), value);
    chip.dataset.axis = axis;
    return chip;
  });
  return make("div", { className: "head" },
    make("h2", {}, ...keyed(card.key)),
    make("p", { className: "line" }, make("span", { className: `state ${card.state}` }, card.state),
      make("span", {}, costOf(card)), make("span", {}, `take ${card.take}`)),
    chips.length ? make("ul", { className: "axes", role: "list", "aria-label": "axes" }, ...chips) : null,
    make("p", { className: "prompt", dir: "auto" }, promptOf(card)),
    card.error ? make("p", { className: "error" }, `${card.error.class}: ${card.error.message} (${card.error.code})`) : null,
    (card.draw || card.error) && card.asks && !card.current ? make("p", { className: "warning" }, "of an earlier request than the manifest has now") : null,
    ...card.warnings.map((each) => make("p", { className: "warning" }, each)));
}

function foot(card) {
  const { spec, task } = card.draw ?? card;
  const told = make("details", {}, make("summary", {}, "spec ", make("code", {}, spec), " task ", make("code", {}, task || "none")));
  told.addEventListener("toggle", () => told.append(facts(card)), { once: true }); // a third of all elements, and seldom read
  return told;
}

function build(card) {
  const now = () => cardAt(card.key); // a refresh brings a new card of the same key
  const note = make("textarea", {
    className: "note", rows: 1, maxLength: LONGEST_NOTE, placeholder: "note", "aria-label": `note on ${card.key}`,
    onchange: () => say(now(), { note: note.value }),
  });
  const element = make("article", { className: "card", tabIndex: 0, "aria-label": card.key });
  element.dataset.key = card.key;
  element.append(stage(card), make("div", { className: "body" }, heading(card),
    make("p", { className: "stale", hidden: true }, "what was said is of an earlier video"),
    make("div", { className: "acts" },
      button("Pick", () => toggle(now(), "pick"), { className: "pick", "aria-pressed": "false", "aria-keyshortcuts": "p" }),
      button("Reject", () => toggle(now(), "reject"), { className: "reject", "aria-pressed": "false", "aria-keyshortcuts": "x" }),
      button("", () => closer(now()), { className: "closer", "aria-keyshortcuts": "c" })),
    note, foot(card)));
  return element;
}

const prints = {
  stage: (card) => [card.draw?.video, card.draw?.poster, card.draw?.sha],
  head: (card) => [card.state, card.usd, card.price, promptOf(card), card.error, card.warnings, card.current, card.axes, Boolean(card.draw)],
  foot: (card) => [card.draw, card.asks, card.because, card.spec, card.task],
};
const anew = { stage, head: heading, foot };
const placeOf = { stage: ".stage", head: ".head", foot: "details" };

function elementOf(card) {
  const print = Object.fromEntries(Object.entries(prints).map(([part, of]) => [part, JSON.stringify(of(card))]));
  const known = elements.get(card.key);
  const element = known?.element ?? build(card);
  for (const part of Object.keys(prints)) {
    if (!known || known.print[part] === print[part]) continue;
    const old = element.querySelector(placeOf[part]), fresh = anew[part](card);
    const isFocused = old.contains(document.activeElement);
    if (part === "foot") fresh.open = old.open;
    old.replaceWith(fresh);
    if (isFocused) (fresh.querySelector("button, summary") ?? element).focus({ preventScroll: true });
  }
  elements.set(card.key, { element, print });
  return element;
}

function paint(card) {
  const element = elements.get(card.key)?.element, pick = pickOf(card), verdict = pick?.verdict ?? "";
  if (!element) return;
  element.classList.toggle("picked", verdict === "pick");
  element.classList.toggle("rejected", verdict === "reject");
  for (const name of ["pick", "reject"]) {
    const act = element.querySelector(`.${name}`);
    act.setAttribute("aria-pressed", String(verdict === name));
    act.hidden = !(card.draw || verdict);
  }
  const draws = drawsOf(card).length, look = element.querySelector(".closer");
  look.textContent = draws > 1 ? `Compare ${draws}` : "Look";
  look.setAttribute("aria-label", draws > 1 ? `compare ${draws} generations of ${card.key}` : `look at ${card.key}`);
  for (const chip of element.querySelectorAll("[data-axis]")) chip.hidden = view.matrix && [view.rows, view.columns].includes(chip.dataset.axis);
  const note = element.querySelector(".note");
  if (note !== document.activeElement) note.value = pick?.note ?? "";
  element.querySelector(".stale").hidden = !(pick?.video && card.draw && !card.draw.sha.startsWith(pick.video));
}
