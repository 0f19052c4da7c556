// The head of the page, what a served page learns while a run goes on, and the start.

const REFRESH = 2000; // ms between two looks at a served page's data

let grouped = "";
function head() {
  const made = data.cards.filter((card) => card.draw).length;
  at("project").textContent = visible(data.project);
  at("facts").textContent = visible(`${data.manifest}${data.sandbox ? " (sandbox)" : ""}: ${several(made, "video")}, ${money(data.spent)} spent`);
  const patterns = data.patterns.map((each) => each.text).join("\n");
  if (patterns === grouped) return; // who has the focus there keeps it
  grouped = patterns;
  at("patterns").replaceChildren(...data.patterns.map((each) => make("li", {}, button(each.text, () => only(each)))));
}

function know() {
  byKey.clear();
  for (const card of data.cards) byKey.set(card.key, card);
}

async function refresh() {
  const before = sent;
  let trouble = "";
  try {
    const answer = await fetch("data.json", { cache: "no-cache" });
    const told = await answer.json();
    if (!answer.ok) trouble = `not as it is now: ${told.error}`;
    else if (before === sent) take(told);
  } catch {
    trouble = "the review has ended: what is shown may be old, and no pick is saved";
  }
  worry(trouble);
  setTimeout(refresh, REFRESH);
}

function worry(trouble) {
  const place = at("trouble");
  if (place.textContent !== visible(trouble)) place.textContent = visible(trouble);
  place.hidden = !trouble;
}

function take(fresh) {
  if (JSON.stringify(fresh) === JSON.stringify(data)) return;
  const axes = JSON.stringify(data.axes);
  data = fresh;
  know();
  head();
  if (JSON.stringify(data.axes) !== axes) filters();
  data.cards.filter((card) => elements.has(card.key)).forEach(put);
  show();
}

addEventListener("pagehide", () => document.activeElement?.blur()); // so that a note half written is kept
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("as-grid").addEventListener("click", () => lay(false));
at("as-matrix").addEventListener("click", () => lay(true));
at("play-all").addEventListener("click", () => together([...at("cards").querySelectorAll("video")].filter(isSeen)));
at("help").addEventListener("click", () => at("keys").showModal());
at("save").addEventListener("click", save);
at("save").hidden = !Object.keys(said).length;
know();
filters();
head();
show();
document.body.dataset.ready = "yes";
performance.mark("interactive");
if (data.token !== null) setTimeout(refresh, REFRESH);
