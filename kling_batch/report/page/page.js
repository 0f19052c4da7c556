// The head of the page, what a served page learns while a run goes on, and the start.

const REFRESH = 2000; // ms between two looks at a served page's data

function head() {
  const made = data.cards.filter((card) => card.draw).length;
  at("project").textContent = visible(data.project);
  at("facts").textContent = visible(`${data.manifest}${data.sandbox ? " (sandbox)" : ""}: ${several(made, "video")}, ${money(data.spent)} spent`);
  at("patterns").replaceChildren(...data.patterns.map((each) => make("li", {}, button(each.text, () => only(each)))));
}

function know() {
  byKey.clear();
  for (const card of data.cards) byKey.set(card.key, card);
}

async function refresh() {
  const before = sent;
  try {
    const answer = await fetch("data.json", { cache: "no-cache" });
    if (answer.ok && before === sent) take(await answer.json());
  } catch {} // the server has ended: the page stays as it is
  setTimeout(refresh, REFRESH);
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
