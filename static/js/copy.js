// Copies the text that a button names, and says so on the button.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy).textContent;
    await navigator.clipboard.writeText(text.trim());
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  });
}
