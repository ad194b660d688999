// What the search field does, loaded when it is first used. Pagefind tells on which pages each word stands; here long
// input is cut to its telling words, their pages' sections are ranked, and what was found is shown and announced.
const site = new URL("../", import.meta.url);
const STOP = new Set(
  ("a about after again all also always am an and any are as at be because been being but by can cannot could did do does doing don each error errors every for " +
    "from get gets getting give go got had has have having he her here him his how i if im in into is isn issue it its just " +
    "know let like make many may me might more most much must my need no not now of on one only or other our out over own please problem question " +
    "s same see she should so some still such t support than thank thanks that the their them then there these they this those to " +
    "too try trying up us use used using very via was way we well were what when where whether which while who why will " +
    "with within without won would you your").split(" "),
);
const NOISE = /^\d{1,2}$|^\d{5,}$|^(?=.*[a-f])(?=.*\d)[0-9a-f]{4,}$|^(?=(?:.*\d){3})(?=.*[a-z]).{9,}$/; // ids, times, hashes
const MOST_WORDS = 14; // of a pasted text: each may load a part of the index
const ENOUGH_WORDS = 3; // beyond these, words that stand everywhere are dropped
const MOST_PAGES = 6; // whose text is loaded to rank their sections
const MOST_HITS = 8;
const SYNONYM = 0.5; // what a synonym of a typed word counts, and a part of a compound
const KNOWN = 0.12; // a score below is a mere prefix of the word
const IN_TITLE = 1.2;
const TOGETHER = 2;
const PAGE = 0.3;
const CLOSE = 25; // words
const BUCKET = 200; // words: about a section
// Sections that repeat what others explain.
const ASIDE = { Lab: 0.5, "Check yourself": 0.5, Checklist: 0.5, "Beyond one machine": 0.6, "Why this chapter exists": 0.5, "How the parts fit": 0.5, "Sources by key": 0.5, "Where to start": 0.7 };

let engine, book, loading;
const shelves = {};

const ready = () => (loading ??= load().catch((fault) => {
  loading = undefined;
  throw fault;
}));

async function load() {
  if (typeof WebAssembly !== "object") throw new Unable("This browser has no WebAssembly, which the search needs.");
  try {
    [engine, book] = await Promise.all([
      import(new URL("pagefind/pagefind.js", site)),
      fetch(new URL("pagefind/handbook.json", site)).then((answer) => answer.json()),
    ]);
  } catch {
    throw new Unable("There is no search index here: uv run handbook build makes a site that has one.");
  }
  try {
    await engine.options({
      noWorker: true,
      ranking: { termSimilarity: 14, pageLength: 0.4, termSaturation: 1.6, metaWeights: { title: 2, chapter: 0.2 } },
    });
    await engine.init();
    await engine.search(""); // until all is loaded
  } catch {
    throw new Unable("The search index cannot be read: reload the page, or build the site again.");
  }
}

class Unable extends Error {}
const stale = () => new Unable("The search index does not fit these pages: reload the page, or build the site again.");

// ---------- words ----------

/** The words of a text that tell most, each with what it counts. */
export function telling(text) {
  const plain = text.slice(0, 20000).normalize("NFKC").replace(/[\p{C}\s]+/gu, " ").trim();
  const found = new Map();
  const add = (word, weight) => {
    if (word.length > 1 && word.length < 40 && !STOP.has(word) && !NOISE.test(word)) {
      found.set(word, Math.max(weight, found.get(word) ?? 0));
    }
  };
  for (const [raw] of plain.matchAll(/[\p{L}\p{N}_](?:[\p{L}\p{N}_./:'’-]*[\p{L}\p{N}_])?/gu)) {
    const parts = raw.replace(/['’]\p{L}{1,2}$/u, "").split(/[^\p{L}\p{N}]+|(?<=[\p{Ll}\d])(?=\p{Lu})/u).filter(Boolean);
    const whole = parts.join("").toLowerCase();
    if (parts.length > 1 && parts.length < 5) add(whole, 1);
    for (const part of parts) add(part.toLowerCase(), parts.length > 1 ? 0.7 : 1);
  }
  let words = [...found].map(([word, weight]) => ({ word, weight }));
  if (words.length > MOST_WORDS) {
    // In a pasted error, names with capitals, underscores or dots and words that come back tell more than the rest.
    const loud = (word) => Number(new RegExp(`[A-Z_.]\\w*${word}|${word}[_.]|${word}Error`, "i").test(plain)) + Math.min(word.length, 12) / 12;
    const rank = new Map(words.map(({ word }, place) => [word, loud(word) - place / 60]));
    words = words.sort((one, other) => rank.get(other.word) - rank.get(one.word)).slice(0, MOST_WORDS);
  }
  return { plain, words };
}

/** Of many words, those that do not stand everywhere: what the others cost to load grows with the handbook. */
function rarest(words) {
  const place = new Map(book.common.map((word, at) => [word, at]));
  const dear = words.filter(({ word }) => place.has(word)).sort((one, other) => place.get(one.word) - place.get(other.word));
  const dropped = new Set(dear.slice(0, Math.max(0, words.length - ENOUGH_WORDS)));
  return words.filter((one) => !dropped.has(one));
}

/** Other names of the glossary's terms that a text holds. */
function synonyms(plain, words) {
  const text = ` ${flat(plain)} `;
  const extra = new Map();
  for (const { names } of book.terms) {
    if (!names.some((name) => text.includes(` ${flat(name)} `) || text.includes(` ${flat(name)}s `))) continue;
    for (const { word } of names.flatMap((name) => telling(name).words)) {
      if (!words.some((one) => one.word === word)) extra.set(word, SYNONYM / Math.max(1, names.length - 1));
    }
  }
  return [...extra].slice(0, MOST_WORDS).map(([word, weight]) => ({ word, weight, silent: true }));
}

const flat = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();
const stem = (word) => (word.length > 4 ? word.replace(/(?:ations?|ings?|ions?|ies|ers?|ed|es|ly|s|e|y)$/, "") : word);

/** The handbook's words that begin with the same letter, frequent first. */
function shelf(letter) {
  shelves[letter] ??= fetch(new URL(`pagefind/words/${letter}.txt`, site))
    .then((answer) => (answer.ok ? answer.text() : ""))
    .then((text) => text.split("\n").filter(Boolean));
  return shelves[letter];
}

async function meant(word) {
  if (!/^[a-z]{4,24}$/.test(word)) return {};
  const words = await shelf(word[0]);
  if (words.includes(word)) return { known: true };
  const whole = words.find((one) => one.startsWith(word));
  if (whole) return { best: whole, typing: true };
  const root = stem(word);
  if (words.some((one) => one.startsWith(root) && one.length - root.length < 5)) return {};
  const allowed = word.length < 6 ? 1 : 2;
  let best, distance = allowed + 1;
  for (const one of words) {
    const far = Math.abs(one.length - word.length) > allowed ? allowed + 1 : edits(word, one);
    if (far < distance) [best, distance] = [one, far];
  }
  return { best };
}

/** Insertions, deletions, changes and swaps of neighbors between two words. */
function edits(one, other) {
  const rows = [Array.from({ length: other.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= one.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + same);
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[one.length][other.length];
}

// ---------- ranking ----------

/** The sections that answer a text, best first. */
export async function find(text) {
  await ready();
  const { plain, words: asked } = telling(text);
  const words = rarest(asked);
  const wanted = [...words, ...synonyms(plain, words)];
  const corrected = [];
  for (const one of wanted) {
    one.pages = (await engine.search(one.word))?.results ?? [];
    const weak = (one.pages[0]?.score ?? 0) < KNOWN;
    // The last word may be half of one, and at the same time the stem of another: "stampe" of "stamped".
    if (!one.silent && words.length <= 6 && (weak || one === words.at(-1))) {
      const { known, best, typing } = await meant(one.word);
      if (known && !one.pages.length) throw stale();
      if (best && (weak || typing)) {
        if (!typing) corrected.push([one.word, best]);
        one.word = best;
        one.pages = (await engine.search(best))?.results ?? [];
      }
    }
    one.pages = one.pages.filter((page) => page.score > KNOWN);
    one.top = one.pages[0]?.score ?? 0;
    // How rare a word is among sections; their number is known, those that hold it are counted in steps of their length.
    const places = new Set(one.pages.flatMap(({ id, words: at }) => [...at].map((place) => `${id} ${Math.floor(place / BUCKET)}`))).size || one.pages.length;
    one.rarity = idf(book.words / BUCKET, places);
    one.spread = idf(book.pages, one.pages.length);
  }
  const known = wanted.filter((one) => one.pages.length);
  const all = sum(wanted.filter((one) => !one.silent), (one) => one.weight * (one.pages.length ? one.rarity : 1));
  const pages = new Map();
  for (const one of known) {
    for (const page of one.pages) {
      const entry = pages.get(page.id) ?? pages.set(page.id, { score: 0, covered: 0, words: [] }).get(page.id);
      entry.score += (one.weight * page.score * one.rarity) / one.spread;
      if (!one.silent) entry.covered += one.weight * one.rarity;
      entry.words.push([one, page]);
    }
  }
  for (const entry of pages.values()) entry.score *= 0.3 + entry.covered / (all || 1);
  const best = [...pages.values()].sort((one, other) => other.score - one.score).slice(0, MOST_PAGES);
  const hits = [];
  try {
    for (const entry of best) hits.push(...(await sections(entry, all)));
  } catch {
    throw stale();
  }
  hits.sort((one, other) => other.score - one.score);
  const shown = [];
  for (const hit of hits) {
    if (shown.filter((one) => one.page === hit.page).length < 3 && hit.score > hits[0].score / 6) shown.push(hit);
    if (shown.length === MOST_HITS) break;
  }
  return { plain, words, hits: shown, corrected, marks: known.map((one) => stem(one.word)) };
}

/** A page's sections with how well each answers. */
async function sections(entry, all) {
  let data;
  const parts = [];
  for (const [one, page] of entry.words) {
    data = await page.data();
    if (!parts.length) {
      const starts = data.anchors.filter((anchor) => /^h[23]$/.test(anchor.element)).sort((a, b) => a.location - b.location);
      parts.push({ id: "", title: data.meta.title, from: 0 });
      for (const { id, text, location } of starts) parts.push({ id, title: text, from: location });
      parts.forEach((part, at) => Object.assign(part, { to: parts[at + 1]?.from ?? data.word_count, score: 0, covered: 0, at: [] }));
    }
    const counts = new Map();
    for (const { location, weight } of data.weighted_locations) {
      const part = parts.findLast((candidate) => candidate.from <= location);
      counts.set(part, (counts.get(part) ?? 0) + weight);
      if (!one.silent) part.at.push([location, one]);
    }
    for (const part of parts) {
      if (flat(part.title).split(" ").some((word) => word.startsWith(stem(one.word)))) part.score += IN_TITLE * one.weight * one.rarity;
    }
    for (const [part, count] of counts) {
      const length = Math.max(part.to - part.from, 40) / 250;
      part.score += one.weight * one.rarity * ((2.4 * count) / (count + 1.4 * (0.6 + 0.4 * length)));
      if (!one.silent) part.covered += one.weight * one.rarity;
    }
  }
  const address = data.raw_url.replace(/^\//, "");
  const text = data.content.split(/\s+/);
  return parts
    .filter((part) => part.score)
    .map((part) => ({
      page: data.meta.title,
      chapter: data.meta.chapter,
      title: part.title,
      address: address + (part.id && `#${part.id}`),
      score: (ASIDE[part.title] ?? 1) * (part.score * (0.3 + part.covered / (all || 1)) + TOGETHER * together(part.at)) + PAGE * entry.score,
      text: text.slice(part.from, part.to).join(" "),
    }));
}

/** How much of what was asked stands within a row or a few lines. */
function together(at) {
  at.sort(([one], [other]) => one - other);
  let most = 0;
  for (let from = 0; from < at.length; from++) {
    const near = new Set();
    for (let to = from; to < at.length && at[to][0] - at[from][0] < CLOSE; to++) near.add(at[to][1]);
    most = Math.max(most, sum([...near], (one) => one.weight * one.rarity));
  }
  return most;
}

const idf = (all, some) => Math.log(1 + Math.max(0, all - some + 0.5) / (some + 0.5));
const sum = (list, value) => list.reduce((total, one) => total + value(one), 0);

// ---------- what the reader sees ----------

const input = document.querySelector(".find input");
const panel = document.querySelector(".find__panel");
const status = document.querySelector(".find [role=status]"); // outside the panel: what is hidden is not announced
const visible = panel.querySelector(".find__said");
const list = panel.querySelector("[role=listbox]");
let latest = 0, chosen = -1, due;

function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function show(open) {
  panel.hidden = !open;
  input.setAttribute("aria-expanded", String(open && list.children.length > 0));
  if (!open) choose(-1);
}

function choose(place) {
  list.children[chosen]?.setAttribute("aria-selected", "false");
  chosen = place;
  const option = list.children[place];
  if (!option) return input.removeAttribute("aria-activedescendant");
  option.setAttribute("aria-selected", "true");
  input.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function option(address, place, title, ...rest) {
  const link = make("a", { href: new URL(address, site), tabIndex: -1 }, make("span", { className: "find__place", textContent: place }), make("strong", {}, title), ...rest);
  link.setAttribute("role", "option");
  link.setAttribute("aria-selected", "false");
  link.addEventListener("click", () => show(false));
  return link;
}

function fill(said, options) {
  status.textContent = said;
  visible.textContent = [said, book?.note].filter(Boolean).join(" · ");
  options.forEach((one, place) => (one.id = `find-${place}`));
  list.replaceChildren(...options);
  chosen = -1;
  input.removeAttribute("aria-activedescendant");
  show(true);
}

const ways = () => [
  option("reference/#pages-in-reading-order", "Without the search", "Pages by chapter"),
  option("reference/glossary/", "Without the search", "Terms from A to Z"),
];

function marked(text, marks) {
  if (!marks.length) return [text];
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])((?:${marks.map((one) => one.replace(/[^\p{L}\p{N}]/gu, "")).filter(Boolean).join("|")})[\\p{L}\\p{N}]{0,6})`, "giu");
  return text.split(pattern).map((piece, at) => (at % 2 ? make("mark", { textContent: piece }) : piece));
}

/** The thirty words of a section around which most of the wanted ones stand. */
function excerpt(hit, marks) {
  const words = hit.text.slice(hit.text.startsWith(hit.title) ? hit.title.length + 1 : 0).split(" ");
  const at = words.map((word) => marks.find((one) => flat(word).split(" ").some((part) => part.startsWith(one))));
  let best = 0, most = -1;
  for (let from = 0; from < Math.max(1, words.length - 10); from += 5) {
    const distinct = new Set(at.slice(from, from + 30).filter(Boolean)).size;
    if (distinct > most) [best, most] = [from, distinct];
  }
  const cut = words.slice(best, best + 30).join(" ").slice(0, 260);
  return (best ? "… " : "") + cut + (best + 30 < words.length ? " …" : "");
}

async function nothing(plain, words) {
  const near = book.terms.filter(({ names }) => words.some(({ word }) => names.some((name) => alike(flat(name), word)))).slice(0, 4);
  const options = near.map(({ at, names }) => option(at, "Glossary", names[0]));
  for (const [address, title] of Object.entries(book.chapters)) options.push(option(address, "Chapter", title));
  return fill(words.length ? `Nothing found. ${near.length ? "Near terms and the" : "The"} chapters:` : "These words stand everywhere: add one that tells more. The chapters:", options);
}

function alike(name, word) {
  const three = (text) => new Set(Array.from({ length: Math.max(1, text.length - 2) }, (_, at) => text.slice(at, at + 3)));
  const [one, other] = [three(name), three(word)];
  return [...other].filter((part) => one.has(part)).length >= Math.max(1, other.size * 0.4);
}

async function answer() {
  const mine = ++latest;
  const text = input.value;
  if (!text.trim()) {
    list.replaceChildren();
    show(false);
    return;
  }
  if (!loading || !book) fill("Loading the index …", []);
  try {
    const { plain, words, hits, corrected, marks } = await find(text);
    if (mine !== latest) return;
    if (!hits.length) return await nothing(plain, words);
    const said = `${hits.length} section${hits.length > 1 ? "s" : ""} found`;
    const instead = corrected.map(([typed, taken]) => `, “${taken}” for “${typed}”`).join("");
    fill(`${said}${instead}`, hits.map((hit) => option(
      hit.address, [hit.chapter, hit.title === hit.page ? "" : hit.page].filter(Boolean).join(" › "), hit.title,
      make("span", { className: "find__text" }, ...marked(excerpt(hit, marks), marks)),
    )));
  } catch (error) {
    if (mine !== latest) return;
    fill(error instanceof Unable ? error.message : "The search failed: reload the page.", ways());
  } finally {
    if (mine === latest) panel.dataset.answers = text;
  }
}

input.addEventListener("input", () => {
  clearTimeout(due);
  due = setTimeout(answer, 120);
});
input.addEventListener("paste", (event) => {
  // A field of one line drops line breaks, and with them the borders of words.
  event.preventDefault();
  input.setRangeText(event.clipboardData.getData("text").replace(/\s+/g, " "), input.selectionStart, input.selectionEnd, "end");
  input.dispatchEvent(new Event("input"));
});
input.addEventListener("keydown", (event) => {
  const count = list.children.length;
  if (event.isComposing) return;
  if (event.key === "Escape") {
    if (panel.hidden) input.blur();
    show(false);
  } else if (panel.hidden && event.key === "ArrowDown" && count) {
    show(true);
  } else if (event.key === "ArrowDown" && count) {
    choose((chosen + 1) % count);
  } else if (event.key === "ArrowUp" && count) {
    choose(chosen < 1 ? count - 1 : chosen - 1);
  } else if (event.key === "Enter") {
    (list.children[chosen] ?? list.children[0])?.click();
  } else return;
  event.preventDefault();
});
input.addEventListener("focus", () => input.value.trim() && show(true));
document.addEventListener("pointerdown", (event) => event.target.closest(".find") || show(false));
document.addEventListener("focusin", (event) => event.target.closest(".find") || show(false));

document.head.append(make("link", { rel: "stylesheet", href: new URL("assets/search.css", site) }));
ready().catch(() => {}); // what is wrong is said when something is asked
panel.dataset.ready = "yes";
answer();
