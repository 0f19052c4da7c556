// Picks: the file is pieces of text, of which one line is replaced at a time, exactly as `plan/picks.py` does it.

const LONGEST_NOTE = 2000;
const UNSAFE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\p{Cs}|\r(?!\n)/gu;
const shelf = `kling-batch picks ${data.project} ${data.picks.name}`;
const over = (card) => JSON.stringify(card.pick);
const said = data.token === null ? remembered() : {}; // by key: the pick that was made here, and what it was made over

const pickOf = (card) => said[card.key]?.pick ?? card.pick;
const verdictOf = (card) => pickOf(card)?.verdict ?? "";
const isNothing = (pick) => !pick.verdict && !pick.note;

// What was picked here earlier counts only where nobody has changed the file's own pick of that job since.
function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(shelf)) ?? {};
    const current = data.cards.filter((card) => kept[card.key]?.over === over(card));
    return Object.fromEntries(current.map((card) => [card.key, kept[card.key]]));
  } catch {
    return {};
  }
}

function remember() {
  try {
    localStorage.setItem(shelf, JSON.stringify(said));
  } catch {} // a browser that keeps nothing: the picks live as long as the page
}

function lineOf(key, pick) {
  const fields = ["verdict", "note", "video"].filter((name) => pick[name]);
  const told = fields.map((name) => `${JSON.stringify(name)}: ${JSON.stringify(pick[name])}`);
  return `${data.picks.indent}${JSON.stringify(key)}: {${told.join(", ")}}\n`;
}

// Strings are sorted by code points there, and by halves of them here.
function isAfter(one, other) {
  const [mine, theirs] = [Array.from(one), Array.from(other)];
  const differs = mine.findIndex((letter, number) => letter !== theirs[number]);
  if (differs < 0) return false;
  return differs >= theirs.length || mine[differs].codePointAt(0) > theirs[differs].codePointAt(0);
}

const ABOVE = /(?:^[ \t]*#[^\n]*\n)+(?![^])/m; // comment lines with nothing between them and what follows
const around = (text) => (text ? [{ key: null, text }] : []);
const ended = (piece) => (piece.text.endsWith("\n") ? piece : { ...piece, text: `${piece.text}\n` });

function edited(pieces, key, pick) {
  if (isNothing(pick)) return pieces.filter((piece) => piece.key !== key);
  const text = lineOf(key, pick), place = pieces.findIndex((piece) => piece.key === key);
  if (place < 0) return inserted(pieces, { key, text, comments: [], behind: "" });
  const { comments, behind } = pieces[place];
  const above = around(comments.map((comment) => `${data.picks.indent}${comment}\n`).join(""));
  const piece = { key, text: `${text.slice(0, -1)}${behind}\n`, comments: [], behind };
  return [...pieces.slice(0, place), ...above, piece, ...pieces.slice(place + 1)];
}

// A new job stands before the first greater key, and above the comment lines that are about that one.
function inserted(pieces, piece) {
  const greater = pieces.findIndex(({ key }) => isAfter(key ?? "", piece.key));
  const last = pieces.reduce((most, { key }, number) => (key ? number : most), 0);
  const place = greater < 0 ? last + 1 : greater, before = pieces.slice(0, place).map(ended), end = before.pop();
  const about = greater < 0 || end.key ? -1 : end.text.search(ABOVE);
  const parted = about < 0 ? [end, piece] : [...around(end.text.slice(0, about)), piece, ...around(end.text.slice(about))];
  return [...before, ...parted, ...pieces.slice(place)];
}

function picksFile() {
  const made = Object.entries(said);
  return made.reduce((pieces, [key, { pick }]) => edited(pieces, key, pick), data.picks.pieces).map(({ text }) => text).join("");
}

function save() {
  const address = URL.createObjectURL(new Blob([picksFile()], { type: "application/yaml" }));
  make("a", { href: address, download: data.picks.name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  tell(`put ${data.picks.name} beside ${data.manifest}`);
}

function say(card, words) {
  const before = pickOf(card) ?? { verdict: null, note: "", video: "" };
  const isJudged = "verdict" in words || !before.verdict; // a note alone makes no verdict one of another video
  const pick = { ...before, ...words, video: isJudged ? card.draw?.sha ?? "" : before.video };
  pick.note = Array.from(pick.note.replace(UNSAFE, " ")).slice(0, LONGEST_NOTE).join("").trim();
  if (isNothing(pick) && !pickOf(card)) return;
  said[card.key] = { pick, over: over(card) };
  paint(card);
  count();
  if (data.token === null) {
    remember();
    at("save").hidden = false;
    tell(`${spoken(pick)} ${card.key}`);
  } else {
    sending = sending.then(() => send(card.key, pick, Object.keys(words)));
  }
}

const spoken = (pick) => ({ pick: "picked", reject: "rejected" })[pick.verdict] ?? (pick.note ? "noted on" : "nothing said of");

function toggle(card, verdict) {
  if (card.draw || verdictOf(card)) say(card, { verdict: verdictOf(card) === verdict ? null : verdict });
  else tell(`${card.key} has no video to judge`);
}

let sending = Promise.resolve(); // one after the other: the last word counts
let sent = 0; // a look at the data that began before is older than what this page knows

// Only what was said here is sent: of the rest somebody else may have had the last word in the file.
async function send(key, pick, names) {
  const headers = { "content-type": "application/json", "x-kling-batch-token": data.token };
  const body = Object.fromEntries([["key", key], ...[...names, "video"].map((name) => [name, pick[name]])]);
  try {
    const answer = await fetch("picks", { method: "PUT", headers, body: JSON.stringify(body), keepalive: true });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error);
    const card = cardAt(key);
    if (card) card.pick = told.picks[key] ?? null;
    tell(`${spoken(pick)} ${key}, saved in ${data.picks.name}`);
  } catch (error) {
    tell(`not saved: ${error.message}`);
  }
  sent += 1;
  if (said[key]?.pick === pick) delete said[key];
  if (cardAt(key)) paint(cardAt(key));
  count();
}
