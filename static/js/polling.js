// For pages that ask for news: who is logged out meanwhile is led to the login, and as
// long as no answer comes, the page says so.
const pathOf = (url) => new URL(url, location).pathname;
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (pathOf(detail.xhr.responseURL) !== pathOf(detail.pathInfo.finalRequestPath)) {
    detail.shouldSwap = false;
    location.reload();
  }
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  document.getElementById("no-answer").hidden = detail.successful;
});
