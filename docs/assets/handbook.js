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

// The search is fetched when its field is first used; a slash leads there.
const field = document.querySelector(".find input");
const script = document.currentScript.src.replace("handbook.js", "search.js");
field?.addEventListener("focus", () => import(script), { once: true });
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
  event.preventDefault();
  field?.focus();
});
