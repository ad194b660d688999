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
