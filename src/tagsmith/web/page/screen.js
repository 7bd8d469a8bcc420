"use strict";
// Before the terminal's own script: it looks for the address of its session when the page is loaded.
addEventListener("DOMContentLoaded", () => {
  const terminal = document.getElementById("terminal");
  terminal.dataset.sessionWebsocketUrl = `ws://${location.host}/ws`;
  // A scan must arrive without a click, also after somebody has clicked beside the terminal.
  const focus = () => document.querySelector(".xterm-helper-textarea")?.focus();
  new MutationObserver(focus).observe(document.body, { childList: true, subtree: true, attributes: true });
  addEventListener("focus", focus);
  addEventListener("click", (event) => event.target.closest("a") || focus());
});
// Function keys, and Ctrl with a letter, are the station's, not the browser's; but copy and paste are the browser's work.
const ours = (event) => /^F([1-9]|1[0-2])$/.test(event.key) || (event.ctrlKey && /^[abd-uw-z]$/i.test(event.key));
addEventListener("keydown", (event) => ours(event) && event.preventDefault(), true);
// A fragment with a token that is put in anew must not stay in the address.
addEventListener("hashchange", () => history.replaceState(null, "", "/"));
if (location.hash) history.replaceState(null, "", "/");
