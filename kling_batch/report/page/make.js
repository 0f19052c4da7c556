// Everything that is shown is put into the document as text (text nodes, properties), never as markup.

const at = (id) => document.getElementById(id);

// What does something to a text without being seen is shown as an escape, as on the terminal (`text.plain`).
const UNSEEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const visible = (text) => String(text).replace(UNSEEN, (each) => `\\u${each.codePointAt(0).toString(16).padStart(4, "0")}`);

function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("aria-") || key === "role" || key === "scope") element.setAttribute(key, visible(value));
    else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element[key] = value;
  }
  const shown = children.filter((child) => child !== null && child !== undefined && child !== "");
  element.append(...shown.map((child) => (child instanceof Node ? child : visible(child))));
  return element;
}

const button = (text, does, properties = {}) => make("button", { type: "button", onclick: does, ...properties }, text);

function money(usd) {
  if (usd === null) return "price unknown";
  const [whole, part = ""] = usd.split(".");
  return `$${whole}.${part.padEnd(2, "0")}`;
}

const several = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

// A key may be broken after each of its axes, and nowhere else as long as there is room.
function keyed(key) {
  const parts = key.split(/(?<=[/,])/);
  return parts.flatMap((part, number) => (number ? [make("wbr"), part] : [part]));
}

let telling = 0;
function tell(text) {
  clearTimeout(telling);
  at("told").textContent = visible(text);
  telling = setTimeout(() => { at("told").textContent = ""; }, 6000);
}
