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
