// Keeps the end of a growing log in view, unless the reader has scrolled up.
const log = document.getElementById("log");
let atEnd = true;
log.addEventListener("scroll", () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
});
new MutationObserver(() => {
  if (atEnd) {
    log.scrollTop = log.scrollHeight;
  }
}).observe(log, { childList: true, subtree: true });
log.scrollTop = log.scrollHeight;
