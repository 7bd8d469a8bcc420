"use strict";
// The token is in the fragment, which is never sent by itself; it is handed in once and then leaves the address.
const token = location.hash.slice(1);
if (token) {
  history.replaceState(null, "", "/");
  fetch("/enter", { method: "POST", body: token, credentials: "same-origin" }).then((answer) => {
    if (answer.ok) location.replace("/");
  });
}
// The whole address may be put into a window that shows this page already.
addEventListener("hashchange", () => location.reload());
