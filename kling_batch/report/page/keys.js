// The keyboard: letters act on the card that has the focus; a person can turn them off (WCAG 2.2, 2.1.4).

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const order = () => [...at("cards").querySelectorAll(".card:not([hidden])")];
const focused = () => document.activeElement?.closest?.(".card") ?? null;

function go(element) {
  element?.focus({ preventScroll: true });
  element?.scrollIntoView({ block: "nearest", inline: "nearest", behavior: calm.matches ? "auto" : "smooth" });
}

function step(by) {
  const every = order(), here = every.indexOf(focused());
  go(every[here < 0 ? 0 : Math.min(every.length - 1, Math.max(0, here + by))]);
}

// The nearest card of the next line, up or down.
function climb(by) {
  const every = order(), here = focused()?.getBoundingClientRect();
  if (!here) return step(by);
  const boxes = every.map((element) => ({ element, box: element.getBoundingClientRect() }));
  const beyond = boxes.filter(({ box }) => (by > 0 ? box.top >= here.bottom - 1 : box.bottom <= here.top + 1));
  const far = ({ box }) => Math.abs(box.top - here.top) * 4 + Math.abs(box.left - here.left);
  if (beyond.length) go(beyond.reduce((best, each) => (far(each) < far(best) ? each : best)).element);
}

const onCard = {
  p: (card) => toggle(card, "pick"),
  x: (card) => toggle(card, "reject"),
  c: (card) => closer(card),
  n: (card, element) => element.querySelector(".note").focus(),
  " ": (card, element) => { const video = element.querySelector("video"); if (video) play(video); },
};
const anywhere = {
  j: () => step(1), k: () => step(-1), ArrowRight: () => step(1), ArrowLeft: () => step(-1),
  m: () => lay(!view.matrix), "/": () => at("text").focus(), "?": () => at("keys").showModal(),
};
const fromCard = { ArrowDown: () => climb(1), ArrowUp: () => climb(-1), Enter: (card) => closer(card) };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const element = focused(), card = element && cardAt(element.dataset.key);
  if (event.target.matches("input, textarea, select")) {
    if (event.key === "Escape") go(element ?? order()[0]);
    return;
  }
  if (!at("letters").checked) return;
  if (event.target.matches("button, summary, a") && [" ", "Enter"].includes(event.key)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const does = (card && (onCard[key] ?? (event.target === element ? fromCard[key] : undefined))) ?? anywhere[key];
  if (!does) return;
  event.preventDefault();
  does(card, element);
});
