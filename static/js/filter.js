// Shows only what holds the words typed into a field with data-filter="SELECTOR", and
// if nothing does, the sentence with the id that data-nothing names.
for (const field of document.querySelectorAll("[data-filter]")) {
  const items = [...document.querySelectorAll(field.dataset.filter)];
  const nothing = document.getElementById(field.dataset.nothing);
  const show = () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const item of items) {
      const text = `${item.value ?? ""} ${item.textContent}`.toLowerCase();
      item.hidden = !words.every((word) => text.includes(word));
    }
    for (const group of new Set(items.map((item) => item.parentElement))) {
      group.hidden = !items.some((item) => item.parentElement === group && !item.hidden);
    }
    nothing.hidden = items.some((item) => !item.hidden);
  };
  field.addEventListener("input", show);
  if (field.value !== field.defaultValue) {
    show(); // it was typed before this was there
  }
  field.addEventListener("keydown", (event) => {
    const left = items.filter((item) => !item.hidden);
    if (event.key === "Enter" && left.length === 1) {
      left[0].click();
    }
  });
}
