// Niceties only: each page works without this file.

// A second click while the first is on its way would do no harm, but a quiet button says that something happens.
const buttons = document.querySelectorAll('button[type="submit"]');
document.querySelector("#record")?.addEventListener("submit", () => {
  for (const button of buttons) button.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const button of buttons) button.removeAttribute("aria-busy");
});

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}
