// Keeps the parts of a page up to date: an event names a new version, and the parts are fetched and swapped.
"use strict";

const live = document.getElementById("live");
const news = document.getElementById("news");
// A part is fetched for at most this share of the time, unless its pause would be longer than this. How a campaign stands
// pauses less, because an event is to be on the page within two seconds.
const SHARE = 0.34;
const LONGEST_PAUSE_MS = 1500;
const LONGEST_PAUSE_OF_NEWS_MS = 500;
// A page that shows durations is read again after this time, even if nothing was appended.
const STAYS_MS = 30000;
let feed = null;

class Part {
  constructor(place) {
    this.place = place;
    this.address = place.dataset.part;
    this.choice = new URLSearchParams();
    this.pause = Number(place.dataset.pause ?? 0) * 1000;
    this.longest = place.hasAttribute("data-news") ? LONGEST_PAUSE_OF_NEWS_MS : LONGEST_PAUSE_MS;
    this.sections = [];
    this.charts = new Map();
    this.busy = this.wanted = false;
    this.next = 0;
    this.title = "";
  }

  // Fetch and swap, unless nobody looks; requests that come meanwhile are one request.
  async refresh(at_once = false) {
    this.wanted = true;
    if (this.busy || document.hidden) return;
    this.busy = true;
    while (this.wanted && !document.hidden) {
      const wait = at_once ? 0 : this.next - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      at_once = this.wanted = false;
      const began = performance.now();
      try {
        await this.fetch();
      } catch (problem) {
        // The feed notices as well, and its next event asks again.
        console.warn(problem);
      }
      const now = performance.now();
      this.next = now + Math.max(Math.min((now - began) / SHARE, this.longest), this.pause);
    }
    this.busy = false;
  }

  async fetch() {
    const asked = this.choice.toString();
    const answer = await fetch(`${this.address}${asked && `?${asked}`}`, { headers: { Accept: "application/json" } });
    if (answer.status === 401) return location.assign("/login");
    if (!answer.ok) return show_problem(this.place, await answer.text());
    const found = await answer.json();
    if (asked === this.choice.toString()) await this.show(found);
  }

  async show(found) {
    const charts = Object.entries(found.figures);
    if (charts.length) await plotly();
    const scrolled = scrollY;
    this.swap(found.html);
    if (scrollY !== scrolled) scrollTo(scrollX, scrolled);
    for (const [id, text] of charts) draw(document.getElementById(id), text, this.charts);
    if (this.place.hasAttribute("data-news") && found.title && found.title !== this.title) {
      if (this.title) news.textContent = found.title;
      this.title = found.title;
      document.title = `${found.title} · Overnight`;
    }
  }

  // Replace the sections whose HTML has changed, and leave all others alone.
  swap(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    const before = this.sections;
    const after = [...fresh.content.children].map((node) => ({ key: key_of(node), raw: node.outerHTML, node }));
    const focused = this.place.contains(document.activeElement) ? document.activeElement.id : "";
    for (const item of after) {
      const old = before.find((each) => each.key === item.key);
      if (old === undefined) continue;
      before.splice(before.indexOf(old), 1);
      if (old.raw === item.raw) item.node = old.node;
      else carry_over(old.node, item.node);
    }
    const kept = new Set(after.map((item) => item.node));
    for (const node of [...this.place.children]) if (!kept.has(node)) node.remove();
    let cursor = this.place.firstElementChild;
    for (const { node } of after) {
      if (node === cursor) cursor = cursor.nextElementSibling;
      else this.place.insertBefore(node, cursor);
    }
    for (const { node } of after) restore_scroll(node);
    this.sections = after;
    if (focused && document.activeElement.id !== focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

function key_of(node) {
  return node.id || node.querySelector("h2, h1")?.textContent || node.querySelector("[id]")?.id || node.className;
}

// Keep drawn charts, opened details and the places to which tables are scrolled.
function carry_over(old, fresh) {
  for (const place of fresh.querySelectorAll(".chart[id]")) {
    const known = old.querySelector(`#${CSS.escape(place.id)}`);
    if (known?.figure) place.replaceWith(known);
  }
  const opened = [...old.querySelectorAll("details")];
  fresh.querySelectorAll("details").forEach((each, i) => { each.open = opened[i]?.open ?? false; });
  const scrolled = [...old.querySelectorAll(SCROLLING)];
  fresh.querySelectorAll(SCROLLING).forEach((each, i) => { each.scrolled = scrolled[i] && [scrolled[i].scrollLeft, scrolled[i].scrollTop]; });
}

function restore_scroll(node) {
  for (const each of node.querySelectorAll(SCROLLING)) {
    if (each.scrolled) [each.scrollLeft, each.scrollTop] = each.scrolled;
    each.scrolled = null;
    sized.observe(each);
  }
  for (const each of node.querySelectorAll(".trials td, .trials th")) {
    if (each.scrollWidth > each.clientWidth) each.title = each.textContent;
  }
}

// The script of the charts is a megabyte, so it is loaded with the first chart.
let loading = null;
function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = "/static/plotly.js";
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

// Each drawn chart costs megabytes: one is drawn when it comes near the window, and the first ones far from it are given
// up again.
const MOST_DRAWN = 12;
const drawn = new Set();
const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    target.near = isIntersecting;
    if (isIntersecting && !drawn.has(target)) render(target);
  }
}, { rootMargin: "500px" });

function draw(place, text, known) {
  if (place === null || (place.figure && known.get(place.id) === text)) return;
  known.set(place.id, text);
  place.figure = JSON.parse(text);
  place.style.minHeight = `${place.figure.layout.height ?? 300}px`;
  near.observe(place);
  if (place.near) render(place);
}

const axes_of = (layout) => Object.keys(layout).filter((name) => /^[xy]axis/.test(name));

// With a mouse, a rectangle enlarges a part of a chart, and a double click shows all; a finger scrolls the page.
function render(place) {
  const { data, layout: { ...layout } } = place.figure;
  layout.uirevision = "kept";
  // A raised exponent would need an inline style, which the policy of the page forbids.
  for (const axis of axes_of(layout)) {
    if (layout[axis].exponentformat === "power") layout[axis] = { ...layout[axis], exponentformat: "e" };
  }
  if (matchMedia("(pointer: fine)").matches) {
    layout.dragmode = "zoom";
    for (const axis of axes_of(layout)) layout[axis] = { ...layout[axis], fixedrange: false };
  }
  Plotly.react(place, data, layout, { responsive: true, displayModeBar: false });
  if (!drawn.has(place)) place.on("plotly_click", open_trial);
  drawn.add(place);
  for (const other of drawn) {
    if (other.isConnected && (other.near || drawn.size <= MOST_DRAWN)) continue;
    Plotly.purge(other);
    drawn.delete(other);
  }
}

// The text of each point begins with its trial.
function open_trial({ points: [point] }) {
  const number = /^trial (\d+)/.exec(point.hovertext ?? point.text ?? "")?.[1];
  if (number) location.assign(`${location.pathname.split("/").slice(0, 3).join("/")}/trials/${number}`);
}

function show_problem(place, text) {
  const section = document.createElement("section");
  section.className = "problem";
  section.setAttribute("role", "alert");
  section.append(document.createElement("p"));
  section.firstChild.textContent = text;
  place.replaceChildren(section);
}

const parts = [...document.querySelectorAll("[data-part]")].map((place) => new Part(place));
const part_at = (id) => parts.find((part) => part.place.id === id);

function say_live(text, on) {
  if (live.textContent !== text) live.textContent = text;
  live.classList.toggle("on", on);
}

// One after the other, so that how the campaign stands does not wait for its charts.
async function refresh_all() {
  for (const part of parts) await part.refresh();
}

// Nothing is asked for while nobody sees the page; the first event of a new connection names the present version.
function follow() {
  const address = document.body.dataset.feed;
  if (address === undefined) return;
  if (document.hidden) {
    feed?.close();
    feed = null;
  } else if (feed === null) {
    feed = new EventSource(address);
    feed.addEventListener("open", () => say_live("live", true));
    feed.addEventListener("changed", refresh_all);
    feed.addEventListener("error", () => {
      say_live("not connected, trying again", false);
      // A browser gives up if the answer is no feed, as from a proxy whose server is down.
      if (feed?.readyState === EventSource.CLOSED) {
        feed = null;
        setTimeout(follow, 2000);
      }
    });
  }
}
document.addEventListener("visibilitychange", follow);
setInterval(refresh_all, STAYS_MS);

// The choice of trials, and pages of tables.
const choose = document.getElementById("choose");
if (choose !== null) {
  const part = part_at(choose.dataset.for);
  const kept = new URLSearchParams(location.search);
  for (const field of choose.elements) if (kept.has(field.name)) field.value = kept.get(field.name);
  if (kept.has("page")) part.choice.set("page", kept.get("page"));
  const changed = (page) => {
    part.choice = new URLSearchParams(new FormData(choose));
    if (page > 1) part.choice.set("page", page);
    history.replaceState(null, "", `?${part.choice}`);
    part.refresh(true);
  };
  let later = 0;
  choose.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(changed, 200, 1);
  });
  choose.addEventListener("submit", (event) => event.preventDefault());
  changed(Number(kept.get("page") ?? 1));
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-page]");
  if (button === null) return;
  const part = part_at(button.dataset.target);
  part.choice.set("page", button.dataset.page);
  if (choose !== null) history.replaceState(null, "", `?${part.choice}`);
  part.refresh(true);
});

document.getElementById("verify")?.addEventListener("click", async (event) => {
  const button = event.target, place = document.getElementById("verified");
  button.disabled = true;
  place.textContent = "Verifying …";
  try {
    const answer = await fetch(button.dataset.address);
    if (!answer.ok) throw new Error(await answer.text());
    place.innerHTML = (await answer.json()).html;
  } catch (problem) {
    place.textContent = String(problem.message);
  }
  button.disabled = false;
});

follow();
