// What the pages' buttons and fields do. Without it everything can be read, and the browser's own means are left.
const root = document.documentElement;

// Colors as the system has them, light, dark: the choice is remembered where storage is not blocked.
const SCHEMES = { "": "as the system", light: "light", dark: "dark" };
const palette = document.querySelector(".palette");
const painted = (scheme) => {
  root.dataset.scheme = scheme;
  palette.title = palette.ariaLabel = `Colors: ${SCHEMES[scheme]}`;
};
painted(root.dataset.scheme in SCHEMES ? root.dataset.scheme : "");
palette.hidden = false;
palette.addEventListener("click", () => {
  const all = Object.keys(SCHEMES);
  painted(all[(all.indexOf(root.dataset.scheme) + 1) % all.length]);
  try {
    localStorage.setItem("handbook.scheme", root.dataset.scheme);
  } catch {} // remembered for this page alone
});

// The contents mark the section that is read, the header names the page, the way up shows when the reader turns back.
const sections = [...document.querySelectorAll(".md-nav--secondary a[href^='#']")].map((link) => [link, document.getElementById(decodeURIComponent(link.hash.slice(1)))]);
const title = document.querySelector(".md-header__title");
const up = document.querySelector(".md-top");
let last = 0;
const scrolled = () => {
  const at = sections.findLastIndex(([, heading]) => heading?.getBoundingClientRect().top < 120);
  sections.forEach(([link], place) => link.classList.toggle("md-nav__link--active", place === at));
  title.classList.toggle("md-header__title--active", scrollY > 160);
  up.hidden = scrollY < 400 || scrollY >= last;
  last = scrollY;
};
addEventListener("scroll", scrolled, { passive: true });
scrolled();
up.addEventListener("click", () => scrollTo(0, 0));

// A section chosen in the drawer is shown; an address may lead into a folded answer; paper cannot be unfolded.
const led = () => {
  document.querySelector("#__drawer").checked = false;
  const fold = document.getElementById(decodeURIComponent(location.hash.slice(1)))?.closest("details");
  if (fold) fold.open = true;
};
addEventListener("hashchange", led);
led();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));

// A button beside each block of code copies it; where the browser gives no clipboard there is none.
for (const pre of navigator.clipboard ? document.querySelectorAll(".highlight > pre") : []) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "copy", textContent: "Copy" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(pre.textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  pre.before(button);
}

// The link to a page's Markdown copies it; where that cannot be, it stays a link.
for (const link of navigator.clipboard && window.ClipboardItem ? document.querySelectorAll(".copy-page") : []) {
  link.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      const text = fetch(link.href).then(async (answer) => {
        if (!answer.ok) throw new Error(answer.status);
        return new Blob([await answer.text()], { type: "text/plain" });
      });
      await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
      link.textContent = "copied as Markdown";
      setTimeout(() => (link.textContent = "copy as Markdown"), 2000);
    } catch {
      location.href = link.href;
    }
  });
}

// The search is fetched when its field is first used; a slash leads there.
const field = document.querySelector(".find input");
const script = document.currentScript.src.replace("handbook.js", "search.js");
field?.addEventListener("focus", () => import(script), { once: true });
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  field?.focus();
});
