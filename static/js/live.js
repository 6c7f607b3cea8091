// The live part of a page is replaced every second. While the pointer is down that
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
const tell = () => {
  const said = document.getElementById("said");
  const news = document.getElementById("live").dataset.said;
  if (said.textContent !== news) {
    said.textContent = news;
  }
};
document.addEventListener("htmx:afterSwap", tell);
tell();
