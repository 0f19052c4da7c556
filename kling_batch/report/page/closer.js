// One job closer: its video with all controls, and any two of its generations side by side.

const drawsOf = (card) => [card.draw, ...card.past].filter(Boolean);
const named = (draw) => `generation ${draw.generation}, spec ${draw.spec}`;

// Where a language has no spaces each of its characters is a word, as in `report/worddiff.py`.
const CJK = "\\u3040-\\u30ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uac00-\\ud7af";
const WORDS = new RegExp(`[${CJK}]|(?:(?![${CJK}])[\\p{L}\\p{M}\\p{N}_])+|\\s+|.`, "gsu");

// The words of one prompt, those that are not in the longest sequence which it shares with the other one marked.
function marked(text, other) {
  const [mine, theirs] = [text.match(WORDS), other.match(WORDS)];
  const common = lengths(mine, theirs), told = [];
  for (let here = 0, there = 0; here < mine.length; here += 1) {
    while (there < theirs.length && mine[here] !== theirs[there] && common[here][there + 1] === common[here][there] && common[here + 1][there] < common[here][there]) there += 1;
    const isShared = mine[here] === theirs[there];
    if (isShared) there += 1;
    told.push(isShared || !mine[here].trim() ? mine[here] : make("mark", {}, mine[here]));
  }
  return told;
}

function lengths(mine, theirs) {
  const common = Array.from({ length: mine.length + 1 }, () => new Uint16Array(theirs.length + 1));
  for (let here = mine.length - 1; here >= 0; here -= 1) {
    for (let there = theirs.length - 1; there >= 0; there -= 1) {
      common[here][there] = mine[here] === theirs[there] ? common[here + 1][there + 1] + 1 : Math.max(common[here + 1][there], common[here][there + 1]);
    }
  }
  return common;
}

function side(draw, other) {
  const video = film(draw, named(draw), { controls: true });
  if (video.tagName === "VIDEO") load(video, "metadata");
  const prompt = draw.prompt && other?.prompt && other !== draw ? marked(draw.prompt, other.prompt) : [draw.prompt || "the prompt is not known any more"];
  return make("section", {}, make("h3", {}, named(draw)), make("div", { className: "stage" }, video),
    make("p", { className: "whole", dir: "auto" }, ...prompt),
    make("dl", {}, ...asked(draw.asked), ...taken(draw)));
}

function closer(card) {
  const dialog = at("closer"), draws = drawsOf(card), pair = make("div", { className: "pair" });
  const chosen = draws.length > 1 ? [1, 0] : [0];
  const lay = () => pair.replaceChildren(...(draws.length
    ? chosen.map((number, place) => side(draws[number], draws[chosen[1 - place]]))
    : [make("p", { className: "whole", dir: "auto" }, promptOf(card))]));
  const pick = (place, label) => {
    const element = make("select", { "aria-label": label, onchange: () => { chosen[place] = element.selectedIndex; lay(); } },
      ...draws.map((draw, number) => make("option", { selected: number === chosen[place] }, number ? named(draw) : `${named(draw)} (the result)`)));
    return element;
  };
  lay();
  dialog.setAttribute("aria-label", draws.length > 1 ? "generations compared" : "one job");
  dialog.replaceChildren(make("h2", {}, ...keyed(card.key)),
    draws.length > 1 ? make("div", { className: "row" }, pick(0, "left generation"), pick(1, "right generation")) : "", pair,
    card.error ? make("p", { className: "error" }, `${card.error.class}: ${card.error.message} (${card.error.code})`) : "",
    make("div", { className: "row" },
      draws.length > 1 ? button("Play together", () => together([...pair.querySelectorAll("video")]), { className: "both" }) : "",
      button("Close", () => dialog.close())));
  dialog.showModal();
}

at("closer").addEventListener("close", () => at("closer").replaceChildren());
