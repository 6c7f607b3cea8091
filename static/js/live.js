// The live part of a page is replaced again and again. While the pointer is down that
// would take the link away that is being clicked, so the replacement waits.
let pressed = false;
addEventListener("pointerdown", () => { pressed = true; });
for (const name of ["click", "pointerup", "pointercancel"]) {
  addEventListener(name, () => setTimeout(() => { pressed = false; }, 50));
}
document.addEventListener("htmx:beforeSwap", (event) => {
  const selecting = getSelection().type === "Range";
  if (pressed || selecting || document.hidden) {
    event.detail.shouldSwap = false;
  }
});
// A screen reader is told what a glance at the page shows, whenever that changes.
const said = document.getElementById("said");
const tell = () => {
  const news = document.getElementById("live").dataset.said;
  if (said.textContent !== news) {
    said.textContent = news;
  }
};
if (said) {
  document.addEventListener("htmx:afterSwap", tell);
  tell();
}
