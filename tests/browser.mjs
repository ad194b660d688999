// What Chromium says of a built site, as JSON on stdout. Usage: node browser.mjs CHROMIUM SITE '{"pages": [...], "lighthouse": {...}}'
// It serves the site on loopback with gzip, as the publishing servers do, and answers an unknown address with 404.html.
import { createServer } from "node:http";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const [chromium, site, wish] = process.argv.slice(2);
const { pages = [], bad = "", lighthouse: audits = {} } = JSON.parse(wish);
const need = createRequire(new URL("../package.json", import.meta.url));
const { default: puppeteer } = await import(need.resolve("puppeteer-core"));

const TYPES = {
  ".html": "text/html; charset=utf-8", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".json": "application/json",
  ".woff2": "font/woff2", ".png": "image/png", ".md": "text/markdown; charset=utf-8", ".xml": "text/xml", ".wasm": "application/wasm",
};
const server = createServer((request, response) => {
  let path = join(site, normalize(decodeURIComponent(new URL(request.url, "http://host").pathname)));
  if (existsSync(path) && statSync(path).isDirectory()) path = join(path, "index.html");
  const found = existsSync(path);
  path = found ? path : join(site, "404.html");
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  const packed = /^text|json|svg/.test(type);
  const body = packed ? gzipSync(readFileSync(path)) : readFileSync(path);
  response.writeHead(found ? 200 : 404, { "content-type": type, "content-length": body.length, ...(packed && { "content-encoding": "gzip" }) });
  response.end(body);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const home = `http://127.0.0.1:${server.address().port}/`;

const flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const browser = await puppeteer.launch({ executablePath: chromium, args: flags.split(" ") });

// Runs in each page before its own scripts.
function watch() {
  window.seen = { shift: 0, refused: [] };
  new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.seen.shift += one.value))).observe({ type: "layout-shift", buffered: true });
  document.addEventListener("securitypolicyviolation", (event) => window.seen.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
}

// The element that has the focus: whether a reader sees it, and sees that it has the focus.
function focused(first) {
  const all = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  if (first) {
    window.due = new Set([...document.querySelectorAll(all)].filter((one) => !one.disabled && one.tabIndex >= 0 && one.checkVisibility({ visibilityProperty: true, opacityProperty: true, contentVisibilityAuto: true })));
    return null;
  }
  const one = document.activeElement;
  if (one === document.body || one.dataset.visited) return { end: true, left: [...window.due].map((it) => it.outerHTML.slice(0, 150)) };
  one.dataset.visited = true;
  window.due.delete(one);
  const [box] = one.getClientRects();
  const inside = box && box.width > 0 && box.right > 0 && box.left < innerWidth && box.bottom > 0 && box.top < innerHeight;
  // A frame taller than the window has its upper corner under the header: what counts is that some of it is bare.
  const bare = box && [box.top + Math.min(box.height, 30) / 2, (Math.max(box.top, 0) + Math.min(box.bottom, innerHeight)) / 2].some((y) => {
    const top = document.elementFromPoint(Math.min(Math.max(box.left + Math.min(box.width, 40) / 2, 0), innerWidth - 1), y);
    return top && (one.contains(top) || top.contains(one));
  });
  const style = getComputedStyle(one);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  return inside && bare && ring ? {} : { fault: `${inside ? "" : "outside "}${bare ? "" : "covered "}${ring ? "" : "no ring "}${one.outerHTML.slice(0, 150)}` };
}

async function open(address, scheme, prepare = async () => {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.setViewport({ width: 1440, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.evaluateOnNewDocument(watch);
  const found = { bytes: 0, hosts: [], errors: [] };
  page.on("request", (one) => /^(data:|blob:)/.test(one.url()) || one.url().startsWith(home) || found.hosts.push(one.url()));
  page.on("console", (one) => one.type() === "error" && !/status of 404/.test(one.text()) && found.errors.push(one.text()));
  page.on("pageerror", (one) => found.errors.push(String(one)));
  const client = await page.createCDPSession();
  await client.send("Network.enable");
  client.on("Network.loadingFinished", (one) => (found.bytes += one.encodedDataLength));
  await prepare(page, client);
  await page.goto(new URL(address, home).href, { waitUntil: "networkidle0" });
  return { page, found, close: () => context.close() };
}

const text = (page) => page.evaluate(() => document.querySelector("article").innerText.replaceAll(/\s+/g, " ").replaceAll("Copy ", "").length);
const over = (page) => page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
const colour = (page, what) => page.evaluate((name) => getComputedStyle(document.body)[name], what);

// Changes what the server answered: an older browser, or a font that a reader blocks.
const changed = (change) => async (page) => {
  await page.setRequestInterception(true);
  page.on("request", async (one) => {
    if (!/\.(css|html|woff2)$|\/$/.test(new URL(one.url()).pathname)) return one.continue();
    const answer = change(one.url(), /woff2$/.test(one.url()) ? "" : await (await fetch(one.url())).text());
    return answer === null ? one.abort() : one.respond({ body: answer, contentType: /css$/.test(one.url()) ? "text/css" : "text/html; charset=utf-8" });
  });
};
const TRIALS = {
  plain: [async () => {}, async (page) => ({ paper: await colour(page, "backgroundColor") })],
  "no script": [(page) => page.setJavaScriptEnabled(false), async (page) => ({ copy: await page.$eval(".copy-page", (one) => one.getAttribute("href")) })],
  "blocked storage": [
    (page) => page.evaluateOnNewDocument(() => Object.defineProperty(window, "localStorage", { get() { throw new DOMException("blocked", "SecurityError"); } })),
    async (page) => {
      const before = await colour(page, "backgroundColor");
      await page.evaluate(() => document.querySelector(".palette").click());
      return { turns: before !== (await colour(page, "backgroundColor")) };
    },
  ],
  "no light-dark()": [
    changed((address, body) => body.replaceAll("light-dark(", "unknown-to-it(")),
    async (page) => ({ ink: await colour(page, "color"), paper: await colour(page, "backgroundColor") }),
  ],
  "blocked font": [changed((address, body) => (/woff2$/.test(address) ? null : body)), async (page) => ({ fonts: await page.evaluate(() => [...document.fonts].filter((one) => one.status === "loaded").length) })],
  "zoom 200 %": [(page) => page.setViewport({ width: 720, height: 450, deviceScaleFactor: 2 }), async () => ({})],
  "text 200 %": [async () => {}, async (page) => { await page.evaluate(() => document.documentElement.style.setProperty("font-size", "250%")); return {}; }],
  "forced colors": [
    (page, client) => client.send("Emulation.setEmulatedMedia", { features: [{ name: "forced-colors", value: "active" }] }),
    async (page) => ({
      ink: await colour(page, "color"), paper: await colour(page, "backgroundColor"),
      marks: await page.evaluate(() => [...document.querySelectorAll(".verdict")].every((one) => {
        const mark = getComputedStyle(one, "::before");
        return mark.backgroundImage !== "none" || mark.borderTopWidth !== "0px" || mark.backgroundColor !== getComputedStyle(document.body).backgroundColor;
      })),
    }),
  ],
  "reduced motion": [
    (page, client) => client.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-reduced-motion", value: "reduce" }] }),
    async (page) => ({ moving: await page.evaluate(() => [...document.querySelectorAll("*")].filter((one) => { const style = getComputedStyle(one); return style.animationName !== "none" || (style.transitionDuration !== "0s" && style.transitionProperty !== "none") || style.scrollBehavior === "smooth"; }).length) }),
  ],
  // Read by day, opened again at night: without a choice of the reader the page follows the system.
  evening: [async () => {}, async (page) => {
    const papers = [];
    for (const value of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
      await page.reload({ waitUntil: "networkidle0" });
      papers.push(await colour(page, "backgroundColor"));
    }
    return { papers };
  }],
  "as a file": [async () => {}, async (page) => ({ paper: await colour(page, "backgroundColor"), address: page.url() })],
  "missing anchor": [async () => {}, async (page) => ({ top: await page.evaluate(() => [location.hash, scrollY]) })],
  copying: [
    (page) => page.browserContext().overridePermissions(home.slice(0, -1), ["clipboard-read", "clipboard-write", "clipboard-sanitized-write"]),
    async (page) => {
      await page.bringToFront();
      await page.click(".copy-page");
      await page.waitForFunction(() => /copied/.test(document.querySelector(".copy-page").textContent), { timeout: 5000 }).catch(() => {});
      return { copied: await page.evaluate(() => navigator.clipboard.readText()), label: await page.$eval(".copy-page", (one) => one.textContent) };
    },
  ],
};

const result = { pages: {}, bad: {}, lighthouse: {} };
const axe = pages.length && readFileSync(need.resolve("axe-core/axe.min.js"), "utf-8");
for (const address of pages) {
  for (const scheme of ["light", "dark"]) {
    const { page, found, close } = await open(address, scheme);
    Object.assign(found, await page.evaluate(() => window.seen), { paper: await page.evaluate(() => getComputedStyle(document.body).backgroundColor) });
    const first = found.bytes;
    await page.evaluate(axe);
    found.barriers = await page.evaluate(async () => (await window.axe.run()).violations.map((one) => `${one.id} ${one.nodes[0].html.slice(0, 150)}`));
    // By keyboard each page as it is wide, and one as narrow as a phone: the navigation is a drawer there.
    const narrow = scheme === "dark" && address === pages[1];
    if (narrow) {
      await page.setViewport({ width: 320, height: 700 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }, { name: "prefers-reduced-motion", value: "reduce" }]);
    }
    if (scheme === "light" || narrow) {
      found.keyboard = [];
      await page.evaluate(focused, true);
      for (let step = 0; step < 900; step++) {
        await page.keyboard.press("Tab");
        const stop = await page.evaluate(focused, false);
        if (stop.fault) found.keyboard.push(stop.fault);
        if (stop.end) { found.keyboard.push(...stop.left.map((one) => `not reached ${one}`)); found.stops = step; break; }
      }
    }
    found.wide = [];
    for (const width of [320, 768]) {
      await page.setViewport({ width, height: 700 });
      const pixels = await over(page);
      if (pixels > 0) found.wide.push(`${width}: ${pixels}`);
    }
    result.pages[`${address || "home"} ${scheme}`] = { ...found, bytes: first, refused: await page.evaluate(() => window.seen.refused) };
    await close();
  }
}

for (const [name, [prepare, ask]] of bad ? Object.entries(TRIALS) : []) {
  const addresses = { "missing anchor": `${bad}#no-such-place`, "as a file": pathToFileURL(join(site, bad, "index.html")).href };
  const { page, found, close } = await open(addresses[name] ?? bad, "dark", prepare);
  const asked = await ask(page);
  result.bad[name] = { ...asked, text: await text(page), over: await over(page), errors: found.errors, shift: await page.evaluate(() => window.seen?.shift) };
  await close();
}

for (const [address, runs] of Object.entries(audits)) {
  const { default: lighthouse } = await import(need.resolve("lighthouse"));
  result.lighthouse[address || "home"] = [];
  for (let run = 0; run < runs; run++) {
    // One run tells nothing of speed.
    const judged = runs > 1 ? {} : { onlyCategories: ["accessibility", "best-practices", "seo"] };
    const { lhr } = await lighthouse(home + address, { port: new URL(browser.wsEndpoint()).port, logLevel: "error", ...judged });
    const scores = Object.fromEntries(Object.values(lhr.categories).map((one) => [one.id, Math.round(100 * one.score)]));
    const lost = Object.values(lhr.categories).flatMap((one) => one.auditRefs.filter((ref) => ref.weight && lhr.audits[ref.id].score !== null && lhr.audits[ref.id].score < 0.9).map((ref) => `${ref.id} ${lhr.audits[ref.id].displayValue ?? ""}`));
    result.lighthouse[address || "home"].push({ ...scores, lost, host: lhr.environment.benchmarkIndex });
  }
}
console.log(JSON.stringify(result, null, 1));
await browser.close();
server.close();
