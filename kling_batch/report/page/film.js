// Videos: nothing of one is asked for before somebody looks there, and many can play as one.

const FIRST = 20; // posters that a page asks for before anybody does something
const DRIFT = 0.12; // seconds by which videos that play together may differ
const LONGEST_WAIT = 4000; // ms until those that are ready begin without the others

let room = FIRST;
const waiting = new Set();
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) waiting.delete(target);
    else if (room > 0) wake(target);
    else waiting.add(target);
  }
}, { rootMargin: "100px" });

for (const name of ["scroll", "wheel", "pointermove", "keydown", "input", "touchstart"]) {
  document.addEventListener(name, wakeAll, { capture: true, passive: true });
}

function wakeAll() {
  room = Infinity;
  waiting.forEach(wake);
  waiting.clear();
}

function wake(video) {
  near.unobserve(video);
  room -= 1;
  if (video.dataset.poster) video.poster = video.dataset.poster;
  else load(video, "metadata"); // its own first picture
}

function load(video, much) {
  video.preload = much;
  if (!video.hasAttribute("src")) video.src = video.dataset.video;
}

function film(draw, label, properties = {}) {
  if (!draw) return make("p", {}, "no video yet");
  if (!draw.video) return make("p", {}, "the video is not on this machine");
  const video = make("video", { preload: "none", loop: true, playsInline: true, "aria-label": label, ...properties });
  video.dataset.video = draw.video;
  if (draw.poster) video.dataset.poster = draw.poster;
  near.observe(video);
  return video;
}

// The stage of a card: a video with one button over it, and a line that tells how far it is.
function stage(card) {
  const video = film(card.draw, `video of ${card.key}`);
  const told = make("div", { className: "stage" }, video);
  if (video.tagName !== "VIDEO") return told;
  const start = button("", () => play(video), { className: "start", "aria-label": `play ${card.key}`, "aria-pressed": "false" });
  const far = make("div", { className: "far" });
  const show = () => {
    told.classList.toggle("playing", !video.paused);
    start.setAttribute("aria-pressed", String(!video.paused));
  };
  for (const name of ["play", "pause"]) video.addEventListener(name, show);
  video.addEventListener("timeupdate", () => { far.style.transform = `scaleX(${video.currentTime / (video.duration || 1)})`; });
  video.addEventListener("error", () => { if (video.hasAttribute("src")) told.classList.add("broken"); });
  told.append(start, far);
  return told;
}

function play(video) {
  const isPlaying = !video.paused;
  if (choir.includes(video)) hush(); // what plays as one stops as one
  if (isPlaying) return video.pause();
  load(video, "auto");
  video.play().catch(() => {});
}

let choir = [];

function isSeen(video) {
  const box = video.getBoundingClientRect();
  return box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
}

async function together(videos) {
  const isPlaying = choir.some((video) => !video.paused);
  hush();
  if (isPlaying || !videos.length) return;
  choir = videos;
  for (const video of videos) {
    load(video, "auto");
    video.muted = true;
    video.currentTime = 0;
  }
  await Promise.race([Promise.all(videos.map(ready)), new Promise((done) => setTimeout(done, LONGEST_WAIT))]);
  if (choir !== videos) return; // somebody has asked for something else meanwhile
  const longest = videos.reduce((most, video) => ((video.duration || 0) > (most.duration || 0) ? video : most));
  choir = [longest, ...videos.filter((video) => video !== longest)];
  choir.slice(1).forEach((video) => { video.loop = false; }); // they begin again when the longest does
  choir.forEach((video) => video.play().catch(() => {}));
  longest.addEventListener("timeupdate", keepTime);
}

function ready(video) {
  if (video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA || video.error) return Promise.resolve();
  return new Promise((done) => {
    for (const name of ["canplay", "error"]) video.addEventListener(name, done, { once: true });
  });
}

function keepTime() {
  const [lead, ...others] = choir;
  if (!lead || lead.paused) return;
  for (const video of others) {
    if (!(lead.currentTime < video.duration - DRIFT)) continue;
    if (Math.abs(video.currentTime - lead.currentTime) > DRIFT) video.currentTime = lead.currentTime;
    if (video.paused) video.play().catch(() => {});
  }
}

function hush() {
  for (const video of choir) {
    video.removeEventListener("timeupdate", keepTime);
    video.loop = true;
    video.muted = false;
    video.pause();
  }
  choir = [];
}
