// Makes smoother what works without it: pages are put in without a flash, rows change by themselves, keys work.
"use strict";

const $ = (what, where = document) => where.querySelector(what);
const $$ = (what, where = document) => [...where.querySelectorAll(what)];
// Text becomes elements here alone: pages of this server, read by the browser's own parser.
const policy = window.trustedTypes?.createPolicy("oms", { createHTML: (text) => text });
const parse = (text) => new DOMParser().parseFromString(policy ? policy.createHTML(text) : text, "text/html");
const say = (text) => {
  const place = $("#says");
  if (!place) return;
  place.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => (place.textContent = ""), 4000);
};

// ---- Going from page to page -------------------------------------------------------------------
let going = null;

async function go(url, options = {}, is_back = false) {
  going?.abort();
  const mine = (going = new AbortController());
  document.documentElement.classList.add("loading");
  try {
    const response = await fetch(url, { ...options, signal: mine.signal, headers: { accept: "text/html", ...options.headers } });
    const type = response.headers.get("content-type") ?? "";
    const at = new URL(response.url);
    // What is no page of the back office is opened as the browser does.
    if (!type.startsWith("text/html") || at.pathname === "/login") return location.assign(response.url);
    const page = parse(await response.text());
    if (!$("main", page) || !$("nav.side", page)) return location.assign(response.url);
    show(page);
    const hash = new URL(url, location.href).hash;
    if (!is_back && response.url + hash !== location.href) history.pushState(null, "", response.url + hash);
    if (!is_back) scrollTo(0, 0);
    $("main").focus({ preventScroll: true });
    if (hash) $(hash)?.scrollIntoView();
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
  } finally {
    if (going === mine) document.documentElement.classList.remove("loading");
  }
}

function show(page) {
  document.title = page.title;
  for (const part of ["main", "nav.side", ".small-nav ul"]) {
    const [old, now] = [$(part), $(part, page)];
    if (old && now) old.replaceWith(document.adoptNode(now));
  }
  $$("header details[open]").forEach((menu) => (menu.open = false));
  arrive();
}

addEventListener("popstate", () => go(location.href, {}, true));

const is_ours = (link) => link.origin === location.origin && /^\/(en|tr)\/oms(\/|$)/.test(link.pathname);

addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  $$("details.menu[open]").filter((menu) => !menu.contains(event.target)).forEach((menu) => (menu.open = false));
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL(link.href?.baseVal ?? link.href, location.href);
  if (!is_ours(to) || link.hasAttribute("download") || link.closest("[data-whole]") || link.target) return;
  if (to.hash && to.pathname + to.search === location.pathname + location.search) return;
  event.preventDefault();
  go(to.href);
});

addEventListener("submit", (event) => {
  const form = event.target;
  const asks = event.submitter?.dataset.ask ?? form.dataset.ask;
  if (asks && !confirm(asks)) return event.preventDefault();
  if (form.getAttribute("method") === "dialog" || form.closest("[data-whole]")) return;
  const to = new URL(event.submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.pathname, location.href);
  if (!is_ours(to)) return;
  event.preventDefault();
  if (form.getAttribute("aria-busy")) return;
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  if (form.getAttribute("method") !== "post") {
    [...fields].filter(([, value]) => value === "").forEach(([name]) => fields.delete(name));
    to.search = fields;
    return go(to.href);
  }
  form.setAttribute("aria-busy", "true");
  go(to.href, { method: "POST", body: fields }).finally(() => form.removeAttribute("aria-busy"));
});

// ---- Rows that change by themselves ------------------------------------------------------------
let stream = null;

function listen() {
  stream?.close();
  stream = null;
  const live = $("main [data-live]");
  const sign = $("#live");
  if (sign) sign.hidden = true;
  if (!live || !window.EventSource) return;
  const lang = document.documentElement.lang;
  stream = new EventSource(`/${lang}/oms/live?of=${live.dataset.live}&ids=${live.dataset.ids}&after=${live.dataset.after}`);
  stream.onopen = () => sign && (sign.hidden = false);
  stream.onerror = () => sign && (sign.hidden = true);
  stream.addEventListener("changed", (event) => changed(live, JSON.parse(event.data)));
}

// What people read, without the words that only time changes.
function text(main) {
  const copy = main.cloneNode(true);
  $$("time, .new-rows, .said", copy).forEach((part) => part.remove());
  return copy.textContent;
}

async function changed(live, { ids, new: more }) {
  if (!live.isConnected) return;
  const response = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!response.ok || !live.isConnected) return;
  const page = parse(await response.text());
  if (live.tagName !== "TABLE") {
    // Nobody's half-written form is thrown away.
    if ($("main details.menu[open]") || $("main")?.contains(document.activeElement?.closest("form"))) return offer(live, 0);
    // What this page did itself it shows already: nothing moves under the next click.
    if (!$("main", page) || text($("main", page)) === text($("main"))) return;
    show(page);
    $("main .head")?.classList.add("flash");
    return;
  }
  // Of what is new, what fits this list.
  const shown = new Set(live.dataset.ids.split(","));
  const fresh = $$("main tr[data-id]", page).filter((row) => !shown.has(row.dataset.id)).length;
  if (more && fresh) offer(live, fresh);
  for (const id of ids) {
    const [old, now] = [$(`tr[data-id="${id}"]`, live), $(`tr[data-id="${id}"]`, page)];
    if (!old) continue;
    if (!now) {
      // It does not fit any more: it stays under the hand, but not as if nothing had happened.
      old.classList.add("gone");
      if (!$(".new-rows")) offer(live, 0);
      continue;
    }
    const was = $(".tick input", old)?.checked;
    const row = document.adoptNode(now);
    if ($(".tick input", row)) $(".tick input", row).checked = was;
    if (old.classList.contains("here")) row.classList.add("here");
    row.classList.add("flash");
    old.replaceWith(row);
  }
}

// A list never moves under the hand: new rows are offered.
function offer(live, more) {
  let button = $(".new-rows");
  if (!button) {
    button = document.createElement("button");
    button.className = "new-rows";
    button.addEventListener("click", () => go(location.href));
    (live.closest(".scroll") ?? live).before(button);
  }
  const words = $("#live").dataset;
  button.textContent = more ? words.more.replace("{0}", more) : words.changed;
}

// ---- Ticks -------------------------------------------------------------------------------------
function count(form) {
  const ticks = $$("tbody .tick input", form);
  const chosen = ticks.filter((tick) => tick.checked).length;
  const told = $("[data-chosen]", form);
  const everything = $("[data-everything]", form)?.checked;
  if (told) {
    told.hidden = everything;
    told.dataset.none ??= told.textContent;
    told.textContent = chosen ? told.dataset.chosen.replace("{0}", chosen) : told.dataset.none;
  }
  // What can be done shows when there is something to do it to.
  $$(".bulk button", form).forEach((button) => (button.hidden = !chosen && !everything));
  const all = $("[data-all]", form);
  if (all) [all.checked, all.indeterminate] = [chosen === ticks.length && chosen > 0, chosen > 0 && chosen < ticks.length];
}

addEventListener("change", (event) => {
  const form = event.target.closest("form[data-bulk]");
  if (form) {
    if (event.target.matches("[data-all]")) $$("tbody .tick input", form).forEach((tick) => (tick.checked = event.target.checked));
    count(form);
  }
  if (event.target.matches("[data-go]")) event.target.form.requestSubmit();
  const shows = event.target.closest("[data-shows]");
  if (shows) reveal(shows);
});

// Fields that belong to one choice are shown with it.
function reveal(choice) {
  const value = choice.type === "checkbox" ? String(choice.checked) : choice.value;
  const parts = [...(choice.closest("label") ?? choice).parentElement.children].filter((part) => part.dataset.for);
  parts.forEach((part) => (part.hidden = !part.dataset.for.split(" ").includes(value)));
}

// ---- Keys --------------------------------------------------------------------------------------
const rows = () => $$("main table.list tbody tr").filter((row) => $("a.row", row));

function move(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.classList.contains("here"));
  const next = Math.min(Math.max(at + by, 0), all.length - 1);
  all[at]?.classList.remove("here");
  all[next].classList.add("here");
  $("a.row", all[next]).focus();
  all[next].scrollIntoView({ block: "nearest" });
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  x: () => {
    const tick = $("main tr.here .tick input");
    tick?.click();
  },
  Enter: () => $("main tr.here a.row")?.click(),
  "/": () => {
    const menu = $("main details.filter");
    if (!menu) return $("#search")?.focus();
    menu.open = true;
    $("input, select", menu)?.focus();
  },
  e: () => {
    const all = $$("main [data-command]");
    all[(all.indexOf(document.activeElement) + 1) % all.length]?.focus();
  },
  "?": () => $("#help")?.showModal(),
};

addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && $("#palette")) {
    event.preventDefault();
    return openPalette();
  }
  if (event.key === "Escape") $$("details.menu[open]").forEach((menu) => ((menu.open = false), $("summary", menu).focus()));
  const writes = event.target.closest?.("input:not([type=checkbox]), select, textarea, dialog");
  if (writes || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  event.preventDefault();
  keys[event.key]();
});

// ---- Palette: go to, run, find -----------------------------------------------------------------
function openPalette() {
  const palette = $("#palette");
  if (palette.open) return;
  palette.showModal();
  const input = $("input", palette);
  input.value = "";
  fill(palette, "");
}

function choices(text) {
  const words = text.toLocaleLowerCase();
  const fits = ({ name }) => name.toLocaleLowerCase().includes(words);
  const pages = $$("nav.side a").map((link) => ({ name: link.textContent, run: () => go(link.href), href: link.href }));
  const commands = $$("main [data-command]").map((button) => ({
    name: button.dataset.command,
    about: "▸",
    run: () => (button.matches("summary") ? ((button.parentElement.open = true), $("input:not([type=hidden]), select", button.parentElement)?.focus()) : button.click()),
  }));
  return [...commands, ...pages].filter(fits).slice(0, 12);
}

async function fill(palette, text) {
  const input = $("input", palette);
  draw(palette, choices(text));
  if (text.length < 2) return;
  clearTimeout(fill.timer);
  fill.timer = setTimeout(async () => {
    const response = await fetch(`${input.dataset.search}?q=${encodeURIComponent(text)}&list=1`, { headers: { accept: "text/html" } });
    if (!response.ok || input.value !== text) return;
    const found = $$("ul.results li", parse(await response.text()));
    const results = found.map((li) => ({ name: $("a", li).textContent, about: $(".soft", li)?.textContent, run: () => go($("a", li).href) }));
    draw(palette, [...results, ...choices(text)]);
  }, 120);
}

function draw(palette, all) {
  const list = $("ul", palette);
  list.replaceChildren(
    ...all.map((one, i) => {
      const [li, link, about] = ["li", "a", "span"].map((name) => document.createElement(name));
      link.href = one.href ?? "#";
      link.tabIndex = -1;
      link.append(one.name);
      about.className = "soft";
      about.textContent = one.about ?? "";
      link.append(about);
      li.append(link);
      li.setAttribute("aria-selected", String(i === 0));
      li.addEventListener("click", (event) => {
        event.preventDefault();
        event.stopPropagation();
        palette.close();
        one.run();
      });
      return li;
    }),
  );
}

addEventListener("input", (event) => {
  const palette = event.target.closest?.("#palette");
  if (palette) fill(palette, event.target.value.trim());
});

addEventListener("keydown", (event) => {
  const palette = event.target.closest?.("#palette");
  if (!palette || !["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) return;
  event.preventDefault();
  const all = $$("li", palette);
  const at = all.findIndex((li) => li.getAttribute("aria-selected") === "true");
  if (event.key === "Enter") return all[at]?.click();
  const next = (at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length;
  all[at]?.setAttribute("aria-selected", "false");
  all[next]?.setAttribute("aria-selected", "true");
  all[next]?.scrollIntoView({ block: "nearest" });
});

// ---- Rules in an order: dragged, or moved by their buttons ---------------------------------------
let dragged = null;
addEventListener("dragstart", (event) => (dragged = event.target.closest?.("li[draggable]")));
addEventListener("dragover", (event) => {
  const over = event.target.closest?.("li[draggable]");
  $$("li.over").forEach((li) => li.classList.remove("over"));
  if (!dragged || !over || over.parentElement !== dragged.parentElement) return;
  event.preventDefault();
  over.classList.add("over");
});
addEventListener("drop", (event) => {
  const over = event.target.closest?.("li[draggable]");
  if (!dragged || !over || over === dragged) return;
  event.preventDefault();
  const all = [...over.parentElement.children];
  const form = $("form[data-order]");
  form.elements.from.value = all.indexOf(dragged);
  form.elements.to.value = all.indexOf(over);
  form.requestSubmit();
});
addEventListener("dragend", () => {
  dragged = null;
  $$("li.over").forEach((li) => li.classList.remove("over"));
});

// ---- Long work: a page that asks again until it is done ------------------------------------------
function follow() {
  clearTimeout(follow.timer);
  const work = $("main [data-again]");
  if (!work) return;
  follow.timer = setTimeout(async () => {
    const response = await fetch(location.href, { headers: { accept: "text/html" } }).catch(() => null);
    if (!work.isConnected) return;
    if (!response?.ok) return follow();
    const now = $("main", parse(await response.text()));
    if (now && !$("main")?.contains(document.activeElement?.closest("form, details.menu"))) {
      $("main").replaceWith(document.adoptNode(now));
      arrive();
    } else follow();
  }, Number(work.dataset.again));
}

function arrive() {
  $$("form[data-bulk]").forEach(count);
  $$("[data-shows]").forEach(reveal);
  listen();
  follow();
}

arrive();
