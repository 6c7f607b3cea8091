// Copies the text that a button names, and says so on the button.

// Browsers have no clipboard for pages that come over plain http.
function copySelection(element) {
  getSelection().selectAllChildren(element);
  return document.execCommand("copy");
}

async function copy(element) {
  if (!navigator.clipboard) return copySelection(element);
  try {
    await navigator.clipboard.writeText(element.textContent.trim());
  } catch { // it was not allowed
    return copySelection(element);
  }
  return true;
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const copied = await copy(document.getElementById(button.dataset.copy));
    button.classList.toggle("done", copied); // else it is selected, for the keyboard
    setTimeout(() => button.classList.remove("done"), 1500);
  });
}
